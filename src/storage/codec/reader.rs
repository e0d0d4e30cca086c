//! Reads mutations.

use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::super::model::{
    BoundKind, Cell, Clustering, ClusteringBound, DeletionTime, LivenessInfo, Mutation, NO_EXPIRATION,
    NO_TTL, PartitionUpdate, RangeTombstone, Row, RowBuilder, Slice,
};
use super::cell_flags::{HAS_EMPTY_VALUE, IS_DELETED, IS_EXPIRING, USE_ROW_TIMESTAMP, USE_ROW_TTL};
use super::row_flags::{
    END_OF_PARTITION, EXTENSION, HAS_ALL_COLUMNS, HAS_COMPLEX_DELETION, HAS_DELETION, HAS_TIMESTAMP, HAS_TTL,
    IS_MARKER, IS_STATIC,
};
use super::update_flags::{HAS_PARTITION_DELETION, HAS_ROW_ESTIMATE, HAS_STATIC_ROW, IS_EMPTY, IS_REVERSED};
use super::{DELETION_TIME_EPOCH, Minima, TIMESTAMP_EPOCH};
use crate::schema::{ColumnId, TableId, TableMetadata};
use crate::storage::model::{DecoratedKey, Token};
use crate::types::{token, vint};

/// Why bytes are not a mutation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MutationError {
    /// A table is not known, perhaps because it was dropped.
    #[error("Couldn't find table with id {0}")]
    UnknownTable(TableId),
    /// The bytes are not what they should be.
    #[error("Malformed mutation: {0}")]
    Malformed(&'static str),
    /// A column is not known.
    #[error("Unknown column {0} during deserialization")]
    UnknownColumn(String),
}

type Read<T> = Result<T, MutationError>;
type Input<'i> = &'i [u8];

fn short() -> MutationError {
    MutationError::Malformed("it ends too early")
}

fn take<'i>(input: &mut Input<'i>, n: usize) -> Read<&'i [u8]> {
    let (taken, rest) = input.split_at_checked(n).ok_or_else(short)?;
    *input = rest;
    Ok(taken)
}

fn take_u8(input: &mut Input<'_>) -> Read<u8> {
    take(input, 1)?.first().copied().ok_or_else(short)
}

fn take_vint(input: &mut Input<'_>) -> Read<u64> {
    vint::read_unsigned(input).ok_or_else(short)
}

/// A count or length; never more than there are bytes left, so that nothing is allocated for a wrong one.
fn take_len(input: &mut Input<'_>) -> Read<usize> {
    let len = usize::try_from(take_vint(input)?).map_err(|_| short())?;
    if len > input.len() { Err(short()) } else { Ok(len) }
}

fn take_vint_bytes<'i>(input: &mut Input<'i>) -> Read<&'i [u8]> {
    let len = take_len(input)?;
    take(input, len)
}

/// Takes a mutation; `table` finds the tables.
pub fn read_mutation(
    input: &mut &[u8],
    table: &dyn Fn(TableId) -> Option<Arc<TableMetadata>>,
) -> Result<Mutation, MutationError> {
    let count = take_len(input)?;
    let mut updates = Vec::with_capacity(count.min(16));
    for _ in 0..count {
        updates.push(read_update(input, table)?);
    }
    let first = updates.first().ok_or(MutationError::Malformed("it has no update"))?;
    Ok(Mutation { key: first.key.clone(), is_counter: false, updates })
}

fn read_update(
    input: &mut Input<'_>,
    table: &dyn Fn(TableId) -> Option<Arc<TableMetadata>>,
) -> Read<PartitionUpdate> {
    let id = TableId(Uuid::from_slice(take(input, 16)?).map_err(|_| short())?);
    let table = table(id).ok_or(MutationError::UnknownTable(id))?;
    let key = Bytes::copy_from_slice(take_vint_bytes(input)?);
    let key = DecoratedKey { token: Token(token::token(&key)), key };
    let mut update = PartitionUpdate::new(table.clone(), key);
    let flags = take_u8(input)?;
    if flags & IS_EMPTY != 0 {
        return Ok(update);
    }
    if flags & IS_REVERSED != 0 {
        return Err(MutationError::Malformed("an update in reversed order"));
    }
    let has_static = flags & HAS_STATIC_ROW != 0;
    let minima = Minima::read(input)?;
    let static_columns = if has_static { read_columns(input, &table)? } else { Vec::new() };
    let regular_columns = read_columns(input, &table)?;
    let reader = RowReader { table: &table, minima, static_columns, regular_columns };
    if flags & HAS_PARTITION_DELETION != 0 {
        update.deletion = minima.take_deletion(input)?;
    }
    if has_static {
        let flags = take_u8(input)?;
        let row = reader.read_row(input, flags)?;
        update.static_row = Some(row);
    }
    if flags & HAS_ROW_ESTIMATE != 0 {
        take_vint(input)?;
    }
    let mut open: Option<(ClusteringBound, DeletionTime)> = None;
    loop {
        let flags = take_u8(input)?;
        if flags & END_OF_PARTITION != 0 {
            break;
        }
        if flags & IS_MARKER == 0 {
            update.rows.push(reader.read_row(input, flags)?);
        } else {
            update.range_tombstones.extend(reader.read_marker(input, &mut open)?);
        }
    }
    Ok(update)
}

/// A column of an update, as the table has it now.
struct ReadColumn {
    /// None where it was dropped: its cells are passed over.
    id: Option<ColumnId>,
    fixed_length: Option<usize>,
    is_complex: bool,
    /// Cells of that time or older belong to a dropped column.
    dropped_time: i64,
}

fn read_columns(input: &mut Input<'_>, table: &TableMetadata) -> Read<Vec<ReadColumn>> {
    let count = take_len(input)?;
    let mut columns = Vec::with_capacity(count.min(64));
    for _ in 0..count {
        let name = take_vint_bytes(input)?;
        let name = std::str::from_utf8(name).map_err(|_| MutationError::Malformed("a name"))?;
        let dropped = table.dropped_columns.get(name);
        let current = table.column(name).filter(|c| !c.is_primary_key());
        let Some(column) = current.or(dropped.map(|d| &d.column)) else {
            return Err(MutationError::UnknownColumn(name.to_owned()));
        };
        columns.push(ReadColumn {
            id: current.map(|c| c.id),
            fixed_length: column.cql_type.fixed_length(),
            is_complex: column.is_complex(),
            dropped_time: dropped.map_or(i64::MIN, |d| d.dropped_time_us),
        });
    }
    Ok(columns)
}

impl Minima {
    fn read(input: &mut Input<'_>) -> Read<Self> {
        let timestamp = take_vint(input)?.cast_signed().wrapping_add(TIMESTAMP_EPOCH);
        let local_deletion_time = i64::from(take_vint(input)? as i32) + DELETION_TIME_EPOCH;
        let ttl = take_vint(input)? as i32;
        Ok(Self { timestamp, local_deletion_time, ttl })
    }

    fn take_timestamp(&self, input: &mut Input<'_>) -> Read<i64> {
        Ok(take_vint(input)?.cast_signed().wrapping_add(self.timestamp))
    }

    fn take_local_deletion_time(&self, input: &mut Input<'_>) -> Read<i64> {
        let seconds = i64::from(take_vint(input)? as i32).wrapping_add(self.local_deletion_time);
        // What overflowed an `int` stands for a time after 2038.
        Ok(if seconds < 0 { i64::from(seconds as u32) } else { seconds })
    }

    fn take_ttl(&self, input: &mut Input<'_>) -> Read<i32> {
        let ttl = (take_vint(input)? as i32).wrapping_add(self.ttl);
        if ttl < 0 { Err(MutationError::Malformed("a negative TTL")) } else { Ok(ttl) }
    }

    fn take_deletion(&self, input: &mut Input<'_>) -> Read<DeletionTime> {
        let marked_for_delete_at = self.take_timestamp(input)?;
        let local_deletion_time = self.take_local_deletion_time(input)?;
        if marked_for_delete_at == i64::MIN {
            return Ok(DeletionTime::LIVE);
        }
        Ok(DeletionTime { marked_for_delete_at, local_deletion_time })
    }
}

struct RowReader<'t> {
    table: &'t TableMetadata,
    minima: Minima,
    static_columns: Vec<ReadColumn>,
    regular_columns: Vec<ReadColumn>,
}

impl RowReader<'_> {
    fn read_clustering(&self, input: &mut Input<'_>, count: usize) -> Read<Clustering> {
        let mut values: Vec<Option<&[u8]>> = Vec::with_capacity(count);
        let mut header = 0;
        for i in 0..count {
            if i % 32 == 0 {
                header = take_vint(input)?;
            }
            let column = self.table.clustering.get(i).ok_or(MutationError::Malformed("a clustering"))?;
            let bits = header >> (2 * (i % 32));
            values.push(match bits & 3 {
                0 => Some(match column.cql_type.fixed_length() {
                    Some(length) => take(input, length)?,
                    None => take_vint_bytes(input)?,
                }),
                1 => Some(&[]),
                _ => None,
            });
        }
        Ok(Clustering::new(values))
    }

    /// The tombstone that a marker closes; `open` holds what is open before and after it.
    fn read_marker(
        &self,
        input: &mut Input<'_>,
        open: &mut Option<(ClusteringBound, DeletionTime)>,
    ) -> Read<Option<RangeTombstone>> {
        let kind = bound_kind(take_u8(input)?).ok_or(MutationError::Malformed("a bound"))?;
        let count = usize::from(u16::from_be_bytes(take(input, 2)?.try_into().map_err(|_| short())?));
        let prefix = self.read_clustering(input, count)?;
        let (end, start) = match kind {
            BoundKind::ExclEndInclStartBoundary => (Some(BoundKind::ExclEnd), Some(BoundKind::InclStart)),
            BoundKind::InclEndExclStartBoundary => (Some(BoundKind::InclEnd), Some(BoundKind::ExclStart)),
            BoundKind::InclStart | BoundKind::ExclStart => (None, Some(kind)),
            BoundKind::InclEnd | BoundKind::ExclEnd => (Some(kind), None),
            BoundKind::StaticClustering | BoundKind::Clustering => {
                return Err(MutationError::Malformed("a bound"));
            }
        };
        let mut closed = None;
        if let Some(kind) = end {
            let deletion = self.minima.take_deletion(input)?;
            let (start, _) = open.take().ok_or(MutationError::Malformed("a tombstone without a start"))?;
            let end = ClusteringBound { kind, prefix: prefix.clone() };
            closed = Some(RangeTombstone { slice: Slice { start, end }, deletion });
        }
        if let Some(kind) = start {
            *open = Some((ClusteringBound { kind, prefix }, self.minima.take_deletion(input)?));
        }
        Ok(closed)
    }

    fn read_row(&self, input: &mut Input<'_>, flags: u8) -> Read<Row> {
        let extended = if flags & EXTENSION != 0 { take_u8(input)? } else { 0 };
        let (columns, clustering) = if extended & IS_STATIC != 0 {
            (&self.static_columns, Clustering::EMPTY)
        } else {
            (&self.regular_columns, self.read_clustering(input, self.table.clustering.len())?)
        };
        let mut liveness = LivenessInfo::EMPTY;
        if flags & HAS_TIMESTAMP != 0 {
            liveness.timestamp = self.minima.take_timestamp(input)?;
        }
        if flags & HAS_TTL != 0 {
            liveness.ttl = self.minima.take_ttl(input)?;
            liveness.local_expiration_time = self.minima.take_local_deletion_time(input)?;
        }
        let deletion = match flags & HAS_DELETION != 0 {
            true => self.minima.take_deletion(input)?,
            false => DeletionTime::LIVE,
        };
        let present = match flags & HAS_ALL_COLUMNS != 0 {
            true => (0..columns.len()).collect(),
            false => read_subset(input, columns.len())?,
        };
        let mut builder = RowBuilder::with_capacity(present.len(), 64);
        for column in present.into_iter().filter_map(|i| columns.get(i)) {
            let mut count = 1;
            if column.is_complex {
                if flags & HAS_COMPLEX_DELETION != 0 {
                    let deletion = self.minima.take_deletion(input)?;
                    if let Some(id) = column.id
                        && !deletion.is_live()
                        && deletion.marked_for_delete_at > column.dropped_time
                    {
                        builder.add_complex_deletion(id, deletion);
                    }
                }
                count = take_len(input)?;
            }
            for _ in 0..count {
                self.read_cell(input, column, liveness, &mut builder)?;
            }
        }
        Ok(builder.build(&clustering, liveness, deletion))
    }

    fn read_cell(
        &self,
        input: &mut Input<'_>,
        column: &ReadColumn,
        row: LivenessInfo,
        builder: &mut RowBuilder,
    ) -> Read<()> {
        let flags = take_u8(input)?;
        let is = |flag: u8| flags & flag != 0;
        let timestamp =
            if is(USE_ROW_TIMESTAMP) { row.timestamp } else { self.minima.take_timestamp(input)? };
        let (local_deletion_time, ttl) = if is(USE_ROW_TTL) {
            (row.local_expiration_time, row.ttl)
        } else {
            let ends = is(IS_DELETED) || is(IS_EXPIRING);
            let time = if ends { self.minima.take_local_deletion_time(input)? } else { NO_EXPIRATION };
            (time, if is(IS_EXPIRING) { self.minima.take_ttl(input)? } else { NO_TTL })
        };
        let path = if column.is_complex { Some(take_vint_bytes(input)?) } else { None };
        let value = match column.fixed_length {
            _ if is(HAS_EMPTY_VALUE) => &[],
            Some(length) if !column.is_complex => take(input, length)?,
            _ => take_vint_bytes(input)?,
        };
        if let Some(id) = column.id
            && timestamp > column.dropped_time
        {
            builder.add(Cell { column: id, timestamp, ttl, local_deletion_time, path, value });
        }
        Ok(())
    }
}

/// The indexes of the present columns (Cassandra: `Columns.Serializer.deserializeSubset`).
fn read_subset(input: &mut Input<'_>, all: usize) -> Read<Vec<usize>> {
    let encoded = take_vint(input)?;
    if encoded == 0 {
        return Ok((0..all).collect());
    }
    if all < 64 {
        if encoded >> all != 0 {
            return Err(MutationError::Malformed("too many bits for the columns"));
        }
        return Ok((0..all).filter(|i| encoded >> i & 1 == 0).collect());
    }
    let missing = usize::try_from(encoded).ok().filter(|missing| *missing <= all);
    let missing = missing.ok_or(MutationError::Malformed("too many columns missing"))?;
    let present = all - missing;
    let take_index = |input: &mut Input<'_>| -> Read<usize> {
        let index = usize::try_from(take_vint(input)?).ok().filter(|i| *i < all);
        index.ok_or(MutationError::Malformed("a column's index"))
    };
    if present < all / 2 {
        return (0..present).map(|_| take_index(input)).collect();
    }
    let mut is_present = vec![true; all];
    for _ in 0..missing {
        is_present[take_index(input)?] = false;
    }
    Ok((0..all).filter(|i| is_present[*i]).collect())
}

fn bound_kind(ordinal: u8) -> Option<BoundKind> {
    Some(match ordinal {
        0 => BoundKind::ExclEnd,
        1 => BoundKind::InclStart,
        2 => BoundKind::ExclEndInclStartBoundary,
        3 => BoundKind::StaticClustering,
        4 => BoundKind::Clustering,
        5 => BoundKind::InclEndExclStartBoundary,
        6 => BoundKind::InclEnd,
        7 => BoundKind::ExclStart,
        _ => return None,
    })
}
