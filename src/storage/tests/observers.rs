//! Observers of writes and files: a toy index is kept by what they are told, and compared with the rows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use proptest::prelude::*;

use super::super::model::{DataRange, DecoratedKey, DeletionTime, Mutation, ReadCommand, Row};
use super::super::{
    ContentObserver, FileObserver, IoMode, NewSSTable, ObservedUpdate, OldRows, PartitionObserver, Storage,
    StorageError, Unfiltered, WriteObserver, purge_row,
};
use super::codec::schema;
use super::engine::{insert, killed, options};
use super::operations::{Operation, key, operation, table, update};
use crate::env::clock::ManualClock;
use crate::env::fs::RealFs;
use crate::schema::{ColumnId, SchemaRef};

type Entry = (Vec<u8>, Vec<u8>, Vec<u8>);

type LastRows = BTreeMap<(Vec<u8>, Vec<u8>), Option<Row>>;

/// Which rows have which value in one column; kept by the differences alone.
struct ToyIndex {
    column: ColumnId,
    entries: Mutex<BTreeSet<Entry>>,
    /// The row after the last change of it.
    last: Mutex<LastRows>,
}

impl ToyIndex {
    fn new() -> Arc<Self> {
        let column = table().column("z_i").unwrap().id;
        Arc::new(Self { column, entries: Mutex::default(), last: Mutex::default() })
    }

    fn entry(&self, key: &DecoratedKey, row: Option<&Row>) -> Option<Entry> {
        let row = purge_row(&table(), row?, 9)?;
        let value = row.cell(self.column)?.value.to_vec();
        Some((value, key.key.to_vec(), row.clustering().buffer().to_vec()))
    }
}

struct OneUpdate<'a> {
    index: &'a ToyIndex,
    key: DecoratedKey,
}

impl PartitionObserver for OneUpdate<'_> {
    fn row_changed(&mut self, old: Option<&Row>, new: Option<&Row>) {
        let place = old.or(new).unwrap().clustering().buffer().to_vec();
        // Every old row is the one that was new before.
        let before = self.index.last.lock().insert((self.key.key.to_vec(), place), new.cloned());
        if let Some(before) = before {
            let live = |row: Option<&Row>| purge_row(&table(), row?, 9);
            assert_eq!(live(before.as_ref()), live(old));
        }
        let mut entries = self.index.entries.lock();
        if let Some(old) = self.index.entry(&self.key, old) {
            assert!(entries.remove(&old), "{old:?} was not there");
        }
        if let Some(new) = self.index.entry(&self.key, new) {
            assert!(entries.insert(new.clone()), "{new:?} was there already");
        }
    }
}

impl WriteObserver for ToyIndex {
    fn old_rows(&self) -> OldRows {
        OldRows::Merged
    }

    fn begin<'a>(&'a self, update: &ObservedUpdate<'_>) -> Box<dyn PartitionObserver + 'a> {
        Box::new(OneUpdate { index: self, key: update.key.clone() })
    }

    fn truncated(&self) {
        self.entries.lock().clear();
        self.last.lock().clear();
    }
}

fn everything() -> ReadCommand {
    ReadCommand::of_all(table(), 9, DataRange::ALL)
}

/// What the index must hold.
fn model(storage: &Storage, index: &ToyIndex) -> BTreeSet<Entry> {
    let found = storage.read(&everything(), IoMode::Blocking).unwrap();
    let rows = found.partitions.iter().flat_map(|p| p.rows.iter().map(|row| (p.key.clone(), row)));
    rows.filter_map(|(key, row)| index.entry(&key, Some(row))).collect()
}

/// Opens the store; the index is built of the files, and sees the replay of the rest.
fn open(root: &Path) -> (Arc<Storage>, Arc<ToyIndex>) {
    let clock = Arc::new(ManualClock::new(9_000_000));
    let storage =
        Storage::open(options(root), Arc::new(RealFs), clock, Arc::new(SchemaRef::new(schema()))).unwrap();
    storage.set_host_id(uuid::Uuid::from_u128(7));
    let index = ToyIndex::new();
    *index.entries.lock() = model(&storage, &index);
    storage.observe(table().id, index.clone()).unwrap();
    storage.recover().unwrap();
    (storage, index)
}

fn write(storage: &Storage, at: i32, operation: &Operation, mode: IoMode) -> Result<(), StorageError> {
    let mut update = update(&table(), operation);
    update.key = key(at);
    storage.apply(Mutation { key: key(at), updates: vec![update], is_counter: false }, mode)?;
    storage.write_out()
}

#[derive(Clone, Debug)]
enum Step {
    Write(i32, Operation),
    Flush,
    Compact,
    Restart,
    Truncate,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        30 => (0..3i32, operation()).prop_map(|(key, operation)| Step::Write(key, operation)),
        3 => Just(Step::Flush),
        1 => Just(Step::Compact),
        1 => Just(Step::Restart),
        1 => Just(Step::Truncate),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn an_index_kept_by_differences_is_the_one_of_the_rows(steps in prop::collection::vec(step(), 1..60)) {
        let root = tempfile::tempdir().unwrap();
        let (mut storage, mut index) = open(root.path());
        for step in steps {
            match step {
                Step::Write(at, operation) => write(&storage, at, &operation, IoMode::Blocking).unwrap(),
                Step::Flush => storage.flush(table().id).unwrap(),
                Step::Compact => storage.compact(table().id).unwrap(),
                Step::Truncate => storage.truncate(table().id).unwrap(),
                Step::Restart => {
                    // Nothing is flushed by it.
                    storage.shutdown().unwrap();
                    (storage, index) = open(root.path());
                }
            }
            prop_assert_eq!(&*index.entries.lock(), &model(&storage, &index));
        }
    }
}

#[test]
fn writers_of_one_partition_see_each_others_rows_one_after_the_other() {
    let root = tempfile::tempdir().unwrap();
    let (storage, index) = open(root.path());
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let storage = &storage;
                scope.spawn(move || {
                    for i in 0..300 {
                        let operation = match i % 7 {
                            6 => Operation::DeleteRow { place: (i % 3, 0), time: i64::from(i) },
                            _ => insert((i % 3, 0), writer * 1000 + i, i64::from(i)),
                        };
                        write(storage, 1, &operation, IoMode::Blocking).unwrap();
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                storage.flush(table().id).unwrap();
            }
        });
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(*index.entries.lock(), model(&storage, &index));
}

#[test]
fn a_write_that_has_to_wait_for_the_disk_changes_nothing() {
    let root = tempfile::tempdir().unwrap();
    {
        let (storage, _) = open(root.path());
        write(&storage, 1, &insert((1, 1), 7, 1), IoMode::Blocking).unwrap();
        storage.drain().unwrap();
    }
    let copy = killed(root.path());
    let clock = Arc::new(ManualClock::new(9_000_000));
    let schema = Arc::new(SchemaRef::new(schema()));
    let storage = Storage::open(options(copy.path()), Arc::new(RealFs), clock, schema).unwrap();
    let index = ToyIndex::new();
    index.entries.lock().insert((7_i32.to_be_bytes().to_vec(), key(1).key.to_vec(), {
        super::operations::clustering((1, 1)).buffer().to_vec()
    }));
    storage.observe(table().id, index.clone()).unwrap();
    storage.recover().unwrap();
    let position = storage.commit_log().position();
    let refused = write(&storage, 1, &insert((1, 1), 8, 2), IoMode::MemoryOnly);
    assert!(matches!(refused, Err(StorageError::WouldBlock)), "{refused:?}");
    assert_eq!((storage.commit_log().position(), storage.memtable_bytes()), (position, 0));
    write(&storage, 1, &insert((1, 1), 8, 2), IoMode::Blocking).unwrap();
    // What was read once is in memory.
    write(&storage, 1, &insert((1, 1), 9, 3), IoMode::MemoryOnly).unwrap();
    let other = write(&storage, 2, &insert((1, 1), 9, 3), IoMode::MemoryOnly);
    assert!(other.is_ok(), "no SSTable has that key: {other:?}");
    assert_eq!(*index.entries.lock(), model(&storage, &index));
}

/// Notes the rows of each SSTable, in a component of its own.
#[derive(Default)]
struct RowCounts {
    live: Mutex<BTreeMap<String, usize>>,
}

#[derive(Debug)]
struct Counting {
    path: std::path::PathBuf,
    partitions: usize,
    rows: usize,
}

impl FileObserver for RowCounts {
    fn writing(&self, new: &NewSSTable<'_>) -> Result<Option<Box<dyn ContentObserver>>, StorageError> {
        assert_eq!(new.memtables.is_empty(), !new.replaced.is_empty());
        let path = new.descriptor.directory.join(format!("{}-Rows.db", new.descriptor.prefix()));
        Ok(Some(Box::new(Counting { path, partitions: 0, rows: 0 })))
    }

    fn replaced(
        &self,
        removed: &[Arc<super::super::sstable::SSTableReader>],
        added: &[Arc<super::super::sstable::SSTableReader>],
    ) {
        let mut live = self.live.lock();
        for sstable in removed {
            live.remove(&sstable.descriptor().prefix()).unwrap();
        }
        for sstable in added {
            let directory = &sstable.descriptor().directory;
            let prefix = sstable.descriptor().prefix();
            let count = std::fs::read_to_string(directory.join(format!("{prefix}-Rows.db"))).unwrap();
            let contents = std::fs::read_to_string(directory.join(format!("{prefix}-TOC.txt"))).unwrap();
            assert!(contents.contains("Rows.db\n"));
            live.insert(prefix, count.parse().unwrap());
        }
    }
}

impl ContentObserver for Counting {
    fn partition(&mut self, _: &DecoratedKey, _: DeletionTime, position: u64) {
        assert_eq!(position == 0, self.partitions == 0);
        self.partitions += 1;
    }

    fn unfiltered(&mut self, unfiltered: &Unfiltered) {
        self.rows += usize::from(matches!(unfiltered, Unfiltered::Row(_)));
    }

    fn finish(self: Box<Self>) -> Result<Vec<String>, StorageError> {
        std::fs::write(&self.path, self.rows.to_string()).map_err(|e| StorageError::io(&self.path, e))?;
        Ok(vec!["Rows.db".to_owned()])
    }
}

#[test]
fn flushes_and_compactions_are_seen_and_components_go_with_their_sstables() {
    let root = tempfile::tempdir().unwrap();
    let (storage, _) = open(root.path());
    let counts = Arc::new(RowCounts::default());
    storage.observe_files(table().id, counts.clone()).unwrap();
    let rows = || counts.live.lock().values().copied().collect::<Vec<_>>();
    for i in 0..3 {
        write(&storage, 1, &insert((i, 1), 7, 1), IoMode::Blocking).unwrap();
        write(&storage, 2, &insert((0, 0), i, i.into()), IoMode::Blocking).unwrap();
        storage.flush(table().id).unwrap();
    }
    assert_eq!(rows(), [2, 2, 2]);
    storage.compact(table().id).unwrap();
    assert_eq!(rows(), [4]);
    let directory = &storage.table(table().id).unwrap().files().directories()[0].clone();
    let components = || {
        let names =
            std::fs::read_dir(directory).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with("-Rows.db")).count()
    };
    assert_eq!(components(), 1);
    storage.truncate(table().id).unwrap();
    assert_eq!((rows(), components()), (vec![], 0));
}
