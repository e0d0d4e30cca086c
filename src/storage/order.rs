//! Everything about a table that merging needs to know: the order of rows, the order of cells, how they reconcile.

use std::cmp::Ordering;
use std::sync::Arc;

use super::comparator::{ClusteringComparator, ValueOrder};
use super::model::{PlainCells, Prefix, Row, RowList};
use crate::schema::{ColumnId, TableMetadata};
use crate::types::{CqlType, vint};

/// The orders of one table. Cheap to clone.
#[derive(Clone, Debug)]
pub struct TableOrder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clustering: ClusteringComparator,
    /// How the paths of complex columns compare, by column id.
    paths: Vec<(ColumnId, ValueOrder)>,
    is_counter: bool,
    clustering_lengths: Vec<Option<usize>>,
    /// By column id; none for key columns and ids that are not of the table.
    columns: Vec<Option<LayoutColumn>>,
    plain: Option<PlainLayout>,
}

/// All regular columns of a table in which each has one cell, and their order on disk is that of cells in memory.
#[derive(Clone, Debug)]
pub struct PlainLayout {
    /// Each column, and the length of its values, where it is fixed.
    pub columns: Vec<(ColumnId, Option<usize>)>,
    /// How many they are, and their names, as updates have them.
    pub names: Vec<u8>,
}

impl PlainLayout {
    fn new(table: &TableMetadata) -> Option<Self> {
        let regular = &table.regular_columns;
        if !regular.is_sorted_by_key(|column| column.id) || regular.iter().any(|column| column.is_complex()) {
            return None;
        }
        let mut names = Vec::new();
        vint::write_unsigned(&mut names, regular.len() as u64);
        for column in regular {
            vint::write_unsigned(&mut names, column.name.len() as u64);
            names.extend_from_slice(column.name.as_bytes());
        }
        Some(Self { columns: regular.iter().map(|c| (c.id, c.cql_type.fixed_length())).collect(), names })
    }

    /// Whether a row has a cell of each column.
    #[inline]
    pub fn is_all_of(&self, cells: &PlainCells<'_>) -> bool {
        cells.len() == self.columns.len() && cells.columns().zip(&self.columns).all(|(id, (of, _))| id == *of)
    }
}

/// Where a column stands in rows on disk, and how its values are written.
#[derive(Clone, Debug)]
pub struct LayoutColumn {
    /// Its identity.
    pub id: ColumnId,
    /// Its name.
    pub name: String,
    /// Whether it is static.
    pub is_static: bool,
    /// Its place among the static or the regular columns.
    pub index: usize,
    /// Whether it has several cells.
    pub is_complex: bool,
    /// The length of every value, where it is fixed.
    pub fixed_length: Option<usize>,
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
            clustering_lengths: table.clustering.iter().map(|c| c.cql_type.fixed_length()).collect(),
            columns: layout(table),
            plain: PlainLayout::new(table),
        }))
    }

    /// The order of rows.
    pub fn clustering(&self) -> &ClusteringComparator {
        &self.0.clustering
    }

    /// The row of a clustering: the one whose clustering compares as equal, as 1.0 does to 1.00.
    pub fn find_row<'r, 'c>(&self, rows: &'r RowList, clustering: impl Into<Prefix<'c>>) -> Option<&'r Row> {
        let wanted = clustering.into();
        rows.iter().find(|row| self.clustering().compare_clusterings(row.clustering(), wanted).is_eq())
    }

    /// Whether cells are counters.
    pub fn is_counter(&self) -> bool {
        self.0.is_counter
    }

    /// The lengths of the values of clustering columns, where they are fixed.
    pub fn clustering_lengths(&self) -> &[Option<usize>] {
        &self.0.clustering_lengths
    }

    /// Where a static or regular column stands; none for one that the table does not have.
    pub fn layout_column(&self, id: ColumnId) -> Option<&LayoutColumn> {
        self.0.columns.get(usize::from(id.0))?.as_ref()
    }

    /// The regular columns, where rows of them may be plain.
    pub fn plain_layout(&self) -> Option<&PlainLayout> {
        self.0.plain.as_ref()
    }

    /// Compares the paths of two cells of a complex column.
    pub fn compare_paths(&self, column: ColumnId, a: &[u8], b: &[u8]) -> Ordering {
        match self.0.paths.binary_search_by_key(&column, |(id, _)| *id) {
            Ok(i) => self.0.paths[i].1.compare(a, b),
            Err(_) => a.cmp(b),
        }
    }
}

fn layout(table: &TableMetadata) -> Vec<Option<LayoutColumn>> {
    let mut columns = vec![None; usize::from(table.next_column_id().0)];
    for list in [&table.static_columns, &table.regular_columns] {
        for (index, column) in list.iter().enumerate() {
            if let Some(place) = columns.get_mut(usize::from(column.id.0)) {
                *place = Some(LayoutColumn {
                    id: column.id,
                    name: column.name.clone(),
                    is_static: column.is_static(),
                    index,
                    is_complex: column.is_complex(),
                    fixed_length: column.cql_type.fixed_length(),
                });
            }
        }
    }
    columns
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
