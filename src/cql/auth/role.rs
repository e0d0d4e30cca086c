//! Roles as they are stored (Cassandra: `auth.CassandraRoleManager`).

use std::collections::{BTreeSet, HashSet};

use super::store::{Store, is_true, set_of, text_of, texts_of};
use crate::error::Error;

/// A role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Role {
    pub name: String,
    pub is_super: bool,
    pub can_login: bool,
    pub member_of: BTreeSet<String>,
}

/// What a role is changed to; what is not told stays.
#[derive(Clone, Debug, Default)]
pub(super) struct RoleChange {
    pub salted_hash: Option<String>,
    pub is_super: Option<bool>,
    pub can_login: Option<bool>,
}

fn boolean(value: bool) -> [u8; 1] {
    [u8::from(value)]
}

impl Store<'_> {
    /// The role of that name.
    pub(super) fn role(self, name: &str) -> Result<Option<Role>, Error> {
        let rows = self.run(
            "SELECT is_superuser, can_login, member_of FROM system_auth.roles WHERE role = ?",
            &[Some(name.as_bytes())],
            self.level_of(name),
        )?;
        let Some([is_super, can_login, member_of]) = rows.first().map(Vec::as_slice) else {
            return Ok(None);
        };
        let (Some(is_super), Some(can_login)) = (is_true(is_super.as_deref()), is_true(can_login.as_deref()))
        else {
            return Err(Error::server(format!(
                "java.lang.RuntimeException: Invalid metadata has been detected for role {name}"
            )));
        };
        let member_of = texts_of(member_of.as_deref());
        Ok(Some(Role { name: name.to_owned(), is_super, can_login, member_of }))
    }

    /// Whether there is such a role.
    pub(super) fn is_role(self, name: &str) -> Result<bool, Error> {
        self.role(name).map(|role| role.is_some())
    }

    /// The role and those it has been granted; with those that they have been granted, and so on.
    pub(super) fn roles_of(self, name: &str, inherited: bool) -> Result<Vec<Role>, Error> {
        let Some(first) = self.role(name)? else { return Ok(Vec::new()) };
        let mut seen = HashSet::new();
        let mut open: Vec<String> = first.member_of.iter().cloned().collect();
        let mut roles = vec![first];
        while let Some(next) = open.pop() {
            if !seen.insert(next.clone()) || next == name {
                continue;
            }
            if let Some(role) = self.role(&next)? {
                if inherited {
                    open.extend(role.member_of.iter().cloned());
                }
                roles.push(role);
            }
        }
        Ok(roles)
    }

    /// The names of the role and those it has been granted.
    pub(super) fn role_names(self, name: &str, inherited: bool) -> Result<BTreeSet<String>, Error> {
        Ok(self.roles_of(name, inherited)?.into_iter().map(|role| role.name).collect())
    }

    /// The names of all roles.
    pub(super) fn all_roles(self) -> Result<BTreeSet<String>, Error> {
        let rows = self.read("SELECT role FROM system_auth.roles", &[])?;
        Ok(rows.iter().filter_map(|row| text_of(row.first()?.as_deref())).collect())
    }

    /// The hash of a role's password.
    pub(super) fn salted_hash(self, name: &str) -> Result<Option<String>, Error> {
        let rows = self.run(
            "SELECT salted_hash FROM system_auth.roles WHERE role = ?",
            &[Some(name.as_bytes())],
            self.level_of(name),
        )?;
        Ok(rows.first().and_then(|row| text_of(row.first()?.as_deref())))
    }

    /// Makes a role.
    pub(super) fn create_role(self, name: &str, change: &RoleChange) -> Result<(), Error> {
        if !self.identities_of(name)?.is_empty() {
            return Err(Error::server(format!(
                "java.lang.IllegalStateException: Cannot create a role '{name}' when identities already exists for it"
            )));
        }
        let is_super = boolean(change.is_super.unwrap_or(false));
        let can_login = boolean(change.can_login.unwrap_or(false));
        let (name_bytes, level) = (Some(name.as_bytes()), self.write_level_of(name));
        match &change.salted_hash {
            Some(hash) => self.run(
                "INSERT INTO system_auth.roles (role, is_superuser, can_login, salted_hash) VALUES (?, ?, ?, ?)",
                &[name_bytes, Some(&is_super), Some(&can_login), Some(hash.as_bytes())],
                level,
            )?,
            None => self.run(
                "INSERT INTO system_auth.roles (role, is_superuser, can_login) VALUES (?, ?, ?)",
                &[name_bytes, Some(&is_super), Some(&can_login)],
                level,
            )?,
        };
        Ok(())
    }

    /// Changes a role.
    pub(super) fn alter_role(self, name: &str, change: &RoleChange) -> Result<(), Error> {
        let (level, name) = (self.write_level_of(name), Some(name.as_bytes()));
        if let Some(can_login) = change.can_login {
            let text = "UPDATE system_auth.roles SET can_login = ? WHERE role = ?";
            self.run(text, &[Some(&boolean(can_login)), name], level)?;
        }
        if let Some(is_super) = change.is_super {
            let text = "UPDATE system_auth.roles SET is_superuser = ? WHERE role = ?";
            self.run(text, &[Some(&boolean(is_super)), name], level)?;
        }
        if let Some(hash) = &change.salted_hash {
            let text = "UPDATE system_auth.roles SET salted_hash = ? WHERE role = ?";
            self.run(text, &[Some(hash.as_bytes()), name], level)?;
        }
        Ok(())
    }

    /// Drops a role, its memberships and its identities.
    pub(super) fn drop_role(self, name: &str) -> Result<(), Error> {
        let level = self.write_level_of(name);
        let key = Some(name.as_bytes());
        self.run("DELETE FROM system_auth.roles WHERE role = ?", &[key], level)?;
        let members = self.run(
            "SELECT member FROM system_auth.role_members WHERE role = ?",
            &[key],
            self.level_of(name),
        )?;
        for member in members.iter().filter_map(|row| text_of(row.first()?.as_deref())) {
            self.remove_membership(&member, name)?;
        }
        if !members.is_empty() {
            self.run("DELETE FROM system_auth.role_members WHERE role = ?", &[key], level)?;
        }
        for identity in self.identities_of(name)? {
            let text = "DELETE FROM system_auth.identity_to_role WHERE identity = ?";
            self.run(text, &[Some(identity.as_bytes())], level)?;
        }
        Ok(())
    }

    /// Grants a role to another.
    pub(super) fn grant_role(self, role: &str, grantee: &str) -> Result<(), Error> {
        self.run(
            "UPDATE system_auth.roles SET member_of = member_of + ? WHERE role = ?",
            &[Some(&set_of([role])), Some(grantee.as_bytes())],
            self.write_level_of(grantee),
        )?;
        self.run(
            "INSERT INTO system_auth.role_members (role, member) VALUES (?, ?)",
            &[Some(role.as_bytes()), Some(grantee.as_bytes())],
            self.write_level_of(role),
        )?;
        Ok(())
    }

    /// Takes a role from another.
    pub(super) fn revoke_role(self, role: &str, revokee: &str) -> Result<(), Error> {
        self.remove_membership(revokee, role)?;
        self.run(
            "DELETE FROM system_auth.role_members WHERE role = ? AND member = ?",
            &[Some(role.as_bytes()), Some(revokee.as_bytes())],
            self.write_level_of(role),
        )?;
        Ok(())
    }

    fn remove_membership(self, member: &str, role: &str) -> Result<(), Error> {
        self.run(
            "UPDATE system_auth.roles SET member_of = member_of - ? WHERE role = ?",
            &[Some(&set_of([role])), Some(member.as_bytes())],
            self.write_level_of(member),
        )?;
        Ok(())
    }

    /// The role that an identity stands for.
    pub(super) fn role_of_identity(self, identity: &str) -> Result<Option<String>, Error> {
        let rows =
            self.read("SELECT role FROM system_auth.identity_to_role WHERE identity = ?", &[identity])?;
        Ok(rows.first().and_then(|row| text_of(row.first()?.as_deref())))
    }

    /// Whether an identity belongs to some role.
    pub(super) fn is_identity(self, identity: &str) -> Result<bool, Error> {
        let text = "SELECT identity FROM system_auth.identity_to_role WHERE identity = ?";
        Ok(!self.read(text, &[identity])?.is_empty())
    }

    fn identities_of(self, role: &str) -> Result<Vec<String>, Error> {
        let rows = self.run(
            "SELECT identity FROM system_auth.identity_to_role WHERE role = ? ALLOW FILTERING",
            &[Some(role.as_bytes())],
            self.level_of(role),
        )?;
        Ok(rows.iter().filter_map(|row| text_of(row.first()?.as_deref())).collect())
    }

    /// Gives an identity to a role.
    pub(super) fn add_identity(self, identity: &str, role: &str) -> Result<(), Error> {
        if self.is_identity(identity)? {
            return Err(Error::server(format!(
                "java.lang.IllegalStateException: Identity is already associated with another role, cannot associate \
                 it with role {role}"
            )));
        }
        let text = "INSERT INTO system_auth.identity_to_role (identity, role) VALUES (?, ?)";
        self.write(text, &[identity.as_bytes(), role.as_bytes()])
    }

    /// Takes an identity away.
    pub(super) fn drop_identity(self, identity: &str) -> Result<(), Error> {
        self.write("DELETE FROM system_auth.identity_to_role WHERE identity = ?", &[identity.as_bytes()])
    }

    /// Makes the first superuser where there is no role at all (Cassandra: `setupDefaultRole`).
    pub(super) fn create_default_superuser(self, salted_hash: &str) -> Result<(), Error> {
        let name = super::store::DEFAULT_SUPERUSER;
        self.run(
            "INSERT INTO system_auth.roles (role, is_superuser, can_login, salted_hash) VALUES (?, true, true, ?) \
             USING TIMESTAMP 0",
            &[Some(name.as_bytes()), Some(salted_hash.as_bytes())],
            self.write_level_of(name),
        )?;
        Ok(())
    }

    /// Whether there is any role.
    pub(super) fn has_roles(self) -> Result<bool, Error> {
        let text = "SELECT role FROM system_auth.roles LIMIT 1";
        Ok(!self.run(text, &[], crate::consistency::Consistency::One)?.is_empty())
    }
}
