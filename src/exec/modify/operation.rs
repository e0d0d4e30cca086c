//! What a modification does to one column (Cassandra: `cql3.Operation` and its implementations).

use std::borrow::Cow;
use std::sync::Arc;

use super::row_update::RowUpdate;
use crate::error::Error;
use crate::exec::functions::Function;
use crate::exec::term::{BindContext, Bound, Term};
use crate::exec::time_uuid;
use crate::schema::ColumnMetadata;
use crate::storage::model::Row;
use crate::types::{CqlType, collection};

/// An operation on a column.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The column.
    pub column: Arc<ColumnMetadata>,
    /// What is done.
    pub action: Action,
}

/// What an [`Operation`] does.
#[derive(Clone, Debug)]
pub enum Action {
    /// `c = v`, of a column of one cell.
    Set(Term),
    /// `c = v`, of a list, set or map of several cells.
    SetCollection(Term),
    /// `c = v`, of a user type of several cells.
    SetUserType(Term),
    /// `c = c + v` of a list, set or map.
    Add(Term),
    /// `c = v + c` of a list.
    Prepend(Term),
    /// `c[k] = v` of a map.
    SetByKey {
        /// The key.
        key: Term,
        /// The value.
        value: Term,
    },
    /// `c[i] = v` of a list.
    SetByIndex {
        /// The index.
        index: Term,
        /// The value.
        value: Term,
    },
    /// `c.f = v` of a user type.
    SetField {
        /// The field's index.
        field: u16,
        /// The value.
        value: Term,
    },
    /// `c = c - v` of a list.
    DiscardFromList(Term),
    /// `c = c - v` of a set or map.
    Discard(Term),
    /// `DELETE c[k]` of a set.
    DeleteElement(Term),
    /// `DELETE c[k]` of a map.
    DeleteByKey(Term),
    /// `DELETE c[i]` of a list.
    DeleteByIndex(Term),
    /// `DELETE c.f` of a user type.
    DeleteField(u16),
    /// `DELETE c`
    Delete,
    /// `c = c + v` of a number, under a condition: what it is added with.
    AddNumber(Term, Arc<Function>),
    /// `c = c + v` of a string, under a condition.
    AddText(Term),
    /// `c = c + v` of a counter.
    Increment(Term),
    /// `c = c - v` of a counter.
    Decrement(Term),
}

impl Action {
    /// Whether the row as it is has to be read first.
    pub fn requires_read(&self) -> bool {
        matches!(
            self,
            Self::SetByIndex { .. }
                | Self::DiscardFromList(_)
                | Self::DeleteByIndex(_)
                | Self::AddNumber(..)
                | Self::AddText(_)
        )
    }
}

impl Operation {
    /// Adds to `row` what the operation does to it. `current` is the row as it is now, where it was read.
    pub fn execute(
        &self,
        context: &BindContext<'_>,
        row: &mut RowUpdate,
        current: Option<&Row>,
    ) -> Result<(), Error> {
        match &self.action {
            Action::Set(term) => self.set(term.bind(context)?, context, row)?,
            Action::SetCollection(term) => match term.bind(context)? {
                Bound::Unset => {}
                value => {
                    row.overwrite_complex(self.column.id);
                    self.add_elements(value, context, row)?;
                }
            },
            Action::SetUserType(term) => self.set_user_type(term.bind(context)?, context, row)?,
            Action::Add(term) => self.add_elements(term.bind(context)?, context, row)?,
            Action::Prepend(term) => self.prepend(term.bind(context)?, context, row)?,
            Action::SetByKey { key, value } => {
                let key = map_key(key.bind(context)?)?;
                self.set_element(&key, value.bind(context)?, context, row)?;
            }
            Action::SetByIndex { index, value } => {
                guard_list(context, "Setting of list items by index requiring read before write")?;
                let (index, value) = (index.bind(context)?, value.bind(context)?);
                self.set_by_index(index, value, context, row, current)?;
            }
            Action::SetField { field, value } => {
                self.set_element(&field.to_be_bytes(), value.bind(context)?, context, row)?;
            }
            Action::DiscardFromList(term) => {
                guard_list(context, "Removal of list items requiring read before write")?;
                self.discard_from_list(term.bind(context)?, context, row, current)?;
            }
            Action::Discard(term) => self.discard(term.bind(context)?, context, row)?,
            Action::DeleteElement(term) => match term.bind(context)? {
                Bound::Null => return Err(Error::invalid("Invalid null set element")),
                Bound::Unset => {}
                Bound::Bytes(element) => self.bury(context, row, Some(&element))?,
            },
            Action::DeleteByKey(term) => self.bury(context, row, Some(&map_key(term.bind(context)?)?))?,
            Action::DeleteByIndex(term) => {
                guard_list(context, "Removal of list items by index requiring read before write")?;
                self.delete_by_index(term.bind(context)?, context, row, current)?;
            }
            Action::DeleteField(field) => self.bury(context, row, Some(&field.to_be_bytes()))?,
            Action::Delete if self.column.is_complex() => row.delete_complex(self.column.id),
            Action::Delete => row.tombstone(self.column.id, None),
            Action::AddNumber(term, add) => {
                self.add_number(add, term.bind(context)?, context, row, current)?
            }
            Action::AddText(term) => self.add_text(term.bind(context)?, context, row, current)?,
            Action::Increment(term) => {
                if let Some(by) = increment(term.bind(context)?)? {
                    row.counter(self.column.id, by);
                }
            }
            Action::Decrement(term) => {
                if let Some(by) = increment(term.bind(context)?)? {
                    let negated = by.checked_neg().ok_or_else(|| {
                        Error::invalid(format!(
                            "The negation of {by} overflows supported counter precision (signed 8 bytes integer)"
                        ))
                    })?;
                    row.counter(self.column.id, negated);
                }
            }
        }
        Ok(())
    }

    fn set(&self, value: Bound<'_>, context: &BindContext<'_>, row: &mut RowUpdate) -> Result<(), Error> {
        match value {
            Bound::Null => row.tombstone(self.column.id, None),
            Bound::Unset => {}
            Bound::Bytes(bytes) if context.guard.is_none() => row.cell(self.column.id, None, &bytes),
            Bound::Bytes(bytes) => {
                self.guard_items(context, &bytes)?;
                self.put(context, row, None, &bytes)?;
                self.guard_size(context, &bytes)?;
            }
        }
        Ok(())
    }

    fn set_element(
        &self,
        path: &[u8],
        value: Bound<'_>,
        context: &BindContext<'_>,
        row: &mut RowUpdate,
    ) -> Result<(), Error> {
        match value {
            Bound::Null => self.bury(context, row, Some(path)),
            Bound::Unset => Ok(()),
            Bound::Bytes(bytes) => self.put(context, row, Some(path), &bytes),
        }
    }

    fn set_user_type(
        &self,
        value: Bound<'_>,
        context: &BindContext<'_>,
        row: &mut RowUpdate,
    ) -> Result<(), Error> {
        if value == Bound::Unset {
            return Ok(());
        }
        row.overwrite_complex(self.column.id);
        let Bound::Bytes(bytes) = value else { return Ok(()) };
        for (field, value) in (0u16..).zip(collection::fields(&bytes)) {
            if let Some(value) = value {
                self.put(context, row, Some(&field.to_be_bytes()), value)?;
            }
        }
        Ok(())
    }

    /// Adds elements of a list at its end, of a set, or entries of a map.
    fn add_elements(
        &self,
        value: Bound<'_>,
        context: &BindContext<'_>,
        row: &mut RowUpdate,
    ) -> Result<(), Error> {
        let Bound::Bytes(bytes) = value else { return Ok(()) };
        self.guard_items(context, &bytes)?;
        match &self.column.cql_type {
            CqlType::List { .. } => {
                for element in collection::elements(&bytes) {
                    self.put(context, row, Some(&time_uuid::next()), element)?;
                }
            }
            CqlType::Set { .. } => {
                for element in collection::elements(&bytes) {
                    self.put(context, row, Some(element), &[])?;
                }
            }
            _ => {
                for (key, value) in collection::entries(&bytes) {
                    self.put(context, row, Some(key), value)?;
                }
            }
        }
        self.guard_size(context, &bytes)
    }

    /// Adds to the number that is there; where there is none, nothing happens.
    fn add_number(
        &self,
        add: &Function,
        value: Bound<'_>,
        context: &BindContext<'_>,
        row: &mut RowUpdate,
        current: Option<&Row>,
    ) -> Result<(), Error> {
        let value = match value {
            Bound::Bytes(value) => value,
            Bound::Null => return Err(null_buffer("value")),
            Bound::Unset => return Err(null_number(&self.column.cql_type)),
        };
        if let Some(cell) = current.and_then(|row| row.cell(self.column.id)) {
            let sum = add.execute(&[Some(cell.value), Some(&value)], context.functions)?;
            self.set(sum.map_or(Bound::Null, |sum| Bound::Bytes(Cow::Owned(sum))), context, row)?;
        }
        Ok(())
    }

    /// Adds to the text that is there; where there is none, nothing happens.
    fn add_text(
        &self,
        value: Bound<'_>,
        context: &BindContext<'_>,
        row: &mut RowUpdate,
        current: Option<&Row>,
    ) -> Result<(), Error> {
        let value = match value {
            Bound::Bytes(value) => value,
            Bound::Null => return Err(null_buffer("append")),
            Bound::Unset => return Ok(()),
        };
        if let Some(cell) = current.and_then(|row| row.cell(self.column.id)) {
            self.put(context, row, None, &[cell.value, &*value].concat())?;
        }
        Ok(())
    }

    fn prepend(&self, value: Bound<'_>, context: &BindContext<'_>, row: &mut RowUpdate) -> Result<(), Error> {
        let Bound::Bytes(bytes) = value else { return Ok(()) };
        let elements: Vec<&[u8]> = collection::elements(&bytes).collect();
        for (path, element) in time_uuid::descending(elements.len()).zip(elements) {
            self.put(context, row, Some(&path), element)?;
        }
        Ok(())
    }

    fn set_by_index(
        &self,
        index: Bound<'_>,
        value: Bound<'_>,
        context: &BindContext<'_>,
        row: &mut RowUpdate,
        current: Option<&Row>,
    ) -> Result<(), Error> {
        let index = match index {
            Bound::Null => return Err(Error::invalid("Invalid null value for list index")),
            Bound::Unset => return Err(Error::invalid("Invalid unset value for list index")),
            Bound::Bytes(bytes) => bytes,
        };
        let path = self.path_at(&index, current, "Attempted to set an element on a list which is null")?;
        self.set_element(&path, value, context, row)
    }

    fn delete_by_index(
        &self,
        index: Bound<'_>,
        context: &BindContext<'_>,
        row: &mut RowUpdate,
        current: Option<&Row>,
    ) -> Result<(), Error> {
        let index = match index {
            Bound::Null => return Err(Error::invalid("Invalid null value for list index")),
            Bound::Unset => return Ok(()),
            Bound::Bytes(bytes) => bytes,
        };
        let path =
            self.path_at(&index, current, "Attempted to delete an element from a list which is null")?;
        self.bury(context, row, Some(&path))
    }

    /// The path of the list's element at `index`, an `int`.
    fn path_at<'r>(
        &self,
        index: &[u8],
        current: Option<&'r Row>,
        if_null: &str,
    ) -> Result<Cow<'r, [u8]>, Error> {
        let index = <[u8; 4]>::try_from(index).map_or(0, i32::from_be_bytes);
        let mut cells = current.map(|row| row.cells_of(self.column.id)).into_iter().flatten();
        let size = cells.clone().count();
        if size == 0 {
            return Err(Error::invalid(if_null));
        }
        let cell = usize::try_from(index).ok().and_then(|i| cells.nth(i));
        let path = cell.and_then(|cell| cell.path).ok_or_else(|| {
            Error::invalid(format!("List index {index} out of bound, list has size {size}"))
        })?;
        Ok(Cow::Borrowed(path))
    }

    fn discard_from_list(
        &self,
        value: Bound<'_>,
        context: &BindContext<'_>,
        row: &mut RowUpdate,
        current: Option<&Row>,
    ) -> Result<(), Error> {
        let (Bound::Bytes(bytes), Some(current)) = (value, current) else { return Ok(()) };
        let discarded: Vec<&[u8]> = collection::elements(&bytes).collect();
        for cell in current.cells_of(self.column.id) {
            if discarded.contains(&cell.value) {
                self.bury(context, row, cell.path)?;
            }
        }
        Ok(())
    }

    fn discard(&self, value: Bound<'_>, context: &BindContext<'_>, row: &mut RowUpdate) -> Result<(), Error> {
        let Bound::Bytes(bytes) = value else { return Ok(()) };
        collection::elements(&bytes).try_for_each(|element| self.bury(context, row, Some(element)))
    }
}

/// Holds an operation on a list that has to read it first against the guardrail.
fn guard_list(context: &BindContext<'_>, operation: &str) -> Result<(), Error> {
    match context.guard {
        Some(guard) => guard.check(guard.rails.read_before_write_list_operations.check_feature(operation)),
        None => Ok(()),
    }
}

fn map_key(key: Bound<'_>) -> Result<Cow<'_, [u8]>, Error> {
    match key {
        Bound::Null => Err(Error::invalid("Invalid null map key")),
        Bound::Unset => Err(Error::invalid("Invalid unset map key")),
        Bound::Bytes(bytes) => Ok(bytes),
    }
}

/// How Cassandra fails where null is added.
fn null_buffer(name: &str) -> Error {
    Error::server(format!(
        "java.lang.NullPointerException: Cannot invoke \"java.nio.ByteBuffer.remaining()\" because \"{name}\" is null"
    ))
}

/// How Cassandra fails where an unset value is added to a number.
fn null_number(cql_type: &CqlType) -> Error {
    let kind = match cql_type {
        CqlType::Tinyint => "byte",
        CqlType::Smallint => "short",
        CqlType::Bigint => "long",
        CqlType::Float => "float",
        CqlType::Double => "double",
        _ => "int",
    };
    Error::server(format!(
        "java.lang.NullPointerException: Cannot invoke \"java.lang.Number.{kind}Value()\" because \"right\" is null"
    ))
}

/// By how much a counter changes; none where the value is unset.
fn increment(value: Bound<'_>) -> Result<Option<i64>, Error> {
    match value {
        Bound::Null => Err(Error::invalid("Invalid null value for counter increment")),
        Bound::Unset => Ok(None),
        // The validation of a bigint lets eight bytes through, or none.
        Bound::Bytes(bytes) if bytes.is_empty() => {
            Err(Error::invalid("Invalid null value for counter increment"))
        }
        Bound::Bytes(bytes) => Ok(Some(<[u8; 8]>::try_from(&*bytes).map_or(0, i64::from_be_bytes))),
    }
}
