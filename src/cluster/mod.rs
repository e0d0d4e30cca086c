//! The node's place in the ring, and the coordinator that takes requests to replicas.
//!
//! - [`conditional`]: writes that depend on what is there.
//! - [`coordinator`]: reads and writes at a consistency level.
//! - [`local_node`]: what this node knows of itself.
//! - [`replicas`]: how many replicas a keyspace has, and how many of them must answer.
//! - [`schema_store`]: the schema as `system_schema` keeps it.
//! - [`settings`]: thresholds that requests are held against.
//! - [`size_estimates`]: how many partitions each table has where.
//! - [`timeouts`]: how long requests may take.

pub mod conditional;
pub mod coordinator;
pub mod disk_usage;
pub mod local_node;
pub mod replicas;
pub mod schema_store;
pub mod settings;
pub mod size_estimates;
pub mod timeouts;

pub use coordinator::{Coordinator, ReadListener};
pub use replicas::LocalNode;
pub use settings::Settings;
