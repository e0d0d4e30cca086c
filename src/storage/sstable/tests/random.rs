//! Random partitions, written and read again: whole, by slices in both directions, and damaged.

use std::cmp::Ordering;
use std::sync::Arc;

use proptest::prelude::*;

use super::super::summary::decorate;
use super::super::{
    ChunkCache, Component, Descriptor, EncodingStats, ReaderContext, SSTableReader, SSTableWriter,
    WriterOptions,
};
use super::tables;
use crate::env::fs::RealFs;
use crate::schema::{ColumnMetadata, TableMetadata};
use crate::storage::model::{
    BoundKind, Cell, Clustering, ClusteringBound, ClusteringIndexFilter, ColumnFilter, DecoratedKey,
    DeletionTime, LivenessInfo, Prefix, Row, RowBuilder, Slice,
};
use crate::storage::{
    BoxedRowIterator, ClusteringComparator, IoMode, Position, RangeTombstoneMarker, StorageError, Unfiltered,
    UnfilteredPartitionIterator, UnfilteredRowIterator,
};
use crate::types::CqlType;

/// A partition in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Partition {
    pub key: DecoratedKey,
    pub deletion: DeletionTime,
    pub static_row: Option<Row>,
    pub items: Vec<Unfiltered>,
}

/// The items of a partition in memory.
pub struct PartitionRows {
    partition: Partition,
    next: usize,
}

impl PartitionRows {
    pub fn new(partition: Partition) -> Self {
        Self { partition, next: 0 }
    }
}

impl UnfilteredRowIterator for PartitionRows {
    fn key(&self) -> &DecoratedKey {
        &self.partition.key
    }

    fn partition_deletion(&self) -> DeletionTime {
        self.partition.deletion
    }

    fn static_row(&self) -> Option<&Row> {
        self.partition.static_row.as_ref()
    }

    fn is_reversed(&self) -> bool {
        false
    }

    fn next(&mut self) -> Result<Option<Unfiltered>, StorageError> {
        self.next += 1;
        Ok(self.partition.items.get(self.next - 1).cloned())
    }
}

/// Everything of a partition.
pub fn collect(mut rows: BoxedRowIterator) -> Result<Partition, StorageError> {
    let mut items = Vec::new();
    while let Some(item) = rows.next()? {
        items.push(item);
    }
    Ok(Partition {
        key: rows.key().clone(),
        deletion: rows.partition_deletion(),
        static_row: rows.static_row().cloned(),
        items,
    })
}

pub const NOW: i64 = 1_700_000_000;

fn deletion() -> impl Strategy<Value = DeletionTime> {
    (0_i64..1000, 0_i64..1000).prop_map(|(timestamp, seconds)| DeletionTime {
        marked_for_delete_at: NOW * 1_000_000 + timestamp,
        local_deletion_time: NOW + seconds,
    })
}

fn maybe_deletion() -> impl Strategy<Value = DeletionTime> {
    prop_oneof![3 => Just(DeletionTime::LIVE), 1 => deletion()]
}

fn liveness() -> impl Strategy<Value = LivenessInfo> {
    let timestamp = || NOW * 1_000_000..NOW * 1_000_000 + 1000;
    prop_oneof![
        Just(LivenessInfo::EMPTY),
        timestamp().prop_map(LivenessInfo::new),
        (timestamp(), 1..1000_i32).prop_map(|(t, ttl)| LivenessInfo::expiring(t, ttl, NOW + 77)),
    ]
}

/// A value of that length, or of any.
fn value(cql_type: &CqlType) -> BoxedStrategy<Vec<u8>> {
    let fixed = super::super::disk_type::DiskType::of_class(&cql_type.class_name().to_string()).fixed_length;
    match fixed.filter(|_| !cql_type.is_multi_cell()) {
        Some(length) => prop_oneof![
            4 => prop::collection::vec(any::<u8>(), length),
            1 => Just(Vec::new()),
        ]
        .boxed(),
        None => prop::collection::vec(any::<u8>(), 0..40).boxed(),
    }
}

/// Timestamp, kind (0 live, 1 tombstone, 2 expiring), path, value.
type RandomCell = (i64, u8, u16, Vec<u8>);

fn cells(column: &ColumnMetadata) -> impl Strategy<Value = (DeletionTime, Vec<RandomCell>)> + use<> {
    let cell = (0..1000_i64, 0..3_u8, any::<u16>(), value(&column.cql_type));
    let count = if column.is_complex() { 0..4_usize } else { 0..2 };
    let deletion =
        if column.is_complex() { maybe_deletion().boxed() } else { Just(DeletionTime::LIVE).boxed() };
    (deletion, prop::collection::vec(cell, count))
}

fn row(columns: &[ColumnMetadata]) -> impl Strategy<Value = Row> + use<> {
    let ids: Vec<_> = columns.iter().map(|c| (c.id, c.is_complex())).collect();
    let contents: Vec<_> = columns.iter().map(cells).map(Strategy::boxed).collect();
    (liveness(), maybe_deletion(), contents).prop_map(move |(liveness, deletion, contents)| {
        let mut builder = RowBuilder::new();
        for ((id, is_complex), (deletion, mut cells)) in ids.iter().zip(contents) {
            if !deletion.is_live() {
                builder.add_complex_deletion(*id, deletion);
            }
            cells.sort_by_key(|cell| cell.2);
            cells.dedup_by_key(|cell| cell.2);
            for (timestamp, kind, path, value) in &cells {
                let timestamp = NOW * 1_000_000 + timestamp;
                let path = path.to_be_bytes();
                let cell = match kind {
                    0 => Cell::live(*id, timestamp, value),
                    1 => Cell::tombstone(*id, timestamp, NOW + 5),
                    _ => Cell { ttl: 60, local_deletion_time: NOW + 77, ..Cell::live(*id, timestamp, value) },
                };
                builder.add(if *is_complex { cell.with_path(&path) } else { cell });
            }
        }
        builder.build(&Clustering::EMPTY, liveness, deletion)
    })
}

pub fn clustering(c1: u8, c2: u8) -> Clustering {
    let mut uuid = [0; 16];
    (uuid[6], uuid[8], uuid[3]) = (0x10, 0x80, c1);
    Clustering::new([Some(&uuid[..]), Some(&i64::from(c2).to_be_bytes()[..])])
}

/// A start or an end before or behind a clustering, or before or behind all with its first value.
fn bound(is_start: bool) -> impl Strategy<Value = ClusteringBound> {
    (0..6_u8, 0..12_u8, 0..3_usize, any::<bool>()).prop_map(move |(c1, c2, length, inclusive)| {
        let whole = clustering(c1, c2);
        let prefix = Clustering::new(whole.values().take(length));
        let kind = match (is_start, inclusive || length == 0) {
            (true, true) => BoundKind::InclStart,
            (true, false) => BoundKind::ExclStart,
            (false, true) => BoundKind::InclEnd,
            (false, false) => BoundKind::ExclEnd,
        };
        ClusteringBound { kind, prefix }
    })
}

pub fn slice() -> impl Strategy<Value = Slice> {
    (bound(true), bound(false)).prop_map(|(start, end)| Slice { start, end })
}

/// Slices in order that do not overlap.
pub fn disjoint<T>(comparator: &ClusteringComparator, slices: Vec<(Slice, T)>) -> Vec<(Slice, T)> {
    let mut slices: Vec<_> =
        slices.into_iter().filter(|(s, _)| comparator.compare(&s.start, &s.end).is_lt()).collect();
    slices.sort_by(|(a, _), (b, _)| comparator.compare(&a.start, &b.start));
    let mut kept: Vec<(Slice, T)> = Vec::new();
    for (slice, t) in slices {
        if kept.last().is_none_or(|(last, _)| comparator.compare(&last.end, &slice.start).is_le()) {
            kept.push((slice, t));
        }
    }
    kept
}

/// The same row at another place.
fn moved(row: &Row, clustering: &Clustering) -> Row {
    let mut builder = RowBuilder::new();
    row.complex_deletions().for_each(|(column, deletion)| builder.add_complex_deletion(column, deletion));
    row.cells().for_each(|cell| builder.add(cell));
    builder.build(clustering, row.liveness(), row.deletion())
}

/// Rows and markers in order.
fn items(
    table: &TableMetadata,
    rows: Vec<(u8, u8, Row)>,
    ranges: Vec<(Slice, DeletionTime)>,
) -> Vec<Unfiltered> {
    let comparator = ClusteringComparator::new(table);
    let mut items: Vec<Unfiltered> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for (c1, c2, row) in rows {
        let row = moved(&row, &clustering(c1, c2));
        if seen.insert((c1, c2)) && !row.is_empty() {
            items.push(Unfiltered::Row(row));
        }
    }
    let mut markers: Vec<RangeTombstoneMarker> = Vec::new();
    for (slice, deletion) in disjoint(&comparator, ranges) {
        match markers.last() {
            Some(last) if comparator.compare(&last.bound, &slice.start) == Ordering::Equal => {
                let kind = if slice.start.kind == BoundKind::InclStart {
                    BoundKind::ExclEndInclStartBoundary
                } else {
                    BoundKind::InclEndExclStartBoundary
                };
                let end = last.end.unwrap();
                let bound = ClusteringBound { kind, prefix: slice.start.prefix };
                *markers.last_mut().unwrap() = RangeTombstoneMarker::boundary(bound, end, deletion);
            }
            _ => markers.push(RangeTombstoneMarker::bound(slice.start, deletion)),
        }
        markers.push(RangeTombstoneMarker::bound(slice.end, deletion));
    }
    items.extend(markers.into_iter().map(Unfiltered::from));
    items.sort_by(|a, b| comparator.compare(a, b));
    items
}

pub fn partition(table: &Arc<TableMetadata>) -> impl Strategy<Value = Partition> + use<> {
    let table = table.clone();
    let rows = prop::collection::vec((0..6_u8, 0..12_u8, row(&table.regular_columns)), 0..30);
    let ranges = prop::collection::vec((slice(), deletion()), 0..5);
    let static_row = prop::option::of(row(&table.static_columns));
    (any::<u32>(), maybe_deletion(), static_row, rows, ranges).prop_map(
        move |(key, deletion, static_row, rows, ranges)| Partition {
            key: decorate(key.to_be_bytes().to_vec().into()),
            deletion,
            static_row: static_row.filter(|row| !row.is_empty()),
            items: items(&table, rows, ranges),
        },
    )
}

/// Writes partitions, each key once; gives those that are not empty in order.
pub fn write(
    table: &Arc<TableMetadata>,
    mut partitions: Vec<Partition>,
    descriptor: Descriptor,
) -> (Vec<Partition>, Option<Descriptor>) {
    partitions.sort_by(|a, b| a.key.cmp(&b.key));
    partitions.dedup_by(|a, b| a.key == b.key);
    let options = WriterOptions {
        encoding_stats: EncodingStats {
            min_timestamp: NOW * 1_000_000 + 500,
            min_local_deletion_time: NOW + 100,
            min_ttl: 30,
        },
        column_index_size: 300,
        ..WriterOptions::default()
    };
    let mut writer = SSTableWriter::create(Arc::new(RealFs), descriptor, table.clone(), options).unwrap();
    partitions.retain(|p| writer.append(&mut PartitionRows::new(p.clone())).unwrap());
    (partitions, writer.finish().unwrap())
}

pub fn open(table: &TableMetadata, descriptor: Descriptor) -> Result<Arc<SSTableReader>, StorageError> {
    SSTableReader::open(&RealFs, descriptor, table, &ReaderContext::new(Arc::new(ChunkCache::new(1 << 20))))
}

pub fn scan(reader: &Arc<SSTableReader>) -> Result<Vec<Partition>, StorageError> {
    let mut scanner = reader.scan_all();
    let mut partitions = Vec::new();
    while let Some(rows) = scanner.next_partition()? {
        partitions.push(collect(rows)?);
    }
    Ok(partitions)
}

/// What covers each row and each end of a slice: the deletion that is open there.
fn coverage(
    comparator: &ClusteringComparator,
    items: &[Unfiltered],
    place: &Clustering,
) -> Option<DeletionTime> {
    let mut open = None;
    for item in items {
        if let Unfiltered::Marker(marker) = item
            && comparator.compare(&marker.bound, place).is_lt()
        {
            open = marker.open_deletion(false);
        }
    }
    open
}

fn is_within(comparator: &ClusteringComparator, slices: &[Slice], place: Prefix<'_>) -> bool {
    let at = Position { prefix: place, kind: BoundKind::Clustering };
    slices.iter().any(|s| comparator.compare(&s.start, at).is_lt() && comparator.compare(at, &s.end).is_lt())
}

fn small_chunks() -> Arc<TableMetadata> {
    let mut table = (*tables::every()).clone();
    table.params.compression.chunk_length_bytes = 1024;
    Arc::new(table)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn what_is_written_is_read(
        partitions in prop::collection::vec(partition(&small_chunks()), 1..8),
        slices in prop::collection::vec(slice(), 1..5),
    ) {
        let table = small_chunks();
        let comparator = ClusteringComparator::new(&table);
        let dir = tempfile::tempdir().unwrap();
        let (expected, written) = write(&table, partitions, Descriptor::new(dir.path(), 1));
        let Some(descriptor) = written else { return Ok(()) };
        let reader = open(&table, descriptor).unwrap();
        prop_assert_eq!(&scan(&reader).unwrap(), &expected);

        let slices: Vec<Slice> =
            disjoint(&comparator, slices.into_iter().map(|s| (s, ())).collect()).into_iter().map(|(s, ())| s).collect();
        for partition in &expected {
            let read = |reversed| {
                let filter = ClusteringIndexFilter::Slices { slices: slices.clone(), reversed };
                let rows = reader.read(&partition.key, &filter, &ColumnFilter::ALL, IoMode::Blocking).unwrap().unwrap();
                collect(Box::new(rows)).unwrap()
            };
            let (forward, mut reversed) = (read(false), read(true));
            reversed.items.reverse();
            prop_assert_eq!(&forward, &reversed);
            // Where slices touch, one marker closes at the place where the next one opens.
            prop_assert!(forward.items.is_sorted_by(|a, b| comparator.compare(a, b).is_le()));
            let rows = |items: &[Unfiltered]| -> Vec<Row> {
                items.iter().filter_map(|i| if let Unfiltered::Row(row) = i { Some(row.clone()) } else { None }).collect()
            };
            let mut within = rows(&partition.items);
            within.retain(|row| is_within(&comparator, &slices, row.clustering()));
            prop_assert_eq!(rows(&forward.items), within);
            for (c1, c2) in (0..6).flat_map(|c1| (0..12).map(move |c2| (c1, c2))) {
                let place = clustering(c1, c2);
                let expected = is_within(&comparator, &slices, (&place).into())
                    .then(|| coverage(&comparator, &partition.items, &place))
                    .flatten();
                prop_assert_eq!(coverage(&comparator, &forward.items, &place), expected);
            }
        }
    }

    #[test]
    fn damage_is_an_error_and_never_other_rows(
        partitions in prop::collection::vec(partition(&small_chunks()), 1..4),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1..=255_u8), 20),
        cut in any::<bool>(),
    ) {
        let table = small_chunks();
        let dir = tempfile::tempdir().unwrap();
        let (expected, written) = write(&table, partitions, Descriptor::new(dir.path(), 1));
        let Some(descriptor) = written else { return Ok(()) };
        let components = [
            Component::Data, Component::Statistics, Component::CompressionInfo, Component::Index,
            Component::Summary, Component::Filter,
        ];
        for (component, at, mask) in damage {
            let component = components[component.index(components.len())];
            let path = descriptor.path(component);
            let whole = std::fs::read(&path).unwrap();
            let mut damaged = whole.clone();
            let at = at.index(damaged.len());
            if cut { damaged.truncate(at) } else { damaged[at] ^= mask }
            std::fs::write(&path, &damaged).unwrap();
            let read = open(&table, descriptor.clone()).and_then(|reader| {
                for partition in &expected {
                    if let Some(rows) = reader.read(&partition.key, &ClusteringIndexFilter::all(), &ColumnFilter::ALL, IoMode::Blocking)? {
                        collect(Box::new(rows))?;
                    }
                }
                scan(&reader)
            });
            // These have checksums; the others do not, as little as Cassandra's.
            if let (Ok(read), Component::Data | Component::Statistics) = (read, component) {
                prop_assert_eq!(read, expected.clone(), "{:?} at {}", component, at);
            }
            std::fs::write(&path, &whole).unwrap();
        }
    }
}
