//! Levels by density: bytes for the part of all tokens that an SSTable covers (Cassandra: `UnifiedCompactionStrategy`,
//! `Controller`, `ShardManager`). So far this node has all tokens.

use super::candidate::{Candidate, Pick, Split, fully_expired, span};
use super::overlaps::{Inclusion, buckets, oldest_within, overlap_sets};
use super::strategy::{Situation, option};
use crate::schema::CompactionParams;
use crate::schema::options::{bytes_with_unit, fraction};

/// A smaller part of all tokens counts as all of them.
const COVERAGE_MIN: f64 = 1.0 / (1_u64 << 48) as f64;

/// The most times that shards are split in two.
const SHARD_SHIFT_MAX: u32 = 20;

/// The options of the strategy.
#[derive(Clone, Debug, PartialEq)]
pub struct Unified {
    /// For each level how it is compacted (`scaling_parameters`): tiered above 0, leveled below; the last one for all
    /// further levels.
    scaling: Vec<i32>,
    base_shards: u32,
    target_bytes: f64,
    min_bytes: f64,
    flush_bytes: f64,
    growth: f64,
    max_inputs: usize,
    inclusion: Inclusion,
}

/// SSTables of a range of densities.
struct Level {
    index: usize,
    members: Vec<usize>,
}

fn scaling_parameter(text: &str) -> Option<i32> {
    match text.trim().split_at_checked(1)? {
        ("N", "") => Some(0),
        ("L", digits) => digits.parse::<i32>().ok().map(|fanout| 2 - fanout),
        ("T", digits) => digits.parse::<i32>().ok().map(|fanout| fanout - 2),
        _ => text.trim().parse().ok(),
    }
}

impl Unified {
    /// The options of a table.
    pub fn new(params: &CompactionParams) -> Self {
        let text = |name: &str| params.options.get(name);
        let size =
            |name: &str, default: u64| text(name).and_then(|t| bytes_with_unit(t)).unwrap_or(default as f64);
        let scaling: String = option(params, "scaling_parameters", "T4".to_owned());
        let mut scaling: Vec<i32> = scaling.to_uppercase().split(',').filter_map(scaling_parameter).collect();
        if scaling.is_empty() {
            scaling.push(2);
        }
        let max_inputs: i64 = option(params, "max_sstables_to_compact", 0);
        let inclusion: String = option(params, "overlap_inclusion_method", "TRANSITIVE".to_owned());
        Self {
            scaling,
            base_shards: option(params, "base_shard_count", 4_u32).max(1),
            target_bytes: size("target_sstable_size", 1 << 30),
            min_bytes: size("min_sstable_size", 100 << 20),
            flush_bytes: size("flush_size_override", 0),
            growth: text("sstable_growth").and_then(|t| fraction(t)).unwrap_or(0.333),
            max_inputs: usize::try_from(max_inputs).ok().filter(|n| *n > 0).unwrap_or(usize::MAX),
            inclusion: Inclusion::named(&inclusion),
        }
    }

    fn scaling(&self, level: usize) -> i32 {
        self.scaling.get(level).or(self.scaling.last()).copied().unwrap_or(2)
    }

    /// How many times denser a level is than the one below.
    fn fanout(&self, level: usize) -> usize {
        self.scaling(level).unsigned_abs() as usize + 2
    }

    /// How many SSTables that overlap are compacted.
    fn threshold(&self, level: usize) -> usize {
        usize::try_from(self.scaling(level)).unwrap_or(0) + 2
    }

    /// The shards of what has that density (Cassandra: `Controller.getNumShards`).
    pub fn shards(&self, density: f64) -> u32 {
        let base = self.base_shards;
        let power_of_two = |count: f64| 1_u32 << (count.max(1.0).min(f64::from(u32::MAX)) as u32).ilog2();
        if self.min_bytes > 0.0 {
            let count = density / self.min_bytes;
            if count.is_nan() || count < f64::from(base) {
                return power_of_two(count).min(1 << base.trailing_zeros());
            }
        }
        if self.growth == 1.0 {
            return base;
        }
        if self.growth == 0.0 {
            let count = density / (self.target_bytes * 0.5_f64.sqrt() * f64::from(base));
            return base.saturating_mul(power_of_two(count.min(f64::from(1 << SHARD_SHIFT_MAX))));
        }
        let count = density / (self.target_bytes * f64::from(base));
        let power = count.log2() * (1.0 - self.growth) + 0.5;
        let shift = if power >= 0.0 { (power as u32).min(SHARD_SHIFT_MAX) } else { 0 };
        base.saturating_mul(1 << shift)
    }

    /// The split of a flush, where flushes have about that many bytes.
    pub fn flush_split(&self, flush_bytes: u64) -> Split {
        Split::Shards(self.shards(flush_bytes as f64))
    }

    /// SSTables by density; the bound between the first two levels is a little below the size of `fanout` flushes.
    fn levels(&self, candidates: &[Candidate], members: Vec<usize>, flush_bytes: u64) -> Vec<Level> {
        let mut by_density: Vec<(usize, f64)> =
            members.into_iter().map(|i| (i, density([&candidates[i]].into_iter()))).collect();
        by_density.sort_by(|a, b| a.1.total_cmp(&b.1));
        let flush = if self.flush_bytes > 0.0 {
            self.flush_bytes
        } else {
            flush_bytes.div_ceil(1 << 20).max(1) as f64 * f64::from(1 << 20)
        };
        let fanout = |level: usize| self.fanout(level) as f64;
        let mut max = (flush * (1.0 - 0.9 / fanout(0)) * fanout(0)).floor();
        let mut levels = vec![Level { index: 0, members: Vec::new() }];
        for (i, density) in by_density {
            while density >= max {
                let index = levels.len();
                max = (max * fanout(index)).floor();
                levels.push(Level { index, members: Vec::new() });
            }
            if let Some(level) = levels.last_mut() {
                level.members.push(i);
            }
        }
        levels
    }

    /// What to compact next: of the level where most SSTables overlap.
    pub fn next(&self, situation: &Situation<'_>) -> Option<Pick> {
        let candidates = situation.candidates;
        let expired = fully_expired(candidates, situation.gc_before, situation.in_memory);
        let free =
            (0..candidates.len()).filter(|i| !candidates[*i].is_busy && !expired.contains(i)).collect();
        let mut best: Option<(usize, Vec<usize>)> = None;
        for level in self.levels(candidates, free, situation.flush_bytes) {
            let sets = overlap_sets(candidates, level.members);
            let most = sets.iter().map(Vec::len).max().unwrap_or(0);
            if best.as_ref().is_none_or(|(overlap, _)| most > *overlap)
                && let Some(inputs) = self.of_level(candidates, level.index, &sets, most)
            {
                best = Some((most, inputs));
            }
        }
        let mut inputs = best.map(|(_, inputs)| inputs).unwrap_or_default();
        let shards = self.shards(density(inputs.iter().map(|i| &candidates[*i])));
        inputs.extend(&expired);
        (!inputs.is_empty()).then(|| Pick { expired, split: Split::Shards(shards), ..Pick::into_one(inputs) })
    }

    fn of_level(
        &self,
        candidates: &[Candidate],
        level: usize,
        sets: &[Vec<usize>],
        most: usize,
    ) -> Option<Vec<usize>> {
        let threshold = self.threshold(level);
        if most < threshold {
            return None;
        }
        let all = buckets(threshold, self.inclusion, sets);
        let overlap = |bucket: &&[Vec<usize>]| bucket.iter().map(Vec::len).max() == Some(most);
        let bucket = all.iter().copied().find(overlap)?;
        let fanout = self.fanout(level);
        let max_inputs = fanout.max(self.max_inputs);
        let limit = if most <= fanout {
            most
        } else if most <= fanout * self.fanout(level + 1) || max_inputs == fanout {
            max_inputs.min(most)
        } else {
            self.pick_size(level, max_inputs.min(most))
        };
        Some(oldest_within(candidates, bucket, limit))
    }

    /// How many to compact at once where compaction is so late that their data belongs several levels up.
    fn pick_size(&self, mut level: usize, limit: usize) -> usize {
        let leveled = self.scaling(level) < 0;
        let mut next = self.fanout(level);
        let mut size;
        loop {
            size = next;
            level += 1;
            next = next.saturating_mul(self.fanout(level));
            if next > limit {
                break;
            }
        }
        if leveled { size * (limit / size) } else { size }
    }

    /// How many compactions are to be done.
    pub fn pending(&self, candidates: &[Candidate], flush_bytes: u64) -> usize {
        let free = (0..candidates.len()).filter(|i| !candidates[*i].is_busy).collect();
        let levels = self.levels(candidates, free, flush_bytes);
        let of_level = |level: Level| {
            let threshold = self.threshold(level.index);
            let sets = overlap_sets(candidates, level.members);
            let overlap = |bucket: &[Vec<usize>]| bucket.iter().map(Vec::len).max().unwrap_or(0) / threshold;
            buckets(threshold, self.inclusion, &sets).into_iter().map(overlap).sum::<usize>()
        };
        levels.into_iter().map(of_level).sum()
    }

    /// Compactions that leave nothing overlapping.
    pub fn maximal(&self, candidates: &[Candidate]) -> Vec<Pick> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for set in overlap_sets(candidates, (0..candidates.len()).collect()) {
            match groups.last_mut().filter(|group| set.iter().any(|i| group.contains(i))) {
                Some(group) => {
                    let new: Vec<usize> = set.into_iter().filter(|i| !group.contains(i)).collect();
                    group.extend(new);
                }
                None => groups.push(set),
            }
        }
        let pick = |inputs: Vec<usize>| {
            let shards = self.shards(density(inputs.iter().map(|i| &candidates[*i])));
            Pick { split: Split::Shards(shards), ..Pick::into_one(inputs) }
        };
        groups.into_iter().map(pick).collect()
    }
}

/// Bytes for the part of all tokens that they cover together.
fn density<'c>(candidates: impl Iterator<Item = &'c Candidate> + Clone) -> f64 {
    let bytes: u64 = candidates.clone().map(|c| c.bytes).sum();
    let Some((first, last)) = span(candidates) else { return 0.0 };
    let coverage = (i128::from(last) - i128::from(first)) as f64 / 2.0_f64.powi(64);
    bytes as f64 / if coverage >= COVERAGE_MIN { coverage } else { 1.0 }
}
