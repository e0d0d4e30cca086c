//! `TRUNCATE`, and the records of it in `system.local` (Cassandra: `SystemKeyspace.saveTruncationRecord`).

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use super::commitlog::CommitPosition;
use super::engine::{IoMode, Origin, Storage, enter};
use super::error::StorageError;
use super::model::{
    Cell, Clustering, DataRange, DecoratedKey, DeletionTime, LivenessInfo, Mutation, PartitionUpdate,
    ReadCommand, Row, RowBuilder, Token,
};
use super::table_store::TableStore;
use crate::schema::{ColumnId, TableId, TableMetadata};
use crate::types::token;

/// A record of `system.local.truncated_at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Truncation {
    /// What the commit log has of the table up to here is not to be replayed.
    pub position: CommitPosition,
    /// When it was truncated, in milliseconds since 1970; `i64::MIN` for no time.
    pub at_ms: i64,
}

impl Truncation {
    /// Cassandra: `SystemKeyspace.truncationAsMapEntry`.
    fn to_bytes(self) -> [u8; 20] {
        let mut bytes = [0; 20];
        bytes[..8].copy_from_slice(&self.position.segment.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.position.offset.to_be_bytes());
        bytes[12..].copy_from_slice(&self.at_ms.to_be_bytes());
        bytes
    }

    /// Cassandra: `SystemKeyspace.truncationRecordFromBlob`.
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let segment = i64::from_be_bytes(*bytes.first_chunk()?);
        let offset = u32::from_be_bytes(*bytes.get(8..)?.first_chunk()?);
        let at_ms = bytes.get(12..)?.first_chunk().map_or(i64::MIN, |time| i64::from_be_bytes(*time));
        Some(Self { position: CommitPosition { segment, offset }, at_ms })
    }
}

/// The key of the one partition of `system.local`.
const LOCAL: &[u8] = b"local";

impl Storage {
    /// Forgets all rows of a table. A snapshot of them is taken first, where `auto_snapshot` is set.
    pub fn truncate(&self, table: TableId) -> Result<(), StorageError> {
        if let Some(table) = self.virtual_tables.read().get(&table) {
            return table.truncate().map_err(StorageError::Invalid);
        }
        let store = self.required_table(table)?;
        if self.options.auto_snapshot && store.metadata().params.allow_auto_snapshot {
            self.flush_store(&store)?;
            self.auto_snapshot(&store, "truncated")?;
        }
        let position = {
            let _flush = store.flush_lock.lock();
            let position = {
                let _gate = store.gate.write();
                let position = self.commit_log.position();
                self.memory_released(store.clear_memtables(position));
                store.observers().iter().for_each(|observer| observer.truncated());
                position
            };
            // First, for the SSTables know what of the log is in them, and not to be replayed.
            self.save_truncation(table, position)?;
            self.remove_sstables(&store)?;
            position
        };
        self.commit_log.flushed(table, position);
        Ok(())
    }

    /// Links a table's files into `snapshots/<what>-<milliseconds>-<table>`, where there are any.
    pub(super) fn auto_snapshot(&self, store: &TableStore, what: &str) -> Result<(), StorageError> {
        if store.files().sstables().is_empty() {
            return Ok(());
        }
        let micros = self.clock.micros();
        let tag = format!("{what}-{}-{}", micros / 1000, store.metadata().name);
        let created = chrono::DateTime::from_timestamp_micros(micros)
            .map(|time| time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
            .unwrap_or_default();
        store.files().snapshot(&tag, "", &created, None, false)
    }

    /// `system.local` and a column of it.
    fn local_table(&self, column: &str) -> Option<(Arc<TableMetadata>, ColumnId)> {
        let schema = self.schema.load();
        let table = schema.table("system", "local")?;
        let column = table.column(column)?.id;
        Some((table.clone(), column))
    }

    fn save_truncation(&self, table: TableId, position: CommitPosition) -> Result<(), StorageError> {
        self.write_truncation(table, Truncation { position, at_ms: self.clock.micros() / 1000 })
    }

    /// Notes that everything of a table up to a place in the commit log was in SSTables once, and is not to be replayed:
    /// what shadowed it may be gone for good. Durable when it returns, whatever state the log is in. It is noted as if
    /// the table had been truncated up to there, at no time.
    pub(super) fn note_persisted(
        &self,
        table: TableId,
        position: CommitPosition,
    ) -> Result<(), StorageError> {
        if !self.commit_log.may_replay(position) {
            return Ok(());
        }
        let before = self.truncations()?.get(&table).copied();
        let before = before.unwrap_or(Truncation { position: CommitPosition::NONE, at_ms: i64::MIN });
        self.write_truncation(table, Truncation { position: before.position.max(position), ..before })
    }

    /// Writes a record into an SSTable, past the log: the log is not replayed before all records are known.
    fn write_truncation(&self, table: TableId, record: Truncation) -> Result<(), StorageError> {
        let Some((local, mutation)) = self.truncation_mutation(table, Some(record)) else { return Ok(()) };
        {
            let stores = [local.clone()];
            let _gates = enter(&stores);
            self.apply_updates(mutation, &stores, None);
        }
        self.flush_store(&local)
    }

    /// Forgets the record of a table that was dropped.
    pub(super) fn forget_truncation(&self, table: TableId) -> Result<(), StorageError> {
        if self.truncations()?.contains_key(&table)
            && let Some((_, mutation)) = self.truncation_mutation(table, None)
        {
            self.apply_plain(Origin::Node, mutation, IoMode::Blocking)?;
        }
        Ok(())
    }

    /// The change of `system.local` that sets or deletes the record of a table; none where there is no such table, or it
    /// is that one.
    fn truncation_mutation(
        &self,
        table: TableId,
        record: Option<Truncation>,
    ) -> Option<(Arc<TableStore>, Mutation)> {
        let (local, column) = self.local_table("truncated_at").filter(|(local, _)| local.id != table)?;
        let store = self.table(local.id)?;
        let timestamp = self.clock.next_timestamp();
        let value = record.map(|record| record.to_bytes());
        let cell = match &value {
            Some(value) => Cell::live(column, timestamp, value),
            None => Cell::tombstone(column, timestamp, self.clock.seconds()),
        };
        let mut row = RowBuilder::new();
        row.add(cell.with_path(table.0.as_bytes()));
        let mut update = PartitionUpdate::new(local, local_key());
        update.rows.push(row.build(&Clustering::EMPTY, LivenessInfo::EMPTY, DeletionTime::LIVE));
        Some((store, Mutation { key: update.key.clone(), updates: vec![update], is_counter: false }))
    }

    /// Up to where in the commit log each table is to be forgotten.
    pub(super) fn truncations(&self) -> Result<HashMap<TableId, Truncation>, StorageError> {
        let Some((local, column)) = self.local_table("truncated_at") else { return Ok(HashMap::new()) };
        let rows = self.local_rows(local)?;
        let record = |cell: Cell<'_>| {
            Some((TableId(Uuid::from_slice(cell.path?).ok()?), Truncation::from_bytes(cell.value)?))
        };
        Ok(rows.iter().flat_map(|row| row.cells_of(column)).filter_map(record).collect())
    }

    /// Takes the host's id from `system.local`, where it is known already.
    pub(super) fn load_host_id(&self) -> Result<(), StorageError> {
        let Some((local, column)) = self.local_table("host_id") else { return Ok(()) };
        let rows = self.local_rows(local)?;
        let id = rows.iter().find_map(|row| Uuid::from_slice(row.cell(column)?.value).ok());
        if let Some(id) = id {
            self.set_host_id(id);
        }
        Ok(())
    }

    fn local_rows(&self, local: Arc<TableMetadata>) -> Result<Vec<Row>, StorageError> {
        let command = ReadCommand::of_all(local, self.clock.seconds(), DataRange::Keys(vec![local_key()]));
        let found = self.read(&command, IoMode::Blocking)?;
        Ok(found.partitions.iter().flat_map(|p| p.rows.iter()).cloned().collect())
    }
}

fn local_key() -> DecoratedKey {
    DecoratedKey { token: Token(token::token(LOCAL)), key: bytes::Bytes::from_static(LOCAL) }
}
