//! Compactions of random SSTables.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test")]

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::candidate::Pick;
use super::splitter::shard_of;
use super::{CompactionTable, CompactionTask, Split, Throttle};
use crate::env::fs::RealFs;
use crate::schema::TableMetadata;
use crate::storage::lifecycle::{Operation, Replacement, TableFiles};
use crate::storage::merge::MergedPartitions;
use crate::storage::model::DecoratedKey;
use crate::storage::sstable::test_support::{Partition, PartitionRows, collect, every, partition};
use crate::storage::sstable::{ChunkCache, EncodingStats, ReaderContext, WriterOptions};
use crate::storage::{
    BoxedPartitionIterator, FailurePolicy, Failures, TableOrder, UnfilteredPartitionIterator,
};

struct Table {
    metadata: Arc<TableMetadata>,
    files: Arc<TableFiles>,
    in_memory: Option<i64>,
}

impl CompactionTable for Table {
    fn metadata(&self) -> Arc<TableMetadata> {
        self.metadata.clone()
    }

    fn order(&self) -> TableOrder {
        TableOrder::new(&self.metadata)
    }

    fn files(&self) -> Arc<TableFiles> {
        self.files.clone()
    }

    fn memtable_min_timestamp(&self, _key: &DecoratedKey) -> Option<i64> {
        self.in_memory
    }

    fn memtables_min_timestamp(&self) -> Option<i64> {
        self.in_memory
    }

    fn flush_bytes(&self) -> u64 {
        0
    }
}

fn files(table: &TableMetadata, directory: &Path) -> Arc<TableFiles> {
    let cache = ReaderContext::new(Arc::new(ChunkCache::new(1 << 20)));
    let failures = Arc::new(Failures::with_policies(FailurePolicy::Stop, FailurePolicy::Stop));
    TableFiles::open(Arc::new(RealFs), &[directory.to_owned()], table, cache, failures).unwrap()
}

fn flush(files: &TableFiles, table: &Arc<TableMetadata>, mut partitions: Vec<Partition>) {
    partitions.sort_by(|a, b| a.key.cmp(&b.key));
    partitions.dedup_by(|a, b| a.key == b.key);
    let options = WriterOptions { encoding_stats: EncodingStats::default(), ..WriterOptions::default() };
    let what = Replacement { operation: Operation::Flush, table, memtables: &[], replaced: &[] };
    files
        .write(what, options, |output| {
            partitions.into_iter().try_for_each(|p| output.append(&mut PartitionRows::new(p)).map(|_| ()))
        })
        .unwrap();
}

/// What a reader of all SSTables sees.
fn merged(files: &TableFiles, table: &TableMetadata) -> Vec<Partition> {
    let sources = files.sstables().iter().map(|s| Box::new(s.scan_all()) as BoxedPartitionIterator).collect();
    let mut partitions = MergedPartitions::new(TableOrder::new(table), false, sources);
    let mut found = Vec::new();
    while let Some(rows) = partitions.next_partition().unwrap() {
        found.push(collect(rows).unwrap());
    }
    found.retain(|p| !p.deletion.is_live() || p.static_row.is_some() || !p.items.is_empty());
    found
}

/// A table with several SSTables of the same few keys.
fn filled(directory: &Path, gc_grace_seconds: i32) -> (Arc<TableMetadata>, Arc<TableFiles>) {
    let mut table = (*every()).clone();
    table.params.gc_grace_seconds = gc_grace_seconds;
    let table = Arc::new(table);
    let files = files(&table, directory);
    let mut runner = TestRunner::deterministic();
    let strategy = prop::collection::vec(partition(&table), 5);
    for _ in 0..4 {
        let mut partitions = strategy.new_tree(&mut runner).unwrap().current();
        for (i, partition) in partitions.iter_mut().enumerate() {
            let key = vec![0, 0, 0, i as u8].into();
            partition.key = crate::storage::sstable::test_support::decorate(key);
        }
        flush(&files, &table, partitions);
    }
    (table, files)
}

fn compact(table: &Arc<TableMetadata>, files: &Arc<TableFiles>, now: i64, in_memory: Option<i64>) {
    let target = Arc::new(Table { metadata: table.clone(), files: files.clone(), in_memory });
    let inputs = files.sstables().to_vec();
    let task = CompactionTask::new(target.clone(), inputs.clone(), Operation::Compaction).unwrap();
    assert!(CompactionTask::new(target, inputs, Operation::Compaction).is_none(), "reserved");
    let finished = task.run(&Throttle::new(0), now * 1000, None, &|_, _| Ok(())).unwrap();
    assert_eq!(finished.partitions_merged.values().sum::<i64>() > 0, !files.sstables().is_empty());
}

#[test]
fn a_compaction_changes_nothing_that_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let (table, files) = filled(dir.path(), 864_000);
    let before = merged(&files, &table);
    compact(&table, &files, 1_600_000_000, None);
    assert_eq!(files.sstables().len(), 1);
    assert_eq!(merged(&files, &table), before);
    // The same again after a restart.
    let again = self::files(&table, dir.path());
    assert_eq!((again.sstables().len(), merged(&again, &table)), (1, before));
}

#[test]
fn tombstones_go_when_nothing_else_needs_them() {
    let dir = tempfile::tempdir().unwrap();
    let (table, files) = filled(dir.path(), 0);
    let much_later = 1_800_000_000;
    compact(&table, &files, much_later, None);
    for partition in merged(&files, &table) {
        assert!(partition.deletion.is_live());
        for item in partition.items {
            let crate::storage::Unfiltered::Row(row) = item else { panic!("a marker is left") };
            assert!(row.deletion().is_live() && row.complex_deletions().len() == 0);
            assert!(row.cells().all(|cell| cell.is_live(much_later)));
        }
    }
}

#[test]
fn tombstones_stay_while_older_data_may_be_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let (table, files) = filled(dir.path(), 0);
    let before = merged(&files, &table);
    let deletions = |partitions: &[Partition]| partitions.iter().filter(|p| !p.deletion.is_live()).count();
    compact(&table, &files, 1_800_000_000, Some(1));
    assert!(deletions(&before) > 0);
    assert_eq!(deletions(&merged(&files, &table)), deletions(&before));
}

/// The same four flushes, compacted by what a strategy picks.
fn picked(level: usize, split: Split) {
    let dir = tempfile::tempdir().unwrap();
    let (table, files) = filled(dir.path(), 864_000);
    let mut runner = TestRunner::deterministic();
    // Enough to fill several chunks.
    let strategy = prop::collection::vec(partition(&table), 400);
    flush(&files, &table, strategy.new_tree(&mut runner).unwrap().current());
    let before = merged(&files, &table);
    let target = Arc::new(Table { metadata: table.clone(), files: files.clone(), in_memory: None });
    let live = files.sstables().to_vec();
    let pick = Pick { level, split, ..Pick::into_one((0..live.len()).collect()) };
    let task = CompactionTask::picked(target, &live, &pick, Operation::Compaction).unwrap();
    task.run(&Throttle::new(0), 1_600_000_000_000, None, &|_, _| Ok(())).unwrap();
    assert_eq!(merged(&files, &table), before);
    let mut new = files.sstables().to_vec();
    new.sort_by(|a, b| a.first_key().cmp(b.first_key()));
    assert!(new.len() > 1, "{split:?}");
    assert!(new.windows(2).all(|pair| pair[0].last_key() < pair[1].first_key()), "{split:?}");
    assert!(new.iter().all(|sstable| sstable.stats().level >= level as i32));
    if let Split::Shards(shards) = split {
        let shard = |key: &DecoratedKey| shard_of(key.token.0, shards);
        assert!(new.iter().all(|s| shard(s.first_key()) == shard(s.last_key())));
        assert_eq!(new.len() as u32, shards);
    }
    // The same again after a restart.
    let again = self::files(&table, dir.path());
    assert_eq!((again.sstables().len(), merged(&again, &table)), (new.len(), before));
}

#[test]
fn a_compaction_may_write_several_sstables() {
    picked(2, Split::AtBytes(20_000));
    picked(0, Split::Shards(4));
    picked(1, Split::Levels { bytes: 20_000, fanout: 2 });
}

#[test]
fn what_is_fully_expired_goes_without_being_read() {
    let dir = tempfile::tempdir().unwrap();
    let (table, files) = filled(dir.path(), 864_000);
    let target = Arc::new(Table { metadata: table, files: files.clone(), in_memory: None });
    let live = files.sstables().to_vec();
    let pick = Pick { expired: vec![0, 1], ..Pick::into_one(vec![0, 1]) };
    let task = CompactionTask::picked(target, &live, &pick, Operation::Compaction).unwrap();
    assert_eq!(task.info().total, 0);
    task.run(&Throttle::new(0), 1_600_000_000_000, None, &|_, _| Ok(())).unwrap();
    let left: Vec<_> = files.sstables().iter().map(|s| s.descriptor().clone()).collect();
    assert_eq!(left.len(), 2);
    assert!(live[2..].iter().all(|s| left.contains(s.descriptor())));
}
