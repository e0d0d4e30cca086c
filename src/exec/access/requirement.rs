//! What a statement needs (Cassandra: the statements' `authorize`).

use super::permission::{Permission, name_of};
use super::resource::Resource;
use crate::error::Error;
use crate::schema::system;

/// One thing that a statement needs.
#[derive(Clone, Debug, PartialEq)]
pub enum Requirement {
    /// That the user may be here at all: in this data center, from that address.
    Login,
    /// A permission.
    Permission(Permission, Resource),
    /// A superuser; or this is what is answered.
    Superuser(&'static str),
}

/// What a statement needs, and what its user gets leave for afterwards.
#[derive(Clone, Debug, Default)]
pub struct Requires {
    /// All of these, in the order in which they are asked for.
    pub needs: Vec<Requirement>,
    /// What the statement may create: its user gets all permissions on it.
    pub creates: Vec<Resource>,
}

impl Requires {
    /// Only this.
    pub fn only(requirement: Requirement) -> Self {
        Self { needs: vec![requirement], creates: Vec::new() }
    }

    /// Adds a permission on a table, if it is not there yet.
    pub fn add_table(&mut self, permission: Permission, keyspace: &str, table: &str) {
        let requirement = Requirement::Permission(permission, Resource::table(keyspace, table));
        if !self.needs.contains(&requirement) {
            self.needs.push(requirement);
        }
    }
}

/// Nobody may change what the system needs, except for the replication of its replicated keyspaces (Cassandra:
/// `ClientState.preventSystemKSSchemaModification`).
pub fn check_modifiable(permission: Permission, resource: &Resource) -> Result<(), Error> {
    if !matches!(permission, Permission::Create | Permission::Alter | Permission::Drop) {
        return Ok(());
    }
    let Some(keyspace) = resource.data_keyspace() else { return Ok(()) };
    if system::is_local_system_keyspace(keyspace) {
        return Err(Error::unauthorized(format!("{keyspace} keyspace is not user-modifiable.")));
    }
    let may_be_altered = permission == Permission::Alter && matches!(resource, Resource::Keyspace(_));
    if !system::is_system_keyspace(keyspace) || may_be_altered {
        return Ok(());
    }
    Err(Error::unauthorized(format!("Cannot {} {resource}", name_of(permission))))
}

/// Whether everybody may read it (Cassandra: `ClientState.READABLE_SYSTEM_RESOURCES`): drivers do.
pub fn is_readable_by_all(resource: &Resource) -> bool {
    let Resource::Table { keyspace, table } = resource else { return false };
    match keyspace.as_str() {
        system::SYSTEM => {
            ["local", "peers", "peers_v2", "size_estimates", "table_estimates"].contains(&table.as_str())
        }
        system::SYSTEM_SCHEMA | system::SYSTEM_VIRTUAL_SCHEMA => true,
        system::SYSTEM_TRACES => ["events", "sessions"].contains(&table.as_str()),
        _ => false,
    }
}
