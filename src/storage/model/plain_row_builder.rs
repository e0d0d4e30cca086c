//! Builds plain rows, those in which every time is the row's.

use super::super::arena::Arena;
use super::clustering::Prefix;
use super::row::{HAS_LIVENESS, HEADER, IS_PLAIN, PLAIN_CELL, Row};
use crate::schema::ColumnId;

/// Builds rows that were inserted: all their cells have the timestamp of their liveness, and neither a path nor an end.
/// The parts are added in the order in which they stand in a [`Row`]: first the clustering, then cells with ascending
/// columns. What [`super::RowBuilder`] builds of the same parts is the same.
#[derive(Debug, Default)]
pub struct PlainRowBuilder {
    /// Room for the header, and behind it the cells' entries.
    entries: Vec<u8>,
    /// The clustering, and behind it the cells' values.
    values: Vec<u8>,
    clustering_len: usize,
}

impl PlainRowBuilder {
    /// Starts a row, in place of what was there.
    pub fn start(&mut self) {
        if self.entries.capacity() == 0 {
            self.entries.reserve(HEADER + 16 * PLAIN_CELL);
            self.values.reserve(256);
        }
        self.entries.clear();
        self.entries.extend_from_slice(&[0; HEADER]);
        self.values.clear();
        self.clustering_len = 0;
    }

    /// Adds the value of the next clustering column.
    #[inline]
    pub fn add_clustering(&mut self, value: Option<&[u8]>) {
        let prefix = value.map_or(-1_i32, |value| length(value.len()).cast_signed());
        self.values.extend_from_slice(&prefix.to_be_bytes());
        self.values.extend_from_slice(value.unwrap_or_default());
        self.clustering_len = self.values.len();
    }

    /// Sets the whole clustering.
    pub fn set_clustering(&mut self, clustering: Prefix<'_>) {
        self.values.extend_from_slice(clustering.buffer());
        self.clustering_len = self.values.len();
    }

    /// The clustering so far.
    pub fn clustering(&self) -> Prefix<'_> {
        Prefix::of_buffer(&self.values[..self.clustering_len])
    }

    /// Adds a cell, whose column comes after those of the cells so far.
    #[inline]
    pub fn add(&mut self, column: ColumnId, value: &[u8]) {
        let mut entry = [0; PLAIN_CELL];
        let place = length(self.values.len() - self.clustering_len);
        entry[..2].copy_from_slice(&column.0.to_ne_bytes());
        entry[2..].copy_from_slice(&place.to_ne_bytes());
        self.entries.extend_from_slice(&entry);
        self.values.extend_from_slice(&length(value.len()).to_be_bytes());
        self.values.extend_from_slice(value);
    }

    /// The row, in an arena.
    pub fn build_in(&mut self, arena: &mut Arena, timestamp: i64) -> Row {
        let cells = length((self.entries.len() - HEADER) / PLAIN_CELL);
        let header = self.entries.first_chunk_mut::<HEADER>().expect("a row was started");
        header[..4].copy_from_slice(&cells.to_ne_bytes());
        header[4..8].copy_from_slice(&length(self.clustering_len).to_ne_bytes());
        header[8..16].copy_from_slice(&timestamp.to_ne_bytes());
        header[16..20].copy_from_slice(&u32::MAX.to_ne_bytes());
        header[22] = IS_PLAIN | HAS_LIVENESS;
        Row(arena.fill(self.entries.len() + self.values.len(), |out| {
            out.extend_from_slice(&self.entries);
            out.extend_from_slice(&self.values);
        }))
    }
}

fn length(length: usize) -> u32 {
    u32::try_from(length).expect("a row holds less than 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::super::clustering::Clustering;
    use super::super::deletion::{DeletionTime, LivenessInfo};
    use super::super::row_builder::RowBuilder;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_are_those_of_the_other_builder(
            clustering in prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..9)), 0..3),
            cells in prop::collection::btree_map(any::<u16>(), prop::collection::vec(any::<u8>(), 0..40), 0..9),
            timestamp in i64::MIN + 1..,
            at_once in any::<bool>(),
        ) {
            let mut plain = PlainRowBuilder::default();
            plain.start();
            plain.add(ColumnId(7), b"of another row");
            plain.start();
            let whole = Clustering::new(clustering.iter().map(|value| value.as_deref()));
            if at_once {
                plain.set_clustering(whole.as_prefix());
            } else {
                clustering.iter().for_each(|value| plain.add_clustering(value.as_deref()));
            }
            let mut other = RowBuilder::new();
            for (column, value) in &cells {
                plain.add(ColumnId(*column), value);
                other.add_plain(ColumnId(*column), timestamp, value);
            }
            prop_assert_eq!(plain.clustering(), whole.as_prefix());
            let row = plain.build_in(&mut Arena::of_read(), timestamp);
            let expected = other.build(&whole, LivenessInfo::new(timestamp), DeletionTime::LIVE);
            prop_assert_eq!(row.buffer(), expected.buffer());
        }
    }
}
