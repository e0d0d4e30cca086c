//! Flushes memtables into SSTables, when they are full, when the commit log is, and when asked to.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::commitlog::CommitPosition;
use super::compaction::{Splitter, Strategy};
use super::engine::Storage;
use super::error::StorageError;
use super::lifecycle::{Operation, Replacement};
use super::memtable::Memtable;
use super::merge::MergedPartitions;
use super::model::{ClusteringIndexFilter, KeyBound};
use super::options::FlushCompression;
use super::sstable::{Compressor, EncodingStatsCollector, StatsOptions, WriterOptions};
use super::table_store::TableStore;
use super::unfiltered::{BoxedPartitionIterator, UnfilteredPartitionIterator, UnfilteredRowIterator};
use crate::schema::{ColumnId, CompressionParams, TableId, TableMetadata};

/// What the flushing threads are to do.
#[derive(Default)]
pub struct Flusher {
    work: Mutex<Work>,
    changed: Condvar,
    threads: Mutex<Vec<std::thread::JoinHandle<()>>>,
}

#[derive(Default)]
struct Work {
    tables: Vec<TableId>,
    /// Those that a thread flushes.
    running: HashSet<TableId>,
    /// Whether memtables take more than they should.
    cleanup: bool,
    stop: bool,
}

/// How often the flushing threads look whether the commit log is too large, or a table's flush period is over.
const TICK: Duration = Duration::from_secs(1);

impl Flusher {
    /// Asks for a flush of the largest memtable.
    pub fn request_cleanup(&self) {
        let mut work = self.work.lock();
        if !work.cleanup {
            work.cleanup = true;
            self.changed.notify_one();
        }
    }

    /// Asks for a flush of a table.
    pub fn request(&self, table: TableId) {
        let mut work = self.work.lock();
        if !work.tables.contains(&table) {
            work.tables.push(table);
            self.changed.notify_one();
        }
    }

    /// Waits for something to do, or for the time to look whether there is; says whether to go on.
    fn wait(&self) -> bool {
        let mut work = self.work.lock();
        let is_idle = work.tables.iter().all(|table| work.running.contains(table)) && !work.cleanup;
        if !work.stop && is_idle {
            self.changed.wait_for(&mut work, TICK);
        }
        !work.stop
    }

    /// Notes that a thread has flushed a table.
    fn ended(&self, table: TableId) {
        let mut work = self.work.lock();
        work.running.remove(&table);
        if work.tables.contains(&table) {
            self.changed.notify_one();
        }
    }

    /// Tells the threads to end.
    pub fn stop(&self) {
        self.work.lock().stop = true;
        self.changed.notify_all();
    }

    /// Waits for the threads to end.
    pub fn join(&self) {
        for thread in self.threads.lock().drain(..) {
            // The last owner of the store may be one of its threads.
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

impl Storage {
    /// Starts the threads that sync and flush. While they wait they hold nothing that keeps the store alive.
    pub(super) fn start_threads(self: &Arc<Self>) {
        let mut threads = Vec::new();
        let log = self.commit_log.clone();
        threads.push(spawn("commitlog-sync", move || log.run_syncs()));
        for i in 0..self.options.memtables.flush_writers.max(1) {
            let (flusher, storage) = (self.flusher.clone(), Arc::downgrade(self));
            threads.push(spawn(&format!("memtable-flush-{i}"), move || {
                while flusher.wait() {
                    let Some(storage) = storage.upgrade() else { return };
                    storage.flush_next();
                }
            }));
        }
        self.flusher.threads.lock().extend(threads.into_iter().flatten());
    }

    /// Flushes what is to be flushed next.
    fn flush_next(&self) {
        let table = {
            let mut work = self.flusher.work.lock();
            if work.stop {
                return;
            }
            let cleanup = std::mem::take(&mut work.cleanup);
            let next = work.tables.iter().position(|table| !work.running.contains(table));
            let table = next.map(|i| work.tables.remove(i));
            let table = table.or_else(|| self.due(&work.running, cleanup));
            work.running.extend(table);
            table
        };
        if let Some(table) = table {
            if let Err(error) = self.flush(table) {
                tracing::error!("Failed to flush: {error}");
                std::thread::sleep(TICK);
            }
            self.flusher.ended(table);
        }
        if self.commit_log.is_in_doubt()
            && let Err(error) = self.flush_all().and_then(|()| self.commit_log.start_anew())
        {
            tracing::error!("The commit log is still not writable: {error}");
            std::thread::sleep(TICK);
        }
    }

    /// A table that should be flushed now: the largest one where memory is short, one that keeps the commit log
    /// too large, one whose flush period is over.
    fn due(&self, running: &HashSet<TableId>, cleanup: bool) -> Option<TableId> {
        let limit = self.options.memtables.space_bytes as f64 * self.options.memtables.cleanup_threshold;
        let tables = self.tables();
        let flushing: u64 =
            tables.iter().flat_map(|t| t.memtables().flushing.clone()).map(|m| m.bytes()).sum();
        if cleanup || self.memtable_bytes() as f64 > limit {
            let unflushed = self.memtable_bytes().saturating_sub(flushing);
            let largest = tables.iter().max_by_key(|t| t.memtables().current.bytes());
            if let Some(largest) = largest.filter(|t| unflushed as f64 > limit && !running.contains(&t.id()))
            {
                return Some(largest.id());
            }
        }
        if let Some(oldest) = self.commit_log.tables_to_flush().into_iter().find(|t| !running.contains(t)) {
            return Some(oldest);
        }
        let now = self.clock.micros();
        let is_due = |table: &&Arc<TableStore>| {
            let period_us = i64::from(table.metadata().params.memtable_flush_period_in_ms) * 1000;
            period_us > 0
                && now - table.last_flush.load(Ordering::Relaxed) > period_us
                && !table.memtables().current.is_empty()
                && !running.contains(&table.id())
        };
        tables.iter().find(is_due).map(|table| table.id())
    }

    /// Writes a table's memtable to an SSTable.
    pub fn flush(&self, table: TableId) -> Result<(), StorageError> {
        match self.table(table) {
            Some(store) => {
                self.flush_store(&store)?;
                // Not while the log is replayed: a deletion would go before what it deletes was seen.
                if !self.is_recovering() {
                    self.compactions.submit(store);
                }
                Ok(())
            }
            None => {
                self.commit_log.dropped(table);
                Ok(())
            }
        }
    }

    /// Asks for a flush of a table, and does not wait for it.
    pub fn request_flush(&self, table: TableId) {
        if self.table(table).is_some_and(|store| !store.memtables().current.is_empty()) {
            self.flusher.request(table);
        }
    }

    /// Writes all memtables to SSTables.
    pub fn flush_all(&self) -> Result<(), StorageError> {
        self.tables().into_iter().try_for_each(|store| self.flush(store.id()))
    }

    pub(super) fn flush_store(&self, store: &TableStore) -> Result<(), StorageError> {
        let _flush = store.flush_lock.lock();
        let (upper, recovering) = {
            let _gate = store.gate.write();
            let (upper, recovering) = (self.commit_log.position(), self.is_recovering());
            // What is replayed goes into memtables too: once all of it is, they hold all that the log has.
            store.switch_memtable(if recovering { CommitPosition::NONE } else { upper });
            (upper, recovering)
        };
        store.last_flush.store(self.clock.micros(), Ordering::Relaxed);
        let memtables = store.memtables();
        if !memtables.flushing.is_empty() && !store.is_dropped() {
            store.counters.pending_flushes.fetch_add(1, Ordering::Relaxed);
            let written = self.write_memtables(store, &memtables.flushing, upper, recovering);
            store.counters.pending_flushes.fetch_sub(1, Ordering::Relaxed);
            written.inspect_err(|error| self.inspect(error))?;
            store.flushed_in_recovery.fetch_or(recovering, Ordering::Relaxed);
            store.counters.flushes.fetch_add(memtables.flushing.len() as u64, Ordering::Relaxed);
        }
        {
            let _gate = store.gate.write();
            store.remove_flushed(&memtables.flushing);
        }
        self.memory_released(memtables.flushing.iter().map(|m| m.bytes()).sum());
        if !recovering {
            self.commit_log.flushed(store.id(), upper);
        }
        Ok(())
    }

    /// Writes memtables into one SSTable. Several are there where a flush failed before.
    fn write_memtables(
        &self,
        store: &TableStore,
        memtables: &[Arc<Memtable>],
        upper: CommitPosition,
        recovering: bool,
    ) -> Result<(), StorageError> {
        let table = store.metadata();
        // While the log is replayed, some of what is before that may be still to come.
        let lower = memtables.iter().map(|m| m.lower()).min().filter(|_| !recovering);
        let intervals = lower.map(|lower| (lower.into(), upper.into()));
        // Else a deletion could outlive its record here, be purged, and what it deletes be replayed. Where the log cannot
        // be written, this flush is what makes its records durable.
        if let Err(error) = self.commit_log.sync() {
            tracing::warn!("Flushing {}.{} without the commit log: {error}", table.keyspace, table.name);
        }
        let (encoding_stats, columns) = summary(store, memtables, &table)?;
        let options = WriterOptions {
            encoding_stats,
            columns: Some(columns),
            compression: compression(self.options.flush_compression, &table),
            partitions: memtables.iter().map(|m| m.partition_count() as u64).sum(),
            stats: StatsOptions {
                commit_log_intervals: intervals.into_iter().collect(),
                host_id: self.host_id.load_full().map(|id| *id),
                ..StatsOptions::default()
            },
            ..WriterOptions::default()
        };
        let files = store.files();
        let ids: Vec<_> = memtables.iter().map(|m| m.id()).collect();
        let what = Replacement { operation: Operation::Flush, table: &table, memtables: &ids, replaced: &[] };
        let split = Strategy::new(&table.params.compaction)
            .flush_split(store.counters.flush_bytes.load(Ordering::Relaxed));
        let new = files.write(what, options, |output| {
            let mut splitter = Splitter::new(split);
            let mut partitions = merged(store, memtables);
            while let Some(mut partition) = partitions.next_partition()? {
                splitter.before(partition.key(), output)?;
                output.append(&mut partition)?;
            }
            Ok(())
        })?;
        store.counters.flushed(new.iter().map(|s| s.data_bytes_on_disk()).sum());
        Ok(())
    }
}

/// How a flush compresses where that is not the table's way: writes may wait for it, so that speed counts.
fn compression(flush: FlushCompression, table: &TableMetadata) -> Option<CompressionParams> {
    let own = &table.params.compression;
    let compressor = Compressor::of_class(own.class.as_deref()?, &[])?;
    let is_fast = match compressor {
        Compressor::Lz4 => own.options.get("lz4_compressor_type").is_none_or(|kind| kind != "high"),
        Compressor::Snappy | Compressor::Noop => true,
        Compressor::Deflate | Compressor::Zstd { .. } => false,
    };
    match flush {
        FlushCompression::None => {
            let class = Some("org.apache.cassandra.io.compress.NoopCompressor".to_owned());
            Some(CompressionParams { class, ..CompressionParams::default() })
        }
        FlushCompression::Fast if !is_fast => Some(CompressionParams::default()),
        FlushCompression::Fast | FlushCompression::Table => None,
    }
}

fn merged(store: &TableStore, memtables: &[Arc<Memtable>]) -> MergedPartitions {
    let all = |m: &Arc<Memtable>| {
        let all = m.partitions(&KeyBound::Unbounded, &KeyBound::Unbounded, ClusteringIndexFilter::all());
        Box::new(all) as BoxedPartitionIterator
    };
    MergedPartitions::new(store.order(), false, memtables.iter().map(all).collect())
}

/// The minima of what will be written, and the columns that occur.
fn summary(
    store: &TableStore,
    memtables: &[Arc<Memtable>],
    table: &TableMetadata,
) -> Result<(super::sstable::EncodingStats, Vec<ColumnId>), StorageError> {
    let mut stats = EncodingStatsCollector::default();
    let mut seen = vec![false; usize::from(table.next_column_id().0)];
    let mut see = |row: &super::model::Row| {
        let ids = row.cells().map(|c| c.column).chain(row.complex_deletions().map(|(id, _)| id));
        for id in ids {
            if let Some(seen) = seen.get_mut(usize::from(id.0)) {
                *seen = true;
            }
        }
    };
    let mut partitions = merged(store, memtables);
    while let Some(mut partition) = partitions.next_partition()? {
        stats.deletion(partition.partition_deletion());
        if let Some(row) = partition.static_row() {
            stats.row(row);
            see(row);
        }
        while let Some(unfiltered) = partition.next()? {
            stats.unfiltered(&unfiltered);
            if let super::unfiltered::Unfiltered::Row(row) = &unfiltered {
                see(row);
            }
        }
    }
    let columns = table.static_columns.iter().chain(&table.regular_columns).map(|c| c.id);
    let occurs = |id: &ColumnId| seen.get(usize::from(id.0)).copied().unwrap_or(false);
    Ok((stats.build(), columns.filter(occurs).collect()))
}

/// Starts a thread; where the system refuses, the store works without, and says so.
fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Option<std::thread::JoinHandle<()>> {
    match std::thread::Builder::new().name(name.to_owned()).spawn(run) {
        Ok(thread) => Some(thread),
        Err(error) => {
            tracing::error!("Failed to start the thread {name}: {error}");
            None
        }
    }
}
