//! The options of CREATE and ALTER, of roles as of users (Cassandra: `auth.RoleOptions`).

use std::collections::BTreeSet;

use cql_grammar::ast;

use crate::cql::auth::network::Reach;
use crate::cql::auth::password;
use crate::cql::auth::role::RoleChange;
use crate::cql::auth::store::Store;
use crate::error::Error;
use crate::exec::describe::java_order::{sort_by_hash, string_hash};

/// What may be changed of a role, as Cassandra names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RoleOption {
    Login,
    Superuser,
    Password,
    HashedPassword,
    Options,
}

impl RoleOption {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Login => "LOGIN",
            Self::Superuser => "SUPERUSER",
            Self::Password => "PASSWORD",
            Self::HashedPassword => "HASHED_PASSWORD",
            Self::Options => "OPTIONS",
        }
    }
}

/// Names in the order in which Cassandra's messages have them: that of a `HashSet`.
fn list(names: &BTreeSet<String>) -> String {
    let mut names: Vec<_> = names.iter().map(String::as_str).collect();
    let count = names.len();
    sort_by_hash(&mut names, count, |name| string_hash(name));
    names.join(", ")
}

/// What a statement says of a role.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    pub password: Option<String>,
    pub hashed_password: Option<String>,
    pub superuser: Option<bool>,
    pub login: Option<bool>,
    pub has_custom: bool,
    pub datacenters: Option<Reach>,
    pub cidr_groups: Option<Reach>,
}

/// What ALTER says of it.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub options: Options,
    pub if_exists: bool,
}

fn reach(access: Option<&ast::Access>) -> Option<Reach> {
    access.map(|access| match access {
        ast::Access::All => Reach::All,
        ast::Access::Some(names) => Reach::Some(names.iter().cloned().collect()),
    })
}

impl Options {
    pub(super) fn of_role(options: &ast::RoleOptions) -> Self {
        Self {
            password: options.password.clone(),
            hashed_password: options.hashed_password.clone(),
            superuser: options.superuser,
            login: options.login,
            has_custom: options.options.is_some(),
            datacenters: reach(options.datacenters.as_ref()),
            cidr_groups: reach(options.cidrs.as_ref()),
        }
    }

    pub(super) fn of_user(options: &ast::UserOptions) -> Self {
        Self {
            password: options.password.clone(),
            hashed_password: options.hashed_password.clone(),
            superuser: options.superuser,
            ..Self::default()
        }
    }

    /// A user may log in; he is no superuser unless the statement says so.
    pub(super) fn of_new_user(options: &ast::UserOptions) -> Self {
        let superuser = Some(options.superuser.unwrap_or(false));
        Self { login: Some(true), superuser, ..Self::of_user(options) }
    }

    /// A new role may come from everywhere unless the statement says otherwise; that is stored too.
    pub(super) fn of_new(self) -> Self {
        Self { cidr_groups: self.cidr_groups.or(Some(Reach::All)), ..self }
    }

    /// Those that the statement names.
    pub(super) fn named(&self) -> Vec<RoleOption> {
        [
            (self.superuser.is_some(), RoleOption::Superuser),
            (self.login.is_some(), RoleOption::Login),
            (self.password.is_some(), RoleOption::Password),
            (self.hashed_password.is_some(), RoleOption::HashedPassword),
            (self.has_custom, RoleOption::Options),
        ]
        .into_iter()
        .filter_map(|(is_named, option)| is_named.then_some(option))
        .collect()
    }

    /// Whether Cassandra's role manager takes them.
    pub(super) fn validate(&self, store: Store<'_>) -> Result<(), Error> {
        let has_passwords = store.node.auth().options().authenticator.has_passwords();
        for option in self.named() {
            let is_supported = match option {
                RoleOption::Login | RoleOption::Superuser => true,
                RoleOption::Password | RoleOption::HashedPassword => has_passwords,
                RoleOption::Options => false,
            };
            if !is_supported {
                return Err(Error::invalid(format!(
                    "org.apache.cassandra.auth.CassandraRoleManager doesn't support {}",
                    option.name()
                )));
            }
        }
        if self.hashed_password.as_ref().is_some_and(|hash| !password::is_hash(hash)) {
            return Err(Error::invalid("Invalid hashed password value. Please use jBcrypt."));
        }
        Ok(())
    }

    /// Whether the data centers and groups of addresses exist.
    pub(super) fn validate_reach(&self, store: Store<'_>) -> Result<(), Error> {
        if let Some(Reach::Some(names)) = &self.datacenters {
            let known = &store.node.coordinator().node().datacenter;
            if names.iter().any(|name| name != known) {
                return Err(Error::invalid(format!(
                    "Invalid value(s) for DATACENTERS '[{}]',All values must be valid datacenters",
                    list(names)
                )));
            }
        }
        if let Some(Reach::Some(names)) = &self.cidr_groups {
            let known: BTreeSet<_> = store.cidr_groups()?.into_iter().map(|(name, _)| name).collect();
            if !names.is_subset(&known) {
                return Err(Error::invalid(format!(
                    "Invalid CIDR group(s): [{}]. Available CIDR Groups are: [{}]",
                    list(names),
                    list(&known)
                )));
            }
        }
        Ok(())
    }

    /// What is stored of them. Takes tens of milliseconds where there is a password.
    pub(super) fn stored(&self) -> Result<RoleChange, Error> {
        let salted_hash = match (&self.password, &self.hashed_password) {
            (Some(password), _) => Some(password::hash(password)?),
            (None, hash) => hash.clone(),
        };
        Ok(RoleChange { salted_hash, is_super: self.superuser, can_login: self.login })
    }
}
