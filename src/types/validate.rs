//! Whether bytes are a value of a type, with Cassandra's own texts (its `serializers` package).

use super::collection::{self, read_value};
use super::duration::Duration;
use super::{CqlType, MarshalError, vint};

type Result = std::result::Result<(), MarshalError>;

fn error(text: impl Into<String>) -> Result {
    Err(MarshalError::new(text))
}

impl CqlType {
    /// Checks that `value` is one of this type (Cassandra: `AbstractType.validate`).
    pub fn validate(&self, value: &[u8]) -> Result {
        let length = value.len();
        let one_of = |lengths: &[usize]| lengths.contains(&length);
        match self {
            Self::Blob | Self::Varint | Self::Custom(_) => Ok(()),
            Self::Text if valid_utf8(value) => Ok(()),
            Self::Text => error("String didn't validate."),
            Self::Ascii => match value.iter().find(|b| !b.is_ascii()) {
                Some(byte) => error(format!("Invalid byte for ascii: {}", byte.cast_signed())),
                None => Ok(()),
            },
            Self::Boolean if one_of(&[0, 1]) => Ok(()),
            Self::Boolean => error(format!("Expected 1 or 0 byte value ({length})")),
            Self::Tinyint if length == 1 => Ok(()),
            Self::Tinyint => error(format!("Expected 1 byte for a tinyint ({length})")),
            Self::Smallint if length == 2 => Ok(()),
            Self::Smallint => error(format!("Expected 2 bytes for a smallint ({length})")),
            Self::Int if one_of(&[0, 4]) => Ok(()),
            Self::Int => error(format!("Expected 4 or 0 byte int ({length})")),
            Self::Bigint | Self::Counter if one_of(&[0, 8]) => Ok(()),
            Self::Bigint | Self::Counter => error(format!("Expected 8 or 0 byte long ({length})")),
            Self::Timestamp if one_of(&[0, 8]) => Ok(()),
            Self::Timestamp => error(format!("Expected 8 or 0 byte long for date ({length})")),
            Self::Float if one_of(&[0, 4]) => Ok(()),
            Self::Float => error(format!("Expected 4 or 0 byte value for a float ({length})")),
            Self::Double if one_of(&[0, 8]) => Ok(()),
            Self::Double => error(format!("Expected 8 or 0 byte value for a double ({length})")),
            Self::Decimal if length == 0 || length >= 4 => Ok(()),
            Self::Decimal => error(format!("Expected 0 or at least 4 bytes ({length})")),
            Self::Date if length == 4 => Ok(()),
            Self::Date => error(format!("Expected 4 byte long for date ({length})")),
            Self::Time if length == 8 => Ok(()),
            Self::Time => error(format!("Expected 8 byte long for time ({length})")),
            Self::Inet if one_of(&[0, 4, 16]) => Ok(()),
            Self::Inet => {
                error(format!("Expected 4 or 16 byte inetaddress; got {}", super::text::to_hex(value)))
            }
            Self::Empty if length == 0 => Ok(()),
            Self::Empty => error("EmptyType only accept empty values"),
            Self::Uuid | Self::Timeuuid if !one_of(&[0, 16]) => {
                error(format!("UUID should be 16 or 0 bytes ({length})"))
            }
            Self::Uuid => Ok(()),
            Self::Timeuuid => validate_timeuuid(value),
            Self::Duration => Duration::validate(value),
            Self::List { element, .. } => validate_collection("list", &[element], value),
            Self::Set { element, .. } => validate_collection("set", &[element], value),
            Self::Map { key, value: element, .. } => validate_collection("map", &[key, element], value),
            Self::Tuple(types) => validate_tuple(types, value),
            Self::User { user_type, .. } => validate_user_type(&user_type.fields, value),
            Self::Vector { element, dimension } => self.validate_vector(element, *dimension, value),
        }
    }

    /// Whether an empty value is one of this type, apart from null (Cassandra: `allowsEmpty`).
    pub fn allows_empty(&self) -> bool {
        !matches!(
            self,
            Self::Tinyint
                | Self::Smallint
                | Self::Date
                | Self::Time
                | Self::Duration
                | Self::Empty
                | Self::Vector { .. }
        ) && !self.is_collection()
    }

    /// Whether an empty value says nothing, so that it is taken for null in some places (Cassandra:
    /// `isEmptyValueMeaningless`).
    pub fn is_empty_value_meaningless(&self) -> bool {
        matches!(
            self,
            Self::Bigint
                | Self::Boolean
                | Self::Counter
                | Self::Decimal
                | Self::Double
                | Self::Float
                | Self::Inet
                | Self::Int
                | Self::Timestamp
                | Self::Timeuuid
                | Self::Uuid
                | Self::Varint
        )
    }

    fn validate_vector(&self, element: &CqlType, dimension: usize, value: &[u8]) -> Result {
        let short = || MarshalError::new(format!("Not enough bytes to read a {self}"));
        if value.is_empty() {
            return error("Invalid empty vector value");
        }
        let mut rest = value;
        for _ in 0..dimension {
            let length = match element.fixed_length() {
                Some(length) => length,
                None => vint::read_unsigned_u32(&mut rest).ok_or_else(short)? as usize,
            };
            let (value, after) = rest.split_at_checked(length).ok_or_else(short)?;
            rest = after;
            element.validate(value)?;
        }
        if rest.is_empty() {
            return Ok(());
        }
        error(format!("Unexpected {} extraneous bytes after {self} value", rest.len()))
    }
}

/// Refuses a collection of a negative count: it is valid, but cannot be read (Cassandra: `deserialize` of `ListSerializer`,
/// `SetSerializer` and `MapSerializer`).
pub fn check_count(cql_type: &CqlType, value: &[u8]) -> Result {
    let kind = match cql_type {
        CqlType::List { .. } => "list",
        CqlType::Set { .. } => "set",
        CqlType::Map { .. } => "map",
        _ => return Ok(()),
    };
    match value.first() {
        Some(first) if first & 0x80 != 0 => error(format!("The data cannot be deserialized as a {kind}")),
        _ => Ok(()),
    }
}

fn validate_timeuuid(value: &[u8]) -> Result {
    match (value.first(), value.get(6)) {
        (Some(first), Some(version)) if version & 0xf0 != 0x10 => {
            // the text speaks of the first byte, where the version is not: Cassandra's own
            error(format!("Invalid version for TimeUUID type: 0x{:x}", first >> 4))
        }
        _ => Ok(()),
    }
}

fn validate_collection(kind: &str, types: &[&CqlType], value: &[u8]) -> Result {
    let short = || MarshalError::new(format!("Not enough bytes to read a {kind}"));
    let count = collection::read_count(value).ok_or_else(short)?;
    let mut rest = &value[4..];
    for _ in 0..count {
        for element in types {
            match read_value(&mut rest).ok_or_else(short)? {
                Some(value) => element.validate(value)?,
                None => return error("Null value read when not allowed"),
            }
        }
    }
    if rest.is_empty() { Ok(()) } else { error(format!("Unexpected extraneous bytes after {kind} value")) }
}

fn validate_tuple(types: &[CqlType], value: &[u8]) -> Result {
    let mut rest = value;
    for (i, field_type) in types.iter().enumerate() {
        if rest.is_empty() {
            return Ok(());
        }
        if rest.len() < 4 {
            return error(format!("Not enough bytes to read size of {i}th component"));
        }
        match read_value(&mut rest) {
            Some(Some(field)) => field_type.validate(field)?,
            Some(None) => {}
            None => return error(format!("Not enough bytes to read {i}th component")),
        }
    }
    if rest.is_empty() { Ok(()) } else { error("Invalid remaining data after end of tuple value") }
}

fn validate_user_type(fields: &[(String, CqlType)], value: &[u8]) -> Result {
    let mut rest = value;
    for (i, (name, field_type)) in fields.iter().enumerate() {
        if rest.is_empty() {
            return Ok(());
        }
        if rest.len() < 4 {
            return error(format!("Not enough bytes to read size of {i}th field {name}"));
        }
        match read_value(&mut rest) {
            Some(Some(field)) => {
                let explain =
                    |e| MarshalError::new(format!("Failure validating the {i}th field {name}; {e}"));
                field_type.validate(field).map_err(explain)?;
            }
            Some(None) => {}
            None => return error(format!("Not enough bytes to read {i}th field {name}")),
        }
    }
    if rest.is_empty() { Ok(()) } else { error("Invalid remaining data after end of UDT value") }
}

/// UTF-8 as Cassandra takes it: also surrogates, Java's two-byte NUL, and some numbers above Unicode's last.
fn valid_utf8(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok() || valid_lenient_utf8(bytes)
}

fn valid_lenient_utf8(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some((&first, mut after)) = rest.split_first() {
        // what the second byte must satisfy, and how many follow it
        let (second_ok, following): (fn(u8) -> bool, usize) = match first {
            0x00..=0x7f => {
                rest = after;
                continue;
            }
            0xc0 => (|b| b == 0x80, 0),
            0xc2..=0xdf => (|b| b & 0xc0 == 0x80, 0),
            0xe0 => (|b| b & 0xe0 != 0x80, 1),
            0xe1..=0xef => (|b| b & 0xc0 == 0x80, 1),
            0xf0 => (|b| b & 0x30 != 0, 2),
            0xf1..=0xf7 => (|b| b & 0xc0 == 0x80, 2),
            _ => return false,
        };
        match after.split_first() {
            Some((&second, tail)) if second_ok(second) => after = tail,
            _ => return false,
        }
        match after.split_at_checked(following) {
            Some((tail, after)) if tail.iter().all(|b| b & 0xc0 == 0x80) => rest = after,
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn text_of(cql_type: &CqlType, value: &[u8]) -> String {
        cql_type.validate(value).unwrap_err().0
    }

    #[test]
    fn texts_of_cassandra() {
        assert_eq!(text_of(&CqlType::Int, &[0; 8]), "Expected 4 or 0 byte int (8)");
        assert_eq!(text_of(&CqlType::Inet, &[1, 2, 3]), "Expected 4 or 16 byte inetaddress; got 010203");
        assert_eq!(text_of(&CqlType::Ascii, b"a\xff"), "Invalid byte for ascii: -1");
        assert_eq!(text_of(&CqlType::Timeuuid, &[0x40; 16]), "Invalid version for TimeUUID type: 0x4");
        let list = CqlType::List { element: Arc::new(CqlType::Int), frozen: true };
        assert_eq!(text_of(&list, b""), "Not enough bytes to read a list");
        assert_eq!(text_of(&list, &[0, 0, 0, 0, 9]), "Unexpected extraneous bytes after list value");
        assert_eq!(text_of(&list, &[0, 0, 0, 1, 255, 255, 255, 255]), "Null value read when not allowed");
        let vector = CqlType::Vector { element: Arc::new(CqlType::Float), dimension: 2 };
        assert_eq!(text_of(&vector, &[0; 4]), "Not enough bytes to read a vector<float, 2>");
        assert_eq!(text_of(&vector, &[0; 9]), "Unexpected 1 extraneous bytes after vector<float, 2> value");
    }

    #[test]
    fn utf8_is_lenient_as_in_cassandra() {
        for good in [&b"\xc0\x80"[..], b"\xed\xa0\x80", "\u{20ac}\u{1f600}".as_bytes(), b"\xf5\x80\x80\x80"] {
            assert!(CqlType::Text.validate(good).is_ok(), "{good:x?}");
        }
        for bad in [&b"\x80"[..], b"\xc1\x80", b"\xe2\x82", b"\xff", b"\xf0\x80\x80\x80"] {
            assert!(CqlType::Text.validate(bad).is_err(), "{bad:x?}");
        }
    }
}
