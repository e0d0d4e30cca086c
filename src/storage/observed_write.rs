//! What an update changes of the rows that a reader finds, for observers that ask for it.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;

use smallvec::SmallVec;

use super::arena::Arena;
use super::engine::{IoMode, Storage};
use super::error::StorageError;
use super::memtable::{MemtableRows, PartitionData};
use super::merge::MergedRows;
use super::model::{
    BoundKind, ClusteringBound, ClusteringIndexFilter, ColumnFilter, DecoratedKey, DeletionTime, Mutation,
    PartitionUpdate, Row, Slice,
};
use super::observer::{NoObserver, PartitionObserver};
use super::order::TableOrder;
use super::partition_locks::PartitionGuards;
use super::table_store::TableStore;
use super::trace::Steps;
use super::unfiltered::{BoxedRowIterator, Unfiltered, UnfilteredRowIterator};

/// Rows that are looked at on a connection's task; more are left to a thread that may block.
const INLINE_ROWS_MAX: usize = 1000;

/// A row before and after.
type Change = (Option<Row>, Option<Row>);

/// What one update changes.
#[derive(Debug, Default)]
pub(super) struct Changes {
    static_row: Option<Change>,
    rows: Vec<Change>,
}

impl Changes {
    /// Tells an observer of them, and of the deletions in the update.
    pub(super) fn tell(&self, update: &PartitionUpdate, observer: &mut dyn PartitionObserver) {
        if !update.deletion.is_live() {
            observer.partition_deleted(update.deletion);
        }
        update.range_tombstones.iter().for_each(|tombstone| observer.range_deleted(tombstone));
        if let Some((old, new)) = &self.static_row {
            observer.static_row_changed(old.as_ref(), new.as_ref());
        }
        self.rows.iter().for_each(|(old, new)| observer.row_changed(old.as_ref(), new.as_ref()));
        observer.finish();
    }
}

/// A mutation whose partitions are locked and whose old rows were read.
pub(super) struct ObservedWrite<'a> {
    /// For each update; none where no observer asks.
    pub(super) changes: SmallVec<[Option<Changes>; 2]>,
    _locks: PartitionGuards<'a>,
}

impl Storage {
    /// Locks what a mutation writes to tables whose observers want merged rows, and finds out what it changes. None
    /// where there are no such tables.
    pub(super) fn observed_write(
        &self,
        mutation: &Mutation,
        stores: &[Arc<TableStore>],
        mode: IoMode,
    ) -> Result<Option<ObservedWrite<'_>>, StorageError> {
        if !stores.iter().any(|store| store.wants_merged_rows()) {
            return Ok(None);
        }
        let pairs = || mutation.updates.iter().zip(stores);
        let wanting = pairs().filter(|(_, store)| store.wants_merged_rows()).map(|(update, _)| update);
        let locks = self.observed_locks.lock_all(wanting, mode)?;
        let mut changes = SmallVec::new();
        for (update, store) in pairs() {
            let wanted = store.wants_merged_rows();
            changes.push(if wanted { Some(find_changes(store, update, mode)?) } else { None });
        }
        Ok(Some(ObservedWrite { changes, _locks: locks }))
    }
}

/// Merges the update into what the sources hold, and compares. To be called with the partition locked.
fn find_changes(store: &TableStore, update: &PartitionUpdate, mode: IoMode) -> Result<Changes, StorageError> {
    let order = store.order();
    let filter = touched(&order, update);
    let sources =
        super::read::partition_sources(store, (&update.key, &filter, &ColumnFilter::ALL), mode, Steps::NONE)?;
    let old = Collected::of(MergedRows::new(order.clone(), update.key.clone(), false, sources), mode)?;
    let mut written = PartitionData::default();
    written.apply(&order, update.clone(), &mut Arena::of_memtable(), &mut NoObserver);
    let written = MemtableRows::new(order.clone(), update.key.clone(), Arc::new(written), &filter);
    let sources: Vec<BoxedRowIterator> = vec![Box::new(old.clone()), Box::new(written)];
    let new = Collected::of(MergedRows::new(order.clone(), update.key.clone(), false, sources), mode)?;
    let static_row =
        (old.static_row != new.static_row).then(|| (old.static_row.clone(), new.static_row.clone()));
    Ok(Changes { static_row, rows: differences(&order, old, new) })
}

/// The rows that differ.
fn differences(order: &TableOrder, old: Collected, new: Collected) -> Vec<Change> {
    let (mut old, mut new) = (old.into_rows().peekable(), new.into_rows().peekable());
    let mut changes = Vec::new();
    loop {
        let ordering = match (old.peek(), new.peek()) {
            (None, None) => return changes,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => {
                order.clustering().compare_clusterings(old.clustering(), new.clustering())
            }
        };
        let change = (
            if ordering.is_le() { old.next() } else { None },
            if ordering.is_ge() { new.next() } else { None },
        );
        if change.0 != change.1 {
            changes.push(change);
        }
    }
}

/// The rows that an update may change: those that it names, and those that its deletions cover.
fn touched(order: &TableOrder, update: &PartitionUpdate) -> ClusteringIndexFilter {
    if !update.deletion.is_live() {
        return ClusteringIndexFilter::all();
    }
    if update.range_tombstones.is_empty() {
        let clusterings = update.rows.iter().map(|row| row.clustering().to_clustering()).collect();
        return ClusteringIndexFilter::Names { clusterings, reversed: false };
    }
    let bound = |kind, row: &Row| ClusteringBound { kind, prefix: row.clustering().to_clustering() };
    let named = update
        .rows
        .iter()
        .map(|row| Slice { start: bound(BoundKind::InclStart, row), end: bound(BoundKind::InclEnd, row) });
    let mut slices: Vec<Slice> =
        update.range_tombstones.iter().map(|t| t.slice.clone()).chain(named).collect();
    let comparator = order.clustering();
    slices.retain(|slice| comparator.compare(&slice.start, &slice.end).is_lt());
    slices.sort_by(|a, b| comparator.compare(&a.start, &b.start));
    let mut merged: Vec<Slice> = Vec::with_capacity(slices.len());
    for slice in slices {
        match merged.last_mut() {
            Some(last) if comparator.compare(&slice.start, &last.end).is_le() => {
                if comparator.compare(&slice.end, &last.end).is_gt() {
                    last.end = slice.end;
                }
            }
            _ => merged.push(slice),
        }
    }
    ClusteringIndexFilter::Slices { slices: merged, reversed: false }
}

/// A partition that was read into memory; a source of rows again.
#[derive(Clone, Debug)]
struct Collected {
    key: DecoratedKey,
    deletion: DeletionTime,
    static_row: Option<Row>,
    items: VecDeque<Unfiltered>,
}

impl Collected {
    fn of(mut rows: MergedRows, mode: IoMode) -> Result<Self, StorageError> {
        let mut items = VecDeque::new();
        while let Some(item) = rows.next()? {
            items.push_back(item);
            if mode == IoMode::MemoryOnly && items.len() > INLINE_ROWS_MAX {
                return Err(StorageError::WouldBlock);
            }
        }
        let (key, deletion) = (rows.key().clone(), rows.partition_deletion());
        Ok(Self { key, deletion, static_row: rows.static_row().cloned(), items })
    }

    fn into_rows(self) -> impl Iterator<Item = Row> {
        self.items.into_iter().filter_map(|item| match item {
            Unfiltered::Row(row) => Some(row),
            Unfiltered::Marker(_) => None,
        })
    }
}

impl UnfilteredRowIterator for Collected {
    fn key(&self) -> &DecoratedKey {
        &self.key
    }

    fn partition_deletion(&self) -> DeletionTime {
        self.deletion
    }

    fn static_row(&self) -> Option<&Row> {
        self.static_row.as_ref()
    }

    fn is_reversed(&self) -> bool {
        false
    }

    fn next(&mut self) -> Result<Option<Unfiltered>, StorageError> {
        Ok(self.items.pop_front())
    }
}
