//! GRANT, REVOKE and LIST of permissions.

use crate::cql::auth::permissions::Granted;
use crate::cql::auth::user::UserAccess;
use crate::error::Error;
use crate::exec::access::permission::name_of;
use crate::exec::access::{Permission, PermissionSet, Resource};
use crate::exec::plan::Outcome;
use crate::schema::system;

/// What nobody is granted on the keyspaces of the system.
const NOT_ON_SYSTEM: PermissionSet = PermissionSet::ALL.difference(PermissionSet::of(&[
    Permission::Select,
    Permission::Describe,
    Permission::Alter,
]));

impl UserAccess<'_> {
    /// A table without a keyspace is one of the session's (Cassandra: `maybeCorrectResource`).
    fn complete(&self, resource: Resource) -> Result<Resource, Error> {
        match (resource, self.keyspace) {
            (Resource::Table { keyspace, table }, Some(own)) if keyspace.is_empty() => {
                Ok(Resource::table(own, &table))
            }
            (Resource::Table { keyspace, .. }, None) if keyspace.is_empty() => Err(Error::invalid(
                "No keyspace has been specified. USE a keyspace, or explicitly specify keyspace.tablename",
            )),
            (resource, _) => Ok(resource),
        }
    }

    /// Whether there is such a thing.
    fn exists(&self, resource: &Resource) -> Result<bool, Error> {
        let schema = self.store.node.coordinator().schema();
        Ok(match resource {
            Resource::AllKeyspaces | Resource::AllRoles | Resource::AllFunctions | Resource::AllMbeans => {
                true
            }
            Resource::AllFunctionsIn(keyspace) | Resource::Function { keyspace, .. }
                if keyspace == system::SYSTEM =>
            {
                return Err(Error::invalid("Altering permissions on builtin functions is not supported"));
            }
            Resource::Keyspace(keyspace) | Resource::AllTables(keyspace) => {
                schema.keyspace(keyspace).is_some()
            }
            Resource::AllFunctionsIn(keyspace) => {
                schema.keyspace(keyspace).is_some_and(|keyspace| !keyspace.is_virtual)
            }
            Resource::Table { keyspace, table } => {
                schema.keyspace(keyspace).is_some_and(|keyspace| keyspace.tables.contains_key(table))
            }
            Resource::Role(role) => self.store.is_role(role)?,
            // There are no functions of users, and no JMX beans.
            Resource::Function { .. } | Resource::Mbean(_) => false,
        })
    }

    /// What GRANT and REVOKE have in common (Cassandra: `PermissionsManagementStatement`).
    fn check_permissions(
        &self,
        permissions: PermissionSet,
        resource: Resource,
        role: &str,
    ) -> Result<Resource, Error> {
        let resource = self.complete(resource)?;
        if !self.only_validates {
            self.ensure_permission(Permission::Authorize, &resource)?;
            for permission in permissions.iter() {
                self.ensure_permission(permission, &resource)?;
            }
        }
        self.ensure_not_anonymous()?;
        if !self.store.is_role(role)? {
            return Err(Error::invalid(format!("Role {role} doesn't exist")));
        }
        if !self.exists(&resource)? {
            return Err(Error::invalid(format!("Resource {resource} doesn't exist")));
        }
        Ok(resource)
    }

    fn supported(&self, operation: &str) -> Result<(), Error> {
        match self.store.node.auth().options().authorizes {
            true => Ok(()),
            false => Err(Error::server(format!(
                "java.lang.UnsupportedOperationException: {operation} operation is not supported by AllowAllAuthorizer"
            ))),
        }
    }

    /// `GRANT permissions ON resource TO role`
    pub(super) fn grant_permissions(
        &self,
        permissions: PermissionSet,
        resource: Resource,
        grantee: &str,
        warn: &dyn Fn(String),
    ) -> Result<(), Error> {
        let permissions = meant(permissions, &resource);
        let resource = self.check_permissions(permissions, resource, grantee)?;
        let keyspace = resource.data_keyspace();
        let is_system = keyspace
            .is_some_and(|name| system::is_system_keyspace(name) && !system::is_virtual_keyspace(name));
        if is_system && !permissions.intersection(NOT_ON_SYSTEM).is_empty() {
            return Err(Error::unauthorized(
                "Granting permissions on system keyspaces is strictly limited, this operation is not permitted",
            ));
        }
        if self.only_validates {
            return Ok(());
        }
        self.supported("GRANT")?;
        let granted = self.store.grant(permissions, &resource, grantee)?;
        let had = permissions.difference(granted);
        if !had.is_empty() {
            let had = had.names().join(", ");
            warn(format!("Role '{grantee}' was already granted {had} on {resource}"));
        }
        Ok(())
    }

    /// `REVOKE permissions ON resource FROM role`
    pub(super) fn revoke_permissions(
        &self,
        permissions: PermissionSet,
        resource: Resource,
        revokee: &str,
        warn: &dyn Fn(String),
    ) -> Result<(), Error> {
        let permissions = meant(permissions, &resource);
        let resource = self.check_permissions(permissions, resource, revokee)?;
        if self.only_validates {
            return Ok(());
        }
        self.supported("REVOKE")?;
        let revoked = self.store.revoke(permissions, &resource, revokee)?;
        let lacked = permissions.difference(revoked);
        if !lacked.is_empty() {
            let lacked = lacked.names().join(", ");
            warn(format!("Role '{revokee}' was not granted {lacked} on {resource}"));
        }
        Ok(())
    }

    /// `LIST permissions` (Cassandra: `ListPermissionsStatement`).
    pub(super) fn list_permissions(
        &self,
        permissions: PermissionSet,
        resource: Option<Resource>,
        of: Option<&str>,
        recursive: bool,
    ) -> Result<Outcome, Error> {
        self.ensure_not_anonymous()?;
        let resource = resource.map(|resource| self.complete(resource)).transpose()?;
        if let Some(resource) = &resource
            && !self.exists(resource)?
        {
            return Err(Error::invalid(format!("{resource} doesn't exist")));
        }
        if let Some(role) = of
            && !self.store.is_role(role)?
        {
            return Err(Error::invalid(format!("<role {role}> doesn't exist")));
        }
        if self.only_validates {
            return Ok(Outcome::Void);
        }
        if !self.store.node.auth().options().authorizes {
            return Err(Error::invalid("LIST PERMISSIONS operation is not supported by AllowAllAuthorizer"));
        }
        self.check_may_list(of)?;
        let resources: Vec<_> = match resource {
            None => vec![None],
            Some(resource) if recursive => resource.chain().map(Some).collect(),
            Some(resource) => vec![Some(resource)],
        };
        let mut granted = Vec::new();
        for resource in &resources {
            match of {
                None => granted.extend(self.store.granted(permissions, resource.as_ref(), None)?),
                Some(role) => {
                    for role in self.store.role_names(role, true)? {
                        granted.extend(self.store.granted(permissions, resource.as_ref(), Some(&role))?);
                    }
                }
            }
        }
        Ok(super::list::permissions(granted, order))
    }

    /// Whether the user may see what a role, or everybody, was granted.
    fn check_may_list(&self, of: Option<&str>) -> Result<(), Error> {
        let name = self.ensure_not_anonymous()?;
        let may_describe = |resource: &Resource| {
            Ok::<_, Error>(self.permissions_on(resource)?.value.contains(Permission::Describe))
        };
        let is_own = match of {
            Some(of) => self.store.known_roles(name)?.value.iter().any(|role| role.name == of),
            None => false,
        };
        if is_own || self.is_super()? || may_describe(&Resource::AllRoles)? {
            return Ok(());
        }
        if let Some(of) = of
            && may_describe(&Resource::Role(of.to_owned()))?
        {
            return Ok(());
        }
        let whose = of.unwrap_or("everyone");
        Err(Error::unauthorized(format!("You are not authorized to view {whose}'s permissions")))
    }
}

/// `ALL` means those that mean anything for the resource; of others those that do are taken.
fn meant(permissions: PermissionSet, resource: &Resource) -> PermissionSet {
    permissions.intersection(resource.applicable())
}

/// By role, resource, permission.
fn order(one: &Granted, other: &Granted) -> std::cmp::Ordering {
    let key = |granted: &Granted| (granted.role.clone(), granted.resource.name(), granted.permission as u8);
    key(one).cmp(&key(other))
}

/// The name of a permission in lists.
pub(super) fn shown(permission: Permission) -> &'static str {
    name_of(permission)
}
