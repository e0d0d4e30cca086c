//! Whoever wants to see what a write changes, and what files are written: indexes, views, change data capture.
//!
//! # The contract
//!
//! A [`WriteObserver`] is registered for one table with [`Storage::observe`](super::Storage::observe), between
//! `Storage::open` and `Storage::recover`, or before anything is written to the table: then it sees every update, whoever
//! made it (a client, a peer, a hint, a stream, replay). It says which old rows it wants to be shown:
//!
//! - [`OldRows::InMemtable`]: what the memtable held. Costs nothing but the call; the observer is called while the
//!   memtable's shard is locked, and must neither wait, nor read, nor write.
//! - [`OldRows::Merged`]: what a reader would have found, of memtables and SSTables. Before such an update goes into the
//!   commit log, the rows that it touches (those that it names, and those that its deletions cover) are read under the
//!   partition's lock, which is held until the observer was told; so old and new rows of a partition follow each other
//!   without gap or overlap. Where rows have to come from the disk, the write ends with
//!   [`StorageError::WouldBlock`](super::StorageError::WouldBlock) before anything has changed, and is to be run again on
//!   a thread that may block. An observer may write to other tables, as long as these have no observers of merged rows.
//!
//! Tables without observers pay for one atomic load. In both cases rows are as they are stored: what is deleted or
//! expired is still in them ([`purge_row`](super::purge_row) takes it out), but not what newer deletions shadow. A row
//! of which nothing changes, since all that was written is older, is not shown in merged form.
//!
//! All calls for one update come within the table's gate: a flush has either all of it or nothing. The update says by
//! [`ObservedUpdate::memtable`] where it goes; [`NewSSTable::memtables`] says what a flush writes. So who keeps something
//! in memory for each memtable knows when to let it go: at [`FileObserver::replaced`], which comes after the new SSTable
//! can be read and before the memtable goes.
//!
//! A [`FileObserver`] sees every SSTable of a table being written, by flush and compaction alike, in the order of the
//! file, after purging; it may write components of its own beside the others, under the new SSTable's name, which the
//! transaction then keeps or removes with it.

use std::fmt;
use std::sync::Arc;

use super::error::StorageError;
use super::lifecycle::Operation;
use super::memtable::MemtableId;
use super::model::{DecoratedKey, DeletionTime, RangeTombstone, Row};
use super::sstable::{Descriptor, SSTableReader};
use super::unfiltered::Unfiltered;
use crate::schema::TableMetadata;

/// Which old rows an observer is to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldRows {
    /// What the memtable held.
    InMemtable,
    /// What memtables and SSTables held, merged.
    Merged,
}

/// Sees every update of the tables it is registered for.
pub trait WriteObserver: Send + Sync {
    /// Which old rows it wants. Always the same.
    fn old_rows(&self) -> OldRows {
        OldRows::InMemtable
    }

    /// The observer of one update to one partition.
    fn begin<'a>(&'a self, update: &ObservedUpdate<'_>) -> Box<dyn PartitionObserver + 'a>;

    /// All rows were forgotten. Nobody writes to the table meanwhile.
    fn truncated(&self) {}
}

/// An update that is being applied.
#[derive(Clone, Copy, Debug)]
pub struct ObservedUpdate<'u> {
    /// The table, as it was when the update was made.
    pub table: &'u Arc<TableMetadata>,
    /// The partition.
    pub key: &'u DecoratedKey,
    /// The memtable that it goes to.
    pub memtable: MemtableId,
}

/// Sees what one update changes.
pub trait PartitionObserver {
    /// The partition was deleted. Rows that go with it are shown too, where old rows are merged.
    fn partition_deleted(&mut self, _deletion: DeletionTime) {}
    /// A slice was deleted. Rows that go with it are shown too, where old rows are merged.
    fn range_deleted(&mut self, _tombstone: &RangeTombstone) {}
    /// The static row was changed. No new row: nothing is left of it.
    fn static_row_changed(&mut self, _old: Option<&Row>, _new: Option<&Row>) {}
    /// A row was changed. No new row: nothing is left of it.
    fn row_changed(&mut self, _old: Option<&Row>, _new: Option<&Row>) {}
    /// The update is complete; still under the lock.
    fn finish(&mut self) {}
}

/// Sees which SSTables of a table come and go, and what is written to them.
pub trait FileObserver: Send + Sync {
    /// An SSTable is about to be written; whoever wants to see its content says so. An error fails the write.
    fn writing(&self, new: &NewSSTable<'_>) -> Result<Option<Box<dyn ContentObserver>>, StorageError>;

    /// SSTables took the place of others. Readers see the new ones from now on; the old files go next.
    fn replaced(&self, _removed: &[Arc<SSTableReader>], _added: &[Arc<SSTableReader>]) {}
}

/// An SSTable that is about to be written.
#[derive(Clone, Copy, Debug)]
pub struct NewSSTable<'n> {
    /// What for.
    pub operation: Operation,
    /// The table.
    pub table: &'n Arc<TableMetadata>,
    /// Where it will be.
    pub descriptor: &'n Descriptor,
    /// The memtables whose content it gets; none for compactions.
    pub memtables: &'n [MemtableId],
    /// The SSTables whose content it gets, alone or with others that are written beside it; none for flushes.
    pub replaced: &'n [Arc<SSTableReader>],
}

/// Sees the content of one SSTable that is written (Cassandra: `SSTableFlushObserver`). Dropped without being finished,
/// it has to forget everything.
pub trait ContentObserver: Send + fmt::Debug {
    /// A partition begins at that position of the uncompressed data.
    fn partition(&mut self, key: &DecoratedKey, deletion: DeletionTime, position: u64);
    /// The static row of the partition, where it has one.
    fn static_row(&mut self, _row: &Row) {}
    /// The next row or marker of the partition.
    fn unfiltered(&mut self, unfiltered: &Unfiltered);
    /// The partition ends; its bytes in the uncompressed data.
    fn end_of_partition(&mut self, _bytes: u64) {}
    /// Everything was written but is not yet decided. What this observer wrote has to be durable when it returns: it
    /// gives the names of its components, for the table of contents. An error fails the write.
    fn finish(self: Box<Self>) -> Result<Vec<String>, StorageError>;
}

/// Sees nothing.
pub(super) struct NoObserver;

impl PartitionObserver for NoObserver {}

/// Several observers as one.
pub(super) struct AllObservers<'a>(pub(super) Vec<Box<dyn PartitionObserver + 'a>>);

impl PartitionObserver for AllObservers<'_> {
    fn partition_deleted(&mut self, deletion: DeletionTime) {
        self.0.iter_mut().for_each(|o| o.partition_deleted(deletion));
    }

    fn range_deleted(&mut self, tombstone: &RangeTombstone) {
        self.0.iter_mut().for_each(|o| o.range_deleted(tombstone));
    }

    fn static_row_changed(&mut self, old: Option<&Row>, new: Option<&Row>) {
        self.0.iter_mut().for_each(|o| o.static_row_changed(old, new));
    }

    fn row_changed(&mut self, old: Option<&Row>, new: Option<&Row>) {
        self.0.iter_mut().for_each(|o| o.row_changed(old, new));
    }

    fn finish(&mut self) {
        self.0.iter_mut().for_each(|o| o.finish());
    }
}
