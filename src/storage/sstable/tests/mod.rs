//! Tests of whole SSTables.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "test")]

mod fixtures;
mod plain;
pub mod random;
pub mod tables;
