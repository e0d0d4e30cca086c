//! `speculative_retry` and `additional_write_policy` (Cassandra: `SpeculativeRetryPolicy`).

use super::number::parse_double;
use crate::error::{Error, Result};
use crate::schema::SpeculativeRetry;

impl SpeculativeRetry {
    /// Reads a policy, and brings it into its normal form.
    pub fn parse(text: &str) -> Result<SpeculativeRetry> {
        let lower = text.to_ascii_lowercase();
        let normal = match lower.as_str() {
            "always" => "ALWAYS".to_owned(),
            "never" | "none" => "NEVER".to_owned(),
            _ => match simple(&lower, text)? {
                Some(policy) => policy.text(),
                None => hybrid(&lower, text)?,
            },
        };
        Ok(SpeculativeRetry(normal))
    }
}

enum Simple {
    Percentile(f64),
    Fixed(i32),
}

impl Simple {
    fn text(&self) -> String {
        match self {
            // Java's DecimalFormat("#.####"): at most four decimals, no zeros at the end, none before the point.
            Self::Percentile(value) => {
                let text = format!("{value:.4}");
                let text = text.trim_end_matches('0').trim_end_matches('.');
                format!("{}p", if text == "0" { text } else { text.strip_prefix('0').unwrap_or(text) })
            }
            Self::Fixed(millis) => format!("{millis}ms"),
        }
    }
}

fn invalid(text: &str) -> Error {
    Error::config(format!("Invalid value {text} for option 'speculative_retry'"))
}

/// A percentile or a fixed time; none where it does not look like one.
fn simple(lower: &str, text: &str) -> Result<Option<Simple>> {
    let number = |suffix: &str| {
        let digits = lower.strip_suffix(suffix)?;
        let is_number = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit() || c == '.');
        is_number.then_some(digits)
    };
    if let Some(digits) = number("percentile").or_else(|| number("p")) {
        let value = parse_double(digits).ok_or_else(|| invalid(text))?;
        if value <= 0.0 || value >= 100.0 {
            return Err(Error::config(format!(
                "Invalid value {text} for PERCENTILE option 'speculative_retry': must be between (0.0 and 100.0)"
            )));
        }
        return Ok(Some(Simple::Percentile(value)));
    }
    if let Some(digits) = number("ms") {
        let value = parse_double(digits).ok_or_else(|| invalid(text))?;
        return Ok(Some(Simple::Fixed(value as i32)));
    }
    Ok(None)
}

fn hybrid(lower: &str, text: &str) -> Result<String> {
    let inner =
        |function| lower.strip_prefix(function)?.strip_prefix('(')?.strip_suffix(')')?.split_once(',');
    let (function, parts) = match (inner("min"), inner("max")) {
        (Some(parts), _) => ("MIN", parts),
        (_, Some(parts)) => ("MAX", parts),
        _ => return Err(invalid(text)),
    };
    let (first, second) = (parts.0.trim_end(), parts.1.trim_start());
    let policy = |part: &str| simple(part, text).ok().flatten().ok_or_else(|| invalid(text));
    let same = |kind: &str| {
        Err(Error::config(format!(
            "Invalid value {text} for option 'speculative_retry': MIN()/MAX() arguments should be of different types, \
             but both are of type {kind}"
        )))
    };
    match (policy(first)?, policy(second)?) {
        (Simple::Percentile(_), Simple::Percentile(_)) => same("PERCENTILE"),
        (Simple::Fixed(_), Simple::Fixed(_)) => same("FIXED"),
        (p @ Simple::Percentile(_), f) | (f, p) => Ok(format!("{function}({},{})", p.text(), f.text())),
    }
}
