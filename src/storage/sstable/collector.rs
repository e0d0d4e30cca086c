//! Gathers the statistics of what is written (Cassandra: `MetadataCollector`).

use std::cmp::Ordering;

use super::cardinality::Cardinality;
use super::histogram::{EstimatedHistogram, TombstoneHistogramBuilder};
use super::metadata::{CommitLogIntervals, StatsMetadata};
use crate::storage::ClusteringComparator;
use crate::storage::model::{
    BoundKind, Clustering, ClusteringBound, DeletionTime, LivenessInfo, NO_EXPIRATION, Prefix, Row,
};
use crate::storage::{RangeTombstoneMarker, Unfiltered};

/// The lowest and the highest of what was seen.
#[derive(Clone, Copy, Debug)]
struct MinMax<T>(Option<(T, T)>);

impl<T: Copy + Ord> MinMax<T> {
    fn add(&mut self, value: T) {
        self.0 = Some(self.0.map_or((value, value), |(min, max)| (min.min(value), max.max(value))));
    }
}

/// Gathers statistics, partition by partition.
#[derive(Debug)]
pub struct MetadataCollector {
    comparator: ClusteringComparator,
    partition_sizes: EstimatedHistogram,
    cell_counts: EstimatedHistogram,
    cardinality: Cardinality,
    timestamps: MinMax<i64>,
    local_deletion_times: MinMax<i64>,
    ttls: MinMax<i32>,
    drop_times: TombstoneHistogramBuilder,
    min_clustering: Option<ClusteringBound>,
    max_clustering: Option<ClusteringBound>,
    columns_set: i64,
    rows: i64,
    partition_cells: i64,
}

impl MetadataCollector {
    /// Nothing gathered yet.
    pub fn new(comparator: ClusteringComparator) -> Self {
        Self {
            comparator,
            partition_sizes: EstimatedHistogram::partition_sizes(),
            cell_counts: EstimatedHistogram::cell_counts(),
            cardinality: Cardinality::default(),
            timestamps: MinMax(None),
            local_deletion_times: MinMax(None),
            ttls: MinMax(None),
            drop_times: TombstoneHistogramBuilder::default(),
            min_clustering: None,
            max_clustering: None,
            columns_set: 0,
            rows: 0,
            partition_cells: 0,
        }
    }

    /// A partition begins.
    pub fn partition(&mut self, key: &[u8], deletion: DeletionTime) {
        self.cardinality.add(key);
        self.deletion(deletion);
    }

    /// The partition ends, having that many bytes.
    pub fn end_of_partition(&mut self, bytes: u64) {
        self.partition_sizes.add(bytes as i64);
        self.cell_counts.add(std::mem::take(&mut self.partition_cells));
    }

    fn deletion(&mut self, deletion: DeletionTime) {
        if !deletion.is_live() {
            self.timestamps.add(deletion.marked_for_delete_at);
            self.local_deletion_time(deletion.local_deletion_time);
        }
    }

    fn local_deletion_time(&mut self, seconds: i64) {
        self.local_deletion_times.add(seconds);
        if seconds != NO_EXPIRATION {
            self.drop_times.add(seconds);
        }
    }

    fn liveness(&mut self, liveness: LivenessInfo) {
        if !liveness.is_empty() {
            self.timestamps.add(liveness.timestamp);
            self.ttls.add(liveness.ttl);
            self.local_deletion_time(liveness.local_expiration_time);
        }
    }

    /// A row, static ones too.
    pub fn row(&mut self, row: &Row, is_static: bool) {
        self.liveness(row.liveness());
        self.deletion(row.deletion());
        let mut columns = 0;
        let mut last = None;
        for cell in row.cells() {
            self.partition_cells += 1;
            self.timestamps.add(cell.timestamp);
            self.ttls.add(cell.ttl);
            self.local_deletion_time(cell.local_deletion_time);
            if last.replace(cell.column) != Some(cell.column) {
                columns += 1;
            }
        }
        for (_, deletion) in row.complex_deletions() {
            self.deletion(deletion);
        }
        self.columns_set += columns;
        self.rows += 1;
        if !is_static {
            self.place(row.clustering(), BoundKind::Clustering);
        }
    }

    /// A marker.
    pub fn marker(&mut self, marker: &RangeTombstoneMarker) {
        for deletion in [marker.end, marker.start].into_iter().flatten() {
            self.deletion(deletion);
        }
        if !marker.is_boundary() {
            self.place((&marker.bound.prefix).into(), marker.bound.kind);
        }
    }

    /// A row or a marker of a partition's body.
    pub fn unfiltered(&mut self, unfiltered: &Unfiltered) {
        match unfiltered {
            Unfiltered::Row(row) => self.row(row, false),
            Unfiltered::Marker(marker) => self.marker(marker),
        }
    }

    /// Every start has its end, so that a start is never the last and an end never the first.
    fn place(&mut self, prefix: Prefix<'_>, kind: BoundKind) {
        let is_start = matches!(kind, BoundKind::InclStart | BoundKind::ExclStart);
        let is_row = kind == BoundKind::Clustering;
        let bound = || ClusteringBound { kind, prefix: prefix.to_clustering() };
        let compare = |other: &Option<ClusteringBound>| {
            other.as_ref().map(|other| {
                let position = crate::storage::Position { prefix, kind };
                self.comparator.compare(position, other)
            })
        };
        if (is_row || !is_start) && compare(&self.max_clustering).is_none_or(Ordering::is_gt) {
            self.max_clustering = Some(bound());
        }
        if (is_row || is_start) && compare(&self.min_clustering).is_none_or(Ordering::is_lt) {
            self.min_clustering = Some(bound());
        }
    }

    /// What was gathered.
    pub fn build(self, options: StatsOptions, compression_ratio: f64) -> (Cardinality, StatsMetadata) {
        let (min_timestamp, max_timestamp) = self.timestamps.0.unwrap_or((i64::MIN, i64::MAX));
        let times = self.local_deletion_times.0.unwrap_or((NO_EXPIRATION, NO_EXPIRATION));
        let (min_ttl, max_ttl) = self.ttls.0.unwrap_or((0, 0));
        let prefix = |bound: Option<ClusteringBound>| bound.map_or(Clustering::EMPTY, |bound| bound.prefix);
        let stats = StatsMetadata {
            partition_sizes: self.partition_sizes,
            cell_counts: self.cell_counts,
            commit_log_intervals: options.commit_log_intervals,
            min_timestamp,
            max_timestamp,
            min_local_deletion_time: times.0,
            max_local_deletion_time: times.1,
            min_ttl,
            max_ttl,
            compression_ratio,
            tombstone_drop_times: self.drop_times.build(),
            level: options.level,
            repaired_at: options.repaired_at,
            min_clustering: prefix(self.min_clustering),
            max_clustering: prefix(self.max_clustering),
            has_legacy_counter_shards: false,
            total_columns_set: self.columns_set,
            total_rows: self.rows,
            pending_repair: None,
            is_transient: false,
            originating_host_id: options.host_id,
        };
        (self.cardinality, stats)
    }
}

/// Statistics that do not come from what is written.
#[derive(Clone, Debug, Default)]
pub struct StatsOptions {
    /// What of the commit log is written.
    pub commit_log_intervals: CommitLogIntervals,
    /// The level of leveled compaction.
    pub level: i32,
    /// When the inputs were repaired, in milliseconds; 0 where they were not.
    pub repaired_at: i64,
    /// This host.
    pub host_id: Option<uuid::Uuid>,
}
