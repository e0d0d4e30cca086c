//! The store's side of compaction: what it asks of tables, and `system.compaction_history`.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, Weak};

use arc_swap::ArcSwapOption;
use uuid::Uuid;

use super::compaction::{CompactionManager, CompactionTable, Finished, ManagerOptions};
use super::engine::{IoMode, Origin, Storage};
use super::error::StorageError;
use super::lifecycle::{CompactingGuard, TableFiles};
use super::model::{
    Cell, Clustering, DecoratedKey, DeletionTime, LivenessInfo, Mutation, NO_EXPIRATION, NO_TTL,
    PartitionUpdate, RowBuilder, Token,
};
use super::options::StorageOptions;
use super::order::TableOrder;
use super::sstable::SSTableReader;
use super::table_store::TableStore;
use crate::env::clock::Clock;
use crate::schema::{TableId, TableMetadata};
use crate::types::token;

impl CompactionTable for TableStore {
    fn metadata(&self) -> Arc<TableMetadata> {
        self.metadata()
    }

    fn order(&self) -> TableOrder {
        self.order()
    }

    fn files(&self) -> Arc<TableFiles> {
        self.files().clone()
    }

    fn memtable_min_timestamp(&self, key: &DecoratedKey) -> Option<i64> {
        let memtables = self.memtables();
        memtables.iter().filter(|m| m.contains(key)).map(|m| m.min_timestamp()).min()
    }

    fn memtables_min_timestamp(&self) -> Option<i64> {
        self.memtables().iter().filter(|m| !m.is_empty()).map(|m| m.min_timestamp()).min()
    }

    fn flush_bytes(&self) -> u64 {
        self.counters.flush_bytes.load(Ordering::Relaxed)
    }
}

/// Starts the threads that compact. `place` is where the store will be found.
pub(super) fn start(
    options: &StorageOptions,
    clock: Arc<dyn Clock>,
    host_id: Arc<ArcSwapOption<Uuid>>,
    place: Arc<OnceLock<Weak<Storage>>>,
) -> Arc<CompactionManager> {
    let (place_of_failed, place_of_emptied) = (place.clone(), place.clone());
    CompactionManager::start(ManagerOptions {
        threads: options.concurrent_compactors,
        bytes_per_second: options.compaction_throughput_bytes,
        now_ms: Box::new(move || clock.micros() / 1000),
        host_id: Box::new(move || host_id.load_full().map(|id| *id)),
        on_emptied: Box::new(move |table, position| {
            let ended = || StorageError::Closed("the store has ended".to_owned());
            let storage = place_of_emptied.get().and_then(Weak::upgrade).ok_or_else(ended)?;
            storage.note_persisted(table, position)
        }),
        on_failed: Box::new(move |error| {
            if let Some(storage) = place_of_failed.get().and_then(Weak::upgrade) {
                storage.inspect(error);
            }
        }),
        on_finished: Box::new(move |finished| {
            if let Some(storage) = place.get().and_then(Weak::upgrade)
                && let Err(error) = storage.note_compaction(finished)
            {
                tracing::warn!("Failed to write system.compaction_history: {error}");
            }
        }),
    })
}

impl Storage {
    /// The threads that compact.
    pub fn compactions(&self) -> &Arc<CompactionManager> {
        &self.compactions
    }

    /// Compacts all SSTables of a table (`nodetool compact`).
    pub fn compact(&self, table: TableId) -> Result<(), StorageError> {
        let store: Arc<dyn CompactionTable> = self.required_table(table)?;
        self.compactions.compact_all(&store)
    }

    /// Compacts the SSTables of a table that are selected.
    pub fn compact_where(
        &self,
        table: TableId,
        select: impl Fn(&SSTableReader) -> bool,
    ) -> Result<(), StorageError> {
        let store: Arc<dyn CompactionTable> = self.required_table(table)?;
        self.compactions.compact_where(&store, &select)
    }

    /// Removes all SSTables of a table, and sees to it that no compaction brings anything of them back.
    pub(super) fn remove_sstables(&self, store: &TableStore) -> Result<(), StorageError> {
        loop {
            self.compactions.stop_table(Some(store.id()));
            let all = store.files().sstables();
            let reserved: Option<CompactingGuard> = store.files().reserve(&all);
            if reserved.is_some() {
                return store.files().remove_all();
            }
        }
    }

    fn note_compaction(&self, finished: &Finished) -> Result<(), StorageError> {
        let schema = self.schema.load();
        let Some(history) = schema.table("system", "compaction_history") else { return Ok(()) };
        let timestamp = self.clock.next_timestamp();
        let ttl = history.params.default_time_to_live;
        let expires = if ttl == NO_TTL { NO_EXPIRATION } else { self.clock.seconds() + i64::from(ttl) };
        let mut row = RowBuilder::new();
        let mut add = |name: &str, path: Option<&[u8]>, value: &[u8]| {
            if let Some(column) = history.column(name) {
                let cell = Cell::live(column.id, timestamp, value);
                row.add(Cell { ttl, local_deletion_time: expires, path, ..cell });
            }
        };
        add("bytes_in", None, &finished.bytes_in.to_be_bytes());
        add("bytes_out", None, &finished.bytes_out.to_be_bytes());
        add("columnfamily_name", None, finished.table.name.as_bytes());
        add("compacted_at", None, &finished.finished_at_ms.to_be_bytes());
        add("keyspace_name", None, finished.table.keyspace.as_bytes());
        let properties = [("compaction_type", finished.operation.name())];
        add("compaction_properties", None, &crate::types::collection::encode_map(&properties));
        for (sources, partitions) in &finished.partitions_merged {
            add("rows_merged", Some(&sources.to_be_bytes()), &partitions.to_be_bytes());
        }
        let key = bytes::Bytes::copy_from_slice(finished.id.as_bytes());
        let key = DecoratedKey { token: Token(token::token(&key)), key };
        let mut update = PartitionUpdate::new(history.clone(), key.clone());
        let liveness = LivenessInfo::expiring(timestamp, ttl, expires);
        update.rows.push(row.build(&Clustering::EMPTY, liveness, DeletionTime::LIVE));
        self.apply_plain(
            Origin::Node,
            Mutation { key, updates: vec![update], is_counter: false },
            IoMode::Blocking,
        )?;
        self.write_out()
    }
}
