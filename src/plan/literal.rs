//! Constants (Cassandra: `Constants.Literal`).

use bytes::Bytes;
use cql_grammar::ast::{Constant, ConstantKind};

use super::assign::{Receiver, TestResult};
use crate::error::Error;
use crate::exec::term::Term;
use crate::types::CqlType;

/// The value of a constant as the receiver's type; `Invalid` where it cannot be one.
pub fn prepare(constant: &Constant, receiver: &Receiver) -> Result<Term, Error> {
    let to = &receiver.cql_type;
    if !test(constant, to).is_assignable() {
        return Err(Error::invalid(format!(
            "Invalid {} constant ({}) for \"{}\" of type {to}",
            kind_name(constant.kind),
            constant.text,
            receiver.name
        )));
    }
    let parsed = match (constant.kind, to) {
        (ConstantKind::Hex, _) => CqlType::Blob.from_string(constant.text.get(2..).unwrap_or_default()),
        (_, CqlType::Counter) => CqlType::Bigint.from_string(&constant.text),
        _ => to.from_string(&constant.text),
    };
    parsed.map(|bytes| Term::Value(Some(Bytes::from(bytes)))).map_err(|e| Error::invalid(e.to_string()))
}

/// How well a constant fits a type.
pub fn test(constant: &Constant, to: &CqlType) -> TestResult {
    use ConstantKind::*;
    use CqlType as T;
    if to.is_collection() || matches!(to, T::User { .. } | T::Vector { .. }) {
        return TestResult::No;
    }
    if matches!(to, T::Tuple(_) | T::Custom(_)) {
        return TestResult::Weak;
    }
    if preferred_type(constant).as_ref() == Some(to) {
        return TestResult::Exact;
    }
    let weak = match constant.kind {
        String => matches!(to, T::Ascii | T::Text | T::Inet | T::Date | T::Time | T::Timestamp),
        Integer => matches!(
            to,
            T::Bigint
                | T::Counter
                | T::Date
                | T::Decimal
                | T::Double
                | T::Duration
                | T::Float
                | T::Int
                | T::Smallint
                | T::Time
                | T::Timestamp
                | T::Tinyint
                | T::Varint
        ),
        Uuid => matches!(to, T::Uuid | T::Timeuuid),
        Float => matches!(to, T::Decimal | T::Double | T::Float),
        Boolean => *to == T::Boolean,
        Hex => *to == T::Blob,
        Duration => *to == T::Duration,
    };
    if weak { TestResult::Weak } else { TestResult::No }
}

/// The type that a constant has where nothing else decides (Cassandra: `getPreferedTypeFor`).
pub fn preferred_type(constant: &Constant) -> Option<CqlType> {
    let text = constant.text.as_str();
    Some(match constant.kind {
        ConstantKind::String if text.is_ascii() => CqlType::Ascii,
        ConstantKind::String => CqlType::Text,
        ConstantKind::Integer if text.parse::<i32>().is_ok() => CqlType::Int,
        ConstantKind::Integer if text.parse::<i64>().is_ok() => CqlType::Bigint,
        ConstantKind::Integer => CqlType::Varint,
        ConstantKind::Uuid => {
            let version = uuid::Uuid::parse_str(text).ok()?.get_version_num();
            if version == 1 { CqlType::Timeuuid } else { CqlType::Uuid }
        }
        ConstantKind::Float => float_type(text),
        ConstantKind::Boolean => CqlType::Boolean,
        ConstantKind::Hex => CqlType::Tinyint,
        ConstantKind::Duration => CqlType::Duration,
    })
}

/// `double` where it holds the number exactly as written, else `decimal`.
fn float_type(text: &str) -> CqlType {
    let Ok(number) = text.parse::<f64>() else { return CqlType::Decimal };
    if !number.is_finite() && (text.contains("NaN") || text.contains("Infinity")) {
        return CqlType::Double;
    }
    let exact = text.parse::<bigdecimal::BigDecimal>().ok();
    // BigDecimal.valueOf(double) is that of the shortest text which reads back as the double.
    let shortest = format!("{number:e}").parse::<bigdecimal::BigDecimal>().ok();
    if exact.is_some() && exact == shortest { CqlType::Double } else { CqlType::Decimal }
}

/// A constant as Cassandra's messages have it.
pub fn text(constant: &Constant) -> std::string::String {
    match constant.kind {
        ConstantKind::String => format!("'{}'", constant.text),
        _ => constant.text.clone(),
    }
}

fn kind_name(kind: ConstantKind) -> &'static str {
    match kind {
        ConstantKind::String => "STRING",
        ConstantKind::Integer => "INTEGER",
        ConstantKind::Float => "FLOAT",
        ConstantKind::Boolean => "BOOLEAN",
        ConstantKind::Duration => "DURATION",
        ConstantKind::Uuid => "UUID",
        ConstantKind::Hex => "HEX",
    }
}
