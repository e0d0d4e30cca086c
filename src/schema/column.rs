//! Columns of a table.

use std::fmt;

use crate::types::CqlType;

/// A column's identity within its table, stable while the process runs: a column added later gets a higher
/// one, a dropped one's is never used again. Cells in memory refer to their column by it and are ordered by it;
/// on disk the order is that of `TableMetadata::column_order`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnId(pub u16);

/// What a column is for (Cassandra: `ColumnMetadata.Kind`, in its order).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the variants are CQL's own terms")]
pub enum ColumnKind {
    PartitionKey,
    Clustering,
    Static,
    Regular,
}

/// The order of a clustering column; `Asc` for every other column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the variants are CQL's own terms")]
pub enum ClusteringOrder {
    Asc,
    Desc,
}

/// One column (Cassandra: `ColumnMetadata`).
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnMetadata {
    /// Its identity in cells.
    pub id: ColumnId,
    /// Its name, without quotes.
    pub name: String,
    /// Its type.
    pub cql_type: CqlType,
    /// What it is for.
    pub kind: ColumnKind,
    /// Its place among the columns of its kind, for key columns; 0 for others.
    pub position: usize,
    /// Its order, for clustering columns.
    pub order: ClusteringOrder,
    /// `MASKED WITH`
    pub mask: Option<ColumnMask>,
}

/// What users see in place of a column's values (Cassandra: `ColumnMask`): a native function, called with the value and
/// these arguments after it.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnMask {
    /// The name of the function, without its keyspace.
    pub function: String,
    /// The types of the further arguments, and their values; none for null.
    pub arguments: Vec<(CqlType, Option<Vec<u8>>)>,
}

impl fmt::Display for ColumnMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arguments =
            self.arguments.iter().map(|(cql_type, value)| cql_type.to_cql_literal(value.as_deref()));
        write!(f, "system.{}({})", self.function, arguments.collect::<Vec<_>>().join(", "))
    }
}

impl ColumnMetadata {
    /// Whether its values are several cells.
    pub fn is_complex(&self) -> bool {
        self.cql_type.is_multi_cell()
    }

    /// Whether it is part of the primary key.
    pub fn is_primary_key(&self) -> bool {
        matches!(self.kind, ColumnKind::PartitionKey | ColumnKind::Clustering)
    }

    /// Whether it is static.
    pub fn is_static(&self) -> bool {
        self.kind == ColumnKind::Static
    }

    /// Whether it is a clustering column in descending order.
    pub fn is_reversed(&self) -> bool {
        self.order == ClusteringOrder::Desc
    }
}

/// A column that was dropped: older cells of it are skipped (Cassandra: `DroppedColumn`).
#[derive(Clone, Debug, PartialEq)]
pub struct DroppedColumn {
    /// The column as it was, with types frozen as `system_schema.dropped_columns` has them.
    pub column: ColumnMetadata,
    /// Cells of this time or older are gone, in microseconds.
    pub dropped_time_us: i64,
}

/// Gives the columns of a new table their ids: static ones, then regular ones, each in their order on disk, then
/// the key's, so that the order of ids is the order on disk until a column is added.
pub fn assign_initial_ids(columns: &mut [ColumnMetadata]) {
    let mut order: Vec<usize> = (0..columns.len()).collect();
    order.sort_by_key(|i| {
        let c = &columns[*i];
        let rank = match c.kind {
            ColumnKind::Static => 0,
            ColumnKind::Regular => 1,
            ColumnKind::PartitionKey => 2,
            ColumnKind::Clustering => 3,
        };
        (rank, c.position, c.is_complex(), c.name.clone())
    });
    for (id, i) in order.into_iter().enumerate() {
        columns[i].id = ColumnId(u16::try_from(id).expect("a table has fewer than 65,536 columns"));
    }
}
