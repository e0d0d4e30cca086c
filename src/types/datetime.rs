//! Dates, times and timestamps as text (Cassandra: `SimpleDateSerializer`, `TimeSerializer`,
//! `TimestampSerializer`). Years reach as far as Cassandra's, which is beyond what calendar libraries hold.
//!
//! ```text
//! date        days: u32, 1970-01-01 is 2^31
//! time        nanoseconds since midnight: i64
//! timestamp   milliseconds since 1970: i64
//! ```

use std::fmt;

use super::MarshalError;

pub(super) const MILLIS_PER_DAY: i64 = 86_400_000;
const NANOS_PER_DAY: i64 = 86_400_000_000_000;

/// The day of 1970-01-01 in the bytes of a date.
const EPOCH: i64 = 1 << 31;

/// Days since 1970-01-01 of a day of the Gregorian calendar.
pub(crate) fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    // years begin in March, so that the leap day is the last of its year
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day of a number of days since 1970-01-01.
pub(crate) fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

pub(crate) fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// A point in time, to be written as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateTime {
    /// The bytes of a date as a number: `2011-02-03`.
    Date(u32),
    /// Nanoseconds since midnight: `04:05:06.007008009`.
    Time(i64),
    /// Milliseconds since 1970: `2011-02-03T04:05:06.007Z`.
    Timestamp(i64),
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Date(days) => {
                let (year, month, day) = civil_from_days(i64::from(days) - EPOCH);
                write_year(f, year)?;
                write!(f, "-{month:02}-{day:02}")
            }
            Self::Time(nanos) => {
                let seconds = nanos / 1_000_000_000;
                let (hour, minute) = (seconds / 3600 % 24, seconds / 60 % 60);
                write!(f, "{hour:02}:{minute:02}:{:02}.{:09}", seconds % 60, nanos % 1_000_000_000)
            }
            Self::Timestamp(millis) => {
                let (year, month, day) = civil_from_days(millis.div_euclid(MILLIS_PER_DAY));
                let of_day = millis.rem_euclid(MILLIS_PER_DAY);
                // the year of the era: there is none before 1, and the era is not written
                write_year(f, if year > 0 { year } else { 1 - year })?;
                let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
                let (second, milli) = (of_day / 1000 % 60, of_day % 1000);
                write!(f, "-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
            }
        }
    }
}

fn write_year(f: &mut fmt::Formatter<'_>, year: i64) -> fmt::Result {
    match year {
        10_000.. => write!(f, "+{year}"),
        0.. => write!(f, "{year:04}"),
        _ => write!(f, "-{:04}", -year),
    }
}

/// The date, as in its bytes, of milliseconds since 1970 (Cassandra: `timeInMillisToDay`, which cuts a day that is
/// not whole towards 1970).
pub fn date_of_millis(millis: i64) -> u32 {
    (millis.div_euclid(1000) / 86_400 + EPOCH) as u32
}

/// Milliseconds since 1970 of the beginning of a date, given as in its bytes.
pub fn millis_of_date(date: u32) -> i64 {
    (i64::from(date) - EPOCH) * MILLIS_PER_DAY
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

/// A date: `2011-02-03`, or the number of its bytes.
pub fn parse_date(text: &str) -> Result<u32, MarshalError> {
    if is_number(text) {
        return text
            .parse::<u32>()
            .map_err(|_| MarshalError(format!("Unable to make unsigned int (for date) from: '{text}'")));
    }
    let mut cursor = Cursor(text);
    let read = cursor
        .iso_date()
        .filter(|(year, month, day)| cursor.0.is_empty() && *day <= days_in_month(*year, *month));
    let days = read.map(|(year, month, day)| days_from_civil(year, month, day));
    // the limits are told of only as far as milliseconds reach
    let Some(days) = days.filter(|days| days.checked_mul(MILLIS_PER_DAY).is_some()) else {
        return Err(MarshalError(format!("Unable to coerce '{text}' to a formatted date (long)")));
    };
    if days < i32::MIN.into() {
        return Err(MarshalError(format!(
            "Input date {text} is less than min supported date -5877641-06-23T00:00Z"
        )));
    }
    u32::try_from(days + EPOCH).map_err(|_| {
        MarshalError(format!("Input date {text} is greater than max supported date +5881580-07-11T00:00Z"))
    })
}

/// A time: `04:05:06.007008009`, or its nanoseconds.
pub fn parse_time(text: &str) -> Result<i64, MarshalError> {
    if is_number(text) {
        return match text.parse::<i64>() {
            Ok(nanos) if (0..NANOS_PER_DAY).contains(&nanos) => Ok(nanos),
            _ => Err(MarshalError(format!("Unable to make long (for time) from: '{text}'"))),
        };
    }
    time_of_day(text.trim_matches(|c| c <= ' ')).ok_or_else(|| {
        MarshalError(format!("(TimeType) Unable to coerce '{text}' to a formatted time (long)"))
    })
}

fn time_of_day(text: &str) -> Option<i64> {
    let (hour, rest) = text.split_once(':')?;
    let (minute, rest) = rest.split_once(':')?;
    let (second, fraction) = match rest.split_once('.') {
        Some((second, fraction)) => (second, Some(fraction)),
        None => (rest, None),
    };
    let below =
        |text: &str, end: i64| text.parse::<i32>().ok().map(i64::from).filter(|n| (0..end).contains(n));
    let nanos = match fraction {
        Some(f) if f.len() <= 9 && f.starts_with(|c: char| c.is_ascii_digit()) => {
            format!("{f:0<9}").parse::<u32>().ok()?.into()
        }
        Some(_) => return None,
        None => 0,
    };
    let seconds = below(hour, 24)? * 3600 + below(minute, 60)? * 60 + below(second, 60)?;
    Some(seconds * 1_000_000_000 + nanos)
}

/// A timestamp in any of Cassandra's forms: milliseconds; or a date, a time, a zone, of which time and zone may
/// be missing. Without a zone it is local time. `now_ms` is what `now` stands for.
pub fn parse_timestamp(text: &str, now_ms: impl FnOnce() -> i64) -> Result<i64, MarshalError> {
    if text.eq_ignore_ascii_case("now") {
        return Ok(now_ms());
    }
    if is_number(text) {
        return text
            .parse()
            .map_err(|_| MarshalError(format!("Unable to make long (for date) from: '{text}'")));
    }
    Cursor(text).timestamp().ok_or_else(|| MarshalError(format!("Unable to parse a date/time from '{text}'")))
}

/// What is left to read.
#[derive(Clone, Copy)]
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn take(&mut self, token: char) -> Option<()> {
        self.0 = self.0.strip_prefix(token)?;
        Some(())
    }

    fn digits(&mut self, most: usize) -> &'a str {
        let length = self.0.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.0.split_at(length);
        self.0 = rest;
        digits
    }

    fn number(&mut self, most: usize) -> Option<i64> {
        self.digits(most).parse().ok()
    }

    fn exactly(&mut self, length: usize) -> Option<i64> {
        let digits = self.digits(length);
        (digits.len() == length).then(|| digits.parse().ok())?
    }

    /// `2011-02-03`, with a sign where the year has more than four digits; the day may be too high for the month.
    fn iso_date(&mut self) -> Option<(i64, i64, i64)> {
        let sign = self.0.chars().next().filter(|c| matches!(c, '+' | '-'));
        if let Some(sign) = sign {
            self.take(sign)?;
        }
        let digits = self.digits(10);
        let fits = match sign {
            Some('+') => digits.len() > 4,
            Some(_) => digits.len() >= 4,
            None => digits.len() == 4,
        };
        let year: i64 = digits.parse().ok().filter(|year| fits && *year <= 999_999_999)?;
        if sign == Some('-') && year == 0 {
            return None;
        }
        self.take('-')?;
        let month = self.exactly(2).filter(|m| (1..=12).contains(m))?;
        self.take('-')?;
        let day = self.exactly(2).filter(|d| (1..=31).contains(d))?;
        Some((if sign == Some('-') { -year } else { year }, month, day))
    }

    fn timestamp(self) -> Option<i64> {
        self.date_and_time().or_else(|| self.date_and_zone())
    }

    /// `y-M-d H:m[:s][.fraction][zone]`, with `T` or a blank before the time.
    fn date_and_time(mut self) -> Option<i64> {
        let year = self.number(19).filter(|y| (1..=999_999_999).contains(y))?;
        self.take('-')?;
        let month = self.number(19).filter(|m| (1..=12).contains(m))?;
        self.take('-')?;
        let day = self.number(19).filter(|d| (1..=31).contains(d))?;
        self.take('T').or_else(|| self.take(' '))?;
        let hour = self.number(19).filter(|h| *h <= 24)?;
        self.take(':')?;
        let minute = self.number(19).filter(|m| *m < 60)?;
        let mut millis = 0;
        if self.take(':').is_some() {
            let second = self.number(19).filter(|s| *s < 60)?;
            millis = second * 1000;
            if self.take('.').is_some() {
                let digits = self.digits(9);
                millis += format!("{digits:0<3}")[..3].parse::<i64>().ok()?;
            }
        }
        let of_day = (hour * 60 + minute) * 60_000 + millis;
        if of_day > MILLIS_PER_DAY {
            return None;
        }
        local_millis(year, month, day).checked_add(of_day).and_then(|local| self.in_zone(local))
    }

    /// `2011-02-03[zone]`.
    fn date_and_zone(mut self) -> Option<i64> {
        let (year, month, day) = self.iso_date()?;
        let local = local_millis(year, month, day);
        if self.0.is_empty() {
            return zone::local(local);
        }
        if let Some(seconds) = self.iso_offset() {
            return local.checked_sub(seconds * 1000);
        }
        // years before the first are for ISO's own form only
        if year > 0 { self.in_zone(local) } else { None }
    }

    /// The moment when clocks of the zone that follows show `local`.
    fn in_zone(mut self, local: i64) -> Option<i64> {
        if self.0.is_empty() {
            return zone::local(local);
        }
        let blank = self.take(' ').is_some();
        let relative = || ["UTC", "GMT", "UT"].iter().find_map(|prefix| self.0.strip_prefix(prefix));
        let offset = match (self.offset(), blank) {
            (None, true) => self
                .iso_offset()
                .or_else(|| Cursor(relative()?).iso_offset().filter(|_| !self.0.ends_with(['Z', 'z']))),
            (offset, _) => offset,
        };
        match offset {
            Some(seconds) => local.checked_sub(seconds * 1000),
            None if blank => zone::named(self.0, local),
            None => None,
        }
    }

    /// `Z`, `+01`, `+0130` or `+01:30` up to the end, in seconds.
    fn offset(mut self) -> Option<i64> {
        if self.0 == "Z" {
            return Some(0);
        }
        let sign = self.sign()?;
        let hours = self.exactly(2)?;
        let colon = self.take(':').is_some();
        let minutes = if self.0.is_empty() && !colon { 0 } else { self.exactly(2)? };
        self.offset_of(sign, hours, minutes, 0)
    }

    /// `Z` in either case, `+01:30` or `+01:30:10` up to the end, in seconds.
    fn iso_offset(mut self) -> Option<i64> {
        if self.0.eq_ignore_ascii_case("z") {
            return Some(0);
        }
        let sign = self.sign()?;
        let hours = self.exactly(2)?;
        self.take(':')?;
        let minutes = self.exactly(2)?;
        let seconds = if self.take(':').is_some() { self.exactly(2)? } else { 0 };
        self.offset_of(sign, hours, minutes, seconds)
    }

    fn sign(&mut self) -> Option<i64> {
        if self.take('+').is_some() { Some(1) } else { self.take('-').map(|()| -1) }
    }

    fn offset_of(self, sign: i64, hours: i64, minutes: i64, seconds: i64) -> Option<i64> {
        let offset = hours * 3600 + minutes * 60 + seconds;
        let in_range = minutes < 60 && seconds < 60 && offset <= 18 * 3600;
        (self.0.is_empty() && in_range).then_some(sign * offset)
    }
}

/// Milliseconds of a day's midnight; a day that its month does not have counts as the month's last.
fn local_millis(year: i64, month: i64, day: i64) -> i64 {
    days_from_civil(year, month, day.min(days_in_month(year, month))).saturating_mul(MILLIS_PER_DAY)
}

mod zone {
    //! Time zones by name.

    use chrono::{Local, LocalResult, NaiveDateTime, Offset, TimeZone};
    use chrono_tz::Tz;

    /// The moment when clocks of this machine's zone show `local_ms`.
    pub(super) fn local(local_ms: i64) -> Option<i64> {
        in_zone(&Local, local_ms)
    }

    /// The moment when clocks of the zone of this name show `local_ms`.
    pub(super) fn named(name: &str, local_ms: i64) -> Option<i64> {
        if name.starts_with("Etc/GMT") && name != "Etc/GMT" {
            return None;
        }
        let mut names = NAMES.lines().filter_map(|line| line.split_once('\t'));
        let known = names.find(|(alias, _)| *alias == name).map(|(_, id)| id);
        let zone: Tz = known.unwrap_or(name).parse().ok()?;
        in_zone(&zone, local_ms)
    }

    /// Names other than those of the time zone database, and what they stand for on the Java platform.
    const NAMES: &str = include_str!("zone_names.tsv");

    fn in_zone<Z: TimeZone>(zone: &Z, local_ms: i64) -> Option<i64> {
        // years that the library does not hold have the offset of the nearest one that it does
        let edge = 8_000_000_000_000_000;
        let moment = chrono::DateTime::from_timestamp_millis(local_ms.clamp(-edge, edge))?;
        let naive: NaiveDateTime = moment.naive_utc();
        let offset = match zone.offset_from_local_datetime(&naive) {
            LocalResult::Single(offset) | LocalResult::Ambiguous(offset, _) => offset,
            // clocks skip this time: the offset from before holds, as in Java
            LocalResult::None => {
                zone.offset_from_local_datetime(&(naive - chrono::Duration::hours(3))).earliest()?
            }
        };
        Some(local_ms - i64::from(offset.fix().local_minus_utc()) * 1000)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn timestamp(text: &str) -> Result<i64, MarshalError> {
        parse_timestamp(text, || 7)
    }

    #[test]
    fn timestamps_in_all_forms() {
        let base = 1_296_705_900_000; // 2011-02-03T04:05:00Z
        for (text, expected) in [
            ("1234", 1234),
            ("-1234", -1234),
            ("NOW", 7),
            ("2011-02-03T04:05Z", base),
            ("2011-02-03 04:05+0000", base),
            ("2011-2-3 4:5:6.789Z", base + 6789),
            ("2011-02-03 04:05:06.1234567Z", base + 6123),
            ("2011-02-03T04:05:06 +01:30", base + 6000 - 5_400_000),
            ("2011-02-03T04:05-01", base + 3_600_000),
            ("2011-02-03 04:05 UTC", base),
            ("2011-02-03 04:05 GMT", base),
            ("2011-02-03 04:05 Europe/Paris", base - 3_600_000),
            ("2011-02-03 04:05 PST", base + 8 * 3_600_000),
            ("2011-02-03Z", base - 14_700_000),
            ("2011-02-03+0100", base - 14_700_000 - 3_600_000),
            ("2011-02-31 00:00Z", 1_298_851_200_000),
            ("2011-02-02 24:00Z", base - 14_700_000),
        ] {
            assert_eq!(timestamp(text), Ok(expected), "{text}");
        }
        for bad in [
            "",
            "2011-2",
            "2011-02-03T04:05:06+1",
            "2011-13-01Z",
            "2011-02-03 25:00Z",
            "2011-02-03 04:05.5Z",
            "x",
        ] {
            assert_eq!(timestamp(bad).unwrap_err().0, format!("Unable to parse a date/time from '{bad}'"));
        }
        assert_eq!(
            timestamp("99999999999999999999").unwrap_err().0,
            "Unable to make long (for date) from: '99999999999999999999'"
        );
    }

    #[test]
    fn dates() {
        for (text, expected) in [
            ("1970-01-01", 1 << 31),
            ("2147483648", 1 << 31),
            ("-5877641-06-23", 0),
            ("+5881580-07-11", u32::MAX),
            ("1582-01-01", 2_147_341_934),
        ] {
            assert_eq!(parse_date(text), Ok(expected), "{text}");
        }
        for bad in ["2011-02-30", "2011-2-3", "x", "2011-02-03Z", "+2011-02-03", "12011-02-03"] {
            let text = format!("Unable to coerce '{bad}' to a formatted date (long)");
            assert_eq!(parse_date(bad).unwrap_err().0, text);
        }
        assert_eq!(
            parse_date("4294967296").unwrap_err().0,
            "Unable to make unsigned int (for date) from: '4294967296'"
        );
        assert!(parse_date("-5877641-06-22").unwrap_err().0.starts_with("Input date"));
    }

    #[test]
    fn times() {
        assert_eq!(parse_time("01:02:03.004"), Ok(3_723_004_000_000));
        assert_eq!(parse_time(" 1:2:3 "), Ok(3_723_000_000_000));
        assert_eq!(parse_time("86399999999999"), Ok(86_399_999_999_999));
        assert_eq!(
            parse_time("86400000000000").unwrap_err().0,
            "Unable to make long (for time) from: '86400000000000'"
        );
        for bad in ["24:00:00", "1:2", "1:60:00", "1:2:3.", "1:2:3.1234567890", "1:2:x"] {
            let text = format!("(TimeType) Unable to coerce '{bad}' to a formatted time (long)");
            assert_eq!(parse_time(bad).unwrap_err().0, text);
        }
        assert_eq!(DateTime::Time(3_723_004_000_001).to_string(), "01:02:03.004000001");
    }

    proptest! {
        #[test]
        fn days_round_trip(days in -2_200_000_000_i64..2_200_000_000) {
            let (year, month, day) = civil_from_days(days);
            prop_assert_eq!(days_from_civil(year, month, day), days);
            prop_assert!((1..=days_in_month(year, month)).contains(&day));
        }

        #[test]
        fn text_round_trips(date: u32, nanos in 0..NANOS_PER_DAY, millis in -62_135_596_800_000_i64..253_402_300_800_000) {
            prop_assert_eq!(parse_date(&DateTime::Date(date).to_string()), Ok(date));
            prop_assert_eq!(parse_time(&DateTime::Time(nanos).to_string()), Ok(nanos));
            prop_assert_eq!(timestamp(&DateTime::Timestamp(millis).to_string()), Ok(millis));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*") {
            let _ = (timestamp(&text), parse_date(&text), parse_time(&text));
        }
    }
}
