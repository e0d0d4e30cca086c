//! Types, terms and relations.

use super::name::Distinct;
use super::{Quoted, pairs, separated};
use crate::ast::{
    ArithmeticOperator, BindMarker, Constant, ConstantKind, CqlType, InValues, NativeType, Operator,
    Relation, Term,
};
use std::fmt::{self, Display, Formatter, Result};

impl Display for NativeType {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::Ascii => "ascii",
            Self::Bigint => "bigint",
            Self::Blob => "blob",
            Self::Boolean => "boolean",
            Self::Counter => "counter",
            Self::Date => "date",
            Self::Decimal => "decimal",
            Self::Double => "double",
            Self::Duration => "duration",
            Self::Float => "float",
            Self::Inet => "inet",
            Self::Int => "int",
            Self::Smallint => "smallint",
            Self::Text => "text",
            Self::Time => "time",
            Self::Timestamp => "timestamp",
            Self::Timeuuid => "timeuuid",
            Self::Tinyint => "tinyint",
            Self::Uuid => "uuid",
            Self::Varchar => "varchar",
            Self::Varint => "varint",
        })
    }
}

impl Display for CqlType {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Native(native) => write!(f, "{native}"),
            Self::List(element) => write!(f, "list<{element}>"),
            Self::Set(element) => write!(f, "set<{element}>"),
            Self::Map(key, value) => write!(f, "map<{key}, {value}>"),
            Self::Tuple(types) => {
                f.write_str("tuple<")?;
                separated(f, types, ", ")?;
                f.write_str(">")
            }
            Self::Vector(element, dimension) => write!(f, "vector<{element}, {dimension}>"),
            Self::Frozen(element) => write!(f, "frozen<{element}>"),
            Self::UserType(name) => write!(f, "{}", Distinct(name)),
            Self::Custom(class) => write!(f, "{}", Quoted(class)),
        }
    }
}

impl Display for Constant {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.kind {
            ConstantKind::String => Quoted(&self.text).fmt(f),
            _ => f.write_str(&self.text),
        }
    }
}

impl Display for BindMarker {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match &self.name {
            None => f.write_str("?"),
            Some(name) => write!(f, ":{name}"),
        }
    }
}

impl Display for ArithmeticOperator {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
        })
    }
}

impl Display for Term {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Constant(constant) => write!(f, "{constant}"),
            Self::Null => f.write_str("NULL"),
            Self::BindMarker(marker) => write!(f, "{marker}"),
            Self::List(elements) => enclosed(f, "[", elements, "]"),
            Self::Set(elements) => enclosed(f, "{", elements, "}"),
            Self::Map(entries) => {
                f.write_str("{")?;
                pairs(f, entries, ": ", ", ")?;
                f.write_str("}")
            }
            Self::UserType(fields) => {
                f.write_str("{")?;
                pairs(f, fields, ": ", ", ")?;
                f.write_str("}")
            }
            Self::Tuple(elements) => enclosed(f, "(", elements, ")"),
            Self::FunctionCall { name, args } => {
                write!(f, "{}", Distinct(name))?;
                enclosed(f, "(", args, ")")
            }
            Self::TypeCast { ty, term } => write!(f, "({ty}) {term}"),
            Self::Cast { term, ty } => write!(f, "CAST({term} AS {ty})"),
            Self::BinaryOp { op, left, right } => write!(f, "{left} {op} {right}"),
            // The space keeps `- 1` from being the constant -1.
            Self::Negate(term) => write!(f, "- {term}"),
        }
    }
}

pub(super) fn enclosed<T: Display>(
    f: &mut fmt::Formatter<'_>,
    open: &str,
    items: &[T],
    close: &str,
) -> Result {
    f.write_str(open)?;
    separated(f, items, ", ")?;
    f.write_str(close)
}

impl Display for Operator {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::Eq => "=",
            Self::Lt => "<",
            Self::Lte => "<=",
            Self::Gt => ">",
            Self::Gte => ">=",
            Self::Neq => "!=",
            Self::Like => "LIKE",
            Self::Contains => "CONTAINS",
            Self::ContainsKey => "CONTAINS KEY",
        })
    }
}

impl Display for InValues {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::List(values) => enclosed(f, "(", values, ")"),
            Self::Marker(marker) => write!(f, "{marker}"),
        }
    }
}

impl Display for Relation {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Column { column, op, value } => write!(f, "{column} {op} {value}"),
            Self::IsNotNull { column } => write!(f, "{column} IS NOT NULL"),
            Self::In { column, values } => write!(f, "{column} IN {values}"),
            Self::Element { column, key, op, value } => write!(f, "{column}[{key}] {op} {value}"),
            Self::Token { columns, op, value } => {
                enclosed(f, "token(", columns, ")")?;
                write!(f, " {op} {value}")
            }
            Self::Tuple { columns, op, value } => {
                enclosed(f, "(", columns, ")")?;
                write!(f, " {op} {value}")
            }
            Self::TupleIn { columns, values } => {
                enclosed(f, "(", columns, ")")?;
                write!(f, " IN {values}")
            }
            Self::Expression { index, value } => write!(f, "expr({index}, {value})"),
        }
    }
}
