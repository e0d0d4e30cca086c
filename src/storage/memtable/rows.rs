//! A partition in memory as a source of rows.

use std::collections::VecDeque;
use std::sync::Arc;

use super::super::comparator::Position;
use super::super::error::StorageError;
use super::super::model::{
    BoundKind, ClusteringBound, ClusteringIndexFilter, DecoratedKey, DeletionTime, RangeTombstone, Row, Slice,
};
use super::super::order::TableOrder;
use super::super::unfiltered::{RangeTombstoneMarker, RowsAtHand, Unfiltered, UnfilteredRowIterator};
use super::partition::PartitionData;
use super::row_set::Cursor;

/// Reads slices of a snapshot of a partition. Rows that deletions shadow come too: the merge removes them.
pub struct MemtableRows {
    order: TableOrder,
    key: DecoratedKey,
    data: Arc<PartitionData>,
    reversed: bool,
    /// The slices still to read, in reading order.
    slices: VecDeque<Slice>,
    /// The rows left of the current slice: from the first cursor up to the second one.
    rows: Option<(Cursor, Cursor)>,
    /// The markers left of the current slice, in reading order.
    markers: VecDeque<RangeTombstoneMarker>,
}

impl MemtableRows {
    /// The part of a partition that a filter selects.
    pub fn new(
        order: TableOrder,
        key: DecoratedKey,
        data: Arc<PartitionData>,
        filter: &ClusteringIndexFilter,
    ) -> Self {
        let mut slices: VecDeque<Slice> = match filter {
            ClusteringIndexFilter::Slices { slices, .. } => slices.iter().cloned().collect(),
            ClusteringIndexFilter::Names { clusterings, .. } => clusterings
                .iter()
                .map(|c| Slice {
                    start: ClusteringBound { kind: BoundKind::InclStart, prefix: c.clone() },
                    end: ClusteringBound { kind: BoundKind::InclEnd, prefix: c.clone() },
                })
                .collect(),
        };
        let reversed = filter.is_reversed();
        if reversed {
            slices.make_contiguous().reverse();
        }
        Self { order, key, data, reversed, slices, rows: None, markers: VecDeque::new() }
    }

    fn next_slice(&mut self) -> bool {
        let Some(slice) = self.slices.pop_front() else { return false };
        let comparator = self.order.clustering();
        let start = self.data.rows.seek(comparator, Position::from(&slice.start));
        let end = self.data.rows.seek(comparator, Position::from(&slice.end));
        self.rows = Some((start, end));
        if !self.data.range_tombstones.is_empty() {
            let tombstones = self.data.range_tombstones.within(comparator, &slice);
            self.markers = markers(tombstones).into();
            if self.reversed {
                self.markers.make_contiguous().reverse();
            }
        }
        true
    }

    /// Whether rows are left of the current slice.
    fn has_rows(&self) -> bool {
        self.rows.is_some_and(|(start, end)| start < end)
    }

    /// The next row of the current slice, and the rows left after it.
    fn peek_row(&self) -> Option<(&Row, (Cursor, Cursor))> {
        let (start, end) = self.rows.filter(|(start, end)| start < end)?;
        if self.reversed {
            let last = self.data.rows.before(end)?;
            Some((self.data.rows.at(last)?, (start, last)))
        } else {
            Some((self.data.rows.at(start)?, (self.data.rows.after(start), end)))
        }
    }

    fn next_in_slice(&mut self) -> Option<Unfiltered> {
        let row = self.peek_row();
        let marker_first = match (&row, self.markers.front()) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some((row, _)), Some(marker)) => {
                let ordering = self.order.clustering().compare(&marker.bound, &**row);
                if self.reversed { ordering.is_gt() } else { ordering.is_lt() }
            }
        };
        if marker_first {
            return self.markers.pop_front().map(Unfiltered::from);
        }
        let (row, rest) = row.map(|(row, rest)| (row.clone(), rest))?;
        self.rows = Some(rest);
        Some(Unfiltered::Row(row))
    }
}

/// The markers of tombstones that are in order and do not overlap; where one ends at the place where the next
/// one starts, a boundary.
pub fn markers(tombstones: Vec<RangeTombstone>) -> Vec<RangeTombstoneMarker> {
    let mut markers: Vec<RangeTombstoneMarker> = Vec::with_capacity(tombstones.len() * 2);
    for RangeTombstone { slice, deletion } in tombstones {
        if let Some(last) = markers.last_mut() {
            let boundary = match (last.bound.kind, slice.start.kind) {
                (BoundKind::ExclEnd, BoundKind::InclStart) => Some(BoundKind::ExclEndInclStartBoundary),
                (BoundKind::InclEnd, BoundKind::ExclStart) => Some(BoundKind::InclEndExclStartBoundary),
                _ => None,
            };
            if let Some(kind) = boundary
                && last.bound.prefix == slice.start.prefix
            {
                last.bound.kind = kind;
                last.start = Some(deletion);
                markers.push(RangeTombstoneMarker::bound(slice.end, deletion));
                continue;
            }
        }
        markers.push(RangeTombstoneMarker::bound(slice.start, deletion));
        markers.push(RangeTombstoneMarker::bound(slice.end, deletion));
    }
    markers
}

/// Rows that are looked at one after the other: they are waited for together, not each by itself.
const ROWS_AT_ONCE_MAX: usize = 32;

impl UnfilteredRowIterator for MemtableRows {
    fn key(&self) -> &DecoratedKey {
        &self.key
    }

    fn partition_deletion(&self) -> DeletionTime {
        self.data.deletion
    }

    fn static_row(&self) -> Option<&Row> {
        self.data.static_row.as_ref()
    }

    fn is_reversed(&self) -> bool {
        self.reversed
    }

    fn next_rows(&mut self, max: usize) -> RowsAtHand<'_> {
        while !self.has_rows() {
            if !self.markers.is_empty() || !self.next_slice() {
                return RowsAtHand::None;
            }
        }
        match self.rows {
            Some((start, end)) if self.markers.is_empty() && !self.reversed => {
                let (rows, rest) = self.data.rows.run(start, end, max.min(ROWS_AT_ONCE_MAX));
                self.rows = Some((rest, end));
                rows
            }
            _ => RowsAtHand::None,
        }
    }

    fn next(&mut self) -> Result<Option<Unfiltered>, StorageError> {
        loop {
            if let Some(item) = self.next_in_slice() {
                return Ok(Some(item));
            }
            if !self.next_slice() {
                return Ok(None);
            }
        }
    }
}
