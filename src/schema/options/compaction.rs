//! `compaction` (Cassandra: `CompactionParams` and each strategy's `validateOptions`).

use super::number::parse_double;
use super::{OptionMap, is_boolean, is_numeric, is_true, keys, unified};
use crate::error::{Error, Result};
use crate::schema::CompactionParams;
use crate::types::java_double;

const PACKAGE: &str = "org.apache.cassandra.db.compaction.";

impl CompactionParams {
    /// Reads the sub-options of `compaction`; [`CompactionParams::validate`] checks the strategy's own.
    pub fn from_map(map: &OptionMap) -> Result<CompactionParams> {
        let mut options = map.clone();
        let class = options
            .remove("class")
            .ok_or_else(|| Error::config("Missing sub-option 'class' for the 'compaction' option"))?;
        let class = full_class_name(&class)?;
        if let Some(value) = options.get("provide_overlapping_tombstones") {
            let value = value.to_uppercase();
            if !["NONE", "ROW", "CELL"].contains(&value.as_str()) {
                return Err(Error::config(format!(
                    "Invalid value {value} for 'provide_overlapping_tombstones' compaction sub-option - must be one of \
                     the following [NONE, ROW, CELL]."
                )));
            }
        }
        if !class.ends_with(".UnifiedCompactionStrategy") {
            options.entry("min_threshold".to_owned()).or_insert_with(|| "4".to_owned());
            options.entry("max_threshold".to_owned()).or_insert_with(|| "32".to_owned());
        }
        Ok(CompactionParams { class, options })
    }

    /// All sub-options as `system_schema` holds them.
    pub fn as_map(&self) -> OptionMap {
        let mut map = self.options.clone();
        map.insert("class".to_owned(), self.class.clone());
        map
    }

    /// The class's name without its package.
    pub fn simple_class_name(&self) -> &str {
        self.class.rsplit('.').next().unwrap_or(&self.class)
    }

    /// Whether compactions run on their own (`enabled`).
    pub fn is_enabled(&self) -> bool {
        self.options.get("enabled").is_none_or(|value| is_true(value))
    }

    /// The least number of SSTables to compact together.
    pub fn min_threshold(&self) -> usize {
        self.options.get("min_threshold").and_then(|value| value.parse().ok()).unwrap_or(4)
    }

    /// The greatest number of SSTables to compact together.
    pub fn max_threshold(&self) -> usize {
        self.options.get("max_threshold").and_then(|value| value.parse().ok()).unwrap_or(32)
    }

    /// The false positive rate of bloom filters where none is given.
    pub fn default_bloom_filter_fp_chance(&self) -> f64 {
        if self.class.ends_with(".LeveledCompactionStrategy") { 0.1 } else { 0.01 }
    }

    /// Checks all sub-options.
    pub fn validate(&self) -> Result<()> {
        let mut rest = self.options.clone();
        check_common(&mut rest)?;
        match self.simple_class_name() {
            "LeveledCompactionStrategy" => {
                check_leveled(&mut rest)?;
                check_size_tiered(&mut rest)?;
            }
            "TimeWindowCompactionStrategy" => {
                check_time_window(&mut rest)?;
                check_size_tiered(&mut rest)?;
            }
            "UnifiedCompactionStrategy" => unified::check(&mut rest)?,
            _ => check_size_tiered(&mut rest)?,
        }
        if !rest.is_empty() {
            let (keys, class) = (keys(&rest), self.simple_class_name());
            return Err(Error::config(format!("Properties specified {keys} are not understood by {class}")));
        }
        self.validate_thresholds()
    }

    fn validate_thresholds(&self) -> Result<()> {
        let threshold = |name: &str, default: i32| -> Result<i32> {
            let Some(text) = self.options.get(name) else { return Ok(default) };
            let number = if is_numeric(text) { text.parse().ok() } else { None };
            number.ok_or_else(|| {
                Error::config(format!(
                    "Invalid value {text} for '{name}' compaction sub-option - must be an integer"
                ))
            })
        };
        let (min, max) = (threshold("min_threshold", 4)?, threshold("max_threshold", 32)?);
        if min <= 0 || max <= 0 {
            return Err(Error::config(
                "Disabling compaction by setting compaction thresholds to 0 has been removed, set the compaction \
                 option 'enabled' to false instead.",
            ));
        }
        if min <= 1 {
            let text = format!("Min compaction threshold cannot be less than 2 (got {min})");
            return Err(Error::config(text));
        }
        if min > max {
            return Err(Error::config(format!(
                "Min compaction threshold (got {min}) cannot be greater than max compaction threshold (got {max})"
            )));
        }
        Ok(())
    }
}

fn full_class_name(class: &str) -> Result<String> {
    let name = if class.contains('.') { class.to_owned() } else { format!("{PACKAGE}{class}") };
    let known = [
        "SizeTieredCompactionStrategy",
        "LeveledCompactionStrategy",
        "TimeWindowCompactionStrategy",
        "UnifiedCompactionStrategy",
    ];
    match name.strip_prefix(PACKAGE) {
        Some(simple) if known.contains(&simple) => Ok(name),
        _ => Err(Error::config(format!("Unable to find compaction strategy class '{name}'"))),
    }
}

pub(super) fn not_a_number(text: &str, option: &str) -> Error {
    Error::config(format!("{text} is not a parsable int (base10) for {option}"))
}

/// The options of every strategy (`AbstractCompactionStrategy`).
fn check_common(rest: &mut OptionMap) -> Result<()> {
    if let Some(text) = rest.remove("tombstone_threshold") {
        let value = parse_double(&text).ok_or_else(|| not_a_number(&text, "tombstone_threshold"))?;
        if value < 0.0 {
            let text = format!("tombstone_threshold must be greater than 0, but was {value:.6}");
            return Err(Error::config(text));
        }
    }
    if let Some(text) = rest.remove("tombstone_compaction_interval") {
        let value: i64 = text.parse().map_err(|_| not_a_number(&text, "tombstone_compaction_interval"))?;
        if value < 0 {
            let text = format!("tombstone_compaction_interval must be greater than 0, but was {value}");
            return Err(Error::config(text));
        }
    }
    if let Some(text) = rest.remove("unchecked_tombstone_compaction")
        && !is_boolean(&text)
    {
        return Err(Error::config(format!(
            "'unchecked_tombstone_compaction' should be either 'true' or 'false', not '{text}'"
        )));
    }
    if let Some(text) = rest.remove("log_all")
        && !is_boolean(&text)
    {
        return Err(Error::config(format!("'log_all' should either be 'true' or 'false', not {text}")));
    }
    if let Some(text) = rest.remove("enabled")
        && !is_boolean(&text)
    {
        return Err(Error::config(format!("enabled should either be 'true' or 'false', not {text}")));
    }
    rest.remove("only_purge_repaired_tombstones");
    rest.remove("provide_overlapping_tombstones");
    Ok(())
}

fn check_size_tiered(rest: &mut OptionMap) -> Result<()> {
    if let Some(text) = rest.remove("min_sstable_size") {
        let value: i64 = text.parse().map_err(|_| not_a_number(&text, "min_sstable_size"))?;
        if value < 0 {
            return Err(Error::config(format!("min_sstable_size must be non negative: {value}")));
        }
    }
    let mut bucket = |name: &str, default: f64| -> Result<f64> {
        let Some(text) = rest.remove(name) else { return Ok(default) };
        parse_double(&text).ok_or_else(|| Error::config(format!("{text} is not a parsable float for {name}")))
    };
    let low = bucket("bucket_low", 0.5)?;
    let high = bucket("bucket_high", 1.5)?;
    if high <= low {
        let (high, low) = (java_double(high), java_double(low));
        return Err(Error::config(format!(
            "bucket_high value ({high}) is less than or equal to the bucket_low value ({low})"
        )));
    }
    rest.remove("min_threshold");
    rest.remove("max_threshold");
    Ok(())
}

fn check_leveled(rest: &mut OptionMap) -> Result<()> {
    let size = rest.remove("sstable_size_in_mb").unwrap_or_else(|| "1".to_owned());
    let value: i32 = size.parse().map_err(|_| not_a_number(&size, "sstable_size_in_mb"))?;
    if value < 1 {
        let text = format!("sstable_size_in_mb must be larger than 0, but was {value}");
        return Err(Error::config(text));
    }
    if let Some(text) = rest.remove("fanout_size") {
        let value: i32 = text.parse().map_err(|_| not_a_number(&size, "fanout_size"))?;
        if value < 1 {
            return Err(Error::config(format!("fanout_size must be larger than 0, but was {value}")));
        }
    }
    rest.remove("single_sstable_uplevel");
    Ok(())
}

fn check_time_window(rest: &mut OptionMap) -> Result<()> {
    let mut one_of = |option: &str, valid: &[&str]| -> Result<()> {
        match rest.remove(option) {
            Some(text) if !valid.contains(&text.as_str()) => {
                Err(Error::config(format!("{text} is not valid for {option}")))
            }
            _ => Ok(()),
        }
    };
    one_of("timestamp_resolution", &["SECONDS", "MILLISECONDS", "MICROSECONDS", "NANOSECONDS"])?;
    one_of("compaction_window_unit", &["MINUTES", "HOURS", "DAYS"])?;
    if let Some(text) = rest.remove("compaction_window_size") {
        let value: i32 = text.parse().map_err(|_| not_a_number(&text, "compaction_window_size"))?;
        if value < 1 {
            return Err(Error::config(format!("{value} must be greater than 1 for compaction_window_size")));
        }
    }
    let frequency = "expired_sstable_check_frequency_seconds";
    if let Some(text) = rest.remove(frequency) {
        let value: i64 = text.parse().map_err(|_| not_a_number(&text, frequency))?;
        if value < 0 {
            return Err(Error::config(format!("{frequency} must not be negative, but was {value}")));
        }
    }
    let unsafe_expiration = "unsafe_aggressive_sstable_expiration";
    if let Some(text) = rest.remove(unsafe_expiration) {
        if !is_boolean(&text) {
            return Err(Error::config(format!("{unsafe_expiration} is not 'true' or 'false' ({text})")));
        }
        if is_true(&text) {
            return Err(Error::config(format!(
                "{unsafe_expiration} is requested but not allowed, restart cassandra with \
                 -Dcassandra.allow_unsafe_aggressive_sstable_expiration=true to allow it"
            )));
        }
    }
    Ok(())
}
