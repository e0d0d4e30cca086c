//! Rows and cells.

use bytes::{Bytes, BytesMut};

use super::clustering::Clustering;
use super::deletion::{DeletionTime, LivenessInfo, NO_EXPIRATION, NO_TTL};
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

/// Where a cell's bytes are: path and value follow each other in the row's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct CellHeader {
    timestamp: i64,
    /// `u32::MAX` stands for no deletion.
    local_deletion_time: u32,
    ttl: i32,
    offset: u32,
    value_len: u32,
    /// `u16::MAX` + 1 values: 0 for no path, else its length + 1.
    path_len_plus_one: u32,
    column: ColumnId,
}

/// One row (Cassandra: `Row`), immutable. Cells are ordered by column id, and within a complex column by path in
/// the order of the column's type. All values lie in one buffer.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its clustering.
    pub clustering: Clustering,
    /// Its primary key liveness.
    pub liveness: LivenessInfo,
    /// Its deletion.
    pub deletion: DeletionTime,
    cells: Box<[CellHeader]>,
    complex_deletions: Box<[(ColumnId, DeletionTime)]>,
    data: Bytes,
    /// Before it, in seconds since 1970, no cell is deleted or expired: 0 where there is a tombstone,
    /// `u32::MAX` where nothing expires either.
    cells_live_before: u32,
}

impl PartialEq for Row {
    /// Whether both say the same, wherever the values lie in their buffers.
    fn eq(&self, other: &Self) -> bool {
        self.clustering == other.clustering
            && self.liveness == other.liveness
            && self.deletion == other.deletion
            && self.complex_deletions == other.complex_deletions
            && self.cells().eq(other.cells())
    }
}

impl Eq for Row {}

impl Row {
    /// The number of its cells.
    pub fn cell_count(&self) -> usize {
        self.cells.len()
    }

    /// The cell at a place below [`Row::cell_count`].
    pub fn cell_at(&self, index: usize) -> Cell<'_> {
        self.view(&self.cells[index])
    }

    /// Whether it holds a tombstone, or something expired, at that time (Cassandra: `Row.hasDeletion`).
    pub fn has_deletion(&self, now_in_seconds: i64) -> bool {
        self.cells_live_before != u32::MAX && now_in_seconds >= i64::from(self.cells_live_before)
            || !self.deletion.is_live()
            || !self.complex_deletions.is_empty()
            || (!self.liveness.is_empty() && !self.liveness.is_live(now_in_seconds))
    }

    /// Whether it holds neither a tombstone nor anything that expires, at any time.
    pub fn is_plain(&self) -> bool {
        self.cells_live_before == u32::MAX
            && self.complex_deletions.is_empty()
            && self.deletion.is_live()
            && self.liveness.ttl == NO_TTL
    }

    /// The bytes of all its paths and values.
    pub fn data_len(&self) -> usize {
        self.data.len()
    }

    /// Its cells, in order.
    pub fn cells(&self) -> impl DoubleEndedIterator<Item = Cell<'_>> + ExactSizeIterator + Clone {
        self.cells.iter().map(|header| self.view(header))
    }

    /// The cells of one column: one for a simple column, in the order of paths for a complex one.
    pub fn cells_of(
        &self,
        column: ColumnId,
    ) -> impl DoubleEndedIterator<Item = Cell<'_>> + ExactSizeIterator + Clone {
        let start = self.cells.partition_point(|c| c.column < column);
        let end = self.cells.partition_point(|c| c.column <= column);
        self.cells[start..end].iter().map(|header| self.view(header))
    }

    /// The cell of a simple column.
    pub fn cell(&self, column: ColumnId) -> Option<Cell<'_>> {
        self.cells_of(column).next()
    }

    /// The deletion of a complex column; live where there is none.
    pub fn complex_deletion(&self, column: ColumnId) -> DeletionTime {
        self.complex_deletions.iter().find(|(c, _)| *c == column).map_or(DeletionTime::LIVE, |(_, d)| *d)
    }

    /// The deletions of complex columns, by column id.
    pub fn complex_deletions(&self) -> &[(ColumnId, DeletionTime)] {
        &self.complex_deletions
    }

    /// Whether it says nothing at all.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
            && self.complex_deletions.is_empty()
            && self.liveness.is_empty()
            && self.deletion.is_live()
    }

    /// The bytes it takes in memory, in all.
    pub fn memory_size(&self) -> usize {
        size_of::<Self>()
            + size_of_val(&*self.cells)
            + size_of_val(&*self.complex_deletions)
            + self.data.len()
            + self.clustering.buffer().len()
    }

    fn view(&self, header: &CellHeader) -> Cell<'_> {
        let start = header.offset as usize;
        let path_end = start + (header.path_len_plus_one as usize).saturating_sub(1);
        Cell {
            column: header.column,
            timestamp: header.timestamp,
            ttl: header.ttl,
            local_deletion_time: match header.local_deletion_time {
                u32::MAX => NO_EXPIRATION,
                seconds => i64::from(seconds),
            },
            path: (header.path_len_plus_one > 0).then(|| &self.data[start..path_end]),
            value: &self.data[path_end..path_end + header.value_len as usize],
        }
    }
}

/// Builds a [`Row`]. Cells may be added in any order of columns; those of one complex column in the order of
/// their paths.
#[derive(Debug, Default)]
pub struct RowBuilder {
    cells: Vec<CellHeader>,
    complex_deletions: Vec<(ColumnId, DeletionTime)>,
    data: BytesMut,
}

impl RowBuilder {
    /// An empty row.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty row with room for that many cells and bytes of paths and values.
    pub fn with_capacity(cells: usize, bytes: usize) -> Self {
        Self {
            cells: Vec::with_capacity(cells),
            complex_deletions: Vec::new(),
            data: BytesMut::with_capacity(bytes),
        }
    }

    /// Adds a cell. The row's values together must stay below 4 GiB, which frame and value limits see to.
    pub fn add(&mut self, cell: Cell<'_>) {
        let offset = u32::try_from(self.data.len()).expect("a row holds less than 4 GiB");
        let path_len_plus_one = cell.path.map_or(0, |path| path.len() as u32 + 1);
        self.data.extend_from_slice(cell.path.unwrap_or_default());
        self.data.extend_from_slice(cell.value);
        self.cells.push(CellHeader {
            timestamp: cell.timestamp,
            local_deletion_time: u32::try_from(cell.local_deletion_time).unwrap_or(u32::MAX),
            ttl: cell.ttl,
            offset,
            value_len: u32::try_from(cell.value.len()).expect("a value holds less than 4 GiB"),
            path_len_plus_one,
            column: cell.column,
        });
    }

    /// Sets the deletion of a complex column.
    pub fn add_complex_deletion(&mut self, column: ColumnId, deletion: DeletionTime) {
        self.complex_deletions.push((column, deletion));
    }

    /// Whether neither a cell nor a complex deletion was added.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty() && self.complex_deletions.is_empty()
    }

    /// The row. The sort is stable, so that the cells of a complex column stay in their order.
    pub fn build(mut self, clustering: Clustering, liveness: LivenessInfo, deletion: DeletionTime) -> Row {
        if !self.cells.is_sorted_by_key(|c| c.column) {
            self.cells.sort_by_key(|c| c.column);
        }
        self.complex_deletions.sort_by_key(|(c, _)| *c);
        let cells_live_before = self
            .cells
            .iter()
            .map(|c| match c.local_deletion_time {
                seconds if seconds != u32::MAX && c.ttl == NO_TTL => 0,
                seconds => seconds,
            })
            .min()
            .unwrap_or(u32::MAX);
        Row {
            cells_live_before,
            clustering,
            liveness,
            deletion,
            cells: self.cells.into_boxed_slice(),
            complex_deletions: self.complex_deletions.into_boxed_slice(),
            data: self.data.freeze(),
        }
    }
}
