//! Statements on roles and permissions. Each first sees that its user may, then that it makes sense, then does it: the
//! order in which Cassandra does (`authorize`, `validate`, `execute`).

mod identities;
mod list;
mod manage;
mod options;
mod permissions;

use cql_grammar::ast::Statement;

use self::options::{Change, Options};
use super::user::UserAccess;
use crate::error::Error;
use crate::exec::access::{Permission, Resource, RolePlan};
use crate::exec::plan::Outcome;

/// Runs a statement for a user.
pub(super) fn run(access: &UserAccess<'_>, plan: &RolePlan, warn: &dyn Fn(String)) -> Result<Outcome, Error> {
    let done = |result: Result<(), Error>| result.map(|()| Outcome::Void);
    let resource = || plan.resource.clone().unwrap_or(Resource::AllKeyspaces);
    match &plan.statement {
        Statement::CreateRole(create) => {
            let options = Options::of_role(&create.options).of_new();
            done(access.create_role(&create.name.0, &options, create.if_not_exists))
        }
        Statement::CreateUser(create) => {
            let options = Options::of_new_user(&create.options).of_new();
            done(access.create_role(&create.name.0, &options, create.if_not_exists))
        }
        Statement::AlterRole(alter) => {
            let change = Change { options: Options::of_role(&alter.options), if_exists: alter.if_exists };
            done(access.alter_role(&alter.name.0, &change))
        }
        Statement::AlterUser(alter) => {
            let change = Change { options: Options::of_user(&alter.options), if_exists: alter.if_exists };
            done(access.alter_role(&alter.name.0, &change))
        }
        Statement::DropRole(drop) => done(access.drop_role(&drop.name.0, drop.if_exists)),
        Statement::DropUser(drop) => done(access.drop_role(&drop.name.0, drop.if_exists)),
        Statement::GrantRole(grant) => done(access.grant_role(&grant.role.0, &grant.grantee.0)),
        Statement::RevokeRole(revoke) => done(access.revoke_role(&revoke.role.0, &revoke.revokee.0)),
        Statement::AddIdentity(add) => done(access.add_identity(add)),
        Statement::DropIdentity(drop) => done(access.drop_identity(drop)),
        Statement::ListRoles(list) => {
            access.list_roles(list.of.as_ref().map(|role| role.0.as_str()), list.recursive, false)
        }
        Statement::ListUsers => access.list_roles(None, false, true),
        Statement::GrantPermissions(grant) => {
            let permissions = (&grant.permissions).into();
            done(access.grant_permissions(permissions, resource(), &grant.grantee.0, warn))
        }
        Statement::RevokePermissions(revoke) => {
            let permissions = (&revoke.permissions).into();
            done(access.revoke_permissions(permissions, resource(), &revoke.revokee.0, warn))
        }
        Statement::ListPermissions(list) => {
            let of = list.of.as_ref().map(|role| role.0.as_str());
            access.list_permissions((&list.permissions).into(), plan.resource.clone(), of, list.recursive)
        }
        other => Err(Error::server(format!("{other} is no statement on roles"))),
    }
}

impl UserAccess<'_> {
    /// The user needs a permission on a role; the refusal does not say which (Cassandra:
    /// `AuthenticationStatement.checkPermission`).
    fn check_permission(&self, permission: Permission, resource: &Resource) -> Result<(), Error> {
        if self.only_validates {
            return Ok(());
        }
        match self.ensure_permission(permission, resource) {
            Ok(_) => Ok(()),
            Err(Error::Unauthorized(_)) => Err(Error::unauthorized(format!(
                "User {} does not have sufficient privileges to perform the requested operation",
                self.user.name()
            ))),
            Err(error) => Err(error),
        }
    }
}
