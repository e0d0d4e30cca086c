//! The form in which every source (memtable, SSTable, merge) yields a partition: its rows and range tombstone
//! markers in clustering order (Cassandra: `Unfiltered`, `UnfilteredRowIterator`).

use std::ops::Range;
use std::sync::Arc;

use super::error::StorageError;
use super::heap_size::Provenance;
use super::model::{BoundKind, ClusteringBound, DecoratedKey, DeletionTime, Row};

/// A row, or one end of a range tombstone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfiltered {
    /// A row.
    Row(Row),
    /// An end of one range tombstone, or the place where one ends and the next starts: rare beside rows, and large.
    Marker(Box<RangeTombstoneMarker>),
}

/// One end of a range tombstone, or a boundary between two (Cassandra: `RangeTombstoneMarker`).
///
/// ```text
/// kind                                        end    start
/// InclStart, ExclStart                        -      what starts here
/// InclEnd, ExclEnd                            what ends here   -
/// ExclEndInclStart-, InclEndExclStartBoundary what ends here   what starts here
/// ```
///
/// `end` and `start` are in clustering order, also where the iterator is reversed; see
/// [`RangeTombstoneMarker::open_deletion`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeTombstoneMarker {
    /// The place.
    pub bound: ClusteringBound,
    /// The deletion that ends here, in clustering order.
    pub end: Option<DeletionTime>,
    /// The deletion that starts here, in clustering order.
    pub start: Option<DeletionTime>,
}

impl From<RangeTombstoneMarker> for Unfiltered {
    fn from(marker: RangeTombstoneMarker) -> Self {
        Self::Marker(Box::new(marker))
    }
}

impl RangeTombstoneMarker {
    /// A bound: `kind` is one of the four that are not boundaries.
    pub fn bound(bound: ClusteringBound, deletion: DeletionTime) -> Self {
        let is_start = matches!(bound.kind, BoundKind::InclStart | BoundKind::ExclStart);
        Self { bound, end: (!is_start).then_some(deletion), start: is_start.then_some(deletion) }
    }

    /// A boundary: `kind` is one of the two boundaries.
    pub fn boundary(bound: ClusteringBound, end: DeletionTime, start: DeletionTime) -> Self {
        Self { bound, end: Some(end), start: Some(start) }
    }

    /// Whether one deletion ends and another one starts here.
    pub fn is_boundary(&self) -> bool {
        self.end.is_some() && self.start.is_some()
    }

    /// The deletion that holds from here on for somebody who reads in that direction.
    pub fn open_deletion(&self, reversed: bool) -> Option<DeletionTime> {
        if reversed { self.end } else { self.start }
    }

    /// The deletion that held up to here for somebody who reads in that direction.
    pub fn close_deletion(&self, reversed: bool) -> Option<DeletionTime> {
        if reversed { self.start } else { self.end }
    }
}

/// Rows that lie one after the other, each one of which [`Row::deletes_at_most_cells`] is true.
#[derive(Debug)]
pub enum RowsAtHand<'r> {
    /// None, which says nothing about what is to come.
    None,
    /// One.
    Row(&'r Row),
    /// Those at some places of a chunk.
    Run(&'r Arc<Vec<Row>>, Range<usize>),
}

/// One partition, or slices of it, from one source. Items come in clustering order, or in reversed clustering
/// order; every range tombstone that is opened is closed; none of them overlap.
pub trait UnfilteredRowIterator: Send {
    /// The partition's key.
    fn key(&self) -> &DecoratedKey;

    /// The deletion of the whole partition, [`DeletionTime::LIVE`] where there is none.
    fn partition_deletion(&self) -> DeletionTime;

    /// The static row, where there is one. Its clustering is empty.
    fn static_row(&self) -> Option<&Row>;

    /// Whether items come in reversed clustering order.
    fn is_reversed(&self) -> bool;

    /// Where its rows come from.
    fn provenance(&self) -> Provenance {
        Provenance::MEMTABLE
    }

    /// The next row or marker. After an error the iterator must not be used again.
    fn next(&mut self) -> Result<Option<Unfiltered>, StorageError>;

    /// The next rows, at most so many. None is what any iterator may give: then [`Self::next`] goes on.
    fn next_rows(&mut self, _max: usize) -> RowsAtHand<'_> {
        RowsAtHand::None
    }
}

impl<T: UnfilteredRowIterator + ?Sized> UnfilteredRowIterator for Box<T> {
    fn key(&self) -> &DecoratedKey {
        (**self).key()
    }

    fn partition_deletion(&self) -> DeletionTime {
        (**self).partition_deletion()
    }

    fn static_row(&self) -> Option<&Row> {
        (**self).static_row()
    }

    fn is_reversed(&self) -> bool {
        (**self).is_reversed()
    }

    fn provenance(&self) -> Provenance {
        (**self).provenance()
    }

    fn next(&mut self) -> Result<Option<Unfiltered>, StorageError> {
        (**self).next()
    }

    fn next_rows(&mut self, max: usize) -> RowsAtHand<'_> {
        (**self).next_rows(max)
    }
}

/// A partition as every source hands it out.
pub type BoxedRowIterator = Box<dyn UnfilteredRowIterator>;

/// Partitions in the order of their keys (token, then bytes), each key once (Cassandra:
/// `UnfilteredPartitionIterator`). The partitions own what they need: they may outlive the next call.
pub trait UnfilteredPartitionIterator: Send {
    /// The next partition. After an error the iterator must not be used again.
    fn next_partition(&mut self) -> Result<Option<BoxedRowIterator>, StorageError>;
}

impl<T: UnfilteredPartitionIterator + ?Sized> UnfilteredPartitionIterator for Box<T> {
    fn next_partition(&mut self) -> Result<Option<BoxedRowIterator>, StorageError> {
        (**self).next_partition()
    }
}

/// Partitions as every source hands them out.
pub type BoxedPartitionIterator = Box<dyn UnfilteredPartitionIterator>;
