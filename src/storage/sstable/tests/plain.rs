//! Rows that are taken several at once are those that are taken one by one.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::{Descriptor, SSTableReader};
use super::random::{self, Partition, clustering, collect, disjoint, open, partition, slice, write};
use super::tables;
use crate::schema::{ColumnId, ColumnKind, DroppedColumn, TableMetadata, TableParams};
use crate::storage::model::{
    Cell, ClusteringIndexFilter, ColumnFilter, DeletionTime, LivenessInfo, Row, RowBuilder, Slice,
};
use crate::storage::{
    BoxedRowIterator, ClusteringComparator, IoMode, RowsAtHand, Unfiltered, UnfilteredRowIterator,
};
use crate::types::CqlType;

/// A table of columns with one cell each, whose order on disk is that in memory, and of a set, whose place is another one.
fn simple() -> Arc<TableMetadata> {
    let columns = vec![
        (ColumnKind::PartitionKey, "p", CqlType::Blob),
        (ColumnKind::Clustering, "c1", CqlType::Timeuuid),
        (ColumnKind::Clustering, "c2", CqlType::Bigint),
        (ColumnKind::Regular, "v3", CqlType::Text),
        (ColumnKind::Regular, "v2", CqlType::Double),
        (ColumnKind::Regular, "v1", CqlType::Int),
        (ColumnKind::Regular, "a", CqlType::Set { element: Arc::new(CqlType::Int), frozen: false }),
    ];
    let mut table = (*tables::table("plain", columns, TableParams::default())).clone();
    table.params.compression.chunk_length_bytes = 1024;
    Arc::new(table)
}

/// The row as one statement would have inserted it.
fn inserted(row: &Row, timestamp: i64) -> Row {
    let mut builder = RowBuilder::new();
    let simple = row.cells().filter(|cell| cell.path.is_none());
    simple.for_each(|cell| builder.add(Cell::live(cell.column, timestamp, cell.value)));
    builder.build(row.clustering(), LivenessInfo::new(timestamp), DeletionTime::LIVE)
}

/// Some partitions in which the rows that `are_plain` says are inserted ones.
fn with_plain_rows(partitions: Vec<Partition>, are_plain: &[bool]) -> Vec<Partition> {
    let mut are_plain = are_plain.iter().cycle();
    let mut partitions = partitions;
    for (i, item) in partitions.iter_mut().flat_map(|partition| &mut partition.items).enumerate() {
        if let (Unfiltered::Row(row), Some(true)) = (&mut *item, are_plain.next()) {
            *row = inserted(row, random::NOW * 1_000_000 + i as i64);
        }
    }
    partitions
}

/// All items, at most `max` rows at once; and how many of them came together with others.
fn collect_together(mut rows: BoxedRowIterator, max: usize) -> (Vec<Unfiltered>, usize) {
    let (mut items, mut together) = (Vec::new(), 0);
    loop {
        match rows.next_rows(max) {
            RowsAtHand::None => match rows.next().unwrap() {
                None => return (items, together),
                Some(item) => items.push(item),
            },
            RowsAtHand::Row(row) => items.push(Unfiltered::Row(row.clone())),
            RowsAtHand::Run(chunk, places) => {
                assert!(places.len() <= max);
                together += places.len();
                items.extend(chunk[places].iter().cloned().map(Unfiltered::Row));
            }
        }
    }
}

fn read(
    reader: &Arc<SSTableReader>,
    partition: &Partition,
    filter: &ClusteringIndexFilter,
    columns: &ColumnFilter,
) -> Option<BoxedRowIterator> {
    let rows = reader.read(&partition.key, filter, columns, IoMode::Blocking).unwrap()?;
    Some(Box::new(rows))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn rows_taken_together_are_those_taken_one_by_one(
        partitions in prop::collection::vec(partition(&simple()), 1..5),
        are_plain in prop::collection::vec(prop::bool::weighted(0.8), 40),
        slices in prop::collection::vec(slice(), 1..4),
        queried in prop::collection::vec(994..=997_u16, 0..3),
        max in 1..70_usize,
        reversed in any::<bool>(),
    ) {
        let table = simple();
        let dir = tempfile::tempdir().unwrap();
        let partitions = with_plain_rows(partitions, &are_plain);
        let (partitions, written) = write(&table, partitions, Descriptor::new(dir.path(), 1));
        let Some(descriptor) = written else { return Ok(()) };
        let reader = open(&table, descriptor).unwrap();
        let comparator = ClusteringComparator::new(&table);
        let slices = disjoint(&comparator, slices.into_iter().map(|s| (s, ())).collect());
        let slices: Vec<Slice> = slices.into_iter().map(|(slice, ())| slice).collect();
        let some = ColumnFilter::new(queried.into_iter().map(ColumnId), Vec::new(), false);
        for partition in &partitions {
            for slices in [vec![Slice::ALL], slices.clone()] {
                let filter = ClusteringIndexFilter::Slices { slices, reversed };
                for columns in [&ColumnFilter::ALL, &some] {
                    let open = || read(&reader, partition, &filter, columns);
                    // None where no slice meets a row of the file.
                    let one_by_one = open().map(|rows| collect(rows).unwrap().items);
                    let together = open().map(|rows| collect_together(rows, max).0);
                    prop_assert_eq!(together, one_by_one);
                }
            }
        }
    }
}

#[test]
fn inserted_rows_come_together() {
    let table = simple();
    let dir = tempfile::tempdir().unwrap();
    let row = |c2| {
        let mut builder = RowBuilder::new();
        builder.add(Cell::live(ColumnId(995), 1, &7_i32.to_be_bytes()));
        builder.add(Cell::live(ColumnId(997), 1, b"value"));
        Unfiltered::Row(builder.build(&clustering(1, c2), LivenessInfo::new(1), DeletionTime::LIVE))
    };
    let key = super::super::summary::decorate(b"key".to_vec().into());
    let items: Vec<Unfiltered> = (0..20).map(row).collect();
    let partition = Partition { key, deletion: DeletionTime::LIVE, static_row: None, items: items.clone() };
    let (_, written) = write(&table, vec![partition.clone()], Descriptor::new(dir.path(), 1));
    let reader = open(&table, written.unwrap()).unwrap();
    let rows = read(&reader, &partition, &ClusteringIndexFilter::all(), &ColumnFilter::ALL);
    let (found, together) = collect_together(rows.unwrap(), 8);
    assert_eq!(found, items);
    // The first one is looked at to find the start of the slice.
    assert_eq!(together, 19);
}

/// Rows as a reader of these columns must find them, where `dropped` is a column that was dropped at that time.
fn expected(
    items: &[Unfiltered],
    columns: &ColumnFilter,
    dropped: Option<(ColumnId, i64)>,
) -> Vec<Unfiltered> {
    let of = |item: &Unfiltered| {
        let Unfiltered::Row(row) = item else { return Some(item.clone()) };
        let mut builder = RowBuilder::new();
        row.complex_deletions().for_each(|(id, deletion)| builder.add_complex_deletion(id, deletion));
        let is_gone =
            |cell: &Cell<'_>| dropped.is_some_and(|(id, at)| id == cell.column && cell.timestamp <= at);
        row.cells().filter(|cell| !is_gone(cell)).for_each(|cell| builder.add(columns.fetched(cell)));
        let row = builder.build(row.clustering(), row.liveness(), row.deletion());
        (!row.is_empty()).then_some(Unfiltered::Row(row))
    };
    items.iter().filter_map(of).collect()
}

/// The table of which a column was dropped at that time; for the end of time it is not there any more.
fn without(table: &TableMetadata, id: ColumnId, dropped_time_us: i64) -> TableMetadata {
    let column = table.column_by_id(id).unwrap().clone();
    let left = table.columns().filter(|c| c.id != id || dropped_time_us < i64::MAX).cloned().collect();
    let mut now = TableMetadata::new("sstable", "plain", table.id, left, table.params.clone());
    now.dropped_columns.insert(column.name.clone(), DroppedColumn { column, dropped_time_us });
    now
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn rows_are_those_that_were_written(
        partitions in prop::collection::vec(partition(&simple()), 1..5),
        are_plain in prop::collection::vec(prop::bool::weighted(0.8), 40),
        queried in prop::collection::vec(994..=997_u16, 0..3),
        max in 1..70_usize,
        dropped in prop::option::of((995..=997_u16, prop::option::of(0..12_i64))),
    ) {
        let mut table = simple();
        let dir = tempfile::tempdir().unwrap();
        let partitions = with_plain_rows(partitions, &are_plain);
        let (partitions, written) = write(&table, partitions, Descriptor::new(dir.path(), 1));
        let Some(descriptor) = written else { return Ok(()) };
        let dropped = dropped.map(|(id, after)| {
            (ColumnId(id), after.map_or(i64::MAX, |after| random::NOW * 1_000_000 + after))
        });
        if let Some((id, at)) = dropped {
            table = Arc::new(without(&table, id, at));
        }
        let reader = open(&table, descriptor).unwrap();
        let some = ColumnFilter::new(queried.into_iter().map(ColumnId), Vec::new(), false);
        for partition in &partitions {
            for columns in [&ColumnFilter::ALL, &some] {
                let open = || read(&reader, partition, &ClusteringIndexFilter::all(), columns);
                let expected = expected(&partition.items, columns, dropped);
                let one_by_one = open().map_or(Vec::new(), |rows| collect(rows).unwrap().items);
                prop_assert_eq!(&one_by_one, &expected);
                let together = open().map_or(Vec::new(), |rows| collect_together(rows, max).0);
                prop_assert_eq!(together, expected);
            }
        }
    }
}
