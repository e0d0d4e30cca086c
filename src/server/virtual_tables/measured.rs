//! Virtual tables of what is measured: latencies, sizes of answers, caches, pools (Cassandra: `TableMetricTables`,
//! `CachesTable`, `ThreadPoolsTable`, `CQLMetricsTable`, `BatchMetricsTable`, `CIDRFilteringMetricsTable`).

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::data_set::{DataSet, NewRow};
use super::sources::Sources;
use crate::metrics::{Histogram, TableMetrics};
use crate::server::pools::pools;

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn narrow(value: u64) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// A row for each table.
fn each_table(
    sources: &Sources,
    rows: &mut DataSet,
    which: fn(&TableMetrics) -> &Histogram,
    fill: fn(NewRow, &Histogram) -> NewRow,
) {
    let Some(storage) = sources.storage() else { return };
    for store in storage.tables() {
        let table = store.metadata();
        let row = NewRow::default()
            .set("keyspace_name", table.keyspace.as_str())
            .set("table_name", table.name.as_str());
        rows.add(fill(row, which(&store.metrics)));
    }
}

fn latency(row: NewRow, histogram: &Histogram) -> NewRow {
    let recent = histogram.recent(Instant::now());
    let ms = |nanoseconds: f64| nanoseconds / 1_000_000.0;
    row.set("count", signed(recent.all))
        .set("max_ms", ms(recent.max() as f64))
        .set("p50th_ms", ms(recent.percentile(0.5)))
        .set("p99th_ms", ms(recent.percentile(0.99)))
        .set("per_second", recent.per_second)
}

fn sizes(row: NewRow, histogram: &Histogram) -> NewRow {
    let recent = histogram.recent(Instant::now());
    row.set("count", signed(recent.all))
        .set("max", recent.max() as f64)
        .set("p50th", recent.percentile(0.5))
        .set("p99th", recent.percentile(0.99))
}

pub(super) fn local_read_latency(sources: &Sources, rows: &mut DataSet) {
    each_table(sources, rows, |metrics| &metrics.local_read, latency);
}

pub(super) fn local_scan_latency(sources: &Sources, rows: &mut DataSet) {
    each_table(sources, rows, |metrics| &metrics.local_scan, latency);
}

pub(super) fn local_write_latency(sources: &Sources, rows: &mut DataSet) {
    each_table(sources, rows, |metrics| &metrics.local_write, latency);
}

pub(super) fn coordinator_read_latency(sources: &Sources, rows: &mut DataSet) {
    each_table(sources, rows, |metrics| &metrics.coordinator_read, latency);
}

pub(super) fn coordinator_scan_latency(sources: &Sources, rows: &mut DataSet) {
    each_table(sources, rows, |metrics| &metrics.coordinator_scan, latency);
}

pub(super) fn coordinator_write_latency(sources: &Sources, rows: &mut DataSet) {
    each_table(sources, rows, |metrics| &metrics.coordinator_write, latency);
}

pub(super) fn rows_per_read(sources: &Sources, rows: &mut DataSet) {
    each_table(sources, rows, |metrics| &metrics.rows_per_read, sizes);
}

pub(super) fn tombstones_per_read(sources: &Sources, rows: &mut DataSet) {
    each_table(sources, rows, |metrics| &metrics.tombstones_per_read, sizes);
}

/// This node has one cache, of chunks; Cassandra's others are there with a capacity of 0.
pub(super) fn caches(sources: &Sources, rows: &mut DataSet) {
    let Some(storage) = sources.storage() else { return };
    let cache = storage.chunk_cache();
    let (hits, misses) = cache.hits_and_misses();
    let (requests_per_second, hits_per_second) = cache.rates(Instant::now());
    let row = |name: &str| NewRow::default().set("name", name);
    rows.add(
        row("chunks")
            .set("capacity_bytes", signed(cache.capacity() as u64))
            .set("size_bytes", signed(cache.bytes() as u64))
            .set("entry_count", narrow(cache.chunks() as u64))
            .set("request_count", signed(hits + misses))
            .set("hit_count", signed(hits))
            .set("hit_ratio", hits as f64 / (hits + misses) as f64)
            .set("recent_request_rate_per_second", requests_per_second as i64)
            .set("recent_hit_rate_per_second", hits_per_second as i64),
    );
    for name in ["counters", "keys", "rows"] {
        let numbers = ["capacity_bytes", "size_bytes", "request_count", "hit_count"];
        let rates = ["recent_request_rate_per_second", "recent_hit_rate_per_second"];
        let row = numbers.into_iter().chain(rates).fold(row(name), |row, column| row.set(column, 0_i64));
        rows.add(row.set("entry_count", 0).set("hit_ratio", f64::NAN));
    }
}

pub(super) fn cql_metrics(sources: &Sources, rows: &mut DataSet) {
    let Some(node) = sources.node.upgrade() else { return };
    let metrics = node.metrics();
    for (name, value) in [
        ("prepared_statements_count", node.statements().len() as f64),
        ("prepared_statements_evicted", metrics.prepared_evicted.load(Ordering::Relaxed) as f64),
        ("prepared_statements_executed", metrics.prepared_executed.load(Ordering::Relaxed) as f64),
        ("prepared_statements_ratio", metrics.prepared_ratio()),
        ("regular_statements_executed", metrics.regular_executed.load(Ordering::Relaxed) as f64),
    ] {
        rows.add(NewRow::default().set("name", name).set("value", value));
    }
}

pub(super) fn batch_metrics(sources: &Sources, rows: &mut DataSet) {
    let Some(node) = sources.node.upgrade() else { return };
    let metrics = node.coordinator().batches();
    for (name, histogram) in [
        ("partitions_per_counter_batch", &metrics.counter),
        ("partitions_per_logged_batch", &metrics.logged),
        ("partitions_per_unlogged_batch", &metrics.unlogged),
    ] {
        let recent = histogram.recent(Instant::now());
        rows.add(
            NewRow::default()
                .set("name", name)
                .set("max", signed(recent.max()))
                .set("p50th", recent.percentile(0.5))
                .set("p99th", recent.percentile(0.99))
                .set("p999th", recent.percentile(0.999)),
        );
    }
}

pub(super) fn cidr_counts(sources: &Sources, rows: &mut DataSet) {
    let Some(node) = sources.node.upgrade() else { return };
    for (name, value) in node.auth().cidr_metrics().counts() {
        rows.add(NewRow::default().set("name", name).set("value", signed(value)));
    }
}

pub(super) fn cidr_latencies(sources: &Sources, rows: &mut DataSet) {
    let Some(node) = sources.node.upgrade() else { return };
    for (name, recent) in node.auth().cidr_metrics().latencies() {
        let shares = [("p50th", 0.5), ("p95th", 0.95), ("p99th", 0.99), ("p999th", 0.999)];
        let row = NewRow::default().set("name", name).set("max", recent.max() as f64);
        rows.add(
            shares.into_iter().fold(row, |row, (column, share)| row.set(column, recent.percentile(share))),
        );
    }
}

/// The pools of threads and tasks.
pub(super) fn thread_pools(sources: &Sources, rows: &mut DataSet) {
    let Some(node) = sources.node.upgrade() else { return };
    for pool in pools(&node) {
        rows.add(
            NewRow::default()
                .set("name", pool.name)
                .set("active_tasks", narrow(pool.active))
                .set("active_tasks_limit", narrow(pool.limit))
                .set("pending_tasks", narrow(pool.pending))
                .set("completed_tasks", signed(pool.completed))
                .set("blocked_tasks", 0_i64)
                .set("blocked_tasks_all_time", 0_i64),
        );
    }
}
