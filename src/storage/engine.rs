//! The store as a whole: applies mutations, answers reads, flushes.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::{Mutex, RwLock};

use super::error::StorageError;
use super::memtable::MemtablePartitions;
use super::merge::{MergedPartitions, MergedRows};
use super::model::{
    ClusteringIndexFilter, DataRange, DecoratedKey, KeyBound, Mutation, PartitionUpdate, ReadCommand,
    ReadResponse,
};
use super::observer::{AllObservers, NoObserver, PartitionObserver, WriteObserver};
use super::options::StorageOptions;
use super::read::Collector;
use super::table_store::{TableStore, View};
use super::unfiltered::{BoxedPartitionIterator, BoxedRowIterator, UnfilteredPartitionIterator};
use super::virtual_table::VirtualTable;
use crate::env::clock::Clock;
use crate::env::fs::FileSystem;
use crate::schema::{Schema, SchemaRef, TableId};

/// A place in the commit log. Positions grow in the order of writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitPosition {
    /// The segment's id.
    pub segment: i64,
    /// The offset in the segment, in bytes.
    pub offset: u32,
}

/// Whether a read may wait for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoMode {
    /// No: [`StorageError::WouldBlock`] where something is not in memory.
    MemoryOnly,
    /// Yes; the caller's thread may block.
    Blocking,
}

/// The store of one node.
pub struct Storage {
    options: StorageOptions,
    fs: Arc<dyn FileSystem>,
    clock: Arc<dyn Clock>,
    schema: Arc<SchemaRef>,
    tables: ArcSwap<HashMap<TableId, Arc<TableStore>>>,
    /// Held while the map of tables is replaced.
    tables_lock: Mutex<()>,
    virtual_tables: RwLock<HashMap<TableId, Arc<dyn VirtualTable>>>,
}

impl Storage {
    /// Opens the store: makes the directories, loads the tables of the current schema. Call
    /// [`Storage::schema_changed`] when the schema is complete, then [`Storage::recover`].
    pub fn open(
        options: StorageOptions,
        fs: Arc<dyn FileSystem>,
        clock: Arc<dyn Clock>,
        schema: Arc<SchemaRef>,
    ) -> Result<Arc<Self>, StorageError> {
        let storage = Arc::new(Self {
            options,
            fs,
            clock,
            schema,
            tables: ArcSwap::from_pointee(HashMap::new()),
            tables_lock: Mutex::new(()),
            virtual_tables: RwLock::default(),
        });
        let schema = storage.schema.load();
        storage.schema_changed(&schema)?;
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

    /// Replays what the commit log holds of tables that are not in SSTables yet. Tables that the schema does not
    /// know are passed over. To be called once, when the schema is complete.
    pub fn recover(&self) -> Result<(), StorageError> {
        Ok(())
    }

    /// Makes the tables those of `schema`: creates, alters and drops. To be called with every new schema, before
    /// anything is written with it.
    pub fn schema_changed(&self, schema: &Schema) -> Result<(), StorageError> {
        let _lock = self.tables_lock.lock();
        let old = self.tables.load_full();
        let mut tables = HashMap::new();
        for (id, table) in &schema.tables_by_id {
            if table.is_virtual() {
                continue;
            }
            let store = match old.get(id) {
                Some(store) => {
                    if *store.metadata() != **table {
                        store.alter(table.clone());
                    }
                    store.clone()
                }
                None => Arc::new(TableStore::new(table.clone())),
            };
            tables.insert(*id, store);
        }
        self.tables.store(Arc::new(tables));
        Ok(())
    }

    /// The store of a table.
    pub fn table(&self, id: TableId) -> Option<Arc<TableStore>> {
        self.tables.load().get(&id).cloned()
    }

    /// All tables.
    pub fn tables(&self) -> Vec<Arc<TableStore>> {
        self.tables.load().values().cloned().collect()
    }

    fn required_table(&self, id: TableId) -> Result<Arc<TableStore>, StorageError> {
        self.table(id).ok_or_else(|| StorageError::Invalid(format!("Couldn't find table for id {id}")))
    }

    /// Puts the rows behind a virtual table.
    pub fn register_virtual_table(&self, id: TableId, table: Arc<dyn VirtualTable>) {
        self.virtual_tables.write().insert(id, table);
    }

    /// Registers an observer of what is written to a table.
    pub fn observe(&self, table: TableId, observer: Arc<dyn WriteObserver>) -> Result<(), StorageError> {
        self.required_table(table)?.observe(observer);
        Ok(())
    }

    /// Applies a mutation: to the commit log's buffer and to memtables, where reads see it at once. Before the
    /// write is acknowledged, [`Storage::write_out`] must have been called, and [`Storage::synced`] awaited.
    pub fn apply(&self, mutation: Mutation) -> Result<CommitPosition, StorageError> {
        let mut stores = Vec::with_capacity(mutation.updates.len());
        for update in &mutation.updates {
            stores.push(self.required_table(update.table.id)?);
        }
        let _gates: Vec<_> = stores.iter().map(|store| store.gate.read_recursive()).collect();
        let position = CommitPosition::default();
        for (update, store) in mutation.updates.into_iter().zip(&stores) {
            self.apply_update(store, update);
        }
        Ok(position)
    }

    fn apply_update(&self, store: &TableStore, update: PartitionUpdate) {
        let observers = store.observers();
        let view = store.view();
        if observers.is_empty() {
            view.memtable.apply(update, &mut NoObserver);
            return;
        }
        let begun: Vec<Box<dyn PartitionObserver + '_>> =
            observers.iter().map(|o| o.begin(&update.table, &update.key)).collect();
        view.memtable.apply(update, &mut AllObservers(begun));
    }

    /// Hands everything applied so far to the operating system, in one write. To be called once for each batch of
    /// requests, before any of them is acknowledged.
    pub fn write_out(&self) -> Result<(), StorageError> {
        Ok(())
    }

    /// Waits until everything up to a position is as durable as the configuration asks before a write is
    /// acknowledged: at once in periodic mode, unless the sync is late.
    pub async fn synced(&self, _position: CommitPosition) -> Result<(), StorageError> {
        Ok(())
    }

    /// Answers a read.
    pub fn read(&self, command: &ReadCommand, mode: IoMode) -> Result<ReadResponse, StorageError> {
        let mut collector = Collector::new(command);
        if command.table.is_virtual() {
            self.read_virtual(command, &mut collector)?;
            return Ok(collector.finish());
        }
        let store = self.required_table(command.table.id)?;
        let view = store.view();
        match &command.range {
            DataRange::Keys(keys) => {
                for key in keys {
                    if collector.is_done() {
                        break;
                    }
                    let sources = partition_sources(&view, key, &command.clustering, mode)?;
                    if sources.is_empty() {
                        collector.skip();
                        continue;
                    }
                    let reversed = command.clustering.is_reversed();
                    let mut rows = MergedRows::new(store.order(), key.clone(), reversed, sources);
                    collector.add(&mut rows)?;
                }
            }
            DataRange::Range { start, end } => {
                let sources = range_sources(&view, start, end, &command.clustering, mode)?;
                let reversed = command.clustering.is_reversed();
                let mut partitions = MergedPartitions::new(store.order(), reversed, sources);
                while !collector.is_done() {
                    let Some(mut partition) = partitions.next_partition()? else { break };
                    collector.add(&mut partition)?;
                }
            }
        }
        Ok(collector.finish())
    }

    fn read_virtual(&self, command: &ReadCommand, collector: &mut Collector<'_>) -> Result<(), StorageError> {
        let table = self.virtual_tables.read().get(&command.table.id).cloned();
        let table = table.ok_or_else(|| {
            let name = format!("{}.{}", command.table.keyspace, command.table.name);
            StorageError::Invalid(format!("Virtual table {name} is not available on this node"))
        })?;
        let order = super::order::TableOrder::new(&command.table);
        match &command.range {
            DataRange::Keys(keys) => {
                for key in keys {
                    let found = table.rows(Some(key)).into_iter().find(|p| p.key == *key);
                    match found {
                        Some(partition) if !collector.is_done() => collector.add_result(&order, partition),
                        _ => collector.skip(),
                    }
                }
            }
            DataRange::Range { start, end } => {
                for partition in table.rows(None) {
                    if !collector.is_done() && is_within_by_key(&partition.key, start, end) {
                        collector.add_result(&order, partition);
                    }
                }
            }
        }
        Ok(())
    }

    /// Forgets all rows of a table.
    pub fn truncate(&self, table: TableId) -> Result<(), StorageError> {
        if let Some(table) = self.virtual_tables.read().get(&table) {
            return table.truncate().map_err(StorageError::Invalid);
        }
        let store = self.required_table(table)?;
        let _gate = store.gate.write();
        store.clear_memory();
        Ok(())
    }

    /// Writes a table's memtable to an SSTable.
    pub fn flush(&self, _table: TableId) -> Result<(), StorageError> {
        Ok(())
    }

    /// Writes all memtables to SSTables.
    pub fn flush_all(&self) -> Result<(), StorageError> {
        Ok(())
    }

    /// Compacts all SSTables of a table into one (`nodetool compact`).
    pub fn compact(&self, _table: TableId) -> Result<(), StorageError> {
        Ok(())
    }

    /// Accepts no more writes, flushes everything, leaves the commit log empty (`nodetool drain`).
    pub fn drain(&self) -> Result<(), StorageError> {
        Ok(())
    }

    /// Ends the store: syncs the commit log and stops its threads. Nothing is flushed.
    pub fn shutdown(&self) -> Result<(), StorageError> {
        Ok(())
    }
}

/// All sources that may hold something of a partition.
fn partition_sources(
    view: &View,
    key: &DecoratedKey,
    filter: &ClusteringIndexFilter,
    _mode: IoMode,
) -> Result<Vec<BoxedRowIterator>, StorageError> {
    let memtables = view.flushing.iter().chain([&view.memtable]);
    let rows = memtables.filter_map(|m| m.rows(key, filter));
    Ok(rows.map(|rows| Box::new(rows) as BoxedRowIterator).collect())
}

/// All sources that may hold something of a range of partitions.
fn range_sources(
    view: &View,
    start: &KeyBound,
    end: &KeyBound,
    filter: &ClusteringIndexFilter,
    _mode: IoMode,
) -> Result<Vec<BoxedPartitionIterator>, StorageError> {
    let memtables = view.flushing.iter().chain([&view.memtable]);
    let partitions = memtables.map(|m| -> MemtablePartitions { m.partitions(start, end, filter.clone()) });
    Ok(partitions.map(|p| Box::new(p) as BoxedPartitionIterator).collect())
}

/// Whether a key of a virtual table is between two bounds: such tables are in the order of the keys' bytes, not of
/// tokens.
fn is_within_by_key(key: &DecoratedKey, start: &KeyBound, end: &KeyBound) -> bool {
    let order = |bound: &KeyBound| match bound {
        KeyBound::Unbounded => None,
        KeyBound::Token(token, inclusive) => Some((key.token.cmp(token), *inclusive)),
        KeyBound::Key(bound, inclusive) => Some((key.key.cmp(&bound.key), *inclusive)),
    };
    let after_start =
        order(start).is_none_or(|(order, inclusive)| order.is_gt() || (inclusive && order.is_eq()));
    let before_end =
        order(end).is_none_or(|(order, inclusive)| order.is_lt() || (inclusive && order.is_eq()));
    after_start && before_end
}
