//! Which columns a read wants (Cassandra: `ColumnFilter`).

use std::sync::Arc;

use bytes::Bytes;

use super::cell::Cell;
use super::row::Row;
use super::row_builder::RowBuilder;
use crate::schema::{ColumnId, TableMetadata};
use crate::types::{CqlType, maybe_quoted};

/// Which columns a read wants, and which parts of collections. Cheap to clone.
///
/// A row exists as long as any of its columns has a value, also one that is not asked for: so all regular columns are
/// *fetched*, and those that are not *queried* come without their values. Static columns are fetched where they are
/// queried, or where a partition that has nothing else makes a row of the result.
///
/// Rows that come out of memory as they are still have all of their cells: who hands an answer on to others is to leave
/// out what is not queried ([`ColumnFilter::only_queried`]).
#[derive(Clone, Debug, Default)]
pub struct ColumnFilter {
    /// None for all columns.
    selection: Option<Arc<Selection>>,
    /// Whether all columns were asked for by their names.
    is_named: bool,
}

#[derive(Debug)]
struct Selection {
    /// The columns, as bits by their ids.
    queried: Vec<u64>,
    fetches_all_statics: bool,
    parts: Vec<(ColumnId, Part)>,
}

/// A part of a set or map that is not frozen: the elements between two keys, both included.
#[derive(Clone, Debug)]
pub struct Part {
    /// The type of the keys (of a set: of its elements).
    pub key_type: CqlType,
    /// The first key; none for no bound.
    pub from: Option<Bytes>,
    /// The last key; none for no bound.
    pub to: Option<Bytes>,
}

impl Part {
    fn includes(&self, path: &[u8]) -> bool {
        self.from.as_ref().is_none_or(|from| self.key_type.compare(path, from).is_ge())
            && self.to.as_ref().is_none_or(|to| self.key_type.compare(path, to).is_le())
    }

    fn text(&self) -> String {
        let key = |key: &Option<Bytes>| {
            key.as_ref().map_or(String::new(), |k| self.key_type.to_cql_literal(Some(k)))
        };
        if self.from.is_some() && self.from == self.to {
            return format!("[{}]", key(&self.from));
        }
        format!("[{}:{}]", key(&self.from), key(&self.to))
    }
}

impl ColumnFilter {
    /// All columns.
    pub const ALL: ColumnFilter = ColumnFilter { selection: None, is_named: false };
    /// All columns, each by its name: only its text is another one.
    pub const ALL_BY_NAME: ColumnFilter = ColumnFilter { selection: None, is_named: true };

    /// These columns; of those that have parts, only these. `fetches_all_statics`: whether a partition that has nothing
    /// but static columns makes a row of the result.
    pub fn new(
        columns: impl IntoIterator<Item = ColumnId>,
        parts: Vec<(ColumnId, Part)>,
        fetches_all_statics: bool,
    ) -> Self {
        let mut queried = Vec::new();
        for ColumnId(id) in columns.into_iter().chain(parts.iter().map(|(id, _)| *id)) {
            let (word, bit) = (usize::from(id) / 64, id % 64);
            if queried.len() <= word {
                queried.resize(word + 1, 0);
            }
            queried[word] |= 1 << bit;
        }
        Self { selection: Some(Arc::new(Selection { queried, fetches_all_statics, parts })), is_named: true }
    }

    /// Whether it is all columns.
    pub fn is_all(&self) -> bool {
        self.selection.is_none()
    }

    /// Whether no column is queried.
    pub fn queries_nothing(&self) -> bool {
        self.selection.as_ref().is_some_and(|selection| selection.queried.iter().all(|word| *word == 0))
    }

    /// Whether a column is queried, in part at least.
    pub fn queries(&self, ColumnId(id): ColumnId) -> bool {
        let Some(selection) = &self.selection else { return true };
        selection.queried.get(usize::from(id) / 64).is_some_and(|word| word >> (id % 64) & 1 == 1)
    }

    /// Whether the cell of a column with that path is queried.
    pub fn queries_cell(&self, column: ColumnId, path: Option<&[u8]>) -> bool {
        self.queries(column) && path.is_none_or(|path| self.queries_path(column, path))
    }

    fn queries_path(&self, column: ColumnId, path: &[u8]) -> bool {
        let Some(selection) = self.selection.as_ref().filter(|s| !s.parts.is_empty()) else { return true };
        let mut parts = selection.parts.iter().filter(|(id, _)| *id == column).peekable();
        parts.peek().is_none() || parts.any(|(_, part)| part.includes(path))
    }

    /// Whether parts of columns are queried.
    pub fn has_parts(&self) -> bool {
        self.selection.as_ref().is_some_and(|selection| !selection.parts.is_empty())
    }

    /// Whether a static column is fetched.
    pub fn fetches_static(&self, column: ColumnId) -> bool {
        self.selection.as_ref().is_none_or(|selection| selection.fetches_all_statics) || self.queries(column)
    }

    /// The cell as it is read: without its value where it is not queried. It comes even where the row's own liveness is
    /// newer, for that may expire before the cell does, or give way to one elsewhere that does. (Cassandra leaves such
    /// cells out, and loses the row: `DeserializationHelper.includes`.)
    pub fn fetched<'c>(&self, cell: Cell<'c>) -> Cell<'c> {
        if self.queries_cell(cell.column, cell.path) { cell } else { Cell { value: &[], ..cell } }
    }

    /// A row without what is not queried (Cassandra: `Row.withOnlyQueriedData`).
    pub fn only_queried(&self, row: &Row) -> Row {
        let mut builder = RowBuilder::with_capacity(row.cell_count(), row.data_len());
        for (column, deletion) in row.complex_deletions().filter(|(column, _)| self.queries(*column)) {
            builder.add_complex_deletion(column, deletion);
        }
        row.cells().filter(|c| self.queries_cell(c.column, c.path)).for_each(|cell| builder.add(cell));
        builder.build(row.clustering(), row.liveness(), row.deletion())
    }

    /// The columns as CQL text (Cassandra: `ColumnFilter.toCQLString`).
    pub fn text(&self, table: &TableMetadata) -> String {
        if !self.is_named {
            return "*".to_owned();
        }
        let all_parts = self.selection.as_ref().map(|selection| &selection.parts[..]).unwrap_or_default();
        let columns = table.static_columns.iter().chain(&table.regular_columns);
        let mut queried: Vec<_> = columns.filter(|column| self.queries(column.id)).collect();
        queried.sort_by_key(|column| (column.kind, column.name.as_bytes()));
        let mut texts = Vec::new();
        for column in queried {
            let name = maybe_quoted(&column.name);
            let mut parts: Vec<&Part> =
                all_parts.iter().filter(|(id, _)| *id == column.id).map(|(_, part)| part).collect();
            parts.sort_by(|a, b| match (&a.from, &b.from) {
                (Some(x), Some(y)) => a.key_type.compare(x, y),
                (x, y) => x.is_some().cmp(&y.is_some()),
            });
            let before = texts.len();
            texts.extend(parts.iter().map(|part| format!("{name}{}", part.text())));
            if texts.len() == before {
                texts.push(name);
            }
        }
        if texts.is_empty() { "*".to_owned() } else { texts.join(", ") }
    }
}
