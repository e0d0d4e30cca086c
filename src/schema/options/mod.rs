//! The options of keyspaces and tables that are maps of texts: from the map that a statement or a row of
//! `system_schema` has, and back to it, with Cassandra's checks and texts.

mod caching;
mod compaction;
mod compression;
mod number;
mod replication;
mod speculative_retry;
mod table;
mod unified;

pub(crate) use number::parse_double;
pub use replication::{Datacenters, ReplicationFactor};
pub use unified::{bytes_with_unit, fraction};

use std::collections::BTreeMap;

/// Options as a map of texts.
pub type OptionMap = BTreeMap<String, String>;

/// The keys of a map as Java prints a set.
fn keys(map: &OptionMap) -> String {
    let keys: Vec<&str> = map.keys().map(String::as_str).collect();
    format!("[{}]", keys.join(", "))
}

/// Java's `StringUtils.isNumeric`: digits, at least one.
fn is_numeric(text: &str) -> bool {
    !text.is_empty() && text.chars().all(char::is_numeric)
}

/// Whether it is `true` in any case, as Java's `Boolean.parseBoolean`.
fn is_true(text: &str) -> bool {
    text.eq_ignore_ascii_case("true")
}

/// Whether it is `true` or `false` in any case.
fn is_boolean(text: &str) -> bool {
    is_true(text) || text.eq_ignore_ascii_case("false")
}

/// The names of all options of a table.
pub const TABLE_OPTIONS: [&str; 20] = [
    "additional_write_policy",
    "allow_auto_snapshot",
    "bloom_filter_fp_chance",
    "caching",
    "cdc",
    "comment",
    "compaction",
    "compression",
    "crc_check_chance",
    "default_time_to_live",
    "extensions",
    "gc_grace_seconds",
    "id",
    "incremental_backups",
    "max_index_interval",
    "memtable",
    "memtable_flush_period_in_ms",
    "min_index_interval",
    "read_repair",
    "speculative_retry",
];
