//! Roles: who may log in, and what they may do (Cassandra: package `auth`).
//!
//! Everything about roles is rows of `system_auth`, read and written by the same statements as Cassandra's
//! ([`store`]), and kept for as long as the configuration says ([`cache`]). A session asks here
//!
//! - who logs in ([`login`]),
//! - before it runs a statement, whether its user may ([`user`]),
//! - to run statements on roles and permissions ([`statements`]).
//!
//! ```text
//!   login ------------.       statements
//!                      \     /          \
//!   user: may he?       role, permissions, network: system_auth's tables
//!          \           /          |
//!           cache ----'         store
//! ```

mod cache;
mod cidr;
mod identity;
mod login;
mod network;
mod password;
mod permissions;
mod role;
mod sasl;
mod statements;
mod store;
mod user;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::cache::AuthCache;
use self::cidr::CidrGroups;
use self::network::{Cidr, Reach};
use self::role::Role;
use self::store::{Statements, Store};
use super::node::Node;
use crate::config::{AuthOptions, Authenticator, CacheOptions};
use crate::error::Error;
use crate::exec::access::{PermissionSet, Requires, Resource};
use crate::schema::KeyspaceMetadata;
use crate::storage::IoMode;

pub use cidr::CidrMetrics;
pub(super) use user::{Memo, User, UserAccess};

/// A role and those it was granted, by whatever way.
type Roles = Arc<[Role]>;

/// What a node knows of roles.
#[derive(Debug)]
pub struct Auth {
    options: AuthOptions,
    statements: Statements,
    credentials: AuthCache<String, Option<Arc<str>>>,
    identities: AuthCache<String, Option<Arc<str>>>,
    roles: AuthCache<Arc<str>, Roles>,
    /// By role and the name of the resource.
    permissions: AuthCache<(Arc<str>, String), PermissionSet>,
    datacenters: AuthCache<Arc<str>, Reach>,
    cidr_permissions: AuthCache<Arc<str>, Reach>,
    cidr_groups: AuthCache<(), Arc<CidrGroups>>,
    cidr_metrics: CidrMetrics,
    /// Grows whenever something is forgotten before its time.
    generation: AtomicU64,
    /// How many may log in at once.
    logins: Arc<Semaphore>,
    /// Logins that had their turn.
    logins_begun: AtomicU64,
}

/// Those who log in.
#[derive(Clone, Copy, Debug)]
pub struct Logins {
    /// How many do now.
    pub active: u64,
    /// How many may at once.
    pub limit: u64,
    /// How many did, whether they were let in or not.
    pub completed: u64,
}

/// The caches, as nodetool names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    /// Hashes of passwords.
    Credentials,
    /// Which roles a role was granted.
    Roles,
    /// Permissions of a role on a resource.
    Permissions,
    /// Data centers of a role.
    NetworkPermissions,
    /// Groups of addresses of a role.
    CidrPermissions,
}

impl Auth {
    /// Nothing is known yet.
    pub fn new(options: AuthOptions) -> Self {
        let groups = options.cidr.map_or(std::time::Duration::ZERO, |cidr| cidr.groups_refresh);
        let groups = CacheOptions { validity: groups, update_interval: None, entries_max: 1 };
        Self {
            statements: Statements::default(),
            credentials: AuthCache::new(options.credentials),
            identities: AuthCache::new(options.credentials),
            roles: AuthCache::new(options.roles),
            permissions: AuthCache::new(options.permissions),
            datacenters: AuthCache::new(options.roles),
            cidr_permissions: AuthCache::new(options.roles),
            cidr_groups: AuthCache::new(groups),
            cidr_metrics: CidrMetrics::default(),
            generation: AtomicU64::new(0),
            logins: Arc::new(Semaphore::new(options.login_threads)),
            logins_begun: AtomicU64::new(0),
            options,
        }
    }

    /// What is measured of looking at addresses.
    pub fn cidr_metrics(&self) -> &CidrMetrics {
        &self.cidr_metrics
    }

    /// How it is set up.
    pub fn options(&self) -> &AuthOptions {
        &self.options
    }

    /// Whether everybody may come in and do everything.
    pub(super) fn is_open(&self) -> bool {
        self.options.authenticator == Authenticator::AllowAll
    }

    /// Waits for a turn to log in; none where there is nothing to wait for.
    pub(super) async fn login_permit(&self) -> Option<OwnedSemaphorePermit> {
        let permit = Arc::clone(&self.logins).acquire_owned().await.ok();
        self.logins_begun.fetch_add(1, Ordering::Relaxed);
        permit
    }

    /// Those who log in.
    pub fn logins(&self) -> Logins {
        let limit = self.options.login_threads;
        let active = limit.saturating_sub(self.logins.available_permits()) as u64;
        let completed = self.logins_begun.load(Ordering::Relaxed).saturating_sub(active);
        Logins { active, limit: limit as u64, completed }
    }

    /// Forgets what is known of a role, and, for permissions, of a resource; or everything. False where nothing was known
    /// of it.
    pub fn invalidate(&self, cache: Cache, role: Option<&str>, resource: Option<&Resource>) -> bool {
        self.generation.fetch_add(1, Ordering::AcqRel);
        let Some(role) = role else {
            match cache {
                Cache::Credentials => self.credentials.clear(),
                Cache::Roles => self.roles.clear(),
                Cache::Permissions => self.permissions.clear(),
                Cache::NetworkPermissions => self.datacenters.clear(),
                Cache::CidrPermissions => self.cidr_permissions.clear(),
            }
            return true;
        };
        let key: Arc<str> = role.into();
        match (cache, resource) {
            (Cache::Credentials, _) => self.credentials.invalidate(&role.to_owned()),
            (Cache::Roles, _) => self.roles.invalidate(&key),
            (Cache::Permissions, Some(resource)) => self.permissions.invalidate(&(key, resource.name())),
            (Cache::Permissions, None) => false,
            (Cache::NetworkPermissions, _) => self.datacenters.invalidate(&key),
            (Cache::CidrPermissions, _) => self.cidr_permissions.invalidate(&key),
        }
    }

    /// How a cache is set up.
    pub fn cache_options(&self, cache: Cache) -> CacheOptions {
        match cache {
            Cache::Credentials => self.credentials.options(),
            Cache::Roles => self.roles.options(),
            Cache::Permissions => self.permissions.options(),
            Cache::NetworkPermissions => self.datacenters.options(),
            Cache::CidrPermissions => self.cidr_permissions.options(),
        }
    }

    /// Sets a cache up otherwise.
    pub fn set_cache_options(&self, cache: Cache, options: CacheOptions) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        match cache {
            Cache::Credentials => self.credentials.set_options(options),
            Cache::Roles => self.roles.set_options(options),
            Cache::Permissions => self.permissions.set_options(options),
            Cache::NetworkPermissions => self.datacenters.set_options(options),
            Cache::CidrPermissions => self.cidr_permissions.set_options(options),
        }
    }

    /// Reads the groups of addresses again at their next use.
    pub fn reload_cidr_groups(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.cidr_groups.clear();
    }

    /// The roles whose password, memberships or data centers are known now.
    pub fn known_roles(&self, cache: Cache) -> Vec<String> {
        let texts = |keys: Vec<Arc<str>>| keys.iter().map(|key| key.to_string()).collect();
        match cache {
            Cache::Credentials => self.credentials.keys(),
            Cache::Roles => texts(self.roles.keys()),
            Cache::NetworkPermissions => texts(self.datacenters.keys()),
            Cache::CidrPermissions => texts(self.cidr_permissions.keys()),
            Cache::Permissions => Vec::new(),
        }
    }

    /// The roles and resources whose permissions are known now.
    pub fn known_permissions(&self) -> Vec<(String, String)> {
        let keys = self.permissions.keys().into_iter();
        keys.map(|(role, resource)| (role.to_string(), resource)).collect()
    }
}

impl Node {
    /// All groups of addresses, each with its ranges, in order of name. Blocks.
    pub fn cidr_groups(&self) -> Result<Vec<(String, Vec<String>)>, Error> {
        let mut groups = self.auth_store(IoMode::Blocking).cidr_groups()?;
        groups.sort_by(|one, other| one.0.cmp(&other.0));
        let shown = |range: Cidr| format!("{}/{}", range.address, range.bits);
        Ok(groups.into_iter().map(|(name, ranges)| (name, ranges.into_iter().map(shown).collect())).collect())
    }

    /// Makes a group of addresses what is given; drops it where nothing is. Blocks.
    pub fn set_cidr_group(&self, name: &str, ranges: &[(IpAddr, u8)]) -> Result<(), Error> {
        let ranges: Vec<_> = ranges.iter().map(|&(address, bits)| Cidr { address, bits }).collect();
        self.auth_store(IoMode::Blocking).set_cidr_group(name, &ranges)?;
        Ok(self.coordinator().storage().write_out()?)
    }

    /// The groups that an address is in, as far as they are known now. Blocks.
    pub fn cidr_groups_of(&self, address: IpAddr) -> Result<Vec<String>, Error> {
        let groups = self.auth_store(IoMode::Blocking).known_cidr_groups()?.value;
        Ok(groups.of(address).into_iter().map(str::to_owned).collect())
    }

    pub(super) fn auth_store(&self, io: IoMode) -> Store<'_> {
        Store { node: self, io }
    }

    /// Makes the first superuser, `cassandra` with the password `cassandra`, where there is no role at all. Blocks.
    pub fn create_default_superuser(&self) -> Result<(), Error> {
        let store = self.auth_store(IoMode::Blocking);
        if store.has_roles()? {
            return Ok(());
        }
        store.create_default_superuser(&password::hash(store::DEFAULT_SUPERUSER)?)?;
        tracing::info!("Created default superuser role '{}'", store::DEFAULT_SUPERUSER);
        Ok(())
    }

    /// After a change of the schema: its user gets all permissions on what it created, and permissions on what is gone
    /// go too. Blocks.
    pub(super) fn permissions_follow(
        &self,
        user: Option<&User>,
        requires: &Requires,
        before: Option<&Arc<KeyspaceMetadata>>,
        now: Option<&Arc<KeyspaceMetadata>>,
    ) {
        let store = self.auth_store(IoMode::Blocking);
        if let Some(User::Role(user)) = user {
            for resource in &requires.creates {
                if let Err(error) = store.grant(resource.applicable(), resource, user) {
                    tracing::warn!(%error, "cannot grant {user} what it created: {resource}");
                }
            }
        }
        if let Some(before) = before
            && let Err(error) = self.revoke_on_dropped(before, now.map(|now| &**now))
        {
            tracing::warn!(%error, "cannot revoke all permissions on what was dropped of {}", before.name);
        }
    }

    /// Takes away all permissions on what was there before and is not any more (Cassandra:
    /// `AuthSchemaChangeListener`). Blocks.
    fn revoke_on_dropped(
        &self,
        before: &KeyspaceMetadata,
        now: Option<&KeyspaceMetadata>,
    ) -> Result<(), Error> {
        let store = self.auth_store(IoMode::Blocking);
        let tables: HashMap<_, _> = now.into_iter().flat_map(|now| &now.tables).collect();
        for (name, table) in &before.tables {
            if tables.get(name).is_none_or(|other| other.id != table.id) {
                store.revoke_all_on(&Resource::table(&before.name, name))?;
            }
        }
        if now.is_none() {
            store.revoke_all_on(&Resource::Keyspace(before.name.clone()))?;
            store.revoke_all_on(&Resource::AllTables(before.name.clone()))?;
            store.revoke_all_on(&Resource::AllFunctionsIn(before.name.clone()))?;
        }
        Ok(())
    }
}
