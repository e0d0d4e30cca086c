//! Rows, each one buffer.
//!
//! ```text
//! 0                    24
//! | header             | expiry 12 | deletion 16 | complex deletions, 18 each | cells | clustering | data |
//!   |                    where the flags say so                                  |       |            |
//!   cells u32, bytes of the clustering u32, timestamp i64,                       |       |    path, length of the value
//!   cells_live_before u32, complex deletions u16, flags u8, -                    |       |    (i32, big endian), value
//!                                                                                |   each value: i32 length, bytes
//!                         plain:  column u16, place in data u32                6 |
//!                         others: the same, length of the path + 1 u32,       26 |
//!                                 timestamp i64, ttl i32, local deletion time u32
//! ```
//!
//! Numbers are in the machine's order, but for lengths of values: clustering and data have the form of the native
//! protocol, and the data is in the order of cells, so that values which follow each other are copied into a result as
//! they are. The cells of a plain row all have the timestamp of the header and neither a path nor an end.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;

use super::cell::Cell;
use super::clustering::Prefix;
use super::deletion::{DeletionTime, LivenessInfo, NO_EXPIRATION, NO_TTL};
use crate::schema::ColumnId;

pub(super) const HEADER: usize = 24;
pub(super) const EXPIRY: usize = 12;
pub(super) const DELETION: usize = 16;
pub(super) const COMPLEX_DELETION: usize = 18;
pub(super) const PLAIN_CELL: usize = 6;
pub(super) const CELL: usize = 26;

pub(super) const HAS_LIVENESS: u8 = 1;
pub(super) const HAS_EXPIRY: u8 = 2;
pub(super) const HAS_DELETION: u8 = 4;
pub(super) const IS_PLAIN: u8 = 8;

/// One row (Cassandra: `Row`), immutable; a clone shares the buffer. Cells are ordered by column id, and within a
/// complex column by path in the order of the column's type.
#[derive(Clone)]
pub struct Row(pub(super) Bytes);

/// Bytes at a place that a [`super::RowBuilder`] filled.
#[inline]
fn at<const N: usize>(buffer: &[u8], place: usize) -> [u8; N] {
    buffer[place..].first_chunk().copied().expect("a row's buffer is whole")
}

#[inline]
fn u32_at(buffer: &[u8], place: usize) -> u32 {
    u32::from_ne_bytes(at(buffer, place))
}

#[inline]
fn i64_at(buffer: &[u8], place: usize) -> i64 {
    i64::from_ne_bytes(at(buffer, place))
}

#[inline]
fn column_at(buffer: &[u8], place: usize) -> ColumnId {
    ColumnId(u16::from_ne_bytes(at(buffer, place)))
}

#[inline]
fn deletion_at(buffer: &[u8], place: usize) -> DeletionTime {
    DeletionTime {
        marked_for_delete_at: i64_at(buffer, place),
        local_deletion_time: i64_at(buffer, place + 8),
    }
}

/// The cells of a row, where they are.
#[derive(Clone, Copy)]
struct CellTable<'r> {
    entries: &'r [u8],
    data: &'r [u8],
    /// Of all cells of a plain row.
    timestamp: i64,
    is_plain: bool,
}

impl<'r> CellTable<'r> {
    #[inline]
    fn width(&self) -> usize {
        if self.is_plain { PLAIN_CELL } else { CELL }
    }

    /// The number of cells.
    #[inline]
    fn len(&self) -> usize {
        self.entries.len() / self.width()
    }

    /// The column of a cell.
    #[inline]
    fn column(&self, index: usize) -> ColumnId {
        column_at(self.entries, index * self.width())
    }

    /// The first cell that is not of a column before this one.
    fn first_of(&self, column: ColumnId) -> usize {
        let len = self.len();
        // Few columns are looked through one by one; a collection may have many cells.
        if len <= 16 {
            return (0..len).find(|i| self.column(*i) >= column).unwrap_or(len);
        }
        let (mut low, mut high) = (0, len);
        while low < high {
            let middle = low.midpoint(high);
            if self.column(middle) < column { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// A cell.
    #[inline]
    fn cell(&self, index: usize) -> Cell<'r> {
        let entry = index * self.width();
        let column = column_at(self.entries, entry);
        let place = u32_at(self.entries, entry + 2) as usize;
        if self.is_plain {
            return Cell::live(column, self.timestamp, value_at(self.data, place));
        }
        let path_len_plus_one = u32_at(self.entries, entry + 6) as usize;
        let path_end = place + path_len_plus_one.saturating_sub(1);
        Cell {
            column,
            timestamp: i64_at(self.entries, entry + 10),
            ttl: i32::from_ne_bytes(at(self.entries, entry + 18)),
            local_deletion_time: match u32_at(self.entries, entry + 22) {
                u32::MAX => NO_EXPIRATION,
                seconds => i64::from(seconds),
            },
            path: (path_len_plus_one > 0).then(|| &self.data[place..path_end]),
            value: value_at(self.data, path_end),
        }
    }
}

/// The cells of a row that all have its timestamp, and neither a path nor an end.
#[derive(Clone, Copy)]
pub struct PlainCells<'r> {
    entries: &'r [[u8; PLAIN_CELL]],
    /// The clustering, and behind it the values of all cells.
    values: &'r [u8],
    clustering_len: usize,
}

impl<'r> PlainCells<'r> {
    /// The number of cells.
    #[inline]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The clustering and behind it the values of all cells, as the native protocol has them.
    #[inline]
    pub fn wire(&self) -> &'r [u8] {
        self.values
    }

    /// The bytes of the clustering.
    #[inline]
    pub fn clustering_len(&self) -> usize {
        self.clustering_len
    }

    /// The columns that have cells, in their order.
    #[inline]
    pub fn columns(&self) -> impl Iterator<Item = ColumnId> {
        self.entries.iter().map(|entry| column_at(entry, 0))
    }

    /// The cell of a column, which probably stands at `index`.
    #[inline]
    pub fn find(&self, column: ColumnId, index: usize) -> Option<usize> {
        match self.entries.get(index) {
            Some(entry) if column_at(entry, 0) == column => Some(index),
            // Few columns are looked through one by one.
            _ if self.entries.len() <= 16 => self.columns().position(|c| c == column),
            _ => self.entries.binary_search_by_key(&column, |entry| column_at(entry, 0)).ok(),
        }
    }

    /// Where the value of a cell stands in [`PlainCells::wire`]: its length and its bytes.
    #[inline]
    pub fn wire_place(&self, index: usize) -> Range<usize> {
        let place = self.clustering_len + u32_at(&self.entries[index], 2) as usize;
        place..place + 4 + u32::from_be_bytes(at(self.values, place)) as usize
    }

    /// The value of a cell.
    #[inline]
    pub fn value(&self, index: usize) -> &'r [u8] {
        value_at(self.values, self.clustering_len + u32_at(&self.entries[index], 2) as usize)
    }
}

#[inline]
fn value_at(data: &[u8], place: usize) -> &[u8] {
    let len = u32::from_be_bytes(at(data, place)) as usize;
    &data[place + 4..place + 4 + len]
}

/// Iterates over cells of a row.
#[derive(Clone)]
pub struct Cells<'r> {
    table: CellTable<'r>,
    next: usize,
    end: usize,
}

impl<'r> Iterator for Cells<'r> {
    type Item = Cell<'r>;

    #[inline]
    fn next(&mut self) -> Option<Cell<'r>> {
        let index = self.next;
        (index < self.end).then(|| {
            self.next += 1;
            self.table.cell(index)
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.end - self.next, Some(self.end - self.next))
    }
}

impl ExactSizeIterator for Cells<'_> {}

impl DoubleEndedIterator for Cells<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        (self.next < self.end).then(|| {
            self.end -= 1;
            self.table.cell(self.end)
        })
    }
}

impl Row {
    #[inline]
    fn header(&self) -> &[u8; HEADER] {
        self.0.first_chunk().expect("a row's buffer is whole")
    }

    #[inline]
    fn flags(&self) -> u8 {
        self.header()[22]
    }

    #[inline]
    fn has(&self, flag: u8) -> bool {
        self.flags() & flag != 0
    }

    /// The number of its cells.
    #[inline]
    pub fn cell_count(&self) -> usize {
        u32_at(self.header(), 0) as usize
    }

    #[inline]
    fn clustering_len(&self) -> usize {
        u32_at(self.header(), 4) as usize
    }

    /// The timestamp of the header: that of the liveness, and of all cells of a plain row.
    #[inline]
    pub fn timestamp(&self) -> i64 {
        i64_at(self.header(), 8)
    }

    /// Before it, in seconds since 1970, no cell is deleted or expired: 0 where there is a tombstone, `u32::MAX` where
    /// nothing expires either.
    #[inline]
    fn cells_live_before(&self) -> u32 {
        u32_at(self.header(), 16)
    }

    #[inline]
    fn complex_deletion_count(&self) -> usize {
        usize::from(u16::from_ne_bytes(at(self.header(), 20)))
    }

    #[inline]
    fn deletion_place(&self) -> usize {
        HEADER + if self.has(HAS_EXPIRY) { EXPIRY } else { 0 }
    }

    #[inline]
    fn complex_place(&self) -> usize {
        self.deletion_place() + if self.has(HAS_DELETION) { DELETION } else { 0 }
    }

    #[inline]
    fn cells_place(&self) -> usize {
        // Most rows have nothing before their cells.
        let complex_deletions = self.complex_deletion_count();
        if complex_deletions == 0 && self.flags() & (HAS_EXPIRY | HAS_DELETION) == 0 {
            return HEADER;
        }
        self.complex_place() + complex_deletions * COMPLEX_DELETION
    }

    #[inline]
    fn clustering_place(&self) -> usize {
        let width = if self.has(IS_PLAIN) { PLAIN_CELL } else { CELL };
        self.cells_place() + self.cell_count() * width
    }

    /// Its clustering.
    #[inline]
    pub fn clustering(&self) -> Prefix<'_> {
        let place = self.clustering_place();
        Prefix::of_buffer(&self.0[place..place + self.clustering_len()])
    }

    /// Its primary key liveness.
    #[inline]
    pub fn liveness(&self) -> LivenessInfo {
        if !self.has(HAS_LIVENESS) {
            return LivenessInfo::EMPTY;
        }
        let timestamp = self.timestamp();
        if !self.has(HAS_EXPIRY) {
            return LivenessInfo { timestamp, ttl: NO_TTL, local_expiration_time: NO_EXPIRATION };
        }
        let ttl = i32::from_ne_bytes(at(&self.0, HEADER));
        LivenessInfo { timestamp, ttl, local_expiration_time: i64_at(&self.0, HEADER + 4) }
    }

    /// Its deletion.
    #[inline]
    pub fn deletion(&self) -> DeletionTime {
        if self.has(HAS_DELETION) { deletion_at(&self.0, self.deletion_place()) } else { DeletionTime::LIVE }
    }

    /// Its cells, by their places.
    #[inline]
    fn cell_table(&self) -> CellTable<'_> {
        let (is_plain, cells) = (self.has(IS_PLAIN), self.cells_place());
        let clustering = cells + self.cell_count() * if is_plain { PLAIN_CELL } else { CELL };
        CellTable {
            entries: &self.0[cells..clustering],
            data: &self.0[clustering + self.clustering_len()..],
            timestamp: self.timestamp(),
            is_plain,
        }
    }

    /// The cell at a place below [`Row::cell_count`].
    pub fn cell_at(&self, index: usize) -> Cell<'_> {
        self.cell_table().cell(index)
    }

    /// Whether it holds a tombstone, or something expired, at that time (Cassandra: `Row.hasDeletion`).
    #[inline]
    pub fn has_deletion(&self, now_in_seconds: i64) -> bool {
        let cells_live_before = self.cells_live_before();
        cells_live_before != u32::MAX && now_in_seconds >= i64::from(cells_live_before)
            || self.has(HAS_DELETION)
            || self.complex_deletion_count() > 0
            || (self.has(HAS_EXPIRY) && !self.liveness().is_live(now_in_seconds))
    }

    /// Its cells, where it is plain, and nothing of it is deleted or expires.
    #[inline]
    pub fn plain_cells(&self) -> Option<PlainCells<'_>> {
        if !self.is_plain_and_live() {
            return None;
        }
        let (entries, values) = self.0[HEADER..].split_at(self.cell_count() * PLAIN_CELL);
        Some(PlainCells { entries: entries.as_chunks().0, values, clustering_len: self.clustering_len() })
    }

    #[inline]
    fn is_plain_and_live(&self) -> bool {
        self.flags() & (IS_PLAIN | HAS_DELETION | HAS_EXPIRY) == IS_PLAIN
            && self.complex_deletion_count() == 0
    }

    /// Whether it says something, and deletes nothing but single cells.
    #[inline]
    pub fn deletes_at_most_cells(&self) -> bool {
        self.flags() & HAS_DELETION == 0 && self.complex_deletion_count() == 0 && !self.is_empty()
    }

    /// The bytes of all its paths and values.
    pub fn data_len(&self) -> usize {
        self.cell_table().data.len()
    }

    /// Its cells, in order.
    #[inline]
    pub fn cells(&self) -> Cells<'_> {
        Cells { table: self.cell_table(), next: 0, end: self.cell_count() }
    }

    /// The cells of one column: one for a simple column, in the order of paths for a complex one.
    pub fn cells_of(&self, column: ColumnId) -> Cells<'_> {
        let table = self.cell_table();
        let next = table.first_of(column);
        let mut end = next;
        while end < table.len() && table.column(end) == column {
            end += 1;
        }
        Cells { table, next, end }
    }

    /// The cell of a simple column.
    pub fn cell(&self, column: ColumnId) -> Option<Cell<'_>> {
        let table = self.cell_table();
        let index = table.first_of(column);
        (index < table.len() && table.column(index) == column).then(|| table.cell(index))
    }

    /// The deletion of a complex column; live where there is none.
    pub fn complex_deletion(&self, column: ColumnId) -> DeletionTime {
        self.complex_deletions().find(|(c, _)| *c == column).map_or(DeletionTime::LIVE, |(_, d)| d)
    }

    /// The deletions of complex columns, by column id.
    pub fn complex_deletions(&self) -> impl ExactSizeIterator<Item = (ColumnId, DeletionTime)> + Clone + '_ {
        let entries = &self.0[self.complex_place()..self.cells_place()];
        entries.chunks_exact(COMPLEX_DELETION).map(|entry| (column_at(entry, 0), deletion_at(entry, 2)))
    }

    /// Whether it says nothing at all.
    pub fn is_empty(&self) -> bool {
        self.cell_count() == 0
            && self.complex_deletion_count() == 0
            && self.flags() & (HAS_LIVENESS | HAS_DELETION) == 0
    }

    /// The lowest timestamp in it, of its deletions too; `i64::MAX` where it is empty.
    pub fn min_timestamp(&self) -> i64 {
        if self.is_plain_and_live() {
            return if self.is_empty() { i64::MAX } else { self.timestamp() };
        }
        let of = |d: DeletionTime| if d.is_live() { i64::MAX } else { d.marked_for_delete_at };
        let mut min = of(self.deletion());
        if self.has(HAS_LIVENESS) {
            min = min.min(self.timestamp());
        }
        min = self.complex_deletions().fold(min, |min, (_, d)| min.min(of(d)));
        self.cells().fold(min, |min, cell| min.min(cell.timestamp))
    }

    /// The bytes it takes in memory, in all.
    pub fn memory_size(&self) -> usize {
        size_of::<Self>() + self.0.len()
    }

    /// Its buffer.
    pub fn buffer(&self) -> &[u8] {
        &self.0
    }

    /// The same row in another copy of its buffer.
    pub fn in_copy(&self, copy: impl FnOnce(&[u8]) -> Bytes) -> Row {
        let copied = copy(&self.0);
        debug_assert_eq!(copied, self.0, "a copy is the same");
        Row(copied)
    }
}

impl PartialEq for Row {
    /// Whether both say the same, wherever the values lie in their buffers.
    fn eq(&self, other: &Self) -> bool {
        self.clustering() == other.clustering()
            && self.liveness() == other.liveness()
            && self.deletion() == other.deletion()
            && self.complex_deletions().eq(other.complex_deletions())
            && self.cells().eq(other.cells())
    }
}

impl Eq for Row {}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row")
            .field("clustering", &self.clustering())
            .field("liveness", &self.liveness())
            .field("deletion", &self.deletion())
            .field("complex_deletions", &self.complex_deletions().collect::<Vec<_>>())
            .field("cells", &self.cells().collect::<Vec<_>>())
            .finish()
    }
}
