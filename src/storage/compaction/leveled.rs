//! Levels of SSTables that do not overlap, each ten times as large as the one below (Cassandra:
//! `LeveledCompactionStrategy`, `LeveledManifest`).
//!
//! ```text
//! L0:  [    ] [   ]  [      ]        flushed, overlapping; up to 4 of the target size
//! L1:  [ ][ ][ ][ ][ ]               up to 10 of the target size
//! L2:  [ ][ ][ ][ ][ ][ ][ ][ ]...   up to 100
//! ```

use super::candidate::{Candidate, Pick, Split, span};
use super::size_tiered::SizeTieredOptions;
use super::strategy::{Situation, option};
use crate::schema::CompactionParams;

/// The number of levels; the highest one is never compacted upwards.
pub const LEVELS: usize = 9;

/// More SSTables than that in L0, and those of similar size are compacted there first.
const L0_MAX: usize = 32;

/// After so many compactions without the highest level, an SSTable of it is taken along.
const ROUNDS_MAX: u32 = 25;

/// The compactions since one of that level, for each.
pub type Rounds = [u32; LEVELS];

/// The options of the strategy.
#[derive(Clone, Debug, PartialEq)]
pub struct Leveled {
    sizes: SizeTieredOptions,
    /// Bytes of an SSTable (`sstable_size_in_mb`).
    sstable_bytes: u64,
    /// How many times greater a level is than the one below (`fanout_size`).
    fanout: u64,
}

/// The places of candidates by level, in the order of their keys.
type Levels = Vec<Vec<usize>>;

impl Leveled {
    /// The options of a table.
    pub fn new(params: &CompactionParams, sizes: SizeTieredOptions) -> Self {
        let megabytes: u64 = option(params, "sstable_size_in_mb", 160);
        let fanout = option(params, "fanout_size", 10);
        Self { sizes, sstable_bytes: megabytes.max(1) << 20, fanout }
    }

    /// The bytes that a level may hold.
    fn level_bytes(&self, level: usize) -> u64 {
        if level == 0 { 4 * self.sstable_bytes } else { level_bytes(self.sstable_bytes, self.fanout, level) }
    }

    /// The split of a compaction of everything.
    pub fn maximal(&self) -> Split {
        Split::Levels { bytes: self.sstable_bytes, fanout: self.fanout }
    }

    /// The split of the compaction of one SSTable.
    pub fn split(&self) -> Split {
        Split::AtBytes(self.sstable_bytes)
    }

    /// Candidates by level. One that overlaps another one of its level counts as one of L0.
    pub fn levels(&self, candidates: &[Candidate]) -> Levels {
        let mut levels: Levels = vec![Vec::new(); LEVELS];
        let mut by_age: Vec<usize> = (0..candidates.len()).collect();
        by_age.sort_by_key(|i| candidates[*i].generation);
        for i in by_age {
            let new = &candidates[i];
            let level = new.level.min(LEVELS - 1);
            let overlaps = levels[level].iter().any(|other| candidates[*other].overlaps(new.first, new.last));
            levels[if level > 0 && overlaps { 0 } else { level }].push(i);
        }
        levels[1..].iter_mut().for_each(|level| level.sort_by_key(|i| candidates[*i].first));
        levels
    }

    /// What to compact next.
    pub fn next(&self, situation: &Situation<'_>, rounds: &mut Rounds) -> Option<Pick> {
        let candidates = situation.candidates;
        let levels = self.levels(candidates);
        let in_l0 = || {
            let chosen = self.sizes.best(candidates, idle(candidates, &levels[0]));
            chosen.map(Pick::into_one).filter(|_| levels[0].len() > L0_MAX)
        };
        for (level, members) in levels.iter().enumerate().skip(1).rev() {
            let bytes: u64 = idle(candidates, members).iter().map(|i| candidates[*i].bytes).sum();
            let is_too_large = bytes as f64 / self.level_bytes(level) as f64 > 1.001;
            if !is_too_large || level == LEVELS - 1 {
                continue;
            }
            if let Some(pick) = in_l0() {
                return Some(pick);
            }
            if let Some(inputs) = self.compact_level(candidates, &levels, level) {
                let next = self.next_level(candidates, &levels, &inputs);
                let inputs = with_starved(candidates, &levels, next, inputs, rounds);
                return Some(Pick { level: next, split: self.split(), ..Pick::into_one(inputs) });
            }
        }
        match self.compact_l0(candidates, &levels) {
            None => in_l0(),
            Some(inputs) => {
                let level = self.next_level(candidates, &levels, &inputs);
                Some(Pick { level, split: self.split(), ..Pick::into_one(inputs) })
            }
        }
    }

    /// One SSTable of a level and all of the next one that overlap it: the one behind the last one that was compacted,
    /// and so on around.
    fn compact_level(&self, candidates: &[Candidate], levels: &Levels, level: usize) -> Option<Vec<usize>> {
        let above = &levels[level + 1];
        let last = above.iter().max_by_key(|i| candidates[**i].generation).map(|i| candidates[*i].last);
        let members = &levels[level];
        let start = last.map_or(0, |last| members.partition_point(|i| candidates[*i].first <= last));
        let (before, after) = members.split_at(start);
        after.iter().chain(before).find_map(|i| {
            let one = &candidates[*i];
            let overlapping = above.iter().filter(|o| candidates[**o].overlaps(one.first, one.last));
            let inputs: Vec<usize> = std::iter::once(i).chain(overlapping).copied().collect();
            (idle(candidates, &inputs).len() == inputs.len()).then_some(inputs)
        })
    }

    /// SSTables of L0 that overlap each other, the oldest ones first, with all of L1 that overlap them where they are
    /// enough for an SSTable of L1.
    fn compact_l0(&self, candidates: &[Candidate], levels: &Levels) -> Option<Vec<usize>> {
        let mut remaining = levels[0].clone();
        remaining.sort_by_key(|i| candidates[*i].max_timestamp);
        let busy: Vec<&Candidate> =
            levels[0].iter().map(|i| &candidates[*i]).filter(|candidate| candidate.is_busy).collect();
        let busy_span = span(busy.iter().copied());
        let is_free = |i: usize| busy_span.is_none_or(|(first, last)| !candidates[i].overlaps(first, last));
        let mut inputs: Vec<usize> = Vec::new();
        while let Some(oldest) = remaining.first().copied() {
            let one = &candidates[oldest];
            let (overlapping, rest): (Vec<usize>, Vec<usize>) =
                remaining.iter().partition(|i| candidates[**i].overlaps(one.first, one.last));
            if overlapping.iter().any(|i| candidates[*i].is_busy) {
                remaining.retain(|i| *i != oldest);
                continue;
            }
            remaining = rest;
            inputs.extend(overlapping.into_iter().filter(|i| is_free(*i)));
            if inputs.len() > self.sizes.max_threshold {
                inputs.sort_by_key(|i| candidates[*i].max_timestamp);
                inputs.truncate(self.sizes.max_threshold);
                break;
            }
        }
        if inputs.iter().map(|i| candidates[*i].bytes).sum::<u64>() > self.sstable_bytes {
            let (first, last) = span(inputs.iter().map(|i| &candidates[*i]))?;
            let l1: Vec<usize> =
                levels[1].iter().copied().filter(|i| candidates[*i].overlaps(first, last)).collect();
            if l1.iter().any(|i| candidates[*i].is_busy) || busy.iter().any(|c| c.overlaps(first, last)) {
                return None;
            }
            inputs.extend(l1);
        }
        (inputs.len() >= 2).then_some(inputs)
    }

    /// The level of the output: L0 where there is too little for a higher one.
    fn next_level(&self, candidates: &[Candidate], levels: &Levels, inputs: &[usize]) -> usize {
        let level_of = |i: &usize| levels.iter().position(|level| level.contains(i)).unwrap_or(0);
        let (min, max) = inputs.iter().map(level_of).fold((LEVELS, 0), |(a, b), l| (a.min(l), b.max(l)));
        let bytes: u64 = inputs.iter().map(|i| candidates[*i].bytes).sum();
        match (min, max) {
            (0, 0) if bytes < self.sstable_bytes => 0,
            (min, max) if min == max => (max + 1).min(LEVELS - 1),
            (_, max) => max,
        }
    }

    /// How many compactions are to be done (Cassandra: `getEstimatedTasks`).
    pub fn pending(&self, candidates: &[Candidate]) -> usize {
        let levels = self.levels(candidates);
        let of_level = |(level, members): (usize, &Vec<usize>)| {
            let bytes: u64 = members.iter().map(|i| candidates[*i].bytes).sum();
            let allowed = (self.level_bytes(level) as f64 * 1.001) as u64;
            bytes.saturating_sub(allowed).div_ceil(self.sstable_bytes)
        };
        let tasks: u64 = levels.iter().enumerate().map(of_level).sum();
        let l0 = levels[0].len();
        let more = if l0 > self.sizes.max_threshold { l0 / self.sizes.max_threshold } else { 0 };
        usize::try_from(tasks).unwrap_or(usize::MAX).saturating_add(more)
    }
}

/// The bytes that a level above L0 may hold.
pub fn level_bytes(sstable_bytes: u64, fanout: u64, level: usize) -> u64 {
    fanout.saturating_pow(u32::try_from(level).unwrap_or(u32::MAX)).saturating_mul(sstable_bytes)
}

/// Those that no compaction works on.
fn idle(candidates: &[Candidate], members: &[usize]) -> Vec<usize> {
    members.iter().copied().filter(|i| !candidates[*i].is_busy).collect()
}

/// Adds an SSTable of the highest level that lies within the others, where that level was left alone for too long
/// (Cassandra: `getOverlappingStarvedSSTables`).
fn with_starved(
    candidates: &[Candidate],
    levels: &Levels,
    next: usize,
    mut inputs: Vec<usize>,
    rounds: &mut Rounds,
) -> Vec<usize> {
    rounds[1..].iter_mut().for_each(|count| *count = count.saturating_add(1));
    rounds[next] = 0;
    let Some(highest) = (1..LEVELS).rev().find(|level| !levels[*level].is_empty()) else { return inputs };
    let Some((first, last)) = span(inputs.iter().map(|i| &candidates[*i])) else { return inputs };
    if rounds[highest] > ROUNDS_MAX && first < last {
        let within = |i: &&usize| {
            let c = &candidates[**i];
            !c.is_busy && c.first > first && c.last <= last && !inputs.contains(i)
        };
        let starved = levels[highest].iter().find(within).copied();
        inputs.extend(starved);
    }
    inputs
}
