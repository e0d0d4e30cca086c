//! Which of two cells stays (Cassandra: `Cells.reconcile`).

use std::cmp::Ordering;

use super::super::model::{Cell, NO_EXPIRATION, NO_TTL};
use crate::types::counter;

/// Whether `right` takes the place of `left`, both of the same column and path, not counters (Cassandra:
/// `Cells.resolveRegular`): the higher timestamp; then tombstones and expiring cells before those that live for
/// ever, tombstones before expiring ones, the later local deletion time, the lower TTL, the greater value.
pub fn right_wins(left: &Cell<'_>, right: &Cell<'_>) -> bool {
    match right.timestamp.cmp(&left.timestamp) {
        Ordering::Equal => right_wins_tie(left, right),
        ordering => ordering.is_gt(),
    }
}

fn right_wins_tie(left: &Cell<'_>, right: &Cell<'_>) -> bool {
    let left_ends = left.local_deletion_time != NO_EXPIRATION;
    let right_ends = right.local_deletion_time != NO_EXPIRATION;
    if left_ends != right_ends {
        return right_ends;
    }
    if left_ends {
        let (left_tombstone, right_tombstone) = (!left.is_expiring(), !right.is_expiring());
        if left_tombstone != right_tombstone {
            return right_tombstone;
        }
        if left.local_deletion_time != right.local_deletion_time {
            return right.local_deletion_time > left.local_deletion_time;
        }
        if !left_tombstone && left.ttl != right.ttl {
            return right.ttl < left.ttl;
        }
    }
    right.value > left.value
}

/// A cell that may own its value: merged counters do.
#[derive(Clone, Debug)]
pub struct MergedCell<'a> {
    /// The cell, whose value is to be ignored where there is an own one.
    pub cell: Cell<'a>,
    /// The merged counter context.
    pub value: Option<Vec<u8>>,
}

impl<'a> MergedCell<'a> {
    /// The cell as it is.
    pub fn new(cell: Cell<'a>) -> Self {
        Self { cell, value: None }
    }

    /// A view of the cell with its value.
    pub fn view(&self) -> Cell<'_> {
        match &self.value {
            Some(value) => Cell { value, ..self.cell },
            None => self.cell,
        }
    }

    /// Merges another cell of the same column and path into it.
    pub fn reconcile(&mut self, other: Cell<'a>, is_counter: bool) {
        if is_counter {
            self.reconcile_counter(other);
        } else if right_wins(&self.cell, &other) {
            self.cell = other;
        }
    }

    /// Cassandra: `Cells.resolveCounter`. A tombstone wins whatever its time.
    fn reconcile_counter(&mut self, other: Cell<'a>) {
        let own = self.view();
        match (own.is_tombstone(), other.is_tombstone()) {
            (true, true) => {
                if right_wins(&own, &other) {
                    *self = Self::new(other);
                }
                return;
            }
            (true, false) => return,
            (false, true) => {
                *self = Self::new(other);
                return;
            }
            (false, false) => {}
        }
        if own.value.is_empty() || other.value.is_empty() {
            let take_other = match (own.value.is_empty(), other.value.is_empty()) {
                (true, true) => other.timestamp >= own.timestamp,
                (_, other_is_empty) => other_is_empty,
            };
            if take_other {
                *self = Self::new(other);
            }
            return;
        }
        let timestamp = own.timestamp.max(other.timestamp);
        self.value = Some(counter::merge(own.value, other.value));
        self.cell = Cell { timestamp, ttl: NO_TTL, local_deletion_time: NO_EXPIRATION, ..self.cell };
    }
}
