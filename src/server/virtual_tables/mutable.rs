//! Virtual tables that take deletions: what has its key in them is forgotten (Cassandra:
//! `AbstractMutableVirtualTable` and the classes that extend it).

use super::sources::Sources;
use crate::cql::auth::Cache;
use crate::exec::access::Resource;
use crate::schema::TableMetadata;
use crate::storage::model::PartitionUpdate;
use crate::types::token::composite_components;

/// What a deletion of rows means.
#[derive(Clone, Copy, Debug)]
pub(super) enum Forgets {
    /// The cache is asked anew: about a key, or about all of them.
    KeysOf(Cache),
    /// There is nothing to forget: this node answers no JMX.
    NoKeys,
    /// All of the log, which nothing is written to unless Cassandra's is told to.
    Log,
}

/// Says that a table cannot be changed that way.
pub(super) fn refusal(what: &str, table: &TableMetadata) -> String {
    format!("{what} is not supported by table {}.{}", table.keyspace, table.name)
}

impl Forgets {
    /// What a deletion means in that table; none where it may not be changed.
    pub(super) fn of(table: &TableMetadata) -> Option<Self> {
        match table.name.as_str() {
            "credentials_cache_keys" => Some(Self::KeysOf(Cache::Credentials)),
            "jmx_permissions_cache_keys" => Some(Self::NoKeys),
            "network_permissions_cache_keys" => Some(Self::KeysOf(Cache::NetworkPermissions)),
            "permissions_cache_keys" => Some(Self::KeysOf(Cache::Permissions)),
            "roles_cache_keys" => Some(Self::KeysOf(Cache::Roles)),
            "system_logs" => Some(Self::Log),
            _ => None,
        }
    }

    /// `TRUNCATE`.
    pub(super) fn everything(self, sources: &Sources) {
        if let (Self::KeysOf(cache), Some(node)) = (self, sources.node.upgrade()) {
            node.auth().invalidate(cache, None, None);
        }
    }

    /// Does what the update says: only whole partitions can be deleted, and not everywhere.
    pub(super) fn apply(self, sources: &Sources, update: &PartitionUpdate) -> Result<(), String> {
        let table = &update.table;
        if update.deletion.is_live() && update.range_tombstones.is_empty() {
            return match update.rows.first() {
                None => Ok(()),
                Some(row) if !row.deletion().is_live() => Err(refusal("Row deletion", table)),
                Some(row) => match row.cells().next() {
                    Some(cell) if cell.is_tombstone() => Err(refusal("Column deletion", table)),
                    _ => Err(refusal("Column modification", table)),
                },
            };
        }
        if !update.range_tombstones.is_empty() {
            return Err(refusal("Range deletion", table));
        }
        match self {
            Self::KeysOf(cache) => forget(cache, sources, &update.key.key),
            Self::NoKeys => {}
            Self::Log => return Err(refusal("Partition deletion", table)),
        }
        Ok(())
    }
}

/// Forgets what a cache knows of a key, if it knows anything of it.
fn forget(cache: Cache, sources: &Sources, key: &[u8]) {
    let Some(node) = sources.node.upgrade() else { return };
    if cache != Cache::Permissions {
        if let Ok(role) = std::str::from_utf8(key) {
            node.auth().invalidate(cache, Some(role), None);
        }
        return;
    }
    let parts: Vec<_> = composite_components(key).collect();
    let [role, resource] = &parts[..] else { return };
    if let (Ok(role), Ok(resource)) = (std::str::from_utf8(role), std::str::from_utf8(resource))
        && let Some(resource) = Resource::from_name(resource)
    {
        node.auth().invalidate(cache, Some(role), Some(&resource));
    }
}
