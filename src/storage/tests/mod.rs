//! Tests of the store against naive models.
#![allow(clippy::unwrap_used, reason = "tests")]

mod codec;
mod columns;
mod crash;
mod durability;
mod engine;
mod failures;
mod merge;
mod observers;
pub(super) mod operations;
mod replay;
mod trace;
