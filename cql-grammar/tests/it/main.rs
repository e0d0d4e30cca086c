//! The grammar seen from outside: golden files made by Cassandra, random trees, random texts, limits.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod arbitrary;
mod golden;
mod limits;
mod markers;
mod robust;
mod round_trip;
