//! Writes an SSTable in version `nb` of the big format (Cassandra: `BigTableWriter`, `BigFormatPartitionWriter`).
//!
//! A partition in `Data.db`:
//!
//! ```text
//! key length: u16 | key | deletion: i32, i64 | [ static row ] | ( row or marker )* | 0x01
//! ```

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

use super::bloom::{BloomFilter, MIN_FALSE_POSITIVE_CHANCE};
use super::collector::{MetadataCollector, StatsOptions};
use super::compression::CompressionInfo;
use super::data_writer::{DataWriter, SequentialFile, write_file};
use super::descriptor::{Component, Descriptor};
use super::disk_type::DiskType;
use super::header::{EncodingStats, SerializationHeader};
use super::index::{BlockIndexBuilder, IndexBlock, Place};
use super::metadata::{PARTITIONER, Statistics, ValidationMetadata};
use super::output::{put_deletion_time, put_short_bytes};
use super::summary::SummaryBuilder;
use super::unfiltered_writer::{UnfilteredWriter, WriteColumn};
use crate::env::fs::FileSystem;
use crate::schema::{ColumnId, ColumnMetadata, CompressionParams, TableMetadata};
use crate::storage::ClusteringComparator;
use crate::storage::codec::row_flags;
use crate::storage::error::StorageError;
use crate::storage::model::{BoundKind, DecoratedKey, DeletionTime, Row, RowBuilder};
use crate::storage::observer::ContentObserver;
use crate::storage::{Unfiltered, UnfilteredRowIterator};

/// How an SSTable is to be written.
#[derive(Clone, Debug)]
pub struct WriterOptions {
    /// The minima of everything that will be written, or less.
    pub encoding_stats: EncodingStats,
    /// The columns that occur; none stands for all of the table.
    pub columns: Option<Vec<ColumnId>>,
    /// About how many partitions there will be, for the bloom filter.
    pub partitions: u64,
    /// Bytes of a partition's rows from which on they get an index (`column_index_size`).
    pub column_index_size: u64,
    /// How to compress; none stands for the table's way.
    pub compression: Option<CompressionParams>,
    /// Statistics that do not come from what is written.
    pub stats: StatsOptions,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            encoding_stats: EncodingStats::default(),
            columns: None,
            partitions: 0,
            column_index_size: 64 * 1024,
            compression: None,
            stats: StatsOptions::default(),
        }
    }
}

/// Buffered bytes of a partition go to `Data.db` when that many are gathered.
const PARTITION_BUFFER: usize = 64 * 1024;

/// Writes one SSTable. Partitions come in the order of their keys; nothing is to be seen of it before the
/// transaction that it belongs to is committed.
#[derive(Debug)]
pub struct SSTableWriter {
    fs: Arc<dyn FileSystem>,
    descriptor: Descriptor,
    table: Arc<TableMetadata>,
    options: WriterOptions,
    header: SerializationHeader,
    rows: UnfilteredWriter,
    data: DataWriter,
    index: SequentialFile,
    summary: SummaryBuilder,
    filter: BloomFilter,
    collector: MetadataCollector,
    blocks: BlockIndexBuilder,
    buffer: BytesMut,
    first: Option<DecoratedKey>,
    last: Option<DecoratedKey>,
    partitions: u64,
    observers: Vec<Box<dyn ContentObserver>>,
}

/// The state of the block that is being written.
struct Block {
    first: Option<(Place, u64)>,
    last: Option<Place>,
    open: Option<DeletionTime>,
}

impl SSTableWriter {
    /// Creates the files. An unknown compressor is an error.
    pub fn create(
        fs: Arc<dyn FileSystem>,
        descriptor: Descriptor,
        table: Arc<TableMetadata>,
        options: WriterOptions,
    ) -> Result<Self, StorageError> {
        let has = |c: &&ColumnMetadata| options.columns.as_ref().is_none_or(|ids| ids.contains(&c.id));
        let statics: Vec<&ColumnMetadata> = table.static_columns.iter().filter(has).collect();
        let regulars: Vec<&ColumnMetadata> = table.regular_columns.iter().filter(has).collect();
        let header = SerializationHeader::new(
            &table,
            statics.iter().copied(),
            regulars.iter().copied(),
            options.encoding_stats,
        );
        let columns = |list: &[&ColumnMetadata]| list.iter().map(|c| write_column(c)).collect();
        let rows = UnfilteredWriter::new(
            options.encoding_stats,
            header.clustering_classes.iter().map(|class| DiskType::of_class(class).fixed_length).collect(),
            columns(&statics),
            columns(&regulars),
        );
        let compression = options.compression.as_ref().unwrap_or(&table.params.compression);
        let compression = CompressionInfo::new(compression).map_err(|class| {
            StorageError::Invalid(format!("Could not create Compression for type {class}"))
        })?;
        let data = DataWriter::create(&*fs, &descriptor, compression)?;
        let index = SequentialFile::create(&*fs, descriptor.path(Component::Index))?;
        let chance = table.params.bloom_filter_fp_chance.max(MIN_FALSE_POSITIVE_CHANCE);
        Ok(Self {
            data,
            index,
            summary: SummaryBuilder::new(table.params.min_index_interval),
            filter: BloomFilter::new(options.partitions.max(1), chance),
            collector: MetadataCollector::new(ClusteringComparator::new(&table)),
            blocks: BlockIndexBuilder::default(),
            buffer: BytesMut::with_capacity(PARTITION_BUFFER),
            first: None,
            last: None,
            partitions: 0,
            observers: Vec::new(),
            fs,
            descriptor,
            table,
            options,
            header,
            rows,
        })
    }

    /// The same writer, watched.
    pub fn observed_by(self, observers: Vec<Box<dyn ContentObserver>>) -> Self {
        Self { observers, ..self }
    }

    /// Which SSTable this is.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// The partitions written so far.
    pub fn partitions(&self) -> u64 {
        self.partitions
    }

    /// The uncompressed bytes written so far.
    pub fn position(&self) -> u64 {
        self.data.position() + self.buffer.len() as u64
    }

    /// The bytes of `Data.db` so far, without what is buffered (Cassandra: `getEstimatedOnDiskBytesWritten`).
    pub fn bytes_on_disk(&self) -> u64 {
        self.data.bytes_on_disk()
    }

    /// Writes a partition; nothing of one that has neither rows nor deletions. Says whether it wrote it. After an
    /// error the SSTable must be given up.
    pub fn append(&mut self, partition: &mut dyn UnfilteredRowIterator) -> Result<bool, StorageError> {
        let mut next = partition.next()?;
        let deletion = partition.partition_deletion();
        let static_row = partition.static_row().filter(|row| !row.is_empty()).cloned();
        if next.is_none() && deletion.is_live() && static_row.is_none() {
            return Ok(false);
        }
        let key = partition.key().clone();
        if self.last.as_ref().is_some_and(|last| *last >= key) {
            return Err(StorageError::Invalid(format!(
                "Last written key {:?} >= current key {key:?} writing into {}",
                self.last, self.descriptor
            )));
        }
        let start = self.data.position();
        put_short_bytes(&mut self.buffer, &key.key);
        put_deletion_time(&mut self.buffer, deletion);
        self.collector.partition(&key.key, deletion);
        for observer in &mut self.observers {
            observer.partition(&key, deletion, start);
            if let Some(row) = &static_row {
                observer.static_row(row);
            }
        }
        if self.rows.has_static() {
            self.put_static_row(static_row.as_ref())?;
        }
        let header_length = self.offset(start);
        self.blocks.clear();
        let mut block = Block { first: None, last: None, open: None };
        let mut previous = 0;
        while let Some(unfiltered) = next {
            self.put_unfiltered(&unfiltered, start, &mut previous, &mut block)?;
            next = partition.next()?;
        }
        self.buffer.put_u8(row_flags::END_OF_PARTITION);
        // The last block has the end of the partition in it.
        let end = self.offset(start);
        self.end_block(&mut block, end)?;
        self.flush_buffer()?;
        self.end_partition(key, start, header_length, deletion)?;
        Ok(true)
    }

    /// The bytes of the partition so far.
    fn offset(&self, start: u64) -> u64 {
        self.position() - start
    }

    fn flush_buffer(&mut self) -> Result<(), StorageError> {
        self.data.write(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// A table with static columns has a static row in every partition, an empty one if need be.
    fn put_static_row(&mut self, row: Option<&Row>) -> Result<(), StorageError> {
        match row {
            Some(row) => {
                self.collector.row(row, true);
                self.rows.put_row(&mut self.buffer, row, true, 0)
            }
            None => {
                let empty = RowBuilder::new().build(
                    &crate::storage::model::Clustering::EMPTY,
                    crate::storage::model::LivenessInfo::EMPTY,
                    DeletionTime::LIVE,
                );
                self.rows.put_row(&mut self.buffer, &empty, true, 0)
            }
        }
    }

    fn put_unfiltered(
        &mut self,
        unfiltered: &Unfiltered,
        start: u64,
        previous: &mut u64,
        block: &mut Block,
    ) -> Result<(), StorageError> {
        let offset = self.offset(start);
        let place = match unfiltered {
            Unfiltered::Row(row) => {
                Place { kind: BoundKind::Clustering, prefix: row.clustering().to_clustering() }
            }
            Unfiltered::Marker(marker) => marker.bound.clone(),
        };
        match unfiltered {
            Unfiltered::Row(row) => self.rows.put_row(&mut self.buffer, row, false, offset - *previous)?,
            Unfiltered::Marker(marker) => {
                self.rows.put_marker(&mut self.buffer, marker, offset - *previous)?;
                block.open = marker.open_deletion(false);
            }
        }
        *previous = offset;
        self.collector.unfiltered(unfiltered);
        self.observers.iter_mut().for_each(|observer| observer.unfiltered(unfiltered));
        let (_, block_start) = *block.first.get_or_insert_with(|| (place.clone(), offset));
        block.last = Some(place);
        let end = self.offset(start);
        if end - block_start >= self.options.column_index_size {
            self.end_block(block, end)?;
        }
        if self.buffer.len() >= PARTITION_BUFFER { self.flush_buffer() } else { Ok(()) }
    }

    fn end_block(&mut self, block: &mut Block, end: u64) -> Result<(), StorageError> {
        if let (Some((first, offset)), Some(last)) = (block.first.take(), block.last.take()) {
            let block = IndexBlock { first, last, offset, width: end - offset, open: block.open };
            self.blocks.add(self.rows.clustering_lengths(), &block)?;
        }
        Ok(())
    }

    fn end_partition(
        &mut self,
        key: DecoratedKey,
        start: u64,
        header_length: u64,
        deletion: DeletionTime,
    ) -> Result<(), StorageError> {
        let bytes = self.data.position() - start;
        self.collector.end_of_partition(bytes);
        self.observers.iter_mut().for_each(|observer| observer.end_of_partition(bytes));
        self.filter.add(&key.key);
        self.summary.add(&key.key, self.index.position());
        let mut entry = BytesMut::new();
        self.blocks.put_entry(&mut entry, &key.key, start, header_length, deletion);
        self.index.write(&entry)?;
        self.partitions += 1;
        // The key may point into a much larger buffer that should not stay because of it.
        let key = DecoratedKey { token: key.token, key: Bytes::copy_from_slice(&key.key) };
        self.first.get_or_insert_with(|| key.clone());
        self.last = Some(key);
        Ok(())
    }

    /// Writes all other files and makes everything durable, the names included. None, and no files, where nothing
    /// was written.
    pub fn finish(self) -> Result<Option<Descriptor>, StorageError> {
        let fs = self.fs.clone();
        let (Some(first), Some(last)) = (&self.first, &self.last) else {
            self.abort()?;
            return Ok(None);
        };
        let descriptor = self.descriptor;
        let mut components =
            vec![Component::Data, Component::Index, Component::Summary, Component::Statistics];
        components.extend([Component::Digest, Component::Toc]);
        let (ratio, chunks) = self.data.finish(&*fs)?;
        components.push(chunks);
        self.index.finish()?;
        write_file(
            &*fs,
            &descriptor.path(Component::Summary),
            &self.summary.serialize(&first.key, &last.key),
        )?;
        if self.filter.is_informative() {
            components.push(Component::Filter);
            write_file(&*fs, &descriptor.path(Component::Filter), &self.filter.serialize())?;
        }
        let (cardinality, stats) = self.collector.build(self.options.stats, ratio);
        let statistics = Statistics {
            validation: ValidationMetadata {
                partitioner: PARTITIONER.to_owned(),
                bloom_filter_fp_chance: self.table.params.bloom_filter_fp_chance,
            },
            cardinality: Some(cardinality),
            stats,
            header: self.header,
        };
        write_file(&*fs, &descriptor.path(Component::Statistics), &statistics.serialize())?;
        let mut names: Vec<String> = components.iter().map(|c| c.name().to_owned()).collect();
        for observer in self.observers {
            names.extend(observer.finish()?);
        }
        names.sort_unstable();
        let toc = names.iter().flat_map(|name| [name, "\n"]).collect::<String>();
        write_file(&*fs, &descriptor.path(Component::Toc), toc.as_bytes())?;
        fs.sync_dir(&descriptor.directory).map_err(|e| StorageError::io(&descriptor.directory, e))?;
        Ok(Some(descriptor))
    }

    /// Gives up: removes the files, durably. A transaction that is committed without them must not find them back.
    pub fn abort(self) -> Result<(), StorageError> {
        let Self { fs, descriptor, data, index, .. } = self;
        drop((data, index));
        descriptor.remove(&*fs)?;
        fs.sync_dir(&descriptor.directory).map_err(|e| StorageError::io(&descriptor.directory, e))
    }
}

fn write_column(column: &ColumnMetadata) -> WriteColumn {
    let disk = DiskType::of_class(&column.cql_type.class_name().to_string());
    WriteColumn { id: column.id, fixed_length: disk.fixed_length, is_complex: disk.is_complex }
}
