//! CREATE, ALTER, DROP, GRANT and REVOKE of roles.

use super::options::{Change, Options, RoleOption};
use crate::cql::auth::network::Reach;
use crate::cql::auth::user::{User, UserAccess};
use crate::error::Error;
use crate::exec::access::{Permission, Resource};

const NO_DATACENTERS: &str = "ACCESS TO DATACENTERS operations not supported by AllowAllNetworkAuthorizer";

impl UserAccess<'_> {
    /// `CREATE ROLE` (Cassandra: `CreateRoleStatement`).
    pub(super) fn create_role(
        &self,
        name: &str,
        options: &Options,
        if_not_exists: bool,
    ) -> Result<(), Error> {
        self.check_permission(Permission::Create, &Resource::AllRoles)?;
        if !self.only_validates && options.superuser == Some(true) && !self.is_super()? {
            return Err(Error::unauthorized("Only superusers can create a role with superuser status"));
        }
        options.validate(self.store)?;
        if name.is_empty() {
            return Err(Error::invalid("Role name can't be an empty string"));
        }
        options.validate_reach(self.store)?;
        let creator = self.ensure_not_anonymous()?;
        if self.store.is_role(name)? {
            return match if_not_exists {
                true => Ok(()),
                false => Err(Error::invalid(format!("{name} already exists"))),
            };
        }
        if self.only_validates {
            return Ok(());
        }
        self.store.create_role(name, &options.stored()?)?;
        let settings = self.store.node.auth().options();
        if settings.authorizes_datacenters {
            self.store.set_datacenters(name, options.datacenters.as_ref().unwrap_or(&Reach::All))?;
        }
        if let Some(groups) = &options.cidr_groups {
            self.store.set_cidr_groups_of(name, groups)?;
        }
        if settings.authorizes {
            let role = Resource::Role(name.to_owned());
            self.store.grant(role.applicable(), &role, creator)?;
        }
        Ok(())
    }

    /// `ALTER ROLE` (Cassandra: `AlterRoleStatement`).
    pub(super) fn alter_role(&self, name: &str, change: &Change) -> Result<(), Error> {
        let options = &change.options;
        if !self.only_validates {
            self.authorize_alter(name, options)?;
        }
        options.validate(self.store)?;
        let is_empty = options.named().is_empty();
        if is_empty && options.datacenters.is_none() && options.cidr_groups.is_none() {
            return Err(Error::invalid("ALTER [ROLE|USER] can't be empty"));
        }
        options.validate_reach(self.store)?;
        self.ensure_not_anonymous()?;
        if !self.store.is_role(name)? {
            return match change.if_exists {
                true => Ok(()),
                false => Err(Error::invalid(format!("Role {name} doesn't exist"))),
            };
        }
        if self.only_validates {
            return Ok(());
        }
        if !is_empty {
            self.store.alter_role(name, &options.stored()?)?;
        }
        if let Some(datacenters) = &options.datacenters {
            if !self.store.node.auth().options().authorizes_datacenters {
                return Err(Error::invalid(NO_DATACENTERS));
            }
            self.store.set_datacenters(name, datacenters)?;
        }
        if let Some(groups) = &options.cidr_groups {
            self.store.set_cidr_groups_of(name, groups)?;
        }
        Ok(())
    }

    fn authorize_alter(&self, name: &str, options: &Options) -> Result<(), Error> {
        let refused = |text: &str| Err(Error::unauthorized(text));
        let is_super = self.is_super()?;
        if options.superuser.is_some() {
            let is_own = match self.user {
                User::Anonymous => false,
                User::Role(own) => self.store.known_roles(own)?.value.iter().any(|role| role.name == name),
            };
            if is_own {
                return refused(
                    "You aren't allowed to alter your own superuser status or that of a role granted to you",
                );
            }
            if !is_super {
                return refused("Only superusers are allowed to alter superuser status");
            }
        }
        if options.datacenters.is_some() && !is_super {
            return refused("Only superusers are allowed to alter access to datacenters.");
        }
        if options.cidr_groups.is_some() && !is_super {
            return refused("Only superusers are allowed to alter access from CIDR groups.");
        }
        if is_super {
            return Ok(());
        }
        if self.user.name() != name {
            return self.check_permission(Permission::Alter, &Resource::Role(name.to_owned()));
        }
        // Of himself a user may change the password.
        let has_passwords = self.store.node.auth().options().authenticator.has_passwords();
        let may =
            |option| has_passwords && matches!(option, RoleOption::Password | RoleOption::HashedPassword);
        match options.named().into_iter().find(|option| !may(*option)) {
            Some(option) => {
                Err(Error::unauthorized(format!("You aren't allowed to alter {}", option.name())))
            }
            None => Ok(()),
        }
    }

    /// `DROP ROLE` (Cassandra: `DropRoleStatement`).
    pub(super) fn drop_role(&self, name: &str, if_exists: bool) -> Result<(), Error> {
        let role = Resource::Role(name.to_owned());
        self.check_permission(Permission::Drop, &role)?;
        let exists = self.store.is_role(name)?;
        if !self.only_validates
            && exists
            && self.store.has_superuser_status(&name.into())?
            && !self.is_super()?
        {
            return Err(Error::unauthorized("Only superusers can drop a role with superuser status"));
        }
        self.ensure_not_anonymous()?;
        if !exists && !if_exists {
            return Err(Error::invalid(format!("{name} doesn't exist")));
        }
        if self.user.name() == name {
            return Err(Error::invalid("Cannot DROP primary role for current login"));
        }
        if !exists || self.only_validates {
            return Ok(());
        }
        self.store.drop_role(name)?;
        if self.store.node.auth().options().authorizes {
            self.store.revoke_all_from(name)?;
            self.store.revoke_all_on(&role)?;
        }
        if self.store.node.auth().options().authorizes_datacenters {
            self.store.drop_datacenters(name)?;
        }
        self.store.drop_cidr_groups_of(name)
    }

    /// What GRANT and REVOKE of a role have in common (Cassandra: `RoleManagementStatement`).
    fn check_roles(&self, role: &str, other: &str) -> Result<(), Error> {
        self.check_permission(Permission::Authorize, &Resource::Role(role.to_owned()))?;
        self.ensure_not_anonymous()?;
        for name in [role, other] {
            if !self.store.is_role(name)? {
                return Err(Error::invalid(format!("{name} doesn't exist")));
            }
        }
        Ok(())
    }

    /// `GRANT role TO grantee`
    pub(super) fn grant_role(&self, role: &str, grantee: &str) -> Result<(), Error> {
        self.check_roles(role, grantee)?;
        if self.only_validates {
            return Ok(());
        }
        for (member, of) in [(grantee, role), (role, grantee)] {
            if self.store.role_names(member, true)?.contains(of) {
                return Err(Error::invalid(format!("{member} is a member of {of}")));
            }
        }
        self.store.grant_role(role, grantee)
    }

    /// `REVOKE role FROM revokee`
    pub(super) fn revoke_role(&self, role: &str, revokee: &str) -> Result<(), Error> {
        self.check_roles(role, revokee)?;
        if self.only_validates {
            return Ok(());
        }
        if !self.store.role_names(revokee, false)?.contains(role) {
            return Err(Error::invalid(format!("{revokee} is not a member of {role}")));
        }
        self.store.revoke_role(role, revokee)
    }
}
