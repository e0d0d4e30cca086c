//! Evaluates a [`ReadCommand`](super::model::ReadCommand) over merged sources.

mod collector;
mod command_text;
mod path;
mod purge;
mod report;
mod row_filter;
mod watch;

#[cfg(test)]
pub(super) use command_text::command_text;
pub(super) use command_text::key_text;
pub(super) use path::partition_sources;
pub use purge::purge_row;
pub use report::{Passed, ReadReport, ReadThresholds};
#[cfg(test)]
pub(super) use {collector::Collector, watch::ReadLimits};
