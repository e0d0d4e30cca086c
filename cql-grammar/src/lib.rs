//! CQL 3.4.7: text to syntax tree and back.
//!
//! ```text
//! text --lexer--> tokens with positions --parser (nom)--> ast::Statement --Display--> text
//! ```
//!
//! The grammar is that of Cassandra 5.0 (`Parser.g`, `Lexer.g`). This crate knows neither schema nor I/O: what
//! needs a schema to be judged (does the column exist, does the type fit) is the planner's business.

pub mod ast;
mod error;
mod lexer;
mod parser;
mod print;

pub use error::SyntaxError;

use ast::{CqlType, Name, Statement, Term};

/// A statement together with the names of its bind markers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The statement.
    pub statement: Statement,
    /// One entry for each bind marker, in the order of the text: `None` for `?`, the name for `:name`.
    pub bind_names: Vec<Option<Name>>,
}

/// Parses one CQL statement; a `;` may follow it, nothing else.
pub fn parse(text: &str) -> Result<Statement, SyntaxError> {
    parse_with_bindings(text).map(|parsed| parsed.statement)
}

/// Parses one CQL statement and says which bind markers it has.
pub fn parse_with_bindings(text: &str) -> Result<Parsed, SyntaxError> {
    parser::statement(text)
}

/// Parses a type, such as `map<text, frozen<list<int>>>`.
pub fn parse_type(text: &str) -> Result<CqlType, SyntaxError> {
    parser::cql_type(text)
}

/// Parses a term, such as `{1, 2}` or `now()`.
pub fn parse_term(text: &str) -> Result<Term, SyntaxError> {
    parser::term(text)
}
