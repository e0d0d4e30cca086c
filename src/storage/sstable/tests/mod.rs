//! Tests of whole SSTables.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test")]

mod fixtures;
mod random;
mod tables;
