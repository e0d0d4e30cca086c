//! What must hold of a row before it is changed (Cassandra: package `cql3.conditions`).

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use crate::error::Error;
use crate::exec::describe::java_order::{bytes_hash, sort_by_hash};
use crate::exec::restrictions::bind_list;
use crate::exec::select::source::serialize;
use crate::exec::term::{BindContext, Bound, Term};
use crate::schema::ColumnMetadata;
use crate::storage::model::{Operator, Row};
use crate::types::{CqlType, collection};

/// The conditions of a statement.
#[derive(Clone, Debug)]
pub enum Conditions {
    /// `IF NOT EXISTS`
    IfNotExists,
    /// `IF EXISTS`
    IfExists,
    /// `IF a = 1 AND …`
    Columns {
        /// Those on regular columns, in the order of the text.
        regular: Vec<ColumnCondition>,
        /// Those on static columns, in the order of the text.
        statics: Vec<ColumnCondition>,
    },
}

impl Conditions {
    /// Whether a regular column is looked at.
    pub fn applies_to_regular_columns(&self) -> bool {
        matches!(self, Self::Columns { regular, .. } if !regular.is_empty())
    }

    /// Whether a static column is looked at.
    pub fn applies_to_static_columns(&self) -> bool {
        matches!(self, Self::Columns { statics, .. } if !statics.is_empty())
    }

    /// The columns that are looked at, once for each condition, regular ones first; none for `IF [NOT] EXISTS`.
    pub fn columns(&self) -> Option<impl Iterator<Item = &Arc<ColumnMetadata>>> {
        match self {
            Self::IfExists | Self::IfNotExists => None,
            Self::Columns { regular, statics } => Some(regular.iter().chain(statics).map(|c| &c.column)),
        }
    }
}

/// What must hold of one column.
#[derive(Clone, Debug)]
pub struct ColumnCondition {
    /// The column.
    pub column: Arc<ColumnMetadata>,
    /// The column as a whole or a part of it.
    pub target: ConditionTarget,
    /// How it is compared.
    pub operator: Operator,
    /// With what.
    pub operand: Operand,
}

/// What a condition looks at.
#[derive(Clone, Debug)]
pub enum ConditionTarget {
    /// The column.
    Column,
    /// The value at a key of a map or an index of a list.
    Element(Term),
    /// A field of a user type, by its index.
    Field(u16),
}

/// What a condition compares with.
#[derive(Clone, Debug)]
pub enum Operand {
    /// One value.
    One(Term),
    /// `IN (a, b)`
    List(Vec<Term>),
    /// `IN ?`
    Marker(Term),
}

/// A condition with its values.
#[derive(Debug)]
pub struct BoundCondition<'a> {
    condition: &'a ColumnCondition,
    element: Bound<'a>,
    values: Vec<Bound<'a>>,
}

impl ColumnCondition {
    /// Evaluates its terms.
    pub fn bind<'a>(&'a self, context: &BindContext<'a>) -> Result<BoundCondition<'a>, Error> {
        let values = match &self.operand {
            Operand::One(term) => vec![term.bind(context)?],
            Operand::List(terms) => {
                let mut values = Vec::with_capacity(terms.len());
                for term in terms {
                    match term.bind(context)? {
                        Bound::Unset => {}
                        value => values.push(value),
                    }
                }
                values
            }
            Operand::Marker(marker) => match bind_list(marker, context)? {
                Bound::Null => return Err(Error::invalid("Invalid null list in IN condition")),
                Bound::Unset => return Err(unset()),
                Bound::Bytes(list) => {
                    let value = |element: Option<&[u8]>| match element {
                        Some(bytes) => Bound::Bytes(Cow::Owned(bytes.to_vec())),
                        None => Bound::Null,
                    };
                    collection::elements_or_null(&list).map(value).collect()
                }
            },
        };
        let element = match &self.target {
            ConditionTarget::Element(term) => term.bind(context)?,
            ConditionTarget::Column | ConditionTarget::Field(_) => Bound::Null,
        };
        Ok(BoundCondition { condition: self, element, values })
    }
}

/// Sorts the conditions on a row as Cassandra looks at them, which shows where one of them cannot be evaluated: in the
/// order of a hash map by column and element (`CQL3CasRequest.ColumnsConditions`).
pub fn sort_as_looked_at(conditions: &mut [BoundCondition<'_>]) {
    // The map is made with sixteen places.
    let entries = conditions.len().saturating_sub(1);
    sort_by_hash(conditions, entries, |bound| {
        let column = bytes_hash(bound.condition.column.name.as_bytes());
        let element = bound.element.as_bytes().map_or(0, bytes_hash);
        column.wrapping_add(31).wrapping_mul(31).wrapping_add(element)
    });
}

impl BoundCondition<'_> {
    /// Whether it holds of a row, of which only live cells are left; none where there is no row.
    pub fn holds(&self, row: Option<&Row>) -> Result<bool, Error> {
        let column = &*self.condition.column;
        match (&self.condition.target, &column.cql_type) {
            (ConditionTarget::Column, collection) if collection.is_collection() && column.is_complex() => {
                self.collection_holds(row)
            }
            (ConditionTarget::Column, cql_type) => {
                let value = whole_value(column, row);
                self.any_holds(cql_type, value.as_deref())
            }
            (ConditionTarget::Field(field), CqlType::User { user_type, .. }) => {
                let Some((_, field_type)) = user_type.fields.get(usize::from(*field)) else {
                    return Err(Error::server(format!("{} has no field {field}", user_type.name)));
                };
                self.any_holds(field_type, field_value(column, *field, row))
            }
            (ConditionTarget::Element(_), CqlType::Map { key, .. }) => {
                // Cassandra compares the values of maps in the order of their keys' type.
                self.any_holds(key, self.map_value(key, row)?)
            }
            (ConditionTarget::Element(_), CqlType::List { element, .. }) => {
                self.any_holds(element, self.list_value(row)?)
            }
            (_, other) => Err(Error::server(format!("{other} has no parts"))),
        }
    }

    /// Whether one of the values compares as it should with what the row has.
    fn any_holds(&self, cql_type: &CqlType, found: Option<&[u8]>) -> Result<bool, Error> {
        for value in &self.values {
            if self.value_holds(cql_type, value, found)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Cassandra: `compareWithOperator`.
    fn value_holds(
        &self,
        cql_type: &CqlType,
        value: &Bound<'_>,
        found: Option<&[u8]>,
    ) -> Result<bool, Error> {
        let operator = self.comparison();
        match (value, found) {
            (Bound::Unset, _) => Err(unset()),
            (Bound::Null, found) => match operator {
                Operator::Eq => Ok(found.is_none()),
                Operator::Neq => Ok(found.is_some()),
                _ => Err(null_comparison(operator)),
            },
            (Bound::Bytes(_), None) => Ok(operator == Operator::Neq),
            (Bound::Bytes(value), Some(found)) => Ok(match operator {
                Operator::Contains | Operator::ContainsKey => {
                    frozen_contains(cql_type, operator, found, value)
                }
                _ => satisfies(operator, cql_type.compare(found, value)),
            }),
        }
    }

    /// The operator between one value and the row's: `=` for IN.
    fn comparison(&self) -> Operator {
        match self.condition.operator {
            Operator::In => Operator::Eq,
            other => other,
        }
    }

    /// Cassandra: `MultiCellCollectionBound.appliesTo`.
    fn collection_holds(&self, row: Option<&Row>) -> Result<bool, Error> {
        let column = &*self.condition.column;
        let operator = self.comparison();
        let is_contains = matches!(operator, Operator::Contains | Operator::ContainsKey);
        let has_cells = row.is_some_and(|row| row.cells_of(column.id).len() > 0);
        for value in &self.values {
            let bytes = match value {
                Bound::Unset if is_contains => Some(&[][..]),
                Bound::Unset => return Err(unset_collection(&column.cql_type)),
                Bound::Null => None,
                Bound::Bytes(bytes) => Some(&**bytes),
            };
            let is_empty = |bytes: &[u8]| !is_contains && collection::elements(bytes).next().is_none();
            match bytes {
                Some(bytes) if !is_empty(bytes) => {
                    if self.cells_hold(row, bytes, operator, has_cells) {
                        return Ok(true);
                    }
                }
                _ => match operator {
                    Operator::Eq if has_cells => {}
                    Operator::Eq => return Ok(true),
                    Operator::Neq => return Ok(has_cells),
                    _ if bytes.is_none() => return Err(null_comparison(operator)),
                    _ => return Err(empty_comparison(&column.cql_type, operator)),
                },
            }
        }
        Ok(false)
    }

    fn cells_hold(&self, row: Option<&Row>, value: &[u8], operator: Operator, has_cells: bool) -> bool {
        if !has_cells && operator != Operator::Neq {
            return false;
        }
        let column = &*self.condition.column;
        let mut cells = row.into_iter().flat_map(|row| row.cells_of(column.id));
        match (&column.cql_type, operator) {
            (CqlType::Set { element, .. }, Operator::Contains) => {
                cells.any(|cell| element.compare(cell.path.unwrap_or_default(), value).is_eq())
            }
            (CqlType::Map { key, .. }, Operator::ContainsKey) => {
                cells.any(|cell| key.compare(cell.path.unwrap_or_default(), value).is_eq())
            }
            (CqlType::List { element: of, .. } | CqlType::Map { value: of, .. }, Operator::Contains) => {
                cells.any(|cell| of.compare(cell.value, value).is_eq())
            }
            (CqlType::Map { key, value: of, .. }, _) => {
                let found = cells.map(|cell| (cell.path.unwrap_or_default(), cell.value));
                let order = compare_all(found, collection::entries(value), |(k, v), (key_wanted, wanted)| {
                    key.compare(k, key_wanted).then_with(|| of.compare(v, wanted))
                });
                satisfies(operator, order)
            }
            (CqlType::Set { element, .. }, _) => {
                let found = cells.map(|cell| cell.path.unwrap_or_default());
                let order = compare_all(found, collection::elements(value), |l, r| element.compare(l, r));
                satisfies(operator, order)
            }
            (CqlType::List { element, .. }, _) => {
                let found = cells.map(|cell| cell.value);
                let order = compare_all(found, collection::elements(value), |l, r| element.compare(l, r));
                satisfies(operator, order)
            }
            _ => false,
        }
    }

    fn map_value<'r>(&self, key: &CqlType, row: Option<&'r Row>) -> Result<Option<&'r [u8]>, Error> {
        let column = &*self.condition.column;
        let wanted = match &self.element {
            Bound::Null => return Err(Error::invalid("Invalid null value for map element access")),
            Bound::Unset => &[],
            Bound::Bytes(bytes) => &**bytes,
        };
        let Some(row) = row else { return Ok(None) };
        if column.is_complex() {
            let is_wanted = |path: Option<&[u8]>| key.compare(path.unwrap_or_default(), wanted).is_eq();
            return Ok(row.cells_of(column.id).find(|cell| is_wanted(cell.path)).map(|cell| cell.value));
        }
        Ok(row.cell(column.id).and_then(|cell| collection::map_get(key, cell.value, wanted)))
    }

    fn list_value<'r>(&self, row: Option<&'r Row>) -> Result<Option<&'r [u8]>, Error> {
        let column = &*self.condition.column;
        let index = match &self.element {
            Bound::Null => return Err(Error::invalid("Invalid null value for list element access")),
            Bound::Unset => return Err(Error::server("java.lang.IndexOutOfBoundsException")),
            Bound::Bytes(bytes) => match <[u8; 4]>::try_from(&**bytes).map(i32::from_be_bytes) {
                Ok(index) => index,
                Err(_) => return Err(Error::invalid("Invalid null value for list element access")),
            },
        };
        let checked = || {
            usize::try_from(index).map_err(|_| Error::invalid(format!("Invalid negative list index {index}")))
        };
        if column.is_complex() {
            let index = checked()?;
            return Ok(row.and_then(|row| row.cells_of(column.id).nth(index)).map(|cell| cell.value));
        }
        match row.and_then(|row| row.cell(column.id)) {
            None => Ok(None),
            Some(cell) => Ok(collection::list_get(cell.value, checked()?)),
        }
    }
}

/// The value of a column of one cell, or of a user type of several.
fn whole_value<'r>(column: &ColumnMetadata, row: Option<&'r Row>) -> Option<Cow<'r, [u8]>> {
    let row = row?;
    if column.is_complex() {
        let cells = row.cells_of(column.id);
        return (cells.len() > 0).then(|| Cow::Owned(serialize(&column.cql_type, cells)));
    }
    row.cell(column.id).map(|cell| Cow::Borrowed(cell.value))
}

fn field_value<'r>(column: &ColumnMetadata, field: u16, row: Option<&'r Row>) -> Option<&'r [u8]> {
    let row = row?;
    if column.is_complex() {
        let path = field.to_be_bytes();
        return row.cells_of(column.id).find(|cell| cell.path == Some(&path[..])).map(|cell| cell.value);
    }
    row.cell(column.id).and_then(|cell| collection::field(cell.value, usize::from(field)))
}

/// CONTAINS and CONTAINS KEY of a collection in one cell.
fn frozen_contains(cql_type: &CqlType, operator: Operator, found: &[u8], wanted: &[u8]) -> bool {
    let is_wanted = |of: &CqlType, part: &[u8]| collection::is_same_when_read(of, part, wanted);
    match (cql_type, operator) {
        (CqlType::Map { key, .. }, Operator::ContainsKey) => {
            collection::entries(found).any(|(k, _)| is_wanted(key, k))
        }
        (CqlType::Map { value, .. }, _) => collection::entries(found).any(|(_, v)| is_wanted(value, v)),
        (CqlType::List { element, .. } | CqlType::Set { element, .. }, _) => {
            collection::elements(found).any(|part| is_wanted(element, part))
        }
        _ => false,
    }
}

/// How two sequences compare: by their first elements that differ, else by their length.
fn compare_all<T>(
    mut found: impl Iterator<Item = T>,
    mut wanted: impl Iterator<Item = T>,
    compare: impl Fn(T, T) -> Ordering,
) -> Ordering {
    loop {
        match (found.next(), wanted.next()) {
            (None, None) => return Ordering::Equal,
            (Some(_), None) => return Ordering::Greater,
            (None, Some(_)) => return Ordering::Less,
            (Some(l), Some(r)) => match compare(l, r) {
                Ordering::Equal => {}
                order => return order,
            },
        }
    }
}

fn satisfies(operator: Operator, order: Ordering) -> bool {
    match operator {
        Operator::Eq | Operator::In => order.is_eq(),
        Operator::Neq => order.is_ne(),
        Operator::Lt => order.is_lt(),
        Operator::Lte => order.is_le(),
        Operator::Gt => order.is_gt(),
        Operator::Gte => order.is_ge(),
        Operator::Contains | Operator::ContainsKey => false,
    }
}

fn unset() -> Error {
    Error::invalid("Invalid 'unset' value in condition")
}

/// Cassandra fails where a whole collection is compared with an unset value.
fn unset_collection(cql_type: &CqlType) -> Error {
    let kind = match cql_type {
        CqlType::List { .. } => "Lists",
        CqlType::Set { .. } => "Sets",
        _ => "Maps",
    };
    let (found, wanted) =
        ("org.apache.cassandra.cql3.Constants$Value", format!("org.apache.cassandra.cql3.{kind}$Value"));
    Error::server(format!(
        "java.lang.ClassCastException: class {found} cannot be cast to class {wanted} ({found} and {wanted} are in unnamed module of loader 'app')"
    ))
}

fn null_comparison(operator: Operator) -> Error {
    Error::invalid(format!("Invalid comparison with null for operator \"{}\"", operator_text(operator)))
}

fn empty_comparison(cql_type: &CqlType, operator: Operator) -> Error {
    let kind = match cql_type {
        CqlType::List { .. } => "list",
        CqlType::Set { .. } => "set",
        _ => "map",
    };
    let operator = operator_text(operator);
    Error::invalid(format!("Invalid comparison with an empty {kind} for operator \"{operator}\""))
}

/// An operator as messages have it.
pub fn operator_text(operator: Operator) -> &'static str {
    match operator {
        Operator::Eq => "=",
        Operator::Neq => "!=",
        Operator::Lt => "<",
        Operator::Lte => "<=",
        Operator::Gt => ">",
        Operator::Gte => ">=",
        Operator::In => "IN",
        Operator::Contains => "CONTAINS",
        Operator::ContainsKey => "CONTAINS KEY",
    }
}
