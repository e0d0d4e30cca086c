//! What is written.

use std::sync::Arc;

use smallvec::SmallVec;

use super::deletion::{DeletionTime, RangeTombstone};
use super::key::DecoratedKey;
use super::row::{PlainCells, Row};
use crate::schema::TableMetadata;

/// Changes to one partition of one table (Cassandra: `PartitionUpdate`).
#[derive(Clone, Debug)]
pub struct PartitionUpdate {
    /// The table, as it was when the update was made.
    pub table: Arc<TableMetadata>,
    /// The partition's key.
    pub key: DecoratedKey,
    /// Deletion of the whole partition.
    pub deletion: DeletionTime,
    /// Deletions of slices.
    pub range_tombstones: Vec<RangeTombstone>,
    /// The static row.
    pub static_row: Option<Row>,
    /// Rows in clustering order, each clustering once.
    pub rows: SmallVec<[Row; 1]>,
}

impl PartitionUpdate {
    /// An update that changes nothing yet.
    pub fn new(table: Arc<TableMetadata>, key: DecoratedKey) -> Self {
        Self {
            table,
            key,
            deletion: DeletionTime::LIVE,
            range_tombstones: Vec::new(),
            static_row: None,
            rows: SmallVec::new(),
        }
    }
}

impl PartitionUpdate {
    /// The row and its cells, where there is nothing but one, with plain cells and not empty.
    pub fn plain_row(&self) -> Option<(&Row, PlainCells<'_>)> {
        let is_alone =
            self.deletion.is_live() && self.range_tombstones.is_empty() && self.static_row.is_none();
        match &self.rows[..] {
            [row] if is_alone && !row.is_empty() => Some((row, row.plain_cells()?)),
            _ => None,
        }
    }

    /// The lowest timestamp in it; `i64::MAX` where it changes nothing.
    pub fn min_timestamp(&self) -> i64 {
        let deletion = |d: &DeletionTime| if d.is_live() { i64::MAX } else { d.marked_for_delete_at };
        let ranges = self.range_tombstones.iter().map(|t| deletion(&t.deletion)).min().unwrap_or(i64::MAX);
        let mut min = deletion(&self.deletion).min(ranges);
        for row in self.rows.iter().chain(&self.static_row) {
            min = min.min(row.min_timestamp());
        }
        min
    }
}

/// Mutations of one statement or batch: mostly one.
pub type Mutations = SmallVec<[Mutation; 1]>;

/// Changes to partitions of one key in one keyspace, applied as one (Cassandra: `Mutation`).
#[derive(Clone, Debug)]
pub struct Mutation {
    /// The key of all updates.
    pub key: DecoratedKey,
    /// One for each table; at least one.
    pub updates: Vec<PartitionUpdate>,
    /// Whether a counter table is changed: cell values are then local counter updates (Cassandra:
    /// `CounterMutation`).
    pub is_counter: bool,
}
