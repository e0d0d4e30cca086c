//! Several sources of one partition become one (Cassandra: `UnfilteredRowIterators.merge`).

use std::cmp::Ordering;

use smallvec::SmallVec;

use super::super::comparator::Position;
use super::super::error::StorageError;
use super::super::heap_size::Provenance;
use super::super::model::{BoundKind, ClusteringBound, ColumnFilter, DecoratedKey, DeletionTime, Row};
use super::super::order::TableOrder;
use super::super::unfiltered::{
    BoxedRowIterator, RangeTombstoneMarker, RowsAtHand, Unfiltered, UnfilteredRowIterator,
};
use super::rows::{merge_only, merge_rows};

/// Merges sources of one partition, read in the same direction. Rows and range tombstones that others shadow are
/// gone from it; a row that only one source has and nothing shadows is handed out as it is.
pub struct MergedRows {
    order: TableOrder,
    key: DecoratedKey,
    sources: Vec<Source>,
    partition_deletion: DeletionTime,
    static_row: Option<Row>,
    reversed: bool,
    /// The range tombstone that is open in the merged stream, live where none is.
    open: DeletionTime,
    columns: ColumnFilter,
}

struct Source {
    rows: BoxedRowIterator,
    head: Option<Unfiltered>,
    /// The range tombstone that is open in this source.
    open: DeletionTime,
    started: bool,
}

impl MergedRows {
    /// A merge of one or more sources of the partition with this key.
    pub fn new(
        order: TableOrder,
        key: DecoratedKey,
        reversed: bool,
        sources: Vec<BoxedRowIterator>,
    ) -> MergedRows {
        let partition_deletion = sources
            .iter()
            .map(UnfilteredRowIterator::partition_deletion)
            .fold(DeletionTime::LIVE, DeletionTime::max);
        let statics: SmallVec<[Row; 4]> = sources.iter().filter_map(|s| s.static_row().cloned()).collect();
        let static_row = merge_rows(&order, &statics, partition_deletion, &ColumnFilter::ALL);
        let sources = sources
            .into_iter()
            .map(|rows| Source { rows, head: None, open: DeletionTime::LIVE, started: false })
            .collect();
        let (open, columns) = (DeletionTime::LIVE, ColumnFilter::ALL);
        Self { order, key, sources, partition_deletion, static_row, reversed, open, columns }
    }

    /// The same merge for somebody who wants only these columns: rows that have to be merged come without the values
    /// of others.
    pub fn with_columns(self, columns: &ColumnFilter) -> Self {
        Self { columns: columns.clone(), ..self }
    }

    fn start(&mut self) -> Result<(), StorageError> {
        for source in &mut self.sources {
            if !source.started {
                source.head = source.rows.next()?;
                source.started = true;
            }
        }
        Ok(())
    }

    /// The next of the only source.
    fn next_of_only(&mut self) -> Result<Option<Unfiltered>, StorageError> {
        while let Some(source) = self.sources.first_mut()
            && let Some(next) = source.rows.next()?
        {
            let left = match next {
                Unfiltered::Row(row) => {
                    merge_only(&self.order, row, self.active_deletion(), &self.columns).map(Unfiltered::Row)
                }
                Unfiltered::Marker(marker) => self.merge_markers(&[0], vec![*marker]),
            };
            if left.is_some() {
                return Ok(left);
            }
        }
        Ok(None)
    }

    fn active_deletion(&self) -> DeletionTime {
        if self.open.is_live() { self.partition_deletion } else { self.open }
    }

    /// The sources whose heads stand at the next place.
    fn next_heads(&self) -> SmallVec<[usize; 8]> {
        let mut heads: SmallVec<[usize; 8]> = SmallVec::new();
        let mut least: Option<Position<'_>> = None;
        for (i, source) in self.sources.iter().enumerate() {
            let Some(head) = &source.head else { continue };
            let position = Position::from(head);
            let ordering = match least {
                None => Ordering::Less,
                Some(least) => {
                    let ordering = self.order.clustering().compare(position, least);
                    if self.reversed { ordering.reverse() } else { ordering }
                }
            };
            if ordering.is_lt() {
                heads.clear();
                least = Some(position);
            }
            if ordering.is_le() {
                heads.push(i);
            }
        }
        heads
    }

    fn merge_markers(&mut self, heads: &[usize], markers: Vec<RangeTombstoneMarker>) -> Option<Unfiltered> {
        let bound = markers.first()?.bound.clone();
        for (i, marker) in heads.iter().zip(&markers) {
            self.sources[*i].open = marker.open_deletion(self.reversed).unwrap_or(DeletionTime::LIVE);
        }
        let previous = self.open;
        let greatest = self.sources.iter().map(|s| s.open).fold(DeletionTime::LIVE, DeletionTime::max);
        self.open = if greatest.supersedes(&self.partition_deletion) && !greatest.is_live() {
            greatest
        } else {
            DeletionTime::LIVE
        };
        marker_between(bound, previous, self.open, self.reversed).map(Unfiltered::from)
    }
}

/// The marker that leads from one open deletion to the next one, in reading direction, at the place of `bound`.
pub fn marker_between(
    bound: ClusteringBound,
    previous: DeletionTime,
    next: DeletionTime,
    reversed: bool,
) -> Option<RangeTombstoneMarker> {
    if previous == next {
        return None;
    }
    // In clustering order: what ends here and what starts here.
    let (end, start) = if reversed { (next, previous) } else { (previous, next) };
    let before = bound.kind.compared_to_clustering().is_lt();
    let at = |kind| ClusteringBound { kind, prefix: bound.prefix.clone() };
    Some(match (end.is_live(), start.is_live(), before) {
        (true, _, true) => RangeTombstoneMarker::bound(at(BoundKind::InclStart), start),
        (true, _, false) => RangeTombstoneMarker::bound(at(BoundKind::ExclStart), start),
        (_, true, true) => RangeTombstoneMarker::bound(at(BoundKind::ExclEnd), end),
        (_, true, false) => RangeTombstoneMarker::bound(at(BoundKind::InclEnd), end),
        (_, _, true) => RangeTombstoneMarker::boundary(at(BoundKind::ExclEndInclStartBoundary), end, start),
        (_, _, false) => RangeTombstoneMarker::boundary(at(BoundKind::InclEndExclStartBoundary), end, start),
    })
}

impl UnfilteredRowIterator for MergedRows {
    fn key(&self) -> &DecoratedKey {
        &self.key
    }

    fn partition_deletion(&self) -> DeletionTime {
        self.partition_deletion
    }

    fn static_row(&self) -> Option<&Row> {
        self.static_row.as_ref()
    }

    fn is_reversed(&self) -> bool {
        self.reversed
    }

    fn provenance(&self) -> Provenance {
        self.sources.iter().map(|source| source.rows.provenance()).fold(Provenance::MEMTABLE, Provenance::and)
    }

    fn next_rows(&mut self, max: usize) -> RowsAtHand<'_> {
        let is_shadowed = !self.active_deletion().is_live();
        match &mut self.sources[..] {
            [only] if !is_shadowed => only.rows.next_rows(max),
            _ => RowsAtHand::None,
        }
    }

    fn next(&mut self) -> Result<Option<Unfiltered>, StorageError> {
        if self.sources.len() == 1 {
            return self.next_of_only();
        }
        self.start()?;
        loop {
            let heads = self.next_heads();
            if heads.is_empty() {
                return Ok(None);
            }
            let mut rows: SmallVec<[Row; 8]> = SmallVec::new();
            let mut markers = Vec::new();
            for &i in &heads {
                let source = &mut self.sources[i];
                let next = source.rows.next()?;
                match std::mem::replace(&mut source.head, next) {
                    Some(Unfiltered::Row(row)) => rows.push(row),
                    Some(Unfiltered::Marker(marker)) => markers.push(*marker),
                    None => {}
                }
            }
            let merged = if markers.is_empty() {
                merge_rows(&self.order, &rows, self.active_deletion(), &self.columns).map(Unfiltered::Row)
            } else {
                self.merge_markers(&heads, markers)
            };
            if merged.is_some() {
                return Ok(merged);
            }
        }
    }
}
