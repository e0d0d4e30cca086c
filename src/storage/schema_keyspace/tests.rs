//! Against rows recorded from Cassandra 5.0.6: `tests/data/schema/system_schema_rows.txt` has its schema version, then
//! one line for each row: table, keyspace, clustering, and the columns as hexadecimal bytes with their write times.
#![allow(clippy::unwrap_used, reason = "test")]

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use uuid::Uuid;

use super::write::{At, create_mutation, mutations};
use super::{SchemaRows, TABLES, load, schema_version};
use crate::schema::{ColumnKind, ColumnMask, ColumnMetadata, Schema, TableMetadata, system};
use crate::storage::model::{
    Cell, Clustering, DecoratedKey, DeletionTime, LivenessInfo, Mutation, PartitionResult, Row, RowBuilder,
    RowList,
};
use crate::types::CqlType;
use std::sync::Arc;

const RECORDED: &str = include_str!("../../../tests/data/schema/system_schema_rows.txt");
const AT: At = At { timestamp_us: 1_000, now_in_seconds: 1, cdc_enabled: false };

fn base() -> Schema {
    Schema::with_system_keyspaces()
}

fn row_from(table: &TableMetadata, clustering: &[&str], cells: &[&str]) -> Row {
    let mut row = RowBuilder::new();
    let mut timestamp = 0;
    for cell in cells {
        let (name, value) = cell.split_once('=').unwrap();
        let (value, time) = value.split_once('@').unwrap();
        let bytes: Vec<u8> =
            (0..value.len() / 2).map(|i| u8::from_str_radix(&value[2 * i..2 * i + 2], 16).unwrap()).collect();
        timestamp = time.parse().unwrap();
        row.add(Cell::live(table.column(name).unwrap().id, timestamp, &bytes));
    }
    let clustering = Clustering::new(clustering.iter().map(|value| Some(value.as_bytes())));
    row.build(&clustering, LivenessInfo::new(timestamp), DeletionTime::LIVE)
}

fn recorded(schema: &Schema) -> (Uuid, SchemaRows) {
    let mut rows: SchemaRows = SchemaRows::new();
    let mut lines = RECORDED.lines();
    let version = lines.next().unwrap().strip_prefix("version\t").unwrap().parse().unwrap();
    for line in lines {
        let parts: Vec<&str> = line.split('\t').collect();
        let name = TABLES.into_iter().find(|name| *name == parts[0]).unwrap();
        let table = schema.table(system::SYSTEM_SCHEMA, name).unwrap();
        let (clustering, cells) = parts[2..].split_at(table.clustering.len());
        let key = DecoratedKey::new(Bytes::copy_from_slice(parts[1].as_bytes()));
        let partitions = rows.entry(name).or_default();
        if partitions.last().is_none_or(|p| p.key != key) {
            partitions.push(PartitionResult { key, static_row: None, rows: RowList::default() });
        }
        partitions.last_mut().unwrap().rows.push(row_from(table, clustering, cells));
    }
    (version, rows)
}

/// What rows say, without times: by table, keyspace and clustering, the columns' values.
type Said = BTreeMap<(String, Vec<u8>, Vec<Option<Vec<u8>>>), BTreeMap<String, Vec<u8>>>;

fn said(table: &TableMetadata, key: &DecoratedKey, row: &Row, out: &mut Said) {
    let clustering = row.clustering().values().map(|value| value.map(<[u8]>::to_vec)).collect();
    let cells = row
        .cells()
        .map(|cell| (table.column_by_id(cell.column).unwrap().name.clone(), cell.value.to_vec()))
        .collect();
    out.insert((table.name.clone(), key.key.to_vec(), clustering), cells);
}

fn said_by_mutations(mutations: &[Mutation]) -> Said {
    let mut out = Said::new();
    for update in mutations.iter().flat_map(|mutation| &mutation.updates) {
        for row in update.rows.iter().filter(|row| row.cells().len() > 0) {
            said(&update.table, &update.key, row, &mut out);
        }
    }
    out
}

#[test]
fn the_version_is_cassandras() {
    let base = base();
    let (version, rows) = recorded(&base);
    assert_eq!(schema_version(&base, &rows), version);
}

#[test]
fn rows_make_the_schema_that_makes_the_same_rows() {
    let base = base();
    let (_, rows) = recorded(&base);
    let schema = load(&base, &rows).unwrap();
    let stored = schema.keyspaces.values().filter(|k| !system::is_local_system_keyspace(&k.name));
    let written: Vec<Mutation> = stored.map(|keyspace| create_mutation(&schema, keyspace, AT)).collect();
    let mut expected = Said::new();
    for (name, partitions) in &rows {
        let table = schema.table(system::SYSTEM_SCHEMA, name).unwrap();
        for partition in partitions {
            partition.rows.iter().for_each(|row| said(table, &partition.key, row, &mut expected));
        }
    }
    let found = said_by_mutations(&written);
    let names: BTreeSet<_> = expected.keys().chain(found.keys()).cloned().collect();
    for name in names {
        assert_eq!(found.get(&name), expected.get(&name), "{name:?}");
    }
}

#[test]
fn system_keyspaces_are_written_at_their_generation() {
    let (_, rows) = recorded(&base());
    for partition in rows.values().flatten() {
        let name = std::str::from_utf8(&partition.key.key).unwrap();
        if system::REPLICATED.contains(&name) {
            let mut cells = partition.rows.iter().flat_map(|row| row.cells());
            assert!(cells.all(|cell| cell.timestamp == system::generation(name)), "{name}");
        }
    }
}

#[test]
fn loaded_tables_are_as_they_were_made() {
    let base = base();
    let schema = load(&base, &recorded(&base).1).unwrap();
    let table = schema.table("schema_golden", "everything").unwrap();
    assert_eq!(table.partition_key.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["a", "B"]);
    assert!(table.clustering[0].is_reversed() && !table.clustering[1].is_reversed());
    assert_eq!(table.column("s1").unwrap().kind, ColumnKind::Static);
    assert_eq!(table.column("m").unwrap().cql_type.to_string(), "map<text, frozen<address>>");
    assert_eq!(table.params.speculative_retry.0, "95p");
    let dropped = schema.table("schema_golden", "dropped").unwrap();
    assert_eq!(dropped.dropped_columns["l"].dropped_time_us, 1_700_000_000_000_000);
    assert_ne!(dropped.dropped_columns["a"].column.id, dropped.column("a").unwrap().id);
    for name in ["system_auth", "system_traces", "system_distributed"] {
        assert_eq!(schema.keyspace(name).unwrap().tables, base.keyspace(name).unwrap().tables);
    }
}

#[test]
fn only_what_differs_is_written() {
    let base = base();
    let before = load(&base, &recorded(&base).1).unwrap();
    assert!(mutations(&before, &before, AT).is_empty());

    let mut keyspace = before.keyspace("schema_golden").unwrap().as_ref().clone();
    keyspace.tables.remove("counts");
    let plain = Arc::make_mut(keyspace.tables.get_mut("plain").unwrap());
    plain.params.comment = "new".to_owned();
    let after = before.with_keyspace(keyspace);
    let changes = mutations(&before, &after, AT);
    let tables: Vec<_> = said_by_mutations(&changes).into_keys().map(|(table, ..)| table).collect();
    assert_eq!(tables, ["keyspaces", "tables"]);

    let dropped = mutations(&before, &before.without_keyspace("schema_golden"), AT);
    assert_eq!(dropped.len(), 1);
    assert!(dropped[0].updates.len() == 11 && dropped[0].updates.iter().all(|u| !u.deletion.is_live()));
}

/// The rows that mutations leave, as they would be read.
fn rows_of(mutations: &[Mutation]) -> SchemaRows {
    let mut rows = SchemaRows::new();
    for update in mutations.iter().flat_map(|mutation| &mutation.updates) {
        let name = TABLES.into_iter().find(|name| *name == update.table.name).unwrap();
        let live = update.rows.iter().filter(|row| row.cells().len() > 0).cloned().collect();
        let partition = PartitionResult { key: update.key.clone(), static_row: None, rows: live };
        rows.entry(name).or_default().push(partition);
    }
    rows
}

#[test]
fn masks_are_kept_and_go_when_they_are_dropped() {
    let base = base();
    let before = load(&base, &recorded(&base).1).unwrap();
    let mut keyspace = before.keyspace("schema_golden").unwrap().as_ref().clone();
    let plain = keyspace.tables.get_mut("plain").unwrap();
    let mut columns: Vec<ColumnMetadata> = plain.columns().cloned().collect();
    let masked = columns.iter_mut().rev().find(|column| column.kind == ColumnKind::Regular).unwrap();
    let arguments = vec![(CqlType::Int, Some(vec![0, 0, 0, 7])), (CqlType::Text, None)];
    masked.mask = Some(ColumnMask { function: "mask_outer".to_owned(), arguments });
    let name = masked.name.clone();
    *plain = Arc::new(TableMetadata::new("schema_golden", "plain", plain.id, columns, plain.params.clone()));
    let after = before.with_keyspace(keyspace);

    let loaded =
        load(&base, &rows_of(&[create_mutation(&after, after.keyspace("schema_golden").unwrap(), AT)]));
    let loaded = loaded.unwrap();
    let column =
        |schema: &Schema| schema.table("schema_golden", "plain").unwrap().column(&name).unwrap().clone();
    assert_eq!(column(&loaded).mask, column(&after).mask);
    assert_eq!(column(&loaded).mask.unwrap().to_string(), "system.mask_outer(7, null)");

    let changes = mutations(&before, &after, AT);
    assert!(said_by_mutations(&changes).into_keys().any(|(table, ..)| table == "column_masks"));
    let back = mutations(&after, &before, AT);
    let masks = back[0].updates.iter().find(|update| update.table.name == "column_masks").unwrap();
    assert!(masks.rows.len() == 1 && !masks.rows[0].deletion().is_live());
}
