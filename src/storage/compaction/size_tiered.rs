//! Which SSTables of similar size to compact (Cassandra: `SizeTieredCompactionStrategy`).

use std::sync::Arc;

use super::candidate::Candidate;
use super::strategy::option;
use crate::schema::CompactionParams;
use crate::storage::sstable::SSTableReader;

/// The options of the strategy, those of all strategies included.
#[derive(Clone, Debug, PartialEq)]
pub struct SizeTieredOptions {
    /// Whether anything is compacted in the background at all (`enabled`).
    pub enabled: bool,
    /// The fewest SSTables that are compacted (`min_threshold`).
    pub min_threshold: usize,
    /// The most SSTables that are compacted at once (`max_threshold`).
    pub max_threshold: usize,
    /// Bytes below which all SSTables count as of one size (`min_sstable_size`).
    pub min_sstable_size: u64,
    /// SSTables above this part of the average of a bucket fit it (`bucket_low`).
    pub bucket_low: f64,
    /// SSTables below this multiple of the average of a bucket fit it (`bucket_high`).
    pub bucket_high: f64,
    /// The share of droppable tombstones from which on one SSTable is compacted alone (`tombstone_threshold`).
    pub tombstone_threshold: f64,
    /// The seconds that an SSTable must have been there for that (`tombstone_compaction_interval`).
    pub tombstone_compaction_interval: i64,
    /// Whether that happens without a look at what it overlaps (`unchecked_tombstone_compaction`).
    pub unchecked_tombstone_compaction: bool,
    /// Whether only tombstones of repaired SSTables are dropped (`only_purge_repaired_tombstones`).
    pub only_purge_repaired_tombstones: bool,
}

impl SizeTieredOptions {
    /// The options of a table; what is missing, or cannot be read, has its default.
    pub fn new(params: &CompactionParams) -> Self {
        Self {
            enabled: option(params, "enabled", true),
            min_threshold: option(params, "min_threshold", 4).max(2),
            max_threshold: option(params, "max_threshold", 32).max(2),
            min_sstable_size: option(params, "min_sstable_size", 50 << 20),
            bucket_low: option(params, "bucket_low", 0.5),
            bucket_high: option(params, "bucket_high", 1.5),
            tombstone_threshold: option(params, "tombstone_threshold", 0.2),
            tombstone_compaction_interval: option(params, "tombstone_compaction_interval", 86_400),
            unchecked_tombstone_compaction: option(params, "unchecked_tombstone_compaction", false),
            only_purge_repaired_tombstones: option(params, "only_purge_repaired_tombstones", false),
        }
    }

    /// Groups SSTables of similar size.
    pub fn buckets<T>(&self, mut sized: Vec<(T, u64)>) -> Vec<Vec<T>> {
        sized.sort_by_key(|(_, size)| *size);
        let mut buckets: Vec<(u64, Vec<T>)> = Vec::new();
        for (item, size) in sized {
            let fits = |average: u64| {
                let (size, average) = (size as f64, average as f64);
                let small = self.min_sstable_size as f64;
                (size > average * self.bucket_low && size < average * self.bucket_high)
                    || (size < small && average < small)
            };
            match buckets.iter_mut().find(|(average, _)| fits(*average)) {
                Some((average, items)) => {
                    let count = items.len() as u64;
                    *average = (average.saturating_mul(count) + size) / (count + 1);
                    items.push(item);
                }
                None => buckets.push((size, vec![item])),
            }
        }
        buckets.into_iter().map(|(_, items)| items).collect()
    }

    /// Those of similar size, where they are enough; the smallest ones where there are several groups.
    pub fn best(&self, candidates: &[Candidate], members: Vec<usize>) -> Option<Vec<usize>> {
        let bytes = |bucket: &Vec<usize>| bucket.iter().map(|i| candidates[*i].bytes).sum::<u64>();
        let average = |bucket: &Vec<usize>| bytes(bucket) / bucket.len().max(1) as u64;
        let mut chosen = self.due(candidates, members).into_iter().min_by_key(average)?;
        chosen.truncate(self.max_threshold);
        Some(chosen)
    }

    fn due(&self, candidates: &[Candidate], members: Vec<usize>) -> Vec<Vec<usize>> {
        let mut buckets = self.buckets(members.into_iter().map(|i| (i, candidates[i].bytes)).collect());
        buckets.retain(|bucket| bucket.len() >= self.min_threshold);
        buckets
    }

    /// How many compactions are to be done.
    pub fn pending(&self, candidates: &[Candidate]) -> usize {
        let idle = (0..candidates.len()).filter(|i| !candidates[*i].is_busy).collect();
        self.due(candidates, idle).iter().map(|bucket| bucket.len().div_ceil(self.max_threshold)).sum()
    }

    /// Whether so much of an SSTable is droppable tombstones that it is worth to be compacted alone. `created` and
    /// `now` are seconds since 1970.
    pub fn worth_dropping_tombstones(
        &self,
        sstable: &SSTableReader,
        live: &[Arc<SSTableReader>],
        created: i64,
        now: i64,
        gc_before: i64,
    ) -> bool {
        if now < created.saturating_add(self.tombstone_compaction_interval) {
            return false;
        }
        let ratio = sstable.stats().droppable_tombstone_ratio(gc_before);
        if ratio <= self.tombstone_threshold {
            return false;
        }
        if self.unchecked_tombstone_compaction {
            return true;
        }
        // The part of the keys' range that no other SSTable covers.
        let (first, last) = (sstable.first_key().token.0, sstable.last_key().token.0);
        let width = (i128::from(last) - i128::from(first)).max(1) as f64;
        let others = live.iter().filter(|other| other.descriptor() != sstable.descriptor());
        let mut covered: Vec<(i64, i64)> = others
            .map(|other| (other.first_key().token.0.max(first), other.last_key().token.0.min(last)))
            .filter(|(from, to)| from <= to)
            .collect();
        if covered.is_empty() {
            return true;
        }
        covered.sort_unstable();
        let mut free = 0.0;
        let mut reached = first;
        for (from, to) in covered {
            free += (i128::from(from) - i128::from(reached)).max(0) as f64;
            reached = reached.max(to);
        }
        free += (i128::from(last) - i128::from(reached)).max(0) as f64;
        free / width * ratio > self.tombstone_threshold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(min_sstable_size: u64) -> SizeTieredOptions {
        SizeTieredOptions { min_sstable_size, ..SizeTieredOptions::new(&CompactionParams::default()) }
    }

    fn buckets(options: &SizeTieredOptions, sizes: &[u64]) -> Vec<Vec<u64>> {
        options.buckets(sizes.iter().map(|size| (*size, *size)).collect())
    }

    #[test]
    fn sizes_within_half_of_the_average_go_together() {
        let found = buckets(&options(2), &[1000, 4, 1100, 5, 1200, 4, 100_000]);
        assert_eq!(found, [vec![4, 4, 5], vec![1000, 1100, 1200], vec![100_000]]);
    }

    #[test]
    fn all_small_ones_go_together() {
        assert_eq!(buckets(&options(10), &[1, 9, 2, 3]), [[1, 2, 3, 9]]);
    }

    #[test]
    fn options_are_read_as_cassandra_writes_them() {
        let mut params = CompactionParams::default();
        params.options.insert("enabled".to_owned(), "False".to_owned());
        params.options.insert("min_threshold".to_owned(), "8".to_owned());
        let options = SizeTieredOptions::new(&params);
        assert_eq!((options.enabled, options.min_threshold, options.max_threshold), (false, 8, 32));
    }
}
