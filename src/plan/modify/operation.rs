//! Assignments and deletions of columns (Cassandra: `Operation.RawUpdate` and `RawDeletion`).

use std::sync::Arc;

use cql_grammar::ast;

use crate::error::Error;
use crate::exec::functions::{self, Function};
use crate::exec::modify::operation::Action;
use crate::exec::term::Term;
use crate::plan::assign::Receiver;
use crate::plan::term::{TermPlanner, field_of, key_of, text_of, value_of};
use crate::schema::{ColumnMetadata, TableMetadata};
use crate::types::{CqlType, UserType};

/// `c = term`
pub(super) fn set(
    terms: &mut TermPlanner<'_>,
    table: &TableMetadata,
    column: &ColumnMetadata,
    value: &ast::Term,
) -> Result<Action, Error> {
    let term = terms.prepare(value, &Receiver::column(table, column))?;
    if column.cql_type.is_counter() {
        return Err(Error::invalid(format!(
            "Cannot set the value of counter column {} (counters can only be incremented/decremented, not set)",
            column.name
        )));
    }
    Ok(match &column.cql_type {
        CqlType::User { frozen: false, .. } => Action::SetUserType(term),
        other if other.is_multi_cell() => Action::SetCollection(term),
        _ => Action::Set(term),
    })
}

/// One assignment of an UPDATE.
pub(super) fn assign(
    terms: &mut TermPlanner<'_>,
    table: &TableMetadata,
    column: &ColumnMetadata,
    operation: &ast::Operation,
    has_conditions: bool,
) -> Result<Action, Error> {
    let receiver = Receiver::column(table, column);
    match operation {
        ast::Operation::Set(value) => set(terms, table, column, value),
        ast::Operation::Add(value) if has_conditions && !column.cql_type.is_collection() => {
            add_to_known(terms, column, &receiver, value)
        }
        ast::Operation::Add(value) => add(terms, column, &receiver, value),
        ast::Operation::Subtract(value) => subtract(terms, column, &receiver, value),
        ast::Operation::Prepend(value) => prepend(terms, column, &receiver, value),
        ast::Operation::SetElement { key, value } => set_element(terms, column, &receiver, key, value),
        ast::Operation::SetField { field, value } => set_field(terms, column, &receiver, field, value),
    }
}

fn add(
    terms: &mut TermPlanner<'_>,
    column: &ColumnMetadata,
    receiver: &Receiver,
    value: &ast::Term,
) -> Result<Action, Error> {
    let name = &column.name;
    let text = || format!("{name} = {name} + {}", text_of(value));
    if !column.cql_type.is_collection() {
        return match &column.cql_type {
            CqlType::Tuple(_) | CqlType::User { .. } => Err(refused(&text(), "tuple", column)),
            CqlType::Counter => terms.prepare(value, receiver).map(Action::Increment),
            _ => Err(refused(&text(), "non counter", column)),
        };
    }
    if !column.is_complex() {
        return Err(refused(&text(), "frozen collection", column));
    }
    match &column.cql_type {
        CqlType::Map { .. } => terms.prepare(value, receiver).map(Action::Add).map_err(|error| match error {
            Error::Invalid(_) => {
                let given = text_of(value);
                Error::invalid(format!("Value for a map addition has to be a map, but was: '{given}'"))
            }
            other => other,
        }),
        _ => terms.prepare(value, receiver).map(Action::Add),
    }
}

/// `c = c + v` under a condition, where what is there is read anyway: of numbers and strings too.
fn add_to_known(
    terms: &mut TermPlanner<'_>,
    column: &ColumnMetadata,
    receiver: &Receiver,
    value: &ast::Term,
) -> Result<Action, Error> {
    let (name, cql_type) = (&column.name, &column.cql_type);
    let text = || format!("{name} = {name} + {}", text_of(value));
    match cql_type {
        CqlType::Tuple(_) | CqlType::User { .. } => Err(refused(&text(), "tuple", column)),
        CqlType::Counter => terms.prepare(value, receiver).map(Action::Increment),
        CqlType::Text | CqlType::Ascii => terms.prepare(value, receiver).map(Action::AddText),
        number => {
            let is_sum =
                |f: &Arc<Function>| f.arg_types.iter().all(|t| t == number) && f.return_type == *number;
            let add = functions::registry().get("_add").into_iter().flatten().find(|f| is_sum(f));
            let add = add.ok_or_else(|| {
                let text = text();
                Error::invalid(format!("Invalid operation ({text}) for non-numeric and non-text type {name}"))
            })?;
            Ok(Action::AddNumber(terms.prepare(value, receiver)?, add.clone()))
        }
    }
}

fn subtract(
    terms: &mut TermPlanner<'_>,
    column: &ColumnMetadata,
    receiver: &Receiver,
    value: &ast::Term,
) -> Result<Action, Error> {
    let name = &column.name;
    let text = || format!("{name} = {name} - {}", text_of(value));
    if !column.cql_type.is_collection() {
        return match &column.cql_type {
            CqlType::Counter => terms.prepare(value, receiver).map(Action::Decrement),
            _ => Err(refused(&text(), "non counter", column)),
        };
    }
    if !column.is_complex() {
        return Err(refused(&text(), "frozen collection", column));
    }
    match &column.cql_type {
        CqlType::List { .. } => terms.prepare(value, receiver).map(Action::DiscardFromList),
        CqlType::Map { key, .. } => {
            let keys = receiver.part(
                receiver.name.clone(),
                CqlType::Set { element: Arc::new((**key).clone()), frozen: true },
            );
            terms.prepare(value, &keys).map(Action::Discard).map_err(|error| match error {
                Error::Invalid(_) => {
                    let given = text_of(value);
                    Error::invalid(format!(
                        "Value for a map substraction has to be a set, but was: '{given}'"
                    ))
                }
                other => other,
            })
        }
        _ => terms.prepare(value, receiver).map(Action::Discard),
    }
}

fn prepend(
    terms: &mut TermPlanner<'_>,
    column: &ColumnMetadata,
    receiver: &Receiver,
    value: &ast::Term,
) -> Result<Action, Error> {
    let term = terms.prepare(value, receiver)?;
    let name = &column.name;
    let text = || format!("{name} = {} - {name}", text_of(value));
    match &column.cql_type {
        CqlType::List { frozen: false, .. } => Ok(Action::Prepend(term)),
        CqlType::List { .. } => Err(refused(&text(), "frozen list", column)),
        _ => Err(refused(&text(), "non list", column)),
    }
}

fn set_element(
    terms: &mut TermPlanner<'_>,
    column: &ColumnMetadata,
    receiver: &Receiver,
    key: &ast::Term,
    value: &ast::Term,
) -> Result<Action, Error> {
    let name = &column.name;
    let text = || format!("{name}[{}] = {}", text_of(key), text_of(value));
    if !column.cql_type.is_collection() {
        return Err(refused(&text(), "non collection", column));
    }
    if !column.is_complex() {
        return Err(refused(&text(), "frozen collection", column));
    }
    match &column.cql_type {
        CqlType::List { element, .. } => {
            let index = index_term(terms, receiver, key)?;
            Ok(Action::SetByIndex { index, value: terms.prepare(value, &value_of(receiver, element))? })
        }
        CqlType::Map { key: keys, value: values, .. } => {
            let key = terms.prepare(key, &key_of(receiver, keys))?;
            Ok(Action::SetByKey { key, value: terms.prepare(value, &value_of(receiver, values))? })
        }
        _ => Err(refused(&text(), "set", column)),
    }
}

fn set_field(
    terms: &mut TermPlanner<'_>,
    column: &ColumnMetadata,
    receiver: &Receiver,
    field: &ast::Name,
    value: &ast::Term,
) -> Result<Action, Error> {
    let (name, field_name) = (&column.name, field.as_str());
    let text = || format!("{name}.{field_name} = {}", text_of(value));
    match &column.cql_type {
        CqlType::User { user_type, frozen: false } => {
            let i = field_index(column, user_type, field)?;
            let value = terms.prepare(value, &field_of(receiver, user_type, usize::from(i)))?;
            Ok(Action::SetField { field: i, value })
        }
        CqlType::User { .. } => Err(refused(&text(), "frozen UDT", column)),
        _ => Err(refused(&text(), "non-UDT", column)),
    }
}

/// An operation that columns of that kind do not have.
fn refused(operation: &str, kind: &str, column: &ColumnMetadata) -> Error {
    Error::invalid(format!("Invalid operation ({operation}) for {kind} column {}", column.name))
}

/// One deletion of a DELETE.
pub(super) fn delete(
    terms: &mut TermPlanner<'_>,
    table: &TableMetadata,
    column: &ColumnMetadata,
    deletion: &ast::Deletion,
) -> Result<Action, Error> {
    let name = &column.name;
    match deletion {
        ast::Deletion::Column(_) => Ok(Action::Delete),
        ast::Deletion::Element { key, .. } => {
            if !column.cql_type.is_collection() {
                return Err(Error::invalid(format!(
                    "Invalid deletion operation for non collection column {name}"
                )));
            }
            if !column.is_complex() {
                return Err(Error::invalid(format!(
                    "Invalid deletion operation for frozen collection column {name}"
                )));
            }
            delete_element(terms, column, &Receiver::column(table, column), key)
        }
        ast::Deletion::Field { field, .. } => match &column.cql_type {
            CqlType::User { user_type, frozen: false } => {
                field_index(column, user_type, field).map(Action::DeleteField)
            }
            CqlType::User { .. } => {
                Err(Error::invalid(format!("Frozen UDT column {name} does not support field deletions")))
            }
            _ => Err(Error::invalid(format!("Invalid field deletion operation for non-UDT column {name}"))),
        },
    }
}

fn delete_element(
    terms: &mut TermPlanner<'_>,
    column: &ColumnMetadata,
    receiver: &Receiver,
    key: &ast::Term,
) -> Result<Action, Error> {
    match &column.cql_type {
        CqlType::List { .. } => index_term(terms, receiver, key).map(Action::DeleteByIndex),
        CqlType::Set { element, .. } => {
            terms.prepare(key, &value_of(receiver, element)).map(Action::DeleteElement)
        }
        CqlType::Map { key: keys, .. } => {
            terms.prepare(key, &key_of(receiver, keys)).map(Action::DeleteByKey)
        }
        other => Err(Error::server(format!("{other} has no elements"))),
    }
}

fn index_term(terms: &mut TermPlanner<'_>, receiver: &Receiver, index: &ast::Term) -> Result<Term, Error> {
    terms.prepare(index, &index_receiver(receiver))
}

/// What receives the index of a list's element.
pub(super) fn index_receiver(receiver: &Receiver) -> Receiver {
    receiver.part(format!("idx({})", receiver.name), CqlType::Int)
}

fn field_index(column: &ColumnMetadata, user_type: &UserType, field: &ast::Name) -> Result<u16, Error> {
    let i = user_type.fields.iter().position(|(name, _)| name == field.as_str());
    i.and_then(|i| u16::try_from(i).ok()).ok_or_else(|| {
        Error::invalid(format!("UDT column {} does not have a field named {}", column.name, field.as_str()))
    })
}

/// Whether both may change the same column in one statement.
pub(super) fn are_compatible(a: &ast::Operation, b: &ast::Operation) -> bool {
    use ast::Operation::{Set, SetField};
    match (a, b) {
        (Set(_), _) | (_, Set(_)) => false,
        (SetField { field: a, .. }, SetField { field: b, .. }) => a != b,
        _ => true,
    }
}
