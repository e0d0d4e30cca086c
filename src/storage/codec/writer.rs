//! Writes mutations.

use smallvec::SmallVec;

use super::super::error::StorageError;
use super::super::memtable::{RangeTombstones, markers};
use super::super::model::{
    Cell, DeletionTime, LivenessInfo, Mutation, NO_EXPIRATION, NO_TTL, PartitionUpdate, PlainCells, Row,
};
use super::super::order::{LayoutColumn, TableOrder};
use super::super::unfiltered::RangeTombstoneMarker;
use super::cell_flags::{HAS_EMPTY_VALUE, IS_DELETED, IS_EXPIRING, USE_ROW_TIMESTAMP, USE_ROW_TTL};
use super::row_flags::{
    END_OF_PARTITION, EXTENSION, HAS_ALL_COLUMNS, HAS_COMPLEX_DELETION, HAS_DELETION, HAS_TIMESTAMP, HAS_TTL,
    IS_MARKER, IS_STATIC,
};
use super::update_flags::{HAS_PARTITION_DELETION, HAS_ROW_ESTIMATE, HAS_STATIC_ROW, IS_EMPTY};
use super::{
    DELETION_TIME_EPOCH, Minima, TIMESTAMP_EPOCH, put_clustering, put_column_subset, put_value,
    put_vint_bytes,
};
use crate::types::vint;

/// Columns of an update in the order of rows on disk.
type Columns<'a> = SmallVec<[&'a LayoutColumn; 16]>;

/// Appends a mutation; `orders` are those of the updates' tables, in the order of updates.
pub fn write_mutation(
    out: &mut Vec<u8>,
    mutation: &Mutation,
    orders: &[TableOrder],
) -> Result<(), StorageError> {
    vint::write_unsigned(out, mutation.updates.len() as u64);
    for (update, order) in mutation.updates.iter().zip(orders) {
        write_update(out, update, order)?;
    }
    Ok(())
}

fn write_update(out: &mut Vec<u8>, update: &PartitionUpdate, order: &TableOrder) -> Result<(), StorageError> {
    out.extend_from_slice(update.table.id.0.as_bytes());
    put_vint_bytes(out, &update.key.key);
    if let Some((row, cells)) = update.plain_row() {
        if let Some(all) = order.plain_layout().filter(|layout| layout.is_all_of(&cells)) {
            let columns = all.columns.iter().enumerate().map(|(i, (_, fixed_length))| (i, *fixed_length));
            return put_plain_update(
                out,
                order,
                (row, &cells),
                |out| out.extend_from_slice(&all.names),
                columns,
            );
        }
        if let Some(columns) = plain_columns(order, &cells) {
            let names = |out: &mut Vec<u8>| put_columns(out, columns.iter().map(|(column, _)| *column));
            let columns = columns.iter().map(|(column, i)| (*i, column.fixed_length));
            return put_plain_update(out, order, (row, &cells), names, columns);
        }
    }
    let static_row = update.static_row.as_ref().filter(|row| !row.is_empty());
    let is_empty = update.deletion.is_live()
        && static_row.is_none()
        && update.rows.is_empty()
        && update.range_tombstones.is_empty();
    if is_empty {
        out.push(IS_EMPTY);
        return Ok(());
    }
    let mut flags = HAS_ROW_ESTIMATE;
    if !update.deletion.is_live() {
        flags |= HAS_PARTITION_DELETION;
    }
    if static_row.is_some() {
        flags |= HAS_STATIC_ROW;
    }
    out.push(flags);
    let writer = RowWriter {
        order,
        minima: minima_of(update),
        static_columns: columns_of(order, true, static_row.into_iter()),
        regular_columns: columns_of(order, false, update.rows.iter()),
    };
    writer.minima.write(out);
    if static_row.is_some() {
        put_columns(out, writer.static_columns.iter().copied());
    }
    put_columns(out, writer.regular_columns.iter().copied());
    if !update.deletion.is_live() {
        writer.minima.put_deletion(out, update.deletion);
    }
    if let Some(row) = static_row {
        writer.put_row(out, row, true)?;
    }
    vint::write_unsigned(out, update.rows.len() as u64);
    if update.range_tombstones.is_empty() {
        for row in &update.rows {
            writer.put_row(out, row, false)?;
        }
    } else {
        writer.put_rows_and_markers(out, update)?;
    }
    out.push(END_OF_PARTITION);
    Ok(())
}

/// The columns of the cells of a plain row, in the order of rows on disk, each with the place of its cell; none where a
/// column is not there any more.
fn plain_columns<'a>(order: &'a TableOrder, cells: &PlainCells<'_>) -> Option<PlainColumns<'a>> {
    let mut columns = PlainColumns::new();
    for (i, id) in cells.columns().enumerate() {
        columns.push((order.layout_column(id).filter(|c| !c.is_static && !c.is_complex)?, i));
    }
    if !columns.is_sorted_by_key(|(column, _)| column.index) {
        columns.sort_unstable_by_key(|(column, _)| column.index);
    }
    Some(columns)
}

type PlainColumns<'a> = SmallVec<[(&'a LayoutColumn, usize); 16]>;

/// The rest of an update that is one plain row, as [`write_update`] does it for any: all columns are present, all times
/// are the row's. `columns`: in the order of rows on disk, the place of the cell and the length of values, where fixed.
fn put_plain_update(
    out: &mut Vec<u8>,
    order: &TableOrder,
    (row, cells): (&Row, &PlainCells<'_>),
    put_names: impl FnOnce(&mut Vec<u8>),
    columns: impl Iterator<Item = (usize, Option<usize>)>,
) -> Result<(), StorageError> {
    let has_liveness = !row.liveness().is_empty();
    out.push(HAS_ROW_ESTIMATE);
    Minima { timestamp: row.timestamp(), local_deletion_time: DELETION_TIME_EPOCH, ttl: 0 }.write(out);
    put_names(out);
    out.push(1);
    out.push(if has_liveness { HAS_ALL_COLUMNS | HAS_TIMESTAMP } else { HAS_ALL_COLUMNS });
    put_clustering(out, order.clustering_lengths(), row.clustering())?;
    if has_liveness {
        out.push(0);
    }
    for (i, fixed_length) in columns {
        let value = cells.value(i);
        let of_row = if has_liveness { USE_ROW_TIMESTAMP } else { 0 };
        out.push(if value.is_empty() { of_row | HAS_EMPTY_VALUE } else { of_row });
        if !has_liveness {
            out.push(0);
        }
        if !value.is_empty() {
            put_value(out, fixed_length, value)?;
        }
    }
    out.push(END_OF_PARTITION);
    Ok(())
}

/// The columns that some row has something of, in the order of rows on disk.
fn columns_of<'a, 'r>(
    order: &'a TableOrder,
    is_static: bool,
    rows: impl Iterator<Item = &'r Row>,
) -> Columns<'a> {
    let mut columns = Columns::new();
    for row in rows {
        let ids = row.cells().map(|c| c.column).chain(row.complex_deletions().map(|(id, _)| id));
        for id in ids {
            if columns.iter().any(|c| c.id == id) {
                continue;
            }
            // Cells of a column that was dropped in the meantime have no place any more.
            columns.extend(order.layout_column(id).filter(|c| c.is_static == is_static));
        }
    }
    columns.sort_unstable_by_key(|c| c.index);
    columns
}

fn put_columns<'a>(out: &mut Vec<u8>, columns: impl ExactSizeIterator<Item = &'a LayoutColumn>) {
    vint::write_unsigned(out, columns.len() as u64);
    for column in columns {
        put_vint_bytes(out, column.name.as_bytes());
    }
}

fn minima_of(update: &PartitionUpdate) -> Minima {
    let mut collector = MinimaCollector { timestamp: i64::MAX, local_deletion_time: i64::MAX, ttl: i32::MAX };
    collector.deletion(update.deletion);
    for tombstone in &update.range_tombstones {
        collector.deletion(tombstone.deletion);
    }
    for row in update.static_row.iter().chain(&update.rows) {
        collector.liveness(row.liveness());
        collector.deletion(row.deletion());
        for (_, deletion) in row.complex_deletions() {
            collector.deletion(deletion);
        }
        for cell in row.cells() {
            collector.times(cell.timestamp, cell.ttl, cell.local_deletion_time);
        }
    }
    collector.minima()
}

struct MinimaCollector {
    timestamp: i64,
    local_deletion_time: i64,
    ttl: i32,
}

impl MinimaCollector {
    fn times(&mut self, timestamp: i64, ttl: i32, local_deletion_time: i64) {
        self.timestamp = self.timestamp.min(timestamp);
        self.local_deletion_time = self.local_deletion_time.min(local_deletion_time);
        if ttl != NO_TTL {
            self.ttl = self.ttl.min(ttl);
        }
    }

    fn deletion(&mut self, deletion: DeletionTime) {
        if !deletion.is_live() {
            self.times(deletion.marked_for_delete_at, NO_TTL, deletion.local_deletion_time);
        }
    }

    fn liveness(&mut self, liveness: LivenessInfo) {
        if !liveness.is_empty() {
            self.times(liveness.timestamp, liveness.ttl, liveness.local_expiration_time);
        }
    }

    fn minima(&self) -> Minima {
        let or = |value: i64, none: i64| if value == i64::MAX { none } else { value };
        Minima {
            timestamp: or(self.timestamp, TIMESTAMP_EPOCH),
            local_deletion_time: or(self.local_deletion_time, DELETION_TIME_EPOCH),
            ttl: if self.ttl == i32::MAX { 0 } else { self.ttl },
        }
    }
}

/// Appends an `int` as Java's `writeUnsignedVInt32` does: with its sign extended to 64 bits.
fn put_vint32(out: &mut Vec<u8>, value: i64) {
    vint::write_unsigned(out, i64::from(value as i32).cast_unsigned());
}

impl Minima {
    fn write(&self, out: &mut Vec<u8>) {
        vint::write_unsigned(out, self.timestamp.wrapping_sub(TIMESTAMP_EPOCH).cast_unsigned());
        put_vint32(out, self.local_deletion_time.wrapping_sub(DELETION_TIME_EPOCH));
        put_vint32(out, i64::from(self.ttl));
    }

    fn put_timestamp(&self, out: &mut Vec<u8>, timestamp: i64) {
        vint::write_unsigned(out, timestamp.wrapping_sub(self.timestamp).cast_unsigned());
    }

    fn put_local_deletion_time(&self, out: &mut Vec<u8>, seconds: i64) {
        // Version 12 has no time beyond 2038; its "never" is the greatest `int`.
        let seconds = if seconds == NO_EXPIRATION { i64::from(i32::MAX) } else { seconds };
        put_vint32(out, seconds.wrapping_sub(self.local_deletion_time));
    }

    fn put_ttl(&self, out: &mut Vec<u8>, ttl: i32) {
        put_vint32(out, i64::from(ttl) - i64::from(self.ttl));
    }

    fn put_deletion(&self, out: &mut Vec<u8>, deletion: DeletionTime) {
        self.put_timestamp(out, deletion.marked_for_delete_at);
        self.put_local_deletion_time(out, deletion.local_deletion_time);
    }
}

struct RowWriter<'a> {
    order: &'a TableOrder,
    minima: Minima,
    static_columns: Columns<'a>,
    regular_columns: Columns<'a>,
}

impl RowWriter<'_> {
    fn put_rows_and_markers(&self, out: &mut Vec<u8>, update: &PartitionUpdate) -> Result<(), StorageError> {
        let comparator = self.order.clustering();
        let mut tombstones = RangeTombstones::default();
        for tombstone in &update.range_tombstones {
            tombstones.add(comparator, tombstone.clone());
        }
        let mut markers = markers(tombstones.iter().cloned().collect()).into_iter().peekable();
        for row in &update.rows {
            while let Some(marker) = markers.next_if(|m| comparator.compare(&m.bound, row).is_lt()) {
                self.put_marker(out, &marker)?;
            }
            self.put_row(out, row, false)?;
        }
        markers.try_for_each(|marker| self.put_marker(out, &marker))
    }

    fn put_marker(&self, out: &mut Vec<u8>, marker: &RangeTombstoneMarker) -> Result<(), StorageError> {
        out.push(IS_MARKER);
        out.push(marker.bound.kind as u8);
        out.extend_from_slice(&(marker.bound.prefix.len() as u16).to_be_bytes());
        put_clustering(out, self.order.clustering_lengths(), (&marker.bound.prefix).into())?;
        for deletion in [marker.end, marker.start].into_iter().flatten() {
            self.minima.put_deletion(out, deletion);
        }
        Ok(())
    }

    fn put_row(&self, out: &mut Vec<u8>, row: &Row, is_static: bool) -> Result<(), StorageError> {
        let columns = if is_static { &self.static_columns } else { &self.regular_columns };
        let is_present = |c: &LayoutColumn| {
            row.cells_of(c.id).len() > 0 || (c.is_complex && !row.complex_deletion(c.id).is_live())
        };
        let present: SmallVec<[(usize, &LayoutColumn); 16]> =
            columns.iter().enumerate().filter(|(_, c)| is_present(c)).map(|(i, c)| (i, *c)).collect();
        let has_complex_deletion = row.complex_deletions().any(|(_, d)| !d.is_live());
        let mut flags = 0;
        let mut set = |flag: u8, is: bool| flags |= if is { flag } else { 0 };
        set(HAS_TIMESTAMP, !row.liveness().is_empty());
        set(HAS_TTL, !row.liveness().is_empty() && row.liveness().ttl != NO_TTL);
        set(HAS_DELETION, !row.deletion().is_live());
        set(HAS_COMPLEX_DELETION, has_complex_deletion);
        set(HAS_ALL_COLUMNS, present.len() == columns.len());
        set(EXTENSION, is_static);
        out.push(flags);
        if is_static {
            out.push(IS_STATIC);
        } else {
            put_clustering(out, self.order.clustering_lengths(), row.clustering())?;
        }
        if !row.liveness().is_empty() {
            self.minima.put_timestamp(out, row.liveness().timestamp);
            if row.liveness().ttl != NO_TTL {
                self.minima.put_ttl(out, row.liveness().ttl);
                self.minima.put_local_deletion_time(out, row.liveness().local_expiration_time);
            }
        }
        if !row.deletion().is_live() {
            self.minima.put_deletion(out, row.deletion());
        }
        if present.len() != columns.len() {
            put_column_subset(out, present.iter().map(|(i, _)| *i), columns.len());
        }
        for (_, column) in &present {
            if column.is_complex {
                if has_complex_deletion {
                    self.minima.put_deletion(out, row.complex_deletion(column.id));
                }
                vint::write_unsigned(out, row.cells_of(column.id).len() as u64);
            }
            for cell in row.cells_of(column.id) {
                self.put_cell(out, &cell, column, row.liveness())?;
            }
        }
        Ok(())
    }

    fn put_cell(
        &self,
        out: &mut Vec<u8>,
        cell: &Cell<'_>,
        column: &LayoutColumn,
        row: LivenessInfo,
    ) -> Result<(), StorageError> {
        let (is_tombstone, is_expiring) = (cell.is_tombstone(), cell.is_expiring());
        let use_row_timestamp = !row.is_empty() && cell.timestamp == row.timestamp;
        let use_row_ttl = is_expiring
            && !row.is_empty()
            && cell.ttl == row.ttl
            && cell.local_deletion_time == row.local_expiration_time;
        let mut flags = 0;
        let mut set = |flag: u8, is: bool| flags |= if is { flag } else { 0 };
        set(HAS_EMPTY_VALUE, cell.value.is_empty());
        set(IS_DELETED, is_tombstone);
        set(IS_EXPIRING, is_expiring);
        set(USE_ROW_TIMESTAMP, use_row_timestamp);
        set(USE_ROW_TTL, use_row_ttl);
        out.push(flags);
        if !use_row_timestamp {
            self.minima.put_timestamp(out, cell.timestamp);
        }
        if (is_tombstone || is_expiring) && !use_row_ttl {
            self.minima.put_local_deletion_time(out, cell.local_deletion_time);
        }
        if is_expiring && !use_row_ttl {
            self.minima.put_ttl(out, cell.ttl);
        }
        if column.is_complex {
            put_vint_bytes(out, cell.path.unwrap_or_default());
        }
        if cell.value.is_empty() {
            return Ok(());
        }
        put_value(out, column.fixed_length, cell.value)
    }
}
