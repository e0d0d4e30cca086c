//! ADD IDENTITY and DROP IDENTITY.

use cql_grammar::ast::{AddIdentity, DropIdentity};

use crate::cql::auth::user::UserAccess;
use crate::error::Error;
use crate::exec::access::{Permission, Resource};

impl UserAccess<'_> {
    fn own_role(&self) -> Resource {
        Resource::Role(self.user.name().to_owned())
    }

    /// `ADD IDENTITY` (Cassandra: `AddIdentityStatement`).
    pub(super) fn add_identity(&self, add: &AddIdentity) -> Result<(), Error> {
        let (identity, role) = (&add.identity, &add.role.0);
        self.check_permission(Permission::Create, &self.own_role())?;
        self.ensure_not_anonymous()?;
        if !self.store.is_role(role)? {
            return Err(Error::invalid(format!("Can not add identity for non-existent role '{role}'")));
        }
        if self.store.is_identity(identity)? {
            return match add.if_not_exists {
                true => Ok(()),
                false => Err(Error::invalid(format!("{identity} already exists"))),
            };
        }
        if self.only_validates {
            return Ok(());
        }
        self.store.add_identity(identity, role)
    }

    /// `DROP IDENTITY` (Cassandra: `DropIdentityStatement`).
    pub(super) fn drop_identity(&self, drop: &DropIdentity) -> Result<(), Error> {
        let identity = &drop.identity;
        self.check_permission(Permission::Drop, &self.own_role())?;
        self.ensure_not_anonymous()?;
        if self.store.is_identity(identity)? {
            return if self.only_validates { Ok(()) } else { self.store.drop_identity(identity) };
        }
        match drop.if_exists {
            true => Ok(()),
            false => Err(Error::invalid(format!("identity '{identity}' doesn't exist"))),
        }
    }
}
