//! `TRUNCATE`, and the records of it in `system.local` (Cassandra: `SystemKeyspace.saveTruncationRecord`).

use std::collections::HashMap;

use uuid::Uuid;

use super::commitlog::CommitPosition;
use super::engine::{IoMode, Origin, Storage};
use super::error::StorageError;
use super::model::{
    Cell, Clustering, ClusteringIndexFilter, ColumnFilter, DataLimits, DataRange, DecoratedKey, DeletionTime,
    LivenessInfo, Mutation, PartitionUpdate, ReadCommand, Row, RowBuilder, RowFilter, Token,
};
use super::table_store::TableStore;
use crate::schema::{ColumnId, TableId, TableMetadata};
use crate::types::token;

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
            self.remove_sstables(&store)?;
            position
        };
        self.save_truncation(table, position)?;
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
    fn local_table(&self, column: &str) -> Option<(std::sync::Arc<TableMetadata>, ColumnId)> {
        let schema = self.schema.load();
        let table = schema.table("system", "local")?;
        let column = table.column(column)?.id;
        Some((table.clone(), column))
    }

    fn save_truncation(&self, table: TableId, position: CommitPosition) -> Result<(), StorageError> {
        let Some((local, column)) = self.local_table("truncated_at") else { return Ok(()) };
        let now = self.clock.micros();
        let mut record = Vec::with_capacity(20);
        record.extend_from_slice(&position.segment.to_be_bytes());
        record.extend_from_slice(&position.offset.to_be_bytes());
        record.extend_from_slice(&(now / 1000).to_be_bytes());
        let mut row = RowBuilder::new();
        let timestamp = self.clock.next_timestamp();
        row.add(Cell::live(column, timestamp, &record).with_path(table.0.as_bytes()));
        let mut update = PartitionUpdate::new(local, local_key());
        update.rows.push(row.build(Clustering::EMPTY, LivenessInfo::EMPTY, DeletionTime::LIVE));
        let mutation = Mutation { key: update.key.clone(), updates: vec![update], is_counter: false };
        self.apply_plain(Origin::Node, mutation, IoMode::Blocking)?;
        self.sync()
    }

    /// Up to where each truncated table is to be forgotten.
    pub(super) fn truncation_positions(&self) -> Result<HashMap<TableId, CommitPosition>, StorageError> {
        let Some((local, column)) = self.local_table("truncated_at") else { return Ok(HashMap::new()) };
        let rows = self.local_rows(local)?;
        let record = |cell: Cell<'_>| {
            let table = TableId(Uuid::from_slice(cell.path?).ok()?);
            let segment = i64::from_be_bytes(*cell.value.first_chunk()?);
            let offset = u32::from_be_bytes(*cell.value.get(8..)?.first_chunk()?);
            Some((table, CommitPosition { segment, offset }))
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

    fn local_rows(
        &self,
        local: std::sync::Arc<TableMetadata>,
    ) -> Result<Vec<std::sync::Arc<Row>>, StorageError> {
        let command = ReadCommand {
            table: local,
            now_in_seconds: self.clock.seconds(),
            columns: ColumnFilter::ALL,
            range: DataRange::Keys(vec![local_key()]),
            clustering: ClusteringIndexFilter::all(),
            row_filter: RowFilter::default(),
            limits: DataLimits::NONE,
            tracks_warnings: false,
        };
        let found = self.read(&command, IoMode::Blocking)?;
        Ok(found.partitions.into_iter().flat_map(|p| p.rows).collect())
    }
}

fn local_key() -> DecoratedKey {
    DecoratedKey { token: Token(token::token(LOCAL)), key: bytes::Bytes::from_static(LOCAL) }
}
