//! TRUNCATE (Cassandra: `TruncateStatement`).

use std::sync::Arc;

use super::ExecutionContext;
use crate::error::Error;
use crate::schema::TableMetadata;

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
        if self.table.is_virtual() {
            return Err(Error::invalid(format!(
                "Truncation is not supported by table {}.{name}",
                self.table.keyspace
            )));
        }
        let storage = context.coordinator.storage();
        storage.truncate(self.table.id).map_err(|e| Error::Truncate(format!("Error during truncate: {e}")))
    }
}
