//! What rows in `Data.db` and in mutations have in common: flags, values, clusterings.

use bytes::BufMut;
use smallvec::SmallVec;

use super::super::error::StorageError;
use super::super::model::Prefix;
use crate::types::vint;

/// Flags of a row or marker (Cassandra: `UnfilteredSerializer`).
pub mod row_flags {
    #![allow(missing_docs, reason = "Cassandra's own names")]
    pub const END_OF_PARTITION: u8 = 0x01;
    pub const IS_MARKER: u8 = 0x02;
    pub const HAS_TIMESTAMP: u8 = 0x04;
    pub const HAS_TTL: u8 = 0x08;
    pub const HAS_DELETION: u8 = 0x10;
    pub const HAS_ALL_COLUMNS: u8 = 0x20;
    pub const HAS_COMPLEX_DELETION: u8 = 0x40;
    pub const EXTENSION: u8 = 0x80;
    /// In the second byte.
    pub const IS_STATIC: u8 = 0x01;
}

/// Flags of a cell (Cassandra: `Cell.Serializer`).
pub mod cell_flags {
    #![allow(missing_docs, reason = "Cassandra's own names")]
    pub const IS_DELETED: u8 = 0x01;
    pub const IS_EXPIRING: u8 = 0x02;
    pub const HAS_EMPTY_VALUE: u8 = 0x04;
    pub const USE_ROW_TIMESTAMP: u8 = 0x08;
    pub const USE_ROW_TTL: u8 = 0x10;
}

/// Appends bytes, and their length before them.
pub fn put_vint_bytes(out: &mut impl BufMut, bytes: &[u8]) {
    vint::write_unsigned(out, bytes.len() as u64);
    out.put_slice(bytes);
}

/// Appends a value, its length before it unless that is fixed. Fails where it does not have that length.
pub fn put_value(
    out: &mut impl BufMut,
    fixed_length: Option<usize>,
    value: &[u8],
) -> Result<(), StorageError> {
    match fixed_length {
        None => put_vint_bytes(out, value),
        Some(length) if length == value.len() => out.put_slice(value),
        Some(length) => {
            let found = value.len();
            return Err(StorageError::Invalid(format!(
                "Expected exactly {length} bytes, but was {found}: a value does not have the length of its type"
            )));
        }
    }
    Ok(())
}

/// Appends the values of a clustering or bound: for each 32 of them two bits each that say "empty" or "null", then
/// those that are neither (Cassandra: `ClusteringPrefix.Serializer`).
pub fn put_clustering(
    out: &mut impl BufMut,
    lengths: &[Option<usize>],
    clustering: Prefix<'_>,
) -> Result<(), StorageError> {
    let values: SmallVec<[Option<&[u8]>; 8]> = clustering.values().collect();
    for (i, group) in values.chunks(32).enumerate() {
        let header = group.iter().enumerate().fold(0_u64, |header, (j, value)| match value {
            None => header | 1 << (2 * j + 1),
            Some([]) => header | 1 << (2 * j),
            Some(_) => header,
        });
        vint::write_unsigned(out, header);
        for (j, value) in group.iter().enumerate() {
            if let Some(value @ [_, ..]) = value {
                put_value(out, lengths.get(i * 32 + j).copied().flatten(), value)?;
            }
        }
    }
    Ok(())
}

/// Appends which of `all` columns are present, given their indexes: a bitmap of the missing ones below 64 columns, else
/// the indexes of the present or of the missing ones, whichever are fewer (Cassandra:
/// `Columns.Serializer.serializeSubset`).
pub fn put_column_subset(out: &mut impl BufMut, present: impl ExactSizeIterator<Item = usize>, all: usize) {
    if all < 64 {
        let missing = present.fold((1_u64 << all) - 1, |bits, i| bits & !(1 << i));
        vint::write_unsigned(out, missing);
        return;
    }
    vint::write_unsigned(out, (all - present.len()) as u64);
    if present.len() < all / 2 {
        present.for_each(|i| vint::write_unsigned(out, i as u64));
        return;
    }
    let mut present = present.peekable();
    for i in 0..all {
        if present.next_if(|next| *next == i).is_none() {
            vint::write_unsigned(out, i as u64);
        }
    }
}
