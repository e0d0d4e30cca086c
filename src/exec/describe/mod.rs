//! `DESCRIBE` (Cassandra: `DescribeStatement`): the schema as CQL that makes it anew.

mod cql;
mod elements;
mod execute;
pub mod java_order;
mod recreate;

pub use cql::{create_keyspace, create_table, create_type};
pub use recreate::recreate;

use cql_grammar::ast::Describe;

use crate::error::Result;
use crate::schema::Schema;

/// A planned `DESCRIBE`. What it describes is looked up when it runs, as in Cassandra.
#[derive(Clone, Debug)]
pub struct DescribePlan {
    /// The statement.
    pub statement: Describe,
}

/// The rows of any `DESCRIBE` but that of the cluster, for a session in that keyspace.
pub fn describe(statement: &Describe, schema: &Schema, keyspace: Option<&str>) -> Result<Vec<Vec<String>>> {
    let found = elements::find(&statement.target, schema, keyspace)?;
    let row = |element: &elements::Element| match found.names_only {
        true => element.listed(),
        false => element.described(statement.internals),
    };
    Ok(found.elements.iter().map(row).collect())
}
