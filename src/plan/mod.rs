//! Resolves syntax trees against a schema snapshot into plans. Pure: knows no clock and does no I/O.

pub mod assign;
pub mod cql_type;
pub mod ddl;
pub mod function;
mod literal;
pub mod markers;
mod modify;
mod requires;
pub mod restrictions;
mod role;
pub mod select;
pub mod statement;
mod table;
pub mod term;
mod text;
