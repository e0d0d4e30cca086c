//! Helenus: one binary that is interchangeable with Apache Cassandra 5.0.

pub mod schema;
pub mod storage;
pub mod types;
