//! Relations as messages have them (Cassandra: `Relation.toCQLString`).

use cql_grammar::ast::{InValues, Name, Operator, Relation, Term};

use crate::plan::term::text_of;
use crate::types::maybe_quoted as quoted;

/// A comparison as it is written.
pub(super) fn operator_text(op: Operator) -> &'static str {
    match op {
        Operator::Eq => "=",
        Operator::Lt => "<",
        Operator::Lte => "<=",
        Operator::Gt => ">",
        Operator::Gte => ">=",
        Operator::Neq => "!=",
        Operator::Like => "LIKE",
        Operator::Contains => "CONTAINS",
        Operator::ContainsKey => "CONTAINS KEY",
    }
}

/// A relation as a message has it.
pub(super) fn relation_text(relation: &Relation) -> String {
    match relation {
        Relation::Column { column, op, value } => {
            format!("{} {} {}", quoted(column.as_str()), operator_text(*op), text_of(value))
        }
        Relation::IsNotNull { column } => format!("{} IS NOT NULL", quoted(column.as_str())),
        Relation::In { column, values } => format!("{} IN {}", quoted(column.as_str()), in_values(values)),
        Relation::Element { column, key, op, value } => {
            let column = quoted(column.as_str());
            format!("{column}[{}] {} {}", text_of(key), operator_text(*op), text_of(value))
        }
        Relation::Token { columns, op, value } => {
            format!("token{} {} {}", names(columns), operator_text(*op), text_of(value))
        }
        Relation::Tuple { columns, op, value } => {
            format!("{} {} {}", names(columns), operator_text(*op), text_of(value))
        }
        Relation::TupleIn { columns, values } => format!("{} IN {}", names(columns), in_values(values)),
        Relation::Expression { index, value } => {
            format!("expr({},{})", quoted(index.as_str()), text_of(value))
        }
    }
}

fn names(columns: &[Name]) -> String {
    let names: Vec<_> = columns.iter().map(|c| quoted(c.as_str())).collect();
    format!("({})", names.join(", "))
}

fn in_values(values: &InValues) -> String {
    match values {
        InValues::Marker(_) => "?".to_owned(),
        InValues::List(terms) => text_of(&Term::Tuple(terms.clone())),
    }
}
