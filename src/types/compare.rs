//! The order of values (Cassandra: `AbstractType.compare`). Empty values come first, whatever the type.
//!
//! It is total on valid values. On bytes that are no value of their type it still answers, and does not panic.

use std::cmp::Ordering;

use super::collection::{self, read_count};
use super::token::composite_components;
use super::{CqlType, class_parser, decimal};

impl CqlType {
    /// How `left` and `right`, two values of this type, compare.
    #[inline]
    pub fn compare(&self, left: &[u8], right: &[u8]) -> Ordering {
        match self {
            Self::Ascii
            | Self::Blob
            | Self::Text
            | Self::Date
            | Self::Duration
            | Self::Empty
            | Self::Inet
            | Self::Time => left.cmp(right),
            Self::Int => match (left.as_array::<4>(), right.as_array::<4>()) {
                (Some(l), Some(r)) => i32::from_be_bytes(*l).cmp(&i32::from_be_bytes(*r)),
                _ => compare_signed(left, right),
            },
            Self::Bigint | Self::Timestamp | Self::Counter => {
                match (left.as_array::<8>(), right.as_array::<8>()) {
                    (Some(l), Some(r)) => i64::from_be_bytes(*l).cmp(&i64::from_be_bytes(*r)),
                    _ => compare_signed(left, right),
                }
            }
            Self::Double => match (left.as_array::<8>(), right.as_array::<8>()) {
                (Some(l), Some(r)) => compare_floats(f64::from_be_bytes(*l), f64::from_be_bytes(*r)),
                _ => left.cmp(right),
            },
            Self::Float => match (left.as_array::<4>(), right.as_array::<4>()) {
                (Some(l), Some(r)) => {
                    compare_floats(f32::from_be_bytes(*l).into(), f32::from_be_bytes(*r).into())
                }
                _ => left.cmp(right),
            },
            Self::Tinyint | Self::Smallint => compare_signed(left, right),
            Self::Timeuuid => compare_timeuuid(left, right),
            Self::Uuid => compare_uuid(left, right),
            _ => self.compare_slow(left, right),
        }
    }

    fn compare_slow(&self, left: &[u8], right: &[u8]) -> Ordering {
        if left.is_empty() || right.is_empty() {
            return left.len().cmp(&right.len());
        }
        match self {
            Self::Boolean => (left[0] != 0).cmp(&(right[0] != 0)),
            Self::Varint => compare_varint(left, right),
            Self::Decimal => decimal::compare(left, right),
            Self::List { element, .. } | Self::Set { element, .. } => {
                compare_elements(element, element, left, right)
            }
            Self::Map { key, value, .. } => compare_elements(key, value, left, right),
            Self::Tuple(types) => compare_tuples(types.iter(), left, right),
            Self::User { user_type, .. } => {
                compare_tuples(user_type.fields.iter().map(|(_, t)| t), left, right)
            }
            Self::Vector { element, dimension } => {
                let left = collection::vector_elements(element, *dimension, left);
                let right = collection::vector_elements(element, *dimension, right);
                left.zip(right)
                    .map(|(l, r)| element.compare(l, r))
                    .find(|o| o.is_ne())
                    .unwrap_or(Ordering::Equal)
            }
            Self::Custom(class) => compare_custom(class, left, right),
            _ => left.cmp(right),
        }
    }

    /// Whether the order of values is that of their bytes taken as unsigned (Cassandra:
    /// `isByteOrderComparable`).
    pub fn is_byte_comparable(&self) -> bool {
        matches!(
            self,
            Self::Ascii
                | Self::Blob
                | Self::Text
                | Self::Date
                | Self::Duration
                | Self::Empty
                | Self::Inet
                | Self::Time
        )
    }
}

/// Big-endian two's complement numbers of equal length: the first byte is signed, the others are not.
fn compare_signed(left: &[u8], right: &[u8]) -> Ordering {
    match (left.first(), right.first()) {
        (Some(l), Some(r)) => l.cast_signed().cmp(&r.cast_signed()).then_with(|| left.cmp(right)),
        _ => left.len().cmp(&right.len()),
    }
}

/// As Java orders them: -0.0 before 0.0, NaN after everything else and equal to itself.
fn compare_floats(left: f64, right: f64) -> Ordering {
    match (left.is_nan(), right.is_nan()) {
        (false, false) => left.total_cmp(&right),
        (left, right) => left.cmp(&right),
    }
}

/// The timestamp of a version 1 uuid in order of significance, with the version on top.
fn reorder_timestamp(high: u64) -> u64 {
    high << 48 | ((high << 16) & 0xffff_0000_0000) | high >> 32
}

fn halves(uuid: &[u8]) -> Option<(u64, u64)> {
    let value = u128::from_be_bytes(*uuid.as_array::<16>()?);
    Some(((value >> 64) as u64, value as u64))
}

fn compare_timeuuid(left: &[u8], right: &[u8]) -> Ordering {
    let (Some(l), Some(r)) = (halves(left), halves(right)) else {
        return left.len().cmp(&right.len()).then_with(|| left.cmp(right));
    };
    // the second half is compared byte by byte, signed
    let signed = |low: u64| low ^ 0x8080_8080_8080_8080;
    let high = |high: u64| reorder_timestamp(high).cast_signed();
    high(l.0).cmp(&high(r.0)).then_with(|| signed(l.1).cmp(&signed(r.1)))
}

fn compare_uuid(left: &[u8], right: &[u8]) -> Ordering {
    let (Some(l), Some(r)) = (halves(left), halves(right)) else {
        return left.len().cmp(&right.len()).then_with(|| left.cmp(right));
    };
    let version = |high: u64| (high >> 12) & 0xf;
    let high = |high: u64| if version(high) == 1 { reorder_timestamp(high) } else { high };
    let by_version = version(l.0).cmp(&version(r.0));
    by_version.then_with(|| high(l.0).cmp(&high(r.0))).then_with(|| l.1.cmp(&r.1))
}

/// A varint without the leading bytes that only repeat its sign.
fn significant(varint: &[u8]) -> &[u8] {
    let mut rest = varint;
    while let [first, second, ..] = rest {
        let sign = if second & 0x80 == 0 { 0x00 } else { 0xff };
        if *first != sign {
            break;
        }
        rest = &rest[1..];
    }
    rest
}

pub(super) fn compare_varint(left: &[u8], right: &[u8]) -> Ordering {
    let (left, right) = (significant(left), significant(right));
    let negative = |v: &[u8]| v.first().is_some_and(|b| b & 0x80 != 0);
    match (negative(left), negative(right)) {
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => left.len().cmp(&right.len()).then_with(|| left.cmp(right)),
        (true, true) => right.len().cmp(&left.len()).then_with(|| left.cmp(right)),
    }
}

/// Lists and sets, with `first` and `second` the element's type, or maps: elements (keys and values in turn),
/// then the count.
fn compare_elements(first: &CqlType, second: &CqlType, left: &[u8], right: &[u8]) -> Ordering {
    let (counts_left, counts_right) = (read_count(left), read_count(right));
    let mut l = collection::fields(left.get(4..).unwrap_or_default());
    let mut r = collection::fields(right.get(4..).unwrap_or_default());
    for position in 0_usize.. {
        let (Some(left), Some(right)) = (l.next(), r.next()) else {
            break;
        };
        let element = if position % 2 == 0 { first } else { second };
        let order = match (left, right) {
            (Some(left), Some(right)) => element.compare(left, right),
            (left, right) => left.is_some().cmp(&right.is_some()),
        };
        if order.is_ne() {
            return order;
        }
    }
    counts_left.cmp(&counts_right)
}

/// Field by field; a null comes before any value, and trailing nulls are the same as missing fields.
fn compare_tuples<'t>(types: impl Iterator<Item = &'t CqlType>, left: &[u8], right: &[u8]) -> Ordering {
    let (mut l, mut r) = (collection::fields(left), collection::fields(right));
    for element in types {
        let (left, right) = (l.next().flatten(), r.next().flatten());
        let order = match (left, right) {
            (Some(left), Some(right)) => element.compare(left, right),
            (left, right) => left.is_some().cmp(&right.is_some()),
        };
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// Types without a CQL name, of legacy tables: composites compare by component, others as bytes.
fn compare_custom(class: &str, left: &[u8], right: &[u8]) -> Ordering {
    let Some(types) = class_parser::composite_types(class) else {
        return left.cmp(right);
    };
    let (mut l, mut r) = (composite_components(left), composite_components(right));
    for parsed in &types {
        let order = match (l.next(), r.next()) {
            (Some(left), Some(right)) if parsed.reversed => parsed.cql_type.compare(right, left),
            (Some(left), Some(right)) => parsed.cql_type.compare(left, right),
            (left, right) => left.is_some().cmp(&right.is_some()),
        };
        if order.is_ne() {
            return order;
        }
    }
    // the last byte, which says where a bound lies among those with the same prefix
    let end = |bytes: &[u8]| bytes.last().map_or(0, |b| b.cast_signed());
    end(left).cmp(&end(right))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
#[path = "compare_tests.rs"]
mod tests;
