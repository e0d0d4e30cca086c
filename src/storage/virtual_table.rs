//! Tables that show the running state (Cassandra: package `db.virtual`).

use super::engine::Storage;
use super::error::StorageError;
use super::model::{DecoratedKey, Mutation, PartitionResult, PartitionUpdate};

/// The rows behind a virtual table.
pub trait VirtualTable: Send + Sync {
    /// The partitions, or the one with that key, in the order of keys, rows in clustering order. May hold more
    /// than was asked for.
    fn rows(&self, filter: Option<&DecoratedKey>) -> Vec<PartitionResult>;

    /// Does what the update says, where that is possible; otherwise says why not.
    fn apply(&self, update: &PartitionUpdate) -> Result<(), String>;

    /// `TRUNCATE`: forgets everything, where that is possible; otherwise says why not.
    fn truncate(&self) -> Result<(), String>;
}

impl Storage {
    /// Applies a mutation to virtual tables: at once, and without a trace in the commit log (Cassandra:
    /// `VirtualMutation.apply`).
    pub fn apply_virtual(&self, mutation: &Mutation) -> Result<(), StorageError> {
        for update in &mutation.updates {
            let table = self.virtual_tables.read().get(&update.table.id).cloned();
            let table = table.ok_or_else(|| {
                let name = format!("{}.{}", update.table.keyspace, update.table.name);
                StorageError::Invalid(format!("Virtual table {name} is not available on this node"))
            })?;
            table.apply(update).map_err(StorageError::Invalid)?;
        }
        Ok(())
    }
}
