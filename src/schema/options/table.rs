//! All options of a table together (Cassandra: `TableParams.validate`).

use crate::error::{Error, Result};
use crate::schema::TableParams;
use crate::types::java_double;

/// Twenty years (Cassandra: `Attributes.MAX_TTL`), in seconds.
pub(crate) const TTL_MAX_SECONDS: i32 = 20 * 365 * 24 * 60 * 60;
/// Bloom filters cannot do better (Cassandra: `BloomCalculations.minSupportedBloomFilterFpChance`).
const FP_CHANCE_MIN: f64 = 6.71e-5;

impl TableParams {
    /// Checks all options.
    pub fn validate(&self) -> Result<()> {
        self.compaction.validate()?;
        let fp_chance = self.bloom_filter_fp_chance;
        if fp_chance <= FP_CHANCE_MIN || fp_chance > 1.0 {
            return Err(Error::config(format!(
                "bloom_filter_fp_chance must be larger than {} and less than or equal to 1.0 (got {})",
                java_double(FP_CHANCE_MIN),
                java_double(fp_chance)
            )));
        }
        if self.crc_check_chance < 0.0 || self.crc_check_chance > 1.0 {
            return Err(Error::config(format!(
                "crc_check_chance must be larger than or equal to 0 and smaller than or equal to 1.0 (got {})",
                java_double(self.crc_check_chance)
            )));
        }
        at_least("default_time_to_live", self.default_time_to_live, 0)?;
        if self.default_time_to_live > TTL_MAX_SECONDS {
            return Err(Error::config(format!(
                "default_time_to_live must be less than or equal to {TTL_MAX_SECONDS} (got {})",
                self.default_time_to_live
            )));
        }
        at_least("gc_grace_seconds", self.gc_grace_seconds, 0)?;
        at_least("min_index_interval", self.min_index_interval, 1)?;
        if self.max_index_interval < self.min_index_interval {
            return Err(Error::config(format!(
                "max_index_interval must be greater than or equal to min_index_interval ({}) (got {})",
                self.min_index_interval, self.max_index_interval
            )));
        }
        at_least("memtable_flush_period_in_ms", self.memtable_flush_period_in_ms, 0)
    }
}

fn at_least(option: &str, value: i32, least: i32) -> Result<()> {
    if value >= least {
        return Ok(());
    }
    Err(Error::config(format!("{option} must be greater than or equal to {least} (got {value})")))
}
