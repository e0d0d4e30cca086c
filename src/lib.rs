//! Helenus: one binary that is interchangeable with Apache Cassandra 5.0.

pub mod cli;
pub mod cluster;
pub mod config;
pub mod consistency;
pub mod cql;
pub mod env;
pub mod error;
pub mod event;
pub mod exec;
pub mod nodetool;
pub mod plan;
pub mod protocol;
pub mod schema;
pub mod server;
pub mod storage;
pub mod types;

pub use server::Server;
