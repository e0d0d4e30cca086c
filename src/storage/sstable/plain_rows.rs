//! Takes rows that follow each other and are plain: inserted, with one cell for each column, all of one time. Whatever
//! else there is ends the run, also what is damaged: it is taken, or refused, by the decoder's other functions.

use super::input::Input;
use super::unfiltered_reader::{PlainColumn, RowDecoder, RowSpace, column_subset};
use crate::storage::codec::cell_flags::{HAS_EMPTY_VALUE, USE_ROW_TIMESTAMP};
use crate::storage::codec::row_flags::{HAS_ALL_COLUMNS, HAS_TIMESTAMP};
use crate::storage::model::{BoundKind, ClusteringBound, ColumnFilter, PlainRowBuilder, Prefix, Row};
use crate::storage::{ClusteringComparator, Position};
use crate::types::vint;

/// What is wanted of the rows.
pub struct Wanted<'w> {
    /// Compares clusterings.
    pub comparator: &'w ClusteringComparator,
    /// Rows before this; all where there is none.
    pub end: Option<&'w ClusteringBound>,
    /// These columns; the others' cells come without their values.
    pub columns: &'w ColumnFilter,
    /// At most so many.
    pub rows_max: usize,
}

/// Takes the first byte.
#[inline]
fn byte(bytes: &mut &[u8]) -> Option<u8> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*first)
}

/// Takes the first `length` bytes.
#[inline]
fn take<'i>(bytes: &mut &'i [u8], length: usize) -> Option<&'i [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

/// Whether a row has a timestamp, and neither an end nor deletions.
#[inline]
fn is_plain(flags: u8) -> bool {
    flags & !HAS_ALL_COLUMNS == HAS_TIMESTAMP
}

#[inline]
fn length(bytes: &mut &[u8]) -> Option<usize> {
    usize::try_from(vint::read_unsigned(bytes)?).ok()
}

impl RowDecoder {
    /// Takes the rows that are at hand as a whole, up to the first one that is not plain or not wanted.
    pub fn plain_rows(
        &self,
        input: &mut Input<'_>,
        wanted: &Wanted<'_>,
        space: &mut RowSpace,
        rows: &mut Vec<Row>,
    ) {
        let Some(columns) = &self.plain_columns else { return };
        let mut rest = input.rest();
        while rows.len() < wanted.rows_max {
            let mut row = rest;
            let Some(timestamp) = self.plain_row(&mut row, columns, wanted, &mut space.plain) else { break };
            rows.push(space.plain.build_in(&mut space.arena, timestamp));
            rest = row;
        }
        input.go_on_at(rest);
    }

    /// Takes one row into a builder, and says its timestamp; none where it is not plain, not wanted or not whole.
    fn plain_row(
        &self,
        bytes: &mut &[u8],
        columns: &[PlainColumn],
        wanted: &Wanted<'_>,
        builder: &mut PlainRowBuilder,
    ) -> Option<i64> {
        let flags = byte(bytes)?;
        if !is_plain(flags) {
            return None;
        }
        builder.start();
        self.plain_clustering(bytes, builder)?;
        if let Some(end) = wanted.end {
            let place = Position { prefix: builder.clustering(), kind: BoundKind::Clustering };
            if !wanted.comparator.compare(place, end).is_lt() {
                return None;
            }
        }
        let body_length = length(bytes)?;
        self.plain_body(flags, take(bytes, body_length)?, columns, wanted.columns, builder)
    }

    /// A row of which all but its body was taken; none where it is not plain.
    pub(super) fn plain_row_of(
        &self,
        flags: u8,
        clustering: Prefix<'_>,
        body: &[u8],
        filter: &ColumnFilter,
        space: &mut RowSpace,
    ) -> Option<Row> {
        let columns = self.plain_columns.as_ref().filter(|_| is_plain(flags))?;
        space.plain.start();
        space.plain.set_clustering(clustering);
        let timestamp = self.plain_body(flags, body, columns, filter, &mut space.plain)?;
        Some(space.plain.build_in(&mut space.arena, timestamp))
    }

    /// Takes the cells into a builder, and says the row's timestamp.
    #[inline]
    fn plain_body(
        &self,
        flags: u8,
        body: &[u8],
        columns: &[PlainColumn],
        filter: &ColumnFilter,
        builder: &mut PlainRowBuilder,
    ) -> Option<i64> {
        let mut body = body;
        // The size of the row before.
        vint::read_unsigned(&mut body)?;
        let timestamp = self.stats.timestamp_of(vint::read_unsigned(&mut body)?);
        if flags & HAS_ALL_COLUMNS != 0 {
            // Mostly the last ones are not plain: nothing is to be done twice.
            columns.last().map_or(Some(()), |column| column.id.map(drop))?;
            for column in columns {
                self.cell_of_plain_row(&mut body, column, filter, builder)?;
            }
            return Some(timestamp);
        }
        let mut input = Input::new(body);
        let present = column_subset(&mut input, columns.len()).ok()?;
        body = input.rest();
        present.last().map_or(Some(()), |last| columns.get(*last)?.id.map(drop))?;
        for i in present {
            self.cell_of_plain_row(&mut body, columns.get(i)?, filter, builder)?;
        }
        Some(timestamp)
    }

    #[inline]
    fn plain_clustering(&self, bytes: &mut &[u8], builder: &mut PlainRowBuilder) -> Option<()> {
        let mut header = 0;
        for (i, fixed_length) in self.clustering.iter().enumerate() {
            if i % 32 == 0 {
                header = vint::read_unsigned(bytes)?;
            }
            builder.add_clustering(match header >> (2 * (i % 32)) & 3 {
                0 => Some(self.plain_value(bytes, *fixed_length)?),
                1 => Some(&[]),
                _ => None,
            });
        }
        Some(())
    }

    /// Takes a cell; none where it has a time or an end of its own, or is too long.
    #[inline]
    fn cell_of_plain_row(
        &self,
        bytes: &mut &[u8],
        column: &PlainColumn,
        filter: &ColumnFilter,
        builder: &mut PlainRowBuilder,
    ) -> Option<()> {
        let (id, flags) = (column.id?, byte(bytes)?);
        if flags & !HAS_EMPTY_VALUE != USE_ROW_TIMESTAMP {
            return None;
        }
        let value = if flags & HAS_EMPTY_VALUE != 0 {
            &[]
        } else {
            let value = self.plain_value(bytes, column.fixed_length)?;
            if filter.queries(id) { value } else { &[] }
        };
        builder.add(id, value);
        Some(())
    }

    #[inline]
    fn plain_value<'i>(&self, bytes: &mut &'i [u8], fixed_length: Option<usize>) -> Option<&'i [u8]> {
        let length = match fixed_length {
            Some(length) => length,
            None => length(bytes).filter(|length| *length <= self.value_bytes_max)?,
        };
        take(bytes, length)
    }
}
