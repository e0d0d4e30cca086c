//! A node without sockets, for benchmarks: its store below a temporary directory, and the tables of the orders.
#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    reason = "each benchmark is a crate that uses a part of this"
)]

use std::sync::Arc;

use helenus::cluster::{Coordinator, Settings, local_node, schema_store};
use helenus::config::Config;
use helenus::consistency::Consistency;
use helenus::cql::{Clients, auth::Auth, node::Node};
use helenus::env::clock::{Clock, SystemClock};
use helenus::env::fs::RealFs;
use helenus::exec::context::ExecutionContext;
use helenus::exec::options::{ProtocolVersion, QueryOptions, Value, Values};
use helenus::exec::plan::{Outcome, Plan};
use helenus::plan::statement::plan;
use helenus::schema::{Schema, SchemaRef, TableMetadata};
use helenus::storage::{IoMode, Storage, StorageOptions};

/// A keyspace without a commit log, tables that are compacted only when asked to, and few chunks in the cache.
const SCHEMA: [&str; 3] = [
    "CREATE KEYSPACE orders WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    "CREATE KEYSPACE in_memory WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1} AND durable_writes = false",
    "CREATE TABLE orders.by_id (order_id uuid PRIMARY KEY, user_id uuid, at timestamp, status text, amount bigint)",
];
/// The table in which a user's orders are, newest first; it is in both keyspaces.
const BY_USER: &str = "(user_id uuid, at timestamp, order_id uuid, status text, amount bigint, PRIMARY KEY (user_id, at)) \
    WITH CLUSTERING ORDER BY (at DESC) AND compaction = {'class': 'SizeTieredCompactionStrategy', 'enabled': 'false'}";

/// How many orders a user has in benchmarks that read.
pub const ORDERS_OF_A_USER: u64 = 100;

pub struct BenchNode {
    pub node: Arc<Node>,
    _directory: tempfile::TempDir,
}

impl BenchNode {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = Config::new(directory.path()).unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let base = Schema::with_system_keyspaces();
        let schema = Arc::new(SchemaRef::new(base.clone()));
        let mut options = StorageOptions::below(directory.path());
        options.memtables.space_bytes = 4 << 30;
        options.auto_snapshot = false;
        let storage = Storage::open(options, Arc::new(RealFs), clock.clone(), schema.clone()).unwrap();
        storage.recover().unwrap();
        schema_store::write_system_keyspaces(&storage, &base, false).unwrap();
        let local = local_node::start(&storage, &schema.load(), &config).unwrap();
        storage.set_host_id(local.host_id);
        let coordinator = Arc::new(Coordinator::new(storage, schema, clock, local, Settings::default()));
        let node =
            Node::new(coordinator, Arc::new(Clients::default()), 1 << 20, Auth::new(config.auth.clone()));
        for text in SCHEMA {
            node.internal(text, &[]).unwrap();
        }
        for keyspace in ["orders", "in_memory"] {
            node.internal(&format!("CREATE TABLE {keyspace}.by_user {BY_USER}"), &[]).unwrap();
        }
        Self { node, _directory: directory }
    }

    pub fn storage(&self) -> &Arc<Storage> {
        self.node.coordinator().storage()
    }

    pub fn table(&self, keyspace: &str, name: &str) -> Arc<TableMetadata> {
        self.node.coordinator().schema().table(keyspace, name).unwrap().clone()
    }

    pub fn prepare(&self, text: &str) -> Prepared<'_> {
        let parsed = cql_grammar::parse_with_bindings(text).unwrap();
        let plan = plan(&parsed, &self.node.coordinator().schema(), None).unwrap().plan;
        Prepared { node: &self.node, plan }
    }

    /// Writes orders of users into the table, of a keyspace.
    pub fn fill(&self, keyspace: &str, users: std::ops::Range<u64>) {
        let text = format!(
            "INSERT INTO {keyspace}.by_user (user_id, at, order_id, status, amount) VALUES (?, ?, ?, ?, ?)"
        );
        let insert = self.prepare(&text);
        for user in users {
            for order in 0..ORDERS_OF_A_USER {
                insert.run(&by_user(user, order));
            }
        }
        self.storage().write_out().unwrap();
    }
}

/// A prepared statement of a node.
pub struct Prepared<'a> {
    node: &'a Node,
    plan: Plan,
}

impl Prepared<'_> {
    pub fn run(&self, options: &QueryOptions) -> Outcome {
        let version = ProtocolVersion::V4;
        let context =
            ExecutionContext::new(self.node.coordinator(), options, version, None, IoMode::Blocking);
        self.plan.execute(&context, &options.values).unwrap()
    }
}

pub fn uuid(high: u64, low: u64) -> [u8; 16] {
    ((u128::from(high) << 64) | u128::from(low)).to_be_bytes()
}

pub fn options(values: &[&[u8]]) -> QueryOptions {
    let values = Values::copy_from(values.iter().map(|&value| Value::Bytes(value)));
    QueryOptions { values, skip_metadata: true, ..QueryOptions::with_consistency(Consistency::LocalOne) }
}

/// The values of a row of `by_user`.
pub fn by_user(user: u64, order: u64) -> QueryOptions {
    let (at, amount) = ((1_700_000_000_000 + order).to_be_bytes(), order.to_be_bytes());
    options(&[&uuid(1, user), &at, &uuid(2, order), b"PENDING", &amount])
}
