//! Compaction: several SSTables become one, without what is shadowed or was deleted long enough ago (Cassandra:
//! package `db.compaction`).

mod manager;
mod purge;
mod size_tiered;
mod task;
#[cfg(test)]
mod tests;
mod throttle;

pub use manager::{CompactionManager, ManagerOptions};
pub use size_tiered::SizeTieredOptions;
pub use task::{CompactionInfo, CompactionTable, CompactionTask, Finished};
pub use throttle::Throttle;
