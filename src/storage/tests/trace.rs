//! The steps of reads, as their clients may have them traced.

use std::sync::Arc;

use parking_lot::Mutex;

use super::super::engine::Origin;
use super::super::model::{ClusteringIndexFilter, DataRange};
use super::super::{IoMode, Steps, Storage, Tracer};
use super::engine::{all, apply, insert, open_with, options};
use super::operations::{Operation, key};
use crate::env::fs::RealFs;

#[derive(Debug, Default)]
struct Notes(Mutex<Vec<String>>);

impl Tracer for Notes {
    fn step(&self, activity: String) {
        self.0.lock().push(activity);
    }
}

fn steps(storage: &Storage, range: DataRange, clustering: ClusteringIndexFilter) -> Vec<String> {
    let notes = Notes::default();
    let mut command = all(range);
    command.clustering = clustering;
    storage.read_for(Origin::Client, &command, IoMode::Blocking, Steps::to(Some(&notes))).unwrap();
    notes.0.into_inner()
}

fn steps_of_all(storage: &Storage, partition: i32) -> Vec<String> {
    steps(storage, DataRange::Keys(vec![key(partition)]), ClusteringIndexFilter::all())
}

#[test]
fn reads_say_what_they_merge() {
    let root = tempfile::tempdir().unwrap();
    let storage = open_with(options(root.path()), Arc::new(RealFs)).unwrap();
    let table = super::operations::table();
    apply(&storage, &insert((1, 1), 1, 10)).unwrap();
    storage.flush(table.id).unwrap();
    apply(&storage, &insert((2, 2), 2, 20)).unwrap();
    let name = &table.name;
    let begin = format!("Executing single-partition query on {name}");
    assert_eq!(
        steps_of_all(&storage, 1),
        [
            &begin,
            "Acquiring sstable references",
            "Partition index found for sstable 1",
            "Merged data from memtables and 1 sstables",
            "Read 2 live rows and 0 tombstone cells",
        ]
    );
    assert_eq!(
        steps_of_all(&storage, 77),
        [
            &begin,
            "Acquiring sstable references",
            "Bloom filter allows skipping sstable 1",
            "Merged data from memtables and 0 sstables",
            "Read 0 live rows and 0 tombstone cells",
        ]
    );
    let everything = DataRange::ALL;
    assert_eq!(
        steps(&storage, everything, ClusteringIndexFilter::all()),
        [
            &format!("Executing seq scan across 1 sstables for {name}"),
            "Read 2 live rows and 0 tombstone cells"
        ]
    );
    apply(&storage, &Operation::DeletePartition { time: 100 }).unwrap();
    let skipped = "Skipped 1/1 sstables that are older than the partition's deletion";
    assert!(steps_of_all(&storage, 1).iter().any(|step| step == skipped));
}
