//! The order of rows and bounds within a partition (Cassandra: `ClusteringComparator`).

use std::cmp::Ordering;
use std::sync::Arc;

use super::model::{BoundKind, Clustering, ClusteringBound, Prefix, Row};
use super::unfiltered::Unfiltered;
use crate::schema::{ColumnMetadata, TableMetadata};
use crate::types::CqlType;

/// Compares clusterings and bounds of one table. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ClusteringComparator(Arc<[Component]>);

#[derive(Debug)]
struct Component {
    order: ValueOrder,
    reversed: bool,
}

impl Component {
    #[inline]
    fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        if self.reversed { self.order.compare(b, a) } else { self.order.compare(a, b) }
    }
}

/// How values of a type compare; the frequent ones without looking at the type each time.
#[derive(Debug)]
pub(super) enum ValueOrder {
    /// Byte by byte, unsigned.
    Bytes,
    /// Two's complement of fixed length; an empty value comes first.
    Signed,
    /// As the type says.
    Type(CqlType),
}

impl ValueOrder {
    pub(super) fn of(cql_type: &CqlType) -> Self {
        match cql_type {
            CqlType::Text | CqlType::Ascii | CqlType::Blob => Self::Bytes,
            CqlType::Int | CqlType::Bigint | CqlType::Timestamp => Self::Signed,
            other => Self::Type(other.clone()),
        }
    }

    pub(super) fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        match self {
            Self::Bytes => a.cmp(b),
            Self::Signed if let (Some(a), Some(b)) = (a.as_array::<8>(), b.as_array::<8>()) => {
                i64::from_be_bytes(*a).cmp(&i64::from_be_bytes(*b))
            }
            Self::Signed => match (a.split_first(), b.split_first()) {
                (Some((a0, a)), Some((b0, b))) => (*a0 as i8).cmp(&(*b0 as i8)).then_with(|| a.cmp(b)),
                _ => a.len().cmp(&b.len()),
            },
            Self::Type(cql_type) => cql_type.compare(a, b),
        }
    }
}

/// A place within a partition: a row's clustering, or a bound.
#[derive(Clone, Copy, Debug)]
pub struct Position<'a> {
    /// The values.
    pub prefix: Prefix<'a>,
    /// [`BoundKind::Clustering`] for a row.
    pub kind: BoundKind,
}

impl<'a> From<&'a Row> for Position<'a> {
    fn from(row: &'a Row) -> Self {
        Self { prefix: row.clustering(), kind: BoundKind::Clustering }
    }
}

impl<'a> From<&'a Clustering> for Position<'a> {
    fn from(clustering: &'a Clustering) -> Self {
        Self { prefix: clustering.into(), kind: BoundKind::Clustering }
    }
}

impl<'a> From<&'a ClusteringBound> for Position<'a> {
    fn from(bound: &'a ClusteringBound) -> Self {
        Self { prefix: (&bound.prefix).into(), kind: bound.kind }
    }
}

impl<'a> From<&'a Unfiltered> for Position<'a> {
    fn from(unfiltered: &'a Unfiltered) -> Self {
        match unfiltered {
            Unfiltered::Row(row) => Position::from(row),
            Unfiltered::Marker(marker) => Position::from(&marker.bound),
        }
    }
}

impl ClusteringComparator {
    /// The comparator of a table's clustering columns.
    pub fn new(table: &TableMetadata) -> Self {
        Self::of_columns(&table.clustering)
    }

    /// The comparator of these clustering columns.
    pub fn of_columns(columns: &[ColumnMetadata]) -> Self {
        Self(
            columns
                .iter()
                .map(|c| Component { order: ValueOrder::of(&c.cql_type), reversed: c.is_reversed() })
                .collect(),
        )
    }

    /// Compares clusterings, as far as both have values: `Equal` where one is a prefix of the other.
    pub fn compare_prefixes<'a>(&self, a: impl Into<Prefix<'a>>, b: impl Into<Prefix<'a>>) -> Ordering {
        let (a, b) = (a.into(), b.into());
        if a.buffer() == b.buffer() {
            return Ordering::Equal;
        }
        for (component, (a, b)) in self.0.iter().zip(a.values().zip(b.values())) {
            let ordering = match (a, b) {
                (Some(a), Some(b)) => component.compare(a, b),
                (a, b) => a.is_some().cmp(&b.is_some()),
            };
            if ordering.is_ne() {
                return ordering;
            }
        }
        Ordering::Equal
    }

    /// Compares one value of two places.
    #[inline]
    pub fn compare_values(&self, index: usize, a: Option<&[u8]>, b: Option<&[u8]>) -> Ordering {
        match (a, b, self.0.get(index)) {
            (Some(a), Some(b), Some(component)) => component.compare(a, b),
            _ => a.is_some().cmp(&b.is_some()),
        }
    }

    /// Compares a row with a bound, all of whose values are those of the row.
    pub fn compare_beyond_values(row_len: usize, bound: Position<'_>) -> Ordering {
        if bound.prefix.len() < row_len {
            return bound.kind.compared_to_clustering().reverse();
        }
        rank(BoundKind::Clustering).cmp(&rank(bound.kind))
    }

    /// Compares the clusterings of two rows.
    pub fn compare_clusterings<'a>(&self, a: impl Into<Prefix<'a>>, b: impl Into<Prefix<'a>>) -> Ordering {
        self.compare_prefixes(a, b)
    }

    /// Compares two places.
    pub fn compare<'a>(&self, a: impl Into<Position<'a>>, b: impl Into<Position<'a>>) -> Ordering {
        let (a, b) = (a.into(), b.into());
        let ordering = self.compare_prefixes(a.prefix, b.prefix);
        if ordering.is_ne() {
            return ordering;
        }
        if a.kind == BoundKind::Clustering && b.kind == BoundKind::Clustering {
            return Ordering::Equal;
        }
        match a.prefix.len().cmp(&b.prefix.len()) {
            Ordering::Equal => rank(a.kind).cmp(&rank(b.kind)),
            Ordering::Less => a.kind.compared_to_clustering(),
            Ordering::Greater => b.kind.compared_to_clustering().reverse(),
        }
    }
}

/// The order of kinds with the same values (Cassandra: `ClusteringPrefix.Kind.comparison`).
fn rank(kind: BoundKind) -> u8 {
    match kind {
        BoundKind::ExclEnd | BoundKind::InclStart | BoundKind::ExclEndInclStartBoundary => 0,
        BoundKind::StaticClustering => 1,
        BoundKind::Clustering => 2,
        BoundKind::InclEndExclStartBoundary | BoundKind::InclEnd | BoundKind::ExclStart => 3,
    }
}
