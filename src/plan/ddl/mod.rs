//! Statements that change the schema: from syntax trees to transformations of the schema, with the checks and texts
//! of Cassandra's `cql3.statements.schema`.

mod alter_table;
mod attributes;
mod column_type;
mod create_table;
mod drop_table;
mod keyspace;
mod mask;
mod trigger;
mod user_type;

use cql_grammar::ast::Statement;

use super::table::keyspace_of;
use super::text::qualified as written;
use crate::error::{Error, Result};
use crate::event::SchemaChange;
use crate::exec::ddl::{KeyspaceChange, SchemaTransformation, Transformed};
use crate::guardrails::Guard;
use crate::schema::{KeyspaceMetadata, Schema, system};
use crate::types::maybe_quoted;

/// The change that a statement makes; none where it is not one that changes the schema. `keyspace` is the session's.
pub fn plan(statement: &Statement, keyspace: Option<&str>) -> Result<Option<SchemaTransformation>> {
    let change = match statement {
        Statement::CreateKeyspace(create) => keyspace::create(create),
        Statement::AlterKeyspace(alter) => keyspace::alter(alter),
        Statement::DropKeyspace(drop) => keyspace::drop(drop),
        Statement::CreateTable(create) => create_table::plan(create, keyspace),
        Statement::AlterTable(alter) => alter_table::plan(alter, keyspace),
        Statement::DropTable(drop) => drop_table::plan(drop, keyspace),
        Statement::CreateType(create) => user_type::create(create, keyspace),
        Statement::AlterType(alter) => user_type::alter(alter, keyspace),
        Statement::DropType(drop) => user_type::drop(drop, keyspace),
        Statement::CreateTrigger(create) => trigger::create(create, keyspace),
        Statement::DropTrigger(drop) => trigger::drop(drop, keyspace),
        _ => return Ok(None),
    };
    change.map(Some)
}

/// What a statement needs leave for.
#[derive(Clone, Copy)]
enum Resource<'a> {
    Keyspace,
    AllTables,
    Table(&'a str),
}

/// Nobody may change what the system needs (Cassandra: `ClientState.preventSystemKSSchemaModification`), except for
/// the replication of its replicated keyspaces.
fn check_permitted(keyspace: &str, permission: &str, resource: Resource<'_>) -> Result<()> {
    if system::is_local_system_keyspace(keyspace) {
        return Err(Error::unauthorized(format!("{keyspace} keyspace is not user-modifiable.")));
    }
    if !system::is_system_keyspace(keyspace) {
        return Ok(());
    }
    let resource = match resource {
        Resource::Keyspace if permission == "ALTER" => return Ok(()),
        Resource::Keyspace => format!("<keyspace {keyspace}>"),
        Resource::AllTables => format!("<all tables in {keyspace}>"),
        Resource::Table(table) => format!("<table {keyspace}.{table}>"),
    };
    Err(Error::unauthorized(format!("Cannot {permission} {resource}")))
}

/// The longest name of a keyspace (Cassandra: `SchemaConstants.NAME_LENGTH`).
const KEYSPACE_NAME_MAX: usize = 48;

/// Whether the name may be that of a keyspace or table (Cassandra: `SchemaConstants.isValidCharsName`).
fn has_valid_characters(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn check_keyspace_name(name: &str) -> Result<()> {
    if system::is_local_system_keyspace(name) {
        return Err(Error::invalid(format!("System keyspace '{name}' is not user-modifiable")));
    }
    if !has_valid_characters(name) {
        return Err(Error::invalid(format!(
            "Keyspace name must not be empty and must contain alphanumeric or underscore characters only (got \
             \"{name}\")"
        )));
    }
    if name.len() > KEYSPACE_NAME_MAX {
        return Err(Error::invalid(format!(
            "Keyspace name must not be more than {KEYSPACE_NAME_MAX} characters long (got {} characters for \"{name}\")",
            name.len()
        )));
    }
    Ok(())
}

/// The keyspaces that users made (Cassandra: `Schema.getUserKeyspaces`).
fn user_keyspaces(schema: &Schema) -> impl Iterator<Item = &KeyspaceMetadata> {
    let is_users =
        |keyspace: &&KeyspaceMetadata| !keyspace.is_virtual && !system::is_system_keyspace(&keyspace.name);
    schema.keyspaces.values().map(|keyspace| &**keyspace).filter(is_users)
}

/// Holds the vectors of a type as written against guardrails (Cassandra: `CQL3Type.Raw.validate`): within collections and
/// tuples, not within vectors. `name` is what has the type.
fn guard_type(ty: &cql_grammar::ast::CqlType, name: &str, guard: Guard<'_>) -> Result<()> {
    use cql_grammar::ast::CqlType;
    match ty {
        CqlType::Frozen(inner) | CqlType::List(inner) | CqlType::Set(inner) => guard_type(inner, name, guard),
        CqlType::Map(key, value) => {
            guard_type(key, name, guard)?;
            guard_type(value, name, guard)
        }
        CqlType::Tuple(fields) => fields.iter().try_for_each(|field| guard_type(field, name, guard)),
        CqlType::Vector(_, dimension) => {
            guard.check(guard.rails.vector_type.check_feature(name))?;
            guard.check(guard.rails.vector_dimensions.check(i64::from(*dimension), name))
        }
        CqlType::Native(_) | CqlType::UserType(_) | CqlType::Custom(_) => Ok(()),
    }
}

fn unchanged(event: SchemaChange) -> Result<Transformed> {
    Ok(Transformed { change: KeyspaceChange::None, event, warnings: Vec::new() })
}

fn put(keyspace: KeyspaceMetadata, event: SchemaChange) -> Result<Transformed> {
    Ok(Transformed { change: KeyspaceChange::Put(keyspace), event, warnings: Vec::new() })
}

fn keyspace_missing(name: &str) -> Error {
    Error::invalid(format!("Keyspace '{name}' doesn't exist"))
}

#[cfg(test)]
mod describe_tests;
#[cfg(test)]
mod tests;
