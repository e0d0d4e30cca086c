//! nodetool: Cassandra's commands for operators, with its flags and output.
//!
//! [`client`] is the command line's end, [`Channel`] the server's. Commands run in the server against [`Admin`] and
//! answer with text, so that output and server are always of one version.

mod absent;
mod admin;
mod alone;
mod channel;
pub mod client;
mod clients;
mod command;
mod compaction;
pub(crate) mod format;
mod maintenance;
mod measures;
mod ring;
mod roles;
mod snapshots;
mod tables;
mod upkeep;

pub use admin::{
    Admin, AdminError, AdminResult, CacheInfo, CompactionInfo, KeyspaceInfo, NodeInfo, NodeState,
    PastCompaction, RingNode, RunningCompaction, Selection, TableStats,
};
pub use channel::{Channel, SOCKET};
pub use command::{Output, execute};
pub use maintenance::{ClientInfo, Maintenance, Rewrite, SnapshotInfo, SnapshotRequest};
pub use measures::{Measures, Percentiles, PoolStats, TableHistograms};
pub use roles::{CidrFigures, CidrGroup, RoleCache, RoleCacheSettings, Roles};

#[cfg(test)]
mod tests;
