//! Thresholds that requests are held against, from `cassandra.yaml`.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::timeouts::Timeouts;
use crate::guardrails::Guardrails;

/// Thresholds that requests are held against.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `cluster_name`.
    pub cluster_name: String,
    /// The full name of the class of `endpoint_snitch`.
    pub snitch: String,
    /// `batch_size_warn_threshold`, in bytes.
    pub batch_size_warn_bytes: u64,
    /// `batch_size_fail_threshold`, in bytes.
    pub batch_size_fail_bytes: u64,
    /// `unlogged_batch_across_partitions_warn_threshold`.
    pub unlogged_batch_partitions_warn: usize,
    /// Of the size of what a query returns; none where it is not looked at (`read_thresholds_enabled`).
    pub read_size: Option<ReadSizeThresholds>,
    /// `trace_type_query_ttl`, in seconds.
    pub trace_ttl_seconds: i32,
    /// `cdc_enabled`.
    pub cdc_enabled: bool,
    /// `default_keyspace_rf`.
    pub default_keyspace_factor: usize,
    /// `drop_compact_storage_enabled`.
    pub drop_compact_storage_enabled: bool,
    /// `use_statements_enabled`.
    pub use_statements_enabled: bool,
    /// `dynamic_data_masking_enabled`.
    pub masking_enabled: bool,
    /// The names of `memtable.configurations`.
    pub memtables: BTreeSet<String>,
    /// How long requests may take.
    pub timeouts: Arc<Timeouts>,
    /// What ordinary users are warned of, and kept from.
    pub guardrails: Arc<Guardrails>,
    /// What is done with expiration dates beyond the latest one.
    pub expiration_overflow: OverflowPolicy,
}

/// Thresholds of the size of what a query returns, in bytes of its values; none where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadSizeThresholds {
    /// `coordinator_read_size_warn_threshold`
    pub warn: Option<u64>,
    /// `coordinator_read_size_fail_threshold`
    pub fail: Option<u64>,
}

/// What is done with an expiration date beyond the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OverflowPolicy {
    /// The statement is refused.
    #[default]
    Reject,
    /// The latest date is taken, and the client warned.
    Cap,
    /// The latest date is taken.
    CapNoWarn,
}

impl Default for Settings {
    /// The values of the shipped configuration.
    fn default() -> Self {
        Self {
            cluster_name: "Test Cluster".to_owned(),
            snitch: "org.apache.cassandra.locator.SimpleSnitch".to_owned(),
            batch_size_warn_bytes: 5 * 1024,
            batch_size_fail_bytes: 50 * 1024,
            unlogged_batch_partitions_warn: 10,
            read_size: None,
            trace_ttl_seconds: 24 * 60 * 60,
            cdc_enabled: false,
            default_keyspace_factor: 1,
            drop_compact_storage_enabled: false,
            use_statements_enabled: true,
            masking_enabled: false,
            memtables: BTreeSet::new(),
            timeouts: Arc::default(),
            guardrails: Arc::default(),
            expiration_overflow: OverflowPolicy::default(),
        }
    }
}
