//! A histogram of numbers, of which the last five minutes count for percentiles.
//!
//! ```text
//! value:   0 1 2 3 4 5 6 7 8-9 10-11 12-13 14-15 16-19 20-23 ...   four buckets for each power of two
//! bucket:  0 1 2 3 4 5 6 7  8    9     10    11    12    13
//! ```

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Enough for 2^42: more than an hour of nanoseconds.
const BUCKETS: usize = 164;

/// How far back percentiles look.
const WINDOW: Duration = Duration::from_secs(300);

/// How far back rates look.
const RATE_WINDOW: Duration = Duration::from_secs(60);

/// The numbers in each bucket at one moment.
type Counts = Box<[u64; BUCKETS]>;

/// Counts numbers by their size. To record one is an addition.
pub struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    /// What was there at the end of each of the last minutes, the oldest first.
    past: Mutex<VecDeque<(Instant, Counts)>>,
}

impl std::fmt::Debug for Histogram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Histogram").field("count", &self.count()).finish_non_exhaustive()
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: std::array::from_fn(|_| AtomicU64::new(0)), past: Mutex::default() }
    }
}

/// The bucket of a number.
#[inline]
fn bucket_of(value: u64) -> usize {
    if value < 4 {
        return value as usize;
    }
    let power = 63 - value.leading_zeros() as usize;
    let quarter = (value >> (power - 2)) as usize & 3;
    ((power - 1) * 4 + quarter).min(BUCKETS - 1)
}

/// The greatest number of a bucket.
fn greatest_of(bucket: usize) -> u64 {
    if bucket < 4 {
        return bucket as u64;
    }
    let (power, quarter) = (bucket / 4 + 1, bucket as u64 % 4);
    ((4 + quarter + 1) << (power - 2)) - 1
}

/// The middle of a bucket's numbers.
fn middle_of(bucket: usize) -> f64 {
    match bucket {
        0 => 0.0,
        bucket => (greatest_of(bucket - 1) as f64 + 1.0 + greatest_of(bucket) as f64) / 2.0,
    }
}

impl Histogram {
    /// Counts a number.
    #[inline]
    pub fn record(&self, value: u64) {
        // A bucket is never beyond the array.
        if let Some(bucket) = self.buckets.get(bucket_of(value)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a time, as nanoseconds.
    #[inline]
    pub fn record_time(&self, time: Duration) {
        self.record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// How many numbers there were in all.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).sum()
    }

    /// The sum of all numbers there were, as exact as the buckets are.
    pub fn total(&self) -> u64 {
        self.counts().iter().enumerate().map(|(i, count)| middle_of(i) * *count as f64).sum::<f64>() as u64
    }

    fn counts(&self) -> Counts {
        Box::new(std::array::from_fn(|i| self.buckets.get(i).map_or(0, |b| b.load(Ordering::Relaxed))))
    }

    /// Remembers what was counted so far, so that it will not be recent for ever. To be called about every minute.
    pub fn tick(&self, now: Instant) {
        let counts = self.counts();
        let mut past = self.past.lock();
        // While nothing happens nothing has to be remembered.
        let unchanged = match past.back() {
            Some((_, last)) => **last == *counts,
            None => counts.iter().all(|count| *count == 0),
        };
        while past.get(1).is_some_and(|(at, _)| now.saturating_duration_since(*at) >= WINDOW) {
            past.pop_front();
        }
        match past.back_mut() {
            Some((at, _)) if unchanged => *at = now,
            None if unchanged => {}
            _ => past.push_back((now, counts)),
        }
    }

    /// What was recorded lately.
    pub fn recent(&self, now: Instant) -> Recent {
        let mut counts = self.counts();
        let all: u64 = counts.iter().sum();
        let past = self.past.lock();
        let since =
            |age: Duration| past.iter().rev().find(|(at, _)| now.saturating_duration_since(*at) >= age);
        let per_second = match since(RATE_WINDOW).or(past.front()) {
            Some((at, then)) => {
                let seconds = now.saturating_duration_since(*at).as_secs_f64().max(1.0);
                (all - then.iter().sum::<u64>().min(all)) as f64 / seconds
            }
            None => all as f64 / RATE_WINDOW.as_secs_f64(),
        };
        if let Some((_, then)) = since(WINDOW) {
            counts.iter_mut().zip(then.iter()).for_each(|(count, then)| *count = count.saturating_sub(*then));
        }
        Recent { counts, all, per_second }
    }
}

/// The numbers of the last minutes.
#[derive(Clone, Debug)]
pub struct Recent {
    counts: Counts,
    /// How many there were ever.
    pub all: u64,
    /// How many there were in each second, lately.
    pub per_second: f64,
}

impl Recent {
    /// How many there were lately.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The number that this share of all numbers, 0 to 1, does not exceed, up to a quarter too high; 0 where there are
    /// none.
    pub fn percentile(&self, share: f64) -> f64 {
        let wanted = (self.count() as f64 * share).ceil().max(1.0);
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if *count > 0 && seen as f64 >= wanted {
                return greatest_of(bucket) as f64;
            }
        }
        0.0
    }

    /// About the greatest number.
    pub fn max(&self) -> u64 {
        self.counts.iter().rposition(|count| *count > 0).map_or(0, greatest_of)
    }

    /// About the least number.
    pub fn min(&self) -> u64 {
        match self.counts.iter().position(|count| *count > 0) {
            None | Some(0) => 0,
            Some(bucket) => greatest_of(bucket - 1) + 1,
        }
    }

    /// The mean, where there is one.
    pub fn mean(&self) -> Option<f64> {
        let count = self.count();
        let sum: f64 = self.counts.iter().enumerate().map(|(i, count)| middle_of(i) * *count as f64).sum();
        (count > 0).then(|| sum / count as f64)
    }

    /// These and others together.
    pub fn plus(mut self, other: &Recent) -> Recent {
        self.counts.iter_mut().zip(other.counts.iter()).for_each(|(count, other)| *count += other);
        self.all += other.all;
        self.per_second += other.per_second;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_in_the_bucket_that_ends_with_the_next_greatest() {
        for value in (0..5000).chain([1 << 20, (1 << 42) - 1, u64::MAX]) {
            let bucket = bucket_of(value);
            assert!(bucket < BUCKETS);
            if bucket < BUCKETS - 1 {
                assert!(value <= greatest_of(bucket), "{value}");
                assert!(bucket == 0 || value > greatest_of(bucket - 1), "{value}");
                assert!(greatest_of(bucket) <= value + value / 4, "{value}");
            }
        }
    }

    #[test]
    fn percentiles_are_those_of_the_last_minutes() {
        let (histogram, start) = (Histogram::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!((histogram.recent(start).percentile(0.5), histogram.recent(start).mean()), (0.0, None));
        (0..100).for_each(|_| histogram.record(1));
        (0..100).for_each(|_| histogram.record(1000));
        let recent = histogram.recent(at(1));
        assert_eq!((recent.percentile(0.5), recent.percentile(0.99), recent.max()), (1.0, 1023.0, 1023));
        for minute in 1..5 {
            histogram.tick(at(minute * 60));
        }
        histogram.record(3);
        for minute in 5..12 {
            histogram.tick(at(minute * 60));
            let recent = histogram.recent(at(minute * 60 + 1));
            assert_eq!(recent.all, 201);
            match minute {
                ..9 => assert_eq!(recent.max(), 1023, "{minute}"),
                9 => assert_eq!((recent.count(), recent.max()), (1, 3), "{minute}"),
                _ => {}
            }
        }
        assert_eq!(histogram.recent(at(2000)).count(), 0);
    }
}
