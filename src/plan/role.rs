//! Statements on roles and permissions.

use cql_grammar::ast::{self, Statement};

use super::requires::function;
use crate::error::{Error, Result};
use crate::exec::access::{Resource, RolePlan};
use crate::schema::Schema;

/// The plan of a statement on roles or permissions; none where it is another one.
pub(super) fn plan(statement: &Statement, schema: &Schema) -> Result<Option<RolePlan>> {
    let resource = match statement {
        Statement::GrantPermissions(grant) => Some(resolve(&grant.resource, schema)?),
        Statement::RevokePermissions(revoke) => Some(resolve(&revoke.resource, schema)?),
        Statement::ListPermissions(list) => {
            list.resource.as_ref().map(|written| resolve(written, schema)).transpose()?
        }
        Statement::CreateRole(_)
        | Statement::AlterRole(_)
        | Statement::DropRole(_)
        | Statement::CreateUser(_)
        | Statement::AlterUser(_)
        | Statement::DropUser(_)
        | Statement::AddIdentity(_)
        | Statement::DropIdentity(_)
        | Statement::GrantRole(_)
        | Statement::RevokeRole(_)
        | Statement::ListRoles(_)
        | Statement::ListUsers => None,
        _ => return Ok(None),
    };
    Ok(Some(RolePlan { statement: statement.clone(), resource }))
}

/// A resource as written. A table without a keyspace gets that of the session when the statement runs.
fn resolve(written: &ast::Resource, schema: &Schema) -> Result<Resource> {
    let owned = |name: &ast::Name| name.as_str().to_owned();
    Ok(match written {
        ast::Resource::AllKeyspaces => Resource::AllKeyspaces,
        ast::Resource::Keyspace(keyspace) => Resource::Keyspace(owned(keyspace)),
        ast::Resource::AllTables(keyspace) => Resource::AllTables(owned(keyspace)),
        ast::Resource::Table(table) => Resource::Table {
            keyspace: table.keyspace.as_ref().map(owned).unwrap_or_default(),
            table: owned(&table.name),
        },
        ast::Resource::AllRoles => Resource::AllRoles,
        ast::Resource::Role(role) => Resource::Role(role.0.clone()),
        ast::Resource::AllFunctions => Resource::AllFunctions,
        ast::Resource::AllFunctionsIn(keyspace) => Resource::AllFunctionsIn(owned(keyspace)),
        ast::Resource::Function { name, args } => {
            let Some(keyspace) = &name.keyspace else {
                return Err(Error::invalid(
                    "In this context function name must be explictly qualified by a keyspace",
                ));
            };
            function(keyspace.as_str(), name.name.as_str(), args, schema)?
        }
        ast::Resource::AllMbeans => Resource::AllMbeans,
        ast::Resource::Mbean(name) | ast::Resource::Mbeans(name) => Resource::Mbean(name.clone()),
    })
}
