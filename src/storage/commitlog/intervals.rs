//! Sets of places in the commit log (Cassandra: `IntervalSet<CommitLogPosition>`).

use super::buffer::CommitPosition;

/// A set of closed intervals, in order, that neither overlap nor touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intervals(Vec<(CommitPosition, CommitPosition)>);

impl Intervals {
    /// Adds an interval.
    pub fn add(&mut self, start: CommitPosition, end: CommitPosition) {
        if start > end {
            return;
        }
        let first = self.0.partition_point(|(_, e)| *e < start);
        let last = self.0.partition_point(|(s, _)| *s <= end);
        let overlapped = &self.0[first..last.max(first)];
        let start = overlapped.first().map_or(start, |(s, _)| start.min(*s));
        let end = overlapped.last().map_or(end, |(_, e)| end.max(*e));
        self.0.splice(first..last.max(first), [(start, end)]);
    }

    /// Whether a place is in it.
    pub fn contains(&self, position: CommitPosition) -> bool {
        let i = self.0.partition_point(|(_, end)| *end < position);
        self.0.get(i).is_some_and(|(start, _)| *start <= position)
    }

    /// The intervals.
    pub fn iter(&self) -> impl Iterator<Item = (CommitPosition, CommitPosition)> {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(offset: u32) -> CommitPosition {
        CommitPosition { segment: 1, offset }
    }

    proptest! {
        #[test]
        fn holds_what_was_added(added in prop::collection::vec((0..30u32, 0..30u32), 0..10)) {
            let mut intervals = Intervals::default();
            for (start, end) in &added {
                intervals.add(at(*start), at(*end));
            }
            for i in 0..31 {
                let expected = added.iter().any(|(s, e)| *s <= i && i <= *e);
                prop_assert_eq!(intervals.contains(at(i)), expected);
            }
        }
    }
}
