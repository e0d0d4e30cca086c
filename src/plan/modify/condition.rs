//! Conditions on columns (Cassandra: `ColumnCondition.Raw`).

use std::sync::Arc;

use cql_grammar::ast::{self, ConditionTest, InValues};

use super::operation::index_receiver;
use crate::error::Error;
use crate::exec::modify::condition::{ColumnCondition, ConditionTarget, Conditions, Operand, operator_text};
use crate::plan::assign::Receiver;
use crate::plan::restrictions::list_of;
use crate::plan::table::existing_column;
use crate::plan::term::{TermPlanner, field_of, key_of, value_of};
use crate::schema::{ColumnMetadata, TableMetadata};
use crate::storage::model::Operator;
use crate::types::{CqlType, maybe_quoted};

/// The conditions of `IF a = 1 AND …`.
pub(super) fn columns(
    terms: &mut TermPlanner<'_>,
    table: &TableMetadata,
    conditions: &[ast::Condition],
) -> Result<Conditions, Error> {
    let (mut regular, mut statics) = (Vec::new(), Vec::new());
    for condition in conditions {
        let column = existing_column(table, &condition.column)?;
        let planned = plan(terms, table, column, condition)?;
        if column.is_primary_key() {
            return Err(Error::invalid(format!(
                "PRIMARY KEY column '{}' cannot have IF conditions",
                column.name
            )));
        }
        if column.is_static() { &mut statics } else { &mut regular }.push(planned);
    }
    Ok(Conditions::Columns { regular, statics })
}

fn plan(
    terms: &mut TermPlanner<'_>,
    table: &TableMetadata,
    column: &ColumnMetadata,
    condition: &ast::Condition,
) -> Result<ColumnCondition, Error> {
    if column.cql_type.is_counter() {
        return Err(Error::invalid("Conditions on counters are not supported"));
    }
    let operator = operator(&condition.test)?;
    let receiver = Receiver::column(table, column);
    let receiver = Receiver { partition_key_position: None, ..receiver };
    let (target, receiver) = match &condition.target {
        ast::ConditionTarget::Column => {
            check_durations(&receiver.cql_type, operator)?;
            (ConditionTarget::Column, receiver)
        }
        ast::ConditionTarget::Element(key) => {
            let (keys, values) = element_receivers(column, &receiver)?;
            check_durations(&values.cql_type, operator)?;
            (ConditionTarget::Element(terms.prepare(key, &keys)?), values)
        }
        ast::ConditionTarget::Field(field) => {
            let (i, field) = field_receiver(column, &receiver, field)?;
            check_durations(&field.cql_type, operator)?;
            (ConditionTarget::Field(i), field)
        }
    };
    let operand = operand(terms, &receiver, operator, &condition.test)?;
    Ok(ColumnCondition { column: Arc::new(column.clone()), target, operator, operand })
}

fn operator(test: &ConditionTest) -> Result<Operator, Error> {
    Ok(match test {
        ConditionTest::In(_) => Operator::In,
        ConditionTest::Compare(operator, _) => match operator {
            ast::Operator::Eq => Operator::Eq,
            ast::Operator::Neq => Operator::Neq,
            ast::Operator::Lt => Operator::Lt,
            ast::Operator::Lte => Operator::Lte,
            ast::Operator::Gt => Operator::Gt,
            ast::Operator::Gte => Operator::Gte,
            ast::Operator::Contains => Operator::Contains,
            ast::Operator::ContainsKey => Operator::ContainsKey,
            ast::Operator::Like => return Err(Error::server("LIKE is no operator of conditions")),
        },
    })
}

/// What receives the key or index of an element, and its value.
fn element_receivers(column: &ColumnMetadata, receiver: &Receiver) -> Result<(Receiver, Receiver), Error> {
    let name = &column.name;
    match &column.cql_type {
        CqlType::List { element, .. } => Ok((index_receiver(receiver), value_of(receiver, element))),
        CqlType::Map { key, value, .. } => Ok((key_of(receiver, key), value_of(receiver, value))),
        CqlType::Set { .. } => {
            Err(Error::invalid(format!("Invalid element access syntax for set column {name}")))
        }
        _ => Err(Error::invalid(format!("Invalid element access syntax for non-collection column {name}"))),
    }
}

fn field_receiver(
    column: &ColumnMetadata,
    receiver: &Receiver,
    field: &ast::Name,
) -> Result<(u16, Receiver), Error> {
    let CqlType::User { user_type, .. } = &column.cql_type else {
        let class = column.cql_type.class_name().to_string();
        let class = class.split('(').next().unwrap_or_default();
        let wanted = "org.apache.cassandra.db.marshal.UserType";
        return Err(Error::server(format!(
            "java.lang.ClassCastException: class {class} cannot be cast to class {wanted} ({class} and {wanted} are in unnamed module of loader 'app')"
        )));
    };
    let i = user_type.fields.iter().position(|(name, _)| name == field.as_str()).ok_or_else(|| {
        let field = maybe_quoted(field.as_str());
        Error::invalid(format!("Unknown field {field} for column {}", column.name))
    })?;
    let index =
        u16::try_from(i).map_err(|_| Error::server(format!("{} has too many fields", user_type.name)))?;
    Ok((index, field_of(receiver, user_type, i)))
}

fn operand(
    terms: &mut TermPlanner<'_>,
    receiver: &Receiver,
    operator: Operator,
    test: &ConditionTest,
) -> Result<Operand, Error> {
    let name = &receiver.name;
    match (test, operator) {
        (_, Operator::ContainsKey) if !matches!(receiver.cql_type, CqlType::Map { .. }) => {
            Err(Error::invalid(format!("Cannot use CONTAINS KEY on non-map column {name}")))
        }
        (_, Operator::Contains) if !receiver.cql_type.is_collection() => {
            Err(Error::invalid(format!("Cannot use CONTAINS on non-collection column {name}")))
        }
        (ConditionTest::Compare(_, value), Operator::Contains | Operator::ContainsKey) => {
            let part = match (&receiver.cql_type, operator) {
                (CqlType::Map { key, .. }, Operator::ContainsKey) => key_of(receiver, key),
                (
                    CqlType::Map { value: of, .. }
                    | CqlType::List { element: of, .. }
                    | CqlType::Set { element: of, .. },
                    _,
                ) => value_of(receiver, of),
                (other, _) => return Err(Error::server(format!("{other} is no collection"))),
            };
            terms.prepare(value, &part).map(Operand::One)
        }
        (ConditionTest::Compare(_, value), _) => terms.prepare(value, receiver).map(Operand::One),
        (ConditionTest::In(InValues::Marker(marker)), _) => {
            let list = receiver.part(format!("in({name})"), list_of(receiver.cql_type.clone()));
            Ok(Operand::Marker(terms.marker(marker.index, &list)))
        }
        (ConditionTest::In(InValues::List(values)), _) => {
            let mut list = Vec::with_capacity(values.len());
            for value in values {
                list.push(terms.prepare(value, receiver)?);
            }
            Ok(Operand::List(list))
        }
    }
}

/// Durations have no order.
fn check_durations(cql_type: &CqlType, operator: Operator) -> Result<(), Error> {
    let is_slice = matches!(operator, Operator::Lt | Operator::Lte | Operator::Gt | Operator::Gte);
    if !is_slice || !cql_type.references_duration() {
        return Ok(());
    }
    Err(Error::invalid(match cql_type {
        _ if cql_type.is_collection() => {
            "Slice conditions are not supported on collections containing durations".to_owned()
        }
        CqlType::Tuple(_) => "Slice conditions are not supported on tuples containing durations".to_owned(),
        CqlType::User { .. } => "Slice conditions are not supported on UDTs containing durations".to_owned(),
        _ => format!("Slice conditions ( {} ) are not supported on durations", operator_text(operator)),
    }))
}
