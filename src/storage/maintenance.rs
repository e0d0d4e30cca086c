//! What operators ask of a table's files: snapshots, checks, rewrites, files that were put beside the others.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::compaction::CompactionTable;
use super::lifecycle::{Operation, Snapshot, clear_snapshot, list_snapshots};
use super::sstable::SSTableReader;
use super::{Storage, StorageError};
use crate::schema::TableId;

/// How a snapshot is taken.
#[derive(Clone, Debug)]
pub struct SnapshotOptions {
    /// Its name.
    pub tag: String,
    /// Whether what is in memory is written first.
    pub flush: bool,
    /// When it is taken, as ISO 8601.
    pub created_at: String,
    /// When it may go.
    pub expires_at: Option<String>,
}

impl Storage {
    /// Links a table's SSTables under a name, with the statement that makes the table (`nodetool snapshot`).
    pub fn snapshot(&self, table: TableId, cql: &str, options: &SnapshotOptions) -> Result<(), StorageError> {
        let store = self.required_table(table)?;
        if options.flush {
            self.flush(table)?;
        }
        let expires_at = options.expires_at.as_deref();
        store.files().snapshot(&options.tag, cql, &options.created_at, expires_at, false)
    }

    /// The snapshots of a table (`nodetool listsnapshots`).
    pub fn snapshots(&self, table: TableId) -> Result<Vec<Snapshot>, StorageError> {
        let store = self.required_table(table)?;
        let mut all = Vec::new();
        for directory in store.files().directories() {
            all.extend(list_snapshots(&**self.fs(), directory)?);
        }
        Ok(all)
    }

    /// Removes a snapshot of a table (`nodetool clearsnapshot`).
    pub fn clear_snapshot(&self, table: TableId, tag: &str) -> Result<(), StorageError> {
        let store = self.required_table(table)?;
        store.files().directories().iter().try_for_each(|dir| clear_snapshot(&**self.fs(), dir, Some(tag)))
    }

    /// Checks the SSTables of a table, with `extended` every row of them (`nodetool verify`). The first that is damaged
    /// is the error.
    pub fn verify(&self, table: TableId, extended: bool) -> Result<(), StorageError> {
        let store = self.required_table(table)?;
        store.files().sstables().iter().try_for_each(|sstable| sstable.verify(&**self.fs(), extended))
    }

    /// Rewrites each SSTable of a table that is selected by itself, in the format that is written now.
    pub fn rewrite(
        &self,
        table: TableId,
        operation: Operation,
        select: impl Fn(&SSTableReader) -> bool,
    ) -> Result<(), StorageError> {
        let store: Arc<dyn CompactionTable> = self.required_table(table)?;
        self.compactions().rewrite_each(&store, operation, &select)
    }

    /// Opens SSTables that were put into a table's directories (`nodetool refresh`); says how many.
    pub fn load_new_sstables(&self, table: TableId) -> Result<usize, StorageError> {
        let store = self.required_table(table)?;
        let count = store.files().load_new(&store.metadata())?;
        self.compactions().submit(store);
        Ok(count)
    }

    /// Whether a table is compacted in the background; the answer of its definition until it is told otherwise
    /// (`nodetool statusautocompaction`).
    pub fn compacts_by_itself(&self, table: TableId) -> Result<bool, StorageError> {
        let store = self.required_table(table)?;
        Ok(store
            .files()
            .compacts_by_itself()
            .unwrap_or_else(|| store.metadata().params.compaction.is_enabled()))
    }

    /// Has a table compacted in the background or not, until the next start (`nodetool enableautocompaction`).
    pub fn set_compacts_by_itself(&self, table: TableId, enabled: bool) -> Result<(), StorageError> {
        let store = self.required_table(table)?;
        store.files().set_compacts_by_itself(enabled);
        if enabled {
            self.compactions().submit(store);
        }
        Ok(())
    }

    /// Whether flushed SSTables are linked into `backups/` (`nodetool statusbackup`).
    pub fn incremental_backups(&self) -> bool {
        self.incremental_backups.load(Ordering::Relaxed)
    }

    /// Has flushed SSTables linked into `backups/` or not, until the next start (`nodetool enablebackup`).
    pub fn set_incremental_backups(&self, enabled: bool) {
        self.incremental_backups.store(enabled, Ordering::Relaxed);
        for store in self.tables() {
            store.files().set_incremental_backups(enabled);
        }
    }
}
