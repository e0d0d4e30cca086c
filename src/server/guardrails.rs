//! The guardrails that the configuration asks for.

use std::str::FromStr;

use crate::config::Config;
use crate::consistency::Consistency;
use crate::exec::describe::java_order::{sort_by_hash, string_hash};
use crate::guardrails::{CellGuardrails, Flag, Guardrails, Threshold};

/// The guardrails with the values of the configuration, which has checked them.
pub(super) fn guardrails(config: &Config) -> Guardrails {
    let mut rails = Guardrails::default();
    thresholds(&mut rails, config);
    flags(&mut rails, config);
    let properties = |name: &str| {
        let mut words: Vec<String> =
            config.list(&format!("table_properties_{name}")).iter().map(|word| word.to_lowercase()).collect();
        words.sort();
        words.dedup();
        let entries = words.len();
        sort_by_hash(&mut words, entries, |word| string_hash(word));
        words
    };
    rails.table_properties.warned = properties("warned");
    rails.table_properties.ignored = properties("ignored");
    rails.table_properties.disallowed = properties("disallowed");
    rails.read_consistency_levels.warned = levels(config, "read_consistency_levels_warned");
    rails.read_consistency_levels.disallowed = levels(config, "read_consistency_levels_disallowed");
    rails.write_consistency_levels.warned = levels(config, "write_consistency_levels_warned");
    rails.write_consistency_levels.disallowed = levels(config, "write_consistency_levels_disallowed");
    rails
}

fn thresholds(rails: &mut Guardrails, config: &Config) {
    let mut cells = CellGuardrails::default();
    let all = [
        &mut rails.keyspaces,
        &mut rails.tables,
        &mut rails.columns_per_table,
        &mut rails.fields_per_udt,
        &mut rails.vector_dimensions,
        &mut rails.minimum_replication_factor,
        &mut rails.maximum_replication_factor,
        &mut rails.page_size,
        &mut rails.partition_keys_in_select,
        &mut rails.in_select_cartesian_product,
        &mut cells.column_value_size,
        &mut cells.collection_size,
        &mut cells.items_per_collection,
        &mut rails.maximum_timestamp,
        &mut rails.minimum_timestamp,
        &mut rails.local_data_disk_usage,
        &mut rails.partition_size,
        &mut rails.partition_tombstones,
    ];
    for Threshold { key, warn, fail, .. } in all {
        *warn = threshold(config, &format!("{key}_warn_threshold"));
        *fail = threshold(config, &format!("{key}_fail_threshold"));
    }
    rails.cells = cells.is_enabled().then_some(cells);
}

/// A number, an amount of storage in bytes, or a length of time in microseconds; none where it is off.
fn threshold(config: &Config, key: &str) -> Option<i64> {
    if let Some(duration) = config.duration(key) {
        return i64::try_from(duration.as_micros()).ok();
    }
    config.threshold(key).and_then(|value| i64::try_from(value).ok()).filter(|value| *value > 0)
}

fn flags(rails: &mut Guardrails, config: &Config) {
    let all: [(&mut Flag, &str); 13] = [
        (&mut rails.alter_table, "alter_table"),
        (&mut rails.drop_truncate_table, "drop_truncate_table"),
        (&mut rails.drop_keyspace, "drop_keyspace"),
        (&mut rails.uncompressed_tables, "uncompressed_tables"),
        (&mut rails.compact_tables, "compact_tables"),
        (&mut rails.group_by, "group_by"),
        (&mut rails.user_timestamps, "user_timestamps"),
        (&mut rails.read_before_write_list_operations, "read_before_write_list_operations"),
        (&mut rails.allow_filtering, "allow_filtering"),
        (&mut rails.simplestrategy, "simplestrategy"),
        (&mut rails.vector_type, "vector_type"),
        (&mut rails.zero_ttl_on_twcs, "zero_ttl_on_twcs"),
        (&mut rails.intersect_filtering_query, "intersect_filtering_query"),
    ];
    for (flag, key) in all {
        flag.enabled = config.enabled(&format!("{key}_enabled"));
        flag.warned = config.enabled(&format!("{key}_warned"));
    }
}

/// Levels in Cassandra's own order, each once.
fn levels(config: &Config, key: &str) -> Vec<Consistency> {
    let mut levels: Vec<Consistency> =
        config.list(key).iter().filter_map(|name| Consistency::from_str(name).ok()).collect();
    levels.sort_unstable();
    levels.dedup();
    levels
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test")]
    use std::path::Path;

    use super::*;

    fn of(text: &str) -> Guardrails {
        guardrails(&Config::parse(text, None, Path::new(".")).unwrap())
    }

    #[test]
    fn what_is_shipped_is_the_default() {
        assert_eq!(of(""), Guardrails::default());
    }

    #[test]
    fn keys_come_in_their_units() {
        let rails = of("column_value_size_fail_threshold: 2KiB\nmaximum_timestamp_warn_threshold: 2s\n\
             page_size_warn_threshold: 5\ngroup_by_enabled: false\n\
             read_consistency_levels_warned: [QUORUM, ONE, QUORUM]\n\
             data_disk_usage_percentage_fail_threshold: 90\n");
        assert_eq!(rails.cells.map(|cells| cells.column_value_size.fail), Some(Some(2048)));
        assert_eq!(rails.maximum_timestamp.warn, Some(2_000_000));
        assert_eq!((rails.page_size.warn, rails.page_size.fail), (Some(5), None));
        assert_eq!(rails.local_data_disk_usage.fail, Some(90));
        assert!(!rails.group_by.enabled);
        assert_eq!(rails.read_consistency_levels.warned, [Consistency::One, Consistency::Quorum]);
    }
}
