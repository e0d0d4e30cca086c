//! What must hold of the keys of guardrails (Cassandra: `GuardrailsOptions`).

use super::check::refuse;
use super::spec::{StorageSpec, StorageUnit, TimeUnit};
use super::value::{Value, Values};
use super::{Config, ConfigError};
use crate::schema::options::TABLE_OPTIONS;

impl Config {
    /// A guardrail's threshold; none if it is off.
    pub fn threshold(&self, key: &str) -> Option<u64> {
        match self.values.get(key)? {
            Value::Int(value) => u64::try_from(*value).ok(),
            Value::Storage(spec) => Some(spec.bytes()),
            _ => None,
        }
    }
}

/// Refuses what contradicts itself.
pub(super) fn check(values: &Values) -> Result<(), ConfigError> {
    if let Err(message) = all(values) {
        return refuse(format!("Invalid guardrails configuration: {message}"));
    }
    let minimum = values.int("minimum_replication_factor_fail_threshold").unwrap_or(-1);
    let default = values.int("default_keyspace_rf").unwrap_or(1);
    if default < minimum {
        return refuse(format!(
            "default_keyspace_rf ({default}) cannot be less than minimum_replication_factor_fail_threshold ({minimum})"
        ));
    }
    Ok(())
}

fn all(values: &Values) -> Result<(), String> {
    for stem in [
        "keyspaces",
        "tables",
        "columns_per_table",
        "secondary_indexes_per_table",
        "materialized_views_per_table",
    ] {
        numbers(values, stem, Some(i64::from(i32::MAX)))?;
    }
    for name in ["table_properties_warned", "table_properties_ignored", "table_properties_disallowed"] {
        properties(values, name)?;
    }
    for stem in ["page_size", "partition_keys_in_select", "in_select_cartesian_product"] {
        numbers(values, stem, Some(i64::from(i32::MAX)))?;
    }
    sizes(values, "partition_size")?;
    numbers(values, "partition_tombstones", Some(i64::MAX))?;
    sizes(values, "column_value_size")?;
    sizes(values, "collection_size")?;
    for stem in ["items_per_collection", "fields_per_udt", "vector_dimensions"] {
        numbers(values, stem, Some(i64::from(i32::MAX)))?;
    }
    numbers(values, "data_disk_usage_percentage", Some(100))?;
    if values.storage("data_disk_usage_max_disk_size").is_some_and(|size| size.bytes() == 0) {
        return Err(no_zero_size("data_disk_usage_max_disk_size"));
    }
    replication(values)?;
    times(values, "maximum_timestamp")?;
    times(values, "minimum_timestamp")?;
    numbers(values, "sai_sstable_indexes_per_query", Some(i64::MAX))
}

fn numbers(values: &Values, stem: &str, max: Option<i64>) -> Result<(), String> {
    let (warn, fail) = thresholds(values, stem, max)?;
    lower(warn, fail, stem)
}

/// Both thresholds; -1 is off.
fn thresholds(values: &Values, stem: &str, max: Option<i64>) -> Result<(i64, i64), String> {
    let number = |suffix: &str| {
        let name = format!("{stem}_{suffix}_threshold");
        let value = values.int(&name).unwrap_or(-1);
        match value {
            -1 => Ok(value),
            value if max.is_some_and(|max| value > max) => Err(format!(
                "Invalid value {value} for {name}: maximum allowed value is {}",
                max.unwrap_or_default()
            )),
            0 => Err(format!("Invalid value for {name}: 0 is not allowed; if attempting to disable use -1")),
            value if value < 0 => Err(format!(
                "Invalid value {value} for {name}: negative values are not allowed, outside of -1 which disables the \
                 guardrail"
            )),
            value => Ok(value),
        }
    };
    Ok((number("warn")?, number("fail")?))
}

fn lower(warn: i64, fail: i64, stem: &str) -> Result<(), String> {
    if warn == -1 || fail == -1 || warn <= fail {
        return Ok(());
    }
    Err(format!(
        "The warn threshold {warn} for {stem}_warn_threshold should be lower than the fail threshold {fail}"
    ))
}

fn replication(values: &Values) -> Result<(), String> {
    let default = values.int("default_keyspace_rf").unwrap_or(1);
    let (warn, fail) = thresholds(values, "minimum_replication_factor", Some(i64::from(i32::MAX)))?;
    if warn != -1 && fail != -1 && fail > warn {
        return Err(format!(
            "The warn threshold {warn} for minimum_replication_factor_warn_threshold should be greater than the fail \
             threshold {fail}"
        ));
    }
    if fail > default {
        return Err(format!(
            "minimum_replication_factor_fail_threshold to be set ({fail}) cannot be greater than default_keyspace_rf \
             ({default})"
        ));
    }
    let (warn, fail) = thresholds(values, "maximum_replication_factor", Some(i64::from(i32::MAX)))?;
    lower(warn, fail, "maximum_replication_factor")?;
    if fail != -1 && fail < default {
        return Err(format!(
            "maximum_replication_factor_fail_threshold to be set ({fail}) cannot be lesser than default_keyspace_rf \
             ({default})"
        ));
    }
    Ok(())
}

fn no_zero_size(name: &str) -> String {
    format!("Invalid value for {name}: 0 is not allowed; if attempting to disable use an empty value")
}

fn sizes(values: &Values, stem: &str) -> Result<(), String> {
    let name = |suffix: &str| format!("{stem}_{suffix}_threshold");
    let bytes = |size: StorageSpec| size.to(StorageUnit::Bytes);
    let size = |suffix: &str| match values.storage(&name(suffix)) {
        Some(size) if bytes(size) == 0 => Err(no_zero_size(&name(suffix))),
        size => Ok(size),
    };
    match (size("warn")?, size("fail")?) {
        (Some(warn), Some(fail)) if bytes(fail) < bytes(warn) => Err(format!(
            "The warn threshold {warn} for {stem}_warn_threshold should be lower than the fail threshold {fail}"
        )),
        _ => Ok(()),
    }
}

fn times(values: &Values, stem: &str) -> Result<(), String> {
    let micros = |suffix: &str| {
        let time = values.duration(&format!("{stem}_{suffix}_threshold"));
        time.map_or(-1, |time| i64::try_from(time.to(TimeUnit::Microseconds)).unwrap_or(i64::MAX))
    };
    lower(micros("warn"), micros("fail"), stem)
}

fn properties(values: &Values, name: &str) -> Result<(), String> {
    let given = match values.get(name) {
        Some(Value::List(given)) => given,
        _ => return Err(format!("Invalid value for {name}: null is not allowed")),
    };
    let mut unknown: Vec<String> = given
        .iter()
        .map(|property| property.to_lowercase())
        .filter(|property| !TABLE_OPTIONS.contains(&property.as_str()))
        .collect();
    unknown.dedup();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(format!(
        "Invalid value for {name}: '[{}]' do not parse as valid table properties",
        unknown.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::Config;

    fn refusal(text: &str) -> String {
        Config::parse(text, None, Path::new(".")).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn contradictions_are_refused() {
        let refused = |text: &str, why: &str| {
            assert_eq!(refusal(text), format!("Invalid guardrails configuration: {why}"), "{text}");
        };
        refused(
            "keyspaces_warn_threshold: 0",
            "Invalid value for keyspaces_warn_threshold: 0 is not allowed; if attempting to disable use -1",
        );
        refused(
            "keyspaces_fail_threshold: -2",
            "Invalid value -2 for keyspaces_fail_threshold: negative values are not allowed, outside of -1 which \
             disables the guardrail",
        );
        refused(
            "tables_warn_threshold: 2\ntables_fail_threshold: 1",
            "The warn threshold 2 for tables_warn_threshold should be lower than the fail threshold 1",
        );
        refused(
            "data_disk_usage_percentage_warn_threshold: 101",
            "Invalid value 101 for data_disk_usage_percentage_warn_threshold: maximum allowed value is 100",
        );
        refused(
            "collection_size_warn_threshold: 0B",
            "Invalid value for collection_size_warn_threshold: 0 is not allowed; if attempting to disable use an empty \
             value",
        );
        refused(
            "minimum_timestamp_warn_threshold: 2s\nminimum_timestamp_fail_threshold: 1s",
            "The warn threshold 2000000 for minimum_timestamp_warn_threshold should be lower than the fail threshold \
             1000000",
        );
        refused(
            "table_properties_warned: [comment, x]",
            "Invalid value for table_properties_warned: '[x]' do not parse as valid table properties",
        );
        refused(
            "minimum_replication_factor_fail_threshold: 3",
            "minimum_replication_factor_fail_threshold to be set (3) cannot be greater than default_keyspace_rf (1)",
        );
        assert_eq!(refusal("table_properties_ignored: [CDC]\nminimum_timestamp_fail_threshold: 0s"), "");
    }
}
