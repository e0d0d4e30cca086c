//! The options of `UnifiedCompactionStrategy` (Cassandra: `compaction.unified.Controller.validateOptions`).

use super::compaction::not_a_number;
use super::number::parse_double;
use super::{OptionMap, is_boolean};
use crate::error::{Error, Result};

/// The smallest target size of an SSTable, in bytes.
const TARGET_SIZE_MIN: f64 = 1_048_576.0;
/// The target size of an SSTable where none is given, in bytes.
const TARGET_SIZE_DEFAULT: f64 = 1_073_741_824.0;
/// Java's greatest `long` as a double, which is one more.
const LONG_MAX: f64 = 9_223_372_036_854_775_808.0;

/// Checks and takes away the options that the strategy knows.
pub(super) fn check(rest: &mut OptionMap) -> Result<()> {
    if let Some(text) = rest.remove("scaling_parameters") {
        text.split(',').try_for_each(|part| scaling_parameter(part.trim()))?;
    }
    if let Some(text) = rest.remove("base_shard_count") {
        let value: i32 = text.parse().map_err(|_| not_a_number(&text, "base_shard_count"))?;
        positive("base_shard_count", i64::from(value))?;
    }
    let target = size(rest, "target_sstable_size")?;
    size(rest, "flush_size_override")?;
    if let Some(text) = rest.remove("max_sstables_to_compact") {
        text.parse::<i32>().map_err(|_| not_a_number(&text, "max_sstables_to_compact"))?;
    }
    let frequency = "expired_sstable_check_frequency_seconds";
    if let Some(text) = rest.remove(frequency) {
        let unparsable = || Error::config(format!("{text} is not a parsable long (base10) for {frequency}"));
        positive(frequency, text.parse().map_err(|_| unparsable())?)?;
    }
    let unsafe_expiration = "unsafe_aggressive_sstable_expiration";
    if let Some(text) = rest.remove(unsafe_expiration)
        && !is_boolean(&text)
    {
        let text = format!("{unsafe_expiration} should either be 'true' or 'false', not {text}");
        return Err(Error::config(text));
    }
    if let Some(text) = rest.remove("overlap_inclusion_method")
        && !["NONE", "SINGLE", "TRANSITIVE"].contains(&text.to_uppercase().as_str())
    {
        return Err(Error::config(format!(
            "Invalid overlap inclusion method {text}. The valid options are [NONE, SINGLE, TRANSITIVE]."
        )));
    }
    min_sstable_size(rest, target.unwrap_or(TARGET_SIZE_DEFAULT))?;
    if let Some(text) = rest.remove("sstable_growth") {
        growth(&text)?;
    }
    Ok(())
}

fn positive(option: &str, value: i64) -> Result<()> {
    if value > 0 {
        return Ok(());
    }
    Err(Error::config(format!("Invalid configuration, {option} should be positive: {value}")))
}

/// `N`, `L8`, `T4` or a number.
fn scaling_parameter(part: &str) -> Result<()> {
    let valid = match part.strip_prefix(['L', 'T']) {
        _ if part == "N" => true,
        Some(digits) if are_digits(digits) => {
            if factor(digits)? < 2 {
                return Err(Error::config(format!("Fan factor cannot be lower than 2 in {part}")));
            }
            true
        }
        None if are_digits(part.strip_prefix(['+', '-']).unwrap_or(part)) => factor(part).map(|_| true)?,
        _ => false,
    };
    if valid {
        return Ok(());
    }
    Err(Error::config(format!("Scaling parameter {part} must match N|L[0-9]+|T[0-9]+|[+-]?[0-9]+")))
}

fn are_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A number, which may be too large. Cassandra does not expect that, and says so.
fn factor(text: &str) -> Result<i32> {
    text.parse().map_err(|_| {
        Error::config(format!(
            "org.apache.cassandra.db.compaction.UnifiedCompactionStrategy.validateOptions() threw an error: \
             java.lang.NumberFormatException For input string: \"{text}\""
        ))
    })
}

/// Bytes, with a unit such as `MiB` or `B` (Cassandra: `FBUtilities.parseHumanReadableBytes`).
pub fn bytes_with_unit(text: &str) -> Option<f64> {
    let text = text.trim();
    let text = text.strip_suffix('B')?.trim_end();
    let units = [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];
    let found = units.iter().find_map(|(unit, power)| Some((text.strip_suffix(unit)?, *power)));
    let (digits, power) = found.unwrap_or((text, 0));
    Some(parse_double(digits.trim_end())? * f64::from(2.0_f32.powi(power)))
}

fn size(rest: &mut OptionMap, option: &str) -> Result<Option<f64>> {
    let Some(text) = rest.remove(option) else { return Ok(None) };
    let value = bytes_with_unit(&text).ok_or_else(|| {
        let why = if text.ends_with('B') {
            format!("Invalid number {text}")
        } else {
            format!("{text} does not end in unit B")
        };
        Error::config(format!("{option} {text} is not a valid size in bytes: {why}"))
    })?;
    if option == "target_sstable_size" && value >= LONG_MAX {
        return Err(Error::config(format!("{option} {text} is out of range of Long.")));
    }
    if value < TARGET_SIZE_MIN {
        return Err(Error::config(format!(
            "{option} {text} is not acceptable, size must be at least 1.000MiB"
        )));
    }
    Ok(Some(value))
}

fn min_sstable_size(rest: &mut OptionMap, target: f64) -> Result<()> {
    let Some(text) = rest.remove("min_sstable_size") else { return Ok(()) };
    let value = bytes_with_unit(&text)
        .ok_or_else(|| Error::config(format!("{text} is not a valid size in bytes for min_sstable_size")))?
        .min(LONG_MAX);
    if value < 0.0 {
        return Err(Error::config(
            "Invalid configuration, min_sstable_size should be greater than or equal to 0 (zero)",
        ));
    }
    if value >= (target * 0.5_f64.sqrt()).ceil() {
        let (value, target) = (pretty_memory(value), pretty_memory(target));
        return Err(Error::config(format!(
            "Invalid configuration, min_sstable_size ({value}) should be less than 70% of the targetSSTableSize \
             ({target})"
        )));
    }
    Ok(())
}

fn pretty_memory(bytes: f64) -> String {
    for (unit, power) in [("EiB", 60), ("PiB", 50), ("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)] {
        let size = f64::from(2.0_f32.powi(power));
        if bytes >= size {
            return format!("{:.3}{unit}", bytes / size);
        }
    }
    format!("{bytes}B")
}

/// A number between 0 and 1, or a percentage (Cassandra: `FBUtilities.parsePercent`).
pub fn fraction(text: &str) -> Option<f64> {
    match text.trim().strip_suffix('%') {
        Some(digits) => parse_double(digits).map(|value| value / 100.0),
        None => parse_double(text),
    }
}

fn growth(text: &str) -> Result<()> {
    match fraction(text) {
        None => Err(Error::config(format!(
            "sstable_growth is not a valid number between 0 and 1: For input string: \"{text}\""
        ))),
        Some(value) if !(0.0..=1.0).contains(&value) => {
            Err(Error::config(format!("sstable_growth {text} must be between 0 and 1")))
        }
        Some(_) => Ok(()),
    }
}
