//! Whether what is written fits what receives it (Cassandra: `AssignmentTestable`).

use std::sync::Arc;

use crate::exec::result::ColumnSpec;
use crate::schema::{ColumnKind, ColumnMetadata, TableMetadata};
use crate::types::CqlType;

/// What receives a value: a column, a part of one, an argument.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// The keyspace of the table.
    pub keyspace: Arc<str>,
    /// The table.
    pub table: Arc<str>,
    /// Its name, as messages and bind metadata have it.
    pub name: Arc<str>,
    /// Its type.
    pub cql_type: CqlType,
    /// Its position, where it is a column of the partition key itself.
    pub partition_key_position: Option<usize>,
    /// Whether it is a clustering column in descending order, whose type Cassandra takes for no collection.
    pub is_descending: bool,
}

impl Receiver {
    /// A column of a table.
    pub fn column(table: &TableMetadata, column: &ColumnMetadata) -> Self {
        Self {
            keyspace: table.keyspace.as_str().into(),
            table: table.name.as_str().into(),
            name: column.name.as_str().into(),
            cql_type: column.cql_type.clone(),
            partition_key_position: (column.kind == ColumnKind::PartitionKey).then_some(column.position),
            is_descending: column.is_reversed(),
        }
    }

    /// Something else of that name in a table.
    pub fn named(keyspace: &str, table: &str, name: &str, cql_type: CqlType) -> Self {
        Self {
            keyspace: keyspace.into(),
            table: table.into(),
            name: name.into(),
            cql_type,
            partition_key_position: None,
            is_descending: false,
        }
    }

    /// A part of this, with its own name and type.
    pub fn part(&self, name: impl Into<Arc<str>>, cql_type: CqlType) -> Self {
        Self {
            keyspace: self.keyspace.clone(),
            table: self.table.clone(),
            name: name.into(),
            cql_type,
            partition_key_position: None,
            is_descending: false,
        }
    }

    /// As result or bind metadata says it.
    pub fn spec(&self) -> ColumnSpec {
        ColumnSpec {
            keyspace: self.keyspace.clone(),
            table: self.table.clone(),
            name: self.name.clone(),
            ty: self.cql_type.clone(),
        }
    }
}

/// How well something fits (Cassandra: `AssignmentTestable.TestResult`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TestResult {
    /// The very type.
    Exact,
    /// It can be taken for the type.
    Weak,
    /// It cannot.
    No,
}

impl TestResult {
    /// Whether it fits at all.
    pub fn is_assignable(self) -> bool {
        self != Self::No
    }

    /// The result for all of several parts.
    pub fn all(results: impl IntoIterator<Item = TestResult>) -> TestResult {
        results.into_iter().max().unwrap_or(TestResult::Exact)
    }
}
