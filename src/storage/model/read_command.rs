//! What is read.

use std::sync::Arc;

use bytes::Bytes;

use super::clustering::{Clustering, Slice};
use super::column_filter::ColumnFilter;
use super::key::{DecoratedKey, Token};
use super::row::Row;
use super::row_list::RowList;
use crate::schema::{ColumnId, TableMetadata};
use crate::storage::ReadReport;

/// A read of one table, evaluated at the replica (Cassandra: `ReadCommand`).
#[derive(Clone, Debug)]
pub struct ReadCommand {
    /// The table.
    pub table: Arc<TableMetadata>,
    /// Against which TTLs are held, in seconds since 1970.
    pub now_in_seconds: i64,
    /// Which columns.
    pub columns: ColumnFilter,
    /// Which partitions.
    pub range: DataRange,
    /// Which rows of each.
    pub clustering: ClusteringIndexFilter,
    /// Rows must satisfy all of it.
    pub row_filter: RowFilter,
    /// How many rows.
    pub limits: DataLimits,
    /// Whether the coordinator gathers which thresholds the read passes at its replicas (Cassandra:
    /// `trackWarnings`); otherwise each replica warns by itself.
    pub tracks_warnings: bool,
    /// What comes before a range: the rest of the partition in which a page ended.
    pub rest: Option<Box<RestOfPartition>>,
}

/// What is left of a partition of which rows were returned before (Cassandra: `DataRange.Paging`).
#[derive(Clone, Debug)]
pub struct RestOfPartition {
    /// Its key, which is before the range.
    pub key: DecoratedKey,
    /// Which of its rows.
    pub clustering: ClusteringIndexFilter,
}

impl ReadCommand {
    /// A read of all rows and columns of some partitions, without limits.
    pub fn of_all(table: Arc<TableMetadata>, now_in_seconds: i64, range: DataRange) -> Self {
        Self {
            table,
            now_in_seconds,
            columns: ColumnFilter::ALL,
            range,
            clustering: ClusteringIndexFilter::all(),
            row_filter: RowFilter::default(),
            limits: DataLimits::NONE,
            tracks_warnings: false,
            rest: None,
        }
    }
}

/// The partitions to read.
#[derive(Clone, Debug)]
pub enum DataRange {
    /// These, in this order.
    Keys(Vec<DecoratedKey>),
    /// Those between two bounds, in the order of tokens.
    Range {
        /// The lower bound.
        start: KeyBound,
        /// The upper bound.
        end: KeyBound,
    },
}

impl DataRange {
    /// All partitions.
    pub const ALL: Self = Self::Range { start: KeyBound::Unbounded, end: KeyBound::Unbounded };
}

/// An end of a range of partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyBound {
    /// No bound.
    Unbounded,
    /// A token, and whether keys with it are within the range.
    Token(Token, bool),
    /// A key, and whether it is within the range.
    Key(DecoratedKey, bool),
}

/// The rows to read of each partition (Cassandra: `ClusteringIndexFilter`). The static row always comes too.
#[derive(Clone, Debug)]
pub enum ClusteringIndexFilter {
    /// Rows within slices, which are in clustering order and do not overlap.
    Slices {
        /// The slices.
        slices: Vec<Slice>,
        /// Whether rows come in reversed clustering order.
        reversed: bool,
    },
    /// Rows of these clusterings, which are in clustering order.
    Names {
        /// The clusterings.
        clusterings: Vec<Clustering>,
        /// Whether rows come in reversed clustering order.
        reversed: bool,
    },
}

impl ClusteringIndexFilter {
    /// All rows.
    pub fn all() -> Self {
        Self::Slices { slices: vec![Slice::ALL], reversed: false }
    }

    /// Whether rows come in reversed clustering order.
    pub fn is_reversed(&self) -> bool {
        match self {
            Self::Slices { reversed, .. } | Self::Names { reversed, .. } => *reversed,
        }
    }
}

/// Expressions that rows must satisfy, all of them (Cassandra: `RowFilter`).
#[derive(Clone, Debug, Default)]
pub struct RowFilter {
    /// The expressions.
    pub expressions: Vec<RowFilterExpression>,
}

/// One expression of a [`RowFilter`].
#[derive(Clone, Debug)]
pub struct RowFilterExpression {
    /// What is compared.
    pub target: RowFilterTarget,
    /// How.
    pub operator: Operator,
    /// The value to compare with; for `In`, all of them.
    pub values: Vec<Bytes>,
}

/// What a [`RowFilterExpression`] compares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowFilterTarget {
    /// A component of the partition key.
    PartitionKey(usize),
    /// A clustering column.
    Clustering(usize),
    /// A static or regular column as a whole.
    Column(ColumnId),
    /// The value at a key of a map column, or at an index of a list.
    Element(ColumnId, Bytes),
    /// A field of a user type, by its index.
    Field(ColumnId, usize),
}

/// A comparison (Cassandra: `cql3.Operator`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "Cassandra's own terms")]
pub enum Operator {
    Eq,
    Neq,
    Lt,
    Lte,
    Gt,
    Gte,
    In,
    Contains,
    ContainsKey,
}

/// How many rows to return (Cassandra: `DataLimits`). Rows count after the row filter; a partition of which only
/// the static row is live counts as one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataLimits {
    /// Rows in all.
    pub rows: u64,
    /// Rows of each partition.
    pub per_partition: u64,
    /// Rows of the first partition, where a page before returned some of it already.
    pub first_partition_remaining: Option<u64>,
    /// Whether only the first row of each partition is wanted, to see that it lives (`SELECT DISTINCT`).
    pub distinct: bool,
    /// Whether the rows go into one aggregate, so that their limit is no part of the query.
    pub is_internal: bool,
}

impl DataLimits {
    /// No limits.
    pub const NONE: DataLimits = DataLimits {
        rows: u64::MAX,
        per_partition: u64::MAX,
        first_partition_remaining: None,
        distinct: false,
        is_internal: false,
    };
}

/// The rows of one partition that a read found; deleted and expired cells are gone from them.
#[derive(Clone, Debug)]
pub struct PartitionResult {
    /// Its key.
    pub key: DecoratedKey,
    /// Its static row, where it has live cells.
    pub static_row: Option<Row>,
    /// Its rows in the order asked for. None, with a static row: the partition has only that.
    pub rows: RowList,
}

/// The answer to a [`ReadCommand`].
#[derive(Clone, Debug, Default)]
pub struct ReadResponse {
    /// Partitions in the order asked for, none of them empty.
    pub partitions: Vec<PartitionResult>,
    /// Whether the read stopped because a limit on rows in all was reached, so that more may follow.
    pub limit_reached: bool,
    /// Rows and cells that were found deleted (for `tombstone_warn_threshold`).
    pub tombstones_scanned: u64,
    /// Reads of partitions that passed thresholds.
    pub reports: Vec<ReadReport>,
}

impl ReadResponse {
    /// How many rows it has.
    pub fn rows(&self) -> u64 {
        self.partitions.iter().map(|partition| partition.rows.len() as u64).sum()
    }
}
