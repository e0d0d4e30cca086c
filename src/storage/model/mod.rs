//! The data model of the storage engine, in Cassandra's terms (package `db`).

mod cell;
mod clustering;
mod column_filter;
mod deletion;
mod key;
mod mutation;
mod plain_row_builder;
mod read_command;
mod row;
mod row_builder;
mod row_list;

pub use cell::Cell;
pub use clustering::{
    BoundKind, Clustering, ClusteringBound, ClusteringBuffer, Prefix, Slice, put_clustering_value,
};
pub use column_filter::{ColumnFilter, Part};
pub use deletion::{DeletionTime, EXPIRED_TTL, LivenessInfo, NO_EXPIRATION, NO_TTL, RangeTombstone};
pub use key::{DecoratedKey, Token};
pub use mutation::{Mutation, Mutations, PartitionUpdate};
pub use plain_row_builder::PlainRowBuilder;
pub use read_command::{
    ClusteringIndexFilter, DataLimits, DataRange, KeyBound, Operator, PartitionResult, ReadCommand,
    ReadResponse, RestOfPartition, RowFilter, RowFilterExpression, RowFilterTarget,
};
pub use row::{Cells, PlainCells, Row};
pub use row_builder::RowBuilder;
pub use row_list::RowList;
