//! Quantities with a unit, as cassandra.yaml writes them: `10s`, `32MiB`, `64MiB/s`.
//!
//! The accepted texts, the bounds and the messages are those of Cassandra's `DurationSpec`, `DataStorageSpec` and
//! `DataRateSpec`: no sign, no space, case matters.

use std::fmt;
use std::time::Duration;

/// A unit of time, smallest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimeUnit {
    /// `ns`
    Nanoseconds,
    /// `us` or `µs`
    Microseconds,
    /// `ms`
    Milliseconds,
    /// `s`
    Seconds,
    /// `m`
    Minutes,
    /// `h`
    Hours,
    /// `d`
    Days,
}

impl TimeUnit {
    const ALL: [(TimeUnit, &'static str, &'static str, u128); 7] = [
        (Self::Nanoseconds, "ns", "NANOSECONDS", 1),
        (Self::Microseconds, "us", "MICROSECONDS", 1_000),
        (Self::Milliseconds, "ms", "MILLISECONDS", 1_000_000),
        (Self::Seconds, "s", "SECONDS", 1_000_000_000),
        (Self::Minutes, "m", "MINUTES", 60_000_000_000),
        (Self::Hours, "h", "HOURS", 3_600_000_000_000),
        (Self::Days, "d", "DAYS", 86_400_000_000_000),
    ];

    fn row(self) -> (Self, &'static str, &'static str, u128) {
        Self::ALL[self as usize]
    }

    fn nanos(self) -> u128 {
        self.row().3
    }

    /// The unit with this symbol, if there is one.
    pub fn from_symbol(symbol: &str) -> Option<Self> {
        let symbol = if symbol == "µs" { "us" } else { symbol };
        Self::ALL.iter().find(|row| row.1 == symbol).map(|row| row.0)
    }
}

/// A length of time with the unit it was written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DurationSpec {
    quantity: u64,
    unit: TimeUnit,
}

impl DurationSpec {
    /// A quantity in a unit.
    pub const fn new(quantity: u64, unit: TimeUnit) -> Self {
        Self { quantity, unit }
    }

    /// Parses `10s`; `min` is the smallest unit the key accepts and `max` the bound on the quantity in that unit,
    /// exclusive.
    pub fn parse(text: &str, min: TimeUnit, max: u64) -> Result<Self, String> {
        let accepted = || {
            let names: Vec<_> = TimeUnit::ALL[min as usize..].iter().map(|row| row.2).collect();
            format!("[{}]", names.join(", "))
        };
        let parsed =
            split(text).and_then(|(quantity, symbol)| Some((quantity, TimeUnit::from_symbol(symbol)?)));
        let Some((quantity, unit)) = parsed else {
            return Err(format!(
                "Invalid duration: {text} Accepted units:{} where case matters and only non-negative values.",
                accepted()
            ));
        };
        if unit < min {
            return Err(format!("Invalid duration: {text} Accepted units:{}", accepted()));
        }
        let spec = Self { quantity, unit };
        if spec.to(min) >= u128::from(max) {
            let name = min.row().2.to_lowercase();
            return Err(format!("Invalid duration: {text}. It shouldn't be more than {} in {name}", max - 1));
        }
        Ok(spec)
    }

    /// The whole number of `unit`s in it.
    pub fn to(self, unit: TimeUnit) -> u128 {
        u128::from(self.quantity) * self.unit.nanos() / unit.nanos()
    }

    /// As the standard library's type.
    pub fn duration(self) -> Duration {
        let nanos = self.to(TimeUnit::Nanoseconds);
        let seconds = u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX);
        Duration::new(seconds, u32::try_from(nanos % 1_000_000_000).unwrap_or(0))
    }
}

impl fmt::Display for DurationSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.quantity, self.unit.row().1)
    }
}

/// A unit of storage, smallest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StorageUnit {
    /// `B`
    Bytes,
    /// `KiB`
    Kibibytes,
    /// `MiB`
    Mebibytes,
    /// `GiB`
    Gibibytes,
}

impl StorageUnit {
    const ALL: [(StorageUnit, &'static str, &'static str); 4] = [
        (Self::Bytes, "B", "BYTES"),
        (Self::Kibibytes, "KiB", "KIBIBYTES"),
        (Self::Mebibytes, "MiB", "MEBIBYTES"),
        (Self::Gibibytes, "GiB", "GIBIBYTES"),
    ];

    fn shift(self) -> u32 {
        10 * self as u32
    }

    /// The unit with this symbol, if there is one.
    pub fn from_symbol(symbol: &str) -> Option<Self> {
        Self::ALL.iter().find(|row| row.1 == symbol).map(|row| row.0)
    }
}

/// An amount of storage with the unit it was written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageSpec {
    quantity: u64,
    unit: StorageUnit,
}

impl StorageSpec {
    /// A quantity in a unit.
    pub const fn new(quantity: u64, unit: StorageUnit) -> Self {
        Self { quantity, unit }
    }

    /// Parses `32MiB`; `min` and `max` as in [`DurationSpec::parse`].
    pub fn parse(text: &str, min: StorageUnit, max: u64) -> Result<Self, String> {
        let accepted = || {
            let names: Vec<_> = StorageUnit::ALL[min as usize..].iter().map(|row| row.2).collect();
            format!("[{}]", names.join(", "))
        };
        let parsed =
            split(text).and_then(|(quantity, symbol)| Some((quantity, StorageUnit::from_symbol(symbol)?)));
        let Some((quantity, unit)) = parsed else {
            return Err(format!(
                "Invalid data storage: {text} Accepted units:{} where case matters and only non-negative values are \
                 accepted",
                accepted()
            ));
        };
        if unit < min {
            return Err(format!("Invalid data storage: {text} Accepted units:{}", accepted()));
        }
        let spec = Self { quantity, unit };
        if spec.to(min) >= u128::from(max) {
            let name = StorageUnit::ALL[min as usize].2.to_lowercase();
            return Err(format!(
                "Invalid data storage: {text}. It shouldn't be more than {} in {name}",
                max - 1
            ));
        }
        Ok(spec)
    }

    /// The whole number of `unit`s in it.
    pub fn to(self, unit: StorageUnit) -> u128 {
        (u128::from(self.quantity) << self.unit.shift()) >> unit.shift()
    }

    /// In bytes, saturating.
    pub fn bytes(self) -> u64 {
        u64::try_from(self.to(StorageUnit::Bytes)).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for StorageSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.quantity, StorageUnit::ALL[self.unit as usize].1)
    }
}

/// Storage per second, with the unit it was written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateSpec(StorageSpec);

impl RateSpec {
    /// A quantity of a unit each second.
    pub const fn new(quantity: u64, unit: StorageUnit) -> Self {
        Self(StorageSpec::new(quantity, unit))
    }

    /// Parses `64MiB/s`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parsed = text
            .strip_suffix("/s")
            .and_then(split)
            .and_then(|(quantity, symbol)| Some((quantity, StorageUnit::from_symbol(symbol)?)));
        match parsed {
            Some((quantity, unit)) if unit != StorageUnit::Gibibytes => {
                let spec = StorageSpec::new(quantity, unit);
                if spec.to(StorageUnit::Bytes) >= i64::MAX as u128 {
                    return Err(format!(
                        "Invalid data rate: {text}. It shouldn't be more than {} in bytes_per_second",
                        i64::MAX - 1
                    ));
                }
                Ok(Self(spec))
            }
            _ => Err(format!(
                "Invalid data rate: {text} Accepted units: MiB/s, KiB/s, B/s where case matters and only non-negative \
                 values are valid"
            )),
        }
    }

    /// In bytes per second.
    pub fn bytes_per_second(self) -> u64 {
        self.0.bytes()
    }
}

impl fmt::Display for RateSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", self.0)
    }
}

/// Digits and the symbol after them.
fn split(text: &str) -> Option<(u64, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (quantity, symbol) = text.split_at(digits);
    let quantity = quantity.parse().ok().filter(|&quantity: &u64| quantity <= i64::MAX as u64)?;
    Some((quantity, symbol))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_keep_their_unit() {
        let spec = DurationSpec::parse("4h", TimeUnit::Seconds, i32::MAX as u64);
        assert_eq!(spec.as_ref().map(ToString::to_string), Ok("4h".into()));
        assert_eq!(spec.map(|spec| spec.to(TimeUnit::Seconds)), Ok(14_400));
    }

    #[test]
    fn durations_below_the_smallest_unit_are_refused() {
        assert_eq!(
            DurationSpec::parse("5us", TimeUnit::Milliseconds, i32::MAX as u64),
            Err("Invalid duration: 5us Accepted units:[MILLISECONDS, SECONDS, MINUTES, HOURS, DAYS]".into())
        );
        assert_eq!(
            DurationSpec::parse("5", TimeUnit::Days, i32::MAX as u64),
            Err("Invalid duration: 5 Accepted units:[DAYS] where case matters and only non-negative values."
                .into())
        );
    }

    #[test]
    fn storage_is_bounded() {
        assert_eq!(
            StorageSpec::parse("2147483647B", StorageUnit::Bytes, i32::MAX as u64),
            Err("Invalid data storage: 2147483647B. It shouldn't be more than 2147483646 in bytes".into())
        );
        assert_eq!(
            StorageSpec::parse("1GiB", StorageUnit::Mebibytes, 4096).map(StorageSpec::bytes),
            Ok(1 << 30)
        );
        assert!(StorageSpec::parse("32mib", StorageUnit::Bytes, u64::MAX).is_err());
    }

    #[test]
    fn rates_have_no_gibibytes() {
        assert_eq!(RateSpec::parse("64MiB/s").map(RateSpec::bytes_per_second), Ok(64 << 20));
        assert!(RateSpec::parse("1GiB/s").is_err());
        assert!(RateSpec::parse("64").is_err());
    }
}
