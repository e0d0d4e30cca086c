//! One compaction (Cassandra: `CompactionTask`, `CompactionController`).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use uuid::Uuid;

use super::candidate::{Candidate, Pick, Split};
use super::purge::{PurgedRows, Purger};
use super::splitter::Splitter;
use super::strategy::Strategy;
use super::throttle::Throttle;
use crate::schema::{TableId, TableMetadata};
use crate::storage::lifecycle::{CompactingGuard, Operation, Replacement, TableFiles};
use crate::storage::merge::MergedPartitions;
use crate::storage::model::DecoratedKey;
use crate::storage::sstable::{EncodingStats, SSTableReader, StatsOptions, WriterOptions};
use crate::storage::{
    BoxedPartitionIterator, CommitPosition, StorageError, TableOrder, UnfilteredPartitionIterator,
};

/// What a compaction must know of a table.
pub trait CompactionTable: Send + Sync {
    /// Its current definition.
    fn metadata(&self) -> Arc<TableMetadata>;
    /// Its orders.
    fn order(&self) -> TableOrder;
    /// Its SSTables.
    fn files(&self) -> Arc<TableFiles>;
    /// The lowest timestamp that the memtables may hold of a partition, those that are being flushed included; none
    /// where they do not have it. A lower one than that is safe, a higher one is not.
    fn memtable_min_timestamp(&self, key: &DecoratedKey) -> Option<i64>;
    /// The lowest timestamp that the memtables may hold.
    fn memtables_min_timestamp(&self) -> Option<i64>;
    /// Bytes of a flush on disk, on the average; 0 where there was none yet.
    fn flush_bytes(&self) -> u64;
}

/// Told, before the inputs go, that a compaction leaves nothing of them; and up to where in the commit log they had what
/// this node wrote. From then on no SSTable may say so any more.
pub type OnEmptied<'a> = &'a dyn Fn(TableId, CommitPosition) -> Result<(), StorageError>;

/// A compaction that runs, for `nodetool compactionstats`.
#[derive(Debug)]
pub struct CompactionInfo {
    /// Its id.
    pub id: Uuid,
    /// The table.
    pub table: Arc<TableMetadata>,
    /// What it is for.
    pub operation: Operation,
    /// How many SSTables it compacts.
    pub sstables: usize,
    /// Where it writes; none where that is one of several directories.
    pub directory: Option<PathBuf>,
    /// Uncompressed bytes of its inputs.
    pub total: u64,
    completed: Arc<AtomicU64>,
    stop: AtomicBool,
}

impl CompactionInfo {
    /// The bytes of the inputs that are done.
    pub fn completed(&self) -> u64 {
        self.completed.load(Ordering::Relaxed).min(self.total)
    }

    /// Asks it to stop. Its inputs stay as they are.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// How a compaction ended, for `system.compaction_history` and the log.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Its id.
    pub id: Uuid,
    /// The table.
    pub table: Arc<TableMetadata>,
    /// What it was for.
    pub operation: Operation,
    /// Bytes of the inputs on disk.
    pub bytes_in: u64,
    /// Bytes of the output on disk.
    pub bytes_out: u64,
    /// Partitions of the output by the number of inputs they came from (`rows_merged`).
    pub partitions_merged: BTreeMap<i32, i64>,
    /// When it ended, in milliseconds since 1970.
    pub finished_at_ms: i64,
}

/// A compaction to be run.
pub struct CompactionTask {
    table: Arc<dyn CompactionTable>,
    inputs: Vec<Arc<SSTableReader>>,
    /// The inputs that are read: all but those that are fully expired.
    read: Vec<Arc<SSTableReader>>,
    level: usize,
    split: Split,
    operation: Operation,
    info: Arc<CompactionInfo>,
    /// Frees the inputs when the task is gone.
    _guard: CompactingGuard,
}

impl CompactionTask {
    /// A compaction of these SSTables into one, or into as many as one of them alone becomes by the table's strategy;
    /// none where another one works on one of them.
    pub fn new(
        table: Arc<dyn CompactionTable>,
        inputs: Vec<Arc<SSTableReader>>,
        operation: Operation,
    ) -> Option<Self> {
        let (level, split) = match &inputs[..] {
            [alone] => Strategy::new(&table.metadata().params.compaction).alone(&Candidate::of(alone, false)),
            _ => (0, Split::None),
        };
        Self::reserve(table, (inputs.clone(), inputs), (level, split), operation)
    }

    /// What a strategy picked of these SSTables; none where another compaction works on one of them.
    pub fn picked(
        table: Arc<dyn CompactionTable>,
        live: &[Arc<SSTableReader>],
        pick: &Pick,
        operation: Operation,
    ) -> Option<Self> {
        let take = |i: &usize| live.get(*i).cloned();
        let inputs = pick.inputs.iter().filter_map(take).collect();
        let read = pick.inputs.iter().filter(|i| !pick.expired.contains(i)).filter_map(take).collect();
        Self::reserve(table, (inputs, read), (pick.level, pick.split), operation)
    }

    fn reserve(
        table: Arc<dyn CompactionTable>,
        (inputs, read): (Vec<Arc<SSTableReader>>, Vec<Arc<SSTableReader>>),
        (level, split): (usize, Split),
        operation: Operation,
    ) -> Option<Self> {
        let guard = table.files().reserve(&inputs)?;
        let info = CompactionInfo {
            id: Uuid::now_v1(&rand::random::<[u8; 6]>()),
            table: table.metadata(),
            operation,
            sstables: inputs.len(),
            directory: match table.files().directories() {
                [only] => Some(only.clone()),
                _ => None,
            },
            total: read.iter().map(|s| s.uncompressed_bytes()).sum(),
            completed: Arc::default(),
            stop: AtomicBool::new(false),
        };
        Some(Self { table, inputs, read, level, split, operation, info: Arc::new(info), _guard: guard })
    }

    /// What it does, to be looked at and stopped while it runs.
    pub fn info(&self) -> &Arc<CompactionInfo> {
        &self.info
    }

    /// The inputs.
    pub fn inputs(&self) -> &[Arc<SSTableReader>] {
        &self.inputs
    }

    /// Runs it. `now_ms` is the time since 1970; `host_id` this host.
    pub fn run(
        &self,
        throttle: &Throttle,
        now_ms: i64,
        host_id: Option<Uuid>,
        on_emptied: OnEmptied<'_>,
    ) -> Result<Finished, StorageError> {
        let table = self.table.metadata();
        let now_in_seconds = now_ms / 1000;
        let gc_before = now_in_seconds - i64::from(table.params.gc_grace_seconds);
        let never_purges =
            self.only_purges_repaired(&table) && self.inputs.iter().any(|s| s.stats().repaired_at == 0);
        let files = self.table.files();
        let mut merged: BTreeMap<i32, i64> = BTreeMap::new();
        let options = self.writer_options(&table, host_id);
        let persisted = options.stats.commit_log_intervals.iter().map(|(_, end)| *end).max();
        let what =
            Replacement { operation: self.operation, table: &table, memtables: &[], replaced: &self.inputs };
        let new = files.write(what, options, |output| {
            let scan = |s: &Arc<SSTableReader>| {
                Box::new(s.scan_all().with_progress(self.info.completed.clone())) as BoxedPartitionIterator
            };
            let sources = self.read.iter().map(scan).collect();
            let mut splitter = Splitter::new(self.split);
            let mut partitions = MergedPartitions::new(self.table.order(), false, sources);
            let mut paid = 0;
            while let Some(rows) = partitions.next_partition()? {
                if self.info.stop.load(Ordering::Relaxed) {
                    return Err(StorageError::Closed(format!("Compaction interrupted: {}", self.info.id)));
                }
                let key = rows.key().clone();
                let max_purgeable_timestamp =
                    if never_purges { Some(i64::MIN) } else { self.max_purgeable_timestamp(&files, &key) };
                let purger = Purger { now_in_seconds, gc_before, max_purgeable_timestamp };
                let sources = self.read.iter().filter(|s| s.may_contain(&key)).count();
                splitter.before(&key, output)?;
                if output.append(&mut PurgedRows::new(rows, purger))? {
                    *merged.entry(sources as i32).or_default() += 1;
                }
                let done = self.info.completed();
                throttle.acquire(done.saturating_sub(paid));
                paid = done;
            }
            match persisted {
                Some(position) if merged.is_empty() => on_emptied(table.id, position.into()),
                _ => Ok(()),
            }
        })?;
        Ok(Finished {
            id: self.info.id,
            table,
            operation: self.operation,
            bytes_in: self.inputs.iter().map(|s| s.data_bytes_on_disk()).sum(),
            bytes_out: new.iter().map(|s| s.data_bytes_on_disk()).sum(),
            partitions_merged: merged,
            finished_at_ms: now_ms,
        })
    }

    fn only_purges_repaired(&self, table: &TableMetadata) -> bool {
        Strategy::new(&table.params.compaction).options.only_purge_repaired_tombstones
    }

    /// Tombstones of a partition below this time may go; none where all may. Memtables are asked before SSTables,
    /// so that what is flushed meanwhile is seen in one or the other.
    fn max_purgeable_timestamp(&self, files: &TableFiles, key: &DecoratedKey) -> Option<i64> {
        let in_memory = self.table.memtable_min_timestamp(key);
        let live = files.sstables();
        let others = live.iter().filter(|s| !self.inputs.iter().any(|input| Arc::ptr_eq(input, s)));
        others.filter(|s| s.may_contain(key)).map(|s| s.stats().min_timestamp).chain(in_memory).min()
    }

    fn writer_options(&self, table: &TableMetadata, host_id: Option<Uuid>) -> WriterOptions {
        let mut columns: Vec<_> = self.inputs.iter().flat_map(|s| s.columns(table)).collect();
        columns.sort_unstable();
        columns.dedup();
        let ours = self.inputs.iter().filter(|s| s.is_written_here(table, host_id));
        let mut intervals: Vec<_> = ours.flat_map(|s| s.stats().commit_log_intervals.clone()).collect();
        intervals.sort_unstable();
        intervals.dedup();
        let repaired_at = self.inputs.iter().map(|s| s.stats().repaired_at).min().unwrap_or(0);
        WriterOptions {
            encoding_stats: EncodingStats::merge(self.inputs.iter().map(|s| s.stats())),
            columns: Some(columns),
            partitions: self.estimated_partitions().div_ceil(self.outputs()).max(1),
            stats: StatsOptions {
                commit_log_intervals: intervals,
                level: i32::try_from(self.level).unwrap_or(0),
                repaired_at,
                host_id,
            },
            ..WriterOptions::default()
        }
    }

    /// About how many SSTables the output becomes.
    fn outputs(&self) -> u64 {
        match self.split {
            Split::None => 1,
            Split::AtBytes(bytes) | Split::Levels { bytes, .. } => {
                let all: u64 = self.read.iter().map(|s| s.data_bytes_on_disk()).sum();
                all.div_ceil(bytes.max(1)).max(1)
            }
            Split::Shards(shards) => u64::from(shards.max(1)),
        }
    }

    /// About how many partitions the output has: those of the inputs less what they share.
    fn estimated_partitions(&self) -> u64 {
        let sum = self.inputs.iter().map(|s| s.estimated_partitions()).sum();
        let mut all = crate::storage::sstable::Cardinality::default();
        for input in &self.inputs {
            match input.cardinality() {
                Some(keys) => all.merge(keys),
                None => return sum,
            }
        }
        // Estimates are a few percent off.
        (all.estimate() + all.estimate() / 20).min(sum).max(1)
    }
}
