//! What was written, as Cassandra's messages have it.

use cql_grammar::ast;

use super::cql_type::resolve_native;
use crate::types::maybe_quoted;

/// A name with its keyspace, where one is written.
pub fn qualified(name: &ast::QualifiedName) -> String {
    match &name.keyspace {
        Some(keyspace) => format!("{}.{}", keyspace.as_str(), name.name.as_str()),
        None => name.name.as_str().to_owned(),
    }
}

/// A type (Cassandra: `CQL3Type.Raw.toString`).
pub fn cql_type(written: &ast::CqlType) -> String {
    match written {
        ast::CqlType::Native(native) => resolve_native(*native).to_string(),
        ast::CqlType::List(element) => format!("list<{}>", cql_type(element)),
        ast::CqlType::Set(element) => format!("set<{}>", cql_type(element)),
        ast::CqlType::Map(key, value) => format!("map<{}, {}>", cql_type(key), cql_type(value)),
        ast::CqlType::Tuple(types) => {
            format!("tuple<{}>", types.iter().map(cql_type).collect::<Vec<_>>().join(", "))
        }
        ast::CqlType::Vector(element, dimension) => format!("vector<{}, {dimension}>", cql_type(element)),
        ast::CqlType::Frozen(of) => format!("frozen<{}>", cql_type(of)),
        ast::CqlType::UserType(name) => match &name.keyspace {
            Some(keyspace) => format!("{}.{}", keyspace.as_str(), maybe_quoted(name.name.as_str())),
            None => maybe_quoted(name.name.as_str()),
        },
        ast::CqlType::Custom(class) => class.clone(),
    }
}

/// The character of an operator.
pub fn operator(op: ast::ArithmeticOperator) -> char {
    match op {
        ast::ArithmeticOperator::Add => '+',
        ast::ArithmeticOperator::Subtract => '-',
        ast::ArithmeticOperator::Multiply => '*',
        ast::ArithmeticOperator::Divide => '/',
        ast::ArithmeticOperator::Modulo => '%',
    }
}
