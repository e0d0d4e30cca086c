//! What nodetool asks of a server: a trait, and plain data.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures::future::BoxFuture;
use uuid::Uuid;

use super::maintenance::Maintenance;
use super::measures::Measures;
use super::roles::Roles;

/// Why a command did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// The command does not make sense: nodetool explains its use and exits with 1.
    #[error("{0}")]
    Invalid(String),
    /// The server could not do it: nodetool prints the error and exits with 2.
    #[error("{0}")]
    Failed(String),
}

/// The result of a command.
pub type AdminResult<T> = Result<T, AdminError>;

/// Which SSTables of a table are to be compacted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All; into several of equal size, where that is set.
    All {
        /// `-s`
        split_output: bool,
    },
    /// Those that have tokens from the first to the second; where the first is the greater one, around the ring.
    Tokens(i64, i64),
    /// Those that have this partition key, written as text.
    Partition(String),
}

/// A server, as nodetool sees it. Names of keyspaces and tables are known to exist when a method takes them.
pub trait Admin: Send + Sync + 'static {
    /// This node.
    fn node(&self) -> NodeInfo;

    /// Its files, and what works on them.
    fn maintenance(&self) -> &dyn Maintenance;

    /// Its roles.
    fn roles(&self) -> &dyn Roles;

    /// What it measures.
    fn measures(&self) -> &dyn Measures;

    /// Every node of the ring, this one included.
    fn ring(&self) -> Vec<RingNode>;

    /// Every keyspace, local ones included, virtual ones not; in order of name.
    fn keyspaces(&self) -> Vec<KeyspaceInfo>;

    /// The state of these tables of a keyspace, in the order given.
    fn table_stats(&self, keyspace: &str, tables: &[String]) -> Vec<TableStats>;

    /// What compaction has done and is doing.
    fn compactions(&self) -> BoxFuture<'_, AdminResult<CompactionInfo>>;

    /// Writes these tables' memtables to disk; all tables if none is named.
    fn flush<'a>(&'a self, keyspace: &'a str, tables: &'a [String]) -> BoxFuture<'a, AdminResult<()>>;

    /// Compacts SSTables of these tables; of all tables if none is named.
    fn compact<'a>(
        &'a self,
        keyspace: &'a str,
        tables: &'a [String],
        selection: Selection,
    ) -> BoxFuture<'a, AdminResult<()>>;

    /// Compacts these SSTables, of one or several tables, given by the paths of their data files.
    fn compact_files<'a>(&'a self, files: &'a [String]) -> BoxFuture<'a, AdminResult<()>>;

    /// Stops listening for clients and accepting writes, flushes everything. The process stays.
    fn drain(&self) -> BoxFuture<'_, AdminResult<()>>;

    /// Asks the process to end cleanly; returns before it does.
    fn stop_daemon(&self);

    /// Opens or closes the CQL port.
    fn set_native_transport(&self, running: bool) -> BoxFuture<'_, AdminResult<()>>;

    /// Reads the files of keys and certificates again, for new connections. What is wrong with them is in the log.
    fn reload_certificates(&self) -> BoxFuture<'_, AdminResult<()>>;

    /// The timeout of this kind of request: `read`, `range`, `write`, `counterwrite`, `cascontention`, `truncate`,
    /// `misc` and the `internode…` ones.
    fn timeout(&self, kind: &str) -> Option<Duration>;

    /// Changes a timeout until the next start; false if there is no such kind or it cannot change.
    fn set_timeout(&self, kind: &str, timeout: Duration) -> bool;

    /// The share of requests that are traced though nobody asked for it, 0 to 1.
    fn trace_probability(&self) -> f64;

    /// Changes that share.
    fn set_trace_probability(&self, probability: f64);

    /// The data files of a table that hold this partition key, written as text or in hexadecimal, with their levels.
    fn sstables<'a>(
        &'a self,
        keyspace: &'a str,
        table: &'a str,
        key: &'a str,
        is_hex: bool,
    ) -> BoxFuture<'a, AdminResult<Vec<(u32, String)>>>;

    /// Whether a table is compacted by levels.
    fn has_levels(&self, keyspace: &str, table: &str) -> bool;

    /// The replicas of this partition key.
    fn endpoints(&self, keyspace: &str, table: &str, key: &str) -> AdminResult<Vec<IpAddr>>;

    /// The directories of a table's data.
    fn data_paths(&self, keyspace: &str, table: &str) -> Vec<String>;
}

/// A cache, as `nodetool info` shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CacheInfo {
    /// Entries in it.
    pub entries: u64,
    /// Bytes in it.
    pub size_bytes: u64,
    /// Bytes it may hold.
    pub capacity_bytes: u64,
    /// Requests it answered.
    pub hits: u64,
    /// Requests in all.
    pub requests: u64,
}

/// This node.
#[derive(Clone, Debug, Default)]
pub struct NodeInfo {
    /// Its id.
    pub host_id: Uuid,
    /// `cluster_name`
    pub cluster_name: String,
    /// Class of the snitch.
    pub snitch: String,
    /// Class of the partitioner.
    pub partitioner: String,
    /// Data centre.
    pub datacenter: String,
    /// Rack.
    pub rack: String,
    /// The release of Cassandra that this server stands for.
    pub release_version: String,
    /// Version of the schema.
    pub schema_version: Uuid,
    /// Seconds since the epoch when this node last started, its gossip generation.
    pub generation: i64,
    /// Time since start.
    pub uptime: Duration,
    /// It takes part in gossip.
    pub gossip_active: bool,
    /// The CQL port is open.
    pub native_transport_active: bool,
    /// Where CQL clients connect.
    pub native_address: Option<SocketAddr>,
    /// Bytes of its data files.
    pub load_bytes: u64,
    /// Bytes of its data files before compression.
    pub uncompressed_load_bytes: u64,
    /// Memory the process uses.
    pub memory_used_bytes: u64,
    /// Memory the process may use.
    pub memory_limit_bytes: u64,
    /// Bytes in memtables, bloom filters, indexes and compression metadata.
    pub table_memory_bytes: u64,
    /// Unexpected errors since start.
    pub exceptions: u64,
    /// Key cache.
    pub key_cache: CacheInfo,
    /// Row cache.
    pub row_cache: CacheInfo,
    /// Counter cache.
    pub counter_cache: CacheInfo,
    /// Chunk cache, if on.
    pub chunk_cache: Option<CacheInfo>,
    /// `NORMAL`, `DRAINED`, …
    pub mode: String,
    /// Share of the data that is repaired, per cent.
    pub percent_repaired: f64,
    /// Seeds other than this node.
    pub seeds: Vec<String>,
    /// `default_keyspace_rf`
    pub default_keyspace_rf: u32,
    /// Bytes per second, 0 without bound.
    pub compaction_throughput_bytes: u64,
}

/// Whether a node is reachable and what it is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NodeState {
    /// A full member.
    #[default]
    Normal,
    /// Going.
    Leaving,
    /// Coming.
    Joining,
    /// Changing its tokens.
    Moving,
}

/// A node of the ring.
#[derive(Clone, Debug)]
pub struct RingNode {
    /// Address and storage port.
    pub address: SocketAddr,
    /// Its id.
    pub host_id: Uuid,
    /// Data centre.
    pub datacenter: String,
    /// Rack.
    pub rack: String,
    /// Reachable.
    pub up: bool,
    /// What it is doing.
    pub state: NodeState,
    /// Bytes of its data, if known.
    pub load_bytes: Option<u64>,
    /// Its tokens, ascending.
    pub tokens: Vec<i64>,
    /// Version of the schema it has.
    pub schema_version: Uuid,
    /// Release it runs.
    pub release_version: String,
}

/// A keyspace.
#[derive(Clone, Debug, Default)]
pub struct KeyspaceInfo {
    /// Its name.
    pub name: String,
    /// Class of its replication without the package.
    pub replication_class: String,
    /// The other options of its replication.
    pub replication_options: Vec<(String, String)>,
    /// Made by a user.
    pub user: bool,
    /// Its tables, in order of name.
    pub tables: Vec<String>,
}

/// The state of a table.
#[derive(Clone, Debug)]
pub struct TableStats {
    /// The table.
    pub name: String,
    /// Live SSTables.
    pub sstable_count: u64,
    /// Of these, in a format that is not the present one.
    pub old_sstable_count: u64,
    /// Bytes of the largest SSTable.
    pub max_sstable_size_bytes: u64,
    /// SSTables in each level, with levelled compaction.
    pub sstables_in_each_level: Option<Vec<u64>>,
    /// Bytes in each level, with levelled compaction.
    pub sstable_bytes_in_each_level: Option<Vec<u64>>,
    /// Bytes of live SSTables.
    pub space_used_live_bytes: u64,
    /// Bytes of all SSTables, those to be deleted too.
    pub space_used_total_bytes: u64,
    /// Bytes of snapshots.
    pub space_used_by_snapshots_bytes: u64,
    /// Compressed bytes for each byte; -1 if nothing is compressed.
    pub sstable_compression_ratio: f64,
    /// Partitions, estimated.
    pub partitions_estimate: u64,
    /// Cells in the memtable.
    pub memtable_cell_count: u64,
    /// Bytes of live data in the memtable.
    pub memtable_data_size_bytes: u64,
    /// Bytes of the memtable outside a heap: 0 here unless all of it is counted so.
    pub memtable_off_heap_bytes: u64,
    /// Flushes.
    pub memtable_switch_count: u64,
    /// Speculative retries.
    pub speculative_retries: u64,
    /// Reads since start.
    pub read_count: u64,
    /// Time of all reads since start.
    pub read_time: Duration,
    /// Mean time of recent reads, if there were any.
    pub recent_read_latency: Option<Duration>,
    /// Writes since start.
    pub write_count: u64,
    /// Time of all writes since start.
    pub write_time: Duration,
    /// Mean time of recent writes, if there were any.
    pub recent_write_latency: Option<Duration>,
    /// Flushes that wait or run.
    pub pending_flushes: u64,
    /// Share that is repaired, per cent.
    pub percent_repaired: f64,
    /// Bytes repaired.
    pub bytes_repaired: u64,
    /// Bytes not repaired.
    pub bytes_unrepaired: u64,
    /// Bytes in a running repair.
    pub bytes_pending_repair: u64,
    /// Times a bloom filter let pass a key that was not there.
    pub bloom_filter_false_positives: u64,
    /// Share of those among recent answers.
    pub bloom_filter_false_ratio: f64,
    /// Bytes of filters on disk.
    pub bloom_filter_space_bytes: u64,
    /// Bytes of filters in memory.
    pub bloom_filter_memory_bytes: u64,
    /// Bytes of index summaries in memory.
    pub index_summary_memory_bytes: u64,
    /// Bytes of chunk offsets in memory.
    pub compression_metadata_memory_bytes: u64,
    /// Bytes of the smallest partition on disk.
    pub partition_minimum_bytes: u64,
    /// Bytes of the largest partition on disk.
    pub partition_maximum_bytes: u64,
    /// Mean bytes of a partition on disk.
    pub partition_mean_bytes: u64,
    /// Mean and maximum of live rows read by recent slices.
    pub live_cells_per_slice: Option<(f64, u64)>,
    /// Mean and maximum of tombstones read by recent slices.
    pub tombstones_per_slice: Option<(f64, u64)>,
    /// Share of tombstones that could go.
    pub droppable_tombstone_ratio: f64,
}

impl TableStats {
    /// A table that holds nothing.
    pub fn empty(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            sstable_count: 0,
            old_sstable_count: 0,
            max_sstable_size_bytes: 0,
            sstables_in_each_level: None,
            sstable_bytes_in_each_level: None,
            space_used_live_bytes: 0,
            space_used_total_bytes: 0,
            space_used_by_snapshots_bytes: 0,
            sstable_compression_ratio: -1.0,
            partitions_estimate: 0,
            memtable_cell_count: 0,
            memtable_data_size_bytes: 0,
            memtable_off_heap_bytes: 0,
            memtable_switch_count: 0,
            speculative_retries: 0,
            read_count: 0,
            read_time: Duration::ZERO,
            recent_read_latency: None,
            write_count: 0,
            write_time: Duration::ZERO,
            recent_write_latency: None,
            pending_flushes: 0,
            percent_repaired: 100.0,
            bytes_repaired: 0,
            bytes_unrepaired: 0,
            bytes_pending_repair: 0,
            bloom_filter_false_positives: 0,
            bloom_filter_false_ratio: 0.0,
            bloom_filter_space_bytes: 0,
            bloom_filter_memory_bytes: 0,
            index_summary_memory_bytes: 0,
            compression_metadata_memory_bytes: 0,
            partition_minimum_bytes: 0,
            partition_maximum_bytes: 0,
            partition_mean_bytes: 0,
            live_cells_per_slice: None,
            tombstones_per_slice: None,
            droppable_tombstone_ratio: 0.0,
        }
    }
}

/// A compaction that runs.
#[derive(Clone, Debug)]
pub struct RunningCompaction {
    /// Its id.
    pub id: Uuid,
    /// `Compaction`, `Flush`, …
    pub kind: String,
    /// Keyspace.
    pub keyspace: String,
    /// Table.
    pub table: String,
    /// Bytes done.
    pub completed_bytes: u64,
    /// Bytes in all.
    pub total_bytes: u64,
}

/// A compaction that is done: a row of `system.compaction_history`.
#[derive(Clone, Debug)]
pub struct PastCompaction {
    /// Its id.
    pub id: Uuid,
    /// Keyspace.
    pub keyspace: String,
    /// Table.
    pub table: String,
    /// Milliseconds since the epoch.
    pub compacted_at_ms: i64,
    /// Bytes read.
    pub bytes_in: u64,
    /// Bytes written.
    pub bytes_out: u64,
    /// Partitions by the number of SSTables that held them.
    pub rows_merged: Vec<(u32, u64)>,
    /// `compaction_type` and the like.
    pub properties: Vec<(String, String)>,
}

/// What compaction has done and is doing.
#[derive(Clone, Debug, Default)]
pub struct CompactionInfo {
    /// Threads.
    pub concurrent: usize,
    /// Tasks that wait: keyspace, table, number.
    pub pending: Vec<(String, String, u64)>,
    /// Compactions since start.
    pub completed: u64,
    /// Bytes compacted since start.
    pub bytes_compacted: u64,
    /// Compactions given up.
    pub aborted: u64,
    /// Compactions made smaller for lack of space.
    pub reduced: u64,
    /// SSTables left out for lack of space.
    pub dropped_sstables: u64,
    /// Compactions per second, mean of the last fifteen minutes.
    pub rate_15_minutes: f64,
    /// Those that run.
    pub running: Vec<RunningCompaction>,
    /// Those that are done, newest first.
    pub history: Vec<PastCompaction>,
}
