//! Integration tests.

mod clients;
mod imports;
mod scylla;
