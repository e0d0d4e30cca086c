//! Evaluates a [`ReadCommand`](super::model::ReadCommand) over merged sources.

mod collector;
mod path;
mod purge;
mod row_filter;

#[cfg(test)]
pub(super) use collector::Collector;
pub use purge::purge_row;
