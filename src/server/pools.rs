//! The pools of threads and tasks, by the names of those that do the same in Cassandra (`ThreadPoolMetrics`).

use std::sync::atomic::Ordering;

use crate::cql::node::Node;
use crate::metrics::TableMetrics;
use crate::storage::TableCounters;

/// A pool, and what it did.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    /// Its name.
    pub name: &'static str,
    /// Tasks that run.
    pub active: u64,
    /// How many may run at once; 0 where they run on connections' tasks, or where there are none.
    pub limit: u64,
    /// Tasks that wait.
    pub pending: u64,
    /// Tasks that ended.
    pub completed: u64,
}

/// Pools that Cassandra has from its start on, and whose work is not done here, or not by threads of its own.
const IDLE: [&str; 11] = [
    "CacheCleanupExecutor",
    "GossipStage",
    "HintsDispatcher",
    "MigrationStage",
    "PendingRangeCalculator",
    "Sampler",
    "SecondaryIndexExecutor",
    "SecondaryIndexManagement",
    "StatusPropagationExecutor",
    "ValidationExecutor",
    "ViewBuildExecutor",
];

/// All pools.
pub(super) fn pools(node: &Node) -> Vec<Pool> {
    let (storage, requests, logins) = (node.coordinator().storage(), node.metrics(), node.auth().logins());
    let tables = storage.tables();
    let count = |which: fn(&TableMetrics) -> u64| tables.iter().map(|store| which(&store.metrics)).sum();
    let sum = |which: fn(&TableCounters) -> u64| tables.iter().map(|store| which(&store.counters)).sum();
    let pool = |name, active, limit, pending, completed| Pool { name, active, limit, pending, completed };
    let compactions = storage.compactions();
    let pending: usize = tables.iter().map(|store| compactions.pending(&**store)).sum();
    let (compactors, writers) =
        (storage.options().concurrent_compactors as u64, storage.options().memtables.flush_writers as u64);
    let flushing = sum(|counters| counters.pending_flushes.load(Ordering::Relaxed));
    let flushes = sum(|counters| counters.flushes.load(Ordering::Relaxed));
    let statements = requests.prepared_executed.load(Ordering::Relaxed)
        + requests.regular_executed.load(Ordering::Relaxed);
    let (running, completed) = (compactions.running().len() as u64, compactions.completed() as u64);
    let mut pools = vec![
        pool("MutationStage", 0, 0, 0, count(|metrics| metrics.local_write.count())),
        pool("ReadStage", 0, 0, 0, count(|metrics| metrics.local_read.count() + metrics.local_scan.count())),
        pool("CompactionExecutor", running, compactors, pending as u64, completed),
        pool("MemtableFlushWriter", flushing, writers, 0, flushes),
        pool("PerDiskMemtableFlushWriter_0", flushing, writers, 0, flushes),
        pool("MemtablePostFlush", 0, 1, 0, flushes),
        pool("MemtableReclaimMemory", 0, 1, 0, flushes),
        pool("Native-Transport-Requests", node.running().len() as u64, 0, 0, statements),
        pool("Native-Transport-Auth-Requests", logins.active, logins.limit, 0, logins.completed),
    ];
    pools.extend(IDLE.iter().map(|name| pool(name, 0, 0, 0, 0)));
    pools
}
