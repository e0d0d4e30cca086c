//! TRUNCATE (Cassandra: `TruncateStatement`).

use std::sync::Arc;

use super::ExecutionContext;
use crate::error::Error;
use crate::schema::TableMetadata;
use crate::storage::StorageError;

/// A planned TRUNCATE.
#[derive(Clone, Debug)]
pub struct TruncatePlan {
    /// The table.
    pub table: Arc<TableMetadata>,
}

impl TruncatePlan {
    /// Removes all rows.
    pub fn execute(&self, context: &ExecutionContext<'_>) -> Result<(), Error> {
        let name = &self.table.name;
        // A prepared TRUNCATE outlives its table, and then means the one that has the name now.
        let schema = context.coordinator.schema();
        let keyspace = schema.keyspace(&self.table.keyspace);
        let table = keyspace
            .and_then(|keyspace| keyspace.tables.get(name))
            .ok_or_else(|| Error::invalid(format!("table {name} does not exist")))?;
        if let Some(guard) = context.guard() {
            guard.check(guard.rails.drop_truncate_table.check())?;
        }
        let storage = context.coordinator.storage();
        storage.truncate(table.id).map_err(|error| match error {
            StorageError::Invalid(message) if table.is_virtual() => Error::Invalid(message),
            error => Error::Truncate(format!("Error during truncate: {error}")),
        })
    }
}
