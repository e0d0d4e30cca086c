//! Where the rows of each virtual table come from.

use std::net::IpAddr;
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::data_set::{DataSet, NewRow};
use crate::cluster::local_node::RELEASE_VERSION;
use crate::config::Config;
use crate::cql::auth::Cache;
use crate::cql::node::Node;
use crate::nodetool::format;
use crate::schema::{ClusteringOrder, ColumnKind, ColumnMetadata, Schema, TableMetadata, system};
use crate::server::table_stats;
use crate::storage::Storage;

/// What virtual tables look at. The node holds the store, and the store the tables: so they hold it weakly.
pub(super) struct Sources {
    pub(super) node: Weak<Node>,
    pub(super) config: Arc<Config>,
    generation: i64,
}

impl Sources {
    pub(super) fn new(node: &Arc<Node>, config: &Arc<Config>) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let generation = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        Self { node: Arc::downgrade(node), config: config.clone(), generation }
    }

    pub(super) fn storage(&self) -> Option<Arc<Storage>> {
        Some(self.node.upgrade()?.coordinator().storage().clone())
    }

    fn schema(&self) -> Arc<Schema> {
        self.node.upgrade().map(|node| node.coordinator().schema()).unwrap_or_default()
    }
}

fn row() -> NewRow {
    NewRow::default()
}

fn each_virtual_table(sources: &Sources, mut see: impl FnMut(&TableMetadata)) {
    let schema = sources.schema();
    let keyspaces = system::VIRTUAL.iter().filter_map(|name| schema.keyspace(name));
    keyspaces.flat_map(|keyspace| keyspace.tables.values()).for_each(|table| see(table));
}

pub(super) fn virtual_keyspaces(_: &Sources, rows: &mut DataSet) {
    for name in system::VIRTUAL {
        rows.add(row().set("keyspace_name", name));
    }
}

pub(super) fn virtual_tables(sources: &Sources, rows: &mut DataSet) {
    each_virtual_table(sources, |table| {
        rows.add(
            row()
                .set("keyspace_name", table.keyspace.as_str())
                .set("table_name", table.name.as_str())
                .set("comment", table.params.comment.as_str()),
        );
    });
}

pub(super) fn virtual_columns(sources: &Sources, rows: &mut DataSet) {
    each_virtual_table(sources, |table| {
        for column in table.columns() {
            rows.add(virtual_column(table, column));
        }
    });
}

fn virtual_column(table: &TableMetadata, column: &ColumnMetadata) -> NewRow {
    let (kind, order) = match (column.kind, column.order) {
        (ColumnKind::PartitionKey, _) => ("partition_key", "none"),
        (ColumnKind::Clustering, ClusteringOrder::Asc) => ("clustering", "asc"),
        (ColumnKind::Clustering, ClusteringOrder::Desc) => ("clustering", "desc"),
        (ColumnKind::Static, _) => ("static", "none"),
        (ColumnKind::Regular, _) => ("regular", "none"),
    };
    let position = if column.is_primary_key() { column.position as i32 } else { -1 };
    row()
        .set("keyspace_name", table.keyspace.as_str())
        .set("table_name", table.name.as_str())
        .set("column_name", column.name.as_str())
        .set("clustering_order", order)
        .set("column_name_bytes", column.name.as_bytes().to_vec())
        .set("kind", kind)
        .set("position", position)
        .set("type", column.cql_type.to_string())
}

pub(super) fn settings(sources: &Sources, rows: &mut DataSet) {
    for (name, value) in sources.config.settings() {
        rows.add(row().set("name", name).set("value", value));
    }
}

pub(super) fn clients(sources: &Sources, rows: &mut DataSet) {
    let Some(node) = sources.node.upgrade() else { return };
    for client in node.clients().all() {
        let address: IpAddr = client.address.ip();
        let hostname = if address.is_loopback() { "localhost".to_owned() } else { address.to_string() };
        let username = client.username();
        rows.add(
            row()
                .set("address", address)
                .set("port", i32::from(client.address.port()))
                .set("hostname", hostname)
                .set("username", username.as_deref().unwrap_or("anonymous"))
                .set("connection_stage", client.stage().name())
                .set("protocol_version", i32::from(client.version.number()))
                .set("client_options", &client.options)
                .set("driver_name", client.driver_name())
                .set("driver_version", client.driver_version())
                .set("request_count", i64::try_from(client.request_count()).unwrap_or(i64::MAX))
                .set("ssl_enabled", client.tls.is_some())
                .set("ssl_protocol", client.tls.as_ref().map(|tls| tls.protocol.as_str()))
                .set("ssl_cipher_suite", client.tls.as_ref().map(|tls| tls.cipher_suite.as_str()))
                .set("keyspace_name", client.keyspace().as_deref()),
        );
    }
}

fn roles_of(cache: Cache, sources: &Sources, rows: &mut DataSet) {
    let Some(node) = sources.node.upgrade() else { return };
    for role in node.auth().known_roles(cache) {
        rows.add(row().set("role", role));
    }
}

pub(super) fn credentials_cache_keys(sources: &Sources, rows: &mut DataSet) {
    roles_of(Cache::Credentials, sources, rows);
}

pub(super) fn roles_cache_keys(sources: &Sources, rows: &mut DataSet) {
    roles_of(Cache::Roles, sources, rows);
}

pub(super) fn network_permissions_cache_keys(sources: &Sources, rows: &mut DataSet) {
    roles_of(Cache::NetworkPermissions, sources, rows);
}

pub(super) fn permissions_cache_keys(sources: &Sources, rows: &mut DataSet) {
    let Some(node) = sources.node.upgrade() else { return };
    for (role, resource) in node.auth().known_permissions() {
        rows.add(row().set("role", role).set("resource", resource));
    }
}

/// The versions of a node's states, in the order in which `nodetool gossipinfo` shows the states.
const GOSSIP_STATES: [&str; 14] = [
    "status_version",
    "load_version",
    "schema_version",
    "dc_version",
    "rack_version",
    "release_version_version",
    "rpc_address_version",
    "net_version_version",
    "host_id_version",
    "rpc_ready_version",
    "native_address_and_port_version",
    "status_with_port_version",
    "sstable_versions_version",
    "tokens_version",
];

pub(super) fn gossip_info(sources: &Sources, rows: &mut DataSet) {
    let Some(node) = sources.node.upgrade() else { return };
    let coordinator = node.coordinator();
    let local = coordinator.node();
    let first_token = local.tokens.first().copied().unwrap_or_default();
    let address = local.broadcast_address;
    #[expect(clippy::cast_precision_loss, reason = "shown as Cassandra does")]
    let load = format::double(table_stats::load_bytes(coordinator.storage()) as f64);
    // Nothing of it changes as gossip would have it: the versions are the places that nodetool gossipinfo shows.
    let versions = GOSSIP_STATES.into_iter().zip(1_i32..);
    let states = versions.fold(row(), |row, (state, version)| row.set(state, version));
    rows.add(
        states
            .set("address", address)
            .set("port", i32::from(local.storage_port))
            .set("hostname", address.to_string())
            .set("generation", i32::try_from(sources.generation).unwrap_or(i32::MAX))
            .set("heartbeat", 0)
            .set("dc", local.datacenter.as_str())
            .set("rack", local.rack.as_str())
            .set("host_id", local.host_id.to_string())
            .set("release_version", RELEASE_VERSION)
            .set("rpc_address", local.rpc_address.to_string())
            .set("rpc_ready", "true")
            .set(
                "native_address_and_port",
                format!("{}:{}", local.rpc_address, sources.config.native_transport_port),
            )
            .set("net_version", "12")
            .set("load", load)
            .set("sstable_versions", "big-nb")
            .set("schema", coordinator.schema().version.to_string())
            .set("status", format!("NORMAL,{first_token}"))
            .set("status_with_port", format!("NORMAL,{first_token}")),
    );
}

/// What runs on threads that may block; the rest is answered too soon to be looked at.
pub(super) fn queries(sources: &Sources, rows: &mut DataSet) {
    let Some(node) = sources.node.upgrade() else { return };
    let micros = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    for request in node.running().all() {
        rows.add(
            row()
                .set("thread_id", format!("Native-Transport-Requests-{}", request.place))
                .set("queued_micros", micros(request.queued))
                .set("running_micros", micros(request.running))
                .set("task", request.description),
        );
    }
}

/// Environment variables that Cassandra shows, too (`CassandraRelevantEnv`).
const ENVIRONMENT: [&str; 3] = ["CIRCLECI", "CASSANDRA_SKIP_SYNC", "JAVA_HOME"];

/// Those of Cassandra's properties that are there without a Java virtual machine, and mean the same.
pub(super) fn system_properties(sources: &Sources, rows: &mut DataSet) {
    let variables =
        ENVIRONMENT.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)));
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        other => other,
    };
    let mut properties = vec![
        ("line.separator".to_owned(), "\n".to_owned()),
        ("os.arch".to_owned(), architecture.to_owned()),
        ("os.name".to_owned(), "Linux".to_owned()),
    ];
    let storage = sources.config.home.to_string_lossy().into_owned();
    properties.push(("cassandra.storagedir".to_owned(), storage));
    if let Ok(home) = std::env::var("HOME") {
        properties.push(("user.home".to_owned(), home));
    }
    for (name, value) in variables.chain(properties) {
        rows.add(row().set("name", name).set("value", value));
    }
}
