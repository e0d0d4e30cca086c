//! The range tombstones of one partition in memory (Cassandra: `RangeTombstoneList`).

use std::cmp::Ordering;

use super::super::comparator::ClusteringComparator;
use super::super::model::{BoundKind, Clustering, ClusteringBound, DeletionTime, RangeTombstone, Slice};

/// Range tombstones in clustering order that do not overlap.
#[derive(Clone, Debug, Default)]
pub struct RangeTombstones(Vec<RangeTombstone>);

impl RangeTombstones {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &RangeTombstone> + ExactSizeIterator {
        self.0.iter()
    }

    /// The number of them.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds one; where it overlaps others, the one that supersedes the other holds.
    pub fn add(&mut self, comparator: &ClusteringComparator, new: RangeTombstone) {
        if new.deletion.is_live() || is_empty(comparator, &new.slice.start, &new.slice.end) {
            return;
        }
        // Those that end before it starts stay, and those that start after it ends.
        let first = self.0.partition_point(|t| comparator.compare(&t.slice.end, &new.slice.start).is_le());
        let last = self.0.partition_point(|t| comparator.compare(&t.slice.start, &new.slice.end).is_lt());
        if first >= last {
            self.0.insert(first, new);
            return;
        }
        let overlapped: Vec<RangeTombstone> = self.0[first..last].to_vec();
        let mut pieces: Vec<RangeTombstone> = Vec::with_capacity(overlapped.len() * 2 + 1);
        let mut push = |start: &ClusteringBound, end: &ClusteringBound, deletion: DeletionTime| {
            if is_empty(comparator, start, end) {
                return;
            }
            if let Some(last) = pieces.last_mut()
                && last.deletion == deletion
                && comparator.compare(&last.slice.end, start).is_eq()
            {
                last.slice.end = end.clone();
                return;
            }
            let slice = Slice { start: start.clone(), end: end.clone() };
            pieces.push(RangeTombstone { slice, deletion });
        };
        let mut start = new.slice.start.clone();
        for old in &overlapped {
            if comparator.compare(&old.slice.start, &start).is_lt() {
                push(&old.slice.start, &inverted(&start), old.deletion);
            } else {
                push(&start, &inverted(&old.slice.start), new.deletion);
                start = old.slice.start.clone();
            }
            let greater = old.deletion.max(new.deletion);
            if comparator.compare(&old.slice.end, &new.slice.end).is_gt() {
                push(&start, &new.slice.end, greater);
                push(&inverted(&new.slice.end), &old.slice.end, old.deletion);
                start = inverted(&old.slice.end);
            } else {
                push(&start, &old.slice.end, greater);
                start = inverted(&old.slice.end);
            }
        }
        push(&start, &new.slice.end, new.deletion);
        self.0.splice(first..last, pieces);
    }

    /// The deletion that covers a row; live where none does.
    pub fn covering(&self, comparator: &ClusteringComparator, clustering: &Clustering) -> DeletionTime {
        let i = self.0.partition_point(|t| comparator.compare(&t.slice.end, clustering).is_lt());
        match self.0.get(i) {
            Some(t) if comparator.compare(&t.slice.start, clustering).is_lt() => t.deletion,
            _ => DeletionTime::LIVE,
        }
    }

    /// The parts of them that lie within a slice, in clustering order.
    pub fn within(&self, comparator: &ClusteringComparator, slice: &Slice) -> Vec<RangeTombstone> {
        let first = self.0.partition_point(|t| comparator.compare(&t.slice.end, &slice.start).is_le());
        let last = self.0.partition_point(|t| comparator.compare(&t.slice.start, &slice.end).is_lt());
        let clip = |t: &RangeTombstone| {
            let start = match comparator.compare(&t.slice.start, &slice.start) {
                Ordering::Less => slice.start.clone(),
                _ => t.slice.start.clone(),
            };
            let end = match comparator.compare(&t.slice.end, &slice.end) {
                Ordering::Greater => slice.end.clone(),
                _ => t.slice.end.clone(),
            };
            RangeTombstone { slice: Slice { start, end }, deletion: t.deletion }
        };
        self.0.get(first..last.max(first)).unwrap_or_default().iter().map(clip).collect()
    }
}

/// The bound at the same place that looks the other way: an end for a start, a start for an end.
pub fn inverted(bound: &ClusteringBound) -> ClusteringBound {
    let kind = match bound.kind {
        BoundKind::InclStart => BoundKind::ExclEnd,
        BoundKind::ExclStart => BoundKind::InclEnd,
        BoundKind::InclEnd => BoundKind::ExclStart,
        BoundKind::ExclEnd => BoundKind::InclStart,
        other => other,
    };
    ClusteringBound { kind, prefix: bound.prefix.clone() }
}

/// Whether nothing can lie between a start and an end.
fn is_empty(comparator: &ClusteringComparator, start: &ClusteringBound, end: &ClusteringBound) -> bool {
    comparator.compare(start, end).is_ge()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test")]
    use proptest::prelude::*;

    use super::*;
    use crate::schema::{ClusteringOrder, ColumnId, ColumnKind, ColumnMetadata};
    use crate::types::CqlType;

    fn comparator() -> ClusteringComparator {
        ClusteringComparator::of_columns(&[ColumnMetadata {
            id: ColumnId(1),
            name: "c".to_owned(),
            cql_type: CqlType::Int,
            kind: ColumnKind::Clustering,
            position: 0,
            order: ClusteringOrder::Asc,
            mask: None,
        }])
    }

    fn at(value: i32) -> Clustering {
        Clustering::new([Some(&value.to_be_bytes()[..])])
    }

    fn tombstone(
        (start, start_inclusive): (i32, bool),
        (end, end_inclusive): (i32, bool),
        time: i64,
    ) -> RangeTombstone {
        let start_kind = if start_inclusive { BoundKind::InclStart } else { BoundKind::ExclStart };
        let end_kind = if end_inclusive { BoundKind::InclEnd } else { BoundKind::ExclEnd };
        RangeTombstone {
            slice: Slice {
                start: ClusteringBound { kind: start_kind, prefix: at(start) },
                end: ClusteringBound { kind: end_kind, prefix: at(end) },
            },
            deletion: DeletionTime { marked_for_delete_at: time, local_deletion_time: 1 },
        }
    }

    proptest! {
        #[test]
        fn the_newest_tombstone_that_covers_a_row_holds(
            ranges in prop::collection::vec((0..20i32, any::<bool>(), 0..20i32, any::<bool>(), 0..6i64), 0..30),
        ) {
            let comparator = comparator();
            let mut list = RangeTombstones::default();
            let mut naive = [DeletionTime::LIVE; 20];
            for (start, si, end, ei, time) in ranges {
                let new = tombstone((start, si), (end, ei), time);
                for (value, deletion) in naive.iter_mut().enumerate() {
                    let value = value as i32;
                    let after = if si { value >= start } else { value > start };
                    let before = if ei { value <= end } else { value < end };
                    if after && before {
                        *deletion = DeletionTime::max(*deletion, new.deletion);
                    }
                }
                list.add(&comparator, new);
            }
            for (value, deletion) in naive.iter().enumerate() {
                prop_assert_eq!(list.covering(&comparator, &at(value as i32)), *deletion);
            }
            for pair in list.0.windows(2) {
                prop_assert!(comparator.compare(&pair[0].slice.end, &pair[1].slice.start).is_le());
            }
        }
    }
}
