//! What a power cut, a full disk and a failing one leave.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::super::model::{DataRange, ReadCommand};
use super::super::{IoMode, SegmentCompression, Storage, StorageOptions};
use super::engine::{apply, insert, open_with, options};
use super::operations::{key, table};
use crate::env::faulty_fs::{Faults, FaultyFs};

fn small(root: &Path) -> StorageOptions {
    small_with(root, false)
}

fn small_with(root: &Path, compressed: bool) -> StorageOptions {
    let mut options = options(root);
    options.commit_log.compression =
        compressed.then(|| SegmentCompression::new("LZ4Compressor", &[])).flatten();
    options.commit_log.segment_bytes = 2048;
    options
}

/// The first clustering values of all rows.
fn rows(storage: &Storage) -> BTreeSet<i32> {
    let command = ReadCommand::of_all(table(), 9, DataRange::Keys(vec![key(1)]));
    let found = storage.read(&command, IoMode::Blocking).unwrap();
    let rows = found.partitions.iter().flat_map(|p| &p.rows);
    rows.map(|row| i32::from_be_bytes(row.clustering().get(0).unwrap().try_into().unwrap())).collect()
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Insert,
    Sync,
    Flush,
    Compact,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::Insert),
        2 => Just(Step::Sync),
        1 => Just(Step::Flush),
        1 => Just(Step::Compact),
    ]
}

/// Runs steps until one fails; returns the rows that were acknowledged, and those known to be durable.
fn run(storage: &Storage, steps: &[Step], next: &mut i32) -> (BTreeSet<i32>, BTreeSet<i32>) {
    let (mut acknowledged, mut durable) = (rows(storage), BTreeSet::new());
    for step in steps {
        let done = match step {
            Step::Insert => {
                *next += 1;
                apply(storage, &insert((*next, 0), *next, 1)).map(|()| {
                    acknowledged.insert(*next);
                })
            }
            Step::Sync => storage.sync().map(|()| durable.clone_from(&acknowledged)),
            Step::Flush => storage.flush(table().id).map(|()| durable.clone_from(&acknowledged)),
            Step::Compact => storage.compact(table().id),
        };
        if done.is_err() {
            break;
        }
    }
    (acknowledged, durable)
}

/// Ends the threads of the store without letting them change anything any more.
fn kill(fs: &FaultyFs, storage: &Storage) {
    fs.set_faults(Faults { die_at_operation: Some(fs.operations()), ..Faults::default() });
    let _ = storage.shutdown();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn what_was_synced_survives_power_cuts(
        seed: u64,
        compressed: bool,
        runs in prop::collection::vec((prop::collection::vec(step(), 1..40), 1..400u64), 1..4),
    ) {
        let fs = FaultyFs::new(seed);
        let root = Path::new("/node");
        let mut next = 0;
        let mut durable = BTreeSet::new();
        for (steps, changes) in runs {
            fs.set_faults(Faults::default());
            let storage = open_with(small_with(root, compressed), Arc::new(fs.clone())).unwrap();
            let found = rows(&storage);
            prop_assert!(durable.is_subset(&found), "{:?} are lost of {durable:?}", durable.difference(&found));
            fs.set_faults(Faults { die_at_operation: Some(fs.operations() + changes), ..Faults::default() });
            durable.extend(run(&storage, &steps, &mut next).1);
            kill(&fs, &storage);
            fs.crash();
        }
        fs.set_faults(Faults::default());
        let storage = open_with(small(root), Arc::new(fs.clone())).unwrap();
        let found = rows(&storage);
        prop_assert!(durable.is_subset(&found), "{:?} are lost of {durable:?}", durable.difference(&found));
    }
}

#[test]
fn a_full_disk_refuses_writes_serves_reads_and_loses_nothing() {
    let fs = FaultyFs::new(1);
    let root = Path::new("/node");
    let storage = open_with(small(root), Arc::new(fs.clone())).unwrap();
    let steps = [Step::Insert; 50];
    let mut next = 0;
    fs.set_faults(Faults { bytes_left: Some(1500), ..Faults::default() });
    let (acknowledged, _) = run(&storage, &steps, &mut next);
    assert!(!acknowledged.is_empty() && acknowledged.len() < 50, "{acknowledged:?}");
    assert!(storage.commit_log().check().is_err());
    assert!(apply(&storage, &insert((1000, 0), 1, 1)).is_err());
    assert!(acknowledged.is_subset(&rows(&storage)));
    fs.set_faults(Faults::default());
    let (acknowledged, _) = run(&storage, &steps, &mut next);
    assert!(acknowledged.len() > 50);
    assert!(storage.commit_log().check().is_ok());
    storage.sync().unwrap();
    kill(&fs, &storage);
    fs.crash();
    let again = open_with(small(root), Arc::new(fs.clone())).unwrap();
    assert!(acknowledged.is_subset(&rows(&again)));
}

#[test]
fn a_sync_that_fails_is_made_good_by_a_flush() {
    let fs = FaultyFs::new(2);
    let root = Path::new("/node");
    let storage = open_with(small(root), Arc::new(fs.clone())).unwrap();
    let mut next = 0;
    let (acknowledged, _) = run(&storage, &[Step::Insert; 5], &mut next);
    fs.set_faults(Faults { fail_sync: Some("CommitLog".to_owned()), ..Faults::default() });
    assert!(storage.sync().is_err());
    assert!(apply(&storage, &insert((1000, 0), 1, 1)).is_err());
    assert!(acknowledged.is_subset(&rows(&storage)));
    fs.set_faults(Faults::default());
    // The flushing threads do what is needed within moments.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while storage.commit_log().check().is_err() && std::time::Instant::now() < deadline {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    apply(&storage, &insert((1001, 0), 1, 1)).unwrap();
    storage.sync().unwrap();
    kill(&fs, &storage);
    fs.crash();
    let again = open_with(small(root), Arc::new(fs.clone())).unwrap();
    let found = rows(&again);
    assert!(acknowledged.is_subset(&found) && found.contains(&1001), "{found:?}");
}
