//! The header that rows are written against: columns with their types, and the minima from which times are
//! counted (Cassandra: `SerializationHeader`, `EncodingStats`).

use bytes::{BufMut, BytesMut};

use super::input::{Input, Malformed, Taken, local_deletion_time};
use super::metadata::StatsMetadata;
use crate::schema::{ColumnMetadata, TableMetadata};
use crate::storage::codec::put_vint_bytes;
use crate::storage::model::{DeletionTime, LivenessInfo, NO_EXPIRATION, NO_TTL, Row};
use crate::storage::{RangeTombstoneMarker, Unfiltered};
use crate::types::{CqlType, vint};

/// 22 September 2015, 00:00 UTC, in microseconds: from it minima are counted.
const TIMESTAMP_EPOCH: i64 = 1_442_880_000_000_000;
/// The same in seconds.
const DELETION_TIME_EPOCH: i64 = 1_442_880_000;

/// The minima of a source's rows, from which times are written as differences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodingStats {
    /// Microseconds. A lower timestamp can still be written, in nine bytes.
    pub min_timestamp: i64,
    /// Seconds. A lower one can still be written, in nine bytes.
    pub min_local_deletion_time: i64,
    /// Seconds. A lower one can still be written, in nine bytes.
    pub min_ttl: i32,
}

impl Default for EncodingStats {
    /// The minima of a source without anything (Cassandra: `NO_STATS`).
    fn default() -> Self {
        Self { min_timestamp: TIMESTAMP_EPOCH, min_local_deletion_time: DELETION_TIME_EPOCH, min_ttl: 0 }
    }
}

impl EncodingStats {
    /// The minima of SSTables together, as their statistics have them: those say 0 for the least TTL where anything
    /// has none, and no difference to a minimum may be negative.
    pub fn merge<'a>(all: impl IntoIterator<Item = &'a StatsMetadata>) -> EncodingStats {
        let mut collector = EncodingStatsCollector::default();
        for stats in all {
            // An SSTable without any timestamp has this.
            if stats.min_timestamp != i64::MIN {
                collector.timestamp(stats.min_timestamp);
            }
            collector.local_deletion_time(stats.min_local_deletion_time);
            collector.min_ttl = Some(collector.min_ttl.map_or(stats.min_ttl, |min| min.min(stats.min_ttl)));
        }
        collector.build()
    }

    fn serialize(&self, out: &mut BytesMut) {
        vint::write_unsigned(out, self.min_timestamp.wrapping_sub(TIMESTAMP_EPOCH).cast_unsigned());
        let seconds = (self.min_local_deletion_time - DELETION_TIME_EPOCH) as i32;
        put_i32(out, seconds);
        put_i32(out, self.min_ttl);
    }

    fn deserialize(input: &mut Input<'_>) -> Taken<Self> {
        let min_timestamp = input.vint()?.cast_signed().wrapping_add(TIMESTAMP_EPOCH);
        let min_local_deletion_time = i64::from(input.vint()? as i32) + DELETION_TIME_EPOCH;
        let min_ttl = input.vint()? as i32;
        Ok(Self { min_timestamp, min_local_deletion_time, min_ttl })
    }
}

/// Finds the minima of what is added (Cassandra: `EncodingStats.Collector`).
#[derive(Clone, Copy, Debug, Default)]
pub struct EncodingStatsCollector {
    min_timestamp: Option<i64>,
    min_local_deletion_time: Option<i64>,
    min_ttl: Option<i32>,
}

impl EncodingStatsCollector {
    fn timestamp(&mut self, timestamp: i64) {
        self.min_timestamp = Some(self.min_timestamp.map_or(timestamp, |min| min.min(timestamp)));
    }

    fn local_deletion_time(&mut self, seconds: i64) {
        if seconds != NO_EXPIRATION {
            self.min_local_deletion_time =
                Some(self.min_local_deletion_time.map_or(seconds, |min| min.min(seconds)));
        }
    }

    fn ttl(&mut self, ttl: i32) {
        if ttl != NO_TTL {
            self.min_ttl = Some(self.min_ttl.map_or(ttl, |min| min.min(ttl)));
        }
    }

    /// Adds a deletion.
    pub fn deletion(&mut self, deletion: DeletionTime) {
        if !deletion.is_live() {
            self.timestamp(deletion.marked_for_delete_at);
            self.local_deletion_time(deletion.local_deletion_time);
        }
    }

    fn liveness(&mut self, liveness: LivenessInfo) {
        if !liveness.is_empty() {
            self.timestamp(liveness.timestamp);
            self.ttl(liveness.ttl);
            self.local_deletion_time(liveness.local_expiration_time);
        }
    }

    /// Adds everything in a row.
    pub fn row(&mut self, row: &Row) {
        self.liveness(row.liveness());
        self.deletion(row.deletion());
        for (_, deletion) in row.complex_deletions() {
            self.deletion(deletion);
        }
        for cell in row.cells() {
            self.timestamp(cell.timestamp);
            self.ttl(cell.ttl);
            self.local_deletion_time(cell.local_deletion_time);
        }
    }

    /// Adds a row or a marker.
    pub fn unfiltered(&mut self, unfiltered: &Unfiltered) {
        match unfiltered {
            Unfiltered::Row(row) => self.row(row),
            Unfiltered::Marker(marker) => {
                let RangeTombstoneMarker { end, start, .. } = &**marker;
                for deletion in [end, start].into_iter().flatten() {
                    self.deletion(*deletion);
                }
            }
        }
    }

    /// The minima.
    pub fn build(self) -> EncodingStats {
        let none = EncodingStats::default();
        EncodingStats {
            min_timestamp: self.min_timestamp.unwrap_or(none.min_timestamp),
            min_local_deletion_time: self.min_local_deletion_time.unwrap_or(none.min_local_deletion_time),
            min_ttl: self.min_ttl.unwrap_or(none.min_ttl),
        }
    }
}

/// A column as the header has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderColumn {
    /// Its name; the bytes need not be UTF-8 in tables of old.
    pub name: Vec<u8>,
    /// The name of its type's class.
    pub class: String,
}

/// The header component of `Statistics.db`: types as names of Cassandra's classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SerializationHeader {
    /// The minima.
    pub stats: EncodingStats,
    /// The type of the partition key.
    pub key_class: String,
    /// The types of the clustering columns.
    pub clustering_classes: Vec<String>,
    /// Static columns in the order of rows: simple ones first, each kind by name.
    pub static_columns: Vec<HeaderColumn>,
    /// Regular columns in the order of rows.
    pub regular_columns: Vec<HeaderColumn>,
}

impl SerializationHeader {
    /// The header of a table.
    pub fn new<'a>(
        table: &TableMetadata,
        static_columns: impl IntoIterator<Item = &'a ColumnMetadata>,
        regular_columns: impl IntoIterator<Item = &'a ColumnMetadata>,
        stats: EncodingStats,
    ) -> Self {
        let column = |c: &ColumnMetadata| HeaderColumn {
            name: c.name.as_bytes().to_vec(),
            class: class_name(&c.cql_type),
        };
        Self {
            stats,
            key_class: key_class(table),
            clustering_classes: table.clustering.iter().map(clustering_class).collect(),
            static_columns: static_columns.into_iter().map(column).collect(),
            regular_columns: regular_columns.into_iter().map(column).collect(),
        }
    }

    /// Appends its form in `Statistics.db`.
    pub fn serialize(&self, out: &mut BytesMut) {
        self.stats.serialize(out);
        put_vint_bytes(out, self.key_class.as_bytes());
        vint::write_unsigned(out, self.clustering_classes.len() as u64);
        for class in &self.clustering_classes {
            put_vint_bytes(out, class.as_bytes());
        }
        for columns in [&self.static_columns, &self.regular_columns] {
            vint::write_unsigned(out, columns.len() as u64);
            for column in columns {
                put_vint_bytes(out, &column.name);
                put_vint_bytes(out, column.class.as_bytes());
            }
        }
    }

    /// Takes one.
    pub fn deserialize(input: &mut Input<'_>) -> Taken<Self> {
        let stats = EncodingStats::deserialize(input)?;
        let key_class = class(input)?;
        let clustering_classes = (0..input.vint_length()?).map(|_| class(input)).collect::<Taken<_>>()?;
        let mut columns = || -> Taken<Vec<HeaderColumn>> {
            let count = input.vint_length()?;
            (0..count)
                .map(|_| Ok(HeaderColumn { name: input.vint_bytes()?.to_vec(), class: class(input)? }))
                .collect()
        };
        let static_columns = columns()?;
        let regular_columns = columns()?;
        Ok(Self { stats, key_class, clustering_classes, static_columns, regular_columns })
    }
}

/// Appends a difference; a negative one takes nine bytes (Cassandra: `writeUnsignedVInt32`).
fn put_i32(out: &mut impl BufMut, value: i32) {
    vint::write_unsigned(out, i64::from(value).cast_unsigned());
}

fn class(input: &mut Input<'_>) -> Taken<String> {
    let bytes = input.vint_bytes()?;
    String::from_utf8(bytes.to_vec()).map_err(|_| Malformed::Wrong("a class name that is not UTF-8"))
}

/// The class of a column's type, as Cassandra's `AbstractType.toString` writes it.
fn class_name(cql_type: &CqlType) -> String {
    cql_type.class_name().to_string()
}

fn clustering_class(column: &ColumnMetadata) -> String {
    let class = class_name(&column.cql_type);
    if column.is_reversed() {
        format!("org.apache.cassandra.db.marshal.ReversedType({class})")
    } else {
        class
    }
}

fn key_class(table: &TableMetadata) -> String {
    let classes: Vec<String> = table.partition_key.iter().map(|c| class_name(&c.cql_type)).collect();
    match classes.as_slice() {
        [one] => one.clone(),
        several => format!("org.apache.cassandra.db.marshal.CompositeType({})", several.join(",")),
    }
}

impl EncodingStats {
    /// Appends a timestamp as a difference.
    #[inline]
    pub fn put_timestamp(&self, out: &mut impl BufMut, timestamp: i64) {
        vint::write_unsigned(out, timestamp.wrapping_sub(self.min_timestamp).cast_unsigned());
    }

    /// Appends a local deletion time as a difference.
    #[inline]
    pub fn put_local_deletion_time(&self, out: &mut impl BufMut, seconds: i64) {
        let stored = i64::from(super::input::stored_local_deletion_time(seconds));
        put_i32(out, (stored - self.min_local_deletion_time) as i32);
    }

    /// Appends a TTL as a difference.
    #[inline]
    pub fn put_ttl(&self, out: &mut impl BufMut, ttl: i32) {
        put_i32(out, ttl.wrapping_sub(self.min_ttl));
    }

    /// Appends a deletion.
    pub fn put_deletion(&self, out: &mut impl BufMut, deletion: DeletionTime) {
        self.put_timestamp(out, deletion.marked_for_delete_at);
        self.put_local_deletion_time(out, deletion.local_deletion_time);
    }

    /// Takes a timestamp.
    #[inline]
    pub fn timestamp(&self, input: &mut Input<'_>) -> Taken<i64> {
        Ok(self.timestamp_of(input.vint()?))
    }

    /// The timestamp that is so far behind the lowest one.
    #[inline]
    pub fn timestamp_of(&self, delta: u64) -> i64 {
        delta.cast_signed().wrapping_add(self.min_timestamp)
    }

    /// Takes a local deletion time.
    #[inline]
    pub fn local_deletion_time(&self, input: &mut Input<'_>) -> Taken<i64> {
        let seconds = (input.vint()? as i64).wrapping_add(self.min_local_deletion_time);
        match i32::try_from(seconds) {
            Ok(seconds) => Ok(local_deletion_time(seconds)),
            // Beyond 2038, which a version before `oa` holds only after an overflow.
            Err(_) => Ok(local_deletion_time(seconds as i32)),
        }
    }

    /// Takes a TTL.
    #[inline]
    pub fn ttl(&self, input: &mut Input<'_>) -> Taken<i32> {
        let ttl = (input.vint()? as i32).wrapping_add(self.min_ttl);
        if ttl < 0 { Err(Malformed::Wrong("a negative TTL")) } else { Ok(ttl) }
    }

    /// Takes a deletion.
    pub fn deletion(&self, input: &mut Input<'_>) -> Taken<DeletionTime> {
        let marked_for_delete_at = self.timestamp(input)?;
        let local_deletion_time = self.local_deletion_time(input)?;
        Ok(DeletionTime { marked_for_delete_at, local_deletion_time })
    }
}
