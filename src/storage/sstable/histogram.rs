//! Histograms of `Statistics.db` (Cassandra: `EstimatedHistogram`, `TombstoneHistogram`).

use bytes::{BufMut, BytesMut};

use super::input::{Input, Malformed, Taken};

/// Counts of values in buckets that grow by a fifth each. The last bucket counts those above all offsets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EstimatedHistogram {
    offsets: Box<[i64]>,
    buckets: Box<[i64]>,
}

impl EstimatedHistogram {
    /// An empty histogram with that many offsets.
    pub fn new(count: usize) -> Self {
        let mut offsets = Vec::with_capacity(count);
        let mut last = 1_i64;
        offsets.push(last);
        while offsets.len() < count {
            let next = (last as f64 * 1.2).round() as i64;
            last = if next == last { next + 1 } else { next };
            offsets.push(last);
        }
        Self { offsets: offsets.into(), buckets: vec![0; count + 1].into() }
    }

    /// For bytes of partitions: up to 3.5 TB.
    pub fn partition_sizes() -> Self {
        Self::new(155)
    }

    /// For cells of partitions: up to 4 billion.
    pub fn cell_counts() -> Self {
        Self::new(118)
    }

    /// Counts a value.
    pub fn add(&mut self, value: i64) {
        let index = self.offsets.partition_point(|offset| *offset < value);
        self.buckets[index] += 1;
    }

    /// The upper ends of the buckets; the last bucket has none.
    pub fn offsets(&self) -> &[i64] {
        &self.offsets
    }

    /// How many values each bucket counted.
    pub fn buckets(&self) -> &[i64] {
        &self.buckets
    }

    /// How many values were counted.
    pub fn count(&self) -> i64 {
        self.buckets.iter().fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// The mean of the values, rounded up; 0 where there are none. Those in the last bucket do not count.
    pub fn mean(&self) -> i64 {
        let counted = self.offsets.iter().zip(&self.buckets);
        let (sum, count) = counted.fold((0.0, 0.0), |(sum, count), (offset, n)| {
            (sum + *offset as f64 * *n as f64, count + *n as f64)
        });
        if count == 0.0 { 0 } else { (sum / count).ceil() as i64 }
    }

    /// The largest value that may have been counted.
    pub fn max(&self) -> i64 {
        match self.buckets.iter().rposition(|n| *n > 0) {
            None => 0,
            Some(i) => self.offsets.get(i).copied().unwrap_or(i64::MAX),
        }
    }

    /// Appends its form in `Statistics.db`: the first offset stands twice, with the first two buckets.
    pub fn serialize(&self, out: &mut BytesMut) {
        out.put_i32(self.buckets.len() as i32);
        for (i, count) in self.buckets.iter().enumerate() {
            out.put_i64(self.offsets[i.saturating_sub(1)]);
            out.put_i64(*count);
        }
    }

    /// Takes one.
    pub fn deserialize(input: &mut Input<'_>) -> Taken<Self> {
        let size = input.length()?;
        if !(2..=10_000).contains(&size) {
            return Err(Malformed::Wrong("a histogram of an impossible size"));
        }
        let (mut offsets, mut buckets) = (vec![0; size - 1], vec![0; size]);
        for (i, bucket) in buckets.iter_mut().enumerate() {
            offsets[i.saturating_sub(1)] = input.i64()?;
            *bucket = input.i64()?;
        }
        Ok(Self { offsets: offsets.into(), buckets: buckets.into() })
    }
}

/// How many tombstones become droppable until when: pairs of a time in seconds and a count, by time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TombstoneHistogram {
    points: Vec<(i64, u32)>,
}

impl TombstoneHistogram {
    /// The pairs.
    pub fn points(&self) -> &[(i64, u32)] {
        &self.points
    }

    /// An estimate of how many there are up to `until`: between two points the count is taken to grow evenly.
    pub fn sum(&self, until: i64) -> f64 {
        let mut sum = 0.0;
        for (i, &(point, count)) in self.points.iter().enumerate() {
            let count = f64::from(count);
            if point <= until {
                sum += count;
                continue;
            }
            let Some((previous, previous_count)) = i.checked_sub(1).map(|i| self.points[i]) else {
                return 0.0;
            };
            let previous_count = f64::from(previous_count);
            let weight = (until - previous) as f64 / (point - previous) as f64;
            let at = previous_count + (count - previous_count) * weight;
            return sum - previous_count / 2.0 + (previous_count + at) * weight / 2.0;
        }
        sum
    }

    /// Appends its form in `Statistics.db` before `oa`.
    pub fn serialize(&self, out: &mut BytesMut) {
        out.put_i32(self.points.len() as i32);
        out.put_i32(self.points.len() as i32);
        for (point, count) in &self.points {
            out.put_f64(*point as f64);
            out.put_i64(i64::from(*count));
        }
    }

    /// Takes one.
    pub fn deserialize(input: &mut Input<'_>) -> Taken<Self> {
        input.i32()?;
        let size = input.length()?;
        let mut points = Vec::with_capacity(size.min(1000));
        for _ in 0..size {
            let point = input.f64()? as i64;
            let max = i64::from(i32::MAX - 1);
            let point = if (0..=max).contains(&point) { point } else { max };
            points.push((point, u32::try_from(input.i64()?).unwrap_or(u32::MAX)));
        }
        points.sort_by_key(|(point, _)| *point);
        points.dedup_by(|next, first| {
            let same = next.0 == first.0;
            if same {
                first.1 = first.1.saturating_add(next.1);
            }
            same
        });
        Ok(Self { points })
    }
}

/// Builds a [`TombstoneHistogram`] of at most 100 points: those that stand closest are put together.
#[derive(Clone, Debug, Default)]
pub struct TombstoneHistogramBuilder {
    counts: std::collections::BTreeMap<i64, u64>,
}

/// Points are rounded up to whole minutes.
const ROUND_SECONDS: i64 = 60;
/// How many points stay.
const BINS: usize = 100;
/// How many points are gathered before they are put together.
const SPOOL: usize = 100_000;

impl TombstoneHistogramBuilder {
    /// Counts a tombstone.
    pub fn add(&mut self, local_deletion_time: i64) {
        let point = local_deletion_time.max(0).div_ceil_minutes();
        *self.counts.entry(point.min(i64::from(i32::MAX - 1))).or_default() += 1;
        if self.counts.len() > SPOOL {
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        let mut points: Vec<(i64, u64)> = std::mem::take(&mut self.counts).into_iter().collect();
        while points.len() > BINS {
            // Halves the surplus in one pass rather than looking for the closest pair each time.
            let surplus = points.len() - BINS;
            let mut gaps: Vec<i64> = points.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
            let nth = (surplus / 2).min(gaps.len() - 1);
            let (_, limit, _) = gaps.select_nth_unstable(nth);
            let limit = *limit;
            let mut merged: Vec<(i64, u64)> = Vec::with_capacity(points.len());
            let mut left = surplus;
            let mut may_merge = false;
            for (point, count) in points {
                match merged.last_mut() {
                    Some((last, last_count)) if may_merge && left > 0 && point - *last <= limit => {
                        let total = *last_count + count;
                        let mean = (i128::from(*last) * i128::from(*last_count)
                            + i128::from(point) * i128::from(count))
                            / i128::from(total);
                        *last = i64::try_from(mean).unwrap_or(point).div_ceil_minutes().clamp(*last, point);
                        *last_count = total;
                        left -= 1;
                        may_merge = false;
                    }
                    _ => {
                        merged.push((point, count));
                        may_merge = true;
                    }
                }
            }
            points = merged;
        }
        self.counts = points.into_iter().collect();
    }

    /// The histogram.
    pub fn build(mut self) -> TombstoneHistogram {
        self.shrink();
        let points = self.counts.into_iter();
        TombstoneHistogram {
            points: points.map(|(p, n)| (p, u32::try_from(n).unwrap_or(i32::MAX as u32))).collect(),
        }
    }
}

trait WholeMinutes {
    fn div_ceil_minutes(self) -> i64;
}

impl WholeMinutes for i64 {
    /// The next whole minute, in seconds.
    fn div_ceil_minutes(self) -> i64 {
        let over = self % ROUND_SECONDS;
        if over == 0 { self } else { self + (ROUND_SECONDS - over) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_grow_as_in_cassandra() {
        assert_eq!(&EstimatedHistogram::new(13).offsets[..], [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 17, 20]);
        assert_eq!(EstimatedHistogram::partition_sizes().offsets.last(), Some(&3_520_571_548_412));
    }

    #[test]
    fn a_histogram_survives_its_file() {
        let mut histogram = EstimatedHistogram::cell_counts();
        [1, 5, 9, 1 << 40].into_iter().for_each(|n| histogram.add(n));
        let mut out = BytesMut::new();
        histogram.serialize(&mut out);
        assert_eq!(EstimatedHistogram::deserialize(&mut Input::new(&out)), Ok(histogram));
    }

    #[test]
    fn tombstones_are_counted_in_at_most_a_hundred_points() {
        let mut builder = TombstoneHistogramBuilder::default();
        (0..250_000).for_each(|i| builder.add(i * 61));
        let histogram = builder.build();
        assert!(histogram.points.len() <= BINS);
        assert_eq!(histogram.sum(i64::MAX), 250_000.0);
        let half = histogram.sum(125_000 * 61);
        assert!((half - 125_000.0).abs() < 10_000.0, "{half}");
    }
}
