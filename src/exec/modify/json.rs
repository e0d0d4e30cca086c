//! `INSERT JSON` (Cassandra: `cql3.Json`).
//!
//! The columns' values stand behind the statement's bound values, as if there were a marker for each: whatever runs
//! the statement finds them there.

use std::borrow::Cow;

use crate::error::Error;
use crate::exec::options::{Value, Values};
use crate::types::{CqlType, Json, JsonValueError, handle_case, parse_json_object};

/// The row that an `INSERT JSON` gives.
#[derive(Clone, Debug)]
pub struct JsonRow {
    /// The columns, in the order of their values.
    pub columns: Vec<(String, CqlType)>,
    /// Where the row comes from.
    pub source: JsonSource,
    /// Whether columns that it does not name stay as they are, instead of becoming null.
    pub default_unset: bool,
}

/// Where the row of an `INSERT JSON` comes from.
#[derive(Clone, Debug)]
pub enum JsonSource {
    /// A literal.
    Known(Vec<JsonColumn>),
    /// The bind marker of that index.
    Marker(usize),
}

/// What a row in JSON says of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonColumn {
    /// Nothing.
    Absent,
    /// `null`
    Null,
    /// A value.
    Value(Vec<u8>),
}

/// What a row in JSON says of each of these columns.
pub fn json_columns(text: &str, columns: &[(String, CqlType)]) -> Result<Vec<JsonColumn>, Error> {
    let entries = parse_json_object(text).map_err(|error| {
        Error::invalid(format!("Could not decode JSON string as a map: {error}. (String was: {text})"))
    })?;
    let Some(mut entries) = entries else { return Err(Error::invalid("Got null for INSERT JSON values")) };
    handle_case(&mut entries).map_err(|error| value_error(error, ""))?;
    let mut values = Vec::with_capacity(columns.len());
    for (name, cql_type) in columns {
        let Some(i) = entries.iter().position(|(n, _)| n == name) else {
            values.push(JsonColumn::Absent);
            continue;
        };
        values.push(match entries.remove(i).1 {
            Json::Null => JsonColumn::Null,
            json => JsonColumn::Value(cql_type.from_json(&json).map_err(|error| value_error(error, name))?),
        });
    }
    match entries.first() {
        None => Ok(values),
        Some((unknown, _)) => {
            Err(Error::invalid(format!("JSON values map contains unrecognized column: {unknown}")))
        }
    }
}

fn value_error(error: JsonValueError, column: &str) -> Error {
    match error {
        JsonValueError::Marshal(message) => {
            Error::invalid(format!("Error decoding JSON value for {column}: {message}"))
        }
        JsonValueError::Invalid(message) => Error::Invalid(message),
        JsonValueError::Server(message) => Error::server(message),
    }
}

impl JsonRow {
    /// The bound values, and the columns' behind them.
    pub fn append_to(&self, bound: &Values) -> Result<Values, Error> {
        let read;
        let row = match &self.source {
            JsonSource::Known(row) => row,
            JsonSource::Marker(index) => {
                let text = match bound.get(*index) {
                    Some(Value::Bytes(bytes)) => {
                        CqlType::Text.validate(bytes).map_err(|e| Error::invalid(e.to_string()))?;
                        String::from_utf8_lossy(bytes)
                    }
                    Some(Value::Unset) => Cow::Borrowed(""),
                    Some(Value::Null) | None => {
                        return Err(Error::invalid("Got null for INSERT JSON values"));
                    }
                };
                read = json_columns(&text, &self.columns)?;
                &read
            }
        };
        let values = row.iter().map(|column| match column {
            JsonColumn::Value(bytes) => Value::Bytes(bytes),
            JsonColumn::Absent if self.default_unset => Value::Unset,
            JsonColumn::Absent | JsonColumn::Null => Value::Null,
        });
        Ok(Values::copy_from(bound.iter().chain(values)))
    }
}
