//! What a crash at any moment leaves of a table.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test")]

use std::path::PathBuf;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::{Operation, Replacement, TableFiles};
use crate::env::faulty_fs::{Faults, FaultyFs};
use crate::schema::TableMetadata;
use crate::storage::UnfilteredPartitionIterator;
use crate::storage::model::DeletionTime;
use crate::storage::sstable::test_support::{Partition, PartitionRows, collect, every, partition};
use crate::storage::sstable::{ChunkCache, ReaderContext, SSTableReader, WriterOptions};
use crate::storage::{FailurePolicy, Failures, StorageError};

fn open(fs: &FaultyFs, table: &TableMetadata) -> Result<Arc<TableFiles>, StorageError> {
    let cache = ReaderContext::new(Arc::new(ChunkCache::new(1 << 20)));
    let failures = Arc::new(Failures::with_policies(FailurePolicy::Stop, FailurePolicy::Stop));
    TableFiles::open(Arc::new(fs.clone()), &[PathBuf::from("/data")], table, cache, failures)
}

fn content(sstable: &Arc<SSTableReader>) -> Vec<Partition> {
    let mut scanner = sstable.scan_all();
    let mut partitions = Vec::new();
    while let Some(rows) = scanner.next_partition().unwrap() {
        partitions.push(collect(rows).unwrap());
    }
    partitions
}

fn put(
    files: &TableFiles,
    table: &Arc<TableMetadata>,
    p: &Partition,
    old: &[Arc<SSTableReader>],
) -> Result<(), StorageError> {
    let operation = if old.is_empty() { Operation::Flush } else { Operation::Compaction };
    let partition = p.clone();
    files
        .write(
            Replacement { operation, table, memtables: &[], replaced: old },
            WriterOptions::default(),
            |w| w.append(&mut PartitionRows::new(partition)).map(|_| ()),
        )
        .map(|_| ())
}

/// Two partitions that are not empty.
fn partitions(table: &Arc<TableMetadata>) -> [Partition; 2] {
    let mut runner = TestRunner::deterministic();
    let strategy = partition(table).prop_filter("not empty", |p| !p.items.is_empty());
    [0, 1].map(|_| strategy.new_tree(&mut runner).unwrap().current())
}

#[test]
fn a_crash_at_any_moment_leaves_the_old_or_the_new_files() {
    let table = every();
    let [old, new] = partitions(&table);
    let (mut seen_old, mut seen_new) = (0, 0);
    for at in 0.. {
        let fs = FaultyFs::new(at);
        let files = open(&fs, &table).unwrap();
        put(&files, &table, &old, &[]).unwrap();
        let start = fs.operations();
        fs.set_faults(Faults { die_at_operation: Some(start + at), ..Faults::default() });
        let replaced = files.sstables();
        let result = put(&files, &table, &new, &replaced);
        let done = fs.operations() < start + at;
        fs.crash();
        let files = open(&fs, &table).unwrap();
        let found: Vec<_> = files.sstables().iter().map(content).collect();
        if found == [vec![new.clone()]] {
            seen_new += 1;
        } else {
            assert_eq!(found, [vec![old.clone()]], "after {at} operations");
            assert!(result.is_err(), "after {at} operations: acknowledged, and lost");
            seen_old += 1;
        }
        // Another start finds nothing to do.
        assert_eq!(open(&fs, &table).unwrap().sstables().len(), 1);
        if done {
            break;
        }
    }
    assert!(seen_old > 5 && seen_new > 5, "{seen_old} {seen_new}");
}

#[test]
fn a_full_disk_or_a_failed_sync_leaves_the_old_files() {
    let table = every();
    let [old, new] = partitions(&table);
    let full = Faults { bytes_left: Some(300), ..Faults::default() };
    let failing = ["Data.db", "Index.db", "Statistics.db", "TOC.txt"]
        .map(|part| Faults { fail_sync: Some(part.to_owned()), ..Faults::default() });
    for faults in failing.into_iter().chain([full]) {
        let fs = FaultyFs::new(1);
        let files = open(&fs, &table).unwrap();
        put(&files, &table, &old, &[]).unwrap();
        let names = fs.list_all();
        fs.set_faults(faults);
        assert!(put(&files, &table, &new, &files.sstables()).is_err());
        assert_eq!(content(&files.sstables()[0]), std::slice::from_ref(&old));
        fs.set_faults(Faults::default());
        // What could not be removed at once goes at the next start.
        assert_eq!(content(&open(&fs, &table).unwrap().sstables()[0]), std::slice::from_ref(&old));
        assert_eq!(fs.list_all(), names);
    }
}

/// Two SSTables, made of the same partition.
fn two(fs: &FaultyFs, table: &Arc<TableMetadata>, p: &Partition) -> Arc<TableFiles> {
    let files = open(fs, table).unwrap();
    (0..2).for_each(|_| put(&files, table, p, &[]).unwrap());
    files
}

#[test]
fn a_log_that_failed_does_not_stand_against_what_is_done_later() {
    let table = every();
    let [old, new] = partitions(&table);
    let mut failed = 0;
    for at in 0..100 {
        let fs = FaultyFs::new(at);
        let files = two(&fs, &table, &old);
        let from_operation = fs.operations() + at;
        fs.set_faults(Faults { fail_sync: Some("_txn_".to_owned()), from_operation, ..Faults::default() });
        let replaced = files.sstables();
        let done = put(&files, &table, &new, &replaced).is_ok();
        fs.set_faults(Faults::default());
        if !done {
            failed += 1;
            assert_eq!(files.load_new(&table).unwrap(), 0, "at {at}");
            put(&files, &table, &new, &replaced).unwrap();
        }
        fs.crash();
        let found: Vec<_> = open(&fs, &table).unwrap().sstables().iter().map(content).collect();
        assert_eq!(found, [vec![new.clone()]], "at {at}");
    }
    assert!(failed > 10 && failed < 100, "{failed}");
}

#[test]
fn as_long_as_a_transaction_is_in_doubt_files_come_but_none_goes() {
    let table = every();
    let [old, new] = partitions(&table);
    let mut in_doubt = 0;
    for at in 0..100 {
        let fs = FaultyFs::new(at);
        let files = two(&fs, &table, &old);
        let replaced = files.sstables();
        let from_operation = fs.operations() + at;
        let fail_sync = Some("_txn_compaction_".to_owned());
        fs.set_faults(Faults { fail_sync, from_operation, ..Faults::default() });
        if put(&files, &table, &new, &replaced).is_ok() {
            continue;
        }
        in_doubt += 1;
        put(&files, &table, &new, &[]).unwrap();
        let before = fs.list_all();
        assert!(put(&files, &table, &new, &replaced).is_err());
        assert!(files.remove_all().is_err());
        assert_eq!(fs.list_all(), before, "at {at}");
        fs.crash();
        let files = open(&fs, &table).unwrap();
        let mut found: Vec<_> =
            files.sstables().iter().map(|s| (s.descriptor().generation(), content(s))).collect();
        found.sort_by_key(|(generation, _)| *generation);
        let found: Vec<_> = found.into_iter().map(|(_, content)| content).collect();
        assert_eq!(found, [&old, &old, &new].map(|p| vec![p.clone()]), "at {at}");
    }
    assert!(in_doubt > 10 && in_doubt < 100, "{in_doubt}");
}

#[test]
fn a_compaction_that_leaves_nothing_leaves_nothing_after_a_crash() {
    let table = every();
    let [old, _] = partitions(&table);
    let empty =
        Partition { items: Vec::new(), static_row: None, deletion: DeletionTime::LIVE, key: old.key.clone() };
    for at in 0..40 {
        for seed in 0..10 {
            let fs = FaultyFs::new(seed);
            let files = two(&fs, &table, &old);
            fs.set_faults(Faults { die_at_operation: Some(fs.operations() + at), ..Faults::default() });
            let done = put(&files, &table, &empty, &files.sstables()).is_ok();
            fs.crash();
            let left = open(&fs, &table).unwrap().sstables().len();
            assert!(left == 0 || left == 2 && !done, "{left} after {at} operations, {seed}");
        }
    }
}

#[test]
fn files_of_a_transaction_are_not_taken_up_by_a_refresh() {
    let table = every();
    let [old, new] = partitions(&table);
    let fs = FaultyFs::new(1);
    let files = two(&fs, &table, &old);
    let replaced = files.sstables();
    let what =
        Replacement { operation: Operation::Compaction, table: &table, memtables: &[], replaced: &replaced };
    let written = files.write(what, WriterOptions::default(), |w| {
        w.append(&mut PartitionRows::new(new.clone()))?;
        w.switch()?;
        assert_eq!(files.load_new(&table)?, 0);
        Ok(())
    });
    assert_eq!(written.unwrap().len(), 1);
    assert_eq!((files.load_new(&table).unwrap(), files.sstables().len()), (0, 1));
}

#[test]
fn a_disk_that_cannot_be_read_is_an_error() {
    let table = every();
    let [old, _] = partitions(&table);
    let fs = FaultyFs::new(1);
    let files = open(&fs, &table).unwrap();
    put(&files, &table, &old, &[]).unwrap();
    fs.set_faults(Faults { fail_read: Some("Data.db".to_owned()), ..Faults::default() });
    let mut scanner = files.sstables()[0].scan_all();
    let read = scanner.next_partition().and_then(|rows| collect(rows.unwrap()));
    assert!(matches!(read, Err(StorageError::Io { .. })));
}
