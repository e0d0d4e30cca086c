//! Evaluates a [`ReadCommand`](super::model::ReadCommand) over merged sources.

mod collector;
mod command_text;
mod path;
mod purge;
mod row_filter;

#[cfg(test)]
pub(super) use collector::{Collector, ReadLimits};
pub use command_text::command_text;
pub(super) use command_text::key_text;
pub(super) use path::partition_sources;
pub use purge::purge_row;
