//! Mutations survive the way through their bytes.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::codec::{MutationError, deserialize_mutation, serialize_mutation};
use super::super::commitlog::CommitPosition;
use super::super::memtable::Memtable;
use super::super::model::{
    Clustering, DeletionTime, KeyBound, LivenessInfo, Mutation, PartitionUpdate, Row, RowBuilder,
};
use super::super::observer::NoObserver;
use super::super::order::TableOrder;
use super::operations::{Operation, key, operation, table, update};
use crate::schema::{
    ClusteringOrder, ColumnId, ColumnKind, ColumnMetadata, KeyspaceMetadata, KeyspaceParams, Schema, TableId,
    TableMetadata, TableParams,
};
use crate::types::CqlType;

pub fn schema() -> Schema {
    let table = table();
    let keyspace = KeyspaceMetadata {
        name: table.keyspace.clone(),
        params: KeyspaceParams::default(),
        tables: [(table.name.clone(), table)].into(),
        types: Default::default(),
        is_virtual: false,
    };
    Schema::default().with_keyspace(keyspace)
}

/// One update that does what several operations do.
fn combined(operations: &[Operation]) -> PartitionUpdate {
    let table = table();
    let memtable = Arc::new(Memtable::new(TableOrder::new(&table), CommitPosition::NONE));
    for operation in operations {
        memtable.apply(update(&table, operation), &mut NoObserver);
    }
    let mut combined = PartitionUpdate::new(table, key(1));
    if let Some(data) = memtable.partition(&key(1)) {
        combined.deletion = data.deletion;
        combined.range_tombstones = data.range_tombstones.iter().cloned().collect();
        combined.static_row = data.static_row.as_ref().cloned();
        combined.rows = data.rows.iter().cloned().collect();
    }
    let _ = memtable.partitions(
        &KeyBound::Unbounded,
        &KeyBound::Unbounded,
        super::super::model::ClusteringIndexFilter::all(),
    );
    combined
}

/// A table of clustering `c`, texts `a`, `b` and `d`, and a number `n`.
fn simple_table() -> Arc<TableMetadata> {
    let column = |(id, (name, kind)): (usize, (&str, ColumnKind))| ColumnMetadata {
        id: ColumnId(id as u16),
        name: name.to_owned(),
        cql_type: if name == "n" { CqlType::Int } else { CqlType::Text },
        kind,
        position: 0,
        order: ClusteringOrder::Asc,
        mask: None,
    };
    use ColumnKind::{Clustering, PartitionKey, Regular};
    let columns = [
        ("pk", PartitionKey),
        ("c", Clustering),
        ("a", Regular),
        ("b", Regular),
        ("d", Regular),
        ("n", Regular),
    ];
    let columns = columns.into_iter().enumerate().map(column).collect();
    let id = TableId(uuid::Uuid::from_u128(1));
    Arc::new(TableMetadata::new("ks", "simple", id, columns, TableParams::default()))
}

/// Whether an update of that row alone has the bytes that it has beside something else, which is not written.
fn is_written_as_any(table: &Arc<TableMetadata>, row: Row) -> Result<(), TestCaseError> {
    // A static row that says nothing is not written, but is nothing plain.
    let nothing = RowBuilder::new().build(&Clustering::EMPTY, LivenessInfo::EMPTY, DeletionTime::LIVE);
    let alone =
        PartitionUpdate { rows: smallvec::smallvec![row], ..PartitionUpdate::new(table.clone(), key(1)) };
    let beside_nothing = PartitionUpdate { static_row: Some(nothing), ..alone.clone() };
    let bytes = |update| {
        let mutation = Mutation { key: key(1), updates: vec![update], is_counter: false };
        serialize_mutation(&mutation).unwrap()
    };
    prop_assert_eq!(bytes(alone), bytes(beside_nothing));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn round_trip(operations in prop::collection::vec(operation(), 0..20)) {
        let update = combined(&operations);
        let mutation = Mutation { key: key(1), updates: vec![update], is_counter: false };
        let bytes = serialize_mutation(&mutation).unwrap();
        let read = deserialize_mutation(&bytes, &schema()).unwrap();
        let (read, written) = (&read.updates[0], &mutation.updates[0]);
        prop_assert_eq!(&read.key, &written.key);
        prop_assert_eq!(read.deletion, written.deletion);
        prop_assert_eq!(&read.range_tombstones, &written.range_tombstones);
        prop_assert_eq!(&read.static_row, &written.static_row);
        prop_assert_eq!(&read.rows, &written.rows);
    }

    #[test]
    fn one_plain_row_is_written_as_any(operations in prop::collection::vec(operation(), 1..20)) {
        for row in combined(&operations).rows {
            is_written_as_any(&table(), row)?;
        }
    }

    #[test]
    fn a_row_of_a_table_of_simple_columns_is_written_as_any(
        values in prop::array::uniform3(prop::option::of(prop::collection::vec(any::<u8>(), 0..6))),
        number in prop::option::of(any::<i32>()),
        has_liveness in any::<bool>(),
    ) {
        let table = simple_table();
        prop_assert!(TableOrder::new(&table).plain_layout().is_some());
        let mut row = RowBuilder::new();
        for (id, value) in (2..).zip(&values) {
            value.iter().for_each(|value| row.add_plain(ColumnId(id), 7, value));
        }
        number.iter().for_each(|number| row.add_plain(ColumnId(5), 7, &number.to_be_bytes()));
        let clustering = Clustering::new([Some(&b"c"[..])]);
        let liveness = if has_liveness { LivenessInfo::new(7) } else { LivenessInfo::EMPTY };
        let row = row.build(&clustering, liveness, DeletionTime::LIVE);
        if !row.is_empty() {
            is_written_as_any(&table, row)?;
        }
    }

    #[test]
    fn damage_is_an_error_or_another_mutation_but_never_a_panic(
        operations in prop::collection::vec(operation(), 1..10),
        at: prop::sample::Index,
        bit in 0..8u32,
        cut: prop::sample::Index,
    ) {
        let mutation = Mutation { key: key(1), updates: vec![combined(&operations)], is_counter: false };
        let mut bytes = serialize_mutation(&mutation).unwrap();
        let i = at.index(bytes.len());
        bytes[i] ^= 1 << bit;
        let _ = deserialize_mutation(&bytes, &schema());
        bytes[i] ^= 1 << bit;
        bytes.truncate(cut.index(bytes.len()));
        prop_assert!(deserialize_mutation(&bytes, &schema()).is_err());
    }
}

#[test]
fn a_table_that_is_gone_is_named() {
    let update = PartitionUpdate::new(table(), key(1));
    let mutation = Mutation { key: key(1), updates: vec![update], is_counter: false };
    let bytes = serialize_mutation(&mutation).unwrap();
    let error = deserialize_mutation(&bytes, &Schema::default()).unwrap_err();
    assert_eq!(error, MutationError::UnknownTable(table().id));
}
