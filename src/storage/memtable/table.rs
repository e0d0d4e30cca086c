//! The memtable of one table.
//!
//! ```text
//! token:  -2^63 ........................................ 2^63-1
//! shard:  |   0   |   1   |   2   | ...                |  n-1  |    each: lock, partitions by key
//! ```

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use bytes::Bytes;
use parking_lot::RwLock;

use super::super::arena::Arena;
use super::super::commitlog::CommitPosition;
use super::super::error::StorageError;
use super::super::model::{ClusteringIndexFilter, DecoratedKey, KeyBound, PartitionUpdate, Token};
use super::super::observer::PartitionObserver;
use super::super::order::TableOrder;
use super::super::unfiltered::{BoxedRowIterator, UnfilteredPartitionIterator};
use super::partition::PartitionData;
use super::rows::MemtableRows;

/// The partitions of some tokens, and the memory that their rows lie in.
#[derive(Debug)]
struct Shard {
    partitions: BTreeMap<DecoratedKey, Arc<PartitionData>>,
    arena: Arena,
}

impl Default for Shard {
    fn default() -> Self {
        Self { partitions: BTreeMap::new(), arena: Arena::of_memtable() }
    }
}

/// A power of two.
const SHARDS: usize = 16;

/// What a partition takes besides its rows, roughly: the key, its place in the tree, the lists.
const PARTITION_BYTES: i64 = 200;

/// The most partitions that a range read takes out of a shard under one lock.
const BATCH_PARTITIONS: usize = 64;

/// One memtable among all that this process has ever had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemtableId(u64);

impl MemtableId {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// What was written to one table since the last flush, sharded by token.
#[derive(Debug)]
pub struct Memtable {
    id: MemtableId,
    /// Where in the commit log the first of its records may be.
    lower: CommitPosition,
    order: ArcSwap<TableOrder>,
    shards: Box<[RwLock<Shard>]>,
    bytes: AtomicI64,
    min_timestamp: AtomicI64,
    partitions: AtomicUsize,
    operations: AtomicU64,
}

impl Memtable {
    /// An empty one, for what is logged from `lower` on.
    pub fn new(order: TableOrder, lower: CommitPosition) -> Self {
        Self {
            id: MemtableId::next(),
            lower,
            order: ArcSwap::from_pointee(order),
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            bytes: AtomicI64::new(0),
            min_timestamp: AtomicI64::new(i64::MAX),
            partitions: AtomicUsize::new(0),
            operations: AtomicU64::new(0),
        }
    }

    /// Which one this is.
    pub fn id(&self) -> MemtableId {
        self.id
    }

    /// Where in the commit log the first of its records may be.
    pub fn lower(&self) -> CommitPosition {
        self.lower
    }

    /// The table's orders.
    pub fn order(&self) -> TableOrder {
        (**self.order.load()).clone()
    }

    /// Takes over the orders of an altered table, which agree with the old ones on the columns that were there.
    pub fn set_order(&self, order: TableOrder) {
        self.order.store(Arc::new(order));
    }

    /// The bytes it takes, roughly.
    pub fn bytes(&self) -> u64 {
        u64::try_from(self.bytes.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// Not above the timestamp of anything written to it.
    pub fn min_timestamp(&self) -> i64 {
        self.min_timestamp.load(Ordering::Relaxed)
    }

    /// Whether it has something of a partition.
    pub fn contains(&self, key: &DecoratedKey) -> bool {
        self.shards[shard_of(key.token)].read().partitions.contains_key(key)
    }

    /// The number of partitions.
    pub fn partition_count(&self) -> usize {
        self.partitions.load(Ordering::Relaxed)
    }

    /// The number of updates that were applied.
    pub fn operations(&self) -> u64 {
        self.operations.load(Ordering::Relaxed)
    }

    /// Whether nothing was written to it.
    pub fn is_empty(&self) -> bool {
        self.partition_count() == 0
    }

    /// Merges an update into it, as one for readers; returns by how many bytes it grew.
    pub fn apply(&self, update: PartitionUpdate, observer: &mut dyn PartitionObserver) -> i64 {
        let mut grown = 0;
        // Before the update can be read: who asks must not get a timestamp that is too high.
        self.min_timestamp.fetch_min(update.min_timestamp(), Ordering::Relaxed);
        {
            let mut shard = self.shards[shard_of(update.key.token)].write();
            let Shard { partitions, arena } = &mut *shard;
            let partition = match partitions.get_mut(&update.key) {
                Some(partition) => partition,
                None => {
                    // The key may be part of a read buffer, which must not be held.
                    let key = DecoratedKey { token: update.key.token, key: arena.place(&update.key.key) };
                    grown += PARTITION_BYTES + key.key.len() as i64;
                    self.partitions.fetch_add(1, Ordering::Relaxed);
                    partitions.entry(key).or_default()
                }
            };
            grown += Arc::make_mut(partition).apply(&self.order.load(), update, arena, observer);
            observer.finish();
        }
        self.operations.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(grown, Ordering::Relaxed);
        grown
    }

    /// A snapshot of a partition.
    pub fn partition(&self, key: &DecoratedKey) -> Option<Arc<PartitionData>> {
        self.shards[shard_of(key.token)].read().partitions.get(key).cloned()
    }

    /// The part of a partition that a filter selects.
    pub fn rows(&self, key: &DecoratedKey, filter: &ClusteringIndexFilter) -> Option<MemtableRows> {
        let data = self.partition(key)?;
        Some(MemtableRows::new(self.order(), key.clone(), data, filter))
    }

    /// The partitions between two bounds, each as it is when the iterator gets near it.
    pub fn partitions(
        self: &Arc<Self>,
        start: &KeyBound,
        end: &KeyBound,
        filter: ClusteringIndexFilter,
    ) -> MemtablePartitions {
        let shard = match start {
            KeyBound::Unbounded => 0,
            KeyBound::Token(token, _) => shard_of(*token),
            KeyBound::Key(key, _) => shard_of(key.token),
        };
        MemtablePartitions {
            memtable: self.clone(),
            shard,
            from: lower_bound(start),
            to: upper_bound(end),
            filter,
            batch: VecDeque::new(),
        }
    }
}

/// The shard that holds the keys of a token.
fn shard_of(token: Token) -> usize {
    let unsigned = (token.0 as u64) ^ (1 << 63);
    (unsigned >> (64 - SHARDS.trailing_zeros())) as usize
}

/// The least and the greatest place of a token's keys: no key is empty, so the empty one is before all of them.
fn before_token(token: Token) -> DecoratedKey {
    DecoratedKey { token, key: Bytes::new() }
}

fn lower_bound(bound: &KeyBound) -> Bound<DecoratedKey> {
    match bound {
        KeyBound::Unbounded => Bound::Unbounded,
        KeyBound::Token(token, true) => Bound::Included(before_token(*token)),
        KeyBound::Token(token, false) => match token.0.checked_add(1) {
            Some(next) => Bound::Included(before_token(Token(next))),
            None => Bound::Excluded(DecoratedKey { token: *token, key: Bytes::from_static(&[0xff; 65536]) }),
        },
        KeyBound::Key(key, true) => Bound::Included(key.clone()),
        KeyBound::Key(key, false) => Bound::Excluded(key.clone()),
    }
}

fn upper_bound(bound: &KeyBound) -> Bound<DecoratedKey> {
    match bound {
        KeyBound::Unbounded => Bound::Unbounded,
        KeyBound::Token(token, false) => Bound::Excluded(before_token(*token)),
        KeyBound::Token(token, true) => match token.0.checked_add(1) {
            Some(next) => Bound::Excluded(before_token(Token(next))),
            None => Bound::Unbounded,
        },
        KeyBound::Key(key, true) => Bound::Included(key.clone()),
        KeyBound::Key(key, false) => Bound::Excluded(key.clone()),
    }
}

/// Partitions of a memtable in order.
pub struct MemtablePartitions {
    memtable: Arc<Memtable>,
    shard: usize,
    from: Bound<DecoratedKey>,
    to: Bound<DecoratedKey>,
    filter: ClusteringIndexFilter,
    batch: VecDeque<(DecoratedKey, Arc<PartitionData>)>,
}

impl MemtablePartitions {
    fn fill(&mut self) {
        while self.batch.is_empty() && self.shard < self.memtable.shards.len() {
            if !is_range(&self.from, &self.to) {
                self.shard = self.memtable.shards.len();
                return;
            }
            {
                let shard = self.memtable.shards[self.shard].read();
                let range = shard.partitions.range((self.from.clone(), self.to.clone()));
                self.batch.extend(range.take(BATCH_PARTITIONS).map(|(k, v)| (k.clone(), v.clone())));
            }
            match self.batch.back() {
                Some((last, _)) if self.batch.len() == BATCH_PARTITIONS => {
                    self.from = Bound::Excluded(last.clone());
                }
                _ => self.shard += 1,
            }
        }
    }

    /// The next partition's key and a snapshot of it.
    pub fn next_snapshot(&mut self) -> Option<(DecoratedKey, Arc<PartitionData>)> {
        self.fill();
        self.batch.pop_front()
    }
}

/// Whether a tree may be asked for that range: it refuses an inverted one.
fn is_range(from: &Bound<DecoratedKey>, to: &Bound<DecoratedKey>) -> bool {
    match (from, to) {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => true,
        (Bound::Included(from), Bound::Included(to)) => from <= to,
        (Bound::Included(from) | Bound::Excluded(from), Bound::Included(to) | Bound::Excluded(to)) => {
            from < to
        }
    }
}

impl UnfilteredPartitionIterator for MemtablePartitions {
    fn next_partition(&mut self) -> Result<Option<BoxedRowIterator>, StorageError> {
        Ok(self.next_snapshot().map(|(key, data)| {
            let order = self.memtable.order();
            Box::new(MemtableRows::new(order, key, data, &self.filter)) as BoxedRowIterator
        }))
    }
}
