//! The few types of value that the tables of `system_schema` have.

use std::collections::BTreeMap;

/// A serialized value.
pub(super) type Value = Vec<u8>;

pub(super) fn text(value: &str) -> Value {
    value.as_bytes().to_vec()
}

pub(super) fn boolean(value: bool) -> Value {
    vec![u8::from(value)]
}

pub(super) fn int(value: i32) -> Value {
    value.to_be_bytes().to_vec()
}

pub(super) fn bigint(value: i64) -> Value {
    value.to_be_bytes().to_vec()
}

pub(super) fn double(value: f64) -> Value {
    value.to_be_bytes().to_vec()
}

/// A frozen list, or a frozen set if the values are sorted.
pub(super) fn sequence<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Value {
    let mut count = 0_i32;
    let mut out = vec![0; 4];
    for value in values {
        count += 1;
        push(&mut out, value);
    }
    out[..4].copy_from_slice(&count.to_be_bytes());
    out
}

/// A frozen map with keys of text.
pub(super) fn map<V: AsRef<[u8]>>(entries: &BTreeMap<String, V>) -> Value {
    let mut out = int(entries.len() as i32);
    for (key, value) in entries {
        push(&mut out, key.as_bytes());
        push(&mut out, value.as_ref());
    }
    out
}

fn push(out: &mut Value, value: &[u8]) {
    out.extend_from_slice(&(value.len() as i32).to_be_bytes());
    out.extend_from_slice(value);
}

pub(super) fn read_text(value: &[u8]) -> Option<String> {
    String::from_utf8(value.to_vec()).ok()
}

pub(super) fn read_boolean(value: &[u8]) -> Option<bool> {
    value.first().map(|byte| *byte != 0)
}

pub(super) fn read_int(value: &[u8]) -> Option<i32> {
    value.try_into().ok().map(i32::from_be_bytes)
}

pub(super) fn read_bigint(value: &[u8]) -> Option<i64> {
    value.try_into().ok().map(i64::from_be_bytes)
}

pub(super) fn read_double(value: &[u8]) -> Option<f64> {
    value.try_into().ok().map(f64::from_be_bytes)
}

/// The elements of a frozen list or set.
pub(super) fn read_sequence(value: &[u8]) -> Option<Vec<&[u8]>> {
    let (count, rest) = value.split_first_chunk::<4>()?;
    read_items(rest, usize::try_from(i32::from_be_bytes(*count)).ok()?)
}

/// The entries of a frozen map, key and value by turns.
pub(super) fn read_map(value: &[u8]) -> Option<BTreeMap<String, Vec<u8>>> {
    let (count, rest) = value.split_first_chunk::<4>()?;
    let items = read_items(rest, usize::try_from(i32::from_be_bytes(*count)).ok()?.checked_mul(2)?)?;
    items.chunks_exact(2).map(|pair| Some((read_text(pair[0])?, pair[1].to_vec()))).collect()
}

fn read_items(mut rest: &[u8], count: usize) -> Option<Vec<&[u8]>> {
    let mut items = Vec::new();
    for _ in 0..count {
        let (length, tail) = rest.split_first_chunk::<4>()?;
        let (item, tail) = tail.split_at_checked(usize::try_from(i32::from_be_bytes(*length)).ok()?)?;
        items.push(item);
        rest = tail;
    }
    Some(items)
}
