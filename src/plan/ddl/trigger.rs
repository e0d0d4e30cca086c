//! `CREATE TRIGGER` and `DROP TRIGGER`. A trigger is a Java class, and none can be loaded here, so that no table ever
//! has one: what is left are the answers of a Cassandra that does not find the class.

use cql_grammar::ast::{CreateTrigger, DropTrigger};

use super::{check_keyspace_name, keyspace_missing, keyspace_of, unchanged};
use crate::error::{Error, Result};
use crate::event::{Change, SchemaChange};
use crate::exec::ddl::SchemaTransformation;

pub(super) fn create(create: &CreateTrigger, session: Option<&str>) -> Result<SchemaTransformation> {
    let keyspace_name = keyspace_of(&create.table, session)?.to_owned();
    let table = create.table.name.as_str().to_owned();
    let class = create.class.clone();
    Ok(SchemaTransformation::new(keyspace_name.clone(), move |schema, _| {
        check_keyspace_name(&keyspace_name)?;
        let keyspace = schema.keyspace(&keyspace_name).ok_or_else(|| keyspace_missing(&keyspace_name))?;
        if !keyspace.tables.contains_key(&table) {
            return Err(Error::invalid(format!("Table '{table}' doesn't exist")));
        }
        Err(Error::invalid(format!("Trigger class '{class}' couldn't be loaded")))
    }))
}

pub(super) fn drop(drop: &DropTrigger, session: Option<&str>) -> Result<SchemaTransformation> {
    let keyspace_name = keyspace_of(&drop.table, session)?.to_owned();
    let (table, name) = (drop.table.name.as_str().to_owned(), drop.name.as_str().to_owned());
    let if_exists = drop.if_exists;
    Ok(SchemaTransformation::new(keyspace_name.clone(), move |_, _| {
        check_keyspace_name(&keyspace_name)?;
        if if_exists {
            return unchanged(SchemaChange::table(Change::Updated, &keyspace_name, &table));
        }
        Err(Error::invalid(format!("Trigger '{name}' on '{keyspace_name}.{table}' doesn't exist")))
    }))
}
