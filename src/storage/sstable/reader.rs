//! An SSTable open for reading (Cassandra: `BigTableReader`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use bytes::Bytes;
use uuid::Uuid;

use super::bloom::BloomFilter;
use super::cardinality::Cardinality;
use super::chunk_cache::ChunkCache;
use super::chunked_file::{Access, ChunkedFile, Cursor, Layout};
use super::compression::CompressionInfo;
use super::descriptor::{Component, Descriptor};
use super::header::EncodingStats;
use super::index::BlockIndex;
use super::input::{Input, Malformed, Taken};
use super::metadata::{PARTITIONER, Statistics, StatsMetadata};
use super::rows::SSTableRows;
use super::scanner::SSTableScanner;
use super::summary::{Summary, SummaryEntry, decorate};
use super::unfiltered_reader::RowDecoder;
use crate::env::fs::FileSystem;
use crate::schema::system::is_local_system_keyspace;
use crate::schema::{ColumnId, TableMetadata};
use crate::storage::error::StorageError;
use crate::storage::model::{
    BoundKind, Clustering, ClusteringBound, ClusteringIndexFilter, ColumnFilter, DecoratedKey, KeyBound,
    NO_EXPIRATION,
};
use crate::storage::{ClusteringComparator, IoMode};
use crate::types::vint;

/// What depends on the table's current definition.
#[derive(Debug)]
pub struct Mapping {
    /// Takes rows.
    pub decoder: Arc<RowDecoder>,
    /// Compares rows.
    pub comparator: ClusteringComparator,
}

/// An open SSTable. Its files may be removed while it is in use.
#[derive(Debug)]
pub struct SSTableReader {
    descriptor: Descriptor,
    statistics: Statistics,
    summary: Summary,
    filter: BloomFilter,
    pub(super) data: Arc<ChunkedFile>,
    pub(super) index: Arc<ChunkedFile>,
    mapping: ArcSwap<Mapping>,
    bytes_on_disk: u64,
    /// Whether damage was found in it.
    suspect: AtomicBool,
}

/// What the readers of a node share.
#[derive(Clone, Debug)]
pub struct ReaderContext {
    /// Chunks that were read.
    pub cache: Arc<ChunkCache>,
    /// A cell of more bytes than this is taken for damage (`max_value_size`).
    pub value_bytes_max: usize,
}

impl ReaderContext {
    /// Any value is read.
    pub fn new(cache: Arc<ChunkCache>) -> Self {
        Self { cache, value_bytes_max: usize::MAX }
    }
}

/// Where a partition is.
#[derive(Clone, Debug)]
pub struct PartitionPosition {
    /// Its start in `Data.db`.
    pub data: u64,
    /// Its blocks, where it has several.
    pub blocks: Option<BlockIndex>,
}

impl SSTableReader {
    /// Opens an SSTable of that table: reads everything but rows and index.
    pub fn open(
        fs: &dyn FileSystem,
        descriptor: Descriptor,
        table: &TableMetadata,
        context: &ReaderContext,
    ) -> Result<Arc<Self>, StorageError> {
        let cache = &context.cache;
        let version = descriptor.version;
        let statistics = load(fs, &descriptor, Component::Statistics)?;
        let statistics =
            parsed(&descriptor, Component::Statistics, Statistics::deserialize(&statistics, version))?;
        if statistics.validation.partitioner != PARTITIONER {
            return Err(StorageError::corruption(
                descriptor.path(Component::Statistics),
                format!("the partitioner {} is not ours", statistics.validation.partitioner),
            ));
        }
        let chance = table.params.crc_check_chance;
        let data_path = descriptor.path(Component::Data);
        let data = ChunkedFile::open(fs, data_path, data_layout(fs, &descriptor)?, cache.clone(), chance)?;
        let index_path = descriptor.path(Component::Index);
        let index = ChunkedFile::open(fs, index_path, Layout::Plain, cache.clone(), chance)?;
        let (data, index) = (Arc::new(data), Arc::new(index));
        let filter = if fs.exists(&descriptor.path(Component::Filter)) {
            let content = load(fs, &descriptor, Component::Filter)?;
            parsed(&descriptor, Component::Filter, BloomFilter::deserialize(&content, version))?
        } else {
            BloomFilter::always_present()
        };
        let summary = if fs.exists(&descriptor.path(Component::Summary)) {
            let content = Bytes::from(load(fs, &descriptor, Component::Summary)?);
            parsed(&descriptor, Component::Summary, Summary::deserialize(&content))?
        } else {
            summarize(&index, table.params.min_index_interval)?
        };
        let mapping = Mapping {
            decoder: Arc::new(RowDecoder::new(
                &statistics.header,
                table,
                &descriptor,
                context.value_bytes_max,
            )?),
            comparator: ClusteringComparator::new(table),
        };
        let bytes_on_disk = Component::ALL.into_iter().filter_map(|c| fs.len(&descriptor.path(c)).ok()).sum();
        Ok(Arc::new(Self {
            descriptor,
            statistics,
            summary,
            filter,
            data,
            index,
            mapping: ArcSwap::from_pointee(mapping),
            bytes_on_disk,
            suspect: AtomicBool::new(false),
        }))
    }

    /// Takes over a new definition of the table: dropped columns vanish from rows, for one.
    pub fn set_table(&self, table: &TableMetadata) -> Result<(), StorageError> {
        let value_bytes_max = self.mapping().decoder.value_bytes_max();
        let (header, descriptor) = (&self.statistics.header, &self.descriptor);
        self.mapping.store(Arc::new(Mapping {
            decoder: Arc::new(RowDecoder::new(header, table, descriptor, value_bytes_max)?),
            comparator: ClusteringComparator::new(table),
        }));
        Ok(())
    }

    pub(super) fn mapping(&self) -> Arc<Mapping> {
        self.mapping.load_full()
    }

    /// Which SSTable this is.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// Notes that damage was found in it: it is not compacted any more (Cassandra: `markSuspect`).
    pub fn mark_suspect(&self) {
        self.suspect.store(true, Ordering::Relaxed);
    }

    /// Whether damage was found in it.
    pub fn is_suspect(&self) -> bool {
        self.suspect.load(Ordering::Relaxed)
    }

    /// What is known of its content.
    pub fn stats(&self) -> &StatsMetadata {
        &self.statistics.stats
    }

    /// Whether this node wrote it, so that its places in the commit log are those of this node's log. Tables that are
    /// never streamed may be older than the node's id.
    pub fn is_written_here(&self, table: &TableMetadata, host_id: Option<Uuid>) -> bool {
        is_local_system_keyspace(&table.keyspace)
            || host_id.is_some() && self.stats().originating_host_id == host_id
    }

    /// The minima its times are written against.
    pub fn encoding_stats(&self) -> EncodingStats {
        self.statistics.header.stats
    }

    /// The columns that it may have, of those that the table has.
    pub fn columns(&self, table: &TableMetadata) -> Vec<ColumnId> {
        let header = &self.statistics.header;
        let names = header.static_columns.iter().chain(&header.regular_columns);
        names.filter_map(|c| table.column(std::str::from_utf8(&c.name).ok()?)).map(|c| c.id).collect()
    }

    /// Its first key.
    pub fn first_key(&self) -> &DecoratedKey {
        &self.summary.first
    }

    /// Its last key.
    pub fn last_key(&self) -> &DecoratedKey {
        &self.summary.last
    }

    /// The bytes of its files.
    pub fn bytes_on_disk(&self) -> u64 {
        self.bytes_on_disk
    }

    /// The bytes of `Data.db` on disk.
    pub fn data_bytes_on_disk(&self) -> u64 {
        self.data.stored_len()
    }

    /// The bytes of its rows, uncompressed.
    pub fn uncompressed_bytes(&self) -> u64 {
        self.data.len()
    }

    /// The bytes that its summary and its filter take in memory.
    pub fn memory_size(&self) -> (usize, usize) {
        (self.summary.memory_size(), self.filter.memory_size())
    }

    /// The bytes of the filter.
    pub fn bloom_filter_bytes(&self) -> usize {
        self.filter.memory_size()
    }

    /// The estimate of its distinct keys, where there is one.
    pub fn cardinality(&self) -> Option<&Cardinality> {
        self.statistics.cardinality.as_ref()
    }

    /// About how many partitions it has.
    pub fn estimated_partitions(&self) -> u64 {
        u64::try_from(self.stats().partition_sizes.count()).unwrap_or(0)
    }

    /// Whether it may have a partition; a false "yes" is as likely as the filter says.
    #[inline]
    pub fn may_contain(&self, key: &DecoratedKey) -> bool {
        *key >= self.summary.first && *key <= self.summary.last && self.filter.may_contain(&key.key)
    }

    /// Where a partition is. To be asked after [`SSTableReader::may_contain`].
    pub fn position(
        &self,
        key: &DecoratedKey,
        mode: IoMode,
    ) -> Result<Option<PartitionPosition>, StorageError> {
        let (from, to) = self.summary.index_range(key);
        let to = to.unwrap_or(self.index.len()).min(self.index.len());
        let mut cursor = Cursor::new(self.index.clone(), Access::Cached(mode), from);
        while cursor.position() < to {
            let end = usize::try_from(to - cursor.position()).unwrap_or(usize::MAX);
            match cursor.take(|input| look_up(input, &key.key, end))? {
                LookedUp::Entry { data, size } => {
                    let entry = cursor.bytes(size)?;
                    return self.checked_position(&cursor, data, &entry).map(Some);
                }
                LookedUp::Passed { rest } => cursor.skip(rest as u64),
            }
        }
        Ok(None)
    }

    fn checked_position(
        &self,
        cursor: &Cursor,
        data: u64,
        entry: &Bytes,
    ) -> Result<PartitionPosition, StorageError> {
        if data >= self.data.len() {
            return Err(cursor.damaged("an index entry points behind the end of the data"));
        }
        let lengths = self.mapping.load().decoder.clustering_lengths().clone();
        let blocks = BlockIndex::parse(entry, &lengths);
        let blocks = blocks.map_err(|why| cursor.damaged(&format!("an index entry is damaged: {why:?}")))?;
        Ok(PartitionPosition { data, blocks })
    }

    /// Whether a filter may select anything here, of whatever partition: rows, static rows, deletions.
    fn may_select(&self, filter: &ClusteringIndexFilter) -> bool {
        let stats = self.stats();
        let may_delete = stats.min_local_deletion_time != NO_EXPIRATION;
        if may_delete || !self.statistics.header.static_columns.is_empty() {
            return true;
        }
        let bound = |kind, prefix: &Clustering| ClusteringBound { kind, prefix: prefix.clone() };
        let first = bound(BoundKind::InclStart, &stats.min_clustering);
        let last = bound(BoundKind::InclEnd, &stats.max_clustering);
        let mapping = self.mapping.load();
        let comparator = &mapping.comparator;
        match filter {
            ClusteringIndexFilter::Slices { slices, .. } => slices.iter().any(|slice| {
                comparator.compare(&slice.end, &first).is_gt()
                    && comparator.compare(&slice.start, &last).is_lt()
            }),
            ClusteringIndexFilter::Names { clusterings, .. } => clusterings
                .iter()
                .any(|c| comparator.compare(c, &first).is_gt() && comparator.compare(c, &last).is_lt()),
        }
    }

    /// Why [`Self::read`] finds nothing, for a trace.
    pub fn why_not(&self, key: &DecoratedKey, filter: &ClusteringIndexFilter) -> String {
        let id = &self.descriptor().id;
        match () {
            () if !self.may_contain(key) => format!("Bloom filter allows skipping sstable {id}"),
            () if !self.may_select(filter) => format!("Clusterings allow skipping sstable {id}"),
            () => format!("Partition index lookup allows skipping sstable {id}"),
        }
    }

    /// The part of a partition that filters select; none where the partition is not here.
    pub fn read(
        self: &Arc<Self>,
        key: &DecoratedKey,
        filter: &ClusteringIndexFilter,
        columns: &ColumnFilter,
        mode: IoMode,
    ) -> Result<Option<SSTableRows>, StorageError> {
        if !self.may_contain(key) || !self.may_select(filter) {
            return Ok(None);
        }
        let Some(position) = self.position(key, mode)? else { return Ok(None) };
        let access = Access::Cached(mode);
        SSTableRows::open(self, key.clone(), position, filter, columns.clone(), access).map(Some)
    }

    /// The partitions between two bounds, and of each what a filter selects.
    pub fn scan(
        self: &Arc<Self>,
        start: KeyBound,
        end: KeyBound,
        filter: ClusteringIndexFilter,
        columns: ColumnFilter,
        mode: IoMode,
    ) -> SSTableScanner {
        SSTableScanner::new(self.clone(), start, end, filter, columns, Access::Cached(mode))
    }

    /// Everything, past the cache; for compaction.
    pub fn scan_all(self: &Arc<Self>) -> SSTableScanner {
        let all = ClusteringIndexFilter::all();
        let (start, end) = (KeyBound::Unbounded, KeyBound::Unbounded);
        SSTableScanner::new(self.clone(), start, end, all, ColumnFilter::ALL, Access::scan())
    }

    /// Where in `Index.db` to look for the first key that is within a bound.
    pub(super) fn index_position(&self, start: &KeyBound) -> u64 {
        match start {
            KeyBound::Unbounded => 0,
            KeyBound::Token(token, _) => self.summary.index_position(*token),
            KeyBound::Key(key, _) => self.summary.index_position(key.token),
        }
    }
}

/// What came of looking for a key in the entries of `Index.db` that are at hand.
enum LookedUp {
    /// Its entry, up to the blocks.
    Entry {
        /// The partition's place in `Data.db`.
        data: u64,
        /// The bytes of the blocks, which follow.
        size: usize,
    },
    /// It was none of these; so many bytes belong to the last of them still.
    Passed { rest: usize },
}

/// Looks for a key in as many whole entries as there are before `end`.
fn look_up(input: &mut Input<'_>, key: &[u8], end: usize) -> Taken<LookedUp> {
    input.pass(end, |entries| pass_others(entries, key));
    while input.position() < end {
        let start = *input;
        match entry_head(input, key) {
            Ok((true, data, size)) => return Ok(LookedUp::Entry { data, size }),
            Ok((false, _, size)) if input.rest().len() < size => return Ok(LookedUp::Passed { rest: size }),
            Ok((false, _, size)) => input.skip(size)?,
            Err(Malformed::Short(_)) if start.position() > 0 => {
                *input = start;
                break;
            }
            Err(why) => return Err(why),
        }
    }
    Ok(LookedUp::Passed { rest: 0 })
}

/// Passes over an entry of another key; none where it is of that key, or not whole.
#[inline]
fn pass_others(entries: &mut &[u8], key: &[u8]) -> Option<()> {
    let (length, rest) = entries.split_first_chunk::<2>()?;
    let (of, mut rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    // Most keys differ in their last byte already.
    if of.last() == key.last() && of == key {
        return None;
    }
    vint::read_unsigned(&mut rest)?;
    let size = vint::read_unsigned(&mut rest)?;
    *entries = rest.get(usize::try_from(size).ok()?..)?;
    Some(())
}

/// Whether an entry is of that key, its place in the data, and the size of its blocks.
fn entry_head(input: &mut Input<'_>, key: &[u8]) -> Taken<(bool, u64, usize)> {
    Ok((input.short_bytes()? == key, input.vint()?, input.vint_length()?))
}

fn load(fs: &dyn FileSystem, descriptor: &Descriptor, component: Component) -> Result<Vec<u8>, StorageError> {
    let path = descriptor.path(component);
    fs.read(&path).map_err(|e| StorageError::io(&path, e))
}

fn parsed<T>(descriptor: &Descriptor, component: Component, taken: Taken<T>) -> Result<T, StorageError> {
    taken.map_err(|why| StorageError::corruption(descriptor.path(component), why.message()))
}

fn data_layout(fs: &dyn FileSystem, descriptor: &Descriptor) -> Result<Layout, StorageError> {
    if fs.exists(&descriptor.path(Component::CompressionInfo)) {
        let content = load(fs, descriptor, Component::CompressionInfo)?;
        let info = CompressionInfo::deserialize(&content, descriptor.version);
        return Ok(Layout::Compressed(parsed(descriptor, Component::CompressionInfo, info)?));
    }
    if fs.exists(&descriptor.path(Component::Crc)) {
        let content = load(fs, descriptor, Component::Crc)?;
        return parsed(descriptor, Component::Crc, Layout::checksummed(&content));
    }
    Ok(Layout::Plain)
}

/// The summary of an index that has none.
fn summarize(index: &Arc<ChunkedFile>, interval: i32) -> Result<Summary, StorageError> {
    let interval = usize::try_from(interval).unwrap_or(1).max(1);
    let mut cursor = Cursor::new(index.clone(), Access::scan(), 0);
    let (mut entries, mut first, mut last) = (Vec::new(), None, None);
    let mut count = 0_usize;
    while !cursor.is_at_end() {
        let position = cursor.position();
        let key = cursor.take(|input| {
            let key = Bytes::copy_from_slice(input.short_bytes()?);
            input.vint()?;
            let size = input.vint_length()?;
            input.skip(size)?;
            Ok(key)
        })?;
        let key = decorate(key);
        if count.is_multiple_of(interval) {
            entries.push(SummaryEntry { key: key.clone(), position });
        }
        count += 1;
        first.get_or_insert_with(|| key.clone());
        last = Some(key);
    }
    match (first, last) {
        (Some(first), Some(last)) => Ok(Summary::new(entries, first, last)),
        _ => Err(cursor.damaged("an index without entries")),
    }
}
