//! The store: what a replica keeps and how it answers. Knows no CQL text.

mod error;
pub mod model;
mod unfiltered;

pub use error::StorageError;
pub use unfiltered::{
    BoxedPartitionIterator, BoxedRowIterator, RangeTombstoneMarker, Unfiltered, UnfilteredPartitionIterator,
    UnfilteredRowIterator,
};
