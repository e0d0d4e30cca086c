//! The state of a table, as `nodetool tablestats` shows it.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::metrics::Histogram;
use crate::nodetool::TableStats;
use crate::storage::compaction::{Candidate, Strategy};
use crate::storage::{Storage, TableStore};

/// The state of one table.
pub(super) fn of(name: &str, store: &TableStore, storage: &Storage) -> TableStats {
    let mut stats = TableStats::empty(name);
    let sstables = store.files().sstables();
    let now_in_seconds = storage.clock().seconds();
    let gc_before = now_in_seconds - i64::from(store.metadata().params.gc_grace_seconds);
    stats.sstable_count = sstables.len() as u64;
    stats.space_used_live_bytes = store.files().bytes_on_disk();
    stats.space_used_total_bytes = stats.space_used_live_bytes;
    let memtables = store.memtables();
    stats.memtable_cell_count = memtables.iter().map(|m| m.operations()).sum();
    stats.memtable_data_size_bytes = store.memtable_bytes();
    stats.partitions_estimate = memtables.iter().map(|m| m.partition_count() as u64).sum();
    let (mut compressed, mut uncompressed, mut droppable) = (0u64, 0u64, 0.0);
    let (mut smallest, mut largest, mut total, mut partitions) = (i64::MAX, 0i64, 0i64, 0i64);
    for sstable in sstables.iter() {
        let (summary, filter) = sstable.memory_size();
        stats.max_sstable_size_bytes = stats.max_sstable_size_bytes.max(sstable.bytes_on_disk());
        stats.partitions_estimate += sstable.estimated_partitions();
        stats.bloom_filter_space_bytes += sstable.bloom_filter_bytes() as u64;
        stats.bloom_filter_memory_bytes += filter as u64;
        stats.index_summary_memory_bytes += summary as u64;
        compressed += sstable.data_bytes_on_disk();
        uncompressed += sstable.uncompressed_bytes();
        droppable += sstable.stats().droppable_tombstone_ratio(gc_before);
        let sizes = &sstable.stats().partition_sizes;
        let used = sizes.offsets().iter().zip(sizes.buckets()).find(|(_, count)| **count > 0);
        smallest = smallest.min(used.map_or(0, |(size, _)| *size));
        largest = largest.max(sizes.max());
        total += sizes.mean() * sizes.count();
        partitions += sizes.count();
    }
    if !sstables.is_empty() {
        stats.sstable_compression_ratio = compressed as f64 / uncompressed.max(1) as f64;
        stats.droppable_tombstone_ratio = droppable / sstables.len() as f64;
        stats.partition_minimum_bytes = smallest.unsigned_abs();
        stats.partition_maximum_bytes = largest.unsigned_abs();
        stats.partition_mean_bytes = (total / partitions.max(1)).unsigned_abs();
        stats.bytes_unrepaired = uncompressed;
        stats.percent_repaired = 0.0;
    }
    let counters = &store.counters;
    stats.read_count = counters.reads.load(Ordering::Relaxed);
    stats.write_count = counters.writes.load(Ordering::Relaxed);
    let (metrics, now) = (&store.metrics, Instant::now());
    let mean = |histogram: &Histogram| histogram.recent(now).mean().map(|ns| Duration::from_nanos(ns as u64));
    stats.recent_read_latency = mean(&metrics.local_read);
    stats.recent_write_latency = mean(&metrics.local_write);
    stats.read_time = Duration::from_nanos(metrics.local_read.total());
    stats.write_time = Duration::from_nanos(metrics.local_write.total());
    let slices = |histogram: &Histogram| {
        let recent = histogram.recent(now);
        recent.mean().map(|mean| (mean, recent.max()))
    };
    stats.live_cells_per_slice = slices(&metrics.rows_per_read);
    stats.tombstones_per_slice = slices(&metrics.tombstones_per_read);
    let candidates = Candidate::all(&sstables, &sstables);
    if let Some(levels) = Strategy::new(&store.metadata().params.compaction).levels(&candidates) {
        let bytes =
            |level: &Vec<usize>| level.iter().filter_map(|i| candidates.get(*i)).map(|c| c.bytes).sum();
        stats.sstables_in_each_level = Some(levels.iter().map(|level| level.len() as u64).collect());
        stats.sstable_bytes_in_each_level = Some(levels.iter().map(bytes).collect());
    }
    stats.memtable_switch_count = counters.flushes.load(Ordering::Relaxed);
    stats.pending_flushes = counters.pending_flushes.load(Ordering::Relaxed);
    stats
}

/// Bytes of all data files.
pub(super) fn load_bytes(storage: &Storage) -> u64 {
    storage.tables().iter().map(|store| store.files().bytes_on_disk()).sum()
}

/// What the SSTables of all tables come to.
#[derive(Debug, Default)]
pub(super) struct Totals {
    /// Bytes of their data before compression.
    pub uncompressed_bytes: u64,
    /// Bytes of their summaries and filters in memory.
    pub memory_bytes: u64,
    /// How much of the data is repaired, in per cent: all, where there is none.
    pub percent_repaired: f64,
}

/// Adds up all SSTables. Nothing is ever repaired here, with one node.
pub(super) fn totals(storage: &Storage) -> Totals {
    let mut totals = Totals::default();
    for store in storage.tables() {
        for sstable in store.files().sstables().iter() {
            let (summary, filter) = sstable.memory_size();
            totals.uncompressed_bytes += sstable.uncompressed_bytes();
            totals.memory_bytes += (summary + filter) as u64;
        }
    }
    totals.percent_repaired = if totals.uncompressed_bytes == 0 { 100.0 } else { 0.0 };
    totals
}
