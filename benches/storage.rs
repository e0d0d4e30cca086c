//! The store without CQL: memtables, SSTables, the merge of several, compaction.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

mod node;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use helenus::schema::TableMetadata;
use helenus::storage::model::{
    Cell, Clustering, ClusteringIndexFilter, ColumnFilter, DataLimits, DataRange, DecoratedKey, DeletionTime,
    LivenessInfo, Mutation, PartitionUpdate, ReadCommand, RowBuilder, RowFilter,
};
use helenus::storage::{IoMode, Storage};

use node::{BenchNode, ORDERS_OF_A_USER, uuid};

const USERS: u64 = 1000;
/// SSTables that each have something of every partition.
const SOURCES: u64 = 4;

fn key(user: u64) -> DecoratedKey {
    DecoratedKey::new(Bytes::copy_from_slice(&uuid(1, user)))
}

/// One row of `by_user`, as the executor makes it of an INSERT.
fn mutation(table: &Arc<TableMetadata>, user: u64, order: u64, timestamp: i64) -> Mutation {
    let mut row = RowBuilder::new();
    let values: [(&str, &[u8]); 3] =
        [("amount", &order.to_be_bytes()), ("order_id", &uuid(2, order)), ("status", b"PENDING")];
    for (name, value) in values {
        row.add(Cell::live(table.column(name).unwrap().id, timestamp, value));
    }
    let at = (1_700_000_000_000 + order).to_be_bytes();
    let clustering = Clustering::new([Some(&at[..])]);
    let mut update = PartitionUpdate::new(table.clone(), key(user));
    update.rows.push(row.build(&clustering, LivenessInfo::new(timestamp), DeletionTime::LIVE));
    Mutation { key: key(user), updates: vec![update], is_counter: false }
}

fn read(table: &Arc<TableMetadata>, range: DataRange, rows: u64) -> ReadCommand {
    ReadCommand {
        table: table.clone(),
        now_in_seconds: 1_700_000_000,
        columns: ColumnFilter::ALL,
        range,
        clustering: ClusteringIndexFilter::all(),
        row_filter: RowFilter::default(),
        limits: DataLimits { rows, ..DataLimits::NONE },
        tracks_warnings: false,
        rest: None,
    }
}

fn rows(storage: &Storage, command: &ReadCommand) -> u64 {
    let found = storage.read(black_box(command), IoMode::Blocking).unwrap();
    found.partitions.iter().map(|partition| partition.rows.len() as u64).sum()
}

/// Reads of the first row, of ten and of all of a partition.
fn point_reads(c: &mut Criterion, name: &str, node: &BenchNode) {
    let table = node.table("in_memory", "by_user");
    let mut group = c.benchmark_group(name);
    for count in [1, 10, ORDERS_OF_A_USER] {
        let mut user = 0;
        group.bench_function(format!("{count} rows"), |b| {
            b.iter(|| {
                user = (user + 7) % USERS;
                let command = read(&table, DataRange::Keys(vec![key(user)]), count);
                assert_eq!(rows(node.storage(), &command), count);
            });
        });
    }
    group.finish();
}

/// Reads the whole table.
fn scan(c: &mut Criterion, name: &str, node: &BenchNode) {
    let table = node.table("in_memory", "by_user");
    let all = DataRange::ALL;
    let command = read(&table, all, u64::MAX);
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Elements(USERS * ORDERS_OF_A_USER));
    group.sample_size(10);
    group.bench_function("every row", |b| {
        b.iter(|| assert_eq!(rows(node.storage(), &command), USERS * ORDERS_OF_A_USER));
    });
    group.finish();
}

fn memtable(c: &mut Criterion) {
    let node = BenchNode::new();
    let table = node.table("in_memory", "by_user");
    let mut group = c.benchmark_group("memtable");
    let mut order = 0;
    group.bench_function("insert a row", |b| {
        let make = || {
            order += 1;
            mutation(&table, USERS + order / ORDERS_OF_A_USER, order, 1)
        };
        b.iter_batched(
            make,
            |mutation| node.storage().apply(mutation, IoMode::Blocking).unwrap(),
            BatchSize::SmallInput,
        );
    });
    group.finish();
    node.storage().truncate(table.id).unwrap();
    node.fill("in_memory", 0..USERS);
    assert!(node.storage().table(table.id).unwrap().files().sstables().is_empty());
    point_reads(c, "memtable, read", &node);
    scan(c, "memtable, scan", &node);
}

fn sstable(c: &mut Criterion) {
    let node = BenchNode::new();
    node.fill("in_memory", 0..USERS);
    node.storage().flush(node.table("in_memory", "by_user").id).unwrap();
    point_reads(c, "SSTable in the chunk cache, read", &node);
    scan(c, "SSTable in the chunk cache, scan", &node);
}

/// Every partition is in several SSTables and the memtable, a part of its rows in each.
fn spread(node: &BenchNode, flush_last: bool) {
    let table = node.table("in_memory", "by_user");
    for source in 0..=SOURCES {
        for user in 0..USERS {
            for order in (source..ORDERS_OF_A_USER).step_by(SOURCES as usize + 1) {
                node.storage()
                    .apply(mutation(&table, user, order, 1 + source as i64), IoMode::Blocking)
                    .unwrap();
            }
        }
        if source < SOURCES || flush_last {
            node.storage().flush(table.id).unwrap();
        }
    }
}

fn merge(c: &mut Criterion) {
    let node = BenchNode::new();
    spread(&node, false);
    point_reads(c, "merge of four SSTables and a memtable, read", &node);
    scan(c, "merge of four SSTables and a memtable, scan", &node);
}

fn compaction(c: &mut Criterion) {
    let node = BenchNode::new();
    let table = node.table("in_memory", "by_user");
    let mut group = c.benchmark_group("compaction");
    group.throughput(Throughput::Elements(USERS * ORDERS_OF_A_USER));
    group.sample_size(10);
    group.bench_function("of five SSTables", |b| {
        b.iter_custom(|times| {
            let mut took = Duration::ZERO;
            for _ in 0..times {
                node.storage().truncate(table.id).unwrap();
                spread(&node, true);
                let begin = Instant::now();
                node.storage().compact(table.id).unwrap();
                took += begin.elapsed();
                assert_eq!(node.storage().table(table.id).unwrap().files().sstables().len(), 1);
            }
            took
        });
    });
    group.finish();
}

criterion_group!(benches, memtable, sstable, merge, compaction);
criterion_main!(benches);
