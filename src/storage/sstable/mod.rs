//! SSTables: immutable files of partitions in the order of their keys, in Cassandra's big format. Version `nb` is
//! written, `ma` to `nb` are read. See `docs/sstable-format.md`.

mod bloom;
mod cardinality;
mod chunk_cache;
mod chunked_file;
mod collector;
mod compression;
mod data_writer;
mod descriptor;
mod disk_type;
mod header;
mod histogram;
mod index;
mod input;
mod metadata;
mod output;
mod plain_rows;
mod reader;
mod rows;
mod scanner;
mod summary;
#[cfg(test)]
pub(super) mod test_support {
    //! What tests of other modules need.
    pub use super::summary::decorate;
    pub use super::tests::random::{Partition, PartitionRows, collect, partition};
    pub use super::tests::tables::every;
}
#[cfg(test)]
mod tests;
mod unfiltered_reader;
mod unfiltered_writer;
mod verify;
mod writer;

pub use cardinality::Cardinality;
pub use chunk_cache::ChunkCache;
pub use collector::StatsOptions;
pub use compression::Compressor;
pub use descriptor::{Component, Descriptor, Version};
pub use header::{EncodingStats, EncodingStatsCollector};
pub use histogram::{EstimatedHistogram, TombstoneHistogram};
pub use metadata::{CommitLogIntervals, CommitLogPosition, StatsMetadata};
pub use reader::{ReaderContext, SSTableReader};
pub use rows::SSTableRows;
pub use scanner::SSTableScanner;
pub use writer::{SSTableWriter, WriterOptions};
