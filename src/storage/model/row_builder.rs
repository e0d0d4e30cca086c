//! Builds rows.

use bytes::{BufMut, Bytes};

use super::super::arena::Arena;
use super::cell::Cell;
use super::clustering::Prefix;
use super::deletion::{DeletionTime, LivenessInfo, NO_TTL};
use super::row::{
    CELL, COMPLEX_DELETION, DELETION, EXPIRY, HAS_DELETION, HAS_EXPIRY, HAS_LIVENESS, HEADER, IS_PLAIN,
    PLAIN_CELL, Row,
};
use crate::schema::ColumnId;

/// A cell, whose path and value lie in the builder's data.
#[derive(Clone, Copy, Debug)]
struct CellEntry {
    timestamp: i64,
    /// `u32::MAX` stands for no deletion.
    local_deletion_time: u32,
    ttl: i32,
    /// Where its path and value stand in the builder's data, and their bytes.
    place: u32,
    data_len: u32,
    /// 0 for no path, else its length + 1.
    path_len_plus_one: u32,
    column: ColumnId,
}

impl CellEntry {
    fn is_plain(&self, timestamp: i64) -> bool {
        self.timestamp == timestamp
            && self.local_deletion_time == u32::MAX
            && self.ttl == NO_TTL
            && self.path_len_plus_one == 0
    }
}

/// What is to be written before the cells.
struct Head<'c> {
    flags: u8,
    timestamp: i64,
    liveness: LivenessInfo,
    deletion: DeletionTime,
    clustering: &'c [u8],
    /// Whether the cells were added in the order in which they stand in the row.
    is_in_order: bool,
    /// The bytes of the whole row.
    row_len: usize,
}

/// Builds a [`Row`]. Cells may be added in any order of columns; those of one complex column in the order of
/// their paths.
#[derive(Debug, Default)]
pub struct RowBuilder {
    cells: Vec<CellEntry>,
    complex_deletions: Vec<(ColumnId, DeletionTime)>,
    data: Vec<u8>,
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
            data: Vec::with_capacity(bytes + 4 * cells),
        }
    }

    /// Adds a cell. The row's values together must stay below 4 GiB, which frame and value limits see to.
    pub fn add(&mut self, cell: Cell<'_>) {
        let place = count(self.data.len());
        let value_len = count(cell.value.len());
        self.data.extend_from_slice(cell.path.unwrap_or_default());
        self.data.extend_from_slice(&value_len.to_be_bytes());
        self.data.extend_from_slice(cell.value);
        self.cells.push(CellEntry {
            timestamp: cell.timestamp,
            local_deletion_time: u32::try_from(cell.local_deletion_time).unwrap_or(u32::MAX),
            ttl: cell.ttl,
            place,
            data_len: count(self.data.len()) - place,
            path_len_plus_one: cell.path.map_or(0, |path| path.len() as u32 + 1),
            column: cell.column,
        });
    }

    /// Adds a cell that says nothing but its value: its timestamp is the one of the row, it has neither a path nor an
    /// end.
    #[inline]
    pub fn add_plain(&mut self, column: ColumnId, timestamp: i64, value: &[u8]) {
        let (place, value_len) = (count(self.data.len()), count(value.len()));
        self.data.extend_from_slice(&value_len.to_be_bytes());
        self.data.extend_from_slice(value);
        self.cells.push(CellEntry {
            timestamp,
            local_deletion_time: u32::MAX,
            ttl: NO_TTL,
            place,
            data_len: 4 + value_len,
            path_len_plus_one: 0,
            column,
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
    pub fn build<'c>(
        mut self,
        clustering: impl Into<Prefix<'c>>,
        liveness: LivenessInfo,
        deletion: DeletionTime,
    ) -> Row {
        self.build_next(clustering, liveness, deletion)
    }

    /// The row. The builder is empty then, and keeps its memory for the next one.
    pub fn build_next<'c>(
        &mut self,
        clustering: impl Into<Prefix<'c>>,
        liveness: LivenessInfo,
        deletion: DeletionTime,
    ) -> Row {
        let head = self.finish(clustering.into(), liveness, deletion);
        let mut out = Vec::with_capacity(head.row_len);
        self.write(&head, &mut out);
        assert_eq!(out.len(), head.row_len, "every part of a row has its place");
        self.clear();
        Row(Bytes::from(out))
    }

    /// The bytes that it has room for.
    pub fn capacity(&self) -> usize {
        self.data.capacity()
            + self.cells.capacity() * size_of::<CellEntry>()
            + self.complex_deletions.capacity() * size_of::<(ColumnId, DeletionTime)>()
    }

    /// The row, in an arena. The builder is empty then, and keeps its memory for the next one.
    pub fn build_in<'c>(
        &mut self,
        arena: &mut Arena,
        clustering: impl Into<Prefix<'c>>,
        liveness: LivenessInfo,
        deletion: DeletionTime,
    ) -> Row {
        let head = self.finish(clustering.into(), liveness, deletion);
        let row = Row(arena.fill(head.row_len, |out| self.write(&head, out)));
        self.clear();
        row
    }

    /// Takes everything out of it.
    pub fn clear(&mut self) {
        self.cells.clear();
        self.complex_deletions.clear();
        self.data.clear();
    }

    /// Brings everything into its order, and says what stands before it.
    fn finish<'c>(
        &mut self,
        clustering: Prefix<'c>,
        liveness: LivenessInfo,
        deletion: DeletionTime,
    ) -> Head<'c> {
        let is_in_order = self.cells.is_sorted_by_key(|c| c.column);
        if !is_in_order {
            self.cells.sort_by_key(|c| c.column);
        }
        self.complex_deletions.sort_by_key(|(c, _)| *c);
        let timestamp = match self.cells.first() {
            Some(first) if liveness.is_empty() => first.timestamp,
            _ => liveness.timestamp,
        };
        let is_plain = self.cells.iter().all(|c| c.is_plain(timestamp));
        let has_expiry = !liveness.is_empty() && liveness.ttl != NO_TTL;
        let mut flags = if is_plain { IS_PLAIN } else { 0 };
        flags |= if liveness.is_empty() { 0 } else { HAS_LIVENESS };
        flags |= if has_expiry { HAS_EXPIRY } else { 0 };
        flags |= if deletion.is_live() { 0 } else { HAS_DELETION };
        let clustering = clustering.buffer();
        let row_len = HEADER
            + if has_expiry { EXPIRY } else { 0 }
            + if deletion.is_live() { 0 } else { DELETION }
            + self.complex_deletions.len() * COMPLEX_DELETION
            + self.cells.len() * if is_plain { PLAIN_CELL } else { CELL }
            + clustering.len()
            + self.data.len();
        Head { flags, timestamp, liveness, deletion, clustering, is_in_order, row_len }
    }

    fn write(&self, head: &Head<'_>, out: &mut impl BufMut) {
        let complex_deletions = u16::try_from(self.complex_deletions.len());
        let mut header = [0; HEADER];
        header[..4].copy_from_slice(&count(self.cells.len()).to_ne_bytes());
        header[4..8].copy_from_slice(&count(head.clustering.len()).to_ne_bytes());
        header[8..16].copy_from_slice(&head.timestamp.to_ne_bytes());
        header[16..20].copy_from_slice(&self.cells_live_before().to_ne_bytes());
        header[20..22].copy_from_slice(
            &complex_deletions.expect("a table has fewer than 65,536 columns").to_ne_bytes(),
        );
        header[22] = head.flags;
        out.put_slice(&header);
        if head.flags & HAS_EXPIRY != 0 {
            out.put_slice(&head.liveness.ttl.to_ne_bytes());
            out.put_slice(&head.liveness.local_expiration_time.to_ne_bytes());
        }
        if head.flags & HAS_DELETION != 0 {
            put_deletion(out, head.deletion);
        }
        for (column, deletion) in &self.complex_deletions {
            out.put_slice(&column.0.to_ne_bytes());
            put_deletion(out, *deletion);
        }
        let mut place = 0;
        for cell in &self.cells {
            put_cell(out, cell, place, head.flags & IS_PLAIN != 0);
            place += cell.data_len;
        }
        out.put_slice(head.clustering);
        if head.is_in_order {
            return out.put_slice(&self.data);
        }
        for cell in &self.cells {
            let place = cell.place as usize;
            out.put_slice(&self.data[place..place + cell.data_len as usize]);
        }
    }

    fn cells_live_before(&self) -> u32 {
        let of = |c: &CellEntry| match c.local_deletion_time {
            seconds if seconds != u32::MAX && c.ttl == NO_TTL => 0,
            seconds => seconds,
        };
        self.cells.iter().map(of).min().unwrap_or(u32::MAX)
    }
}

fn count(count: usize) -> u32 {
    u32::try_from(count).expect("a row holds less than 4 GiB")
}

fn put_deletion(out: &mut impl BufMut, deletion: DeletionTime) {
    out.put_slice(&deletion.marked_for_delete_at.to_ne_bytes());
    out.put_slice(&deletion.local_deletion_time.to_ne_bytes());
}

fn put_cell(out: &mut impl BufMut, cell: &CellEntry, place: u32, is_plain: bool) {
    let mut entry = [0; CELL];
    entry[..2].copy_from_slice(&cell.column.0.to_ne_bytes());
    entry[2..6].copy_from_slice(&place.to_ne_bytes());
    if is_plain {
        return out.put_slice(&entry[..PLAIN_CELL]);
    }
    entry[6..10].copy_from_slice(&cell.path_len_plus_one.to_ne_bytes());
    entry[10..18].copy_from_slice(&cell.timestamp.to_ne_bytes());
    entry[18..22].copy_from_slice(&cell.ttl.to_ne_bytes());
    entry[22..].copy_from_slice(&cell.local_deletion_time.to_ne_bytes());
    out.put_slice(&entry);
}
