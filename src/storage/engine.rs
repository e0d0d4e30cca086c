//! The store as a whole: what it consists of, and how mutations are applied.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use foldhash::HashMap;
use parking_lot::{Condvar, Mutex, RwLock, RwLockReadGuard};
use smallvec::SmallVec;
use uuid::Uuid;

use super::codec::write_mutation;
use super::commitlog::{CommitLog, CommitPosition, write_record};
use super::compaction::CompactionManager;
use super::compactions;
use super::error::StorageError;
use super::failures::{Failures, is_full_disk};
use super::flush::Flusher;
use super::lifecycle::{TableFiles, refuse_unreadable};
use super::model::{Mutation, PartitionUpdate};
use super::observed_write::{Changes, ObservedWrite};
use super::observer::{AllObservers, FileObserver, NoObserver, ObservedUpdate, OldRows, WriteObserver};
use super::options::{FailurePolicy, StorageOptions};
use super::order::TableOrder;
use super::partition_locks::PartitionLocks;
use super::recovery::PendingRecovery;
use super::replay::Segments;
use super::size_guard::SizeGuard;
use super::sstable::{ChunkCache, ReaderContext};
use super::table_store::TableStore;
use super::virtual_table::VirtualTable;
use crate::env::clock::Clock;
use crate::env::fs::FileSystem;
use crate::schema::{Schema, SchemaRef, TableId};

/// Whether a read may wait for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoMode {
    /// No: [`StorageError::WouldBlock`] where something is not in memory.
    MemoryOnly,
    /// Yes; the caller's thread may block.
    Blocking,
}

/// Who asks, for what is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A client of this node, which so coordinates the request.
    Client,
    /// The node itself, or another one.
    Node,
}

/// The store of one node.
pub struct Storage {
    pub(super) options: StorageOptions,
    pub(super) fs: Arc<dyn FileSystem>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) schema: Arc<SchemaRef>,
    tables: ArcSwap<HashMap<TableId, Arc<TableStore>>>,
    /// Held while the map of tables is replaced.
    tables_lock: Mutex<()>,
    pub(super) virtual_tables: RwLock<HashMap<TableId, Arc<dyn VirtualTable>>>,
    pub(super) commit_log: Arc<CommitLog>,
    pub(super) cache: Arc<ChunkCache>,
    /// Bytes of all memtables.
    pub(super) memory: AtomicI64,
    /// Told when a flush gave memory back.
    pub(super) memory_lock: Mutex<()>,
    pub(super) memory_freed: Condvar,
    /// How long a write waits for memory, in microseconds.
    memory_wait: AtomicU64,
    /// Whether tables link what they flush into `backups/`.
    pub(super) incremental_backups: AtomicBool,
    pub(super) flusher: Arc<Flusher>,
    pub(super) host_id: Arc<ArcSwapOption<Uuid>>,
    pub(super) compactions: Arc<CompactionManager>,
    /// Of counters, while they are written.
    pub(super) counter_locks: PartitionLocks,
    /// Of partitions that are written to under conditions.
    pub(super) conditional_locks: PartitionLocks,
    /// Of what observers watch in merged form.
    pub(super) observed_locks: PartitionLocks,
    pub(super) recovery: Mutex<Option<PendingRecovery>>,
    failures: Arc<Failures>,
    state: AtomicU8,
}

/// Writes are accepted.
const OPEN: u8 = 0;
/// The node was drained.
const DRAINED: u8 = 1;
/// The store has ended.
const ENDED: u8 = 2;

thread_local! {
    /// Where a mutation is serialized before it gets its place in the log.
    static RECORD: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A record buffer that grew beyond this is given back.
const RECORD_BYTES_KEPT: usize = 1 << 20;

/// How long a write waits for memory before it is refused, where nobody said otherwise.
const MEMORY_WAIT: Duration = Duration::from_secs(2);

impl Storage {
    /// Opens the store: makes the directories, opens the SSTables of the tables in the schema, and replays what
    /// the commit log has of the node's own tables. Then the schema is to be read from them and given to
    /// [`Storage::schema_changed`], the host id to [`Storage::set_host_id`]; then comes [`Storage::recover`].
    pub fn open(
        options: StorageOptions,
        fs: Arc<dyn FileSystem>,
        clock: Arc<dyn Clock>,
        schema: Arc<SchemaRef>,
    ) -> Result<Arc<Self>, StorageError> {
        let directories = &options.directories;
        for directory in directories.data.iter().chain([&directories.commit_log]) {
            fs.create_dir_all(directory).map_err(|e| StorageError::io(directory, e))?;
        }
        let places = directories.data.iter().chain(&directories.local_system_data);
        refuse_unreadable(&*fs, places.map(PathBuf::as_path))?;
        let segments = Segments::list(&*fs, &directories.commit_log)?;
        segments.check(&*fs, options.commit_log.ignore_replay_errors)?;
        let now_ms = clock.micros() / 1000;
        let next_id = segments.last_id().map_or(now_ms, |last| now_ms.max(last + 1));
        let failures = Arc::new(Failures::new(&options));
        let (log_options, place) = (options.commit_log.clone(), directories.commit_log.clone());
        let commit_log = CommitLog::open(log_options, place, fs.clone(), next_id, failures.clone());
        let cache =
            Arc::new(ChunkCache::new(usize::try_from(options.chunk_cache_bytes).unwrap_or(usize::MAX)));
        let (host_id, place) = (Arc::new(ArcSwapOption::empty()), Arc::default());
        let compactions =
            compactions::start(&options, clock.clone(), Arc::clone(&host_id), Arc::clone(&place));
        let storage = Arc::new(Self {
            incremental_backups: AtomicBool::new(options.incremental_backups),
            options,
            fs,
            clock,
            schema,
            tables: ArcSwap::from_pointee(HashMap::default()),
            tables_lock: Mutex::new(()),
            virtual_tables: RwLock::default(),
            commit_log,
            cache,
            memory: AtomicI64::new(0),
            memory_lock: Mutex::new(()),
            memory_freed: Condvar::new(),
            memory_wait: AtomicU64::new(MEMORY_WAIT.as_micros() as u64),
            flusher: Arc::default(),
            host_id,
            compactions,
            counter_locks: PartitionLocks::default(),
            conditional_locks: PartitionLocks::default(),
            observed_locks: PartitionLocks::default(),
            recovery: Mutex::new(None),
            failures,
            state: AtomicU8::new(OPEN),
        });
        let schema = storage.schema.load();
        storage.schema_changed(&schema)?;
        let _ = place.set(Arc::downgrade(&storage));
        storage.recover_own_tables(segments, &schema)?;
        storage.start_threads();
        Ok(storage)
    }

    /// How the store was set up.
    pub fn options(&self) -> &StorageOptions {
        &self.options
    }

    /// The clock of the node.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The file system.
    pub fn fs(&self) -> &Arc<dyn FileSystem> {
        &self.fs
    }

    /// The place of the schema.
    pub fn schema(&self) -> &Arc<SchemaRef> {
        &self.schema
    }

    /// The commit log.
    pub fn commit_log(&self) -> &Arc<CommitLog> {
        &self.commit_log
    }

    /// What the failure policies demand.
    pub fn failures(&self) -> &Arc<Failures> {
        &self.failures
    }

    /// Has the failure policy look at an error of data files, and draws its consequences.
    pub(super) fn inspect(&self, error: &StorageError) {
        let (StorageError::Io { path, .. } | StorageError::Corruption { path, .. }) = error else { return };
        let tables = self.tables();
        let owner = tables.iter().find(|t| t.files().directories().iter().any(|d| path.starts_with(d)));
        let is_read = owner.is_some_and(|table| table.files().mark_suspect(path));
        let goes_on_without = self.failures.disk_policy() == FailurePolicy::BestEffort
            && matches!(error, StorageError::Io { .. })
            && !is_full_disk(error);
        if let Some(table) = owner.filter(|_| goes_on_without) {
            table.files().give_up_writing(path);
            if is_read {
                table.files().give_up_reading(path);
            }
        }
        self.failures.data_file(error);
    }

    /// The cache of chunks of SSTables.
    pub fn chunk_cache(&self) -> &Arc<ChunkCache> {
        &self.cache
    }

    /// What the readers of all SSTables share.
    fn readers(&self) -> ReaderContext {
        ReaderContext { cache: self.cache.clone(), value_bytes_max: self.options.value_bytes_max }
    }

    /// Bytes of all memtables.
    pub fn memtable_bytes(&self) -> u64 {
        u64::try_from(self.memory.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// Sets the host's id: it is the id of the node's counter shards, and is written into SSTables.
    pub fn set_host_id(&self, id: Uuid) {
        self.host_id.store(Some(Arc::new(id)));
    }

    /// Makes the tables those of `schema`: creates, alters and drops. To be called with every new schema, before
    /// anything is written with it.
    pub fn schema_changed(&self, schema: &Schema) -> Result<(), StorageError> {
        let _lock = self.tables_lock.lock();
        let old = self.tables.load_full();
        let mut tables = HashMap::default();
        let now = self.clock.micros();
        for keyspace in schema.keyspaces.values().filter(|k| !k.is_virtual) {
            for table in keyspace.tables.values().filter(|t| !t.is_virtual()) {
                let store = match old.get(&table.id) {
                    Some(store) => {
                        if *store.metadata() != **table {
                            store.alter(table.clone())?;
                        }
                        store.clone()
                    }
                    None => {
                        let data = &self.options.directories.data;
                        let (readers, failures) = (self.readers(), self.failures.clone());
                        let files = TableFiles::open(self.fs.clone(), data, table, readers, failures)?;
                        files.set_column_index_bytes(self.options.column_index_bytes);
                        files.set_incremental_backups(self.incremental_backups());
                        if let Some(guard) = SizeGuard::new(&self.options.guardrails, &self.clock) {
                            files.observe(guard);
                        }
                        // A table that was there before gets what is replayed.
                        let replays = old.is_empty() || self.is_recovering();
                        let position =
                            if replays { CommitPosition::NONE } else { self.commit_log.position() };
                        Arc::new(TableStore::new(table.clone(), files, position, now))
                    }
                };
                store.set_durable(keyspace.params.durable_writes);
                tables.insert(table.id, store);
            }
        }
        let dropped: Vec<_> =
            old.values().filter(|store| !tables.contains_key(&store.id())).cloned().collect();
        self.tables.store(Arc::new(tables));
        dropped.iter().try_for_each(|store| self.table_dropped(store))
    }

    fn table_dropped(&self, store: &TableStore) -> Result<(), StorageError> {
        store.set_dropped();
        if self.options.auto_snapshot && store.metadata().params.allow_auto_snapshot {
            self.flush_store(store)?;
            self.auto_snapshot(store, "dropped")?;
        }
        let _flush = store.flush_lock.lock();
        {
            let _gate = store.gate.write();
            self.memory_released(store.clear_memtables(self.commit_log.position()));
        }
        self.remove_sstables(store)?;
        self.commit_log.dropped(store.id());
        self.forget_truncation(store.id())
    }

    /// The store of a table.
    pub fn table(&self, id: TableId) -> Option<Arc<TableStore>> {
        self.tables.load().get(&id).cloned()
    }

    /// All tables.
    pub fn tables(&self) -> Vec<Arc<TableStore>> {
        self.tables.load().values().cloned().collect()
    }

    pub(super) fn required_table(&self, id: TableId) -> Result<Arc<TableStore>, StorageError> {
        self.table(id).ok_or_else(|| StorageError::Invalid(format!("Couldn't find table for id {id}")))
    }

    /// Puts the rows behind a virtual table.
    pub fn register_virtual_table(&self, id: TableId, table: Arc<dyn VirtualTable>) {
        self.virtual_tables.write().insert(id, table);
    }

    /// Registers an observer of the SSTables of a table.
    pub fn observe_files(&self, table: TableId, observer: Arc<dyn FileObserver>) -> Result<(), StorageError> {
        self.required_table(table)?.files().observe(observer);
        Ok(())
    }

    /// Registers an observer of what is written to a table.
    pub fn observe(&self, table: TableId, observer: Arc<dyn WriteObserver>) -> Result<(), StorageError> {
        self.required_table(table)?.observe(observer);
        Ok(())
    }

    /// Applies a mutation: to the commit log's buffer and to memtables, where reads see it at once. Before the
    /// write is acknowledged, [`Storage::write_out`] must have been called, and [`Storage::synced`] awaited.
    ///
    /// A counter mutation reads first, and so does one whose observers want merged rows: [`StorageError::WouldBlock`]
    /// where it would have to wait and must not; nothing has changed then.
    pub fn apply(&self, mutation: Mutation, mode: IoMode) -> Result<CommitPosition, StorageError> {
        self.apply_for(Origin::Node, mutation, mode)
    }

    /// Applies a mutation for somebody; see [`Storage::apply`].
    pub fn apply_for(
        &self,
        origin: Origin,
        mutation: Mutation,
        mode: IoMode,
    ) -> Result<CommitPosition, StorageError> {
        self.check_open()?;
        self.wait_for_memory()?;
        if mutation.is_counter {
            return self.apply_counter(origin, mutation, mode).map(|(position, _)| position);
        }
        self.apply_plain(origin, mutation, mode)
    }

    /// Whether a mutation may have to read, so that it can end with [`StorageError::WouldBlock`].
    pub fn reads_first(&self, mutation: &Mutation) -> bool {
        let tables = self.tables.load();
        let wants =
            |update: &PartitionUpdate| tables.get(&update.table.id).is_some_and(|t| t.wants_merged_rows());
        mutation.is_counter || mutation.updates.iter().any(wants)
    }

    pub(super) fn apply_plain(
        &self,
        origin: Origin,
        mutation: Mutation,
        mode: IoMode,
    ) -> Result<CommitPosition, StorageError> {
        let mut stores: SmallVec<[Arc<TableStore>; 2]> = SmallVec::new();
        for update in &mutation.updates {
            stores.push(self.required_table(update.table.id)?);
        }
        let started = Instant::now();
        let position = self.apply_to(mutation, &stores, mode)?;
        let took = started.elapsed();
        for store in &stores {
            store.metrics.local_write.record_time(took);
            if origin == Origin::Client {
                store.metrics.coordinator_write.record_time(took);
            }
        }
        Ok(position)
    }

    fn apply_to(
        &self,
        mutation: Mutation,
        stores: &[Arc<TableStore>],
        mode: IoMode,
    ) -> Result<CommitPosition, StorageError> {
        let observed = self.observed_write(&mutation, stores, mode)?;
        if stores.iter().all(|store| store.is_durable()) {
            RECORD.with_borrow_mut(|record| {
                record.clear();
                let position = self.log_and_apply(record, mutation, stores, observed.as_ref());
                if record.capacity() > RECORD_BYTES_KEPT {
                    *record = Vec::new();
                }
                position
            })
        } else {
            let _gates = enter(stores);
            self.apply_updates(mutation, stores, observed.as_ref());
            Ok(CommitPosition::NONE)
        }
    }

    fn log_and_apply(
        &self,
        record: &mut Vec<u8>,
        mutation: Mutation,
        stores: &[Arc<TableStore>],
        observed: Option<&ObservedWrite<'_>>,
    ) -> Result<CommitPosition, StorageError> {
        let orders: SmallVec<[TableOrder; 2]> = stores.iter().map(|store| store.order()).collect();
        let tables: SmallVec<[TableId; 2]> = stores.iter().map(|store| store.id()).collect();
        write_record(record, |out| write_mutation(out, &mutation, &orders))?;
        self.check_size(record.len(), &mutation)?;
        let _gates = enter(stores);
        let position = self.commit_log.append(record, &tables)?;
        self.apply_updates(mutation, stores, observed);
        Ok(position)
    }

    /// Cassandra: `MutationExceededMaxSizeException`.
    fn check_size(&self, bytes: usize, mutation: &Mutation) -> Result<(), StorageError> {
        let most = self.options.commit_log.max_mutation_bytes as usize;
        if bytes <= most {
            return Ok(());
        }
        let keyspace = mutation.updates.first().map_or("", |update| &*update.table.keyspace);
        let keys: Vec<String> = mutation
            .updates
            .iter()
            .map(|u| format!("{}.{}", u.table.name, super::read::key_text(&u.table, &u.key)))
            .collect();
        Err(StorageError::Invalid(format!(
            "Rejected an oversized mutation ({bytes}/{most}) for keyspace: {keyspace}. Top keys are: {}",
            keys.join(", ")
        )))
    }

    /// Applies the updates to memtables. To be called with the tables' gates held.
    pub(super) fn apply_updates(
        &self,
        mutation: Mutation,
        stores: &[Arc<TableStore>],
        observed: Option<&ObservedWrite<'_>>,
    ) {
        let mut grown = 0;
        for (i, (update, store)) in mutation.updates.into_iter().zip(stores).enumerate() {
            store.counters.writes.fetch_add(1, Ordering::Relaxed);
            grown += apply_update(store, update, observed.and_then(|o| o.changes.get(i)?.as_ref()));
        }
        let bytes = self.memory.fetch_add(grown, Ordering::Relaxed) + grown;
        let memtables = &self.options.memtables;
        if bytes as f64 > memtables.space_bytes as f64 * memtables.cleanup_threshold {
            self.flusher.request_cleanup();
        }
    }

    pub(super) fn memory_released(&self, bytes: u64) {
        self.memory.fetch_sub(i64::try_from(bytes).unwrap_or(i64::MAX), Ordering::Relaxed);
        let _lock = self.memory_lock.lock();
        self.memory_freed.notify_all();
    }

    /// Whether a write has to wait until memtables were flushed.
    pub fn is_full(&self) -> bool {
        self.memtable_bytes() > self.options.memtables.space_bytes
    }

    /// Sets how long a write waits for memory before it fails with [`StorageError::Overloaded`].
    pub fn set_memory_wait(&self, wait: Duration) {
        let micros = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
        self.memory_wait.store(micros, Ordering::Relaxed);
    }

    /// Waits while memtables take more than they may, until a flush gives some back.
    fn wait_for_memory(&self) -> Result<(), StorageError> {
        if !self.is_full() {
            return Ok(());
        }
        self.flusher.request_cleanup();
        let wait = Duration::from_micros(self.memory_wait.load(Ordering::Relaxed));
        let deadline = std::time::Instant::now() + wait.min(Duration::from_secs(3600));
        let mut lock = self.memory_lock.lock();
        while self.memtable_bytes() > self.options.memtables.space_bytes {
            if self.memory_freed.wait_until(&mut lock, deadline).timed_out() {
                return Err(StorageError::Overloaded(
                    "Memtables are full and cannot be flushed in time".to_owned(),
                ));
            }
        }
        Ok(())
    }

    fn check_open(&self) -> Result<(), StorageError> {
        match self.state.load(Ordering::Acquire) {
            OPEN => Ok(()),
            DRAINED => Err(StorageError::Closed("the node was drained".to_owned())),
            _ => Err(StorageError::Closed("the store has ended".to_owned())),
        }
    }

    /// Hands everything applied so far to the operating system, in one write. To be called once for each batch of
    /// requests, before any of them is acknowledged.
    pub fn write_out(&self) -> Result<(), StorageError> {
        self.commit_log.write_out()
    }

    /// Waits until everything up to a position is as durable as the configuration asks before a write is
    /// acknowledged: at once in periodic mode, unless the sync is late.
    pub async fn synced(&self, position: CommitPosition) -> Result<(), StorageError> {
        self.commit_log.synced(position).await
    }

    /// Makes everything applied so far durable, whatever the mode.
    pub fn sync(&self) -> Result<(), StorageError> {
        self.commit_log.sync()
    }

    /// Accepts no more writes, flushes everything, leaves nothing to replay (`nodetool drain`).
    pub fn drain(&self) -> Result<(), StorageError> {
        self.state.store(DRAINED, Ordering::Release);
        self.commit_log.close_segment()?;
        self.flush_all()?;
        self.commit_log.remove_segments();
        Ok(())
    }

    /// Ends the store: syncs the commit log and stops its threads. Nothing is flushed. Once it returned nothing is written
    /// any more, whoever still owns the store: its files may be another one's by then.
    pub fn shutdown(&self) -> Result<(), StorageError> {
        if self.state.swap(ENDED, Ordering::AcqRel) == ENDED {
            return Ok(());
        }
        self.compactions.shutdown();
        self.flusher.stop();
        let stopped = self.commit_log.stop();
        self.flusher.join();
        stopped
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        if let Err(error) = self.shutdown() {
            tracing::warn!("Failed to sync the commit log: {error}");
        }
    }
}

/// Enters the gates of tables. Who holds one already must not wait behind a flush that waits for another one.
pub(super) fn enter(stores: &[Arc<TableStore>]) -> SmallVec<[RwLockReadGuard<'_, ()>; 2]> {
    let mut gates = SmallVec::new();
    for store in stores {
        gates.push(if gates.is_empty() { store.gate.read() } else { store.gate.read_recursive() });
    }
    gates
}

fn apply_update(store: &TableStore, update: PartitionUpdate, changes: Option<&Changes>) -> i64 {
    let observers = store.observers();
    let memtables = store.memtables();
    let memtable = &memtables.current;
    if observers.is_empty() {
        return memtable.apply(update, &mut NoObserver);
    }
    let (table, key) = (update.table.clone(), update.key.clone());
    let observed = ObservedUpdate { table: &table, key: &key, memtable: memtable.id() };
    let begin = |which: OldRows| -> AllObservers<'_> {
        AllObservers(observers.iter().filter(|o| o.old_rows() == which).map(|o| o.begin(&observed)).collect())
    };
    let Some(changes) = changes else { return memtable.apply(update, &mut begin(OldRows::InMemtable)) };
    let grown = memtable.apply(update.clone(), &mut begin(OldRows::InMemtable));
    changes.tell(&update, &mut begin(OldRows::Merged));
    grown
}
