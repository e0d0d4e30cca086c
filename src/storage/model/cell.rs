//! Cells.

use super::deletion::{NO_EXPIRATION, NO_TTL};
use crate::schema::ColumnId;

/// A view of one cell (Cassandra: `Cell`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell<'a> {
    /// Its column.
    pub column: ColumnId,
    /// When it was written, in microseconds.
    pub timestamp: i64,
    /// Seconds; [`NO_TTL`] where it does not expire.
    pub ttl: i32,
    /// For a tombstone, when it was deleted; for an expiring cell, when it expires; else [`NO_EXPIRATION`].
    /// Seconds since 1970.
    pub local_deletion_time: i64,
    /// For an element of a collection or user type: its key, its time uuid, or its field (u16).
    pub path: Option<&'a [u8]>,
    /// The value; empty for a tombstone. A counter cell has its counter context.
    pub value: &'a [u8],
}

impl<'a> Cell<'a> {
    /// A cell that lives until it is overwritten.
    pub fn live(column: ColumnId, timestamp: i64, value: &'a [u8]) -> Self {
        Self { column, timestamp, ttl: NO_TTL, local_deletion_time: NO_EXPIRATION, path: None, value }
    }

    /// A cell that says that the value was deleted.
    pub fn tombstone(column: ColumnId, timestamp: i64, local_deletion_time: i64) -> Self {
        Self { column, timestamp, ttl: NO_TTL, local_deletion_time, path: None, value: &[] }
    }

    /// The same cell as an element of a complex column.
    pub fn with_path(self, path: &'a [u8]) -> Self {
        Self { path: Some(path), ..self }
    }

    /// Whether it marks a deletion.
    pub fn is_tombstone(&self) -> bool {
        self.local_deletion_time != NO_EXPIRATION && self.ttl == NO_TTL
    }

    /// Whether it has a TTL.
    pub fn is_expiring(&self) -> bool {
        self.ttl != NO_TTL
    }

    /// Whether it holds a value at that time.
    pub fn is_live(&self, now_in_seconds: i64) -> bool {
        self.local_deletion_time == NO_EXPIRATION
            || (self.ttl != NO_TTL && now_in_seconds < self.local_deletion_time)
    }
}
