//! What the store holds of one table (Cassandra: `ColumnFamilyStore`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use parking_lot::{Mutex, RwLock};

use super::commitlog::CommitPosition;
use super::lifecycle::TableFiles;
use super::memtable::Memtable;
use super::observer::{OldRows, WriteObserver};
use super::order::TableOrder;
use crate::metrics::TableMetrics;
use crate::schema::{TableId, TableMetadata};

/// One table's sources and what is to be known to write to them.
pub struct TableStore {
    id: TableId,
    metadata: ArcSwap<TableMetadata>,
    order: ArcSwap<TableOrder>,
    memtables: ArcSwap<Memtables>,
    files: Arc<TableFiles>,
    /// Writers hold it shared from the moment they take a place in the commit log until they are in the memtable:
    /// whoever holds it alone knows that everything logged so far is in the current memtable.
    pub(super) gate: RwLock<()>,
    /// One flush at a time.
    pub(super) flush_lock: Mutex<()>,
    observers: RwLock<Vec<Arc<dyn WriteObserver>>>,
    has_observers: AtomicBool,
    wants_merged_rows: AtomicBool,
    /// Whether writes go through the commit log (`durable_writes` of the keyspace).
    is_durable: AtomicBool,
    is_dropped: AtomicBool,
    /// Whether SSTables hold what the log does too, and do not say so: they were written while it was replayed.
    pub(super) flushed_in_recovery: AtomicBool,
    /// When the last flush was, in microseconds.
    pub(super) last_flush: AtomicI64,
    /// What was read and written.
    pub counters: TableCounters,
    /// How long it took, and how much it was.
    pub metrics: TableMetrics,
}

/// Numbers of a table for `nodetool tablestats`.
#[derive(Debug, Default)]
pub struct TableCounters {
    /// Partitions read.
    pub reads: AtomicU64,
    /// Updates applied.
    pub writes: AtomicU64,
    /// Memtables that were flushed.
    pub flushes: AtomicU64,
    /// Bytes of a flush on disk, on the average (Cassandra: `flushSizeOnDisk`).
    pub flush_bytes: AtomicU64,
    /// Flushes that run.
    pub pending_flushes: AtomicU64,
}

impl TableCounters {
    /// A memtable was written to so many bytes; those of the last hundred flushes or so count.
    pub(super) fn flushed(&self, bytes: u64) {
        let average = |old: u64| if old == 0 { bytes } else { old - old / 100 + bytes / 100 };
        let _ = self.flush_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |old| Some(average(old)));
    }
}

/// The memtables of a table at one moment.
#[derive(Clone)]
pub struct Memtables {
    /// Where writes go.
    pub current: Arc<Memtable>,
    /// Those that are being flushed, oldest first.
    pub flushing: Vec<Arc<Memtable>>,
}

impl Memtables {
    /// All of them, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Memtable>> {
        self.flushing.iter().chain([&self.current])
    }
}

impl TableStore {
    /// A table with these SSTables, whose memtable gets everything from `position` on.
    pub fn new(
        table: Arc<TableMetadata>,
        files: Arc<TableFiles>,
        position: CommitPosition,
        now: i64,
    ) -> Self {
        let order = TableOrder::new(&table);
        let current = Arc::new(Memtable::new(order.clone(), position));
        Self {
            id: table.id,
            metadata: ArcSwap::new(table),
            order: ArcSwap::from_pointee(order),
            memtables: ArcSwap::from_pointee(Memtables { current, flushing: Vec::new() }),
            files,
            gate: RwLock::new(()),
            flush_lock: Mutex::new(()),
            observers: RwLock::default(),
            has_observers: AtomicBool::new(false),
            wants_merged_rows: AtomicBool::new(false),
            is_durable: AtomicBool::new(true),
            is_dropped: AtomicBool::new(false),
            flushed_in_recovery: AtomicBool::new(false),
            last_flush: AtomicI64::new(now),
            counters: TableCounters::default(),
            metrics: TableMetrics::default(),
        }
    }

    /// The table's id.
    pub fn id(&self) -> TableId {
        self.id
    }

    /// The table's current definition.
    pub fn metadata(&self) -> Arc<TableMetadata> {
        self.metadata.load_full()
    }

    /// The table's orders.
    pub fn order(&self) -> TableOrder {
        (**self.order.load()).clone()
    }

    /// The memtables at this moment. A read takes them before it takes the SSTables: what is flushed in between
    /// is in both.
    pub fn memtables(&self) -> Arc<Memtables> {
        self.memtables.load_full()
    }

    /// The SSTables.
    pub fn files(&self) -> &Arc<TableFiles> {
        &self.files
    }

    /// The bytes of all memtables.
    pub fn memtable_bytes(&self) -> u64 {
        self.memtables.load().iter().map(|m| m.bytes()).sum()
    }

    /// Whether writes go through the commit log.
    pub fn is_durable(&self) -> bool {
        self.is_durable.load(Ordering::Relaxed)
    }

    pub(super) fn set_durable(&self, durable: bool) {
        self.is_durable.store(durable, Ordering::Relaxed);
    }

    /// Whether the table was dropped.
    pub fn is_dropped(&self) -> bool {
        self.is_dropped.load(Ordering::Relaxed)
    }

    pub(super) fn set_dropped(&self) {
        self.is_dropped.store(true, Ordering::Relaxed);
    }

    /// Replaces the current memtable by an empty one that gets everything from `position` on. To be called with
    /// the gate held alone. The old one is being flushed then, unless it is empty.
    pub(super) fn switch_memtable(&self, position: CommitPosition) {
        let old = self.memtables.load_full();
        if old.current.is_empty() {
            return;
        }
        let mut flushing = old.flushing.clone();
        flushing.push(old.current.clone());
        let current = Arc::new(Memtable::new(self.order(), position));
        self.memtables.store(Arc::new(Memtables { current, flushing }));
    }

    /// Forgets the memtables that were flushed. To be called with the gate held.
    pub(super) fn remove_flushed(&self, flushed: &[Arc<Memtable>]) {
        let old = self.memtables.load_full();
        let is_flushed = |m: &Arc<Memtable>| flushed.iter().any(|f| Arc::ptr_eq(f, m));
        let flushing = old.flushing.iter().filter(|m| !is_flushed(m)).cloned().collect();
        self.memtables.store(Arc::new(Memtables { current: old.current.clone(), flushing }));
    }

    /// Forgets everything in memory, and says how many bytes that were. To be called with the gate held alone.
    pub(super) fn clear_memtables(&self, position: CommitPosition) -> u64 {
        let bytes = self.memtable_bytes();
        let current = Arc::new(Memtable::new(self.order(), position));
        self.memtables.store(Arc::new(Memtables { current, flushing: Vec::new() }));
        bytes
    }

    /// Takes over a new definition.
    pub(super) fn alter(&self, table: Arc<TableMetadata>) -> Result<(), super::StorageError> {
        let order = TableOrder::new(&table);
        self.memtables.load().iter().for_each(|m| m.set_order(order.clone()));
        self.order.store(Arc::new(order));
        self.files.set_table(&table)?;
        self.metadata.store(table);
        Ok(())
    }

    /// Registers an observer of everything that is written from now on.
    pub fn observe(&self, observer: Arc<dyn WriteObserver>) {
        let wants_merged_rows = observer.old_rows() == OldRows::Merged;
        self.observers.write().push(observer);
        if wants_merged_rows {
            self.wants_merged_rows.store(true, Ordering::Release);
        }
        self.has_observers.store(true, Ordering::Release);
    }

    /// Whether an observer has to be shown merged rows.
    pub(super) fn wants_merged_rows(&self) -> bool {
        self.wants_merged_rows.load(Ordering::Acquire)
    }

    /// The registered observers.
    pub(super) fn observers(&self) -> Vec<Arc<dyn WriteObserver>> {
        if self.has_observers.load(Ordering::Acquire) { self.observers.read().clone() } else { Vec::new() }
    }
}
