//! The definitions of the keyspaces that every node has, as Cassandra 5.0 defines them (`SystemKeyspace`,
//! `SchemaKeyspace`, `AuthKeyspace`, `SystemDistributedKeyspace`, `TraceKeyspace` and the package `db.virtual`).
//!
//! The tables stand in `*.tables` files: `table` and its name, then lines with its `comment`, options that differ
//! from the keyspace's, and its columns as kind, name and type.

mod parse;

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::{KeyspaceMetadata, KeyspaceParams, Replication, Schema, TableId, TableKind, TableParams};

/// Local facts.
pub const SYSTEM: &str = "system";
/// The schema as rows.
pub const SYSTEM_SCHEMA: &str = "system_schema";
/// Roles and permissions.
pub const SYSTEM_AUTH: &str = "system_auth";
/// Repairs and views of the whole cluster.
pub const SYSTEM_DISTRIBUTED: &str = "system_distributed";
/// Traces.
pub const SYSTEM_TRACES: &str = "system_traces";
/// Virtual: the state of the node.
pub const SYSTEM_VIEWS: &str = "system_views";
/// Virtual: the schema of virtual keyspaces.
pub const SYSTEM_VIRTUAL_SCHEMA: &str = "system_virtual_schema";

/// Keyspaces of this node alone; their definition cannot be changed (Cassandra: `isLocalSystemKeyspace`, without
/// the virtual ones).
pub const LOCAL: [&str; 2] = [SYSTEM, SYSTEM_SCHEMA];
/// System keyspaces that are replicated (Cassandra: `isReplicatedSystemKeyspace`).
pub const REPLICATED: [&str; 3] = [SYSTEM_AUTH, SYSTEM_DISTRIBUTED, SYSTEM_TRACES];
/// Virtual keyspaces.
pub const VIRTUAL: [&str; 2] = [SYSTEM_VIEWS, SYSTEM_VIRTUAL_SCHEMA];

/// The timestamp with which every node writes the definition of a replicated system keyspace, so that nodes agree on
/// the version of the schema (Cassandra: the `GENERATION` of the class that defines it).
pub fn generation(keyspace: &str) -> i64 {
    match keyspace {
        SYSTEM_AUTH => 1,
        SYSTEM_DISTRIBUTED => 6,
        SYSTEM_TRACES => 1_577_836_800_000_002,
        _ => 0,
    }
}

/// Whether this is one of the local or replicated system keyspaces (Cassandra: `isSystemKeyspace`).
pub fn is_system_keyspace(name: &str) -> bool {
    is_local_system_keyspace(name) || REPLICATED.contains(&name)
}

/// Whether this is a keyspace of this node alone, virtual ones included.
pub fn is_local_system_keyspace(name: &str) -> bool {
    LOCAL.contains(&name) || is_virtual_keyspace(name)
}

/// Whether this keyspace is virtual.
pub fn is_virtual_keyspace(name: &str) -> bool {
    VIRTUAL.contains(&name)
}

/// The id of a system table, the same on every node (Cassandra: `TableId.forSystemTable`).
pub fn system_table_id(keyspace: &str, table: &str) -> TableId {
    use md5::{Digest, Md5};
    let digest = Md5::new().chain_update(keyspace).chain_update(table).finalize();
    TableId(uuid::Builder::from_md5_bytes(digest.into()).into_uuid())
}

/// One of the system keyspaces, with its default definition; none where `name` is no system keyspace.
pub fn system_keyspace(name: &str) -> Option<KeyspaceMetadata> {
    let simple = |factor: &str| {
        let options = BTreeMap::from([("replication_factor".to_owned(), factor.to_owned())]);
        Replication { class: "org.apache.cassandra.locator.SimpleStrategy".to_owned(), options }
    };
    let local = || Replication {
        class: "org.apache.cassandra.locator.LocalStrategy".to_owned(),
        options: BTreeMap::new(),
    };
    let hourly = 3_600_000;
    let (text, replication, gc_grace_seconds, flush_period) = match name {
        SYSTEM => (include_str!("system.tables"), local(), 0, hourly),
        SYSTEM_SCHEMA => (include_str!("system_schema.tables"), local(), 604_800, hourly),
        SYSTEM_AUTH => (include_str!("system_auth.tables"), simple("1"), 7_776_000, 0),
        SYSTEM_DISTRIBUTED => (include_str!("system_distributed.tables"), simple("3"), 864_000, 0),
        SYSTEM_TRACES => (include_str!("system_traces.tables"), simple("2"), 0, 0),
        SYSTEM_VIEWS => (include_str!("system_views.tables"), local(), 864_000, 0),
        SYSTEM_VIRTUAL_SCHEMA => (include_str!("system_virtual_schema.tables"), local(), 864_000, 0),
        _ => return None,
    };
    let params =
        TableParams { gc_grace_seconds, memtable_flush_period_in_ms: flush_period, ..TableParams::default() };
    let mut keyspace = KeyspaceMetadata {
        name: name.to_owned(),
        params: KeyspaceParams { durable_writes: true, replication },
        tables: BTreeMap::new(),
        types: BTreeMap::new(),
        is_virtual: is_virtual_keyspace(name),
    };
    for mut table in parse::tables(name, text, &params) {
        if keyspace.is_virtual {
            table.kind = TableKind::Virtual;
        }
        keyspace.tables.insert(table.name.clone(), Arc::new(table));
    }
    Some(keyspace)
}

/// All keyspaces that every node has, with their default definitions.
pub fn system_keyspaces() -> Vec<KeyspaceMetadata> {
    let names = LOCAL.iter().chain(&REPLICATED).chain(&VIRTUAL);
    names.filter_map(|name| system_keyspace(name)).collect()
}

impl Schema {
    /// The schema of a new node: the system keyspaces and no others.
    pub fn with_system_keyspaces() -> Schema {
        let empty = Schema { version: Uuid::nil(), ..Schema::default() };
        system_keyspaces().into_iter().fold(empty, |schema, keyspace| schema.with_keyspace(keyspace))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test")]
mod tests {
    use super::*;
    use crate::schema::ColumnKind;

    #[test]
    fn ids_are_those_of_cassandra() {
        let schema = Schema::with_system_keyspaces();
        for (keyspace, table, id) in [
            ("system", "local", "7ad54392-bcdd-35a6-8417-4e047860b377"),
            ("system_schema", "tables", "afddfb9d-bc1e-3068-8056-eed6c302ba09"),
            ("system_auth", "roles", "5bc52802-de25-35ed-aeab-188eecebb090"),
            ("system_traces", "events", "8826e8e9-e16a-3728-8753-3bc1fc713c25"),
            ("system_views", "caches", "c456053d-ded6-3f10-b770-daba90c4dd83"),
        ] {
            let table = schema.table(keyspace, table).unwrap();
            assert_eq!(table.id.to_string(), id);
            assert_eq!(schema.table_by_id(table.id).unwrap().name, table.name);
        }
    }

    #[test]
    fn every_table_is_there_with_its_columns() {
        let counts = [(SYSTEM, 23), (SYSTEM_SCHEMA, 11), (SYSTEM_AUTH, 8), (SYSTEM_DISTRIBUTED, 4)];
        let counts = counts.into_iter().chain([(SYSTEM_TRACES, 2), (SYSTEM_VIEWS, 43), (VIRTUAL[1], 3)]);
        for (keyspace, count) in counts {
            assert_eq!(system_keyspace(keyspace).unwrap().tables.len(), count, "{keyspace}");
        }
        let schema = Schema::with_system_keyspaces();
        let local = schema.table(SYSTEM, "local").unwrap();
        assert_eq!(local.partition_key[0].name, "key");
        assert_eq!(local.columns().count(), 20);
        assert_eq!(local.params.comment, "information about the local node");
        let truncated = local.column("truncated_at").unwrap();
        assert_eq!((truncated.kind, truncated.cql_type.is_multi_cell()), (ColumnKind::Regular, true));
        let batches = schema.table(SYSTEM, "batches").unwrap();
        assert_eq!(batches.params.compaction.options["min_threshold"], "2");
        assert!(schema.table(SYSTEM_VIEWS, "settings").unwrap().is_virtual());
    }
}
