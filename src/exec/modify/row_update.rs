//! The changes to one row, as they are made (Cassandra: `UpdateParameters`).

use std::cell::Cell;

use crate::schema::ColumnId;
use crate::storage::model::{self, Clustering, DeletionTime, LivenessInfo, Row, RowBuilder};
use crate::types::counter;

/// The time and life of everything that one modification writes.
#[derive(Clone, Copy, Debug)]
pub struct WriteTime {
    /// Microseconds.
    pub timestamp: i64,
    /// Seconds; 0 where nothing expires.
    pub ttl: i32,
    /// Seconds since 1970: when what is written expires.
    pub local_expiration_time: i64,
    /// Seconds since 1970: the time of deletions.
    pub now_in_seconds: i64,
}

impl WriteTime {
    /// The deletion of everything up to this time.
    pub fn deletion(&self) -> DeletionTime {
        DeletionTime { marked_for_delete_at: self.timestamp, local_deletion_time: self.now_in_seconds }
    }

    /// The liveness of a row inserted at this time.
    pub fn liveness(&self) -> LivenessInfo {
        LivenessInfo::expiring(self.timestamp, self.ttl, self.local_expiration_time)
    }
}

/// More memory than this is not kept for the next row.
const SPARE_BYTES_MAX: usize = 64 << 10;

thread_local! {
    /// Takes the memory from one row to the next.
    static SPARE: Cell<Option<RowBuilder>> = const { Cell::new(None) };
}

/// Collects the cells of one row.
#[derive(Debug)]
pub struct RowUpdate {
    time: WriteTime,
    builder: RowBuilder,
    /// What counters change by: each counter once, however often the statement names it.
    counters: Vec<(ColumnId, i64)>,
}

impl RowUpdate {
    /// No changes yet.
    pub fn new(time: WriteTime) -> Self {
        Self { time, builder: SPARE.take().unwrap_or_default(), counters: Vec::new() }
    }

    /// A value.
    pub fn cell(&mut self, column: ColumnId, path: Option<&[u8]>, value: &[u8]) {
        let mut cell = model::Cell::live(column, self.time.timestamp, value);
        cell.path = path;
        if self.time.ttl != 0 {
            cell.ttl = self.time.ttl;
            cell.local_deletion_time = self.time.local_expiration_time;
        }
        self.builder.add(cell);
    }

    /// A deleted value.
    pub fn tombstone(&mut self, column: ColumnId, path: Option<&[u8]>) {
        let cell = model::Cell::tombstone(column, self.time.timestamp, self.time.now_in_seconds);
        self.builder.add(model::Cell { path, ..cell });
    }

    /// A deleted complex column.
    pub fn delete_complex(&mut self, column: ColumnId) {
        self.builder.add_complex_deletion(column, self.time.deletion());
    }

    /// A complex column that gets a new value: everything older than this write is deleted.
    pub fn overwrite_complex(&mut self, column: ColumnId) {
        let deletion = self.time.deletion();
        let before = DeletionTime { marked_for_delete_at: deletion.marked_for_delete_at - 1, ..deletion };
        self.builder.add_complex_deletion(column, before);
    }

    /// A counter that changes by so much.
    pub fn counter(&mut self, column: ColumnId, by: i64) {
        match self.counters.iter_mut().find(|(known, _)| *known == column) {
            Some((_, sum)) => *sum = sum.wrapping_add(by),
            None => self.counters.push((column, by)),
        }
    }

    /// The row as changed so far.
    pub fn build(mut self, clustering: &Clustering, liveness: LivenessInfo, deletion: DeletionTime) -> Row {
        for (column, by) in &self.counters {
            let context = counter::create_update(*by);
            self.builder.add(model::Cell::live(*column, self.time.timestamp, &context));
        }
        let row = self.builder.build_next(clustering, liveness, deletion);
        if self.builder.capacity() <= SPARE_BYTES_MAX {
            SPARE.set(Some(self.builder));
        }
        row
    }
}
