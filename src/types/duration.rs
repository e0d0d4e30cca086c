//! Durations: months, days and nanoseconds, each a signed vint (Cassandra: `cql3.Duration`).

use std::fmt;

use super::datetime::{MILLIS_PER_DAY, civil_from_days, days_from_civil, days_in_month};
use super::{MarshalError, vint};

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const NANOS_PER_HOUR: i64 = 3600 * NANOS_PER_SECOND;

/// A duration; its parts are all of one sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are CQL's own terms")]
pub struct Duration {
    pub months: i32,
    pub days: i32,
    pub nanoseconds: i64,
}

impl Duration {
    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(12);
        vint::write_signed(&mut out, self.months.into());
        vint::write_signed(&mut out, self.days.into());
        vint::write_signed(&mut out, self.nanoseconds);
        out
    }

    /// The duration of these bytes, which [`Duration::validate`] lets pass.
    pub fn decode(mut bytes: &[u8]) -> Option<Self> {
        let months = vint::read_signed_i32(&mut bytes)?;
        let days = vint::read_signed_i32(&mut bytes)?;
        let nanoseconds = vint::read_signed(&mut bytes)?;
        Some(Self { months, days, nanoseconds })
    }

    pub(super) fn validate(bytes: &[u8]) -> Result<(), MarshalError> {
        let short = || MarshalError(format!("Expected at least 3 bytes for a duration ({})", bytes.len()));
        if bytes.len() < 3 {
            return Err(short());
        }
        let mut rest = bytes;
        let mut next = || vint::read_signed(&mut rest).ok_or_else(short);
        let (months, days, nanos) = (next()?, next()?, next()?);
        for (name, value) in [("months", months), ("days", days)] {
            if i32::try_from(value).is_err() {
                return Err(MarshalError(format!(
                    "The duration {name} must be a 32 bits integer but was: {value}"
                )));
            }
        }
        let parts = [months, days, nanos];
        if parts.iter().all(|p| *p >= 0) || parts.iter().all(|p| *p <= 0) {
            return Ok(());
        }
        Err(MarshalError(format!(
            "The duration months, days and nanoseconds must be all of the same sign ({months}, {days}, {nanos})"
        )))
    }

    /// Whether a part is below zero.
    pub fn is_negative(&self) -> bool {
        self.months < 0 || self.days < 0 || self.nanoseconds < 0
    }

    /// The same duration the other way round. The parts are never the lowest of their type.
    pub fn negated(&self) -> Self {
        Self {
            months: self.months.wrapping_neg(),
            days: self.days.wrapping_neg(),
            nanoseconds: self.nanoseconds.wrapping_neg(),
        }
    }

    /// The time that comes this much after `millis` since 1970 (Cassandra: `Duration.addTo`).
    pub fn add_to(&self, millis: i64) -> i64 {
        let days = i64::from(self.days).wrapping_mul(MILLIS_PER_DAY);
        let rest = self.nanoseconds / 1_000_000;
        if self.months == 0 {
            return millis.wrapping_add(days).wrapping_add(rest);
        }
        // Java's calendar takes no more than 32 bits of milliseconds
        let rest = i64::from(rest as i32);
        Self::add_months(millis, self.months.into()).wrapping_add(days).wrapping_add(rest)
    }

    /// The same time of a month that comes so many months after, of its last day where it has no such day.
    pub fn add_months(millis: i64, months: i64) -> i64 {
        let (year, month, day) = civil_from_days(millis.div_euclid(MILLIS_PER_DAY));
        let month = month - 1 + months;
        let (year, month) = (year + month.div_euclid(12), month.rem_euclid(12) + 1);
        let days = days_from_civil(year, month, day.min(days_in_month(year, month)));
        days.wrapping_mul(MILLIS_PER_DAY).wrapping_add(millis.rem_euclid(MILLIS_PER_DAY))
    }

    /// How many months lie between the months of two times.
    pub fn months_between(from_millis: i64, to_millis: i64) -> i64 {
        let months = |millis: i64| {
            let (year, month, _) = civil_from_days(millis.div_euclid(MILLIS_PER_DAY));
            year * 12 + month
        };
        months(to_millis) - months(from_millis)
    }

    /// Reads one of the forms `1y2mo3w4d5h6m7s8ms9us10ns`, `P1Y2M3DT4H5M6S`, `P3W` and
    /// `P0001-02-03T04:05:06`, each with a minus sign or without.
    pub fn parse(input: &str) -> Result<Self, MarshalError> {
        let (is_negative, source) = match input.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, input),
        };
        let mut builder = Builder::default();
        let read = match source.strip_prefix('P') {
            Some(iso) if iso.ends_with('W') => builder.read_weeks(iso)?,
            Some(iso) if iso.contains('-') => builder.read_alternative(iso)?,
            Some(iso) => builder.read_iso8601(iso)?,
            None => builder.read_standard(source)?,
        };
        if read.is_none() {
            return Err(MarshalError(format!("Unable to convert '{source}' to a duration")));
        }
        Ok(if is_negative { builder.duration.negated() } else { builder.duration })
    }
}

/// Units in the order in which they must appear, with their plural names.
const UNITS: [&str; 10] = [
    "years",
    "months",
    "weeks",
    "days",
    "hours",
    "minutes",
    "seconds",
    "milliseconds",
    "microseconds",
    "nanoseconds",
];

/// Which part a unit counts towards, and how much one of it is.
enum Part {
    Months(i32),
    Days(i32),
    Nanos(i64),
}

fn part(unit: usize) -> Part {
    match unit {
        0 => Part::Months(12),
        1 => Part::Months(1),
        2 => Part::Days(7),
        3 => Part::Days(1),
        4 => Part::Nanos(NANOS_PER_HOUR),
        5 => Part::Nanos(60 * NANOS_PER_SECOND),
        6 => Part::Nanos(NANOS_PER_SECOND),
        7 => Part::Nanos(1_000_000),
        8 => Part::Nanos(1000),
        _ => Part::Nanos(1),
    }
}

/// What a reading step answers: an error for a wrong duration, `None` for text that is none at all.
type Step = Result<Option<()>, MarshalError>;

#[derive(Default)]
struct Builder {
    duration: Duration,
    /// One more than the unit that was last added.
    last: usize,
}

impl Builder {
    fn add(&mut self, digits: &str, unit: usize) -> Step {
        let Ok(number) = digits.parse::<i64>() else {
            return Err(MarshalError(format!("For input string: \"{digits}\"")));
        };
        if unit + 1 == self.last {
            let name = UNITS[unit];
            return Err(MarshalError(format!("Invalid duration. The {name} are specified multiple times")));
        }
        if unit + 1 < self.last {
            return Err(MarshalError(format!(
                "Invalid duration. The {} should be after {}",
                UNITS[self.last - 1],
                UNITS[unit]
            )));
        }
        self.last = unit + 1;
        let too_many = |name| {
            MarshalError(format!(
                "Invalid duration. The total number of {name} must be less or equal to {}",
                i32::MAX
            ))
        };
        let duration = &mut self.duration;
        let add_i32 = |to: i32, factor: i32, name| {
            i32::try_from(number)
                .ok()
                .and_then(|n| n.checked_mul(factor)?.checked_add(to))
                .ok_or_else(|| too_many(name))
        };
        match part(unit) {
            Part::Months(factor) => duration.months = add_i32(duration.months, factor, "months")?,
            Part::Days(factor) => duration.days = add_i32(duration.days, factor, "days")?,
            Part::Nanos(factor) => {
                duration.nanoseconds = number
                    .checked_mul(factor)
                    .and_then(|n| n.checked_add(duration.nanoseconds))
                    .ok_or_else(|| too_many("nanoseconds"))?;
            }
        }
        Ok(Some(()))
    }

    fn read_standard(&mut self, source: &str) -> Step {
        let mut rest = source;
        while !rest.is_empty() {
            let (digits, after) = split_digits(rest);
            // longer symbols first, so that "mo" and "ms" are not taken for minutes
            const SYMBOLS: [(&str, usize); 11] = [
                ("mo", 1),
                ("ms", 7),
                ("us", 8),
                ("\u{b5}s", 8),
                ("ns", 9),
                ("y", 0),
                ("w", 2),
                ("d", 3),
                ("h", 4),
                ("m", 5),
                ("s", 6),
            ];
            let found = SYMBOLS.iter().find(|(symbol, _)| {
                after.get(..symbol.len()).is_some_and(|s| s.eq_ignore_ascii_case(symbol))
            });
            let Some((symbol, unit)) = found.filter(|_| !digits.is_empty()) else {
                return Ok(None);
            };
            self.add(digits, *unit)?;
            rest = &after[symbol.len()..];
        }
        Ok((self.last > 0).then_some(()))
    }

    fn read_weeks(&mut self, iso: &str) -> Step {
        let (digits, rest) = split_digits(iso);
        if digits.is_empty() || rest != "W" { Ok(None) } else { self.add(digits, 2) }
    }

    fn read_iso8601(&mut self, iso: &str) -> Step {
        let (date, time) = match iso.split_once('T') {
            Some((date, time)) => (date, time),
            None => (iso, ""),
        };
        for (mut rest, designators) in
            [(date, [('Y', 0), ('M', 1), ('D', 3)]), (time, [('H', 4), ('M', 5), ('S', 6)])]
        {
            for (designator, unit) in designators {
                let (digits, after) = split_digits(rest);
                if let Some(after) = after.strip_prefix(designator).filter(|_| !digits.is_empty()) {
                    self.add(digits, unit)?;
                    rest = after;
                }
            }
            if !rest.is_empty() {
                return Ok(None);
            }
        }
        Ok(Some(()))
    }

    fn read_alternative(&mut self, iso: &str) -> Step {
        // yyyy-MM-ddTHH:mm:ss
        let shape = |(i, b): (usize, u8)| match i {
            4 | 7 => b == b'-',
            10 => b == b'T',
            13 | 16 => b == b':',
            _ => b.is_ascii_digit(),
        };
        if iso.len() != 19 || !iso.bytes().enumerate().all(shape) {
            return Ok(None);
        }
        for (range, unit) in [(0..4, 0), (5..7, 1), (8..10, 3), (11..13, 4), (14..16, 5), (17..19, 6)] {
            self.add(&iso[range], unit)?;
        }
        Ok(Some(()))
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

impl fmt::Display for Duration {
    /// As `1y2mo3d4h5m6s7ms8us9ns`; nothing at all for zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_negative() {
            f.write_str("-")?;
        }
        let months = self.months.unsigned_abs();
        let mut write = |value: u64, unit| if value == 0 { Ok(()) } else { write!(f, "{value}{unit}") };
        write((months / 12).into(), "y")?;
        write((months % 12).into(), "mo")?;
        write(self.days.unsigned_abs().into(), "d")?;
        let mut rest = self.nanoseconds.unsigned_abs();
        for (divisor, unit) in [
            (3600 * 1_000_000_000, "h"),
            (60_000_000_000, "m"),
            (1_000_000_000, "s"),
            (1_000_000, "ms"),
            (1000, "us"),
            (1, "ns"),
        ] {
            write(rest / divisor, unit)?;
            rest %= divisor;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn duration(months: i32, days: i32, nanoseconds: i64) -> Duration {
        Duration { months, days, nanoseconds }
    }

    #[test]
    fn all_forms() {
        let hours = NANOS_PER_HOUR;
        for (text, expected) in [
            ("1y2mo", duration(14, 0, 0)),
            ("-2w", duration(0, -14, 0)),
            ("89h4m48s", duration(0, 0, 89 * hours + 288 * NANOS_PER_SECOND)),
            ("1Y3MO2D10MS5US1NS", duration(15, 2, 10_005_001)),
            ("1\u{b5}s", duration(0, 0, 1000)),
            ("P1Y2M3DT4H5M6S", duration(14, 3, 4 * hours + 306 * NANOS_PER_SECOND)),
            ("PT4H", duration(0, 0, 4 * hours)),
            ("P3W", duration(0, 21, 0)),
            ("-P0001-02-03T04:05:06", duration(-14, -3, -4 * hours - 306 * NANOS_PER_SECOND)),
        ] {
            assert_eq!(Duration::parse(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn texts_of_cassandra() {
        for (text, expected) in [
            ("1x", "Unable to convert '1x' to a duration"),
            ("P1", "Unable to convert 'P1' to a duration"),
            ("1h1h", "Invalid duration. The hours are specified multiple times"),
            ("1h1d", "Invalid duration. The hours should be after days"),
            (
                "999999999999mo",
                "Invalid duration. The total number of months must be less or equal to 2147483647",
            ),
        ] {
            assert_eq!(Duration::parse(text).unwrap_err().0, expected);
        }
        assert_eq!(
            Duration::validate(&duration(1, -1, 0).encode()).unwrap_err().0,
            "The duration months, days and nanoseconds must be all of the same sign (1, -1, 0)"
        );
    }

    proptest! {
        #[test]
        fn round_trips(months in 0..i32::MAX, days in 0..i32::MAX, nanos in 1..i64::MAX, negative: bool) {
            let positive = duration(months, days, nanos);
            let value = if negative { positive.negated() } else { positive };
            prop_assert_eq!(Duration::decode(&value.encode()), Some(value));
            prop_assert!(Duration::validate(&value.encode()).is_ok());
            prop_assert_eq!(Duration::parse(&value.to_string()).unwrap(), value);
        }
    }
}
