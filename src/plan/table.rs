//! Finds what a statement names.

use std::sync::Arc;

use cql_grammar::ast;

use crate::error::Error;
use crate::schema::{ColumnMetadata, Schema, TableMetadata};
use crate::types::maybe_quoted;

/// The keyspace that a name is in: its own, or that of the session.
pub fn keyspace_of<'a>(name: &'a ast::QualifiedName, session: Option<&'a str>) -> Result<&'a str, Error> {
    match (&name.keyspace, session) {
        (Some(keyspace), _) => Ok(keyspace.as_str()),
        (None, Some(keyspace)) => Ok(keyspace),
        (None, None) => Err(Error::invalid(
            "No keyspace has been specified. USE a keyspace, or explicitly specify keyspace.tablename",
        )),
    }
}

/// The table of that name (Cassandra: `Schema.validateTable`).
pub fn find(
    name: &ast::QualifiedName,
    schema: &Schema,
    session: Option<&str>,
) -> Result<Arc<TableMetadata>, Error> {
    let keyspace = keyspace_of(name, session)?;
    if name.name.as_str().is_empty() {
        return Err(Error::invalid("non-empty table is required"));
    }
    let Some(metadata) = schema.keyspace(keyspace) else {
        return Err(Error::invalid(format!("keyspace {keyspace} does not exist")));
    };
    let table = metadata.tables.get(name.name.as_str());
    table.cloned().ok_or_else(|| Error::invalid(format!("table {} does not exist", name.name.as_str())))
}

/// The column of that name (Cassandra: `TableMetadata.getExistingColumn`).
pub fn existing_column<'t>(table: &'t TableMetadata, name: &ast::Name) -> Result<&'t ColumnMetadata, Error> {
    table.column(name.as_str()).filter(|column| !table.is_hidden(column)).ok_or_else(|| {
        Error::invalid(format!(
            "Undefined column name {} in table {}.{}",
            maybe_quoted(name.as_str()),
            maybe_quoted(&table.keyspace),
            maybe_quoted(&table.name)
        ))
    })
}
