//! What a failing disk leads to, under each policy.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::model::{DataRange, ReadCommand};
use super::super::sstable::Component;
use super::super::{Demand, FailurePolicy, IoMode, Storage, StorageError, StorageOptions};
use super::engine::{apply, insert, open_with, options};
use super::operations::{key, table};
use crate::env::faulty_fs::{Faults, FaultyFs};

use FailurePolicy::{BestEffort, Die, Ignore, Stop, StopParanoid};

fn with(disk: FailurePolicy, commit_log: FailurePolicy) -> StorageOptions {
    let mut options = options(Path::new("/node"));
    options.disk_failure_policy = disk;
    options.commit_log.failure_policy = commit_log;
    options.chunk_cache_bytes = 0;
    options
}

fn open(fs: &FaultyFs, options: StorageOptions) -> Result<Arc<Storage>, StorageError> {
    open_with(options, Arc::new(fs.clone()))
}

fn read(storage: &Storage) -> Result<usize, StorageError> {
    let command = ReadCommand::of_all(table(), 9, DataRange::Keys(vec![key(1)]));
    let found = storage.read(&command, IoMode::Blocking)?;
    Ok(found.partitions.iter().map(|p| p.rows.len()).sum())
}

fn demand(storage: &Storage) -> &'static str {
    match &*storage.failures().demands().borrow() {
        Demand::Nothing => "nothing",
        Demand::StopTransports(_) => "stop",
        Demand::Die(_) => "die",
    }
}

/// A store with one row in an SSTable and another one in a second SSTable.
fn two_sstables(fs: &FaultyFs, options: StorageOptions) -> Arc<Storage> {
    let storage = open(fs, options).unwrap();
    for row in [1, 2] {
        apply(&storage, &insert((row, 0), row, i64::from(row))).unwrap();
        storage.flush(table().id).unwrap();
    }
    storage
}

fn path(storage: &Storage, component: Component) -> PathBuf {
    let sstables = storage.table(table().id).unwrap().files().sstables();
    sstables.first().unwrap().descriptor().path(component)
}

#[test]
fn a_disk_that_cannot_be_read() {
    let expected =
        [(Stop, "stop"), (StopParanoid, "stop"), (Die, "die"), (BestEffort, "nothing"), (Ignore, "nothing")];
    for (policy, expected) in expected {
        let fs = FaultyFs::new(1);
        let storage = two_sstables(&fs, with(policy, Stop));
        assert_eq!(read(&storage).unwrap(), 2);
        fs.set_faults(Faults { fail_read: Some("Data.db".to_owned()), ..Faults::default() });
        assert!(matches!(read(&storage), Err(StorageError::Io { .. })), "{policy:?}");
        assert_eq!(demand(&storage), expected, "{policy:?}");
        // Best effort goes on with what can be read: here with memory alone. The others try again.
        apply(&storage, &insert((3, 0), 3, 3)).unwrap();
        match policy {
            BestEffort => assert_eq!(read(&storage).unwrap(), 1),
            _ => assert!(read(&storage).is_err(), "{policy:?}"),
        }
        fs.set_faults(Faults::default());
        assert_eq!(read(&storage).unwrap(), if policy == BestEffort { 1 } else { 3 }, "{policy:?}");
    }
}

#[test]
fn a_disk_that_cannot_be_written() {
    for (policy, expected) in [(Stop, "stop"), (Die, "die"), (Ignore, "nothing"), (BestEffort, "nothing")] {
        let fs = FaultyFs::new(1);
        let storage = two_sstables(&fs, with(policy, Stop));
        apply(&storage, &insert((3, 0), 3, 3)).unwrap();
        fs.set_faults(Faults { fail_sync: Some("Data.db".to_owned()), ..Faults::default() });
        assert!(storage.flush(table().id).is_err());
        assert_eq!(demand(&storage), expected, "{policy:?}");
        assert_eq!(read(&storage).unwrap(), 3, "{policy:?}");
        fs.set_faults(Faults::default());
        // The only directory is given up under best effort, so there is nothing to go on with.
        assert_eq!(storage.flush(table().id).is_ok(), policy != BestEffort);
        if policy == BestEffort {
            assert_eq!(demand(&storage), "stop");
        }
    }
}

#[test]
fn a_second_directory_takes_the_place_of_one_that_cannot_be_written() {
    let fs = FaultyFs::new(1);
    let mut options = with(BestEffort, Stop);
    options.directories.data = vec!["/node/data1".into(), "/node/data2".into()];
    let storage = open(&fs, options).unwrap();
    fs.set_faults(Faults { fail_sync: Some("data1".to_owned()), ..Faults::default() });
    let mut failed = 0;
    for row in 0..6 {
        apply(&storage, &insert((row, 0), row, i64::from(row))).unwrap();
        failed += usize::from(storage.flush(table().id).is_err());
    }
    assert_eq!((failed, demand(&storage)), (1, "nothing"));
    assert_eq!(read(&storage).unwrap(), 6);
}

#[test]
fn a_full_disk_stops_nobody_but_the_careful() {
    for (policy, expected) in
        [(Stop, "nothing"), (BestEffort, "nothing"), (StopParanoid, "stop"), (Die, "die")]
    {
        let fs = FaultyFs::new(1);
        let storage = two_sstables(&fs, with(policy, Stop));
        apply(&storage, &insert((3, 0), 3, 3)).unwrap();
        fs.set_faults(Faults { bytes_left: Some(100), ..Faults::default() });
        assert!(storage.flush(table().id).is_err());
        assert_eq!(demand(&storage), expected, "{policy:?}");
        fs.set_faults(Faults::default());
        storage.flush(table().id).unwrap();
        assert_eq!(read(&storage).unwrap(), 3);
    }
}

#[test]
fn a_damaged_sstable_fails_its_own_reads_and_is_not_compacted() {
    for (policy, expected) in
        [(Stop, "nothing"), (BestEffort, "nothing"), (StopParanoid, "stop"), (Die, "die")]
    {
        let fs = FaultyFs::new(1);
        let storage = two_sstables(&fs, with(policy, Stop));
        let damaged = path(&storage, Component::Data);
        fs.flip(&damaged, 20).unwrap();
        assert!(matches!(read(&storage), Err(StorageError::Corruption { .. })), "{policy:?}");
        assert_eq!(demand(&storage), expected, "{policy:?}");
        // What is known to be damaged is left alone; the rest is compacted as ever.
        storage.compact(table().id).unwrap();
        assert!(crate::env::fs::FileSystem::exists(&fs, &damaged));
        assert_eq!(storage.table(table().id).unwrap().files().sstables().len(), 2);
    }
}

#[test]
fn a_damaged_sstable_at_start() {
    for policy in [Stop, StopParanoid, Die, BestEffort, Ignore] {
        let fs = FaultyFs::new(1);
        let storage = two_sstables(&fs, with(policy, Stop));
        let damaged = path(&storage, Component::Statistics);
        storage.drain().unwrap();
        storage.shutdown().unwrap();
        fs.flip(&damaged, 60).unwrap();
        let again = open(&fs, with(policy, Stop));
        match policy {
            BestEffort | Ignore => assert_eq!(read(&again.unwrap()).unwrap(), 1, "{policy:?}"),
            _ => assert!(matches!(again.err(), Some(StorageError::Corruption { .. })), "{policy:?}"),
        }
    }
}

/// Waits until writes are accepted again; says whether they are.
fn heals(storage: &Storage, within: Duration) -> bool {
    let deadline = Instant::now() + within;
    while storage.commit_log().check().is_err() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    apply(storage, &insert((9, 0), 9, 9)).is_ok()
}

#[test]
fn a_commit_log_that_cannot_be_synced() {
    for (policy, expected) in [(Stop, "stop"), (Die, "die"), (BestEffort, "nothing"), (Ignore, "nothing")] {
        let fs = FaultyFs::new(1);
        let storage = open(&fs, with(Stop, policy)).unwrap();
        apply(&storage, &insert((1, 0), 1, 1)).unwrap();
        fs.set_faults(Faults { fail_sync: Some("CommitLog".to_owned()), ..Faults::default() });
        assert!(storage.sync().is_err());
        assert_eq!(demand(&storage), expected, "{policy:?}");
        assert!(apply(&storage, &insert((2, 0), 2, 2)).is_err(), "{policy:?}");
        assert_eq!(read(&storage).unwrap(), 1, "reads are served: {policy:?}");
        fs.set_faults(Faults::default());
        // `stop_commit` shuts the commit log down until the next start.
        let patience = Duration::from_secs(if policy == BestEffort { 3 } else { 20 });
        assert_eq!(heals(&storage, patience), policy != BestEffort, "{policy:?}");
    }
}

#[test]
fn a_commit_log_on_a_full_disk() {
    for (policy, expected) in [(Stop, "nothing"), (BestEffort, "nothing"), (Ignore, "nothing"), (Die, "die")]
    {
        let fs = FaultyFs::new(1);
        let storage = open(&fs, with(Stop, policy)).unwrap();
        fs.set_faults(Faults { bytes_left: Some(10), ..Faults::default() });
        assert!(apply(&storage, &insert((2, 0), 2, 2)).is_err(), "{policy:?}");
        assert_eq!(demand(&storage), expected, "{policy:?}");
        fs.set_faults(Faults::default());
        apply(&storage, &insert((3, 0), 3, 3)).unwrap();
    }
}
