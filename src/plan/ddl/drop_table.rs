//! `DROP TABLE`.

use cql_grammar::ast::DropTable;

use super::{Resource, check_keyspace_name, check_permitted, keyspace_of, put, unchanged};
use crate::error::{Error, Result};
use crate::event::{Change, SchemaChange};
use crate::exec::ddl::SchemaTransformation;

pub(super) fn plan(drop: &DropTable, session: Option<&str>) -> Result<SchemaTransformation> {
    let keyspace_name = keyspace_of(&drop.name, session)?.to_owned();
    let name = drop.name.name.as_str().to_owned();
    let if_exists = drop.if_exists;
    Ok(SchemaTransformation::new(keyspace_name.clone(), move |schema, context| {
        check_permitted(&keyspace_name, "DROP", Resource::Table(&name))?;
        check_keyspace_name(&keyspace_name)?;
        if let Some(guard) = context.guard() {
            guard.check(guard.rails.drop_truncate_table.check())?;
        }
        let event = SchemaChange::table(Change::Dropped, &keyspace_name, &name);
        match schema.keyspace(&keyspace_name).filter(|keyspace| keyspace.tables.contains_key(&name)) {
            Some(keyspace) => {
                let mut keyspace = keyspace.as_ref().clone();
                keyspace.tables.remove(&name);
                put(keyspace, event)
            }
            None if if_exists => unchanged(event),
            None => Err(Error::invalid(format!("Table '{keyspace_name}.{name}' doesn't exist"))),
        }
    }))
}
