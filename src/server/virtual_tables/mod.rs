//! The rows of `system_views` and `system_virtual_schema`: the state of the node as tables (Cassandra: package
//! `db.virtual`).
//!
//! A table of which this node has nothing to tell is empty, as it is in Cassandra as long as nothing of its kind
//! happened.

mod data_set;
mod measured;
mod mutable;
mod sources;
mod store;

use std::sync::Arc;

use crate::config::Config;
use crate::cql::node::Node;
use crate::schema::TableMetadata;
use crate::schema::system;
use crate::storage::VirtualTable;
use crate::storage::model::{DecoratedKey, PartitionResult, PartitionUpdate};
use data_set::DataSet;
use mutable::Forgets;
use sources::Sources;

/// Fills a data set with the rows that there are now.
type Fill = fn(&Sources, &mut DataSet);

/// A virtual table whose rows are computed whenever they are read.
struct Computed {
    table: Arc<TableMetadata>,
    sources: Arc<Sources>,
    fill: Fill,
    /// What a deletion of its rows means; none where nothing of it may be changed.
    forgets: Option<Forgets>,
}

impl VirtualTable for Computed {
    fn rows(&self, filter: Option<&DecoratedKey>) -> Vec<PartitionResult> {
        let mut rows = DataSet::new(self.table.clone());
        (self.fill)(&self.sources, &mut rows);
        let mut partitions = rows.finish();
        if let Some(key) = filter {
            partitions.retain(|partition| partition.key == *key);
        }
        partitions
    }

    fn apply(&self, update: &PartitionUpdate) -> Result<(), String> {
        match &self.forgets {
            Some(forgets) => forgets.apply(&self.sources, update),
            None => Err(mutable::refusal("Modification", &self.table)),
        }
    }

    fn truncate(&self) -> Result<(), String> {
        let forgets = self.forgets.as_ref().ok_or_else(|| mutable::refusal("Truncation", &self.table))?;
        forgets.everything(&self.sources);
        Ok(())
    }
}

/// Puts rows behind every virtual table.
pub(super) fn register(node: &Arc<Node>, config: &Arc<Config>) {
    let storage = node.coordinator().storage().clone();
    let schema = node.coordinator().schema();
    let sources = Arc::new(Sources::new(node, config));
    for keyspace in system::VIRTUAL.iter().filter_map(|name| schema.keyspace(name)) {
        for table in keyspace.tables.values() {
            let fill = fill_of(&table.keyspace, &table.name);
            let forgets = Forgets::of(table);
            let computed = Computed { table: table.clone(), sources: sources.clone(), fill, forgets };
            storage.register_virtual_table(table.id, Arc::new(computed));
        }
    }
}

fn fill_of(keyspace: &str, table: &str) -> Fill {
    match (keyspace, table) {
        (system::SYSTEM_VIRTUAL_SCHEMA, "keyspaces") => sources::virtual_keyspaces,
        (system::SYSTEM_VIRTUAL_SCHEMA, "tables") => sources::virtual_tables,
        (system::SYSTEM_VIRTUAL_SCHEMA, "columns") => sources::virtual_columns,
        (_, "settings") => sources::settings,
        (_, "clients") => sources::clients,
        (_, "credentials_cache_keys") => sources::credentials_cache_keys,
        (_, "roles_cache_keys") => sources::roles_cache_keys,
        (_, "permissions_cache_keys") => sources::permissions_cache_keys,
        (_, "network_permissions_cache_keys") => sources::network_permissions_cache_keys,
        (_, "caches") => measured::caches,
        (_, "gossip_info") => sources::gossip_info,
        (_, "cql_metrics") => measured::cql_metrics,
        (_, "batch_metrics") => measured::batch_metrics,
        (_, "cidr_filtering_metrics_counts") => measured::cidr_counts,
        (_, "cidr_filtering_metrics_latencies") => measured::cidr_latencies,
        (_, "local_read_latency") => measured::local_read_latency,
        (_, "local_scan_latency") => measured::local_scan_latency,
        (_, "local_write_latency") => measured::local_write_latency,
        (_, "coordinator_read_latency") => measured::coordinator_read_latency,
        (_, "coordinator_scan_latency") => measured::coordinator_scan_latency,
        (_, "coordinator_write_latency") => measured::coordinator_write_latency,
        (_, "rows_per_read") => measured::rows_per_read,
        (_, "tombstones_per_read") => measured::tombstones_per_read,
        (_, "thread_pools") => measured::thread_pools,
        (_, "max_sstable_duration") => store::max_sstable_duration,
        (_, "disk_usage") => store::disk_usage,
        (_, "max_partition_size") => store::max_partition_size,
        (_, "max_sstable_size") => store::max_sstable_size,
        (_, "snapshots") => store::snapshots,
        (_, "sstable_tasks") => store::sstable_tasks,
        (_, "queries") => sources::queries,
        (_, "system_properties") => sources::system_properties,
        _ => |_, _| {},
    }
}
