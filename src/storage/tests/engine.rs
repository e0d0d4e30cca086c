//! The store as a whole, over real files.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::super::commitlog::Descriptor;
use super::super::model::{DataRange, Mutation, ReadCommand};
use super::super::{CommitLogSync, IoMode, SegmentCompression, Storage, StorageError, StorageOptions};
use super::codec::schema;
use super::operations::{Operation, Place, Seen, Values, key, naive, table, update};
use crate::env::clock::ManualClock;
use crate::env::fs::{FileSystem, RealFs};
use crate::schema::{Schema, SchemaRef};

pub fn options(root: &Path) -> StorageOptions {
    let mut options = StorageOptions::below(root);
    options.commit_log.sync =
        CommitLogSync::Periodic { period: Duration::from_secs(3600), lag_block: Duration::from_secs(7200) };
    options.auto_snapshot = false;
    options
}

pub fn open_with(options: StorageOptions, fs: Arc<dyn FileSystem>) -> Result<Arc<Storage>, StorageError> {
    open_at(1_700_000_000_000_000, options, fs)
}

/// Opens a store at a time in microseconds.
pub fn open_at(
    now_us: i64,
    options: StorageOptions,
    fs: Arc<dyn FileSystem>,
) -> Result<Arc<Storage>, StorageError> {
    open_as(schema(), now_us, options, fs)
}

/// Opens a store of a schema.
pub fn open_as(
    schema: Schema,
    now_us: i64,
    options: StorageOptions,
    fs: Arc<dyn FileSystem>,
) -> Result<Arc<Storage>, StorageError> {
    let clock = Arc::new(ManualClock::new(now_us));
    let storage = Storage::open(options, fs, clock, Arc::new(SchemaRef::new(schema)))?;
    storage.set_host_id(Uuid::from_u128(7));
    storage.recover()?;
    Ok(storage)
}

fn open(root: &Path) -> Arc<Storage> {
    open_with(options(root), Arc::new(RealFs)).unwrap()
}

pub fn insert(place: Place, value: i32, time: i64) -> Operation {
    Operation::Insert { place, values: Values { int: Some(value), text: None }, ttl: None, time }
}

pub fn apply(storage: &Storage, operation: &Operation) -> Result<(), StorageError> {
    let update = update(&table(), operation);
    storage.apply(Mutation { key: key(1), updates: vec![update], is_counter: false }, IoMode::Blocking)?;
    storage.write_out()
}

pub fn all(range: DataRange) -> ReadCommand {
    ReadCommand::of_all(table(), 9, range)
}

/// What a read of the partition sees, by key and by range.
pub fn check(storage: &Storage, operations: &[Operation]) {
    let (rows, static_row) = naive(operations, 9);
    let everything = DataRange::ALL;
    for range in [DataRange::Keys(vec![key(1)]), everything] {
        let found = storage.read(&all(range), IoMode::Blocking).unwrap();
        let partition = found.partitions.first();
        let seen: Vec<Seen> = partition.iter().flat_map(|p| &p.rows).map(Seen::of).collect();
        let mut places: Vec<&Place> = rows.keys().collect();
        places.sort_by_key(|(c1, c2)| (*c1, -*c2));
        let expected: Vec<Seen> = places.into_iter().map(|place| rows[place].clone()).collect();
        assert_eq!(seen, expected);
        assert_eq!(partition.and_then(|p| p.static_row.as_ref()).map(Seen::of), static_row);
    }
}

/// What a process that is killed leaves: a copy of the files as they are.
pub fn killed(root: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_dir(root, copy.path());
    copy
}

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub fn segments(root: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(root.join("commitlog")).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    files
}

fn some_operations() -> Vec<Operation> {
    let mut operations: Vec<Operation> =
        (0..16).map(|i| insert((i % 4, i / 4), i, i64::from(i) + 1)).collect();
    operations.push(Operation::DeleteRow { place: (1, 1), time: 100 });
    operations.push(Operation::DeleteRange {
        start: None,
        end: Some(super::operations::Edge { c1: 0, c2: Some(2), inclusive: true }),
        time: 50,
    });
    operations.push(Operation::SetMap { place: (3, 3), entries: [(1, 1), (2, 2)].into(), time: 101 });
    operations.push(Operation::PutElement { place: (3, 3), at: 1, value: None, time: 102 });
    operations.push(Operation::Static { value: Some(5), time: 7 });
    operations
}

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    let operations = some_operations();
    for (i, operation) in operations.iter().enumerate() {
        apply(&storage, operation).unwrap();
        if i % 7 == 3 {
            storage.flush(table().id).unwrap();
        }
        let copy = killed(root.path());
        check(&open(copy.path()), &operations[..=i]);
    }
    check(&storage, &operations);
}

#[test]
fn flushed_rows_are_read_from_sstables_and_segments_go() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    let operations = some_operations();
    for operation in &operations {
        apply(&storage, operation).unwrap();
    }
    storage.flush_all().unwrap();
    check(&storage, &operations);
    assert_eq!(storage.memtable_bytes(), 0);
    storage.drain().unwrap();
    assert!(apply(&storage, &operations[0]).is_err());
    assert_eq!(segments(root.path()).len(), 0, "nothing is left to replay");
    let copy = killed(root.path());
    let again = open(copy.path());
    assert_eq!(again.memtable_bytes(), 0, "nothing was replayed");
    check(&again, &operations);
    apply(&again, &operations[0]).unwrap();
    again.flush_all().unwrap();
    again.compact(table().id).unwrap();
    assert_eq!(again.table(table().id).unwrap().files().sstables().len(), 1);
    check(&again, &operations);
}

#[test]
fn a_full_segment_is_followed_by_another_and_goes_when_flushed() {
    let root = tempfile::tempdir().unwrap();
    let mut options = options(root.path());
    options.commit_log.segment_bytes = 4096;
    let storage = open_with(options.clone(), Arc::new(RealFs)).unwrap();
    let operations: Vec<Operation> = (0..300).map(|i| insert((i % 4, i % 3), i, i64::from(i) + 1)).collect();
    for operation in &operations {
        apply(&storage, operation).unwrap();
    }
    assert!(segments(root.path()).len() > 3);
    let copy = killed(root.path());
    let mut of_copy = options;
    of_copy.directories = super::super::Directories::below(copy.path());
    check(&open_with(of_copy, Arc::new(RealFs)).unwrap(), &operations);
    storage.flush_all().unwrap();
    assert_eq!(segments(root.path()).len(), 1);
    check(&storage, &operations);
}

#[test]
fn truncated_rows_stay_away() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    let operations = some_operations();
    apply(&storage, &operations[0]).unwrap();
    storage.flush_all().unwrap();
    apply(&storage, &operations[1]).unwrap();
    storage.truncate(table().id).unwrap();
    check(&storage, &[]);
    apply(&storage, &operations[2]).unwrap();
    check(&storage, &operations[2..3]);
}

#[test]
fn a_torn_tail_is_passed_over_and_damage_before_a_durable_mark_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    let operations: Vec<Operation> = (0..8).map(|i| insert((i % 4, i / 4), i, 1)).collect();
    for (i, operation) in operations.iter().enumerate() {
        apply(&storage, operation).unwrap();
        if i == 3 || i == 5 {
            storage.sync().unwrap();
        }
    }
    let segment = segments(root.path()).pop().unwrap();
    let bytes = std::fs::read(&segment).unwrap();
    let (mut refused, mut accepted) = (Vec::new(), Vec::new());
    for cut in (0..bytes.len()).step_by(3) {
        let copy = killed(root.path());
        let file = copy.path().join("commitlog").join(segment.file_name().unwrap());
        let mut damaged = bytes.clone();
        damaged[cut] ^= 0x40;
        std::fs::write(&file, &damaged).unwrap();
        match open_with(options(copy.path()), Arc::new(RealFs)) {
            Ok(storage) => {
                let found = storage.read(&all(DataRange::Keys(vec![key(1)])), IoMode::Blocking).unwrap();
                let rows: Vec<Seen> = found.partitions[0].rows.iter().map(Seen::of).collect();
                let (durable, _) = naive(&operations[..4], 9);
                assert!(durable.values().all(|row| rows.contains(row)), "byte {cut}: durable rows are lost");
                accepted.push(cut);
            }
            Err(error) => {
                assert!(error.to_string().contains("cassandra.commitlog.ignorereplayerrors"), "{error}");
                refused.push(cut);
            }
        }
        std::fs::write(&file, &bytes[..cut]).unwrap();
        let mut lenient = options(copy.path());
        lenient.commit_log.ignore_replay_errors = true;
        open_with(lenient, Arc::new(RealFs)).unwrap();
    }
    let marks = super::super::commitlog::scan_segment(&bytes, 1_700_000_000_000, "").marks;
    assert!(
        refused.iter().all(|cut| *cut < marks[1] as usize),
        "{refused:?} refused, tail from {marks:?} on"
    );
    assert!(refused.len() > 30 && accepted.len() > 30);
}

#[test]
fn a_compressed_log_is_replayed_whatever_is_configured_then() {
    for class in ["LZ4Compressor", "SnappyCompressor", "DeflateCompressor", "ZstdCompressor"] {
        let root = tempfile::tempdir().unwrap();
        let mut options = options(root.path());
        options.commit_log.segment_bytes = 4096;
        options.commit_log.compression = SegmentCompression::new(class, &[]);
        let storage = open_with(options, Arc::new(RealFs)).unwrap();
        let mut operations = Vec::new();
        for i in 0..80 {
            operations.push(insert((i % 4, i / 4 % 4), i, i64::from(i)));
            apply(&storage, operations.last().unwrap()).unwrap();
            if i == 40 {
                // What is in an SSTable is not replayed: its position is that of the uncompressed log.
                storage.flush_all().unwrap();
                storage.sync().unwrap();
            }
        }
        assert!(segments(root.path()).len() > 1);
        let copy = killed(root.path());
        check(&open(copy.path()), &operations);
    }
}

#[test]
fn an_encrypted_segment_is_refused_with_advice() {
    let root = tempfile::tempdir().unwrap();
    let mut descriptor = Descriptor::new(5, 5);
    descriptor.parameters.insert("encCipher".to_owned(), "AES/CBC/PKCS5Padding".into());
    std::fs::create_dir_all(root.path().join("commitlog")).unwrap();
    std::fs::write(root.path().join("commitlog/CommitLog-7-5.log"), descriptor.to_bytes()).unwrap();
    let error = open_with(options(root.path()), Arc::new(RealFs)).err().unwrap().to_string();
    assert!(error.contains("is encrypted") && error.contains("nodetool drain"), "{error}");
}

#[test]
fn too_many_tombstones_are_an_error() {
    let root = tempfile::tempdir().unwrap();
    let mut options = options(root.path());
    options.tombstone_failure_threshold = 5;
    let storage = open_with(options, Arc::new(RealFs)).unwrap();
    for i in 0..6 {
        apply(&storage, &Operation::DeleteRow { place: (i, 0), time: 1 }).unwrap();
        let found = storage.read(&all(DataRange::Keys(vec![key(1)])), IoMode::Blocking);
        assert_eq!(found.is_err(), i == 5, "{found:?}");
    }
}

#[test]
fn a_column_that_was_dropped_and_one_that_was_added_are_read_right() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    apply(&storage, &insert((1, 1), 7, 5)).unwrap();
    let mut columns: Vec<_> = table().columns().filter(|c| c.name != "z_i").cloned().collect();
    let old = table();
    let dropped = old.column("z_i").unwrap().clone();
    let added = crate::schema::ColumnMetadata {
        id: old.next_column_id(),
        name: "added".to_owned(),
        ..dropped.clone()
    };
    columns.push(added.clone());
    let mut new =
        crate::schema::TableMetadata::new(&old.keyspace, &old.name, old.id, columns, old.params.clone());
    let entry = crate::schema::DroppedColumn { column: dropped, dropped_time_us: 6 };
    new.dropped_columns.insert("z_i".to_owned(), entry);
    let new = Arc::new(new);
    let mut keyspace = (**schema().keyspace("ks").unwrap()).clone();
    keyspace.tables.insert(new.name.clone(), new.clone());
    let schema = Arc::new(crate::schema::Schema::default().with_keyspace(keyspace));
    storage.schema().store(schema.clone());
    storage.schema_changed(&schema).unwrap();
    for flushed in [false, true] {
        let command = ReadCommand { table: new.clone(), ..all(DataRange::Keys(vec![key(1)])) };
        let found = storage.read(&command, IoMode::Blocking).unwrap();
        assert_eq!(found.partitions[0].rows.first().unwrap().cell_count(), 0, "flushed: {flushed}");
        storage.flush_all().unwrap();
    }
}

#[tokio::test]
async fn in_batch_mode_a_write_waits_for_the_disk() {
    let root = tempfile::tempdir().unwrap();
    for sync in [CommitLogSync::Batch, CommitLogSync::Group { window: Duration::from_millis(5) }] {
        let fs = crate::env::faulty_fs::FaultyFs::new(3);
        let mut options = options(root.path());
        options.commit_log.sync = sync;
        let storage = open_with(options.clone(), Arc::new(fs.clone())).unwrap();
        for i in 0..5 {
            let update = update(&table(), &insert((i % 4, i / 4), i, 1));
            let mutation = Mutation { key: key(1), updates: vec![update], is_counter: false };
            let position = storage.apply(mutation, IoMode::Blocking).unwrap();
            storage.write_out().unwrap();
            storage.synced(position).await.unwrap();
        }
        let faults =
            crate::env::faulty_fs::Faults { die_at_operation: Some(fs.operations()), ..Default::default() };
        fs.set_faults(faults);
        let _ = storage.shutdown();
        fs.crash();
        let again = open_with(options, Arc::new(fs)).unwrap();
        let operations: Vec<Operation> = (0..5).map(|i| insert((i % 4, i / 4), i, 1)).collect();
        check(&again, &operations);
    }
}

/// The files below a directory that this process has open.
fn open_files(root: &Path) -> usize {
    let links =
        std::fs::read_dir("/proc/self/fd").unwrap().filter_map(|e| std::fs::read_link(e.ok()?.path()).ok());
    links.filter(|file| file.starts_with(root)).count()
}

#[test]
fn a_store_that_ended_keeps_no_file_open() {
    let root = tempfile::tempdir().unwrap();
    for i in 0..30 {
        let storage = open(root.path());
        apply(&storage, &insert((1, 1), i, i64::from(i))).unwrap();
        storage.flush(table().id).unwrap();
        // A compaction may be the last owner of the store.
        storage.shutdown().unwrap();
    }
    // The threads keep nothing alive while they wait: a store ends with its last owner too.
    let elsewhere = root.path().join("dropped");
    drop(open(&elsewhere));
    // Threads that compact are not waited for.
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while open_files(root.path()) > 0 && std::time::Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(open_files(root.path()), 0);
}

#[test]
fn a_directory_with_sstables_of_another_format_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    apply(&storage, &insert((1, 1), 1, 10)).unwrap();
    storage.flush_all().unwrap();
    let directory = storage.table(table().id).unwrap().files().directories()[0].clone();
    storage.drain().unwrap();
    // As Cassandra names what it writes with storage_compatibility_mode: NONE, in either of its formats.
    for name in ["oa-7-big-Data.db", "da-3gl2_0ykp_1k2lc2tdlwpj3cvjbc-bti-Data.db"] {
        let path = directory.join(name);
        std::fs::write(&path, b"x").unwrap();
        let error = open_with(options(root.path()), Arc::new(RealFs)).map(drop).unwrap_err().to_string();
        assert!(error.starts_with(&format!("Detected unreadable sstables {}.", path.display())), "{error}");
        std::fs::remove_file(&path).unwrap();
    }
    // Backups, snapshots and what was left half written are nobody's business.
    std::fs::create_dir_all(directory.join("snapshots/s")).unwrap();
    std::fs::write(directory.join("snapshots/s/oa-7-big-Data.db"), b"x").unwrap();
    std::fs::write(directory.join("tmp-la-1-big-Data.db"), b"x").unwrap();
    open(root.path());
}

#[test]
fn a_value_above_the_limit_is_neither_answered_nor_read_from_a_file() {
    let root = tempfile::tempdir().unwrap();
    let mut options = options(root.path());
    options.value_bytes_max = 10;
    let storage = open_with(options, Arc::new(RealFs)).unwrap();
    let write = |row: i32, bytes: usize| {
        let values = Values { int: Some(1), text: Some("x".repeat(bytes)) };
        apply(&storage, &Operation::Update { place: (row, 0), values, ttl: None, time: 1 }).unwrap();
    };
    let read = || storage.read(&all(DataRange::Keys(vec![key(1)])), IoMode::Blocking);
    write(1, 10);
    assert!(read().is_ok());
    write(2, 11);
    assert!(matches!(read(), Err(StorageError::LongValue { length: 11, most: 10 })), "{:?}", read());
    storage.flush(table().id).unwrap();
    let message = "Corrupt value length 11 encountered, as it exceeds the maximum of 10";
    let damage = read().unwrap_err();
    assert!(
        matches!(damage, StorageError::Corruption { .. }) && damage.to_string().contains(message),
        "{damage}"
    );
}
