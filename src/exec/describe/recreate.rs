//! What a snapshot says of its table: the statements that make it again (Cassandra: `SchemaCQLHelper`).

use super::cql::{create_table, create_type};
use super::elements::add_types;
use crate::schema::{KeyspaceMetadata, TableMetadata};

/// The types that a table uses, then the table, each if it is not there.
pub fn recreate(table: &TableMetadata, keyspace: &KeyspaceMetadata) -> String {
    let mut types = Vec::new();
    for column in table.columns() {
        add_types(&column.cql_type, keyspace, &mut types);
    }
    let types = types.iter().map(|user_type| create_type(user_type));
    let statements = types.map(|text| text.replacen("CREATE TYPE ", "CREATE TYPE IF NOT EXISTS ", 1));
    let table = create_table(table, true).replacen("CREATE TABLE ", "CREATE TABLE IF NOT EXISTS ", 1);
    statements.chain([table]).map(|text| text + "\n").collect()
}
