//! What this node measures, as nodetool shows it.

use std::time::Instant;

use super::admin::NodeAdmin;
use super::pools::{Pool, pools};
use crate::metrics::{Histogram, Recent, TableMetrics};
use crate::nodetool::{Measures, Percentiles, PoolStats, TableHistograms};
use crate::storage::sstable::EstimatedHistogram;

const SHARES: [f64; 5] = [0.5, 0.75, 0.95, 0.98, 0.99];

/// What was recorded lately, divided by `unit`.
fn percentiles(recent: &Recent, unit: f64) -> Percentiles {
    let [a, b, c, d, e] = SHARES.map(|share| recent.percentile(share) / unit);
    [a, b, c, d, e, recent.min() as f64 / unit, recent.max() as f64 / unit]
}

const NANOSECONDS_PER_MICRO: f64 = 1000.0;

/// The histograms of several SSTables as one, of which the percentiles are the upper ends of buckets
/// (Cassandra: `EstimatedHistogram`).
fn estimated<'a>(histograms: impl Iterator<Item = &'a EstimatedHistogram>) -> Option<Percentiles> {
    let (mut offsets, mut counts): (&[i64], Vec<i64>) = (&[], Vec::new());
    for histogram in histograms {
        if histogram.offsets().len() > offsets.len() {
            offsets = histogram.offsets();
        }
        counts.resize(counts.len().max(histogram.buckets().len()), 0);
        counts.iter_mut().zip(histogram.buckets()).for_each(|(count, more)| *count += more);
    }
    let end = |bucket: usize| offsets.get(bucket).or(offsets.last()).copied().unwrap_or(0) as f64;
    let total: i64 = counts.iter().sum();
    let least = counts.iter().position(|count| *count > 0)?;
    let greatest = counts.iter().rposition(|count| *count > 0)?;
    let share = |share: f64| {
        let wanted = (total as f64 * share).ceil() as i64;
        let mut seen = 0;
        let reached = |count: &i64| {
            seen += count;
            seen >= wanted
        };
        counts.iter().position(reached).map_or(0.0, end)
    };
    let min = if least == 0 { 0.0 } else { end(least - 1) + 1.0 };
    let [a, b, c, d, e] = SHARES.map(share);
    Some([a, b, c, d, e, min, end(greatest)])
}

impl Measures for NodeAdmin {
    fn coordinator_latencies(&self) -> [Percentiles; 3] {
        let (tables, now) = (self.storage().tables(), Instant::now());
        let all = |which: fn(&TableMetrics) -> &Histogram| {
            let recent = tables.iter().map(|store| which(&store.metrics).recent(now));
            let sum = recent.reduce(|sum, next| sum.plus(&next));
            sum.map_or([0.0; 7], |sum| percentiles(&sum, NANOSECONDS_PER_MICRO))
        };
        [
            all(|metrics| &metrics.coordinator_read),
            all(|metrics| &metrics.coordinator_write),
            all(|metrics| &metrics.coordinator_scan),
        ]
    }

    fn table_histograms(&self, keyspace: &str, table: &str) -> TableHistograms {
        let schema = self.schema();
        let store = schema.table(keyspace, table).and_then(|table| self.storage().table(table.id));
        let Some(store) = store else { return TableHistograms::default() };
        let (metrics, now) = (&store.metrics, Instant::now());
        let sstables = store.files().sstables();
        let sizes = estimated(sstables.iter().map(|sstable| &sstable.stats().partition_sizes));
        let cells = estimated(sstables.iter().map(|sstable| &sstable.stats().cell_counts));
        TableHistograms {
            read: percentiles(&metrics.local_read.recent(now), NANOSECONDS_PER_MICRO),
            write: percentiles(&metrics.local_write.recent(now), NANOSECONDS_PER_MICRO),
            sstables: percentiles(&metrics.sstables_per_read.recent(now), 1.0),
            partitions: sizes.zip(cells),
        }
    }

    fn pools(&self) -> Vec<PoolStats> {
        let stats = |pool: Pool| PoolStats {
            name: pool.name.to_owned(),
            active: pool.active,
            pending: pool.pending,
            completed: pool.completed,
        };
        pools(self.node()).into_iter().map(stats).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_ends_of_buckets() {
        assert_eq!(estimated([].into_iter()), None);
        let mut one = EstimatedHistogram::partition_sizes();
        assert_eq!(estimated([&one].into_iter()), None);
        for value in [1, 5, 100, 100] {
            one.add(value);
        }
        let mut other = EstimatedHistogram::partition_sizes();
        other.add(1000);
        // As Cassandra's buckets are: 103 holds 87 to 103, 1109 holds 925 to 1109.
        let found = estimated([&one, &other].into_iter());
        assert_eq!(found, Some([103.0, 103.0, 1109.0, 1109.0, 1109.0, 0.0, 1109.0]));
    }
}
