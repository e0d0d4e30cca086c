//! Integration tests.

mod clients;
mod command_line;
mod counters;
mod files;
mod golden;
mod imports;
mod kill;
mod lwt;
mod messages;
mod nodetool;
mod scylla;
mod values;
