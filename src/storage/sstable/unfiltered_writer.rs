//! Rows and markers as `Data.db` has them (Cassandra: `UnfilteredSerializer`, `Cell.Serializer`).

use bytes::{BufMut, BytesMut};

use super::header::EncodingStats;
use super::output::put_vint_bytes;
use crate::schema::ColumnId;
use crate::storage::RangeTombstoneMarker;
use crate::storage::error::StorageError;
use crate::storage::model::{Cell, ClusteringBound, LivenessInfo, NO_TTL, Prefix, Row};
use crate::types::vint;

/// The flags of a row or marker.
pub mod flags {
    #![allow(missing_docs, reason = "Cassandra's own names: UnfilteredSerializer, Cell.Serializer")]
    pub const END_OF_PARTITION: u8 = 0x01;
    pub const IS_MARKER: u8 = 0x02;
    pub const HAS_TIMESTAMP: u8 = 0x04;
    pub const HAS_TTL: u8 = 0x08;
    pub const HAS_DELETION: u8 = 0x10;
    pub const HAS_ALL_COLUMNS: u8 = 0x20;
    pub const HAS_COMPLEX_DELETION: u8 = 0x40;
    pub const EXTENSION: u8 = 0x80;

    /// In the second byte.
    pub const IS_STATIC: u8 = 0x01;

    pub const CELL_IS_DELETED: u8 = 0x01;
    pub const CELL_IS_EXPIRING: u8 = 0x02;
    pub const CELL_HAS_EMPTY_VALUE: u8 = 0x04;
    pub const CELL_USE_ROW_TIMESTAMP: u8 = 0x08;
    pub const CELL_USE_ROW_TTL: u8 = 0x10;
}
use flags::*;

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

/// A value that does not have the length of its type.
fn wrong_length(expected: usize, found: usize) -> StorageError {
    StorageError::Invalid(format!(
        "Expected exactly {expected} bytes, but was {found}: a value does not have the length of its type"
    ))
}

fn put_value(out: &mut BytesMut, fixed_length: Option<usize>, value: &[u8]) -> Result<(), StorageError> {
    match fixed_length {
        None => put_vint_bytes(out, value),
        Some(length) if length == value.len() => out.put_slice(value),
        Some(length) => return Err(wrong_length(length, value.len())),
    }
    Ok(())
}

/// Appends the values of a clustering or bound: for each 32 of them two bits each that say "empty" or "null",
/// then those that are neither.
pub fn put_clustering_values(
    out: &mut BytesMut,
    lengths: &[Option<usize>],
    values: Prefix<'_>,
) -> Result<(), StorageError> {
    let values: smallvec::SmallVec<[Option<&[u8]>; 8]> = values.values().collect();
    for (i, group) in values.chunks(32).enumerate() {
        let header = group.iter().enumerate().fold(0_u64, |header, (j, value)| match value {
            None => header | 1 << (2 * j + 1),
            Some([]) => header | 1 << (2 * j),
            Some(_) => header,
        });
        vint::write_unsigned(out, header);
        for (j, value) in group.iter().enumerate() {
            if let Some(value @ [_, ..]) = value {
                put_value(out, lengths.get(i * 32 + j).copied().flatten(), value)?;
            }
        }
    }
    Ok(())
}

/// Appends a bound: its kind, the number of its values, and them.
pub fn put_bound(
    out: &mut BytesMut,
    lengths: &[Option<usize>],
    bound: &ClusteringBound,
) -> Result<(), StorageError> {
    out.put_u8(bound.kind as u8);
    out.put_u16(bound.prefix.len() as u16);
    put_clustering_values(out, lengths, (&bound.prefix).into())
}

/// Appends which of `all` columns are present: a bitmap of the missing ones below 64 columns, else the indexes of
/// the present or of the missing ones, whichever are fewer (Cassandra: `Columns.Serializer.serializeSubset`).
fn put_column_subset(out: &mut BytesMut, present: &[usize], all: usize) {
    if all < 64 {
        let missing = present.iter().fold((1_u64 << all) - 1, |bits, i| bits & !(1 << i));
        vint::write_unsigned(out, missing);
        return;
    }
    vint::write_unsigned(out, (all - present.len()) as u64);
    if present.len() < all / 2 {
        present.iter().for_each(|i| vint::write_unsigned(out, *i as u64));
    } else {
        let mut present = present.iter().peekable();
        for i in 0..all {
            if present.next_if(|next| **next == i).is_none() {
                vint::write_unsigned(out, i as u64);
            }
        }
    }
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
            put_clustering_values(out, &self.clustering, row.clustering())?;
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
            put_column_subset(out, &self.present, columns.len());
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
        set(CELL_HAS_EMPTY_VALUE, cell.value.is_empty());
        set(CELL_IS_DELETED, is_deleted);
        set(CELL_IS_EXPIRING, is_expiring && !is_deleted);
        set(CELL_USE_ROW_TIMESTAMP, use_row_timestamp);
        set(CELL_USE_ROW_TTL, use_row_ttl);
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
