//! What nodetool asks of this node.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::compactions;
use super::sstables;
use super::table_stats;
use super::transport::Transport;
use crate::cluster::local_node::{PARTITIONER, RELEASE_VERSION};
use crate::cluster::timeouts::TimeoutKind;
use crate::config::Config;
use crate::cql::node::Node;
use crate::nodetool::{
    Admin, AdminError, AdminResult, CompactionInfo, KeyspaceInfo, Maintenance, Measures, NodeInfo, NodeState,
    RingNode, Roles, Selection, TableStats,
};
use crate::schema::{Schema, TableId, system};
use crate::storage::{Demand, Storage, StorageError};

/// This node, as nodetool sees it.
pub(super) struct NodeAdmin {
    node: Arc<Node>,
    config: Arc<Config>,
    transport: Arc<Transport>,
    stop_requested: Arc<Notify>,
    started: Instant,
    generation: i64,
    state: Mutex<State>,
}

/// What commands change.
struct State {
    mode: &'static str,
    trace_probability: f64,
}

impl NodeAdmin {
    pub(super) fn new(
        node: Arc<Node>,
        config: Arc<Config>,
        transport: Arc<Transport>,
        stop_requested: Arc<Notify>,
    ) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let state = State { mode: "NORMAL", trace_probability: 0.0 };
        Self {
            node,
            config,
            transport,
            stop_requested,
            started: Instant::now(),
            generation: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            state: Mutex::new(state),
        }
    }

    pub(super) fn node(&self) -> &Arc<Node> {
        &self.node
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.transport
    }

    pub(super) fn storage(&self) -> &Arc<Storage> {
        self.node.coordinator().storage()
    }

    pub(super) fn schema(&self) -> Arc<Schema> {
        self.node.coordinator().schema()
    }

    /// The ids of these tables of a keyspace, or of all of its tables.
    pub(super) fn ids(&self, keyspace: &str, tables: &[String]) -> Vec<TableId> {
        let schema = self.schema();
        let Some(metadata) = schema.keyspace(keyspace) else { return Vec::new() };
        let wanted = |name: &String| tables.is_empty() || tables.contains(name);
        metadata.tables.iter().filter(|(name, _)| wanted(name)).map(|(_, table)| table.id).collect()
    }

    /// Runs something on these tables, on a thread that may block.
    fn on_tables(
        &self,
        ids: Vec<TableId>,
        run: fn(&Storage, TableId) -> Result<(), StorageError>,
    ) -> BoxFuture<'static, AdminResult<()>> {
        let storage = self.storage().clone();
        blocking(move || ids.into_iter().try_for_each(|id| run(&storage, id)))
    }
}

/// Runs something on a thread that may block.
pub(super) fn blocking(
    run: impl FnOnce() -> Result<(), StorageError> + Send + 'static,
) -> BoxFuture<'static, AdminResult<()>> {
    blocking_for(run)
}

/// The same, where something comes of it.
pub(super) fn blocking_for<T: Send + 'static>(
    run: impl FnOnce() -> Result<T, StorageError> + Send + 'static,
) -> BoxFuture<'static, AdminResult<T>> {
    async move {
        match tokio::task::spawn_blocking(run).await {
            Ok(result) => result.map_err(|e| AdminError::Failed(e.to_string())),
            Err(error) => Err(AdminError::Failed(error.to_string())),
        }
    }
    .boxed()
}

/// The timeout that nodetool knows under this name.
fn timeout_kind(name: &str) -> Option<TimeoutKind> {
    Some(match name {
        "read" => TimeoutKind::Read,
        "range" => TimeoutKind::Range,
        "write" => TimeoutKind::Write,
        "counterwrite" => TimeoutKind::CounterWrite,
        "cascontention" => TimeoutKind::CasContention,
        "truncate" => TimeoutKind::Truncate,
        "misc" => TimeoutKind::Misc,
        _ => return None,
    })
}

/// Bytes of memory that the process has, by `/proc/self/statm`; 0 where there is none.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

impl Admin for NodeAdmin {
    fn maintenance(&self) -> &dyn Maintenance {
        self
    }

    fn roles(&self) -> &dyn Roles {
        self
    }

    fn measures(&self) -> &dyn Measures {
        self
    }

    fn node(&self) -> NodeInfo {
        let coordinator = self.node.coordinator();
        let local = coordinator.node();
        let totals = table_stats::totals(self.storage());
        let memtables: u64 = self.storage().tables().iter().map(|store| store.memtable_bytes()).sum();
        NodeInfo {
            host_id: local.host_id,
            cluster_name: self.config.cluster_name.clone(),
            snitch: self.config.snitch.clone(),
            partitioner: PARTITIONER.to_owned(),
            datacenter: local.datacenter.clone(),
            rack: local.rack.clone(),
            release_version: RELEASE_VERSION.to_owned(),
            schema_version: self.schema().version,
            generation: self.generation,
            uptime: self.started.elapsed(),
            // Where a disk failed it is stopped together with the port for clients.
            gossip_active: matches!(*self.storage().failures().demands().borrow(), Demand::Nothing),
            native_transport_active: self.transport.is_running(),
            native_address: self.transport.ports().next().map(|(address, _)| address),
            load_bytes: table_stats::load_bytes(self.storage()),
            uncompressed_load_bytes: totals.uncompressed_bytes,
            table_memory_bytes: totals.memory_bytes + memtables,
            memory_used_bytes: resident_bytes(),
            memory_limit_bytes: self.config.memtable_space_bytes + self.config.chunk_cache_bytes,
            mode: self.state.lock().mode.to_owned(),
            percent_repaired: totals.percent_repaired,
            seeds: self.config.seeds.clone(),
            default_keyspace_rf: self.config.default_keyspace_rf,
            compaction_throughput_bytes: self.storage().compactions().throttle().get(),
            ..NodeInfo::default()
        }
    }

    fn ring(&self) -> Vec<RingNode> {
        let local = self.node.coordinator().node();
        vec![RingNode {
            address: SocketAddr::new(local.broadcast_address, local.storage_port),
            host_id: local.host_id,
            datacenter: local.datacenter.clone(),
            rack: local.rack.clone(),
            up: true,
            state: NodeState::Normal,
            load_bytes: Some(table_stats::load_bytes(self.storage())),
            tokens: local.tokens.clone(),
            schema_version: self.schema().version,
            release_version: RELEASE_VERSION.to_owned(),
        }]
    }

    fn keyspaces(&self) -> Vec<KeyspaceInfo> {
        let schema = self.schema();
        let real = schema.keyspaces.values().filter(|k| !k.is_virtual);
        real.map(|keyspace| {
            let replication = &keyspace.params.replication;
            let class = replication.class.rsplit('.').next().unwrap_or_default();
            KeyspaceInfo {
                name: keyspace.name.clone(),
                replication_class: class.to_owned(),
                replication_options: replication.options.clone().into_iter().collect(),
                user: !system::is_system_keyspace(&keyspace.name),
                tables: keyspace.tables.keys().cloned().collect(),
            }
        })
        .collect()
    }

    fn table_stats(&self, keyspace: &str, tables: &[String]) -> Vec<TableStats> {
        let schema = self.schema();
        let stats = |name: &String| {
            let table = schema.table(keyspace, name);
            match table.and_then(|table| self.storage().table(table.id)) {
                Some(store) => table_stats::of(name, &store, self.storage()),
                None => TableStats::empty(name.clone()),
            }
        };
        tables.iter().map(stats).collect()
    }

    fn compactions(&self) -> BoxFuture<'_, AdminResult<CompactionInfo>> {
        let node = self.node.clone();
        blocking_for(move || compactions::of(&node))
    }

    fn flush<'a>(&'a self, keyspace: &'a str, tables: &'a [String]) -> BoxFuture<'a, AdminResult<()>> {
        self.on_tables(self.ids(keyspace, tables), Storage::flush)
    }

    fn compact<'a>(
        &'a self,
        keyspace: &'a str,
        tables: &'a [String],
        selection: Selection,
    ) -> BoxFuture<'a, AdminResult<()>> {
        let storage = self.storage().clone();
        let ids = self.ids(keyspace, tables);
        match selection {
            // Every strategy here says itself how large its SSTables are.
            Selection::All { .. } => self.on_tables(ids, Storage::compact),
            Selection::Tokens(start, end) => {
                blocking(move || sstables::compact_tokens(&storage, &ids, start, end))
            }
            Selection::Partition(key) => blocking(move || sstables::compact_partition(&storage, &ids, &key)),
        }
    }

    fn compact_files<'a>(&'a self, files: &'a [String]) -> BoxFuture<'a, AdminResult<()>> {
        let (storage, files) = (self.storage().clone(), files.to_vec());
        blocking(move || sstables::compact_files(&storage, &files))
    }

    fn drain(&self) -> BoxFuture<'_, AdminResult<()>> {
        async move {
            self.state.lock().mode = "DRAINING";
            self.transport.stop().await;
            let storage = self.storage().clone();
            blocking(move || storage.drain()).await?;
            self.state.lock().mode = "DRAINED";
            Ok(())
        }
        .boxed()
    }

    fn stop_daemon(&self) {
        self.stop_requested.notify_one();
    }

    fn set_native_transport(&self, running: bool) -> BoxFuture<'_, AdminResult<()>> {
        async move {
            if !running {
                self.transport.stop().await;
                return Ok(());
            }
            let mode = self.state.lock().mode;
            let what = match mode {
                "DRAINING" => "is draining",
                "DRAINED" => "was drained",
                _ => return self.transport.start().await.map_err(|e| AdminError::Failed(e.to_string())),
            };
            Err(AdminError::Failed(format!("Unable to start native transport because the node {what}.")))
        }
        .boxed()
    }

    fn reload_certificates(&self) -> BoxFuture<'_, AdminResult<()>> {
        let transport = self.transport.clone();
        async move {
            tokio::task::spawn_blocking(move || transport.reload_certificates(true))
                .await
                .map_err(|e| AdminError::Failed(e.to_string()))
        }
        .boxed()
    }

    fn timeout(&self, kind: &str) -> Option<Duration> {
        Some(self.node.coordinator().settings().timeouts.get(timeout_kind(kind)?))
    }

    fn set_timeout(&self, kind: &str, timeout: Duration) -> bool {
        let Some(kind) = timeout_kind(kind) else { return false };
        self.node.coordinator().settings().timeouts.set(kind, timeout);
        if kind == TimeoutKind::Write {
            self.storage().set_memory_wait(timeout);
        }
        true
    }

    fn trace_probability(&self) -> f64 {
        self.state.lock().trace_probability
    }

    fn set_trace_probability(&self, probability: f64) {
        self.state.lock().trace_probability = probability;
    }

    fn sstables<'a>(
        &'a self,
        keyspace: &'a str,
        table: &'a str,
        key: &'a str,
        is_hex: bool,
    ) -> BoxFuture<'a, AdminResult<Vec<(u32, String)>>> {
        let (storage, key) = (self.storage().clone(), key.to_owned());
        let id = self.ids(keyspace, &[table.to_owned()]).first().copied();
        async move {
            let Some(id) = id else { return Ok(Vec::new()) };
            let found =
                tokio::task::spawn_blocking(move || sstables::with_key(&storage, id, &key, is_hex)).await;
            match found {
                Ok(found) => found.map_err(|e| AdminError::Failed(e.to_string())),
                Err(error) => Err(AdminError::Failed(error.to_string())),
            }
        }
        .boxed()
    }

    fn has_levels(&self, keyspace: &str, table: &str) -> bool {
        let schema = self.schema();
        let table = schema.table(keyspace, table);
        table.is_some_and(|table| table.params.compaction.class.ends_with("LeveledCompactionStrategy"))
    }

    fn endpoints(&self, _keyspace: &str, _table: &str, _key: &str) -> AdminResult<Vec<IpAddr>> {
        Ok(vec![self.node.coordinator().node().broadcast_address])
    }

    fn data_paths(&self, keyspace: &str, table: &str) -> Vec<String> {
        let schema = self.schema();
        let Some(table) = schema.table(keyspace, table) else { return Vec::new() };
        let id = table.id.0.simple();
        let directory = |data: &std::path::PathBuf| data.join(keyspace).join(format!("{}-{id}", table.name));
        self.config.data_directories.iter().map(|d| directory(d).display().to_string()).collect()
    }
}
