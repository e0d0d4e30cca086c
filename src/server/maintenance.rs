//! What nodetool asks of this node's files and of what works on them.

use std::sync::{Arc, Weak};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use futures::future::BoxFuture;

use super::admin::{NodeAdmin, blocking, blocking_for};
use super::logging;
use crate::cql::node::Node;
use crate::exec::describe::recreate;
use crate::nodetool::{
    AdminError, AdminResult, ClientInfo, Maintenance, Rewrite, SnapshotInfo, SnapshotRequest,
};
use crate::schema::{TableId, TableMetadata};
use crate::storage::lifecycle::Operation;
use crate::storage::sstable::{Component, SSTableReader, Version};
use crate::storage::{SnapshotOptions, Storage, StorageError};

/// `cassandra.snapshot.ttl_cleanup_period_seconds`
const SNAPSHOT_CLEANUP_PERIOD: Duration = Duration::from_secs(60);

/// The tables that are stored, with their keyspaces' names.
fn stored_tables(node: &Node) -> Vec<Arc<TableMetadata>> {
    let schema = node.coordinator().schema();
    let real = schema.keyspaces.values().filter(|keyspace| !keyspace.is_virtual);
    real.flat_map(|keyspace| keyspace.tables.values().cloned()).collect()
}

fn snapshots(node: &Node) -> Result<Vec<SnapshotInfo>, StorageError> {
    let storage = node.coordinator().storage();
    let mut found = Vec::new();
    for table in stored_tables(node) {
        for snapshot in storage.snapshots(table.id)? {
            let text = |key: &str| {
                let value = snapshot.manifest.as_ref().and_then(|manifest| manifest.get(key));
                value.and_then(|value| value.as_str()).map(str::to_owned)
            };
            let ephemeral = snapshot.manifest.as_ref().and_then(|manifest| manifest.get("ephemeral"));
            found.push(SnapshotInfo {
                created_at: text("created_at"),
                expires_at: text("expires_at"),
                ephemeral: ephemeral.and_then(serde_json::Value::as_bool) == Some(true),
                tag: snapshot.tag,
                keyspace: table.keyspace.clone(),
                table: table.name.clone(),
                true_size_bytes: snapshot.true_size,
                true_sstable_bytes: snapshot.true_size_of_sstables,
                size_on_disk_bytes: snapshot.size_on_disk,
            });
        }
    }
    found.sort();
    Ok(found)
}

fn clear(node: &Node, snapshots: &[SnapshotInfo]) -> Result<(), StorageError> {
    let schema = node.coordinator().schema();
    for snapshot in snapshots {
        if let Some(table) = schema.table(&snapshot.keyspace, &snapshot.table) {
            node.coordinator().storage().clear_snapshot(table.id, &snapshot.tag)?;
        }
    }
    Ok(())
}

/// Removes snapshots once their time is over, until the node is gone (Cassandra: `SnapshotManager`).
pub(super) async fn watch_snapshots(node: Weak<Node>) {
    loop {
        tokio::time::sleep(SNAPSHOT_CLEANUP_PERIOD).await;
        let Some(node) = node.upgrade() else { return };
        match tokio::task::spawn_blocking(move || clear_expired(&node)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "expired snapshots could not be removed"),
            Err(_) => return,
        }
    }
}

fn clear_expired(node: &Node) -> Result<(), StorageError> {
    let now = Utc::now();
    let expired = |snapshot: &SnapshotInfo| {
        let at = snapshot.expires_at.as_deref().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        at.is_some_and(|at| at <= now)
    };
    let mut all = snapshots(node)?;
    all.retain(expired);
    clear(node, &all)
}

/// A time as manifests have it.
fn instant(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

impl Maintenance for NodeAdmin {
    fn snapshot(&self, request: SnapshotRequest) -> BoxFuture<'_, AdminResult<()>> {
        let (node, schema) = (self.node().clone(), self.schema());
        let now = Utc::now();
        let expires_at = request
            .ttl_seconds
            .and_then(|seconds| i64::try_from(seconds).ok().and_then(TimeDelta::try_seconds))
            .map(|ttl| instant(now + ttl));
        let options =
            SnapshotOptions { tag: request.tag, flush: request.flush, created_at: instant(now), expires_at };
        let ids: Vec<_> =
            request.tables.iter().flat_map(|(keyspace, tables)| self.ids(keyspace, tables)).collect();
        blocking(move || {
            for id in ids {
                let cql = schema
                    .table_by_id(id)
                    .and_then(|table| Some(recreate(table, schema.keyspace(&table.keyspace)?)))
                    .unwrap_or_default();
                node.coordinator().storage().snapshot(id, &cql, &options)?;
            }
            Ok(())
        })
    }

    fn snapshots(&self) -> BoxFuture<'_, AdminResult<Vec<SnapshotInfo>>> {
        let node = self.node().clone();
        blocking_for(move || snapshots(&node))
    }

    fn clear_snapshots(&self, snapshots: Vec<SnapshotInfo>) -> BoxFuture<'_, AdminResult<()>> {
        let node = self.node().clone();
        blocking(move || clear(&node, &snapshots))
    }

    fn verify<'a>(
        &'a self,
        keyspace: &'a str,
        tables: &'a [String],
        extended: bool,
    ) -> BoxFuture<'a, AdminResult<()>> {
        let (storage, ids) = (self.storage().clone(), self.ids(keyspace, tables));
        blocking(move || ids.into_iter().try_for_each(|id| storage.verify(id, extended)))
    }

    fn rewrite<'a>(
        &'a self,
        keyspace: &'a str,
        tables: &'a [String],
        what: Rewrite,
    ) -> BoxFuture<'a, AdminResult<()>> {
        let (storage, ids) = (self.storage().clone(), self.ids(keyspace, tables));
        blocking(move || ids.into_iter().try_for_each(|id| rewrite(&storage, id, what)))
    }

    fn refresh<'a>(&'a self, keyspace: &'a str, table: &'a str) -> BoxFuture<'a, AdminResult<()>> {
        let (storage, ids) = (self.storage().clone(), self.ids(keyspace, &[table.to_owned()]));
        blocking(move || ids.into_iter().try_for_each(|id| storage.load_new_sstables(id).map(|_| ())))
    }

    fn compacts_by_itself(&self, keyspace: &str, tables: &[String]) -> Vec<(String, bool)> {
        let schema = self.schema();
        let ids = self.ids(keyspace, tables);
        let tables = ids.iter().filter_map(|id| schema.table_by_id(*id));
        tables.filter_map(|t| Some((t.name.clone(), self.storage().compacts_by_itself(t.id).ok()?))).collect()
    }

    fn set_compacts_by_itself(&self, keyspace: &str, tables: &[String], enabled: bool) {
        for id in self.ids(keyspace, tables) {
            // A table that was dropped meanwhile needs it no more.
            let _ = self.storage().set_compacts_by_itself(id, enabled);
        }
    }

    fn compaction_thresholds(&self, keyspace: &str, table: &str) -> (usize, usize) {
        let schema = self.schema();
        let params = schema.table(keyspace, table).map(|table| &table.params.compaction);
        params.map_or((0, 0), |params| (params.min_threshold(), params.max_threshold()))
    }

    fn set_compaction_throughput(&self, bytes: u64) {
        self.storage().compactions().throttle().set(bytes);
    }

    fn incremental_backups(&self) -> bool {
        self.storage().incremental_backups()
    }

    fn set_incremental_backups(&self, enabled: bool) {
        self.storage().set_incremental_backups(enabled);
    }

    fn clients(&self) -> Vec<ClientInfo> {
        let client = |client: &Arc<crate::cql::Client>| ClientInfo {
            address: client.address,
            tls: client.tls.as_ref().map(|tls| (tls.protocol.clone(), tls.cipher_suite.clone())),
            version: client.version.number(),
            user: client.username().map_or_else(|| "anonymous".to_owned(), |name| name.to_string()),
            keyspace: client.keyspace().map(|name| name.to_string()),
            requests: client.request_count(),
            driver_name: client.driver_name().map(str::to_owned),
            driver_version: client.driver_version().map(str::to_owned),
            options: client.options.clone().into_iter().collect(),
        };
        self.node().clients().all().iter().map(client).collect()
    }

    fn logging_levels(&self) -> AdminResult<Vec<(String, String)>> {
        logging::all().map_err(AdminError::Failed)
    }

    fn set_logging_level(&self, logger: &str, level: &str) -> AdminResult<()> {
        logging::set(logger, level).map_err(AdminError::Failed)
    }

    fn set_older_protocols(&self, allowed: bool) {
        self.transport().governor().set_allow_older(allowed);
    }
}

fn rewrite(storage: &Storage, table: TableId, what: Rewrite) -> Result<(), StorageError> {
    let (operation, all, before_ms) = match what {
        Rewrite::Scrub => (Operation::Scrub, true, i64::MAX),
        Rewrite::Upgrade { all, before_ms } => (Operation::UpgradeSstables, all, before_ms),
    };
    let is_old = |sstable: &SSTableReader| {
        let made =
            || storage.fs().modified_ms(&sstable.descriptor().path(Component::Data)).unwrap_or(i64::MIN);
        (all || sstable.descriptor().version != Version::CURRENT)
            && (before_ms == i64::MAX || made() < before_ms)
    };
    storage.rewrite(table, operation, is_old)
}
