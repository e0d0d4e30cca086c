//! SSTables that Cassandra 5.0.6 wrote: we read them, and write them again byte for byte.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::chunked_file::{Access, Cursor};
use super::super::metadata::Statistics;
use super::super::{
    ChunkCache, Component, Descriptor, ReaderContext, SSTableReader, SSTableWriter, StatsOptions,
    WriterOptions,
};
use super::tables;
use crate::env::fs::RealFs;
use crate::schema::TableMetadata;
use crate::storage::model::{ClusteringIndexFilter, ColumnFilter, KeyBound};
use crate::storage::{IoMode, Unfiltered, UnfilteredPartitionIterator};

fn directory(table: &TableMetadata) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sstables").join(&table.name)
}

fn open(table: &TableMetadata, directory: &Path) -> Arc<SSTableReader> {
    let descriptor = Descriptor::list(&RealFs, directory).unwrap().remove(0);
    SSTableReader::open(&RealFs, descriptor, table, &ReaderContext::new(Arc::new(ChunkCache::new(1 << 20))))
        .unwrap()
}

/// The uncompressed bytes of `Data.db`.
fn data(reader: &SSTableReader) -> Vec<u8> {
    let mut cursor = Cursor::new(reader.data.clone(), Access::scan(), 0);
    cursor.bytes(reader.data.len() as usize).unwrap().to_vec()
}

fn rewrite(table: &Arc<TableMetadata>, reader: &Arc<SSTableReader>, directory: &Path) {
    let statistics = std::fs::read(reader.descriptor().path(Component::Statistics)).unwrap();
    let stats = Statistics::deserialize(&statistics, reader.descriptor().version).unwrap().stats;
    let options = WriterOptions {
        encoding_stats: reader.encoding_stats(),
        columns: Some(reader.columns(table)),
        partitions: reader.estimated_partitions(),
        stats: StatsOptions {
            commit_log_intervals: stats.commit_log_intervals,
            level: stats.level,
            repaired_at: stats.repaired_at,
            host_id: stats.originating_host_id,
        },
        ..WriterOptions::default()
    };
    let descriptor = Descriptor::new(directory, 1);
    let mut writer = SSTableWriter::create(Arc::new(RealFs), descriptor, table.clone(), options).unwrap();
    let mut scanner = reader.scan_all();
    while let Some(mut partition) = scanner.next_partition().unwrap() {
        assert!(writer.append(&mut *partition).unwrap());
    }
    assert!(writer.finish().unwrap().is_some());
}

/// Where `KEEP_SSTABLES` names a directory, the files stay there, for Cassandra's tools to look at.
#[test]
fn what_cassandra_wrote_is_written_again_byte_for_byte() {
    for table in tables::all() {
        let theirs = open(&table, &directory(&table));
        let scratch = tempfile::tempdir().unwrap();
        let target = match std::env::var_os("KEEP_SSTABLES") {
            Some(kept) => Path::new(&kept).join(&table.name),
            None => scratch.path().to_owned(),
        };
        std::fs::create_dir_all(&target).unwrap();
        rewrite(&table, &theirs, &target);
        let ours = open(&table, &target);
        assert!(data(&ours) == data(&theirs), "{}: Data.db differs", table.name);
        for component in [Component::Index, Component::Summary, Component::Filter, Component::Toc] {
            let read = |reader: &SSTableReader| std::fs::read(reader.descriptor().path(component)).ok();
            assert!(read(&ours) == read(&theirs), "{}: {component:?} differs", table.name);
        }
        let mut stats = ours.stats().clone();
        stats.compression_ratio = theirs.stats().compression_ratio;
        assert_eq!(stats, *theirs.stats(), "{}", table.name);
        assert_eq!(ours.encoding_stats(), theirs.encoding_stats());
        let (our_keys, their_keys) = (ours.cardinality().unwrap(), theirs.cardinality().unwrap());
        assert_eq!(our_keys.estimate(), their_keys.estimate(), "{}", table.name);
    }
}

#[test]
fn a_scan_in_either_direction_and_a_read_by_key_give_the_same() {
    for table in tables::all() {
        let reader = open(&table, &directory(&table));
        let mut scanner = reader.scan_all();
        while let Some(mut partition) = scanner.next_partition().unwrap() {
            let mut rows = Vec::new();
            while let Some(item) = partition.next().unwrap() {
                rows.push(item);
            }
            let key = partition.key().clone();
            for reversed in [false, true] {
                let filter = ClusteringIndexFilter::Slices {
                    slices: vec![crate::storage::model::Slice::ALL],
                    reversed,
                };
                let mut read =
                    reader.read(&key, &filter, &ColumnFilter::ALL, IoMode::Blocking).unwrap().unwrap();
                let mut found = Vec::new();
                while let Some(item) = crate::storage::UnfilteredRowIterator::next(&mut read).unwrap() {
                    found.push(item);
                }
                if reversed {
                    found.reverse();
                }
                assert_eq!(found, rows, "{} {key:?} {reversed}", table.name);
            }
        }
    }
}

#[test]
fn the_wide_partition_has_its_rows_and_deleted_ranges() {
    let table = tables::wide();
    let reader = open(&table, &directory(&table));
    let all = ClusteringIndexFilter::all();
    let mut scanner =
        reader.scan(KeyBound::Unbounded, KeyBound::Unbounded, all, ColumnFilter::ALL, IoMode::Blocking);
    let (mut rows, mut markers) = (0, 0);
    while let Some(mut partition) = scanner.next_partition().unwrap() {
        while let Some(item) = partition.next().unwrap() {
            match item {
                Unfiltered::Row(_) => rows += 1,
                Unfiltered::Marker(_) => markers += 1,
            }
        }
    }
    // 3000 rows less 1200 and 499 that the memtable dropped under the deletions; 10 more in the other partition.
    assert_eq!((rows, markers), (3000 - 1200 - 499 + 10, 4));
}

#[test]
fn what_is_not_in_memory_is_not_waited_for() {
    let table = tables::wide();
    let reader = open(&table, &directory(&table));
    let key = reader.first_key().clone();
    let all = ClusteringIndexFilter::all();
    let blocked = reader.read(&key, &all, &ColumnFilter::ALL, IoMode::MemoryOnly).unwrap_err();
    assert!(matches!(blocked, crate::storage::StorageError::WouldBlock));
    let mut read = reader.read(&key, &all, &ColumnFilter::ALL, IoMode::Blocking).unwrap().unwrap();
    while crate::storage::UnfilteredRowIterator::next(&mut read).unwrap().is_some() {}
    assert!(reader.read(&key, &all, &ColumnFilter::ALL, IoMode::MemoryOnly).unwrap().is_some());
}

#[test]
fn a_file_without_deletions_is_passed_over_where_no_slice_meets_its_rows() {
    let table = tables::wide();
    let dir = tempfile::tempdir().unwrap();
    let partition = |p: i32, rows: std::ops::Range<i32>| super::random::Partition {
        key: super::super::summary::decorate(p.to_be_bytes().to_vec().into()),
        deletion: crate::storage::model::DeletionTime::LIVE,
        static_row: None,
        items: rows
            .rev()
            .map(|c| {
                let clustering = crate::storage::model::Clustering::new([Some(&c.to_be_bytes()[..])]);
                let liveness = crate::storage::model::LivenessInfo::new(1);
                let row = crate::storage::model::RowBuilder::new();
                Unfiltered::Row(row.build(&clustering, liveness, crate::storage::model::DeletionTime::LIVE))
            })
            .collect(),
    };
    let (_, written) =
        super::random::write(&table, vec![partition(1, 10..20)], Descriptor::new(dir.path(), 1));
    let reader = super::random::open(&table, written.unwrap()).unwrap();
    let found = |c: i32| {
        let clusterings = vec![crate::storage::model::Clustering::new([Some(&c.to_be_bytes()[..])])];
        let filter = ClusteringIndexFilter::Names { clusterings, reversed: false };
        reader.read(reader.first_key(), &filter, &ColumnFilter::ALL, IoMode::Blocking).unwrap().is_some()
    };
    assert_eq!([9, 10, 19, 20].map(found), [false, true, true, false]);
}

#[test]
fn files_that_are_whole_verify_and_damaged_ones_do_not() {
    for table in tables::all() {
        let reader = open(&table, &directory(&table));
        reader.verify(&RealFs, true).unwrap();
        let dir = tempfile::tempdir().unwrap();
        for file in std::fs::read_dir(directory(&table)).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), dir.path().join(file.file_name())).unwrap();
        }
        let copy = open(&table, dir.path());
        let data = copy.descriptor().path(Component::Data);
        let mut content = std::fs::read(&data).unwrap();
        *content.last_mut().unwrap() ^= 1;
        std::fs::write(&data, content).unwrap();
        assert!(copy.verify(&RealFs, false).is_err(), "{}", table.name);
    }
}
