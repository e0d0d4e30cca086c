//! The store: what a replica keeps and how it answers. Knows no CQL text.

mod arena;
pub mod codec;
pub mod commitlog;
pub mod compaction;
mod compactions;
mod comparator;
mod counters;
mod engine;
mod error;
mod failures;
mod flush;
mod heap_size;
pub mod lifecycle;
mod maintenance;
pub mod memtable;
pub mod merge;
pub mod model;
mod observed_write;
mod observer;
mod options;
mod order;
mod partition_locks;
mod read;
mod recovery;
mod replay;
pub mod schema_keyspace;
mod size_guard;
pub mod sstable;
mod table_store;
mod trace;
mod truncate;
mod unfiltered;
mod virtual_table;

pub use commitlog::{CommitPosition, SegmentCompression};
pub use comparator::{ClusteringComparator, Position};
pub use engine::{IoMode, Origin, Storage};
pub use error::StorageError;
pub use failures::{Demand, Failures};
pub use maintenance::SnapshotOptions;
pub use observer::{
    ContentObserver, FileObserver, NewSSTable, ObservedUpdate, OldRows, PartitionObserver, WriteObserver,
};
pub use options::{
    CommitLogOptions, CommitLogSync, Directories, FailurePolicy, FlushCompression, MemtableOptions,
    StorageOptions,
};
pub use order::{LayoutColumn, TableOrder};
pub use partition_locks::PartitionGuard;
pub use read::{Passed, ReadReport, ReadThresholds, purge_row};
pub use table_store::{Memtables, TableCounters, TableStore};
pub use trace::{Steps, Tracer};
pub use unfiltered::{
    BoxedPartitionIterator, BoxedRowIterator, RangeTombstoneMarker, RowsAtHand, Unfiltered,
    UnfilteredPartitionIterator, UnfilteredRowIterator,
};
pub use virtual_table::VirtualTable;

#[cfg(test)]
mod tests;
