//! Reads of some columns find the rows and the values that a read of all columns finds.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::super::model::{
    ClusteringIndexFilter, ColumnFilter, DataLimits, DataRange, KeyBound, Part, ReadCommand, RowFilter,
};
use super::super::{IoMode, Storage};
use super::engine::{apply, open_at, options};
use super::operations::{Operation, Seen, Values, key, operation, table};
use crate::env::fs::RealFs;
use crate::types::CqlType;

/// When all reads are, in seconds since 1970.
const NOW: i64 = 9;

/// A store whose time is that of the reads: a compaction in between must not see more expired than they do.
fn open(root: &Path) -> Arc<Storage> {
    open_at(NOW * 1_000_000, options(root), Arc::new(RealFs)).unwrap()
}

fn command(range: DataRange, columns: ColumnFilter) -> ReadCommand {
    ReadCommand {
        table: table(),
        now_in_seconds: NOW,
        columns,
        range,
        clustering: ClusteringIndexFilter::all(),
        row_filter: RowFilter::default(),
        limits: DataLimits::NONE,
        tracks_warnings: false,
        rest: None,
    }
}

/// The rows and the static row, with what is queried of them.
fn found(storage: &Storage, command: &ReadCommand, shown: &ColumnFilter) -> (Vec<Seen>, Option<Seen>) {
    let response = storage.read(command, IoMode::Blocking).unwrap();
    let partition = response.partitions.first();
    let rows = partition.iter().flat_map(|p| &p.rows).map(|row| Seen::of(&shown.only_queried(row))).collect();
    let static_row =
        partition.and_then(|p| p.static_row.as_ref()).map(|row| Seen::of(&shown.only_queried(row)));
    (rows, static_row)
}

fn id(name: &str) -> crate::schema::ColumnId {
    table().column(name).unwrap().id
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn some_columns_are_read_as_all_are(
        operations in prop::collection::vec(operation(), 1..40),
        flush_every in 2..9usize,
        chosen in prop::collection::vec(any::<bool>(), 8),
        part in prop::option::of((0..4i32, 0..4i32)),
        statics: bool,
    ) {
        let root = tempfile::tempdir().unwrap();
        let storage = open(root.path());
        for (i, operation) in operations.iter().enumerate() {
            apply(&storage, operation).unwrap();
            if i % flush_every == 0 {
                storage.flush(table().id).unwrap();
            }
        }
        let table = table();
        let all = table.static_columns.iter().chain(&table.regular_columns).zip(chosen.iter().cycle());
        let mut columns: Vec<_> = all.filter(|(_, chosen)| **chosen).map(|(column, _)| column.id).collect();
        let map = table.regular_columns.iter().find(|c| matches!(c.cql_type, CqlType::Map { .. })).unwrap().id;
        let mut parts = Vec::new();
        if let Some((from, to)) = part {
            columns.retain(|id| *id != map);
            let key = |at: i32| Some(at.to_be_bytes().to_vec().into());
            parts.push((map, Part { key_type: CqlType::Int, from: key(from), to: key(to) }));
        }
        let filter = ColumnFilter::new(columns, parts, statics);
        let everything = DataRange::ALL;
        for range in [DataRange::Keys(vec![key(1)]), everything] {
            let expected = found(&storage, &command(range.clone(), ColumnFilter::ALL), &filter);
            let seen = found(&storage, &command(range, filter.clone()), &filter);
            prop_assert_eq!(&seen.0, &expected.0);
            let fetched = table.static_columns.iter().any(|c| filter.fetches_static(c.id));
            if fetched && !expected.0.is_empty() {
                prop_assert_eq!(seen.1, expected.1);
            }
        }
    }
}

/// `operations`, with a flush after those whose numbers are in `flushed`; then a read of no columns finds one row.
fn check_row_outlives_its_liveness(operations: &[Operation], flushed: &[usize]) {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    for (i, operation) in operations.iter().enumerate() {
        apply(&storage, operation).unwrap();
        if flushed.contains(&i) {
            storage.flush(table().id).unwrap();
        }
    }
    let filter = ColumnFilter::new([], Vec::new(), false);
    let everything = DataRange::ALL;
    for range in [DataRange::Keys(vec![key(1)]), everything] {
        let (rows, _) = found(&storage, &command(range, filter.clone()), &filter);
        assert_eq!(rows, [Seen { liveness: None, cells: BTreeMap::new() }], "{operations:?}, {flushed:?}");
    }
}

#[test]
fn a_cell_that_is_not_queried_keeps_a_row_whose_newer_liveness_expires() {
    let place = (1, 1);
    let nothing = || Values { int: None, text: None };
    let element = Operation::PutElement { place, at: 1, value: Some(0), time: 1 };
    let values = Values { int: Some(4), text: None };
    let update = Operation::Update { place, values: values.clone(), ttl: None, time: 1 };
    let expires = |time| Operation::Insert { place, values: nothing(), ttl: Some(1), time };
    let lives = Operation::Insert { place, values: nothing(), ttl: None, time: 2 };
    for cell in [element, update] {
        let flushes: [&[usize]; 4] = [&[], &[0], &[1], &[0, 1]];
        for flushed in flushes {
            check_row_outlives_its_liveness(&[cell.clone(), expires(2)], flushed);
        }
        // The liveness beside the cell never expires, but one elsewhere takes its place.
        check_row_outlives_its_liveness(&[cell, lives.clone(), expires(3)], &[1]);
    }
}

#[test]
fn values_that_are_not_queried_stay_on_disk() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    apply(&storage, &super::engine::insert((1, 1), 7, 5)).unwrap();
    storage.flush(table().id).unwrap();
    let filter = ColumnFilter::new([], Vec::new(), false);
    let response = storage.read(&command(DataRange::Keys(vec![key(1)]), filter), IoMode::Blocking).unwrap();
    let row = response.partitions[0].rows.first().unwrap();
    let cell = row.cell(id("z_i")).unwrap();
    assert_eq!((cell.value, cell.timestamp), (&b""[..], 5));
}

#[test]
fn the_text_of_a_read_is_that_of_cassandra() {
    let part = |from: &[u8], to: &[u8]| Part {
        key_type: CqlType::Int,
        from: Some(from.to_vec().into()),
        to: Some(to.to_vec().into()),
    };
    let table = table();
    let map = table.regular_columns.iter().find(|c| matches!(c.cql_type, CqlType::Map { .. })).unwrap();
    let (one, two) = (1_i32.to_be_bytes(), 2_i32.to_be_bytes());
    let parts = vec![(map.id, part(&two, &two)), (map.id, part(&one, &two))];
    let filter = ColumnFilter::new([id("z_i")], parts, false);
    let name = &map.name;
    assert_eq!(filter.text(&table), format!("{name}[1:2], {name}[2], z_i"));
    assert_eq!(ColumnFilter::new([], Vec::new(), true).text(&table), "*");
    let token = |at, inclusive| KeyBound::Token(super::super::model::Token(at), inclusive);
    let range = DataRange::Range { start: token(-5, false), end: token(7, true) };
    let text = super::super::read::command_text(&command(range, ColumnFilter::ALL));
    assert!(text.ends_with(" WHERE token(pk) > -5 AND token(pk) <= 7 ALLOW FILTERING"), "{text}");
    let range = DataRange::Range { start: KeyBound::Key(key(3), false), end: token(7, false) };
    let text = super::super::read::command_text(&command(range, ColumnFilter::ALL));
    assert!(text.ends_with(" WHERE token(pk) > token(3) AND token(pk) < 7 ALLOW FILTERING"), "{text}");
}
