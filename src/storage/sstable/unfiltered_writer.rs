//! Rows and markers as `Data.db` has them (Cassandra: `UnfilteredSerializer`, `Cell.Serializer`).

use bytes::{BufMut, BytesMut};

use super::header::EncodingStats;
use crate::schema::ColumnId;
use crate::storage::RangeTombstoneMarker;
use crate::storage::codec::cell_flags::*;
use crate::storage::codec::row_flags::*;
use crate::storage::codec::{put_clustering, put_column_subset, put_value, put_vint_bytes};
use crate::storage::error::StorageError;
use crate::storage::model::{Cell, ClusteringBound, LivenessInfo, NO_TTL, Row};
use crate::types::vint;

/// A column as rows are written.
#[derive(Clone, Copy, Debug)]
pub struct WriteColumn {
    /// Its identity in memory.
    pub id: ColumnId,
    /// The length of every value; none where it is written before each.
    pub fixed_length: Option<usize>,
    /// Whether rows have several cells of it.
    pub is_complex: bool,
}

/// Writes rows and markers.
#[derive(Debug)]
pub struct UnfilteredWriter {
    stats: EncodingStats,
    /// Lengths of clustering values where fixed.
    clustering: Box<[Option<usize>]>,
    static_columns: Box<[WriteColumn]>,
    regular_columns: Box<[WriteColumn]>,
    body: BytesMut,
    present: Vec<usize>,
}

/// Appends a bound: its kind, the number of its values, and them.
pub fn put_bound(
    out: &mut BytesMut,
    lengths: &[Option<usize>],
    bound: &ClusteringBound,
) -> Result<(), StorageError> {
    out.put_u8(bound.kind as u8);
    out.put_u16(bound.prefix.len() as u16);
    put_clustering(out, lengths, (&bound.prefix).into())
}

impl UnfilteredWriter {
    /// A writer of rows with these columns, in the order of rows.
    pub fn new(
        stats: EncodingStats,
        clustering: Box<[Option<usize>]>,
        static_columns: Box<[WriteColumn]>,
        regular_columns: Box<[WriteColumn]>,
    ) -> Self {
        Self {
            stats,
            clustering,
            static_columns,
            regular_columns,
            body: BytesMut::new(),
            present: Vec::new(),
        }
    }

    /// Whether partitions have a static row.
    pub fn has_static(&self) -> bool {
        !self.static_columns.is_empty()
    }

    /// Lengths of clustering values where fixed.
    pub fn clustering_lengths(&self) -> &[Option<usize>] {
        &self.clustering
    }

    /// Appends a row. `previous_size` is the distance from the item before.
    pub fn put_row(
        &mut self,
        out: &mut BytesMut,
        row: &Row,
        is_static: bool,
        previous_size: u64,
    ) -> Result<(), StorageError> {
        let columns = if is_static { &self.static_columns } else { &self.regular_columns };
        self.present.clear();
        let present = |c: &WriteColumn| {
            row.cells_of(c.id).len() > 0 || (c.is_complex && !row.complex_deletion(c.id).is_live())
        };
        self.present.extend(columns.iter().enumerate().filter(|(_, c)| present(c)).map(|(i, _)| i));
        let has_complex_deletion = row.complex_deletions().any(|(_, deletion)| !deletion.is_live());

        let mut row_flags = 0;
        let mut set = |flag, is: bool| row_flags |= if is { flag } else { 0 };
        set(HAS_TIMESTAMP, !row.liveness().is_empty());
        set(HAS_TTL, has_ttl(&row.liveness()));
        set(HAS_DELETION, !row.deletion().is_live());
        set(HAS_COMPLEX_DELETION, has_complex_deletion);
        set(HAS_ALL_COLUMNS, self.present.len() == columns.len());
        set(EXTENSION, is_static);
        out.put_u8(row_flags);
        if is_static {
            out.put_u8(IS_STATIC);
        } else {
            put_clustering(out, &self.clustering, row.clustering())?;
        }

        let mut body = std::mem::take(&mut self.body);
        body.clear();
        vint::write_unsigned(&mut body, previous_size);
        let written = self.put_row_body(&mut body, row, is_static, row_flags);
        vint::write_unsigned(out, body.len() as u64);
        out.put_slice(&body);
        self.body = body;
        written
    }

    fn put_row_body(
        &self,
        out: &mut BytesMut,
        row: &Row,
        is_static: bool,
        row_flags: u8,
    ) -> Result<(), StorageError> {
        let columns = if is_static { &self.static_columns } else { &self.regular_columns };
        if row_flags & HAS_TIMESTAMP != 0 {
            self.stats.put_timestamp(out, row.liveness().timestamp);
        }
        if row_flags & HAS_TTL != 0 {
            self.stats.put_ttl(out, row.liveness().ttl);
            self.stats.put_local_deletion_time(out, row.liveness().local_expiration_time);
        }
        if row_flags & HAS_DELETION != 0 {
            self.stats.put_deletion(out, row.deletion());
        }
        if row_flags & HAS_ALL_COLUMNS == 0 {
            put_column_subset(out, self.present.iter().copied(), columns.len());
        }
        for column in self.present.iter().filter_map(|i| columns.get(*i)) {
            let cells = row.cells_of(column.id);
            if column.is_complex {
                if row_flags & HAS_COMPLEX_DELETION != 0 {
                    self.stats.put_deletion(out, row.complex_deletion(column.id));
                }
                vint::write_unsigned(out, cells.len() as u64);
            }
            for cell in cells {
                self.put_cell(out, column, &cell, &row.liveness())?;
            }
        }
        Ok(())
    }

    fn put_cell(
        &self,
        out: &mut BytesMut,
        column: &WriteColumn,
        cell: &Cell<'_>,
        liveness: &LivenessInfo,
    ) -> Result<(), StorageError> {
        let is_expiring = cell.is_expiring();
        let is_deleted = cell.is_tombstone();
        let use_row_timestamp = !liveness.is_empty() && cell.timestamp == liveness.timestamp;
        let use_row_ttl = is_expiring
            && has_ttl(liveness)
            && cell.ttl == liveness.ttl
            && cell.local_deletion_time == liveness.local_expiration_time;
        let mut cell_flags = 0;
        let mut set = |flag, is: bool| cell_flags |= if is { flag } else { 0 };
        set(HAS_EMPTY_VALUE, cell.value.is_empty());
        set(IS_DELETED, is_deleted);
        set(IS_EXPIRING, is_expiring && !is_deleted);
        set(USE_ROW_TIMESTAMP, use_row_timestamp);
        set(USE_ROW_TTL, use_row_ttl);
        out.put_u8(cell_flags);
        if !use_row_timestamp {
            self.stats.put_timestamp(out, cell.timestamp);
        }
        if !use_row_ttl {
            if is_deleted || is_expiring {
                self.stats.put_local_deletion_time(out, cell.local_deletion_time);
            }
            if is_expiring {
                self.stats.put_ttl(out, cell.ttl);
            }
        }
        if column.is_complex {
            put_vint_bytes(out, cell.path.unwrap_or_default());
        }
        if cell.value.is_empty() { Ok(()) } else { put_value(out, column.fixed_length, cell.value) }
    }

    /// Appends a marker.
    pub fn put_marker(
        &mut self,
        out: &mut BytesMut,
        marker: &RangeTombstoneMarker,
        previous_size: u64,
    ) -> Result<(), StorageError> {
        out.put_u8(IS_MARKER);
        put_bound(out, &self.clustering, &marker.bound)?;
        let mut body = std::mem::take(&mut self.body);
        body.clear();
        vint::write_unsigned(&mut body, previous_size);
        for deletion in [marker.end, marker.start].into_iter().flatten() {
            self.stats.put_deletion(&mut body, deletion);
        }
        vint::write_unsigned(out, body.len() as u64);
        out.put_slice(&body);
        self.body = body;
        Ok(())
    }
}

fn has_ttl(liveness: &LivenessInfo) -> bool {
    !liveness.is_empty() && liveness.ttl != NO_TTL
}
