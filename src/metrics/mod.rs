//! Figures about what the node does, cheap enough for every request: counters and histograms of atomic numbers that are
//! added up when somebody asks.

mod histogram;
mod table;

pub use histogram::{Histogram, Recent};
pub use table::{BatchMetrics, CqlMetrics, TableMetrics};
