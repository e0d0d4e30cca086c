//! The layout of frozen collections, tuples, user types and vectors (native protocol version 3 and later).
//!
//! ```text
//! value             length: i32 (negative: null) | bytes
//! list, set         count: i32 | value*                     a set in the order of its element type
//! map               count: i32 | (key value)*               in the order of its key type
//! tuple, user type  value*                                  trailing fields may be missing
//! vector            element*                                elements of fixed length
//!                   (length: unsigned vint | element)*      others
//! ```
//!
//! The iterators end at bytes that are cut short; [`CqlType::validate`] tells of those.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::{CqlType, MarshalError, vint};

/// The number of elements of a collection (entries of a map).
pub fn read_count(collection: &[u8]) -> Option<i32> {
    collection.first_chunk::<4>().map(|bytes| i32::from_be_bytes(*bytes))
}

/// Takes one value, or null, from the front of `input`; `None` where it ends too early.
#[inline]
pub fn read_value<'a>(input: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let (length, rest) = input.split_first_chunk::<4>()?;
    let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
        *input = rest;
        return Some(None);
    };
    let value = rest.get(..length)?;
    *input = &rest[length..];
    Some(Some(value))
}

/// Appends one value, or null. Values are shorter than 2 GiB, which the limits on frames see to.
#[inline]
pub fn write_value(out: &mut impl bytes::BufMut, value: Option<&[u8]>) {
    match value {
        Some(value) => {
            out.put_i32(value.len() as i32);
            out.put_slice(value);
        }
        None => out.put_i32(-1),
    }
}

/// Values that follow each other, nulls included: the fields of a tuple or user type.
#[derive(Clone, Debug)]
pub struct Values<'a> {
    rest: &'a [u8],
    left: usize,
}

impl<'a> Values<'a> {
    /// The bytes that were not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = Option<&'a [u8]>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let value = read_value(&mut self.rest);
        if value.is_none() {
            self.left = 0;
        }
        value
    }
}

/// The fields of a tuple or user type, as far as they are there.
pub fn fields(tuple: &[u8]) -> Values<'_> {
    Values { rest: tuple, left: usize::MAX }
}

/// Field `index` of a tuple or user type.
pub fn field(tuple: &[u8], index: usize) -> Option<&[u8]> {
    fields(tuple).nth(index).flatten()
}

/// The elements of a list or set; nulls too, which only lists of `IN` may hold.
pub fn elements_or_null(collection: &[u8]) -> Values<'_> {
    let left = read_count(collection).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    Values { rest: collection.get(4..).unwrap_or_default(), left }
}

/// The elements of a list or set.
pub fn elements(collection: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    elements_or_null(collection).flatten()
}

/// The keys and values of a map.
pub fn entries(map: &[u8]) -> Entries<'_> {
    let left = read_count(map).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    Entries(Values { rest: map.get(4..).unwrap_or_default(), left: left.saturating_mul(2) })
}

/// The entries of a map.
#[derive(Clone, Debug)]
pub struct Entries<'a>(Values<'a>);

impl<'a> Iterator for Entries<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.next()??, self.0.next()??))
    }
}

/// The elements of a vector.
pub fn vector_elements<'a>(
    element: &CqlType,
    dimension: usize,
    vector: &'a [u8],
) -> impl Iterator<Item = &'a [u8]> + Clone {
    VectorElements { rest: vector, left: dimension, length: element.fixed_length() }
}

#[derive(Clone, Debug)]
struct VectorElements<'a> {
    rest: &'a [u8],
    left: usize,
    length: Option<usize>,
}

impl<'a> Iterator for VectorElements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.left = self.left.checked_sub(1)?;
        let length = match self.length {
            Some(length) => length,
            None => vint::read_unsigned_u32(&mut self.rest)? as usize,
        };
        let (element, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(element)
    }
}

/// A list of these elements; also a set, if they are in its order and differ.
pub fn encode_list<V: AsRef<[u8]>>(elements: &[V]) -> Vec<u8> {
    let mut out = Vec::with_capacity(4 + elements.iter().map(|e| 4 + e.as_ref().len()).sum::<usize>());
    out.extend_from_slice(&(elements.len() as i32).to_be_bytes());
    for element in elements {
        write_value(&mut out, Some(element.as_ref()));
    }
    out
}

/// A map of these entries, which are in the order of their keys.
pub fn encode_map<K: AsRef<[u8]>, V: AsRef<[u8]>>(entries: &[(K, V)]) -> Vec<u8> {
    let size = entries.iter().map(|(k, v)| 8 + k.as_ref().len() + v.as_ref().len()).sum::<usize>();
    let mut out = Vec::with_capacity(4 + size);
    out.extend_from_slice(&(entries.len() as i32).to_be_bytes());
    for (key, value) in entries {
        write_value(&mut out, Some(key.as_ref()));
        write_value(&mut out, Some(value.as_ref()));
    }
    out
}

/// A tuple or user type of these fields.
pub fn encode_tuple<V: AsRef<[u8]>>(fields: &[Option<V>]) -> Vec<u8> {
    let size = fields.iter().map(|f| 4 + f.as_ref().map_or(0, |v| v.as_ref().len())).sum();
    let mut out = Vec::with_capacity(size);
    for field in fields {
        write_value(&mut out, field.as_ref().map(AsRef::as_ref));
    }
    out
}

/// A vector of these elements, whose number is its dimension.
pub fn encode_vector<V: AsRef<[u8]>>(element: &CqlType, elements: &[V]) -> Vec<u8> {
    let mut out = Vec::with_capacity(elements.iter().map(|e| e.as_ref().len() + 1).sum());
    for value in elements {
        if element.fixed_length().is_none() {
            vint::write_unsigned(&mut out, value.as_ref().len() as u64);
        }
        out.extend_from_slice(value.as_ref());
    }
    out
}

/// Puts the elements of a set into its order and drops repeated ones.
pub fn sort_set<V: AsRef<[u8]>>(element: &CqlType, elements: &mut Vec<V>) {
    elements.sort_by(|a, b| element.compare(a.as_ref(), b.as_ref()));
    elements.dedup_by(|a, b| element.compare(a.as_ref(), b.as_ref()).is_eq());
}

/// Puts the entries of a map into its order; of entries with the same key the last value stays.
pub fn sort_map<K: AsRef<[u8]>, V>(key: &CqlType, entries: &mut Vec<(K, V)>) {
    entries.sort_by(|a, b| key.compare(a.0.as_ref(), b.0.as_ref()));
    entries.dedup_by(|later, kept| {
        let same = key.compare(later.0.as_ref(), kept.0.as_ref()).is_eq();
        if same {
            std::mem::swap(&mut later.1, &mut kept.1);
        }
        same
    });
}

/// A collection, tuple, user type or vector of these parts: elements, keys and values in turn, or fields. Sets and
/// maps are put into their order; of entries with the same key the last value stays. Only fields may be null.
pub fn build(cql_type: &CqlType, parts: &[Option<&[u8]>]) -> Vec<u8> {
    let values = || parts.iter().map(|part| part.unwrap_or_default());
    match cql_type {
        CqlType::Set { element, .. } => {
            let mut elements: Vec<_> = values().collect();
            sort_set(element, &mut elements);
            encode_list(&elements)
        }
        CqlType::Map { key, .. } => {
            let (pairs, _) = parts.as_chunks::<2>();
            let pair = |[k, v]: &[Option<_>; 2]| (k.unwrap_or_default(), v.unwrap_or_default());
            let mut entries: Vec<(&[u8], &[u8])> = pairs.iter().map(pair).collect();
            sort_map(key, &mut entries);
            encode_map(&entries)
        }
        CqlType::Vector { element, .. } => encode_vector(element, &values().collect::<Vec<_>>()),
        CqlType::Tuple(_) | CqlType::User { .. } => encode_tuple(parts),
        _ => encode_list(&values().collect::<Vec<_>>()),
    }
}

/// A valid bound value as it is kept: the elements of a collection as [`rewritten`] gives them, a set or map in its order.
/// Anything else stays as it is (Cassandra: `Lists.Value.fromSerialized`, and those of sets and maps).
pub fn normalized<'a>(cql_type: &CqlType, value: &'a [u8]) -> Cow<'a, [u8]> {
    match cql_type {
        CqlType::List { .. } | CqlType::Set { .. } | CqlType::Map { .. } => rewritten(cql_type, value),
        _ => Cow::Borrowed(value),
    }
}

/// Whether [`rewritten`] can give anything else than what it takes.
fn may_change(cql_type: &CqlType) -> bool {
    match cql_type {
        CqlType::List { element, .. } | CqlType::Vector { element, .. } => may_change(element),
        CqlType::Boolean | CqlType::Varint | CqlType::Decimal | CqlType::Inet => true,
        CqlType::Set { .. } | CqlType::Map { .. } => true,
        _ => false,
    }
}

/// A valid value as its type writes what it reads: numbers in as few bytes as they need, mapped addresses as those of
/// version 4, nested sets and maps in order. Tuples and user types stay as they are (Cassandra: `AbstractType.compose`
/// and `decompose`, which bound elements pass through).
fn rewritten<'a>(cql_type: &CqlType, value: &'a [u8]) -> Cow<'a, [u8]> {
    const MAPPED: &[u8] = &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
    match cql_type {
        CqlType::Boolean if value.first().is_some_and(|byte| *byte > 1) => Cow::Borrowed(&[1]),
        CqlType::Inet => Cow::Borrowed(value.strip_prefix(MAPPED).unwrap_or(value)),
        CqlType::Varint => Cow::Borrowed(shortest(value)),
        CqlType::Decimal => match value.split_at_checked(4) {
            Some((scale, number)) if shortest(number).len() < number.len() => {
                Cow::Owned([scale, shortest(number)].concat())
            }
            _ => Cow::Borrowed(value),
        },
        CqlType::List { element, .. } if may_change(element) => {
            let mut out = Vec::with_capacity(value.len());
            out.extend_from_slice(value.get(..4).unwrap_or_default());
            for part in elements_or_null(value) {
                write_value(&mut out, part.map(|part| rewritten(element, part)).as_deref());
            }
            Cow::Owned(out)
        }
        CqlType::Vector { element, dimension } if may_change(element) => {
            let parts = vector_elements(element, *dimension, value).map(|part| rewritten(element, part));
            Cow::Owned(encode_vector(element, &parts.collect::<Vec<_>>()))
        }
        CqlType::Set { element, .. } => sorted(cql_type, element, None, value),
        CqlType::Map { key, value: kind, .. } => sorted(cql_type, key, Some(kind), value),
        _ => Cow::Borrowed(value),
    }
}

/// A set of keys, or a map of keys to values, with its parts rewritten and in order.
fn sorted<'a>(cql_type: &CqlType, key: &CqlType, values: Option<&CqlType>, value: &'a [u8]) -> Cow<'a, [u8]> {
    if !may_change(key) && !values.is_some_and(may_change) {
        let keys = || elements_of_all(value).step_by(if values.is_some() { 2 } else { 1 });
        if keys().zip(keys().skip(1)).all(|(a, b)| key.compare(a, b).is_lt()) {
            return Cow::Borrowed(value);
        }
    }
    let kinds = [key, values.unwrap_or(key)];
    let parts: Vec<_> =
        elements_of_all(value).zip(kinds.iter().cycle()).map(|(part, kind)| rewritten(kind, part)).collect();
    Cow::Owned(build(cql_type, &parts.iter().map(|part| Some(&**part)).collect::<Vec<_>>()))
}

/// A two's complement number without the leading bytes that say nothing.
fn shortest(number: &[u8]) -> &[u8] {
    let mut rest = number;
    while let [first @ (0 | 0xff), tail @ ..] = rest
        && tail.first().is_some_and(|second| second >> 7 == first >> 7)
    {
        rest = tail;
    }
    rest
}

/// The elements of a list or set, or the keys and values of a map in turn.
fn elements_of_all(collection: &[u8]) -> impl Iterator<Item = &[u8]> {
    fields(collection.get(4..).unwrap_or_default()).map(Option::unwrap_or_default)
}

/// The element at `index` of a list.
pub fn list_get(list: &[u8], index: usize) -> Option<&[u8]> {
    elements_or_null(list).nth(index).flatten()
}

/// The element of a set that equals `wanted`. A set that is not in order, as there may be in columns in descending order,
/// is looked through up to the first element above (Cassandra: `getSerializedValue`).
pub fn set_get<'a>(element: &CqlType, set: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    let found = elements(set).find(|value| element.compare(value, wanted).is_ge())?;
    element.compare(found, wanted).is_eq().then_some(found)
}

/// The value of `wanted` in a map; one that is not in order is looked through as [`set_get`] does.
pub fn map_get<'a>(key: &CqlType, map: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    let (found, value) = entries(map).find(|(k, _)| key.compare(k, wanted).is_ge())?;
    key.compare(found, wanted).is_eq().then_some(value)
}

/// Whether two valid values are the same once they are read, as a collection that holds one of them is asked for the
/// other: 1.0 and 1.00, which compare as equal, are not (Cassandra: `CONTAINS` on frozen collections, by Java's `equals`).
pub fn is_same_when_read(cql_type: &CqlType, a: &[u8], b: &[u8]) -> bool {
    match cql_type {
        CqlType::Float | CqlType::Double => cql_type.compare(a, b).is_eq(),
        _ => rewritten(cql_type, a) == rewritten(cql_type, b),
    }
}

/// The part of a set (`is_map` false) or map from the first key that is not below `from` up to the last one that is not
/// above `to`, as a collection of its own. One that is not in order is taken as if it were (Cassandra:
/// `getSliceFromSerialized`).
pub fn slice(
    key: &CqlType,
    is_map: bool,
    collection: &[u8],
    from: Option<&[u8]>,
    to: Option<&[u8]>,
) -> Vec<u8> {
    let is_before = |k: &[u8]| from.is_some_and(|from| key.compare(from, k).is_gt());
    let mut is_over = false;
    let mut is_within = |k: &[u8]| {
        let ordering = to.map_or(Ordering::Less, |to| key.compare(k, to));
        let was_over = std::mem::replace(&mut is_over, ordering.is_ge());
        !was_over && ordering.is_le()
    };
    if is_map {
        let part = entries(collection).skip_while(|(k, _)| is_before(k)).take_while(|(k, _)| is_within(k));
        encode_map(&part.collect::<Vec<_>>())
    } else {
        let part = elements(collection).skip_while(|k| is_before(k)).take_while(|k| is_within(k));
        encode_list(&part.collect::<Vec<_>>())
    }
}

impl CqlType {
    /// The fields of a tuple or user type value, trailing ones that it lacks left out (Cassandra:
    /// `TupleType.split`). Fails where it holds more fields than this type.
    pub fn split_tuple<'a>(&self, tuple: &'a [u8]) -> Result<Vec<Option<&'a [u8]>>, MarshalError> {
        let count = match self {
            Self::Tuple(types) => types.len(),
            Self::User { user_type, .. } => user_type.fields.len(),
            _ => return Err(MarshalError::new(format!("{self} is not a tuple"))),
        };
        let mut rest = tuple;
        let mut split = Vec::with_capacity(count);
        while split.len() < count && !rest.is_empty() {
            let value = read_value(&mut rest).ok_or_else(|| {
                MarshalError::new(format!("Not enough bytes to read {}th component", split.len()))
            })?;
            split.push(value);
        }
        if rest.is_empty() {
            return Ok(split);
        }
        let values = if count == 1 { "value" } else { "values" };
        Err(MarshalError::new(format!("Expected {count} {values} for {self} column, but got more")))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    #[test]
    fn collections_round_trip() {
        let list = encode_list(&["a", "", "bc"]);
        assert_eq!(elements(&list).collect::<Vec<_>>(), [&b"a"[..], b"", b"bc"]);
        assert_eq!(list_get(&list, 2), Some(&b"bc"[..]));
        assert_eq!(list_get(&list, 3), None);
        assert_eq!(elements(&list[..list.len() - 1]).count(), 2);

        let map = encode_map(&[("a", "1"), ("b", "2")]);
        assert_eq!(map_get(&CqlType::Text, &map, b"b"), Some(&b"2"[..]));
        let part = slice(&CqlType::Text, true, &map, Some(b"aa"), None);
        assert_eq!(entries(&part).collect::<Vec<_>>(), [(&b"b"[..], &b"2"[..])]);
    }

    #[test]
    fn tuples_with_nulls() {
        let tuple = encode_tuple(&[Some("a"), None]);
        let two = CqlType::Tuple([CqlType::Text, CqlType::Int].into());
        let one = CqlType::Tuple([CqlType::Text].into());
        assert_eq!(two.split_tuple(&tuple).unwrap(), [Some(&b"a"[..]), None]);
        assert_eq!(two.split_tuple(&tuple[..5]).unwrap(), [Some(&b"a"[..])]);
        let error = one.split_tuple(&tuple).unwrap_err();
        assert_eq!(error.0, "Expected 1 value for frozen<tuple<text>> column, but got more");
    }

    #[test]
    fn vectors_of_both_kinds() {
        let fixed = encode_vector(&CqlType::Smallint, &[[0, 1], [0, 2]]);
        assert_eq!(fixed, [2, 0, 1, 2, 0, 2]);
        let floats = encode_vector(&CqlType::Int, &[[0, 0, 0, 1], [0, 0, 0, 2]]);
        assert_eq!(vector_elements(&CqlType::Int, 2, &floats).nth(1), Some(&[0, 0, 0, 2][..]));
        assert_eq!(vector_elements(&CqlType::Smallint, 2, &fixed).nth(1), Some(&[0, 2][..]));
    }

    #[test]
    fn sets_and_maps_are_put_in_order() {
        let map = CqlType::Map { key: CqlType::Text.into(), value: CqlType::Text.into(), frozen: false };
        let value = encode_map(&[("b", "1"), ("a", "2"), ("b", "3")]);
        let expected = encode_map(&[("a", "2"), ("b", "3")]);
        assert_eq!(normalized(&map, &value), Cow::<[u8]>::Owned(expected.clone()));
        assert!(matches!(normalized(&map, &expected), Cow::Borrowed(_)));
        let set = CqlType::Set { element: CqlType::Int.into(), frozen: false };
        let [one, minus] = [1_i32.to_be_bytes(), (-1_i32).to_be_bytes()];
        assert_eq!(build(&set, &[Some(&one), Some(&minus), Some(&one)]), encode_list(&[minus, one]));
    }

    #[test]
    fn bound_elements_are_written_as_their_type_writes_them() {
        let list = |element: CqlType| CqlType::List { element: element.into(), frozen: true };
        let check = |element: CqlType, bound: &[u8], kept: &[u8]| {
            assert_eq!(*normalized(&list(element), &encode_list(&[bound])), *encode_list(&[kept]));
        };
        check(CqlType::Varint, &[0, 0, 0x80], &[0, 0x80]);
        check(CqlType::Varint, &[0xff, 0xff], &[0xff]);
        check(CqlType::Varint, &[], &[]);
        check(CqlType::Decimal, &[0, 0, 0, 1, 0, 5], &[0, 0, 0, 1, 5]);
        check(CqlType::Boolean, &[7], &[1]);
        let mapped = [&[0; 10][..], &[0xff, 0xff, 10, 0, 0, 1]].concat();
        check(CqlType::Inet, &mapped, &[10, 0, 0, 1]);
        let texts = CqlType::Set { element: CqlType::Text.into(), frozen: true };
        check(texts, &encode_list(&["b", "a"]), &encode_list(&["a", "b"]));
        let ints = encode_list(&[[0, 0, 0, 2], [0, 0, 0, 1]]);
        assert!(matches!(normalized(&list(CqlType::Int), &ints), Cow::Borrowed(_)));
    }

    #[test]
    fn sets_within_collections_are_put_in_order() {
        let set = CqlType::Set { element: CqlType::Text.into(), frozen: true };
        let list = CqlType::List { element: set.clone().into(), frozen: false };
        let unordered = encode_list(&["b", "a", "b"]);
        let ordered = encode_list(&["a", "b"]);
        assert_eq!(
            *normalized(&list, &encode_list(&[&unordered, &ordered])),
            *encode_list(&[&ordered, &ordered])
        );
        let sets = CqlType::Set { element: set.into(), frozen: true };
        assert_eq!(*normalized(&sets, &encode_list(&[&unordered, &ordered])), *encode_list(&[&ordered]));
    }

    #[test]
    fn last_value_of_equal_keys_stays() {
        let mut entries = vec![("b", 1), ("a", 2), ("b", 3)];
        sort_map(&CqlType::Text, &mut entries);
        assert_eq!(entries, [("a", 2), ("b", 3)]);
    }
}
