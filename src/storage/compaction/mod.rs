//! Compaction: several SSTables become one, or several that are better arranged, without what is shadowed or was
//! deleted long enough ago (Cassandra: package `db.compaction`).

mod candidate;
mod leveled;
mod manager;
mod overlaps;
mod purge;
mod size_tiered;
mod splitter;
mod strategy;
#[cfg(test)]
mod strategy_tests;
mod task;
#[cfg(test)]
mod tests;
mod throttle;
mod time_window;
mod unified;

pub use candidate::{Candidate, Split};
pub use manager::{CompactionManager, ManagerOptions};
pub use splitter::Splitter;
pub use strategy::{Situation, Strategy};
pub use task::{CompactionInfo, CompactionTable, CompactionTask, Finished, OnEmptied};
pub use throttle::Throttle;
