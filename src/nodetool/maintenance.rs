//! What nodetool asks of a server's files and of what works on them: a trait, and plain data.

use std::net::SocketAddr;

use futures::future::BoxFuture;

use super::admin::AdminResult;

/// A snapshot that is to be taken.
#[derive(Clone, Debug)]
pub struct SnapshotRequest {
    /// Its name.
    pub tag: String,
    /// Keyspaces, each with its tables; all tables where none is named.
    pub tables: Vec<(String, Vec<String>)>,
    /// Whether what is in memory is written first.
    pub flush: bool,
    /// After how many seconds it may go.
    pub ttl_seconds: Option<u64>,
}

/// A snapshot of a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SnapshotInfo {
    /// Its name.
    pub tag: String,
    /// The keyspace.
    pub keyspace: String,
    /// The table.
    pub table: String,
    /// Bytes that are there only for it.
    pub true_size_bytes: u64,
    /// The same, SSTables only.
    pub true_sstable_bytes: u64,
    /// Bytes of its files.
    pub size_on_disk_bytes: u64,
    /// When it was taken, as ISO 8601, where that is known.
    pub created_at: Option<String>,
    /// When it may go.
    pub expires_at: Option<String>,
    /// Whether it goes when the server starts again.
    pub ephemeral: bool,
}

/// Which SSTables are rewritten one by one, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rewrite {
    /// `scrub`: all.
    Scrub,
    /// `upgradesstables`: those of another version than is written now, or all.
    Upgrade {
        /// `-a`
        all: bool,
        /// `-t`: only those that were made before that time, in milliseconds since the epoch.
        before_ms: i64,
    },
}

/// A client that is connected.
#[derive(Clone, Debug)]
pub struct ClientInfo {
    /// Where it connects from.
    pub address: SocketAddr,
    /// Version of TLS and cipher suite, if it is encrypted.
    pub tls: Option<(String, String)>,
    /// Version of the protocol.
    pub version: u8,
    /// Who logged in.
    pub user: String,
    /// The keyspace in use.
    pub keyspace: Option<String>,
    /// Requests so far.
    pub requests: u64,
    /// Its driver.
    pub driver_name: Option<String>,
    /// The driver's version.
    pub driver_version: Option<String>,
    /// What it said in STARTUP.
    pub options: Vec<(String, String)>,
}

/// A server's files, and what works on them. Names of keyspaces and tables are known to exist when a method takes them;
/// no table stands for all of its keyspace.
pub trait Maintenance: Send + Sync + 'static {
    /// Takes a snapshot.
    fn snapshot(&self, request: SnapshotRequest) -> BoxFuture<'_, AdminResult<()>>;

    /// All snapshots, in the order of their fields.
    fn snapshots(&self) -> BoxFuture<'_, AdminResult<Vec<SnapshotInfo>>>;

    /// Removes these snapshots.
    fn clear_snapshots(&self, snapshots: Vec<SnapshotInfo>) -> BoxFuture<'_, AdminResult<()>>;

    /// Checks SSTables, with `extended` every row of them.
    fn verify<'a>(
        &'a self,
        keyspace: &'a str,
        tables: &'a [String],
        extended: bool,
    ) -> BoxFuture<'a, AdminResult<()>>;

    /// Rewrites SSTables one by one.
    fn rewrite<'a>(
        &'a self,
        keyspace: &'a str,
        tables: &'a [String],
        what: Rewrite,
    ) -> BoxFuture<'a, AdminResult<()>>;

    /// Opens SSTables that were put into the table's directories.
    fn refresh<'a>(&'a self, keyspace: &'a str, table: &'a str) -> BoxFuture<'a, AdminResult<()>>;

    /// Whether these tables are compacted in the background, in order of name.
    fn compacts_by_itself(&self, keyspace: &str, tables: &[String]) -> Vec<(String, bool)>;

    /// Has these tables compacted in the background or not, until the next start.
    fn set_compacts_by_itself(&self, keyspace: &str, tables: &[String], enabled: bool);

    /// The least and the greatest number of SSTables that are compacted together.
    fn compaction_thresholds(&self, keyspace: &str, table: &str) -> (usize, usize);

    /// Bytes per second that compaction may read; 0 without bound.
    fn set_compaction_throughput(&self, bytes: u64);

    /// Whether flushed SSTables are linked into `backups/`.
    fn incremental_backups(&self) -> bool;

    /// Has flushed SSTables linked into `backups/` or not, until the next start.
    fn set_incremental_backups(&self, enabled: bool);

    /// The clients that are connected.
    fn clients(&self) -> Vec<ClientInfo>;

    /// Each logger that has a level of its own, after `ROOT`, with the level.
    fn logging_levels(&self) -> AdminResult<Vec<(String, String)>>;

    /// Sets the level of a logger, one of the node's modules or a name of Cassandra's; all are as at start where no level
    /// is given.
    fn set_logging_level(&self, logger: &str, level: &str) -> AdminResult<()>;

    /// Whether clients may use older versions of the protocol.
    fn set_older_protocols(&self, allowed: bool);
}
