//! What is measured of tables, batches and statements (Cassandra: `TableMetrics`, `BatchMetrics`, `CQLMetrics`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::Histogram;

/// What is measured of one table. Times are nanoseconds.
#[derive(Debug, Default)]
pub struct TableMetrics {
    /// Reads of partitions at this replica.
    pub local_read: Histogram,
    /// Reads of ranges of partitions at this replica.
    pub local_scan: Histogram,
    /// Updates at this replica.
    pub local_write: Histogram,
    /// Reads of partitions that this node coordinated.
    pub coordinator_read: Histogram,
    /// Reads of ranges that this node coordinated.
    pub coordinator_scan: Histogram,
    /// Writes that this node coordinated.
    pub coordinator_write: Histogram,
    /// Tombstones that one read found.
    pub tombstones_per_read: Histogram,
    /// Live rows that one read found.
    pub rows_per_read: Histogram,
    /// SSTables that the read of one partition looked into.
    pub sstables_per_read: Histogram,
}

impl TableMetrics {
    fn all(&self) -> [&Histogram; 9] {
        [
            &self.local_read,
            &self.local_scan,
            &self.local_write,
            &self.coordinator_read,
            &self.coordinator_scan,
            &self.coordinator_write,
            &self.tombstones_per_read,
            &self.rows_per_read,
            &self.sstables_per_read,
        ]
    }

    /// To be called about every minute.
    pub fn tick(&self, now: Instant) {
        self.all().into_iter().for_each(|histogram| histogram.tick(now));
    }
}

/// The partitions that batches write to, by their kind.
#[derive(Debug, Default)]
pub struct BatchMetrics {
    /// Of logged batches.
    pub logged: Histogram,
    /// Of unlogged batches.
    pub unlogged: Histogram,
    /// Of counter batches.
    pub counter: Histogram,
}

impl BatchMetrics {
    /// To be called about every minute.
    pub fn tick(&self, now: Instant) {
        [&self.logged, &self.unlogged, &self.counter].into_iter().for_each(|histogram| histogram.tick(now));
    }
}

/// How statements come.
#[derive(Debug, Default)]
pub struct CqlMetrics {
    /// Prepared statements that were run.
    pub prepared_executed: AtomicU64,
    /// Statements that were run from their text.
    pub regular_executed: AtomicU64,
    /// Prepared statements that went to make room for others.
    pub prepared_evicted: AtomicU64,
}

impl CqlMetrics {
    /// The share of prepared statements among those that were run.
    pub fn prepared_ratio(&self) -> f64 {
        let prepared = self.prepared_executed.load(Ordering::Relaxed) as f64;
        let all = prepared + self.regular_executed.load(Ordering::Relaxed) as f64;
        if all > 0.0 { prepared / all } else { 0.0 }
    }
}
