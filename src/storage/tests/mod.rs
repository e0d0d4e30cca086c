//! Tests of the store against naive models.
#![allow(clippy::unwrap_used, reason = "tests")]

mod codec;
mod crash;
mod engine;
mod failures;
mod merge;
pub(super) mod operations;
