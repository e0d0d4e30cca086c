//! How many bytes Cassandra's objects for what is read would take (`unsharedHeapSize`, on a JVM of 64 bits with
//! compressed references): the thresholds of `local_read_size_*` and `row_index_read_size_*` are held against that, so
//! that one setting means the same on both.

use std::collections::BTreeSet;

use super::model::{Cell, ColumnFilter, DeletionTime, LivenessInfo, Prefix, Row};
use super::unfiltered::RangeTombstoneMarker;
use crate::schema::ColumnId;

/// Where rows lie. Memtables hand out parts of large buffers; what is read from a file has arrays of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In a memtable.
    Memtable,
    /// In an SSTable.
    SSTable,
}

/// Where the rows of a partition come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// Where they lie.
    pub place: Place,
    /// The size of the largest index that was read to find them; 0 where there was none.
    pub row_index: u64,
}

impl Provenance {
    /// Rows of a memtable.
    pub const MEMTABLE: Provenance = Provenance { place: Place::Memtable, row_index: 0 };

    /// Rows of an SSTable, whose index has so many entries, in so many bytes.
    pub fn sstable(entries: usize, bytes: usize) -> Self {
        Self { place: Place::SSTable, row_index: INDEX_ENTRY * entries as u64 + bytes as u64 }
    }

    /// Rows of both.
    pub fn and(self, other: Self) -> Self {
        Self { place: self.place.max(other.place), row_index: self.row_index.max(other.row_index) }
    }
}

/// The static row of a partition that has none, where the table has static columns and the partition is in a file.
pub const EMPTY_ROW: u64 = 40;

const ROW: u64 = EMPTY_ROW;
const ROW_DELETION: u64 = 24;
const CELL: u64 = 40;
const CELL_PATH: u64 = 16;
const BUFFER: u64 = 56;
const CLUSTERING: u64 = 24;
const COMPLEX_COLUMN: u64 = 24;
const MARKER: u64 = 24;
const DELETION: u64 = 24;
const LIVENESS: u64 = 24;
const EXPIRING_LIVENESS: u64 = 32;
/// An entry of a partition's index: `IndexInfo`, `ArrayClustering`, `DeletionTime`.
const INDEX_ENTRY: u64 = 40 + CLUSTERING + DELETION;

/// An array, padded.
fn array(bytes: u64) -> u64 {
    (16 + bytes).next_multiple_of(8)
}

fn references(count: usize) -> u64 {
    array(4 * count as u64)
}

/// A tree of so many values: one leaf of an odd number of places; more than fit into it get a node above them.
fn tree(count: usize) -> u64 {
    const LEAF_MAX: usize = 31;
    match count {
        0 => 0,
        1..=LEAF_MAX => references(count | 1),
        _ => {
            let leaves = count.div_ceil(LEAF_MAX + 1);
            leaves as u64 * references(LEAF_MAX) + references(2 * leaves) + array(4 * leaves as u64)
        }
    }
}

fn buffer(length: usize, place: Place) -> u64 {
    match place {
        // A value without bytes is no part of a larger buffer.
        Place::Memtable if length > 0 => BUFFER + length as u64,
        _ => BUFFER + array(length as u64),
    }
}

fn value(length: usize, place: Place) -> u64 {
    match place {
        Place::Memtable => buffer(length, place),
        Place::SSTable => array(length as u64),
    }
}

fn clustering(clustering: Prefix<'_>, place: Place) -> u64 {
    if clustering.is_empty() {
        return 0;
    }
    let values = clustering.values().flatten().map(|bytes| value(bytes.len(), place));
    CLUSTERING + references(clustering.len()) + values.sum::<u64>()
}

fn liveness(liveness: &LivenessInfo) -> u64 {
    match () {
        () if liveness.is_empty() => 0,
        () if liveness.ttl == 0 => LIVENESS,
        () => EXPIRING_LIVENESS,
    }
}

/// A partition's key.
pub fn key(length: usize, place: Place) -> u64 {
    buffer(length, place)
}

/// A partition's deletion.
pub fn deletion(deletion: DeletionTime) -> u64 {
    if deletion.is_live() { 0 } else { DELETION }
}

/// A bound of a range of deleted rows.
pub fn marker(marker: &RangeTombstoneMarker) -> u64 {
    MARKER + if marker.is_boundary() { 2 * DELETION } else { DELETION }
}

/// What Cassandra reads of a cell: nothing where it is not queried and older than its row.
fn read<'c>(cell: Cell<'c>, row: &Row, columns: &ColumnFilter) -> Option<Cell<'c>> {
    let counts = cell.timestamp >= row.liveness().timestamp || columns.queries_cell(cell.column, cell.path);
    counts.then(|| columns.fetched(cell))
}

/// A row of which these columns are read. Where none is queried, so that only the keys are, Cassandra reads all of them.
pub fn row(row: &Row, place: Place, columns: &ColumnFilter) -> u64 {
    let reads_all = columns.queries_nothing();
    let read = |cell| if reads_all { Some(cell) } else { read(cell, row, columns) };
    let mut complex: BTreeSet<ColumnId> = row.complex_deletions().map(|(column, _)| column).collect();
    let mut simple = 0;
    let mut cells = 0;
    for cell in row.cells().filter_map(read) {
        cells += CELL + value(cell.value.len(), place);
        match cell.path {
            None => simple += 1,
            Some(path) => {
                cells += CELL_PATH + buffer(path.len(), place);
                complex.insert(cell.column);
            }
        }
    }
    let complex_columns = complex.iter().map(|column| {
        let elements = row.cells().filter_map(read);
        let elements = elements.filter(|cell| cell.column == *column && cell.path.is_some()).count();
        COMPLEX_COLUMN + tree(elements)
    });
    let row_deletion = if row.deletion().is_live() { 0 } else { ROW_DELETION + DELETION };
    ROW + clustering(row.clustering(), place)
        + liveness(&row.liveness())
        + row_deletion
        + tree(simple + complex.len())
        + cells
        + complex_columns.sum::<u64>()
        + row.complex_deletions().len() as u64 * DELETION
}
