//! Whatever the order and the sources of writes, a read sees what a naive reader sees.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::super::commitlog::CommitPosition;
use super::super::memtable::Memtable;
use super::super::merge::{MergedPartitions, MergedRows};
use super::super::model::{
    ClusteringIndexFilter, ColumnFilter, DataLimits, DataRange, KeyBound, PartitionResult, ReadCommand,
    RowFilter,
};
use super::super::observer::NoObserver;
use super::super::order::TableOrder;
use super::super::read::{Collector, ReadLimits};
use super::super::unfiltered::{
    BoxedPartitionIterator, BoxedRowIterator, UnfilteredPartitionIterator, UnfilteredRowIterator,
};
use super::operations::{
    Edge, Operation, Place, Seen, clustering, covers, key, naive, operation, range, slice, table, update,
};

fn place_of(row: &super::super::model::Row) -> Place {
    let int = |i| i32::from_be_bytes(row.clustering().get(i).unwrap().try_into().unwrap());
    (int(0), int(1))
}

fn command(filter: ClusteringIndexFilter, now: i64, limits: DataLimits) -> ReadCommand {
    ReadCommand {
        table: table(),
        now_in_seconds: now,
        columns: ColumnFilter::ALL,
        range: DataRange::Keys(vec![key(1)]),
        clustering: filter,
        row_filter: RowFilter::default(),
        limits,
        tracks_warnings: false,
        rest: None,
    }
}

/// Writes the operations to that many memtables, and reads through the merge of them.
fn read(
    operations: &[(Operation, usize)],
    command: &ReadCommand,
    by_partitions: bool,
) -> Option<PartitionResult> {
    let order = TableOrder::new(&command.table);
    let memtables: Vec<Arc<Memtable>> =
        (0..3).map(|_| Arc::new(Memtable::new(order.clone(), CommitPosition::NONE))).collect();
    for (operation, source) in operations {
        memtables[*source].apply(update(&command.table, operation), &mut NoObserver);
    }
    let reversed = command.clustering.is_reversed();
    let mut rows: BoxedRowIterator = if by_partitions {
        let sources = memtables.iter().map(|m| {
            let all = m.partitions(&KeyBound::Unbounded, &KeyBound::Unbounded, command.clustering.clone());
            Box::new(all) as BoxedPartitionIterator
        });
        let mut merged = MergedPartitions::new(order, reversed, sources.collect());
        let first = merged.next_partition().unwrap()?;
        assert!(merged.next_partition().unwrap().is_none());
        first
    } else {
        let sources = memtables.iter().filter_map(|m| m.rows(&key(1), &command.clustering));
        let sources = sources.map(|r| Box::new(r) as BoxedRowIterator).collect();
        Box::new(MergedRows::new(order, key(1), reversed, sources))
    };
    let mut collector = Collector::new(command, ReadLimits::NONE);
    collector.add(&mut rows as &mut dyn UnfilteredRowIterator).unwrap();
    collector.finish().partitions.into_iter().next()
}

fn expected(operations: &[(Operation, usize)], now: i64) -> (BTreeMap<Place, Seen>, Option<Seen>) {
    let operations: Vec<Operation> = operations.iter().map(|(o, _)| o.clone()).collect();
    naive(&operations, now)
}

/// Places in clustering order: `c2` is descending.
fn in_order(mut places: Vec<Place>, reversed: bool) -> Vec<Place> {
    places.sort_by_key(|(c1, c2)| (*c1, -*c2));
    if reversed {
        places.reverse();
    }
    places
}

fn operations() -> impl Strategy<Value = Vec<(Operation, usize)>> {
    // One source alone is read in another way than several.
    (1..=3_usize).prop_flat_map(|sources| prop::collection::vec((operation(), 0..sources), 0..40))
}

fn check(
    operations: &[(Operation, usize)],
    filter: ClusteringIndexFilter,
    selected: impl Fn(Place) -> bool,
    now: i64,
    by_partitions: bool,
) {
    let reversed = filter.is_reversed();
    let whole = match &filter {
        ClusteringIndexFilter::Slices { slices, .. } => slices[..] == [slice(None, None)],
        ClusteringIndexFilter::Names { clusterings, .. } => clusterings.is_empty(),
    };
    let (rows, static_row) = expected(operations, now);
    let places: Vec<Place> = rows.keys().copied().filter(|p| selected(*p)).collect();
    let places = in_order(places, reversed);
    let found = read(operations, &command(filter, now, DataLimits::NONE), by_partitions);
    let Some(found) = found else {
        // A static row alone is found only where whole partitions are asked for.
        let nothing = places.is_empty() && (static_row.is_none() || !whole);
        assert!(nothing, "nothing found, expected {places:?} {static_row:?}");
        return;
    };
    assert_eq!(found.rows.iter().map(place_of).collect::<Vec<_>>(), places);
    for row in &found.rows {
        assert_eq!(Seen::of(row), rows[&place_of(row)], "row {:?}", place_of(row));
    }
    assert_eq!(found.static_row.as_ref().map(Seen::of), static_row);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn all_rows(operations in operations(), now in 0..12i64, reversed: bool, by_partitions: bool) {
        let slices = vec![slice(None, None)];
        check(&operations, ClusteringIndexFilter::Slices { slices, reversed }, |_| true, now, by_partitions);
    }

    #[test]
    fn a_slice(
        operations in operations(), now in 0..12i64, (start, end) in range(), reversed: bool, by_partitions: bool,
    ) {
        let slices = vec![slice(start, end)];
        let filter = ClusteringIndexFilter::Slices { slices, reversed };
        check(&operations, filter, |p| covers(start, end, p), now, by_partitions);
    }

    #[test]
    fn two_slices(operations in operations(), now in 0..12i64, at in 0..3i32, reversed: bool) {
        let edge = |c1, inclusive| Some(Edge { c1, c2: None, inclusive });
        let slices = vec![slice(None, edge(at, false)), slice(edge(at, false), None)];
        let filter = ClusteringIndexFilter::Slices { slices, reversed };
        check(&operations, filter, |(c1, _)| c1 != at, now, false);
    }

    #[test]
    fn names(
        operations in operations(),
        now in 0..12i64,
        places in prop::collection::btree_set((0..4i32, 0..4i32), 0..4),
        reversed: bool,
    ) {
        let clusterings = in_order(places.iter().copied().collect(), false).into_iter().map(clustering);
        let filter = ClusteringIndexFilter::Names { clusterings: clusterings.collect(), reversed };
        check(&operations, filter, |p| places.contains(&p), now, false);
    }

    #[test]
    fn limits(operations in operations(), now in 0..12i64, rows in 1..6u64, per_partition in 1..6u64) {
        let all = command(ClusteringIndexFilter::all(), now, DataLimits::NONE);
        let limited = DataLimits { rows, per_partition, ..DataLimits::NONE };
        let limited = command(ClusteringIndexFilter::all(), now, limited);
        let all = read(&operations, &all, false);
        let found = read(&operations, &limited, false);
        let all: Vec<Place> = all.iter().flat_map(|p| &p.rows).map(place_of).collect();
        let found: Vec<Place> = found.iter().flat_map(|p| &p.rows).map(place_of).collect();
        let wanted = all.len().min(rows.min(per_partition) as usize);
        prop_assert_eq!(&found[..], &all[..wanted]);
    }
}
