//! What comes with a statement: bound values, still slices of the frame they came in, and the query's parameters.

use std::fmt;
use std::ops::Deref;

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;

use crate::consistency::Consistency;

/// A version of the native protocol that can be spoken here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ProtocolVersion {
    /// Version 3.
    V3 = 3,
    /// Version 4.
    V4 = 4,
    /// Version 5.
    V5 = 5,
}

impl ProtocolVersion {
    /// The newest version that is not beta.
    pub const CURRENT: ProtocolVersion = ProtocolVersion::V5;
    /// All versions, oldest first.
    pub const ALL: [ProtocolVersion; 3] = [ProtocolVersion::V3, ProtocolVersion::V4, ProtocolVersion::V5];

    /// The number in a frame's first byte.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Position within [`ProtocolVersion::ALL`].
    pub fn index(self) -> usize {
        usize::from(self as u8 - 3)
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{0}/v{0}", self.number())
    }
}

/// The id of a prepared statement or of result metadata: sixteen bytes of MD5, or whatever else a client sent.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StatementId(SmallVec<[u8; 16]>);

impl StatementId {
    /// The id that consists of these bytes.
    pub fn new(bytes: &[u8]) -> Self {
        StatementId(SmallVec::from_slice(bytes))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<[u8; 16]> for StatementId {
    fn from(bytes: [u8; 16]) -> Self {
        StatementId(SmallVec::from_buf(bytes))
    }
}

impl Deref for StatementId {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl std::borrow::Borrow<[u8]> for StatementId {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for StatementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for StatementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One bound value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// NULL.
    Null,
    /// Not set: leave the column as it is (from version 4 on).
    Unset,
    /// Its serialized form.
    Bytes(&'a [u8]),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ValueRange {
    start: u32,
    /// -1 is NULL, -2 is UNSET.
    length: i32,
}

/// Bound values, positional or named: ranges of one shared buffer, so that decoding allocates for none of them.
#[derive(Debug, Clone, Default)]
pub struct Values {
    buffer: Bytes,
    ranges: SmallVec<[ValueRange; 8]>,
    names: Option<Vec<String>>,
}

impl Values {
    /// No values.
    pub fn empty() -> Self {
        Values::default()
    }

    /// Values that are ranges of `buffer`, to be added with the `push_` methods.
    pub fn over(buffer: Bytes) -> Self {
        Values { buffer, ranges: SmallVec::new(), names: None }
    }

    /// Copies values into a buffer of their own, for callers that hold no frame.
    pub fn copy_from<'a>(values: impl IntoIterator<Item = Value<'a>>) -> Self {
        let mut buffer = BytesMut::new();
        let mut ranges = SmallVec::new();
        for value in values {
            let start = buffer.len() as u32;
            ranges.push(match value {
                Value::Null => ValueRange { start, length: -1 },
                Value::Unset => ValueRange { start, length: -2 },
                Value::Bytes(bytes) => {
                    buffer.extend_from_slice(bytes);
                    ValueRange { start, length: bytes.len() as i32 }
                }
            });
        }
        Values { buffer: buffer.freeze(), ranges, names: None }
    }

    /// Adds NULL.
    pub fn push_null(&mut self) {
        self.ranges.push(ValueRange { start: 0, length: -1 });
    }

    /// Adds UNSET.
    pub fn push_unset(&mut self) {
        self.ranges.push(ValueRange { start: 0, length: -2 });
    }

    /// Adds the bytes at `start..start + length` of the buffer. Out of bounds, the value reads as NULL.
    pub fn push_range(&mut self, start: usize, length: usize) {
        match (u32::try_from(start), i32::try_from(length)) {
            (Ok(start), Ok(length)) => self.ranges.push(ValueRange { start, length }),
            _ => self.push_null(),
        }
    }

    /// Names the values: one name for each, in their order.
    pub fn set_names(&mut self, names: Vec<String>) {
        self.names = Some(names);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The names, if the client named its values.
    pub fn names(&self) -> Option<&[String]> {
        self.names.as_deref()
    }

    /// The value at this position.
    pub fn get(&self, index: usize) -> Option<Value<'_>> {
        self.ranges.get(index).map(|range| self.resolve(*range))
    }

    /// The bytes at this position without a copy, sharing the frame; None for NULL, UNSET and beyond the end.
    pub fn slice(&self, index: usize) -> Option<Bytes> {
        match self.get(index)? {
            Value::Bytes(bytes) => Some(self.buffer.slice_ref(bytes)),
            _ => None,
        }
    }

    /// All values in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Value<'_>> + Clone {
        self.ranges.iter().map(|range| self.resolve(*range))
    }

    /// The values in another order: position `i` of the result is position `order[i]` of this; None if one is beyond
    /// the end. Drops the names: for binding named values to a statement's markers.
    pub fn reorder(&self, order: &[usize]) -> Option<Values> {
        let ranges = order.iter().map(|&i| self.ranges.get(i).copied()).collect::<Option<_>>()?;
        Some(Values { buffer: self.buffer.clone(), ranges, names: None })
    }

    fn resolve(&self, range: ValueRange) -> Value<'_> {
        let start = range.start as usize;
        match range.length {
            -2 => Value::Unset,
            length => usize::try_from(length)
                .ok()
                .and_then(|length| self.buffer.get(start..start + length))
                .map_or(Value::Null, Value::Bytes),
        }
    }
}

/// Query parameters, as `cql3.QueryOptions`.
#[derive(Debug, Clone, Default)]
pub struct QueryOptions {
    /// Consistency of the read or write.
    pub consistency: Consistency,
    /// Bound values.
    pub values: Values,
    /// The client knows the result's metadata already.
    pub skip_metadata: bool,
    /// Rows in each page; None without paging. Never 0.
    pub page_size: Option<i32>,
    /// Where to go on, from an earlier response.
    pub paging_state: Option<Bytes>,
    /// Consistency of the serial phase; None means SERIAL.
    pub serial_consistency: Option<Consistency>,
    /// Default timestamp in microseconds.
    pub timestamp: Option<i64>,
    /// Keyspace in place of the connection's (version 5).
    pub keyspace: Option<String>,
    /// The time in seconds since the epoch to use in place of the clock's (version 5).
    pub now_in_seconds: Option<i64>,
}

impl QueryOptions {
    /// Options with nothing but a consistency level.
    pub fn with_consistency(consistency: Consistency) -> Self {
        QueryOptions { consistency, ..QueryOptions::default() }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test")]
    use super::*;

    #[test]
    fn values_share_the_frame() {
        let mut values = Values::over(Bytes::from_static(b"abcdef"));
        values.push_range(1, 2);
        values.push_null();
        values.push_unset();
        values.push_range(6, 0);
        values.push_range(5, 2);
        let all: Vec<_> = values.iter().collect();
        assert_eq!(all, [Value::Bytes(b"bc"), Value::Null, Value::Unset, Value::Bytes(b""), Value::Null]);
        assert_eq!(values.slice(0).unwrap(), "bc");
        assert_eq!(values.reorder(&[3, 0]).unwrap().get(1), Some(Value::Bytes(b"bc")));
        assert!(values.reorder(&[9]).is_none());
    }

    #[test]
    fn copied_values() {
        let values = Values::copy_from([Value::Bytes(b"x"), Value::Null, Value::Bytes(b"yz")]);
        assert_eq!(values.get(2), Some(Value::Bytes(b"yz")));
        assert_eq!(values.len(), 3);
    }
}
