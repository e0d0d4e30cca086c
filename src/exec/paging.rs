//! Where a page ended, in Cassandra's own serialization, so that clients may go on after a restart or on another
//! node (Cassandra: `service.pager.PagingState`).
//!
//! ```text
//!  v4, v5:  vint length, partition key | vint length, row mark | vint remaining | vint remaining in partition
//!  v3:      u16 length, partition key  | u16 length, row mark  | i32 remaining  | i32 remaining in partition
//! ```
//!
//! The mark of a row is its clustering, as messages between nodes have it (v4, v5), or the name of its last cell as
//! versions before 3.0 stored it (v3). No key and no mark are written as empty.

use bytes::{BufMut, Bytes, BytesMut};

use super::options::ProtocolVersion;
use crate::error::Error;
use crate::schema::TableMetadata;
use crate::storage::model::{Clustering, Prefix, Row};
use crate::types::vint;

/// No limit on rows.
pub const NO_LIMIT: i32 = i32::MAX;

/// Where a page ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PagingState {
    /// The partition, unless the query has only one.
    pub partition_key: Option<Bytes>,
    /// The last row of it that was returned.
    pub row_mark: Option<RowMark>,
    /// Rows that the query's limit leaves.
    pub remaining: i32,
    /// Rows that the limit for each partition leaves in this one.
    pub remaining_in_partition: i32,
}

/// The last row of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowMark {
    mark: Bytes,
    version: ProtocolVersion,
}

fn garbage() -> Error {
    Error::protocol("Invalid value for the paging state")
}

impl PagingState {
    /// Its bytes for a client that speaks this version.
    pub fn encode(&self, version: ProtocolVersion) -> Bytes {
        let key = self.partition_key.as_deref().unwrap_or_default();
        let mark = self.row_mark.as_ref().map(|m| &m.mark[..]).unwrap_or_default();
        let mut out = BytesMut::with_capacity(key.len() + mark.len() + 16);
        if version > ProtocolVersion::V3 {
            for part in [key, mark] {
                vint::write_unsigned(&mut out, part.len() as u64);
                out.put_slice(part);
            }
            vint::write_unsigned(&mut out, u64::from(self.remaining.unsigned_abs()));
            vint::write_unsigned(&mut out, u64::from(self.remaining_in_partition.unsigned_abs()));
        } else {
            for part in [key, mark] {
                out.put_u16(u16::try_from(part.len()).unwrap_or(u16::MAX));
                out.put_slice(part);
            }
            out.put_i32(self.remaining);
            out.put_i32(self.remaining_in_partition);
        }
        out.freeze()
    }

    /// Reads what a client sent back, which may be in the other version's form; a protocol error where it is
    /// neither.
    pub fn decode(bytes: &Bytes, version: ProtocolVersion) -> Result<Self, Error> {
        let (modern, legacy) = (|| Self::decode_modern(bytes), || Self::decode_legacy(bytes));
        let decoded =
            if version > ProtocolVersion::V3 { modern().or_else(legacy) } else { legacy().or_else(modern) };
        let (key, mark, remaining, remaining_in_partition, of) = decoded.ok_or_else(garbage)?;
        let version = match of {
            ProtocolVersion::V3 => ProtocolVersion::V3,
            _ => version.max(ProtocolVersion::V4),
        };
        Ok(Self {
            partition_key: (!key.is_empty()).then_some(key),
            row_mark: (!mark.is_empty()).then_some(RowMark { mark, version }),
            remaining,
            remaining_in_partition,
        })
    }

    fn decode_modern(bytes: &Bytes) -> Option<(Bytes, Bytes, i32, i32, ProtocolVersion)> {
        let mut input = &bytes[..];
        let mut part = || {
            let length = usize::try_from(vint::read_unsigned(&mut input)?).ok()?;
            let (value, rest) = input.split_at_checked(length)?;
            input = rest;
            Some(bytes.slice_ref(value))
        };
        let (key, mark) = (part()?, part()?);
        let remaining = i32::try_from(vint::read_unsigned(&mut input)?).ok()?;
        let in_partition = i32::try_from(vint::read_unsigned(&mut input)?).ok()?;
        input.is_empty().then_some((key, mark, remaining, in_partition, ProtocolVersion::V4))
    }

    fn decode_legacy(bytes: &Bytes) -> Option<(Bytes, Bytes, i32, i32, ProtocolVersion)> {
        let mut input = &bytes[..];
        let mut part = || {
            let (length, rest) = input.split_first_chunk::<2>()?;
            let length = usize::try_from(i16::from_be_bytes(*length)).ok()?;
            let (value, rest) = rest.split_at_checked(length)?;
            input = rest;
            Some(bytes.slice_ref(value))
        };
        let (key, mark) = (part()?, part()?);
        let (remaining, rest) = input.split_first_chunk::<4>()?;
        let remaining = i32::from_be_bytes(*remaining);
        let in_partition = match rest {
            // Versions before 3.0 did not write it.
            [] => NO_LIMIT,
            rest => i32::from_be_bytes(rest.try_into().ok()?),
        };
        (remaining >= 0 && in_partition >= 0).then_some((
            key,
            mark,
            remaining,
            in_partition,
            ProtocolVersion::V3,
        ))
    }
}

impl RowMark {
    /// The mark of a row of this table.
    pub fn new(table: &TableMetadata, row: &Row, version: ProtocolVersion) -> Self {
        let mark = if version > ProtocolVersion::V3 {
            write_clustering(row.clustering())
        } else {
            write_cell_name(table, row)
        };
        Self { mark, version }
    }

    /// The clustering of the row; a protocol error where the mark is not one of this table.
    pub fn clustering(&self, table: &TableMetadata) -> Result<Clustering, Error> {
        if table.clustering.is_empty() {
            return Ok(Clustering::EMPTY);
        }
        let values = if self.version > ProtocolVersion::V3 {
            read_clustering(&self.mark, table.clustering.len())
        } else {
            read_cell_name(table, &self.mark)
        };
        values.map(Clustering::new).ok_or_else(garbage)
    }
}

/// Values in one header: two bits for each.
const VALUES_PER_HEADER: usize = 32;

/// Cassandra: `Clustering.serializer` at VERSION_40, every value taken as bytes of variable length.
fn write_clustering(clustering: Prefix<'_>) -> Bytes {
    let values: Vec<Option<&[u8]>> = clustering.values().collect();
    let mut out = BytesMut::with_capacity(clustering.buffer().len() + 4);
    for batch in values.chunks(VALUES_PER_HEADER) {
        let header = batch.iter().enumerate().fold(0u64, |header, (i, value)| match value {
            None => header | 1 << (i * 2 + 1),
            Some([]) => header | 1 << (i * 2),
            Some(_) => header,
        });
        vint::write_unsigned(&mut out, header);
        for value in batch.iter().flatten().filter(|v| !v.is_empty()) {
            vint::write_unsigned(&mut out, value.len() as u64);
            out.put_slice(value);
        }
    }
    out.freeze()
}

fn read_clustering(mark: &[u8], columns: usize) -> Option<Vec<Option<&[u8]>>> {
    let mut input = mark;
    let mut values = Vec::with_capacity(columns);
    while values.len() < columns {
        let header = vint::read_unsigned(&mut input)?;
        for i in 0..VALUES_PER_HEADER.min(columns - values.len()) {
            values.push(match header >> (i * 2) & 3 {
                0 => {
                    let length = usize::try_from(vint::read_unsigned(&mut input)?).ok()?;
                    let (value, rest) = input.split_at_checked(length)?;
                    input = rest;
                    Some(value)
                }
                1 => Some(&[][..]),
                _ => None,
            });
        }
    }
    Some(values)
}

/// The name of a row's last cell: a composite of the clustering, the column's name, and the path if it has one.
/// A compact table of one clustering column has no composite, and a short clustering no name of a cell.
fn write_cell_name(table: &TableMetadata, row: &Row) -> Bytes {
    if table.is_compact() && table.clustering.len() == 1 {
        return Bytes::copy_from_slice(row.clustering().get(0).unwrap_or_default());
    }
    let named =
        row.cells().filter_map(|cell| Some((table.column_by_id(cell.column)?.name.as_bytes(), cell.path)));
    let last = named.max_by(|a, b| a.0.cmp(b.0));
    let mut out = BytesMut::new();
    let mut component = |value: &[u8]| {
        out.put_u16(u16::try_from(value.len()).unwrap_or(u16::MAX));
        out.put_slice(value);
        out.put_u8(0);
    };
    for value in row.clustering().values() {
        let Some(value) = value else { return out.freeze() };
        component(value);
    }
    let (name, path) = last.unwrap_or_default();
    component(name);
    if let Some(path) = path {
        component(path);
    }
    out.freeze()
}

fn read_cell_name<'m>(table: &TableMetadata, mark: &'m [u8]) -> Option<Vec<Option<&'m [u8]>>> {
    let columns = table.clustering.len();
    if table.is_compact() && columns == 1 {
        return Some(vec![Some(mark)]);
    }
    let mut input = mark;
    let mut values = Vec::with_capacity(columns);
    while values.len() < columns {
        if input.is_empty() && !values.is_empty() {
            values.resize(columns, None);
            break;
        }
        let (length, rest) = input.split_first_chunk::<2>()?;
        let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        input = rest.get(1..)?;
        values.push(Some(value));
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test")]
    use super::*;

    fn state(version: ProtocolVersion) -> PagingState {
        PagingState {
            partition_key: Some(Bytes::from_static(&[0, 0, 0, 1])),
            row_mark: Some(RowMark { mark: Bytes::from_static(&[0, 4, 0, 0, 0, 9]), version }),
            remaining: NO_LIMIT,
            remaining_in_partition: 7,
        }
    }

    #[test]
    fn states_survive_their_serialization_in_every_version() {
        for version in ProtocolVersion::ALL {
            let bytes = state(version).encode(version);
            assert_eq!(PagingState::decode(&bytes, version).unwrap(), state(version));
        }
    }

    #[test]
    fn a_state_of_another_version_is_understood() {
        let bytes = state(ProtocolVersion::V3).encode(ProtocolVersion::V3);
        assert_eq!(PagingState::decode(&bytes, ProtocolVersion::V5).unwrap(), state(ProtocolVersion::V3));
        let bytes = state(ProtocolVersion::V4).encode(ProtocolVersion::V4);
        assert_eq!(PagingState::decode(&bytes, ProtocolVersion::V3).unwrap(), state(ProtocolVersion::V4));
    }

    #[test]
    fn garbage_is_refused() {
        for garbage in [&b"garbage"[..], b"", b"\xff\xff\xff\xff", b"\x04abc"] {
            let error =
                PagingState::decode(&Bytes::copy_from_slice(garbage), ProtocolVersion::V4).unwrap_err();
            assert_eq!(error, Error::protocol("Invalid value for the paging state"));
        }
    }

    #[test]
    fn clusterings_survive_their_serialization() {
        let values = [Some(&b"abc"[..]), None, Some(&b""[..])];
        let mark = write_clustering((&Clustering::new(values)).into());
        assert_eq!(&mark[..], [0b01_10_00, 3, b'a', b'b', b'c']);
        assert_eq!(read_clustering(&mark, 3).unwrap(), values);
        assert_eq!(read_clustering(&mark[..2], 3), None);
    }
}
