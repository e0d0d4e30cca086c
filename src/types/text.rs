//! Values as text: what a literal means (Cassandra: `AbstractType.fromString`) and how a value is written
//! (`toCQLString`, `getString`).

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::collection::{self, encode_tuple, read_value};
use super::cql_name::maybe_quoted;
use super::datetime::{DateTime, parse_date, parse_time, parse_timestamp};
use super::decimal::{Decimal, decode_varint, encode_varint, parse_varint};
use super::duration::Duration;
use super::number::{java_double, java_float, parse_double, parse_float};
use super::{CqlType, MarshalError};

/// Bytes as hexadecimal digits in lower case, without a prefix.
pub fn to_hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// The bytes of hexadecimal digits in either case, without a prefix.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let digit = |b: u8| char::from(b).to_digit(16);
    pairs.iter().map(|[high, low]| Some((digit(*high)? << 4 | digit(*low)?) as u8)).collect()
}

/// Milliseconds since 1970 by the system's clock, for the literal `now`.
fn system_now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
}

impl CqlType {
    /// The value that `text` stands for. Where the text is empty, so is the value of most types.
    pub fn from_string(&self, text: &str) -> Result<Vec<u8>, MarshalError> {
        let unable = |what: &str| MarshalError(format!("Unable to make {what} from '{text}'"));
        let not_hex = || MarshalError(format!("cannot parse '{text}' as hex bytes"));
        let empty_stays_empty = !matches!(
            self,
            Self::Boolean | Self::Date | Self::Time | Self::Empty | Self::Tuple(_) | Self::User { .. }
        );
        if text.is_empty() && empty_stays_empty {
            return Ok(Vec::new());
        }
        Ok(match self {
            Self::Text => text.into(),
            Self::Ascii => ascii(text)?,
            Self::Boolean if text.is_empty() || text.eq_ignore_ascii_case("false") => vec![0],
            Self::Boolean if text.eq_ignore_ascii_case("true") => vec![1],
            Self::Boolean => return Err(unable("boolean")),
            Self::Tinyint => text.parse::<i8>().map_err(|_| unable("byte"))?.to_be_bytes().into(),
            Self::Smallint => text.parse::<i16>().map_err(|_| unable("short"))?.to_be_bytes().into(),
            Self::Int => text.parse::<i32>().map_err(|_| unable("int"))?.to_be_bytes().into(),
            Self::Bigint => text.parse::<i64>().map_err(|_| unable("long"))?.to_be_bytes().into(),
            Self::Float => parse_float(text).ok_or_else(|| unable("float"))?.to_be_bytes().into(),
            Self::Double => parse_double(text).ok_or_else(|| unable("double"))?.to_be_bytes().into(),
            Self::Varint => {
                let unable = || MarshalError(format!("unable to make int from '{text}'"));
                encode_varint(&parse_varint(text).ok_or_else(unable)?)
            }
            Self::Decimal => {
                let unable = || MarshalError(format!("unable to make BigDecimal from '{text}'"));
                Decimal::parse(text).ok_or_else(unable)?.encode()
            }
            Self::Date => parse_date(text)?.to_be_bytes().into(),
            Self::Time => parse_time(text)?.to_be_bytes().into(),
            Self::Timestamp => parse_timestamp(text, system_now_ms)?.to_be_bytes().into(),
            Self::Duration => Duration::parse(text)?.encode(),
            Self::Inet => inet(text).ok_or_else(|| unable("inet address"))?,
            Self::Uuid => uuid(text).ok_or_else(|| unable("UUID"))?.into(),
            Self::Timeuuid => timeuuid(text)?.into(),
            Self::Empty if text.is_empty() => Vec::new(),
            Self::Empty => return Err(MarshalError(format!("'{text}' is not empty"))),
            Self::Tuple(types) => self.tuple_from_string(types.iter(), types.len(), text)?,
            Self::User { user_type, .. } => {
                let types = user_type.fields.iter().map(|(_, t)| t);
                self.tuple_from_string(types, user_type.fields.len(), text)?
            }
            Self::Blob
            | Self::Counter
            | Self::List { .. }
            | Self::Set { .. }
            | Self::Map { .. }
            | Self::Vector { .. }
            | Self::Custom(_) => from_hex(text).ok_or_else(not_hex)?,
        })
    }

    /// Fields with colons between them; `@` stands for null, and both can be escaped.
    fn tuple_from_string<'t>(
        &self,
        types: impl Iterator<Item = &'t CqlType>,
        count: usize,
        text: &str,
    ) -> Result<Vec<u8>, MarshalError> {
        let parts = split_unescaped(text);
        if parts.len() > count {
            return Err(MarshalError(format!(
                "Invalid tuple literal: too many elements. Type {self} expects {count} but got {}",
                parts.len()
            )));
        }
        let fields = parts.iter().zip(types).map(|(part, field_type)| match *part {
            "@" => Ok(None),
            part => field_type.from_string(&part.replace("\\:", ":").replace("\\@", "@")).map(Some),
        });
        Ok(encode_tuple(&fields.collect::<Result<Vec<_>, _>>()?))
    }

    /// The value as a CQL literal; null for none. Bytes that are no value of this type are written as a blob.
    pub fn to_cql_literal(&self, value: Option<&[u8]>) -> String {
        let mut out = String::new();
        self.write_literal(&mut out, value);
        out
    }

    fn write_literal(&self, out: &mut String, value: Option<&[u8]>) {
        let is_text = matches!(self, Self::Text | Self::Ascii | Self::Blob | Self::Custom(_));
        let is_structure = matches!(
            self,
            Self::List { .. }
                | Self::Set { .. }
                | Self::Map { .. }
                | Self::Tuple(_)
                | Self::User { .. }
                | Self::Vector { .. }
        );
        let Some(value) = value.filter(|v| is_text || is_structure || !v.is_empty()) else {
            out.push_str("null");
            return;
        };
        // a time uuid may be of a wrong version: functions of times far away make such
        let is_uuid = *self == Self::Timeuuid && value.len() == 16;
        if !is_uuid && self.validate(value).is_err() {
            let _ = write!(out, "0x{}", to_hex(value));
            return;
        }
        match self {
            Self::List { element, .. } => {
                write_joined(out, ['[', ']'], collection::elements(value), |out, v| {
                    element.write_literal(out, Some(v));
                });
            }
            Self::Set { element, .. } => {
                write_joined(out, ['{', '}'], collection::elements(value), |out, v| {
                    element.write_literal(out, Some(v));
                });
            }
            Self::Map { key, value: element, .. } => {
                write_joined(out, ['{', '}'], collection::entries(value), |out, (k, v)| {
                    key.write_literal(out, Some(k));
                    out.push_str(": ");
                    element.write_literal(out, Some(v));
                });
            }
            Self::Tuple(types) => {
                let fields = collection::fields(value).zip(types.iter());
                write_joined(out, ['(', ')'], fields, |out, (v, field)| field.write_literal(out, v));
            }
            Self::User { user_type, .. } => {
                let fields = collection::fields(value).zip(&user_type.fields);
                write_joined(out, ['{', '}'], fields, |out, (v, (name, field))| {
                    out.push_str(&maybe_quoted(name));
                    out.push_str(": ");
                    field.write_literal(out, v);
                });
            }
            Self::Vector { element, dimension } => {
                let elements = collection::vector_elements(element, *dimension, value);
                write_joined(out, ['[', ']'], elements, |out, v| element.write_literal(out, Some(v)));
            }
            Self::Text | Self::Ascii | Self::Inet | Self::Date | Self::Time | Self::Timestamp => {
                let _ = write!(out, "'{}'", self.native_string(value).replace('\'', "''"));
            }
            Self::Blob | Self::Custom(_) => {
                let _ = write!(out, "0x{}", to_hex(value));
            }
            _ => out.push_str(&self.native_string(value)),
        }
    }

    /// The value as text that [`CqlType::from_string`] reads (Cassandra: `AbstractType.getString`). Bytes that
    /// are no value of this type are written in hexadecimal.
    pub fn to_string_value(&self, value: &[u8]) -> String {
        if self.validate(value).is_err() {
            return to_hex(value);
        }
        match self {
            Self::Tuple(types) => tuple_string(types.iter(), value),
            Self::User { user_type, .. } => tuple_string(user_type.fields.iter().map(|(_, t)| t), value),
            Self::Counter => to_hex(value),
            _ => self.native_string(value),
        }
    }

    /// The text of a valid value, without quotes.
    fn native_string(&self, value: &[u8]) -> String {
        let text = match self {
            Self::Text | Self::Ascii => Some(String::from_utf8_lossy(value).into_owned()),
            Self::Boolean => value.first().map(|b| (*b != 0).to_string()),
            Self::Tinyint => value.as_array().map(|b| i8::from_be_bytes(*b).to_string()),
            Self::Smallint => value.as_array().map(|b| i16::from_be_bytes(*b).to_string()),
            Self::Int => value.as_array().map(|b| i32::from_be_bytes(*b).to_string()),
            Self::Bigint | Self::Counter => value.as_array().map(|b| i64::from_be_bytes(*b).to_string()),
            Self::Float => value.as_array().map(|b| java_float(f32::from_be_bytes(*b))),
            Self::Double => value.as_array().map(|b| java_double(f64::from_be_bytes(*b))),
            Self::Varint => (!value.is_empty()).then(|| decode_varint(value).to_string()),
            Self::Decimal => Decimal::decode(value).map(|d| d.to_string()),
            Self::Date => value.as_array().map(|b| DateTime::Date(u32::from_be_bytes(*b)).to_string()),
            Self::Time => value.as_array().map(|b| DateTime::Time(i64::from_be_bytes(*b)).to_string()),
            Self::Timestamp => {
                value.as_array().map(|b| DateTime::Timestamp(i64::from_be_bytes(*b)).to_string())
            }
            Self::Duration => Duration::decode(value).map(|d| d.to_string()),
            Self::Uuid | Self::Timeuuid => value.as_array().map(|b| uuid::Uuid::from_bytes(*b).to_string()),
            Self::Inet => match value.len() {
                4 => value.as_array().map(|b: &[u8; 4]| Ipv4Addr::from(*b).to_string()),
                _ => value.as_array().map(|b: &[u8; 16]| inet6_string(Ipv6Addr::from(*b))),
            },
            _ => Some(to_hex(value)),
        };
        text.unwrap_or_default()
    }
}

/// Appends items with `, ` between them, within brackets.
pub(super) fn write_joined<T>(
    out: &mut String,
    [open, close]: [char; 2],
    items: impl Iterator<Item = T>,
    mut write: impl FnMut(&mut String, T),
) {
    out.push(open);
    for (i, item) in items.enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        write(out, item);
    }
    out.push(close);
}

fn tuple_string<'t>(types: impl Iterator<Item = &'t CqlType>, value: &[u8]) -> String {
    let mut rest = value;
    let mut parts = Vec::new();
    for field_type in types {
        match read_value(&mut rest) {
            Some(Some(field)) => {
                let text = field_type.to_string_value(field);
                parts.push(text.replace(':', "\\:").replace('@', "\\@"));
            }
            Some(None) => parts.push("@".to_owned()),
            None => break,
        }
    }
    parts.join(":")
}

/// The parts between colons that no backslash precedes.
fn split_unescaped(text: &str) -> Vec<&str> {
    if text.is_empty() {
        return Vec::new();
    }
    let mut parts = Vec::new();
    let mut start = 0;
    let mut previous = b' ';
    for (i, byte) in text.bytes().enumerate() {
        if byte == b':' && previous != b'\\' {
            parts.push(&text[start..i]);
            start = i + 1;
        }
        previous = byte;
    }
    parts.push(&text[start..]);
    parts
}

fn ascii(text: &str) -> Result<Vec<u8>, MarshalError> {
    match text.chars().find(|c| !c.is_ascii()) {
        None => Ok(text.into()),
        Some(c) => Err(MarshalError(format!(
            "Invalid ASCII character in string literal: \
             java.nio.charset.UnmappableCharacterException: Input length = {}",
            c.len_utf16()
        ))),
    }
}

fn uuid(text: &str) -> Option<[u8; 16]> {
    let shape = |(i, b): (usize, u8)| match i {
        8 | 13 | 18 | 23 => b == b'-',
        _ => b.is_ascii_hexdigit(),
    };
    if text.len() != 36 || !text.bytes().enumerate().all(shape) {
        return None;
    }
    uuid::Uuid::try_parse(text).ok().map(uuid::Uuid::into_bytes)
}

fn timeuuid(text: &str) -> Result<[u8; 16], MarshalError> {
    let parsed =
        uuid(text).ok_or_else(|| MarshalError(format!("Unknown timeuuid representation: {text}")))?;
    if parsed[6] >> 4 == 1 {
        return Ok(parsed);
    }
    Err(MarshalError::new("TimeUUID supports only version 1 UUIDs"))
}

/// An address as Java's `InetAddress` reads it, but for names: `1.2.3.4`, also with fewer parts, of which the
/// last then fills the rest; `::1`, also within brackets. A mapped IPv4 address becomes one of four bytes.
fn inet(text: &str) -> Option<Vec<u8>> {
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    if text.contains(':') {
        let address: Ipv6Addr = bare.unwrap_or(text).parse().ok()?;
        return Some(match address.to_ipv4_mapped() {
            Some(mapped) => mapped.octets().into(),
            None => address.octets().into(),
        });
    }
    let parts: Vec<&str> = text.split('.').collect();
    let (last, first) = parts.split_last()?;
    if first.len() > 3 || parts.iter().any(|p| p.is_empty() || !p.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    let mut octets = first.iter().map(|p| p.parse::<u8>().ok()).collect::<Option<Vec<_>>>()?;
    let last: u32 = last.parse().ok()?;
    let room = 4 - octets.len();
    if room < 4 && last >> (8 * room) != 0 {
        return None;
    }
    octets.extend(&last.to_be_bytes()[4 - room..]);
    Some(octets)
}

/// As Java writes it: no zeros are left out. A mapped address is one of IPv4 to Java.
fn inet6_string(address: Ipv6Addr) -> String {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return mapped.to_string();
    }
    address.segments().map(|s| format!("{s:x}")).join(":")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
#[path = "text_tests.rs"]
mod tests;
