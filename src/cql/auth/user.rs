//! The user of a session, and what he may do (Cassandra: `auth.AuthenticatedUser`, the `ensure…` methods of
//! `service.ClientState`).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use parking_lot::Mutex;

use super::cache::Known;
use super::cidr::CidrGroups;
use super::network::Reach;
use super::store::Store;
use super::{Auth, Roles};
use crate::cql::client::Client;
use crate::error::Error;
use crate::exec::access::permission::name_of;
use crate::exec::access::requirement::{check_modifiable, is_readable_by_all};
use crate::exec::access::{Access, Permission, PermissionSet, Requirement, Resource, RolePlan};
use crate::exec::plan::Outcome;
use crate::schema::{TableMetadata, system};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cql) enum User {
    /// Somebody: nobody has to log in.
    Anonymous,
    /// A role.
    Role(Arc<str>),
}

impl User {
    /// The name in messages.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Role(name) => name,
        }
    }
}

/// How many statements a session remembers to be permitted.
const MEMO_MAX: usize = 1024;

/// Which prepared statements a session may run without asking again, and until when.
#[derive(Debug, Default)]
pub(in crate::cql) struct Memo {
    statements: Mutex<HashMap<u64, Permitted>>,
    /// Whether the user is a superuser.
    superuser: Mutex<Option<(bool, Permitted)>>,
}

#[derive(Clone, Copy, Debug)]
struct Permitted {
    until: Instant,
    generation: u64,
}

impl Permitted {
    fn holds(self, auth: &Auth) -> bool {
        self.generation == auth.generation() && Instant::now() < self.until
    }
}

impl Memo {
    /// Whether the statement of that number may be run.
    pub(in crate::cql) fn permits(&self, auth: &Auth, statement: u64) -> bool {
        let permitted = self.statements.lock().get(&statement).copied();
        permitted.is_some_and(|permitted| permitted.holds(auth))
    }

    /// Notes that it may be run until then; `generation` is that from before the check.
    pub(in crate::cql) fn note(&self, statement: u64, until: Instant, generation: u64) {
        let mut memo = self.statements.lock();
        if memo.len() >= MEMO_MAX {
            let now = Instant::now();
            memo.retain(|_, permitted| now < permitted.until);
            if memo.len() >= MEMO_MAX {
                memo.clear();
            }
        }
        memo.insert(statement, Permitted { until, generation });
    }

    /// Forgets everything: somebody else logged in.
    pub(in crate::cql) fn clear(&self) {
        self.statements.lock().clear();
        *self.superuser.lock() = None;
    }
}

impl Auth {
    /// How often something was forgotten before its time.
    pub(in crate::cql) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }
}

impl Store<'_> {
    /// The role and all that it was granted, from the cache. Without authentication nothing is kept.
    pub(super) fn known_roles(self, name: &Arc<str>) -> Result<Known<Roles>, Error> {
        let load = || Ok(Roles::from(self.roles_of(name, true)?));
        if self.node.auth().is_open() {
            return Ok(Known { value: load()?, until: Instant::now() });
        }
        self.node.auth().roles.get(name, load)
    }

    /// Whether the role or one that it was granted is a superuser.
    pub(super) fn has_superuser_status(self, name: &Arc<str>) -> Result<bool, Error> {
        Ok(self.known_roles(name)?.value.iter().any(|role| role.is_super))
    }

    fn known_permissions(self, name: &Arc<str>, resource: &Resource) -> Result<Known<PermissionSet>, Error> {
        let key = (Arc::clone(name), resource.name());
        self.node.auth().permissions.get(&key, || {
            let roles = self.known_roles(name)?.value;
            if roles.iter().any(|role| role.is_super) {
                return Ok(resource.applicable());
            }
            roles.iter().try_fold(PermissionSet::NONE, |all, role| {
                Ok(all.union(self.permissions(&role.name, &key.1)?))
            })
        })
    }

    /// The data centers of a role (Cassandra: `CassandraNetworkAuthorizer.authorize`).
    pub(super) fn datacenters_of(self, name: &Arc<str>) -> Result<Reach, Error> {
        if !self.node.auth().options().authorizes_datacenters {
            return Ok(Reach::All);
        }
        self.reach(name, false, || self.datacenters(name))
    }

    /// The groups of addresses, read every few minutes.
    pub(super) fn known_cidr_groups(self) -> Result<Known<Arc<CidrGroups>>, Error> {
        let auth = self.node.auth();
        let load = || {
            let began = Instant::now();
            let groups = CidrGroups::new(self.cidr_groups()?);
            auth.cidr_metrics.reloaded(began);
            Ok(Arc::new(groups))
        };
        auth.cidr_groups.get(&(), load)
    }

    fn reach(
        self,
        name: &Arc<str>,
        holds_superusers: bool,
        load: impl FnOnce() -> Result<Reach, Error>,
    ) -> Result<Reach, Error> {
        let roles = self.known_roles(name)?.value;
        if !roles.iter().any(|role| *role.name == **name && role.can_login) {
            return Ok(Reach::None);
        }
        if roles.iter().any(|role| role.is_super) && !holds_superusers {
            return Ok(Reach::All);
        }
        load()
    }
}

/// A user, and what he may do. `until` in what it gives: as long as that need not be asked again.
#[derive(Clone, Copy)]
pub(in crate::cql) struct UserAccess<'a> {
    pub store: Store<'a>,
    pub user: &'a User,
    pub client: &'a Client,
    pub keyspace: Option<&'a str>,
    /// Whether statements on roles are only held against what is there, not run: they are prepared.
    pub only_validates: bool,
}

impl std::fmt::Debug for UserAccess<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserAccess").field("user", &self.user).finish_non_exhaustive()
    }
}

/// The earlier of two times.
fn earlier(one: Option<Instant>, other: Instant) -> Option<Instant> {
    Some(one.map_or(other, |one| one.min(other)))
}

impl UserAccess<'_> {
    fn auth(&self) -> &Auth {
        self.store.node.auth()
    }

    /// Sees that the user has everything a statement needs. Gives until when that is known; none for ever.
    pub(in crate::cql) fn ensure_all(&self, needs: &[Requirement]) -> Result<Option<Instant>, Error> {
        needs.iter().try_fold(None, |until, requirement| {
            Ok(match self.ensure(requirement)? {
                Some(known) => earlier(until, known),
                None => until,
            })
        })
    }

    fn ensure(&self, requirement: &Requirement) -> Result<Option<Instant>, Error> {
        match requirement {
            Requirement::Login => self.ensure_access(),
            Requirement::Superuser(refusal) => {
                if self.auth().is_open() || self.is_super()? {
                    return Ok(Some(Instant::now()));
                }
                Err(Error::unauthorized(*refusal))
            }
            // User functions do not ask whether he may be here: the table did.
            Requirement::Permission(permission, resource @ Resource::Function { .. }) => {
                self.ensure_permission(*permission, resource)
            }
            Requirement::Permission(permission, resource) => {
                let until = self.ensure_access()?;
                check_modifiable(*permission, resource)?;
                if *permission == Permission::Select && is_readable_by_all(resource) {
                    return Ok(until);
                }
                let known = self.ensure_permission(*permission, resource)?;
                Ok(known.map_or(until, |known| earlier(until, known)))
            }
        }
    }

    /// Whether the user may be here, in this data center, from his address (Cassandra: `ClientState.validateLogin`).
    pub(super) fn ensure_access(&self) -> Result<Option<Instant>, Error> {
        let User::Role(name) = self.user else { return Ok(None) };
        let mut until = None;
        let auth = self.auth();
        if auth.options.authorizes_datacenters {
            let known = auth.datacenters.get(name, || self.store.datacenters_of(name))?;
            let here = &self.store.node.coordinator().node().datacenter;
            if !known.value.contains(here) {
                return Err(Error::unauthorized(format!(
                    "You do not have access to this datacenter ({here})"
                )));
            }
            until = earlier(until, known.until);
        }
        if auth.options.cidr.is_some() {
            let began = Instant::now();
            let ensured = self.ensure_address(name);
            auth.cidr_metrics.checks.record_time(began.elapsed());
            until = earlier(until, ensured?);
        }
        Ok(until)
    }

    fn ensure_address(&self, name: &Arc<str>) -> Result<Instant, Error> {
        let auth = self.auth();
        let Some(options) = auth.options.cidr else { return Ok(Instant::now()) };
        let known = auth.cidr_permissions.get(name, || {
            self.store.reach(name, options.checks_superusers, || self.store.cidr_groups_of(name))
        })?;
        if known.value == Reach::All && !options.only_monitors {
            return Ok(known.until);
        }
        let groups = self.store.known_cidr_groups()?;
        let address = self.client.address.ip();
        let began = Instant::now();
        let of_address = groups.value.of(address);
        auth.cidr_metrics.lookups.record_time(began.elapsed());
        let is_permitted = known.value == Reach::All
            || !of_address.is_empty() && of_address.iter().any(|group| known.value.contains(group));
        auth.cidr_metrics.count(&of_address, is_permitted || options.only_monitors);
        match (is_permitted, options.only_monitors) {
            (true, _) => {}
            (false, true) => {
                tracing::warn!(
                    "Role {name} accessed from unauthorized IP {address}, CIDR group {of_address:?}"
                );
            }
            (false, false) => {
                return Err(Error::unauthorized(format!("You do not have access from this IP {address}")));
            }
        }
        Ok(known.until.min(groups.until))
    }

    /// The user has to be somebody (Cassandra: `ClientState.ensureNotAnonymous`).
    pub(super) fn ensure_not_anonymous(&self) -> Result<&Arc<str>, Error> {
        self.ensure_access()?;
        match self.user {
            User::Role(name) => Ok(name),
            User::Anonymous => {
                Err(Error::unauthorized("You have to be logged in and not anonymous to perform this request"))
            }
        }
    }

    /// Whether the user is a superuser; a nameless one is not.
    pub(super) fn is_super(&self) -> Result<bool, Error> {
        match self.user {
            User::Anonymous => Ok(false),
            User::Role(name) => self.store.has_superuser_status(name),
        }
    }

    /// The same, remembered for as long as that need not be asked again.
    pub(in crate::cql) fn remembered_super(&self, memo: &Memo) -> Result<bool, Error> {
        let User::Role(name) = self.user else { return Ok(false) };
        if let Some((is_super, known)) = *memo.superuser.lock()
            && known.holds(self.auth())
        {
            return Ok(is_super);
        }
        let generation = self.auth().generation();
        let known = self.store.known_roles(name)?;
        let is_super = known.value.iter().any(|role| role.is_super);
        *memo.superuser.lock() = Some((is_super, Permitted { until: known.until, generation }));
        Ok(is_super)
    }

    /// The user's own permissions on a resource (Cassandra: `IAuthorizer.authorize`).
    pub(super) fn permissions_on(&self, resource: &Resource) -> Result<Known<PermissionSet>, Error> {
        match self.user {
            User::Role(name) if self.auth().options.authorizes => {
                self.store.known_permissions(name, resource)
            }
            _ => Ok(Known { value: resource.applicable(), until: Instant::now() }),
        }
    }

    /// The user needs a permission on the resource or on what that is a part of (Cassandra:
    /// `ClientState.ensurePermission`).
    pub(super) fn ensure_permission(
        &self,
        permission: Permission,
        resource: &Resource,
    ) -> Result<Option<Instant>, Error> {
        if !self.auth().options.authorizes {
            return Ok(None);
        }
        if let Resource::AllFunctionsIn(keyspace) | Resource::Function { keyspace, .. } = resource
            && keyspace == system::SYSTEM
        {
            return Ok(None);
        }
        let is_system = resource.data_keyspace().is_some_and(system::is_system_keyspace);
        // A permission on all keyspaces is not one on those of the system.
        let without_root = is_system && !self.is_super()?;
        match self.find_permission(permission, resource, without_root)? {
            Some(until) => Ok(Some(until)),
            None => Err(Error::unauthorized(format!(
                "User {} has no {} permission on {resource} or any of its parents",
                self.user.name(),
                name_of(permission)
            ))),
        }
    }

    fn find_permission(
        &self,
        permission: Permission,
        resource: &Resource,
        without_root: bool,
    ) -> Result<Option<Instant>, Error> {
        let mut chain: Vec<_> =
            resource.chain().filter(|part| !without_root || part.parent().is_some()).collect();
        if self.auth().options.from_root {
            chain.reverse();
        }
        for part in &chain {
            let known = self.permissions_on(part)?;
            if known.value.contains(permission) {
                return Ok(Some(known.until));
            }
        }
        Ok(None)
    }
}

impl Access for UserAccess<'_> {
    fn user_name(&self) -> &str {
        self.user.name()
    }

    fn has_table_permission(&self, table: &TableMetadata, permission: Permission) -> Result<bool, Error> {
        self.ensure_access()?;
        if !self.auth().options.authorizes {
            return Ok(true);
        }
        let resource = Resource::table(&table.keyspace, &table.name);
        Ok(self.find_permission(permission, &resource, false)?.is_some())
    }

    fn run(&self, plan: &RolePlan, warn: &dyn Fn(String)) -> Result<Outcome, Error> {
        super::statements::run(self, plan, warn)
    }
}
