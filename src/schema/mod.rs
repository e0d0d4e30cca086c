//! The schema as an immutable snapshot. A leaf: knows no I/O.
//!
//! A change makes a new [`Schema`] which replaces the old one whole; whoever holds the old one goes on with it.

mod column;
pub mod options;
mod params;
pub mod system;
mod table;
mod type_name;

pub use column::{
    ClusteringOrder, ColumnId, ColumnKind, ColumnMask, ColumnMetadata, DroppedColumn, assign_initial_ids,
};
pub use params::{
    Caching, CompactionParams, CompressionParams, KeyspaceParams, Replication, SpeculativeRetry, TableParams,
};
pub use table::{TableId, TableKind, TableMetadata};
pub use type_name::parse_type_name;

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use uuid::Uuid;

use crate::types::UserType;

/// One keyspace (Cassandra: `KeyspaceMetadata`).
#[derive(Clone, Debug, PartialEq)]
pub struct KeyspaceMetadata {
    /// Its name, without quotes.
    pub name: String,
    /// Replication and durable writes.
    pub params: KeyspaceParams,
    /// Its tables by name.
    pub tables: BTreeMap<String, Arc<TableMetadata>>,
    /// Its user types by name.
    pub types: BTreeMap<String, Arc<UserType>>,
    /// Whether its tables are virtual.
    pub is_virtual: bool,
}

/// All keyspaces, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// Every keyspace by name, those of the system and virtual ones too.
    pub keyspaces: BTreeMap<String, Arc<KeyspaceMetadata>>,
    /// Every table by its id.
    pub tables_by_id: std::collections::HashMap<TableId, Arc<TableMetadata>>,
    /// Digest of the schema tables' rows (Cassandra: `SchemaConstants`/`Schema.getVersion`).
    pub version: Uuid,
}

impl Schema {
    /// The keyspace of that name.
    pub fn keyspace(&self, name: &str) -> Option<&Arc<KeyspaceMetadata>> {
        self.keyspaces.get(name)
    }

    /// The table of that keyspace and name.
    pub fn table(&self, keyspace: &str, name: &str) -> Option<&Arc<TableMetadata>> {
        self.keyspaces.get(keyspace)?.tables.get(name)
    }

    /// The table with that id.
    pub fn table_by_id(&self, id: TableId) -> Option<&Arc<TableMetadata>> {
        self.tables_by_id.get(&id)
    }

    /// A snapshot with `keyspace` put in place of the one of its name.
    pub fn with_keyspace(&self, keyspace: KeyspaceMetadata) -> Schema {
        let mut next = self.without_keyspace(&keyspace.name);
        for table in keyspace.tables.values() {
            next.tables_by_id.insert(table.id, table.clone());
        }
        next.keyspaces.insert(keyspace.name.clone(), Arc::new(keyspace));
        next
    }

    /// A snapshot without that keyspace.
    pub fn without_keyspace(&self, name: &str) -> Schema {
        let mut next = self.clone();
        if let Some(old) = next.keyspaces.remove(name) {
            for table in old.tables.values() {
                next.tables_by_id.remove(&table.id);
            }
        }
        next
    }
}

/// The place where the current snapshot is found.
#[derive(Debug, Default)]
pub struct SchemaRef(ArcSwap<Schema>);

impl SchemaRef {
    /// A place that holds `schema`.
    pub fn new(schema: Schema) -> Self {
        Self(ArcSwap::from_pointee(schema))
    }

    /// The current snapshot.
    pub fn load(&self) -> Arc<Schema> {
        self.0.load_full()
    }

    /// Makes `schema` the current snapshot.
    pub fn store(&self, schema: Arc<Schema>) {
        self.0.store(schema);
    }
}
