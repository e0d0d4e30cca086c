//! Older names of keys: between the number they took and the value with a unit of today, both ways.

use super::spec::{DurationSpec, RateSpec, StorageSpec, StorageUnit, TimeUnit};
use super::value::Value;

/// Local and replicated system keyspaces, which `keyspace_count_warn_threshold` counted too.
const SYSTEM_KEYSPACES: i64 = 5;
/// Tables in them, which `table_count_warn_threshold` counted too.
const SYSTEM_TABLES: i64 = 48;

/// The value of the present key for what the older key says; `None` where the older key's word means "not set".
pub(super) fn convert(converter: &str, text: &str) -> Result<Option<Value>, String> {
    let number = || text.replace('_', "").parse::<i64>().map_err(|_| format!("\"{text}\" is not an integer"));
    let non_negative = |what: &str| {
        let value = number()?;
        u64::try_from(value).map_err(|_| format!("Invalid {what}: value must be non-negative"))
    };
    let duration = |unit| Ok(Some(Value::Duration(DurationSpec::new(non_negative("duration")?, unit))));
    let storage = |unit| Ok(Some(Value::Storage(StorageSpec::new(non_negative("data storage")?, unit))));
    match converter {
        "MILLIS_DURATION_LONG" | "MILLIS_DURATION_INT" => duration(TimeUnit::Milliseconds),
        "MILLIS_CUSTOM_DURATION" | "MINUTES_CUSTOM_DURATION" | "BYTES_CUSTOM_DATASTORAGE"
            if number()? == -1 =>
        {
            Ok(None)
        }
        "MILLIS_CUSTOM_DURATION" => duration(TimeUnit::Milliseconds),
        "MINUTES_CUSTOM_DURATION" => duration(TimeUnit::Minutes),
        "MILLIS_DURATION_DOUBLE" => {
            let value: f64 = text.parse().map_err(|_| format!("\"{text}\" is not a number"))?;
            if value < 0.0 {
                return Err("Invalid duration: value must be non-negative".to_owned());
            }
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked, and casts saturate"
            )]
            Ok(Some(Value::Duration(DurationSpec::new(value.round() as u64, TimeUnit::Milliseconds))))
        }
        "SECONDS_DURATION" => duration(TimeUnit::Seconds),
        "NEGATIVE_SECONDS_DURATION" if number()? < 0 => {
            Ok(Some(Value::Duration(DurationSpec::new(0, TimeUnit::Seconds))))
        }
        "NEGATIVE_SECONDS_DURATION" => duration(TimeUnit::Seconds),
        "SECONDS_CUSTOM_DURATION" => match text.parse() {
            Ok(seconds) => Ok(Some(Value::Duration(DurationSpec::new(seconds, TimeUnit::Seconds)))),
            Err(_) => DurationSpec::parse(text, TimeUnit::Seconds, i32::MAX as u64)
                .map(|spec| Some(Value::Duration(spec))),
        },
        "NEGATIVE_MEBIBYTES_DATA_STORAGE_INT" if number()? < 0 => Ok(None),
        "MEBIBYTES_DATA_STORAGE_LONG"
        | "MEBIBYTES_DATA_STORAGE_INT"
        | "NEGATIVE_MEBIBYTES_DATA_STORAGE_INT"
        | "LONG_BYTES_DATASTORAGE_MEBIBYTES_INT" => storage(StorageUnit::Mebibytes),
        "LONG_BYTES_DATASTORAGE_MEBIBYTES_DATASTORAGE" => {
            StorageSpec::parse(text, StorageUnit::Mebibytes, i32::MAX as u64)
                .map(|spec| Some(Value::Storage(spec)))
        }
        "KIBIBYTES_DATASTORAGE" => storage(StorageUnit::Kibibytes),
        "BYTES_DATASTORAGE" | "BYTES_CUSTOM_DATASTORAGE" => storage(StorageUnit::Bytes),
        "MEBIBYTES_PER_SECOND_DATA_RATE" => {
            Ok(Some(Value::Rate(RateSpec::new(non_negative("data rate")?, StorageUnit::Mebibytes))))
        }
        "MEGABITS_TO_BYTES_PER_SECOND_DATA_RATE" => {
            let bytes = non_negative("data rate")?.saturating_mul(125_000);
            Ok(Some(Value::Rate(RateSpec::new(bytes, StorageUnit::Bytes))))
        }
        "KEYSPACE_COUNT_THRESHOLD_TO_GUARDRAIL" => {
            Ok(Some(Value::Int(number()?.saturating_sub(SYSTEM_KEYSPACES))))
        }
        "TABLE_COUNT_THRESHOLD_TO_GUARDRAIL" => Ok(Some(Value::Int(number()?.saturating_sub(SYSTEM_TABLES)))),
        "INTEGER_PRIMITIVE_LONG" => Ok(Some(Value::Int(number()?))),
        "IDENTITY" => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Ok(Some(Value::Bool(true))),
            "false" | "no" | "off" => Ok(Some(Value::Bool(false))),
            _ => Err(format!("\"{text}\" is neither true nor false")),
        },
        other => Err(format!("no converter {other}")),
    }
}

/// What `system_views.settings` prints under the older name.
pub(super) fn unconvert(converter: &str, value: Option<&Value>) -> Option<String> {
    let Some(value) = value else {
        let minus_one = converter.contains("_CUSTOM_") || converter.starts_with("NEGATIVE_MEBIBYTES");
        return (minus_one
            && converter != "BYTES_CUSTOM_DATASTORAGE"
            && converter != "SECONDS_CUSTOM_DURATION")
            .then(|| "-1".to_owned());
    };
    Some(match value {
        Value::Duration(spec) => {
            let unit = match converter {
                _ if converter.starts_with("MILLIS") => TimeUnit::Milliseconds,
                _ if converter.starts_with("MINUTES") => TimeUnit::Minutes,
                _ => TimeUnit::Seconds,
            };
            let quantity = spec.to(unit);
            if converter == "MILLIS_DURATION_DOUBLE" { format!("{quantity}.0") } else { quantity.to_string() }
        }
        Value::Storage(spec) => match converter {
            "LONG_BYTES_DATASTORAGE_MEBIBYTES_DATASTORAGE" => {
                format!("{}MiB", spec.to(StorageUnit::Mebibytes))
            }
            _ if converter.contains("MEBIBYTES") => spec.to(StorageUnit::Mebibytes).to_string(),
            _ if converter.contains("KIBIBYTES") => spec.to(StorageUnit::Kibibytes).to_string(),
            _ => spec.bytes().to_string(),
        },
        Value::Rate(spec) if converter.starts_with("MEGABITS") => {
            (spec.bytes_per_second().saturating_add(62_500) / 125_000).to_string()
        }
        Value::Rate(spec) => (spec.bytes_per_second().saturating_add(1 << 19) >> 20).to_string(),
        Value::Int(value) => match converter {
            "KEYSPACE_COUNT_THRESHOLD_TO_GUARDRAIL" => (value + SYSTEM_KEYSPACES).to_string(),
            "TABLE_COUNT_THRESHOLD_TO_GUARDRAIL" => (value + SYSTEM_TABLES).to_string(),
            _ => value.to_string(),
        },
        other => other.to_string(),
    })
}
