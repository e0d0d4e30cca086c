//! Words: identifiers and keywords, and what looks like them.

use super::{Kind, Scan, classify, mismatch, number};

/// A token that begins with a letter.
pub(super) fn word(text: &str, start: usize) -> Scan<(Kind, usize)> {
    let bytes = text.as_bytes();
    let length = bytes[start..].iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
    let end = start + length;
    let found = &bytes[start..end];
    let next = bytes.get(end).copied();
    if next == Some(b'-') && length == 8 && found.iter().all(u8::is_ascii_hexdigit) {
        return Ok((Kind::Uuid, number::uuid(text, start)?));
    }
    if found[0] == b'P' && length > 1 {
        if next == Some(b'-') && length == 5 && found[1..].iter().all(u8::is_ascii_digit) {
            return Ok((Kind::Duration, number::iso_duration(text, start)?));
        }
        if number::iso_duration(text, start).is_ok_and(|to| to == end) {
            return Ok((Kind::Duration, end));
        }
    }
    if found == b"expr" && next == Some(b'(') {
        return Ok((Kind::Expr, end + 1));
    }
    Ok((classify(found), end))
}

/// `-NaN` or `-Infinity`: once the first letter fits, the rest must.
pub(super) fn negative(text: &str, start: usize) -> Scan<(Kind, usize)> {
    let bytes = text.as_bytes();
    let (kind, word): (_, &[u8]) = match bytes.get(start + 1) {
        Some(b'n' | b'N') => (Kind::KNegativeNan, b"nan"),
        _ => (Kind::KNegativeInfinity, b"infinity"),
    };
    for (offset, wanted) in word.iter().enumerate() {
        let at = start + 1 + offset;
        if !bytes.get(at).is_some_and(|found| found.eq_ignore_ascii_case(wanted)) {
            return Err(mismatch(text, at, "set null"));
        }
    }
    Ok((kind, start + 1 + word.len()))
}
