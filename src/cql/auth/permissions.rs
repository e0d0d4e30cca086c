//! Permissions as they are stored (Cassandra: `auth.CassandraAuthorizer`).

use super::store::{Store, set_of, text_of, texts_of};
use crate::error::Error;
use crate::exec::access::permission::{self, Permission};
use crate::exec::access::{PermissionSet, Resource};

/// A permission that a role was granted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Granted {
    pub role: String,
    pub resource: Resource,
    pub permission: Permission,
}

fn permissions_of(value: Option<&[u8]>) -> PermissionSet {
    texts_of(value).iter().filter_map(|name| permission::named(name)).collect()
}

impl Store<'_> {
    /// What a role itself was granted on a resource, but not on what that is a part of.
    pub(super) fn permissions(self, role: &str, resource: &str) -> Result<PermissionSet, Error> {
        let text = "SELECT permissions FROM system_auth.role_permissions WHERE role = ? AND resource = ?";
        let rows = self.read(text, &[role, resource])?;
        Ok(rows
            .first()
            .map_or(PermissionSet::NONE, |row| permissions_of(row.first().and_then(Option::as_deref))))
    }

    /// Grants permissions; gives those that were not granted before.
    pub(super) fn grant(
        self,
        permissions: PermissionSet,
        resource: &Resource,
        grantee: &str,
    ) -> Result<PermissionSet, Error> {
        let name = resource.name();
        let missing = permissions.difference(self.permissions(grantee, &name)?);
        if !missing.is_empty() {
            self.write(
                "UPDATE system_auth.role_permissions SET permissions = permissions + ? WHERE role = ? AND resource = ?",
                &[&set_of(missing.names()), grantee.as_bytes(), name.as_bytes()],
            )?;
            self.write(
                "INSERT INTO system_auth.resource_role_permissons_index (resource, role) VALUES (?, ?)",
                &[name.as_bytes(), grantee.as_bytes()],
            )?;
        }
        Ok(missing)
    }

    /// Revokes permissions; gives those that were granted.
    pub(super) fn revoke(
        self,
        permissions: PermissionSet,
        resource: &Resource,
        revokee: &str,
    ) -> Result<PermissionSet, Error> {
        let name = resource.name();
        let granted = permissions.intersection(self.permissions(revokee, &name)?);
        if !granted.is_empty() {
            self.write(
                "UPDATE system_auth.role_permissions SET permissions = permissions - ? WHERE role = ? AND resource = ?",
                &[&set_of(granted.names()), revokee.as_bytes(), name.as_bytes()],
            )?;
            self.write(
                "DELETE FROM system_auth.resource_role_permissons_index WHERE resource = ? AND role = ?",
                &[name.as_bytes(), revokee.as_bytes()],
            )?;
        }
        Ok(granted)
    }

    /// Revokes all that a role was granted.
    pub(super) fn revoke_all_from(self, role: &str) -> Result<(), Error> {
        let text = "SELECT resource FROM system_auth.role_permissions WHERE role = ?";
        for resource in self.read(text, &[role])?.iter().filter_map(|row| row.first()?.clone()) {
            self.write(
                "DELETE FROM system_auth.resource_role_permissons_index WHERE resource = ? AND role = ?",
                &[&resource, role.as_bytes()],
            )?;
        }
        self.write("DELETE FROM system_auth.role_permissions WHERE role = ?", &[role.as_bytes()])
    }

    /// Revokes all that anybody was granted on a resource.
    pub(super) fn revoke_all_on(self, resource: &Resource) -> Result<(), Error> {
        let name = resource.name();
        let text = "SELECT role FROM system_auth.resource_role_permissons_index WHERE resource = ?";
        let roles = self.read(text, &[&name])?;
        if roles.is_empty() {
            return Ok(());
        }
        for role in roles.iter().filter_map(|row| row.first()?.clone()) {
            let text = "DELETE FROM system_auth.role_permissions WHERE role = ? AND resource = ?";
            self.write(text, &[&role, name.as_bytes()])?;
        }
        let text = "DELETE FROM system_auth.resource_role_permissons_index WHERE resource = ?";
        self.write(text, &[name.as_bytes()])
    }

    /// The permissions among these that were granted, on one resource or all, to one role or all.
    pub(super) fn granted(
        self,
        permissions: PermissionSet,
        resource: Option<&Resource>,
        role: Option<&str>,
    ) -> Result<Vec<Granted>, Error> {
        let name = resource.map(Resource::name);
        let rows = match (&name, role) {
            (None, None) => {
                self.read("SELECT role, resource, permissions FROM system_auth.role_permissions", &[])?
            }
            (Some(name), None) => self.read(
                "SELECT role, resource, permissions FROM system_auth.role_permissions WHERE resource = ? \
                 ALLOW FILTERING",
                &[name],
            )?,
            (None, Some(role)) => self.read(
                "SELECT role, resource, permissions FROM system_auth.role_permissions WHERE role = ?",
                &[role],
            )?,
            (Some(name), Some(role)) => self.read(
                "SELECT role, resource, permissions FROM system_auth.role_permissions WHERE resource = ? AND role = ?",
                &[name, role],
            )?,
        };
        let mut granted = Vec::new();
        for row in &rows {
            let [role, resource, stored] = &row[..] else { continue };
            let (Some(role), Some(name)) = (text_of(role.as_deref()), text_of(resource.as_deref())) else {
                continue;
            };
            let Some(resource) = Resource::from_name(&name) else {
                let complaint = format!("Name {name} is not valid for any resource type");
                return Err(Error::server(format!("java.lang.IllegalArgumentException: {complaint}")));
            };
            let found = permissions_of(stored.as_deref()).intersection(permissions);
            granted.extend(found.iter().map(|permission| Granted {
                role: role.clone(),
                resource: resource.clone(),
                permission,
            }));
        }
        Ok(granted)
    }
}
