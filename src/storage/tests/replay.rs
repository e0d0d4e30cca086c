//! What the log still holds of rows that are gone from all SSTables stays gone.

use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use super::super::commitlog::CommitPosition;
use super::super::model::{DataRange, Mutation, ReadCommand};
use super::super::{IoMode, Storage, StorageOptions};
use super::codec;
use super::engine::{insert, open_as, options, segments};
use super::operations::{Operation, Values, key, table, update};
use crate::env::faulty_fs::{Faults, FaultyFs};
use crate::env::fs::{FileSystem, RealFs};
use crate::schema::{Schema, TableId, TableMetadata};

/// A day after deletions of the model are old enough to go.
const NOW_US: i64 = 1_700_000_000_000_000;

/// A second table of the same columns.
fn other() -> Arc<TableMetadata> {
    let columns = table().columns().cloned().collect();
    let id = TableId(Uuid::from_u128(0x5a1c_0000_0000_1000_8000_0000_0000_0002));
    Arc::new(TableMetadata::new("ks", "other", id, columns, table().params.clone()))
}

/// One of the node's own, of the same columns: it is replayed before the others.
fn own() -> Arc<TableMetadata> {
    let columns = table().columns().cloned().collect();
    let id = TableId(Uuid::from_u128(0x5a1c_0000_0000_1000_8000_0000_0000_0003));
    Arc::new(TableMetadata::new("system", "own", id, columns, table().params.clone()))
}

/// The tables above, and the system tables.
pub fn schema() -> Schema {
    let system = Schema::with_system_keyspaces();
    let mut ks = (**codec::schema().keyspace("ks").unwrap()).clone();
    ks.tables.insert("other".to_owned(), other());
    let mut own_keyspace = (**system.keyspace("system").unwrap()).clone();
    own_keyspace.tables.insert("own".to_owned(), own());
    system.with_keyspace(ks).with_keyspace(own_keyspace)
}

fn open_at(now_us: i64, options: StorageOptions, fs: impl FileSystem + 'static) -> Arc<Storage> {
    open_as(schema(), now_us, options, Arc::new(fs)).unwrap()
}

fn open(root: &Path) -> Arc<Storage> {
    open_at(NOW_US, options(root), RealFs)
}

fn apply(storage: &Storage, table: &Arc<TableMetadata>, operation: &Operation) {
    let mut update = update(table, operation);
    update.table = table.clone();
    storage
        .apply(Mutation { key: key(1), updates: vec![update], is_counter: false }, IoMode::Blocking)
        .unwrap();
    storage.write_out().unwrap();
}

fn rows(storage: &Storage, table: &Arc<TableMetadata>) -> usize {
    let command = ReadCommand::of_all(table.clone(), NOW_US / 1_000_000, DataRange::ALL);
    storage.read(&command, IoMode::Blocking).unwrap().partitions.iter().map(|p| p.rows.len()).sum()
}

fn sstables(storage: &Storage, table: &Arc<TableMetadata>) -> usize {
    storage.table(table.id).unwrap().files().sstables().len()
}

/// Writes, and flushes each write into an SSTable and a segment of its own. What `other` has in the segments at `pinned`
/// keeps those.
fn write_each(storage: &Storage, table: &Arc<TableMetadata>, operations: &[Operation], pinned: &[usize]) {
    for (i, operation) in operations.iter().enumerate() {
        apply(storage, table, operation);
        if pinned.contains(&i) {
            apply(storage, &other(), &insert((0, 0), 1, 1));
        }
        storage.flush(table.id).unwrap();
        storage.commit_log().next_segment();
    }
    apply(storage, &other(), &insert((0, 1), 1, 1));
    storage.sync().unwrap();
    storage.commit_log().remove_segments();
}

fn row_and_deletion() -> [Operation; 2] {
    [insert((1, 1), 7, 5), Operation::DeleteRow { place: (1, 1), time: 6 }]
}

#[test]
fn a_row_does_not_come_back_whose_deletion_was_purged_and_has_left_the_log() {
    let [row, deletion] = row_and_deletion();
    for table in [table(), own()] {
        // Also where the deletion is in the log before what it deletes.
        for (operations, pinned) in
            [([row.clone(), deletion.clone()], 0), ([deletion.clone(), row.clone()], 1)]
        {
            let root = tempfile::tempdir().unwrap();
            let storage = open(root.path());
            let before = segments(root.path()).len();
            write_each(&storage, &table, &operations, &[pinned]);
            assert_eq!(segments(root.path()).len(), before + 2, "the segment of the deletion is gone");
            storage.compact(table.id).unwrap();
            assert_eq!(sstables(&storage, &table), 0);
            storage.shutdown().unwrap();
            let again = open(root.path());
            assert_eq!(rows(&again, &table), 0, "{}: {operations:?}", table.name);
            assert_eq!(rows(&again, &other()), 2, "what is not in SSTables is replayed");
        }
    }
}

#[test]
fn what_is_written_after_everything_was_purged_is_replayed() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    write_each(&storage, &table(), &row_and_deletion(), &[0]);
    storage.compact(table().id).unwrap();
    apply(&storage, &table(), &insert((1, 1), 8, 3));
    storage.shutdown().unwrap();
    assert_eq!(rows(&open(root.path()), &table()), 1);
}

#[test]
fn a_deletion_that_was_flushed_before_the_replay_ended_is_kept_for_the_next_one() {
    let root = tempfile::tempdir().unwrap();
    let [_, deletion] = row_and_deletion();
    let values = Values { int: None, text: Some("long".repeat(5000)) };
    let long_row = Operation::Insert { place: (1, 1), values, ttl: None, time: 5 };
    let storage = open(root.path());
    apply(&storage, &table(), &deletion);
    storage.flush(table().id).unwrap();
    storage.commit_log().next_segment();
    apply(&storage, &table(), &long_row);
    apply(&storage, &other(), &insert((0, 2), 1, 1));
    storage.shutdown().unwrap();
    // So little memory that the row is flushed before the next record is applied, and nothing is afterwards.
    let mut scarce = options(root.path());
    scarce.memtables.space_bytes = 10_000;
    let storage = open_at(NOW_US + 1_000_000, scarce, RealFs);
    assert_eq!([sstables(&storage, &table()), sstables(&storage, &other())], [2, 0]);
    storage.compact(table().id).unwrap();
    assert_eq!(sstables(&storage, &table()), 0);
    storage.shutdown().unwrap();
    assert_eq!(rows(&open_at(NOW_US + 2_000_000, options(root.path()), RealFs), &table()), 0);
}

#[test]
fn a_power_cut_brings_no_segment_back_that_holds_more_than_sstables_know_of() {
    let [row, deletion] = row_and_deletion();
    for seed in 0..40 {
        let fs = FaultyFs::new(seed);
        let options = options(Path::new("/node"));
        let storage = open_at(NOW_US, options.clone(), fs.clone());
        write_each(&storage, &table(), &[deletion.clone(), row.clone()], &[]);
        storage.compact(table().id).unwrap();
        fs.set_faults(Faults { die_at_operation: Some(fs.operations()), ..Faults::default() });
        let _ = storage.shutdown();
        fs.crash();
        fs.set_faults(Faults::default());
        assert_eq!(rows(&open_at(NOW_US + 1_000_000, options, fs), &table()), 0, "seed {seed}");
    }
}

#[test]
fn a_clock_that_was_set_back_does_not_name_segments_that_sstables_know() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    for table in [table(), own()] {
        apply(&storage, &table, &insert((1, 1), 1, 1));
    }
    storage.drain().unwrap();
    storage.shutdown().unwrap();
    assert_eq!(segments(root.path()).len(), 0);
    let storage = open_at(NOW_US - 1_000_000_000, options(root.path()), RealFs);
    for table in [table(), own()] {
        apply(&storage, &table, &insert((1, 2), 1, 1));
    }
    storage.shutdown().unwrap();
    let again = open_at(NOW_US, options(root.path()), RealFs);
    assert_eq!([rows(&again, &table()), rows(&again, &own())], [2, 2]);
}

#[test]
fn a_truncation_stays_where_the_log_is_replayed_up_to_and_leaves_with_the_table() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    write_each(&storage, &table(), &row_and_deletion(), &[0]);
    storage.truncate(table().id).unwrap();
    let truncation = storage.truncations().unwrap()[&table().id];
    // It is no step back where an older place is noted, and the time of the truncation stays.
    storage.note_persisted(table().id, CommitPosition { segment: 1, offset: 1 }).unwrap();
    assert_eq!(storage.truncations().unwrap()[&table().id], truncation);
    let later = CommitPosition { segment: truncation.position.segment + 1, offset: 0 };
    storage.note_persisted(table().id, later).unwrap();
    assert_eq!(
        storage.truncations().unwrap()[&table().id],
        super::super::truncate::Truncation { position: later, ..truncation }
    );
    storage.schema_changed(&Schema::with_system_keyspaces()).unwrap();
    assert!(storage.truncations().unwrap().is_empty());
}
