//! One partition in memory.

use super::super::arena::Arena;
use super::super::merge::merge_versions;
use super::super::model::{ColumnFilter, DeletionTime, PartitionUpdate, Row};
use super::super::observer::PartitionObserver;
use super::super::order::TableOrder;
use super::range_tombstones::RangeTombstones;
use super::row_set::RowSet;

/// What a memtable holds of one partition. A clone shares the rows.
#[derive(Clone, Debug)]
pub struct PartitionData {
    /// The deletion of the whole partition.
    pub deletion: DeletionTime,
    /// Deletions of slices.
    pub range_tombstones: RangeTombstones,
    /// The static row.
    pub static_row: Option<Row>,
    /// The rows, those too that deletions of the partition or of slices shadow.
    pub rows: RowSet,
}

impl Default for PartitionData {
    fn default() -> Self {
        Self {
            deletion: DeletionTime::LIVE,
            range_tombstones: RangeTombstones::default(),
            static_row: None,
            rows: RowSet::default(),
        }
    }
}

impl PartitionData {
    /// Merges an update into it; returns by how many bytes it grew (or shrank).
    pub fn apply(
        &mut self,
        order: &TableOrder,
        update: PartitionUpdate,
        arena: &mut Arena,
        observer: &mut dyn PartitionObserver,
    ) -> i64 {
        let mut grown = 0;
        if !update.deletion.is_live() {
            observer.partition_deleted(update.deletion);
            self.deletion = self.deletion.max(update.deletion);
        }
        for tombstone in update.range_tombstones {
            observer.range_deleted(&tombstone);
            let before = self.range_tombstones.len();
            self.range_tombstones.add(order.clustering(), tombstone);
            grown += (self.range_tombstones.len() as i64 - before as i64) * RANGE_TOMBSTONE_BYTES;
        }
        if let Some(new) = update.static_row {
            let old = self.static_row.take();
            let (merged, delta) = merge_into(order, old.as_ref(), &new, arena);
            observer.static_row_changed(old.as_ref(), Some(&merged));
            self.static_row = Some(merged);
            grown += delta;
        }
        for new in update.rows {
            self.rows.upsert(order.clustering(), new.clustering(), |old| {
                let (merged, delta) = merge_into(order, old, &new, arena);
                observer.row_changed(old, Some(&merged));
                grown += delta;
                merged
            });
        }
        grown
    }
}

/// What one range tombstone takes, roughly.
const RANGE_TOMBSTONE_BYTES: i64 = 160;

/// The merge of an old and a new version, in the arena, and by how many bytes that grew: what was replaced stays there.
fn merge_into(order: &TableOrder, old: Option<&Row>, new: &Row, arena: &mut Arena) -> (Row, i64) {
    let Some(old) = old else {
        // A row may shadow parts of itself, where a batch deletes and writes it.
        let is_whole = new.deletes_at_most_cells();
        let merged = if is_whole {
            None
        } else {
            merge_versions(order, &[new], DeletionTime::LIVE, &ColumnFilter::ALL)
        };
        let merged = merged.as_ref().unwrap_or(new).in_copy(|bytes| arena.place(bytes));
        let grown = merged.memory_size();
        return (merged, grown as i64);
    };
    match merge_versions(order, &[old, new], DeletionTime::LIVE, &ColumnFilter::ALL) {
        Some(merged) => {
            let merged = merged.in_copy(|bytes| arena.place(bytes));
            let grown = merged.buffer().len();
            (merged, grown as i64)
        }
        None => (old.clone(), 0),
    }
}
