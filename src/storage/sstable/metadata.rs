//! `Statistics.db` (Cassandra: `MetadataSerializer`, `StatsMetadata`, `ValidationMetadata`, `CompactionMetadata`).
//!
//! ```text
//! components: i32 | crc | ( type: i32 | position: i32 )* | crc | ( component | crc )*
//! ```
//!
//! with a CRC-32 of what stands before it (of that component, behind a component); without them before `na`.
//! Types: 0 validation, 1 compaction, 2 statistics, 3 header.

use bytes::{BufMut, BytesMut};
use uuid::Uuid;

use super::cardinality::Cardinality;
use super::descriptor::Version;
use super::header::SerializationHeader;
use super::histogram::{EstimatedHistogram, TombstoneHistogram};
use super::input::{Input, Malformed, Taken, local_deletion_time, stored_local_deletion_time};
use super::output::{put_short_bytes, put_utf};
use crate::storage::model::Clustering;

/// The name that `Statistics.db` has for our partitioner.
pub const PARTITIONER: &str = "org.apache.cassandra.dht.Murmur3Partitioner";

/// A place in the commit log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitLogPosition {
    /// The segment.
    pub segment_id: i64,
    /// The offset in it.
    pub position: i32,
}

impl CommitLogPosition {
    /// No place (Cassandra: `CommitLogPosition.NONE`).
    pub const NONE: CommitLogPosition = CommitLogPosition { segment_id: -1, position: 0 };
}

/// Which parts of the commit log an SSTable has, from and to; only on the host that wrote it.
pub type CommitLogIntervals = Vec<(CommitLogPosition, CommitLogPosition)>;

/// Checked before anything else is read.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidationMetadata {
    /// The class of the partitioner.
    pub partitioner: String,
    /// The rate that the bloom filter was made for.
    pub bloom_filter_fp_chance: f64,
}

/// What is known of an SSTable's content (Cassandra: `StatsMetadata`).
#[derive(Clone, Debug, PartialEq)]
pub struct StatsMetadata {
    /// Bytes of partitions.
    pub partition_sizes: EstimatedHistogram,
    /// Cells of partitions.
    pub cell_counts: EstimatedHistogram,
    /// What of the commit log is in here.
    pub commit_log_intervals: CommitLogIntervals,
    /// The lowest timestamp in microseconds; `i64::MIN` where there is none.
    pub min_timestamp: i64,
    /// The highest timestamp in microseconds; `i64::MAX` where there is none.
    pub max_timestamp: i64,
    /// The lowest local deletion time in seconds; `i64::MAX` where there is none.
    pub min_local_deletion_time: i64,
    /// The highest local deletion time in seconds; `i64::MAX` where something never expires.
    pub max_local_deletion_time: i64,
    /// The lowest TTL in seconds.
    pub min_ttl: i32,
    /// The highest TTL in seconds.
    pub max_ttl: i32,
    /// Compressed by uncompressed bytes; -1 without compression.
    pub compression_ratio: f64,
    /// When tombstones become droppable.
    pub tombstone_drop_times: TombstoneHistogram,
    /// The level of leveled compaction.
    pub level: i32,
    /// When it was repaired, in milliseconds; 0 where it was not.
    pub repaired_at: i64,
    /// Not above the first row or bound.
    pub min_clustering: Clustering,
    /// Not below the last row or bound.
    pub max_clustering: Clustering,
    /// Whether counters have shards of before 2.1.
    pub has_legacy_counter_shards: bool,
    /// Columns set, over all rows.
    pub total_columns_set: i64,
    /// Rows.
    pub total_rows: i64,
    /// The repair session it takes part in.
    pub pending_repair: Option<Uuid>,
    /// Whether it is held by a transient replica.
    pub is_transient: bool,
    /// The host that wrote it.
    pub originating_host_id: Option<Uuid>,
}

/// The whole of `Statistics.db`.
#[derive(Clone, Debug)]
pub struct Statistics {
    /// Checked first.
    pub validation: ValidationMetadata,
    /// The estimate of distinct keys, where there is one that we can read.
    pub cardinality: Option<Cardinality>,
    /// What is known of the content.
    pub stats: StatsMetadata,
    /// What rows are written against.
    pub header: SerializationHeader,
}

impl Statistics {
    /// The content of the file, in the current version.
    pub fn serialize(&self) -> BytesMut {
        let mut parts: [BytesMut; 4] = Default::default();
        put_utf(&mut parts[0], &self.validation.partitioner);
        parts[0].put_f64(self.validation.bloom_filter_fp_chance);
        let mut cardinality = BytesMut::new();
        self.cardinality.clone().unwrap_or_default().serialize(&mut cardinality);
        parts[1].put_i32(cardinality.len() as i32);
        parts[1].put_slice(&cardinality);
        self.stats.serialize(&mut parts[2]);
        self.header.serialize(&mut parts[3]);

        let mut out = BytesMut::new();
        let mut crc = crc32fast::Hasher::new();
        out.put_i32(4);
        crc.update(&out);
        out.put_u32(crc.clone().finalize());
        let contents_start = out.len();
        let mut position = 4 + 4 + 4 * 8 + 4;
        for (ordinal, part) in parts.iter().enumerate() {
            out.put_i32(ordinal as i32);
            out.put_i32(position as i32);
            position += part.len() + 4;
        }
        crc.update(&out[contents_start..]);
        out.put_u32(crc.finalize());
        for part in parts {
            out.put_slice(&part);
            out.put_u32(crc32fast::hash(&part));
        }
        out
    }

    /// Takes the content of the file.
    pub fn deserialize(content: &[u8], version: Version) -> Taken<Self> {
        let parts = components(content, version)?;
        let part = |ordinal: usize| {
            let bytes = parts.get(ordinal).copied().flatten();
            bytes.map(Input::new).ok_or(Malformed::Wrong("a component of it is missing"))
        };
        let mut input = part(0)?;
        let validation =
            ValidationMetadata { partitioner: input.utf()?, bloom_filter_fp_chance: input.f64()? };
        let cardinality = part(1).ok().and_then(|mut input| {
            let length = input.length().ok()?;
            Cardinality::deserialize(input.bytes(length).ok()?).ok()
        });
        let stats = StatsMetadata::deserialize(&mut part(2)?, version)?;
        let header = SerializationHeader::deserialize(&mut part(3)?)?;
        Ok(Self { validation, cardinality, stats, header })
    }
}

/// The bytes of each component, by its ordinal, checksums checked.
fn components(content: &[u8], version: Version) -> Taken<[Option<&[u8]>; 4]> {
    const DAMAGED: Malformed = Malformed::Wrong("Checksums do not match");
    let checksums = version.is_na_or_later();
    let mut input = Input::new(content);
    let check = |input: &mut Input<'_>, crc: u32| {
        if checksums && input.i32()?.cast_unsigned() != crc { Err(DAMAGED) } else { Ok(()) }
    };
    let count = input.length()?;
    check(&mut input, crc32fast::hash(content.get(..4).unwrap_or_default()))?;
    if count > 16 {
        return Err(Malformed::Wrong("an impossible number of components"));
    }
    let start = input.position();
    let toc = (0..count).map(|_| Ok((input.length()?, input.length()?))).collect::<Taken<Vec<_>>>()?;
    let mut crc = crc32fast::Hasher::new();
    crc.update(content.get(..4).unwrap_or_default());
    crc.update(content.get(start..input.position()).unwrap_or_default());
    check(&mut input, crc.finalize())?;

    let mut parts = [None; 4];
    for (i, (ordinal, from)) in toc.iter().enumerate() {
        let to = toc.get(i + 1).map_or(content.len(), |(_, next)| *next);
        let bytes = content.get(*from..to).ok_or(Malformed::Short(to))?;
        let bytes = if checksums {
            let (bytes, crc) = bytes.split_last_chunk::<4>().ok_or(Malformed::Short(to))?;
            if u32::from_be_bytes(*crc) != crc32fast::hash(bytes) {
                return Err(DAMAGED);
            }
            bytes
        } else {
            bytes
        };
        if let Some(part) = parts.get_mut(*ordinal) {
            *part = Some(bytes);
        }
    }
    Ok(parts)
}

impl StatsMetadata {
    fn serialize(&self, out: &mut BytesMut) {
        self.partition_sizes.serialize(out);
        self.cell_counts.serialize(out);
        let upper = self.commit_log_intervals.iter().map(|(_, end)| *end).max();
        put_commit_log_position(out, upper.unwrap_or(CommitLogPosition::NONE));
        out.put_i64(self.min_timestamp);
        out.put_i64(self.max_timestamp);
        out.put_i32(stored_local_deletion_time(self.min_local_deletion_time));
        out.put_i32(stored_local_deletion_time(self.max_local_deletion_time));
        out.put_i32(self.min_ttl);
        out.put_i32(self.max_ttl);
        out.put_f64(self.compression_ratio);
        self.tombstone_drop_times.serialize(out);
        out.put_i32(self.level);
        out.put_i64(self.repaired_at);
        for clustering in [&self.min_clustering, &self.max_clustering] {
            // A null ends the list: what is behind it is not known.
            let values: Vec<&[u8]> = clustering.values().map_while(|value| value).collect();
            out.put_i32(values.len() as i32);
            for value in values {
                put_short_bytes(out, value);
            }
        }
        out.put_u8(u8::from(self.has_legacy_counter_shards));
        out.put_i64(self.total_columns_set);
        out.put_i64(self.total_rows);
        let lower = self.commit_log_intervals.iter().map(|(start, _)| *start).min();
        put_commit_log_position(out, lower.unwrap_or(CommitLogPosition::NONE));
        out.put_i32(self.commit_log_intervals.len() as i32);
        for (start, end) in &self.commit_log_intervals {
            put_commit_log_position(out, *start);
            put_commit_log_position(out, *end);
        }
        put_optional_uuid(out, self.pending_repair);
        out.put_u8(u8::from(self.is_transient));
        put_optional_uuid(out, self.originating_host_id);
    }

    fn deserialize(input: &mut Input<'_>, version: Version) -> Taken<Self> {
        let partition_sizes = EstimatedHistogram::deserialize(input)?;
        let cell_counts = EstimatedHistogram::deserialize(input)?;
        let upper = commit_log_position(input)?;
        let (min_timestamp, max_timestamp) = (input.i64()?, input.i64()?);
        let min_local_deletion_time = local_deletion_time(input.i32()?);
        let max_local_deletion_time = local_deletion_time(input.i32()?);
        let (min_ttl, max_ttl) = (input.i32()?, input.i32()?);
        let compression_ratio = input.f64()?;
        let tombstone_drop_times = TombstoneHistogram::deserialize(input)?;
        let level = input.i32()?;
        let repaired_at = input.i64()?;
        let mut min_clustering = clustering(input)?;
        let mut max_clustering = clustering(input)?;
        if !version.has_accurate_min_max() {
            (min_clustering, max_clustering) = (Clustering::EMPTY, Clustering::EMPTY);
        }
        let has_legacy_counter_shards = input.bool()?;
        let (total_columns_set, total_rows) = (input.i64()?, input.i64()?);
        let lower = if version.has_commit_log_lower_bound() {
            commit_log_position(input)?
        } else {
            CommitLogPosition::NONE
        };
        let commit_log_intervals = if version.has_commit_log_intervals() {
            (0..input.length()?)
                .map(|_| Ok((commit_log_position(input)?, commit_log_position(input)?)))
                .collect::<Taken<_>>()?
        } else if lower == CommitLogPosition::NONE {
            Vec::new()
        } else {
            vec![(lower, upper)]
        };
        let is_na = version.is_na_or_later();
        let pending_repair = if is_na { optional_uuid(input)? } else { None };
        let is_transient = is_na && input.bool()?;
        let originating_host_id =
            if version.has_originating_host_id() { optional_uuid(input)? } else { None };
        Ok(Self {
            partition_sizes,
            cell_counts,
            commit_log_intervals,
            min_timestamp,
            max_timestamp,
            min_local_deletion_time,
            max_local_deletion_time,
            min_ttl,
            max_ttl,
            compression_ratio,
            tombstone_drop_times,
            level,
            repaired_at,
            min_clustering,
            max_clustering,
            has_legacy_counter_shards,
            total_columns_set,
            total_rows,
            pending_repair,
            is_transient,
            originating_host_id,
        })
    }

    /// The share of cells that are tombstones droppable before `gc_before` (seconds since 1970).
    pub fn droppable_tombstone_ratio(&self, gc_before: i64) -> f64 {
        let cells = self.cell_counts.mean().saturating_mul(self.cell_counts.count());
        if cells > 0 { self.tombstone_drop_times.sum(gc_before) / cells as f64 } else { 0.0 }
    }
}

fn put_commit_log_position(out: &mut BytesMut, position: CommitLogPosition) {
    out.put_i64(position.segment_id);
    out.put_i32(position.position);
}

fn commit_log_position(input: &mut Input<'_>) -> Taken<CommitLogPosition> {
    Ok(CommitLogPosition { segment_id: input.i64()?, position: input.i32()? })
}

fn put_optional_uuid(out: &mut BytesMut, uuid: Option<Uuid>) {
    out.put_u8(u8::from(uuid.is_some()));
    if let Some(uuid) = uuid {
        out.put_slice(uuid.as_bytes());
    }
}

fn optional_uuid(input: &mut Input<'_>) -> Taken<Option<Uuid>> {
    if !input.bool()? {
        return Ok(None);
    }
    let bytes = input.bytes(16)?;
    Uuid::from_slice(bytes).map(Some).map_err(|_| Malformed::Wrong("a UUID"))
}

fn clustering(input: &mut Input<'_>) -> Taken<Clustering> {
    let values = (0..input.length()?).map(|_| input.short_bytes()).collect::<Taken<Vec<_>>>()?;
    Ok(Clustering::new(values.into_iter().map(Some)))
}
