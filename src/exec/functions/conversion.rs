//! `X_as_blob`, `blob_as_X` and `CAST` (Cassandra: `BytesConversionFcts`, `CastFcts`).

use super::number::{NUMERIC, Number};
use super::{Function, argument, scalar, time};
use crate::error::Error;
use crate::types::{CqlType, native_type, to_hex};

/// The native types by their names, `varchar` too, but for `blob`.
const NAMES: [&str; 21] = [
    "ascii",
    "bigint",
    "boolean",
    "counter",
    "date",
    "decimal",
    "double",
    "duration",
    "empty",
    "float",
    "inet",
    "int",
    "smallint",
    "text",
    "time",
    "timestamp",
    "timeuuid",
    "tinyint",
    "uuid",
    "varchar",
    "varint",
];

pub(super) fn add_to(functions: &mut Vec<Function>) {
    for name in NAMES {
        let Some(cql_type) = native_type(name) else { continue };
        for to_blob in [format!("{name}_as_blob"), format!("{name}asblob")] {
            let same = |arguments: &[Option<&[u8]>]| arguments.first().copied().flatten().map(<[u8]>::to_vec);
            let types = [cql_type.clone()];
            functions.push(scalar(&to_blob, &types, CqlType::Blob, move |arguments, _| Ok(same(arguments))));
        }
        for from_blob in [format!("blob_as_{name}"), format!("blobas{name}")] {
            functions.push(blob_as(&from_blob, name, &cql_type));
        }
    }
    add_casts(functions);
}

fn blob_as(function: &str, type_name: &'static str, cql_type: &CqlType) -> Function {
    let (name, target) = (function.to_owned(), cql_type.clone());
    scalar(function, &[CqlType::Blob], cql_type.clone(), move |arguments, _| {
        let Some(value) = arguments.first().copied().flatten() else {
            return Ok(None);
        };
        if target.validate(value).is_err() {
            return Err(Error::invalid(format!(
                "In call to function system.{name}, value 0x{} is not a valid binary representation for type {type_name}",
                to_hex(value)
            )));
        }
        Ok(Some(value.to_vec()))
    })
}

/// Under the names `cast_as_int` and `castAsInt`.
fn names(to: &CqlType) -> [String; 2] {
    let name = to.to_string();
    let capitalized = name[..1].to_uppercase() + &name[1..];
    [format!("cast_as_{name}"), format!("castAs{capitalized}")]
}

fn add_casts(functions: &mut Vec<Function>) {
    use CqlType::{Ascii, Boolean, Date, Inet, Text, Time, Timestamp, Timeuuid, Uuid};
    for from in &NUMERIC {
        for to in NUMERIC.iter().filter(|to| *to != from && **to != CqlType::Counter) {
            names(to).iter().for_each(|name| functions.push(cast_number(name, from, to)));
        }
    }
    let to_text = [Inet, Boolean, Timeuuid, Timestamp, Date, Time, Uuid];
    for from in NUMERIC.iter().chain(&to_text) {
        for to in [Ascii, Text] {
            names(&to).iter().for_each(|name| functions.push(cast_to_text(name, from, &to)));
        }
    }
    for name in names(&Text) {
        functions.push(cast_to_text(&name, &Ascii, &Text));
    }
    for (from, to) in [(Timeuuid, Date), (Timeuuid, Timestamp), (Timestamp, Date), (Date, Timestamp)] {
        names(&to).iter().for_each(|name| functions.push(time::convert(name, &from, &to)));
    }
}

fn cast_number(name: &str, from: &CqlType, to: &CqlType) -> Function {
    let (source, target) = (from.clone(), to.clone());
    scalar(name, std::slice::from_ref(from), to.clone(), move |arguments, _| {
        let Some(value) = argument(arguments, 0, &source) else {
            return Ok(None);
        };
        let Some(number) = Number::decode(&source, value) else {
            return Ok(None);
        };
        match number.encode(&target) {
            Some(bytes) => Ok(Some(bytes)),
            None => Err(not_decimal(if number.to_f64().is_nan() { 'N' } else { 'I' })),
        }
    })
}

/// What Java says of a number that is none to decimals, by the first character of its text.
fn not_decimal(first: char) -> Error {
    Error::server(format!(
        "java.lang.NumberFormatException: Character {first} is neither a decimal digit number, decimal point, nor \
         \"e\" notation exponential mark."
    ))
}

fn cast_to_text(name: &str, from: &CqlType, to: &CqlType) -> Function {
    let source = from.clone();
    scalar(name, std::slice::from_ref(from), to.clone(), move |arguments, _| {
        // a counter's value is a number here, not a context
        let as_text = if source.is_counter() { &CqlType::Bigint } else { &source };
        Ok(argument(arguments, 0, &source).map(|value| as_text.to_string_value(value).into_bytes()))
    })
}
