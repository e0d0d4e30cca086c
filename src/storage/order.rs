//! Everything about a table that merging needs to know: the order of rows, the order of cells, how they reconcile.

use std::cmp::Ordering;
use std::sync::Arc;

use super::comparator::{ClusteringComparator, ValueOrder};
use crate::schema::{ColumnId, TableMetadata};
use crate::types::CqlType;

/// The orders of one table. Cheap to clone.
#[derive(Clone, Debug)]
pub struct TableOrder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clustering: ClusteringComparator,
    /// How the paths of complex columns compare, by column id.
    paths: Vec<(ColumnId, ValueOrder)>,
    is_counter: bool,
}

impl TableOrder {
    /// The orders of this table, dropped columns included.
    pub fn new(table: &TableMetadata) -> Self {
        let dropped = table.dropped_columns.values().map(|d| &d.column);
        let mut paths: Vec<_> = table
            .columns()
            .chain(dropped)
            .filter_map(|c| path_order(&c.cql_type).map(|order| (c.id, order)))
            .collect();
        paths.sort_by_key(|(id, _)| *id);
        paths.dedup_by_key(|(id, _)| *id);
        Self(Arc::new(Inner {
            clustering: ClusteringComparator::new(table),
            paths,
            is_counter: table.is_counter,
        }))
    }

    /// The order of rows.
    pub fn clustering(&self) -> &ClusteringComparator {
        &self.0.clustering
    }

    /// Whether cells are counters.
    pub fn is_counter(&self) -> bool {
        self.0.is_counter
    }

    /// Compares the paths of two cells of a complex column.
    pub fn compare_paths(&self, column: ColumnId, a: &[u8], b: &[u8]) -> Ordering {
        match self.0.paths.binary_search_by_key(&column, |(id, _)| *id) {
            Ok(i) => self.0.paths[i].1.compare(a, b),
            Err(_) => a.cmp(b),
        }
    }
}

/// How paths compare: list elements by time uuid, set elements and map keys by their type, fields by index.
fn path_order(cql_type: &CqlType) -> Option<ValueOrder> {
    match cql_type {
        CqlType::List { .. } => Some(ValueOrder::of(&CqlType::Timeuuid)),
        CqlType::Set { element, .. } => Some(ValueOrder::of(element)),
        CqlType::Map { key, .. } => Some(ValueOrder::of(key)),
        CqlType::User { .. } => Some(ValueOrder::Bytes),
        _ => None,
    }
}

pub(super) fn compare_values(_cql_type: &CqlType, a: &[u8], b: &[u8]) -> Ordering {
    a.cmp(b)
}
