//! The rows of a partition that a read found.

use std::ops::Range;
use std::sync::Arc;

use smallvec::SmallVec;

use super::row::Row;

/// Rows in order. Those that lie beside each other in a memtable are shared with it, all at once.
///
/// ```text
/// [ own: r r r ] [ shared: chunk of a memtable, places 40..128 ] [ shared: the next one, places 0..17 ]
/// ```
#[derive(Clone, Default)]
pub struct RowList {
    /// None of them empty.
    pieces: SmallVec<[Piece; 2]>,
    len: usize,
    /// For how many rows there is to be room in the first piece of its own.
    expected: usize,
}

#[derive(Clone)]
enum Piece {
    Own(Vec<Row>),
    /// Some places of a chunk, which stays as it is as long as it is shared.
    Shared(Arc<Vec<Row>>, Range<usize>),
}

impl Piece {
    fn rows(&self) -> &[Row] {
        match self {
            Self::Own(rows) => rows,
            Self::Shared(chunk, places) => &chunk[places.clone()],
        }
    }
}

impl RowList {
    /// No rows yet, and room for so many if they come one by one.
    pub fn expecting(expected: usize) -> Self {
        Self { expected, ..Self::default() }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a row.
    pub fn push(&mut self, row: Row) {
        self.len += 1;
        match self.pieces.last_mut() {
            Some(Piece::Own(rows)) => rows.push(row),
            _ => {
                let mut rows = Vec::with_capacity(std::mem::take(&mut self.expected).max(1));
                rows.push(row);
                self.pieces.push(Piece::Own(rows));
            }
        }
    }

    /// Adds the rows at some places of a chunk, none of them beyond its end.
    pub fn push_run(&mut self, chunk: &Arc<Vec<Row>>, places: Range<usize>) {
        if places.is_empty() {
            return;
        }
        self.len += places.len();
        match self.pieces.last_mut() {
            Some(Piece::Shared(last, known)) if Arc::ptr_eq(last, chunk) && known.end == places.start => {
                known.end = places.end;
            }
            _ => self.pieces.push(Piece::Shared(chunk.clone(), places)),
        }
    }

    /// The rows, in pieces that lie beside each other.
    pub fn pieces(&self) -> impl Iterator<Item = &[Row]> {
        self.pieces.iter().map(Piece::rows)
    }

    /// The rows.
    pub fn iter(&self) -> RowListIter<'_> {
        RowListIter { piece: [].iter(), pieces: self.pieces.iter() }
    }

    /// The first row.
    pub fn first(&self) -> Option<&Row> {
        self.pieces.first().and_then(|piece| piece.rows().first())
    }

    /// The last row.
    pub fn last(&self) -> Option<&Row> {
        self.pieces.last().and_then(|piece| piece.rows().last())
    }
}

/// Iterates over a [`RowList`].
#[derive(Clone)]
pub struct RowListIter<'r> {
    piece: std::slice::Iter<'r, Row>,
    pieces: std::slice::Iter<'r, Piece>,
}

impl<'r> Iterator for RowListIter<'r> {
    type Item = &'r Row;

    fn next(&mut self) -> Option<&'r Row> {
        loop {
            if let Some(row) = self.piece.next() {
                return Some(row);
            }
            self.piece = self.pieces.next()?.rows().iter();
        }
    }
}

impl<'r> IntoIterator for &'r RowList {
    type Item = &'r Row;
    type IntoIter = RowListIter<'r>;

    fn into_iter(self) -> RowListIter<'r> {
        self.iter()
    }
}

impl From<Vec<Row>> for RowList {
    fn from(rows: Vec<Row>) -> Self {
        let len = rows.len();
        let pieces = if rows.is_empty() { SmallVec::new() } else { smallvec::smallvec![Piece::Own(rows)] };
        Self { pieces, len, expected: 0 }
    }
}

impl FromIterator<Row> for RowList {
    fn from_iter<I: IntoIterator<Item = Row>>(rows: I) -> Self {
        rows.into_iter().collect::<Vec<Row>>().into()
    }
}

impl std::fmt::Debug for RowList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::clustering::Clustering;
    use super::super::deletion::{DeletionTime, LivenessInfo};
    use super::super::row_builder::RowBuilder;
    use super::*;
    use proptest::prelude::*;

    fn row(number: usize) -> Row {
        let clustering = Clustering::new([Some(&number.to_be_bytes()[..])]);
        RowBuilder::new().build(&clustering, LivenessInfo::new(1), DeletionTime::LIVE)
    }

    proptest! {
        #[test]
        fn rows_come_in_the_order_in_which_they_were_added(
            steps in prop::collection::vec((any::<bool>(), 0..3_usize, 0..4_usize, 0..5_usize), 0..20),
        ) {
            let chunks: Vec<Arc<Vec<Row>>> =
                (0..3).map(|chunk| Arc::new((0..8).map(|i| row(chunk * 8 + i)).collect())).collect();
            let (mut list, mut expected) = (RowList::expecting(3), Vec::new());
            for (shared, chunk, start, len) in steps {
                if shared {
                    list.push_run(&chunks[chunk], start..start + len);
                    expected.extend_from_slice(&chunks[chunk][start..start + len]);
                } else {
                    list.push(row(chunk * 100 + start));
                    expected.push(row(chunk * 100 + start));
                }
            }
            prop_assert_eq!(list.len(), expected.len());
            prop_assert_eq!(list.is_empty(), expected.is_empty());
            prop_assert_eq!(list.first(), expected.first());
            prop_assert_eq!(list.last(), expected.last());
            prop_assert!(list.pieces().all(|piece| !piece.is_empty()));
            prop_assert_eq!(list.iter().cloned().collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn pieces_between_shared_ones_have_room_for_what_is_in_them() {
        let chunk = Arc::new((0..1000).map(row).collect::<Vec<_>>());
        let mut list = RowList::expecting(1000);
        for i in 0..1000 {
            if i % 2 == 0 { list.push_run(&chunk, i..i + 1) } else { list.push(chunk[i].clone()) }
        }
        let room = |piece: &Piece| if let Piece::Own(rows) = piece { rows.capacity() } else { 0 };
        assert!(list.pieces.iter().map(room).sum::<usize>() < 4000);
    }
}
