//! One compaction (Cassandra: `CompactionTask`, `CompactionController`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use uuid::Uuid;

use super::purge::{PurgedRows, Purger};
use super::throttle::Throttle;
use crate::schema::TableMetadata;
use crate::storage::lifecycle::{CompactingGuard, Operation, TableFiles};
use crate::storage::merge::MergedPartitions;
use crate::storage::model::DecoratedKey;
use crate::storage::sstable::{EncodingStats, SSTableReader, StatsOptions, WriterOptions};
use crate::storage::{BoxedPartitionIterator, StorageError, TableOrder, UnfilteredPartitionIterator};

/// What a compaction must know of a table.
pub trait CompactionTable: Send + Sync {
    /// Its current definition.
    fn metadata(&self) -> Arc<TableMetadata>;
    /// Its orders.
    fn order(&self) -> TableOrder;
    /// Its SSTables.
    fn files(&self) -> Arc<TableFiles>;
    /// The lowest timestamp that the memtables may hold of a partition, those that are being flushed included; none
    /// where they do not have it. A lower one than that is safe, a higher one is not.
    fn memtable_min_timestamp(&self, key: &DecoratedKey) -> Option<i64>;
}

/// A compaction that runs, for `nodetool compactionstats`.
#[derive(Debug)]
pub struct CompactionInfo {
    /// Its id.
    pub id: Uuid,
    /// The table.
    pub table: Arc<TableMetadata>,
    /// What it is for.
    pub operation: Operation,
    /// Uncompressed bytes of its inputs.
    pub total: u64,
    completed: Arc<AtomicU64>,
    stop: AtomicBool,
}

impl CompactionInfo {
    /// The bytes of the inputs that are done.
    pub fn completed(&self) -> u64 {
        self.completed.load(Ordering::Relaxed).min(self.total)
    }

    /// Asks it to stop. Its inputs stay as they are.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// How a compaction ended, for `system.compaction_history` and the log.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Its id.
    pub id: Uuid,
    /// The table.
    pub table: Arc<TableMetadata>,
    /// What it was for.
    pub operation: Operation,
    /// Bytes of the inputs on disk.
    pub bytes_in: u64,
    /// Bytes of the output on disk.
    pub bytes_out: u64,
    /// Partitions of the output by the number of inputs they came from (`rows_merged`).
    pub partitions_merged: BTreeMap<i32, i64>,
    /// When it ended, in milliseconds since 1970.
    pub finished_at_ms: i64,
}

/// A compaction to be run.
pub struct CompactionTask {
    table: Arc<dyn CompactionTable>,
    inputs: Vec<Arc<SSTableReader>>,
    operation: Operation,
    info: Arc<CompactionInfo>,
    /// Frees the inputs when the task is gone.
    _guard: CompactingGuard,
}

impl CompactionTask {
    /// A compaction of these SSTables; none where another one works on one of them.
    pub fn new(
        table: Arc<dyn CompactionTable>,
        inputs: Vec<Arc<SSTableReader>>,
        operation: Operation,
    ) -> Option<Self> {
        let guard = table.files().reserve(&inputs)?;
        let info = CompactionInfo {
            id: Uuid::now_v1(&rand::random::<[u8; 6]>()),
            table: table.metadata(),
            operation,
            total: inputs.iter().map(|s| s.uncompressed_bytes()).sum(),
            completed: Arc::default(),
            stop: AtomicBool::new(false),
        };
        Some(Self { table, inputs, operation, info: Arc::new(info), _guard: guard })
    }

    /// What it does, to be looked at and stopped while it runs.
    pub fn info(&self) -> &Arc<CompactionInfo> {
        &self.info
    }

    /// The inputs.
    pub fn inputs(&self) -> &[Arc<SSTableReader>] {
        &self.inputs
    }

    /// Runs it. `now_ms` is the time since 1970; `host_id` this host.
    pub fn run(
        &self,
        throttle: &Throttle,
        now_ms: i64,
        host_id: Option<Uuid>,
    ) -> Result<Finished, StorageError> {
        let table = self.table.metadata();
        let now_in_seconds = now_ms / 1000;
        let gc_before = now_in_seconds - i64::from(table.params.gc_grace_seconds);
        let never_purges =
            self.only_purges_repaired(&table) && self.inputs.iter().any(|s| s.stats().repaired_at == 0);
        let files = self.table.files();
        let mut merged: BTreeMap<i32, i64> = BTreeMap::new();
        let options = self.writer_options(&table, host_id);
        let new = files.write(self.operation, &table, options, &self.inputs, |writer| {
            let scan = |s: &Arc<SSTableReader>| {
                Box::new(s.scan_all().with_progress(self.info.completed.clone())) as BoxedPartitionIterator
            };
            let sources = self.inputs.iter().map(scan).collect();
            let mut partitions = MergedPartitions::new(self.table.order(), false, sources);
            let mut paid = 0;
            while let Some(rows) = partitions.next_partition()? {
                if self.info.stop.load(Ordering::Relaxed) {
                    return Err(StorageError::Closed(format!("Compaction interrupted: {}", self.info.id)));
                }
                let key = rows.key().clone();
                let max_purgeable_timestamp =
                    if never_purges { Some(i64::MIN) } else { self.max_purgeable_timestamp(&files, &key) };
                let purger = Purger { now_in_seconds, gc_before, max_purgeable_timestamp };
                let sources = self.inputs.iter().filter(|s| s.may_contain(&key)).count();
                if writer.append(&mut PurgedRows::new(rows, purger))? {
                    *merged.entry(sources as i32).or_default() += 1;
                }
                let done = self.info.completed();
                throttle.acquire(done.saturating_sub(paid));
                paid = done;
            }
            Ok(())
        })?;
        Ok(Finished {
            id: self.info.id,
            table,
            operation: self.operation,
            bytes_in: self.inputs.iter().map(|s| s.data_bytes_on_disk()).sum(),
            bytes_out: new.map_or(0, |s| s.data_bytes_on_disk()),
            partitions_merged: merged,
            finished_at_ms: now_ms,
        })
    }

    fn only_purges_repaired(&self, table: &TableMetadata) -> bool {
        super::SizeTieredOptions::new(&table.params.compaction).only_purge_repaired_tombstones
    }

    /// Tombstones of a partition below this time may go; none where all may. Memtables are asked before SSTables,
    /// so that what is flushed meanwhile is seen in one or the other.
    fn max_purgeable_timestamp(&self, files: &TableFiles, key: &DecoratedKey) -> Option<i64> {
        let in_memory = self.table.memtable_min_timestamp(key);
        let live = files.sstables();
        let others = live.iter().filter(|s| !self.inputs.iter().any(|input| Arc::ptr_eq(input, s)));
        others.filter(|s| s.may_contain(key)).map(|s| s.stats().min_timestamp).chain(in_memory).min()
    }

    fn writer_options(&self, table: &TableMetadata, host_id: Option<Uuid>) -> WriterOptions {
        let mut columns: Vec<_> = self.inputs.iter().flat_map(|s| s.columns(table)).collect();
        columns.sort_unstable();
        columns.dedup();
        let minima = self.inputs.iter().map(|s| {
            let stats = s.stats();
            let none = EncodingStats::default();
            EncodingStats {
                min_timestamp: if stats.min_timestamp == i64::MIN {
                    none.min_timestamp
                } else {
                    stats.min_timestamp
                },
                min_local_deletion_time: stats.min_local_deletion_time,
                min_ttl: stats.min_ttl,
            }
        });
        let ours =
            self.inputs.iter().filter(|s| host_id.is_some() && s.stats().originating_host_id == host_id);
        let mut intervals: Vec<_> = ours.flat_map(|s| s.stats().commit_log_intervals.clone()).collect();
        intervals.sort_unstable();
        intervals.dedup();
        let repaired_at = self.inputs.iter().map(|s| s.stats().repaired_at).min().unwrap_or(0);
        WriterOptions {
            encoding_stats: EncodingStats::merge(minima),
            columns: Some(columns),
            partitions: self.estimated_partitions(),
            stats: StatsOptions { commit_log_intervals: intervals, level: 0, repaired_at, host_id },
            ..WriterOptions::default()
        }
    }

    /// About how many partitions the output has: those of the inputs less what they share.
    fn estimated_partitions(&self) -> u64 {
        let sum = self.inputs.iter().map(|s| s.estimated_partitions()).sum();
        let mut all = crate::storage::sstable::Cardinality::default();
        for input in &self.inputs {
            match input.cardinality() {
                Some(keys) => all.merge(keys),
                None => return sum,
            }
        }
        // Estimates are a few percent off.
        (all.estimate() + all.estimate() / 20).min(sum).max(1)
    }
}
