//! The store: what a replica keeps and how it answers. Knows no CQL text.

mod error;
pub mod model;
pub mod schema_keyspace;
mod unfiltered;

pub use error::StorageError;
pub use unfiltered::{
    BoxedPartitionIterator, BoxedRowIterator, RangeTombstoneMarker, Unfiltered, UnfilteredPartitionIterator,
    UnfilteredRowIterator,
};
