//! Statements as they are written: values as literals, or bound.

use super::random::Random;
use super::types::Type;
use crate::wire::Values;

/// What is done with a server.
#[derive(Debug, Clone)]
pub enum Step {
    /// A statement.
    Statement(Statement),
    /// Write the memtables out, by nodetool.
    Flush,
    /// Compact all tables, by nodetool.
    Compact,
}

/// A statement and how it is sent.
#[derive(Debug, Clone)]
pub struct Statement {
    /// What kind of statement it is, for the report.
    pub kind: &'static str,
    /// The table it speaks of, if it is one that a difference spoils.
    pub table: Option<String>,
    /// Whether the table has clustering values, elements or keys that may be written in several ways.
    pub has_equals: bool,
    /// The static columns of the table that are sets or maps of several cells.
    pub static_sets: Vec<String>,
    /// Its text.
    pub text: String,
    /// The values of its bind markers; it is prepared if there are any.
    pub values: Values,
    /// Rows of a page.
    pub page_size: Option<i32>,
    /// The default timestamp of the request, in microseconds.
    pub timestamp: Option<i64>,
    /// What the time is for the request, in seconds.
    pub now_seconds: i32,
}

/// Writes the values of one statement.
#[derive(Debug)]
pub struct Writer<'a> {
    /// Where choices come from.
    pub random: &'a mut Random,
    is_bound: bool,
    values: Values,
}

impl<'a> Writer<'a> {
    /// A writer that binds all values of the statement, or none.
    pub fn new(random: &'a mut Random) -> Self {
        let is_bound = random.chance(40);
        Self { random, is_bound, values: Values::default() }
    }

    /// A random value of a type: its literal, or a marker.
    pub fn value(&mut self, of: &Type) -> String {
        let value = of.value(self.random);
        self.put(value.literal, value.bytes)
    }

    /// A value of a type, now and then null, unset, or of no bytes.
    pub fn opt_value(&mut self, of: &Type) -> String {
        match self.random.below(30) {
            0 | 1 if self.is_bound => self.marker(Some(None)),
            0 | 1 => "null".to_owned(),
            2 if self.is_bound => self.marker(None),
            3 if self.is_bound => self.marker(Some(Some(Vec::new()))),
            _ => self.value(of),
        }
    }

    /// A number: a literal, or a marker with the bytes of an `int`.
    pub fn int(&mut self, number: i32) -> String {
        self.put(number.to_string(), number.to_be_bytes().to_vec())
    }

    /// A number: a literal, or a marker with the bytes of a `bigint`.
    pub fn bigint(&mut self, number: i64) -> String {
        self.put(number.to_string(), number.to_be_bytes().to_vec())
    }

    fn put(&mut self, literal: String, bytes: Vec<u8>) -> String {
        match self.is_bound {
            true => self.marker(Some(Some(bytes))),
            false => literal,
        }
    }

    fn marker(&mut self, value: crate::wire::Value) -> String {
        self.values.values.push((None, value));
        "?".to_owned()
    }

    /// The values that were bound.
    pub fn into_values(self) -> Values {
        self.values
    }
}
