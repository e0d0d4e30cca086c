//! Options of keyspaces and tables.

use std::collections::BTreeMap;

/// Options of a keyspace (Cassandra: `KeyspaceParams`).
#[derive(Clone, Debug, PartialEq)]
pub struct KeyspaceParams {
    /// Whether writes go through the commit log.
    pub durable_writes: bool,
    /// How replicas are placed.
    pub replication: Replication,
}

/// A replication strategy and its options as given (Cassandra: `ReplicationParams`).
#[derive(Clone, Debug, PartialEq)]
pub struct Replication {
    /// The full name of the strategy's class, `org.apache.cassandra.locator.SimpleStrategy` for one.
    pub class: String,
    /// The other options, `replication_factor` or data centres.
    pub options: BTreeMap<String, String>,
}

/// Options of a table, each as in `system_schema.tables` (Cassandra: `TableParams`).
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields are CQL's own table options")]
pub struct TableParams {
    pub additional_write_policy: SpeculativeRetry,
    pub allow_auto_snapshot: bool,
    pub bloom_filter_fp_chance: f64,
    pub caching: Caching,
    pub cdc: bool,
    pub comment: String,
    pub compaction: CompactionParams,
    pub compression: CompressionParams,
    pub crc_check_chance: f64,
    /// Seconds; 0 for none.
    pub default_time_to_live: i32,
    pub extensions: BTreeMap<String, Vec<u8>>,
    /// Seconds.
    pub gc_grace_seconds: i32,
    pub incremental_backups: bool,
    pub max_index_interval: i32,
    /// The name of a memtable configuration, `default` where none was given.
    pub memtable: String,
    /// Milliseconds.
    pub memtable_flush_period_in_ms: i32,
    pub min_index_interval: i32,
    pub read_repair: String,
    pub speculative_retry: SpeculativeRetry,
}

/// A speculative retry policy in its normal text form, `99p` for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpeculativeRetry(pub String);

/// `caching` (Cassandra: `CachingParams`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caching {
    /// Whether keys are cached (`ALL`) or not (`NONE`).
    pub keys: bool,
    /// `ALL`, `NONE` or a number.
    pub rows_per_partition: String,
}

/// `compaction` (Cassandra: `CompactionParams`): the options as given, with the full name of the class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompactionParams {
    /// The full name of the class.
    pub class: String,
    /// All other options, with the thresholds that were filled in.
    pub options: BTreeMap<String, String>,
}

/// `compression` (Cassandra: `CompressionParams`).
#[derive(Clone, Debug, PartialEq)]
pub struct CompressionParams {
    /// The full name of the compressor's class; none where compression is off.
    pub class: Option<String>,
    /// Bytes of an uncompressed chunk, a power of two.
    pub chunk_length_bytes: u32,
    /// Chunks that compress worse than this ratio are stored as they are; 0 where never.
    pub min_compress_ratio: f64,
    /// Options of the compressor itself.
    pub options: BTreeMap<String, String>,
}

impl Default for KeyspaceParams {
    fn default() -> Self {
        let options = BTreeMap::from([("replication_factor".to_owned(), "1".to_owned())]);
        Self { durable_writes: true, replication: Replication { class: simple_strategy(), options } }
    }
}

fn simple_strategy() -> String {
    "org.apache.cassandra.locator.SimpleStrategy".to_owned()
}

impl Default for TableParams {
    /// The defaults of Cassandra 5.0 with its shipped configuration.
    fn default() -> Self {
        Self {
            additional_write_policy: SpeculativeRetry("99p".to_owned()),
            allow_auto_snapshot: true,
            bloom_filter_fp_chance: 0.01,
            caching: Caching { keys: true, rows_per_partition: "NONE".to_owned() },
            cdc: false,
            comment: String::new(),
            compaction: CompactionParams::default(),
            compression: CompressionParams::default(),
            crc_check_chance: 1.0,
            default_time_to_live: 0,
            extensions: BTreeMap::new(),
            gc_grace_seconds: 864_000,
            incremental_backups: true,
            max_index_interval: 2048,
            memtable: "default".to_owned(),
            memtable_flush_period_in_ms: 0,
            min_index_interval: 128,
            read_repair: "BLOCKING".to_owned(),
            speculative_retry: SpeculativeRetry("99p".to_owned()),
        }
    }
}

impl Default for CompactionParams {
    fn default() -> Self {
        let thresholds = [("max_threshold", "32"), ("min_threshold", "4")];
        Self {
            class: "org.apache.cassandra.db.compaction.SizeTieredCompactionStrategy".to_owned(),
            options: thresholds.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        }
    }
}

impl Default for CompressionParams {
    fn default() -> Self {
        Self {
            class: Some("org.apache.cassandra.io.compress.LZ4Compressor".to_owned()),
            chunk_length_bytes: 16 * 1024,
            min_compress_ratio: 0.0,
            options: BTreeMap::new(),
        }
    }
}
