//! Integration tests.

mod clients;
mod golden;
mod imports;
mod scylla;
mod values;
