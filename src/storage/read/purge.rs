//! What a reader sees of a row: neither tombstones nor what expired (Cassandra: `Row.purge` with `PURGE_ALL`).

use super::super::model::{Cell, DeletionTime, LivenessInfo, Row, RowBuilder};
use crate::schema::{ColumnId, TableKind, TableMetadata};

/// Which cells of dropped columns are gone, and what makes a row live.
#[derive(Clone, Debug)]
pub struct Purger {
    now_in_seconds: i64,
    /// Columns that were dropped, and when in microseconds.
    dropped: Vec<(ColumnId, i64)>,
    /// Rows without liveness are dead (Cassandra: `enforceStrictLiveness`, for views).
    strict_liveness: bool,
}

impl Purger {
    /// The purger of a table at that time.
    pub fn new(table: &TableMetadata, now_in_seconds: i64) -> Self {
        Self {
            now_in_seconds,
            dropped: table.dropped_columns.values().map(|d| (d.column.id, d.dropped_time_us)).collect(),
            strict_liveness: table.kind == TableKind::View,
        }
    }

    /// Whether a row that says something, and in which nothing is deleted or expired, is left as it is.
    pub fn keeps_live_rows(&self) -> bool {
        self.dropped.is_empty() && !self.strict_liveness
    }

    fn is_dropped(&self, cell: &Cell<'_>) -> bool {
        self.dropped.iter().any(|(column, time)| *column == cell.column && cell.timestamp <= *time)
    }

    /// What is left of a row, `None` where nothing is; and how many of its cells were deleted or expired, one where
    /// the row as a whole was (Cassandra: `ReadCommand.withMetricsRecording`).
    pub fn purge(&self, row: Row) -> (Option<Row>, u64) {
        let keeps_all = self.dropped.is_empty() || !row.cells().any(|c| self.is_dropped(&c));
        if keeps_all && !row.has_deletion(self.now_in_seconds) {
            let dead = row.is_empty() || (self.strict_liveness && row.liveness().is_empty());
            return ((!dead).then_some(row), 0);
        }
        let now = self.now_in_seconds;
        let liveness = if row.liveness().is_live(now) { row.liveness() } else { LivenessInfo::EMPTY };
        let mut tombstones = 0;
        let mut builder = RowBuilder::with_capacity(row.cell_count(), row.data_len());
        for cell in row.cells() {
            if !cell.is_live(now) {
                tombstones += 1;
            } else if !self.is_dropped(&cell) {
                builder.add(cell);
            }
        }
        if builder.is_empty() && liveness.is_empty() || self.strict_liveness && liveness.is_empty() {
            return (None, tombstones.max(1));
        }
        (Some(builder.build(row.clustering(), liveness, DeletionTime::LIVE)), tombstones)
    }
}

/// What a reader sees of a row at that time; `None` where it is dead.
pub fn purge_row(table: &TableMetadata, row: &Row, now_in_seconds: i64) -> Option<Row> {
    Purger::new(table, now_in_seconds).purge(row.clone()).0
}
