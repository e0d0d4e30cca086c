//! A table.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use uuid::Uuid;

use super::column::{ColumnId, ColumnKind, ColumnMetadata, DroppedColumn};
use super::params::TableParams;
use crate::types::CqlType;

/// A table's id, the same while it lives (Cassandra: `TableId`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId(pub Uuid);

impl fmt::Display for TableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What stands behind a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "Cassandra's own terms: TableMetadata.Kind")]
pub enum TableKind {
    Regular,
    Index,
    View,
    Virtual,
}

/// A table's definition (Cassandra: `TableMetadata`). Made by [`TableMetadata::new`], which sorts the columns.
#[derive(Clone, Debug, PartialEq)]
pub struct TableMetadata {
    /// The keyspace it is in.
    pub keyspace: String,
    /// Its name, without quotes.
    pub name: String,
    /// Its id.
    pub id: TableId,
    /// What stands behind it.
    pub kind: TableKind,
    /// Whether it is a counter table.
    pub is_counter: bool,
    /// `COMPACT STORAGE` flags as in `system_schema.tables.flags` (`dense`, `super`); `compound` where CQL's own.
    pub is_dense: bool,
    /// See [`TableMetadata::is_dense`].
    pub is_compound: bool,
    /// Its options.
    pub params: TableParams,
    /// Key columns in their order.
    pub partition_key: Vec<ColumnMetadata>,
    /// Clustering columns in their order.
    pub clustering: Vec<ColumnMetadata>,
    /// Static columns: simple ones, then complex ones, each by the bytes of their name (the order on disk).
    pub static_columns: Vec<ColumnMetadata>,
    /// Regular columns, ordered as the static ones.
    pub regular_columns: Vec<ColumnMetadata>,
    /// Dropped columns by name.
    pub dropped_columns: BTreeMap<String, DroppedColumn>,
    by_name: HashMap<String, Place>,
    by_id: HashMap<ColumnId, Place>,
}

/// Where a column stands: its kind and its index in the list of that kind.
type Place = (ColumnKind, usize);

impl TableMetadata {
    /// A table of these columns, in any order; those with the same kind must have distinct positions where they
    /// are key columns. Column ids must be distinct.
    pub fn new(
        keyspace: &str,
        name: &str,
        id: TableId,
        columns: Vec<ColumnMetadata>,
        params: TableParams,
    ) -> Self {
        let mut table = Self {
            keyspace: keyspace.to_owned(),
            name: name.to_owned(),
            id,
            kind: TableKind::Regular,
            is_counter: columns.iter().any(|c| c.cql_type.is_counter()),
            is_dense: false,
            is_compound: true,
            params,
            partition_key: Vec::new(),
            clustering: Vec::new(),
            static_columns: Vec::new(),
            regular_columns: Vec::new(),
            dropped_columns: BTreeMap::new(),
            by_name: HashMap::new(),
            by_id: HashMap::new(),
        };
        for column in columns {
            table.list_mut(column.kind).push(column);
        }
        table.partition_key.sort_by_key(|c| c.position);
        table.clustering.sort_by_key(|c| c.position);
        for list in [&mut table.static_columns, &mut table.regular_columns] {
            list.sort_by(|a, b| {
                a.is_complex().cmp(&b.is_complex()).then_with(|| compare_names(&a.name, &b.name))
            });
        }
        table.index();
        table
    }

    fn index(&mut self) {
        let mut places = Vec::new();
        for kind in KINDS {
            for (i, c) in self.list(kind).iter().enumerate() {
                places.push((c.name.clone(), c.id, (kind, i)));
            }
        }
        self.by_id = places.iter().map(|(_, id, place)| (*id, *place)).collect();
        self.by_name = places.into_iter().map(|(name, _, place)| (name, place)).collect();
    }

    fn list(&self, kind: ColumnKind) -> &[ColumnMetadata] {
        match kind {
            ColumnKind::PartitionKey => &self.partition_key,
            ColumnKind::Clustering => &self.clustering,
            ColumnKind::Static => &self.static_columns,
            ColumnKind::Regular => &self.regular_columns,
        }
    }

    fn list_mut(&mut self, kind: ColumnKind) -> &mut Vec<ColumnMetadata> {
        match kind {
            ColumnKind::PartitionKey => &mut self.partition_key,
            ColumnKind::Clustering => &mut self.clustering,
            ColumnKind::Static => &mut self.static_columns,
            ColumnKind::Regular => &mut self.regular_columns,
        }
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&ColumnMetadata> {
        let (kind, i) = self.by_name.get(name)?;
        self.list(*kind).get(*i)
    }

    /// The column of that id; none where it was dropped.
    pub fn column_by_id(&self, id: ColumnId) -> Option<&ColumnMetadata> {
        let (kind, i) = self.by_id.get(&id)?;
        self.list(*kind).get(*i)
    }

    /// Every column: partition key, clustering, static, regular.
    pub fn columns(&self) -> impl Iterator<Item = &ColumnMetadata> {
        KINDS.into_iter().flat_map(|kind| self.list(kind))
    }

    /// Whether a column is masked.
    pub fn has_masks(&self) -> bool {
        self.columns().any(|column| column.mask.is_some())
    }

    /// Every column in the order of `SELECT *`: partition key, clustering, then static, then regular ones, each
    /// by the bytes of their name (Cassandra: `TableMetadata.allColumnsInSelectOrder`).
    pub fn columns_in_select_order(&self) -> impl Iterator<Item = &ColumnMetadata> {
        let by_name = |list: &[ColumnMetadata]| {
            let mut sorted: Vec<usize> = (0..list.len()).collect();
            sorted.sort_by(|a, b| compare_names(&list[*a].name, &list[*b].name));
            sorted
        };
        let statics = by_name(&self.static_columns).into_iter().map(|i| &self.static_columns[i]);
        let regulars = by_name(&self.regular_columns).into_iter().map(|i| &self.regular_columns[i]);
        let all = self.partition_key.iter().chain(&self.clustering).chain(statics).chain(regulars);
        all.filter(|column| !self.is_hidden(column))
    }

    /// The same table with other types of its columns.
    pub fn map_types(&self, map: impl Fn(&CqlType) -> CqlType) -> TableMetadata {
        let mut table = self.clone();
        for kind in KINDS {
            for column in table.list_mut(kind) {
                column.cql_type = map(&column.cql_type);
            }
        }
        table
    }

    /// Whether it was made with `COMPACT STORAGE` (Cassandra: `isCompactTable`).
    pub fn is_compact(&self) -> bool {
        self.is_dense || !self.is_compound
    }

    /// Whether it is a compact table without clustering columns of its own, whose columns are static ones
    /// (Cassandra: `isStaticCompactTable`).
    pub fn is_static_compact(&self) -> bool {
        !self.is_dense && !self.is_compound
    }

    /// Whether a column of a compact table is there for the store only (Cassandra: `isHiddenColumn`).
    pub fn is_hidden(&self, column: &ColumnMetadata) -> bool {
        match column.kind {
            ColumnKind::Clustering => self.is_static_compact(),
            ColumnKind::Regular => {
                self.is_static_compact() || (self.is_dense && column.cql_type == CqlType::Empty)
            }
            ColumnKind::PartitionKey | ColumnKind::Static => false,
        }
    }

    /// Whether it has static columns.
    pub fn has_static_columns(&self) -> bool {
        !self.static_columns.is_empty()
    }

    /// Whether it is virtual.
    pub fn is_virtual(&self) -> bool {
        self.kind == TableKind::Virtual
    }

    /// Whether the keys of a virtual table are in the order of their values, one after the other; otherwise in that of
    /// their bytes as a whole (Cassandra: the partitioner of each `VirtualTable`).
    pub fn orders_keys_by_values(&self) -> bool {
        self.name != "permissions_cache_keys"
    }

    /// Whether its rows may be filtered without `ALLOW FILTERING` (Cassandra: `VirtualTable.allowFilteringImplicitly`).
    pub fn filters_implicitly(&self) -> bool {
        self.is_virtual() && self.name != "system_logs"
    }

    /// The lowest id that no column, dropped ones included, ever had.
    pub fn next_column_id(&self) -> ColumnId {
        let dropped = self.dropped_columns.values().map(|d| d.column.id.0);
        ColumnId(self.columns().map(|c| c.id.0).chain(dropped).max().map_or(0, |id| id + 1))
    }
}

/// The order of column names: by their bytes, but with the first byte signed (Cassandra:
/// `ColumnMetadata.comparisonOrder`, which flips the top bit of the name's prefix).
fn compare_names(a: &str, b: &str) -> std::cmp::Ordering {
    let first = |name: &str| name.as_bytes().first().map(|byte| byte ^ 0x80);
    first(a).cmp(&first(b)).then_with(|| a.as_bytes().cmp(b.as_bytes()))
}

const KINDS: [ColumnKind; 4] =
    [ColumnKind::PartitionKey, ColumnKind::Clustering, ColumnKind::Static, ColumnKind::Regular];
