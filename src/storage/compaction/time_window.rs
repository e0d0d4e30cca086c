//! Which SSTables of which window of time to compact (Cassandra: `TimeWindowCompactionStrategy`).

use std::collections::BTreeMap;

use super::candidate::{Candidate, Pick, fully_expired};
use super::size_tiered::SizeTieredOptions;
use super::strategy::{Situation, option};
use crate::schema::CompactionParams;

/// The options of the strategy.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeWindow {
    sizes: SizeTieredOptions,
    /// Microseconds of a window.
    window_us: i64,
    /// How many of the units that timestamps are in make a second.
    units_per_second: i64,
}

impl TimeWindow {
    /// The options of a table.
    pub fn new(params: &CompactionParams, sizes: SizeTieredOptions) -> Self {
        let unit: String = option(params, "compaction_window_unit", "DAYS".to_owned());
        let minutes = match unit.to_uppercase().as_str() {
            "MINUTES" => 1,
            "HOURS" => 60,
            _ => 24 * 60,
        };
        let size: i64 = option(params, "compaction_window_size", 1);
        let resolution: String = option(params, "timestamp_resolution", "MICROSECONDS".to_owned());
        let units_per_second = match resolution.to_uppercase().as_str() {
            "SECONDS" => 1,
            "MILLISECONDS" => 1000,
            "NANOSECONDS" => 1_000_000_000,
            _ => 1_000_000,
        };
        Self { sizes, window_us: size.max(1).saturating_mul(minutes * 60 * 1_000_000), units_per_second }
    }

    /// Whether an SSTable is compacted alone to be rid of tombstones: only where an option of that says so.
    pub fn drops_tombstones(params: &CompactionParams) -> bool {
        ["unchecked_tombstone_compaction", "tombstone_compaction_interval", "tombstone_threshold"]
            .iter()
            .filter_map(|name| params.options.get(*name))
            .any(|value| value != "false")
    }

    /// The number of the window that an SSTable is of, by the newest of its timestamps.
    fn window(&self, candidate: &Candidate) -> i64 {
        let seconds = candidate.max_timestamp.div_euclid(self.units_per_second);
        seconds.saturating_mul(1_000_000).div_euclid(self.window_us)
    }

    /// The windows that have something to compact, the newest one first.
    fn due(&self, candidates: &[Candidate]) -> Vec<Vec<usize>> {
        let newest = candidates.iter().map(|c| self.window(c)).max();
        let mut windows: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        for (i, candidate) in candidates.iter().enumerate().filter(|(_, c)| !c.is_busy) {
            windows.entry(self.window(candidate)).or_default().push(i);
        }
        let mut due = Vec::new();
        for (window, mut members) in windows.into_iter().rev() {
            if Some(window) == newest {
                due.extend(self.sizes.best(candidates, members));
            } else if members.len() >= 2 {
                members.sort_by_key(|i| candidates.get(*i).map(|c| c.bytes));
                due.push(members);
            }
        }
        due
    }

    /// What to compact next.
    pub fn next(&self, situation: &Situation<'_>) -> Option<Pick> {
        let candidates = situation.candidates;
        let expired = fully_expired(candidates, situation.gc_before, situation.in_memory);
        let busy =
            |(i, c): (usize, &Candidate)| Candidate { is_busy: c.is_busy || expired.contains(&i), ..*c };
        let rest: Vec<Candidate> = candidates.iter().enumerate().map(busy).collect();
        let mut inputs = self.due(&rest).into_iter().next().unwrap_or_default();
        inputs.truncate(self.sizes.max_threshold);
        inputs.extend(&expired);
        (!inputs.is_empty()).then(|| Pick { expired, ..Pick::into_one(inputs) })
    }

    /// How many compactions are to be done.
    pub fn pending(&self, candidates: &[Candidate]) -> usize {
        self.due(candidates).iter().map(|window| window.len().div_ceil(self.sizes.max_threshold)).sum()
    }
}
