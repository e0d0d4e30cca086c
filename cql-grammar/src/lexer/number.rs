//! Tokens that begin with a digit, or could: integers, floats, durations, UUIDs, hexadecimal numbers.
//!
//! `1e5`, `1d2h`, `1d234567-…` share beginnings. All rules are followed side by side until one is left, which then has
//! to match to its end; where none is left, one that is complete is taken.

use super::{Kind, Scan, early_exit, mismatch, no_viable};

/// A token that begins with a digit, or with `-` and a digit.
pub(super) fn number(text: &str, start: usize) -> Scan<(Kind, usize)> {
    let bytes = text.as_bytes();
    let digits = start + usize::from(bytes[start] == b'-');
    if digits == start && bytes[start] == b'0' && matches!(bytes.get(start + 1), Some(b'x' | b'X')) {
        let hex = bytes[start + 2..].iter().take_while(|b| b.is_ascii_hexdigit()).count();
        return Ok((Kind::Hex, start + 2 + hex));
    }
    let mut float = Float::Integer;
    let mut duration = Duration::Digits;
    let mut uuid = if digits == start { Some(0) } else { None };
    let mut at = digits;
    loop {
        let next = bytes.get(at).copied().unwrap_or(0);
        let (next_float, next_duration) = (float.step(next), duration.step(next));
        let next_uuid = uuid.filter(|position| uuid_fits(*position, next)).map(|position| position + 1);
        let alive = (next_float != Float::Dead, next_duration != Duration::Dead, next_uuid.is_some());
        match alive {
            (true, false, false) => return float_or_integer(text, start),
            (false, true, false) => return units(text, start).map(|end| (Kind::Duration, end)),
            (false, false, true) => return self::uuid(text, start).map(|end| (Kind::Uuid, end)),
            (false, false, false) if float.is_complete() => return float_or_integer(text, start),
            (false, false, false) if duration == Duration::Unit => return Ok((Kind::Duration, at)),
            (false, false, false) => return Err(no_viable(text, at)),
            _ => {}
        }
        (float, duration, uuid) = (next_float, next_duration, next_uuid);
        at += 1;
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Float {
    Integer,
    Fraction,
    Exponent,
    Sign,
    ExponentDigits,
    Dead,
}

impl Float {
    fn step(self, next: u8) -> Self {
        match (self, next) {
            (Self::Integer, b'0'..=b'9') => Self::Integer,
            (Self::Integer, b'.') => Self::Fraction,
            (Self::Fraction, b'0'..=b'9') => Self::Fraction,
            (Self::Integer | Self::Fraction, b'e' | b'E') => Self::Exponent,
            (Self::Exponent, b'+' | b'-') => Self::Sign,
            (Self::Exponent | Self::Sign | Self::ExponentDigits, b'0'..=b'9') => Self::ExponentDigits,
            _ => Self::Dead,
        }
    }

    fn is_complete(self) -> bool {
        matches!(self, Self::Integer | Self::Fraction | Self::ExponentDigits)
    }
}

/// Only as far as another rule can keep up: that is `d` among the units.
#[derive(Clone, Copy, PartialEq)]
enum Duration {
    Digits,
    Unit,
    Dead,
}

impl Duration {
    fn step(self, next: u8) -> Self {
        match (self, next) {
            (Self::Digits | Self::Unit, b'0'..=b'9') => Self::Digits,
            // The first byte of µ included.
            (
                Self::Digits,
                b'y' | b'Y' | b'm' | b'M' | b'w' | b'W' | b'd' | b'D' | b'h' | b'H' | b's' | b'S' | b'u'
                | b'U' | b'n' | b'N' | 0xc2,
            ) => Self::Unit,
            _ => Self::Dead,
        }
    }
}

fn uuid_fits(position: usize, next: u8) -> bool {
    match position {
        8 | 13 | 18 | 23 => next == b'-',
        36.. => false,
        _ => next.is_ascii_hexdigit(),
    }
}

/// The end of a UUID that must be here.
pub(super) fn uuid(text: &str, start: usize) -> Scan<usize> {
    let bytes = text.as_bytes();
    for position in 0..36 {
        let at = start + position;
        if !bytes.get(at).is_some_and(|next| uuid_fits(position, *next)) {
            let expected = if matches!(position, 8 | 13 | 18 | 23) { "'-'" } else { "set null" };
            return Err(mismatch(text, at, expected));
        }
    }
    Ok(start + 36)
}

fn skip_digits(bytes: &[u8], at: usize) -> usize {
    at + bytes.get(at..).unwrap_or(&[]).iter().take_while(|b| b.is_ascii_digit()).count()
}

fn float_or_integer(text: &str, start: usize) -> Scan<(Kind, usize)> {
    let bytes = text.as_bytes();
    let mut at = skip_digits(bytes, start + usize::from(bytes[start] == b'-'));
    let mut kind = Kind::Integer;
    // `1..2` is a range from 1, `1...2` one from `1.`
    if bytes[at..].starts_with(b"...") {
        return Ok((Kind::Float, at + 1));
    }
    if bytes[at..].starts_with(b"..") {
        return Ok((Kind::Integer, at));
    }
    if bytes.get(at) == Some(&b'.') {
        kind = Kind::Float;
        at = skip_digits(bytes, at + 1);
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        kind = Kind::Float;
        at += 1;
        at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
        let end = skip_digits(bytes, at);
        if end == at {
            return Err(early_exit(text, at));
        }
        at = end;
    }
    Ok((kind, at))
}

/// The end of a duration such as `1y2mo3w`, which must be here.
fn units(text: &str, start: usize) -> Scan<usize> {
    let bytes = text.as_bytes();
    let mut at = start + usize::from(bytes[start] == b'-');
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at = skip_digits(bytes, at);
        at = unit(text, at)?;
    }
    Ok(at)
}

fn unit(text: &str, at: usize) -> Scan<usize> {
    let bytes = text.as_bytes();
    let is =
        |offset: usize, wanted: u8| bytes.get(at + offset).is_some_and(|b| b.eq_ignore_ascii_case(&wanted));
    let then_s = |offset: usize| {
        if is(offset, b's') { Ok(at + offset + 1) } else { Err(mismatch(text, at + offset, "set null")) }
    };
    match bytes.get(at) {
        Some(b'y' | b'Y' | b'w' | b'W' | b'd' | b'D' | b'h' | b'H' | b's' | b'S') => Ok(at + 1),
        Some(b'm' | b'M') if is(1, b'o') || is(1, b's') => Ok(at + 2),
        Some(b'm' | b'M') => Ok(at + 1),
        Some(b'u' | b'U' | b'n' | b'N') => then_s(1),
        Some(0xc2) if bytes.get(at + 1) == Some(&0xb5) => then_s(2),
        _ => Err(no_viable(text, at)),
    }
}

/// The end of a duration in one of ISO 8601's forms, which must be here: `P1Y2M3DT4H5M6S`, `P3W`,
/// `P2001-02-03T04:05:06`.
pub(super) fn iso_duration(text: &str, start: usize) -> Scan<usize> {
    let bytes = text.as_bytes();
    let first = start + usize::from(bytes[start] == b'-') + 1;
    if bytes.get(first) == Some(&b'T') {
        return iso_time(text, first);
    }
    let at = skip_digits(bytes, first);
    match bytes.get(at) {
        _ if at == first => Err(no_viable(text, at)),
        Some(b'W') => Ok(at + 1),
        Some(b'-') if at - first == 4 => iso_alternative(text, first),
        Some(b'Y' | b'M' | b'D') => {
            let date = designators(bytes, first, b"YMD");
            if bytes.get(date) == Some(&b'T') { iso_time(text, date) } else { Ok(date) }
        }
        _ => Err(no_viable(text, at)),
    }
}

/// `T1H2M3S`, from the `T`.
fn iso_time(text: &str, start: usize) -> Scan<usize> {
    let end = designators(text.as_bytes(), start + 1, b"HMS");
    if end == start + 1 {
        return Err(no_viable(text, skip_digits(text.as_bytes(), start + 1)));
    }
    Ok(end)
}

/// Numbers, each with the next or a later one of the letters.
fn designators(bytes: &[u8], start: usize, letters: &[u8]) -> usize {
    let mut at = start;
    let mut rest = letters;
    loop {
        let after = skip_digits(bytes, at);
        let found = bytes.get(after).and_then(|next| rest.iter().position(|letter| letter == next));
        match found {
            Some(position) if after > at => {
                at = after + 1;
                rest = &rest[position + 1..];
            }
            _ => return at,
        }
    }
}

/// `2001-02-03T04:05:06`
fn iso_alternative(text: &str, start: usize) -> Scan<usize> {
    let bytes = text.as_bytes();
    let pattern = b"9999-99-99T99:99:99";
    for (offset, wanted) in pattern.iter().enumerate() {
        let at = start + offset;
        let found = bytes.get(at).copied().unwrap_or(0);
        match wanted {
            b'9' if found.is_ascii_digit() => {}
            b'9' => return Err(mismatch(text, at, "set null")),
            _ if found == *wanted => {}
            _ => return Err(mismatch(text, at, &format!("'{}'", *wanted as char))),
        }
    }
    Ok(start + pattern.len())
}
