//! Where the value of a column comes from: decided when the statement is planned, copied from there for each row.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};
use smallvec::SmallVec;

use crate::exec::result::RowsWriter;
use crate::schema::{ColumnId, ColumnKind, ColumnMetadata};
use crate::storage::model::{Cell, DecoratedKey, Row};
use crate::types::{CqlType, collection, counter};

/// Values of a column, some rows' one after the other.
pub type Values<'r> = SmallVec<[Option<&'r [u8]>; ROWS_AT_ONCE]>;

/// How many rows' values are gathered before they are used.
pub const ROWS_AT_ONCE: usize = 64;

/// Where the value of a column comes from.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where it stands.
    pub place: Place,
    /// How its cells make a value.
    pub form: Form,
}

/// Where a column's value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The whole partition key, which is one component.
    PartitionKey,
    /// A component of the partition key.
    KeyComponent(usize),
    /// A clustering column.
    Clustering(usize),
    /// A column of the row.
    Regular(ColumnId),
    /// A column of the static row.
    Static(ColumnId),
}

/// How cells make a value.
#[derive(Clone, Debug)]
pub enum Form {
    /// The value of the cell.
    Plain,
    /// The sum of a counter's shards.
    Counter,
    /// A list, set, map or user type of several cells.
    Complex(CqlType),
}

/// A row of the result before selection.
#[derive(Clone, Copy, Debug)]
pub struct RowView<'r> {
    /// Its partition.
    pub key: &'r DecoratedKey,
    /// The row; none where a partition has only its static row.
    pub row: Option<&'r Row>,
    /// The static row, where it has live cells.
    pub static_row: Option<&'r Row>,
    /// Against which TTLs are held.
    pub now_in_seconds: i64,
}

impl Source {
    /// The source of a column of a table with that many partition key columns.
    pub fn of(column: &ColumnMetadata, key_columns: usize) -> Self {
        let place = match column.kind {
            ColumnKind::PartitionKey if key_columns == 1 => Place::PartitionKey,
            ColumnKind::PartitionKey => Place::KeyComponent(column.position),
            ColumnKind::Clustering => Place::Clustering(column.position),
            ColumnKind::Static => Place::Static(column.id),
            ColumnKind::Regular => Place::Regular(column.id),
        };
        let form = match &column.cql_type {
            CqlType::Counter => Form::Counter,
            complex if complex.is_multi_cell() => Form::Complex(complex.clone()),
            _ => Form::Plain,
        };
        Self { place, form }
    }

    /// The cells' row and column, unless the column is part of the primary key.
    pub fn cells_in<'r>(&self, view: &RowView<'r>) -> Option<(&'r Row, ColumnId)> {
        match self.place {
            Place::Regular(id) => view.row.map(|row| (row, id)),
            Place::Static(id) => view.static_row.map(|row| (row, id)),
            _ => None,
        }
    }

    /// Writes the value as the row's next.
    #[inline]
    pub fn write(&self, view: &RowView<'_>, out: &mut RowsWriter) {
        match &self.form {
            Form::Plain => out.value(self.plain(view)),
            _ => out.value(self.value(view).as_deref()),
        }
    }

    /// The value; none for null.
    pub fn value<'r>(&self, view: &RowView<'r>) -> Option<Cow<'r, [u8]>> {
        match &self.form {
            Form::Plain => self.plain(view).map(Cow::Borrowed),
            Form::Counter => {
                let (row, id) = self.cells_in(view)?;
                let cell = row.cell(id)?;
                Some(Cow::Owned(counter::total(cell.value).to_be_bytes().to_vec()))
            }
            Form::Complex(cql_type) => {
                let (row, id) = self.cells_in(view)?;
                let cells = row.cells_of(id);
                (cells.len() > 0).then(|| Cow::Owned(serialize(cql_type, cells)))
            }
        }
    }

    /// Adds the values of rows of one partition, those of a column that is [`Form::Plain`]; none for null.
    pub fn plain_values<'r>(&self, view: &RowView<'r>, rows: &'r [Row], out: &mut Values<'r>) {
        let Place::Regular(id) = self.place else {
            return out.extend(rows.iter().map(|row| self.plain(&RowView { row: Some(row), ..*view })));
        };
        // Where it stands in one row it probably stands in the next.
        let mut index = 0;
        out.extend(rows.iter().map(|row| {
            let Some(cells) = row.plain_cells() else { return row.cell(id).map(|cell| cell.value) };
            index = cells.find(id, index)?;
            Some(cells.value(index))
        }));
    }

    /// The value of a column that is [`Form::Plain`].
    #[inline]
    pub fn plain<'r>(&self, view: &RowView<'r>) -> Option<&'r [u8]> {
        match self.place {
            Place::PartitionKey => Some(&view.key.key),
            Place::KeyComponent(i) => key_component(&view.key.key, i),
            Place::Clustering(i) => view.row?.clustering().get(i),
            Place::Regular(id) => view.row?.cell(id).map(|cell| cell.value),
            Place::Static(id) => view.static_row?.cell(id).map(|cell| cell.value),
        }
    }
}

/// A component of a composite partition key.
pub(super) fn key_component(key: &[u8], index: usize) -> Option<&[u8]> {
    let mut rest = key;
    for _ in 0..index {
        let (length, tail) = rest.split_first_chunk::<2>()?;
        rest = tail.get(usize::from(u16::from_be_bytes(*length)) + 1..)?;
    }
    let (length, tail) = rest.split_first_chunk::<2>()?;
    tail.get(..usize::from(u16::from_be_bytes(*length)))
}

/// The value that cells of a column make, as the native protocol has it (Cassandra: `serializeForNativeProtocol`).
pub(crate) fn serialize<'r>(
    cql_type: &CqlType,
    cells: impl ExactSizeIterator<Item = Cell<'r>> + Clone,
) -> Vec<u8> {
    let size = cells.clone().map(|c| c.value.len() + c.path.map_or(0, <[u8]>::len) + 8).sum::<usize>();
    let mut out = BytesMut::with_capacity(size + 4);
    if let CqlType::User { user_type, .. } = cql_type {
        for i in 0..user_type.fields.len() {
            let value = cells.clone().find(|cell| field_index(cell) == i).map(|cell| cell.value);
            collection::write_value(&mut out, value);
        }
        return out.to_vec();
    }
    out.put_i32(i32::try_from(cells.len()).unwrap_or(i32::MAX));
    for cell in cells {
        if !matches!(cql_type, CqlType::List { .. }) {
            collection::write_value(&mut out, Some(cell.path.unwrap_or_default()));
        }
        if !matches!(cql_type, CqlType::Set { .. }) {
            collection::write_value(&mut out, Some(cell.value));
        }
    }
    out.to_vec()
}

/// Which field of a user type a cell holds.
pub(super) fn field_index(cell: &Cell<'_>) -> usize {
    let path = cell.path.unwrap_or_default();
    path.try_into().map_or(usize::MAX, |path| usize::from(u16::from_be_bytes(path)))
}
