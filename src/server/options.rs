//! The configuration, as each layer wants it.

use std::sync::Arc;

use crate::cluster::Settings;
use crate::cluster::settings::{OverflowPolicy, ReadSizeThresholds};
use crate::cluster::timeouts::{TimeoutKind, Timeouts};
use crate::config::{self, CommitFailurePolicy, Config, DiskFailurePolicy, ExpirationOverflowPolicy};
use crate::protocol::Limits;
use crate::storage::{
    CommitLogOptions, CommitLogSync, Directories, FailurePolicy, FlushCompression, MemtableOptions,
    ReadThresholds, SegmentCompression, StorageOptions,
};

/// `column_index_size` where the configuration names none. Cassandra takes 64 KiB then for files of the big format, and
/// reads up to so many bytes of rows before those that are asked for.
const COLUMN_INDEX_BYTES: u64 = 4 << 10;

/// How the store is set up.
pub(super) fn storage(config: &Config) -> StorageOptions {
    StorageOptions {
        directories: Directories {
            data: config.data_directories.clone(),
            local_system_data: None,
            commit_log: config.commitlog_directory.clone(),
            cdc_raw: config.cdc_raw_directory.clone(),
            hints: config.hints_directory.clone(),
            saved_caches: config.saved_caches_directory.clone(),
        },
        commit_log: CommitLogOptions {
            sync: commit_log_sync(config.commitlog_sync),
            compression: config
                .commitlog_compression
                .as_ref()
                .and_then(|class| SegmentCompression::new(&class.class_name, &class.parameters)),
            segment_bytes: u32::try_from(config.commitlog_segment_size_bytes).unwrap_or(u32::MAX),
            total_bytes: config.commitlog_total_space_bytes,
            max_mutation_bytes: u32::try_from(config.max_mutation_size_bytes).unwrap_or(u32::MAX),
            ignore_replay_errors: config.ignore_replay_errors,
            failure_policy: match config.commit_failure_policy {
                CommitFailurePolicy::Die => FailurePolicy::Die,
                CommitFailurePolicy::Stop => FailurePolicy::Stop,
                CommitFailurePolicy::StopCommit => FailurePolicy::BestEffort,
                CommitFailurePolicy::Ignore => FailurePolicy::Ignore,
            },
        },
        memtables: MemtableOptions {
            space_bytes: config.memtable_space_bytes,
            cleanup_threshold: config.memtable_cleanup_threshold,
            flush_writers: config.memtable_flush_writers,
        },
        disk_failure_policy: match config.disk_failure_policy {
            DiskFailurePolicy::Die => FailurePolicy::Die,
            DiskFailurePolicy::Stop => FailurePolicy::Stop,
            DiskFailurePolicy::StopParanoid => FailurePolicy::StopParanoid,
            DiskFailurePolicy::BestEffort => FailurePolicy::BestEffort,
            DiskFailurePolicy::Ignore => FailurePolicy::Ignore,
        },
        chunk_cache_bytes: config.chunk_cache_bytes,
        value_bytes_max: usize::try_from(config.max_value_bytes).unwrap_or(usize::MAX),
        tombstone_warn_threshold: config.tombstone_warn_threshold,
        tombstone_failure_threshold: config.tombstone_failure_threshold,
        read_thresholds: read_thresholds(config),
        concurrent_compactors: config.concurrent_compactors,
        compaction_throughput_bytes: config.compaction_throughput_bytes,
        column_index_bytes: config.column_index_size_bytes.unwrap_or(COLUMN_INDEX_BYTES),
        flush_compression: match config.flush_compression {
            config::FlushCompression::None => FlushCompression::None,
            config::FlushCompression::Fast => FlushCompression::Fast,
            config::FlushCompression::Table => FlushCompression::Table,
        },
        auto_snapshot: config.auto_snapshot,
        incremental_backups: config.enabled("incremental_backups"),
        guardrails: Arc::new(super::guardrails::guardrails(config)),
    }
}

/// What reads may load; none where that is not looked at.
fn read_thresholds(config: &Config) -> Option<ReadThresholds> {
    config.enabled("read_thresholds_enabled").then(|| ReadThresholds {
        local_size_warn: config.bytes("local_read_size_warn_threshold"),
        local_size_fail: config.bytes("local_read_size_fail_threshold"),
        row_index_warn: config.bytes("row_index_read_size_warn_threshold"),
        row_index_fail: config.bytes("row_index_read_size_fail_threshold"),
    })
}

fn commit_log_sync(sync: config::CommitLogSync) -> CommitLogSync {
    match sync {
        config::CommitLogSync::Periodic { period } => {
            CommitLogSync::Periodic { period, lag_block: period + period / 2 }
        }
        config::CommitLogSync::Batch => CommitLogSync::Batch,
        config::CommitLogSync::Group { window } => CommitLogSync::Group { window },
    }
}

/// Thresholds that requests are held against.
pub(super) fn settings(config: &Config) -> Settings {
    Settings {
        cluster_name: config.cluster_name.clone(),
        // Cassandra puts this one before the snitch that is configured, unless told not to.
        snitch: match config.enabled("dynamic_snitch") {
            true => "org.apache.cassandra.locator.DynamicEndpointSnitch".to_owned(),
            false => config.snitch.clone(),
        },
        batch_size_warn_bytes: config.batch_size_warn_bytes,
        batch_size_fail_bytes: config.batch_size_fail_bytes,
        unlogged_batch_partitions_warn: usize::try_from(config.unlogged_batch_partitions_warn)
            .unwrap_or(usize::MAX),
        read_size: config.enabled("read_thresholds_enabled").then(|| ReadSizeThresholds {
            warn: config.bytes("coordinator_read_size_warn_threshold"),
            fail: config.bytes("coordinator_read_size_fail_threshold"),
        }),
        default_keyspace_factor: usize::try_from(config.default_keyspace_rf).unwrap_or(1),
        drop_compact_storage_enabled: config.enabled("drop_compact_storage_enabled"),
        use_statements_enabled: config.enabled("use_statements_enabled"),
        masking_enabled: config.enabled("dynamic_data_masking_enabled"),
        memtables: config.memtables(),
        trace_ttl_seconds: i32::try_from(config.trace_query_ttl.as_secs()).unwrap_or(i32::MAX),
        cdc_enabled: config.enabled("cdc_enabled"),
        timeouts: Arc::new(timeouts(config)),
        guardrails: Arc::new(super::guardrails::guardrails(config)),
        expiration_overflow: match config.expiration_overflow {
            ExpirationOverflowPolicy::Reject => OverflowPolicy::Reject,
            ExpirationOverflowPolicy::Cap => OverflowPolicy::Cap,
            ExpirationOverflowPolicy::CapNoWarn => OverflowPolicy::CapNoWarn,
        },
    }
}

fn timeouts(config: &Config) -> Timeouts {
    let counts_waiting = config.text("cql_start_time") == Some("QUEUE");
    let mut timeouts = Timeouts::default();
    timeouts.counts_waiting = counts_waiting;
    for (kind, timeout) in [
        (TimeoutKind::Read, config.read_request_timeout),
        (TimeoutKind::Range, config.range_request_timeout),
        (TimeoutKind::Write, config.write_request_timeout),
        (TimeoutKind::CounterWrite, config.counter_write_request_timeout),
        (TimeoutKind::CasContention, config.cas_contention_timeout),
        (TimeoutKind::Truncate, config.truncate_request_timeout),
        (TimeoutKind::Misc, config.request_timeout),
    ] {
        timeouts.set(kind, timeout);
    }
    if let Some(timeout) = config.duration("native_transport_timeout") {
        timeouts.set(TimeoutKind::NativeTransport, timeout);
    }
    timeouts
}

/// What protects the node from its clients.
pub(super) fn limits(config: &Config) -> Limits {
    let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    let rate = config.int("native_transport_max_requests_per_second");
    let defaults = Limits::default();
    Limits {
        frame_bytes_max: config.native_transport_max_frame_size_bytes,
        message_bytes_max: config.native_transport_max_message_size_bytes,
        in_flight_bytes_max: signed(config.max_request_data_in_flight_bytes),
        in_flight_bytes_per_ip_max: signed(config.max_request_data_in_flight_per_ip_bytes),
        requests_per_second_max: config
            .enabled("native_transport_rate_limiting_enabled")
            .then(|| rate.and_then(|r| u32::try_from(r).ok()).unwrap_or(1_000_000)),
        connections_max: config.max_connections,
        connections_per_ip_max: config.max_connections_per_ip,
        idle_timeout: config.idle_timeout,
        throw_on_overload: config.enabled("native_transport_throw_on_overload"),
        allow_older_protocols: config.enabled("native_transport_allow_older_protocols"),
        consecutive_errors_max: config
            .int("consecutive_message_errors_threshold")
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or(defaults.consecutive_errors_max),
        keepalive: config.enabled("rpc_keepalive"),
        stop_timeout: defaults.stop_timeout,
    }
}
