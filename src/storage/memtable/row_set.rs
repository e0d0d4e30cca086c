//! The rows of one partition in memory.
//!
//! ```text
//! Many: [ chunk: r r r r r r ] [ chunk: r r r ] [ chunk: r r r r ]     rows in clustering order
//! ```
//!
//! A chunk that a reader's snapshot shares is copied before it changes; a row never changes.

use std::sync::Arc;

use super::super::comparator::{ClusteringComparator, Position};
use super::super::model::{Clustering, Prefix, Row};
use super::super::unfiltered::RowsAtHand;

/// A chunk is split in two when it grows beyond this.
const CHUNK_ROWS_MAX: usize = 128;

/// The same where a row was put before all others of it, which had to be moved: as in time series that are read newest
/// first.
const CHUNK_ROWS_BEFORE_MAX: usize = 32;

/// Rows in clustering order, each clustering once. A clone shares everything.
#[derive(Clone, Debug, Default)]
pub enum RowSet {
    /// None.
    #[default]
    Empty,
    /// One, as in tables without clustering columns.
    One(Row),
    /// Any number, in chunks none of which is empty.
    Many(Vec<Arc<Vec<Row>>>),
}

/// A place in a [`RowSet`]: the chunk and the place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    chunk: usize,
    row: usize,
}

impl RowSet {
    /// The number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::One(_) => 1,
            Self::Many(chunks) => chunks.iter().map(|c| c.len()).sum(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// The row of a clustering.
    pub fn get(&self, comparator: &ClusteringComparator, clustering: &Clustering) -> Option<&Row> {
        let cursor = self.seek(comparator, clustering.into());
        let row = self.at(cursor)?;
        comparator.compare_clusterings(row.clustering(), clustering).is_eq().then_some(row)
    }

    /// Puts a row in its place: `merge` gets the row that was there and makes of it what takes its place.
    pub fn upsert(
        &mut self,
        comparator: &ClusteringComparator,
        clustering: Prefix<'_>,
        merge: impl FnOnce(Option<&Row>) -> Row,
    ) {
        match self {
            Self::Empty => *self = Self::One(merge(None)),
            Self::One(row) => match comparator.compare_clusterings(row.clustering(), clustering) {
                std::cmp::Ordering::Equal => *row = merge(Some(row)),
                std::cmp::Ordering::Less => {
                    let rows = vec![row.clone(), merge(None)];
                    *self = Self::Many(vec![Arc::new(rows)]);
                }
                std::cmp::Ordering::Greater => {
                    let rows = vec![merge(None), row.clone()];
                    *self = Self::Many(vec![Arc::new(rows)]);
                }
            },
            Self::Many(chunks) => {
                let (chunk_index, known) = chunk_of(chunks, comparator, clustering);
                let Some(shared) = chunks.get_mut(chunk_index) else { return };
                let chunk = Arc::make_mut(shared);
                let place = known.unwrap_or_else(|| {
                    chunk.binary_search_by(|r| comparator.compare_clusterings(r.clustering(), clustering))
                });
                match place {
                    Ok(i) => {
                        let merged = merge(Some(&chunk[i]));
                        chunk[i] = merged;
                    }
                    Err(i) => chunk.insert(i, merge(None)),
                }
                let most = if place == Err(0) { CHUNK_ROWS_BEFORE_MAX } else { CHUNK_ROWS_MAX };
                if chunk.len() > most {
                    // Rows that come in order, or in reversed order, leave full chunks behind.
                    let at = match place {
                        Err(0) => 1,
                        Err(last) if last == chunk.len() - 1 => last,
                        _ => chunk.len() / 2,
                    };
                    let upper = chunk.split_off(at);
                    chunks.insert(chunk_index + 1, Arc::new(upper));
                }
            }
        }
    }

    /// The first row that is not before the place.
    pub fn seek(&self, comparator: &ClusteringComparator, place: Position<'_>) -> Cursor {
        match self {
            Self::Empty => Cursor { chunk: 0, row: 0 },
            Self::One(row) => Cursor { chunk: 0, row: usize::from(comparator.compare(row, place).is_lt()) },
            Self::Many(chunks) => {
                let chunk = chunks.partition_point(|c| {
                    c.last().is_some_and(|last| comparator.compare(last, place).is_lt())
                });
                let row = chunks
                    .get(chunk)
                    .map_or(0, |c| c.partition_point(|r| comparator.compare(r, place).is_lt()));
                Cursor { chunk, row }
            }
        }
    }

    /// The row at a cursor; none where it stands at the end.
    pub fn at(&self, cursor: Cursor) -> Option<&Row> {
        match self {
            Self::Empty => None,
            Self::One(row) => (cursor == Cursor { chunk: 0, row: 0 }).then_some(row),
            Self::Many(chunks) => chunks.get(cursor.chunk)?.get(cursor.row),
        }
    }

    /// The next place.
    pub fn after(&self, cursor: Cursor) -> Cursor {
        match self {
            Self::Many(chunks) if chunks.get(cursor.chunk).is_some_and(|c| cursor.row + 1 >= c.len()) => {
                Cursor { chunk: cursor.chunk + 1, row: 0 }
            }
            _ => Cursor { chunk: cursor.chunk, row: cursor.row + 1 },
        }
    }

    /// The rows from one place up to another one, at most so many, as many as lie in one piece and delete at most
    /// cells; and the place behind them.
    pub fn run(&self, start: Cursor, end: Cursor, max: usize) -> (RowsAtHand<'_>, Cursor) {
        match self {
            Self::One(row) if start < end && max > 0 && row.deletes_at_most_cells() => {
                (RowsAtHand::Row(row), self.after(start))
            }
            Self::Many(chunks) if start < end => {
                let Some(chunk) = chunks.get(start.chunk) else { return (RowsAtHand::None, start) };
                let until = if start.chunk == end.chunk { end.row.min(chunk.len()) } else { chunk.len() };
                let rows = chunk.get(start.row..until).unwrap_or_default();
                let count = rows.iter().take(max).take_while(|row| row.deletes_at_most_cells()).count();
                let Some(last) = count.checked_sub(1) else { return (RowsAtHand::None, start) };
                let last = Cursor { chunk: start.chunk, row: start.row + last };
                (RowsAtHand::Run(chunk, start.row..start.row + count), self.after(last))
            }
            _ => (RowsAtHand::None, start),
        }
    }

    /// The place before; none at the start.
    pub fn before(&self, cursor: Cursor) -> Option<Cursor> {
        if cursor.row > 0 {
            return Some(Cursor { chunk: cursor.chunk, row: cursor.row - 1 });
        }
        let chunk = cursor.chunk.checked_sub(1)?;
        match self {
            Self::Many(chunks) => Some(Cursor { chunk, row: chunks.get(chunk)?.len().checked_sub(1)? }),
            _ => None,
        }
    }

    /// All rows in order.
    pub fn iter(&self) -> impl Iterator<Item = &Row> {
        let mut cursor = Cursor { chunk: 0, row: 0 };
        std::iter::from_fn(move || {
            let row = self.at(cursor)?;
            cursor = self.after(cursor);
            Some(row)
        })
    }
}

/// Where a row belongs: its chunk and, where it comes before or after all others, its place there. Each row that is
/// looked at may have to be waited for, and those of time series mostly come at one of both ends.
fn chunk_of(
    chunks: &[Arc<Vec<Row>>],
    comparator: &ClusteringComparator,
    clustering: Prefix<'_>,
) -> (usize, Option<Result<usize, usize>>) {
    let compare = |row: &Row| comparator.compare_clusterings(row.clustering(), clustering);
    let last_chunk = chunks.len().saturating_sub(1);
    if let Some(chunk) = chunks.last()
        && chunk.last().is_some_and(|row| compare(row).is_lt())
    {
        return (last_chunk, Some(Err(chunk.len())));
    }
    if chunks.first().and_then(|chunk| chunk.first()).is_some_and(|row| compare(row).is_gt()) {
        return (0, Some(Err(0)));
    }
    // The last chunk whose first row is not after the place.
    let after = chunks.partition_point(|chunk| chunk.first().is_some_and(|row| compare(row).is_le()));
    (after.saturating_sub(1), None)
}
