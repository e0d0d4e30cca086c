//! How the store is set up.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::commitlog::SegmentCompression;
use super::read::ReadThresholds;
use crate::guardrails::Guardrails;

/// Everything the store has to be told.
#[derive(Clone, Debug)]
pub struct StorageOptions {
    /// Where files are.
    pub directories: Directories,
    /// The commit log.
    pub commit_log: CommitLogOptions,
    /// Memtables.
    pub memtables: MemtableOptions,
    /// What to do when a data file cannot be read or written.
    pub disk_failure_policy: FailurePolicy,
    /// Bytes of the cache of uncompressed chunks (`file_cache_size`).
    pub chunk_cache_bytes: u64,
    /// Bytes of the longest value that is read from SSTables, and given to clients (`max_value_size`).
    pub value_bytes_max: usize,
    /// Of a read that scans more than this many tombstones is warned (`tombstone_warn_threshold`).
    pub tombstone_warn_threshold: u64,
    /// Of the sizes of what reads load; none where they are off (`read_thresholds_enabled`).
    pub read_thresholds: Option<ReadThresholds>,
    /// A read that scans more than this many tombstones fails (`tombstone_failure_threshold`).
    pub tombstone_failure_threshold: u64,
    /// Compactions at one time (`concurrent_compactors`).
    pub concurrent_compactors: usize,
    /// Bytes per second that compactions may write, 0 for no limit (`compaction_throughput`).
    pub compaction_throughput_bytes: u64,
    /// Bytes of a partition's rows from which on they get an index in an SSTable (`column_index_size`).
    pub column_index_bytes: u64,
    /// How flushed data is compressed (`flush_compression`).
    pub flush_compression: FlushCompression,
    /// Whether a snapshot is taken before a table is dropped or truncated (`auto_snapshot`).
    pub auto_snapshot: bool,
    /// Whether flushed files are hard-linked for backup (`incremental_backups`).
    pub incremental_backups: bool,
    /// What is logged of partitions and collections that are written to SSTables.
    pub guardrails: Arc<Guardrails>,
}

/// Directories of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directories {
    /// `data_file_directories`; at least one.
    pub data: Vec<PathBuf>,
    /// `local_system_data_file_directory`, where the node's own tables live apart from the others.
    pub local_system_data: Option<PathBuf>,
    /// `commitlog_directory`.
    pub commit_log: PathBuf,
    /// `cdc_raw_directory`.
    pub cdc_raw: PathBuf,
    /// `hints_directory`.
    pub hints: PathBuf,
    /// `saved_caches_directory`.
    pub saved_caches: PathBuf,
}

impl Directories {
    /// All below one directory, named as Cassandra's package does: `data`, `commitlog`, ...
    pub fn below(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        Self {
            data: vec![root.join("data")],
            local_system_data: None,
            commit_log: root.join("commitlog"),
            cdc_raw: root.join("cdc_raw"),
            hints: root.join("hints"),
            saved_caches: root.join("saved_caches"),
        }
    }
}

/// The commit log's options.
#[derive(Clone, Debug, PartialEq)]
pub struct CommitLogOptions {
    /// When records are made durable.
    pub sync: CommitLogSync,
    /// How segments are compressed (`commitlog_compression`).
    pub compression: Option<SegmentCompression>,
    /// Bytes of a segment (`commitlog_segment_size`).
    pub segment_bytes: u32,
    /// Bytes of all segments, above which the oldest dirty tables are flushed (`commitlog_total_space`).
    pub total_bytes: u64,
    /// Bytes of the largest mutation (`max_mutation_size`).
    pub max_mutation_bytes: u32,
    /// Whether damage in the middle of the log is passed over at start (`cassandra.commitlog.ignorereplayerrors`).
    pub ignore_replay_errors: bool,
    /// What to do when the log cannot be written (`commit_failure_policy`).
    pub failure_policy: FailurePolicy,
}

/// When the commit log is made durable (`commitlog_sync`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitLogSync {
    /// Every so often; writes are acknowledged at once.
    Periodic {
        /// Between two syncs (`commitlog_sync_period`).
        period: Duration,
        /// How long a write may wait for a sync that is late (`periodic_commitlog_sync_lag_block`).
        lag_block: Duration,
    },
    /// Before a write is acknowledged.
    Batch,
    /// Before writes are acknowledged, those of a window of time together.
    Group {
        /// The window (`commitlog_sync_group_window`).
        window: Duration,
    },
}

/// Memtables' options.
#[derive(Clone, Debug, PartialEq)]
pub struct MemtableOptions {
    /// Bytes of all memtables together (`memtable_heap_space` and `memtable_offheap_space`).
    pub space_bytes: u64,
    /// The part of it above which the largest memtable is flushed (`memtable_cleanup_threshold`).
    pub cleanup_threshold: f64,
    /// Threads that flush (`memtable_flush_writers`).
    pub flush_writers: usize,
}

/// How a flush compresses; compactions do as the table says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlushCompression {
    /// Not at all.
    None,
    /// As the table says where that is fast, else with LZ4.
    Fast,
    /// As the table says.
    Table,
}

/// What to do when a disk fails (`disk_failure_policy`, `commit_failure_policy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailurePolicy {
    /// End the process.
    Die,
    /// Serve neither reads nor writes, but stay up for inspection.
    Stop,
    /// As [`FailurePolicy::Stop`], also for files found damaged.
    StopParanoid,
    /// Accept no writes, serve reads (commit log); go on with what works (data files).
    BestEffort,
    /// Fail the request.
    Ignore,
}

impl FailurePolicy {
    /// Its name as a value of `disk_failure_policy`.
    pub fn disk_name(self) -> &'static str {
        match self {
            Self::Die => "die",
            Self::Stop => "stop",
            Self::StopParanoid => "stop_paranoid",
            Self::BestEffort => "best_effort",
            Self::Ignore => "ignore",
        }
    }
}

impl StorageOptions {
    /// Cassandra's defaults, below one directory.
    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self {
            directories: Directories::below(root),
            commit_log: CommitLogOptions::default(),
            memtables: MemtableOptions::default(),
            disk_failure_policy: FailurePolicy::Stop,
            chunk_cache_bytes: 512 << 20,
            value_bytes_max: 256 << 20,
            tombstone_warn_threshold: 1000,
            read_thresholds: None,
            tombstone_failure_threshold: 100_000,
            concurrent_compactors: 2,
            compaction_throughput_bytes: 64 << 20,
            column_index_bytes: 64 << 10,
            flush_compression: FlushCompression::Fast,
            auto_snapshot: true,
            incremental_backups: false,
            guardrails: Arc::default(),
        }
    }
}

impl Default for CommitLogOptions {
    fn default() -> Self {
        Self {
            sync: CommitLogSync::Periodic {
                period: Duration::from_secs(10),
                lag_block: Duration::from_secs(15),
            },
            compression: None,
            segment_bytes: 32 << 20,
            total_bytes: 8 << 30,
            max_mutation_bytes: 16 << 20,
            ignore_replay_errors: false,
            failure_policy: FailurePolicy::Stop,
        }
    }
}

impl Default for MemtableOptions {
    fn default() -> Self {
        Self { space_bytes: 512 << 20, cleanup_threshold: 0.33, flush_writers: 2 }
    }
}
