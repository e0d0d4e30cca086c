//! Resolves syntax trees against a schema snapshot into plans. Pure: knows no clock and does no I/O.

pub mod assign;
pub mod cql_type;
pub mod function;
mod literal;
pub mod markers;
pub mod restrictions;
mod table;
pub mod term;
mod text;
