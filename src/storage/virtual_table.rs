//! Tables that show the running state (Cassandra: package `db.virtual`).

use super::model::{DecoratedKey, PartitionResult};

/// The rows behind a virtual table.
pub trait VirtualTable: Send + Sync {
    /// The partitions, or the one with that key, in the order of keys, rows in clustering order. May hold more
    /// than was asked for.
    fn rows(&self, filter: Option<&DecoratedKey>) -> Vec<PartitionResult>;

    /// `TRUNCATE`: forgets everything, where that is possible; otherwise says why not.
    fn truncate(&self) -> Result<(), String> {
        Err("Truncation is not supported by this table".to_owned())
    }
}
