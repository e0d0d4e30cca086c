//! Whoever wants to see what a write changes: indexes, views, change data capture.

use std::sync::Arc;

use super::model::{DecoratedKey, DeletionTime, RangeTombstone, Row};
use crate::schema::TableMetadata;

/// Sees every update of the tables it is registered for, whoever made it: a client, a peer, a hint, replay.
pub trait WriteObserver: Send + Sync {
    /// The observer of one update to one partition. Its methods are called under the partition's lock, and must
    /// neither block nor write.
    fn begin<'a>(&'a self, table: &Arc<TableMetadata>, key: &DecoratedKey)
    -> Box<dyn PartitionObserver + 'a>;
}

/// Sees what one update changes in the memtable. "Old" is what the memtable held, not what is on disk.
pub trait PartitionObserver {
    /// The partition was deleted.
    fn partition_deleted(&mut self, _deletion: DeletionTime) {}
    /// A slice was deleted.
    fn range_deleted(&mut self, _tombstone: &RangeTombstone) {}
    /// The static row was changed.
    fn static_row_changed(&mut self, _old: Option<&Arc<Row>>, _new: &Arc<Row>) {}
    /// A row was changed.
    fn row_changed(&mut self, _old: Option<&Arc<Row>>, _new: &Arc<Row>) {}
    /// The update is complete; still under the partition's lock.
    fn finish(&mut self) {}
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

    fn static_row_changed(&mut self, old: Option<&Arc<Row>>, new: &Arc<Row>) {
        self.0.iter_mut().for_each(|o| o.static_row_changed(old, new));
    }

    fn row_changed(&mut self, old: Option<&Arc<Row>>, new: &Arc<Row>) {
        self.0.iter_mut().for_each(|o| o.row_changed(old, new));
    }

    fn finish(&mut self) {
        self.0.iter_mut().for_each(|o| o.finish());
    }
}
