//! Values made of parts: serialized, and brought into the order that their type wants.

use std::borrow::Cow;

use crate::types::{CqlType, collection};

/// The serialized value of a collection, tuple, user type or vector of these parts; for a map keys and values in
/// turn. Nulls stand only in tuples and user types.
pub(super) fn build(cql_type: &CqlType, parts: &[Option<Cow<'_, [u8]>>]) -> Vec<u8> {
    let values = || parts.iter().flatten().map(|part| &**part);
    match cql_type {
        CqlType::List { .. } => collection::encode_list(&values().collect::<Vec<_>>()),
        CqlType::Set { element, .. } => {
            let mut elements: Vec<&[u8]> = values().collect();
            collection::sort_set(element, &mut elements);
            collection::encode_list(&elements)
        }
        CqlType::Map { key, .. } => {
            let flat: Vec<&[u8]> = values().collect();
            let mut entries: Vec<(&[u8], &[u8])> =
                flat.chunks_exact(2).filter_map(|pair| Some((*pair.first()?, *pair.get(1)?))).collect();
            collection::sort_map(key, &mut entries);
            collection::encode_map(&entries)
        }
        CqlType::Vector { element, .. } => collection::encode_vector(element, &values().collect::<Vec<_>>()),
        _ => collection::encode_tuple(&parts.iter().map(Option::as_deref).collect::<Vec<_>>()),
    }
}

/// A set or map that a client sent, in the order of its type and with each key once; borrowed where it is so
/// already.
pub(super) fn sorted<'a>(cql_type: &CqlType, value: &'a [u8]) -> Cow<'a, [u8]> {
    match cql_type {
        CqlType::Set { element, .. } => {
            let mut elements: Vec<&[u8]> = collection::elements(value).collect();
            if elements.is_sorted_by(|a, b| element.compare(a, b).is_lt()) {
                return Cow::Borrowed(value);
            }
            collection::sort_set(element, &mut elements);
            Cow::Owned(collection::encode_list(&elements))
        }
        CqlType::Map { key, .. } => {
            let mut entries: Vec<(&[u8], &[u8])> = collection::entries(value).collect();
            if entries.is_sorted_by(|a, b| key.compare(a.0, b.0).is_lt()) {
                return Cow::Borrowed(value);
            }
            collection::sort_map(key, &mut entries);
            Cow::Owned(collection::encode_map(&entries))
        }
        _ => Cow::Borrowed(value),
    }
}
