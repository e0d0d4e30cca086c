//! `Filter.db`: the bloom filter over partition keys (Cassandra: `BloomFilter`, `BloomCalculations`).
//!
//! ```text
//! hash count: i32 | words: i32 | words * 8 bytes; bit i is bit i % 8 of byte i / 8
//! ```
//!
//! Before `na` the bytes of each word were written in reverse.

use bytes::{BufMut, BytesMut};

use super::descriptor::Version;
use super::input::{Input, Malformed, Taken};
use crate::types::token::murmur3_128;

/// False positive rates: row by buckets (bits) for each key, column by hash functions.
const RATES: [&[f64]; 21] = [
    &[1.0],
    &[1.0, 1.0],
    &[1.0, 0.393, 0.400],
    &[1.0, 0.283, 0.237, 0.253],
    &[1.0, 0.221, 0.155, 0.147, 0.160],
    &[1.0, 0.181, 0.109, 0.092, 0.092, 0.101],
    &[1.0, 0.154, 0.0804, 0.0609, 0.0561, 0.0578, 0.0638],
    &[1.0, 0.133, 0.0618, 0.0423, 0.0359, 0.0347, 0.0364],
    &[1.0, 0.118, 0.0489, 0.0306, 0.024, 0.0217, 0.0216, 0.0229],
    &[1.0, 0.105, 0.0397, 0.0228, 0.0166, 0.0141, 0.0133, 0.0135, 0.0145],
    &[1.0, 0.0952, 0.0329, 0.0174, 0.0118, 0.00943, 0.00844, 0.00819, 0.00846],
    &[1.0, 0.0869, 0.0276, 0.0136, 0.00864, 0.0065, 0.00552, 0.00513, 0.00509],
    &[1.0, 0.08, 0.0236, 0.0108, 0.00646, 0.00459, 0.00371, 0.00329, 0.00314],
    &[1.0, 0.074, 0.0203, 0.00875, 0.00492, 0.00332, 0.00255, 0.00217, 0.00199, 0.00194],
    &[1.0, 0.0689, 0.0177, 0.00718, 0.00381, 0.00244, 0.00179, 0.00146, 0.00129, 0.00121, 0.0012],
    &[1.0, 0.0645, 0.0156, 0.00596, 0.003, 0.00183, 0.00128, 0.001, 0.000852, 0.000775, 0.000744],
    &[
        1.0, 0.0606, 0.0138, 0.005, 0.00239, 0.00139, 0.000935, 0.000702, 0.000574, 0.000505, 0.00047,
        0.000459,
    ],
    &[
        1.0, 0.0571, 0.0123, 0.00423, 0.00193, 0.00107, 0.000692, 0.000499, 0.000394, 0.000335, 0.000302,
        0.000287, 0.000284,
    ],
    &[
        1.0, 0.054, 0.0111, 0.00362, 0.00158, 0.000839, 0.000519, 0.00036, 0.000275, 0.000226, 0.000198,
        0.000183, 0.000176,
    ],
    &[
        1.0, 0.0513, 0.00998, 0.00312, 0.0013, 0.000663, 0.000394, 0.000264, 0.000194, 0.000155, 0.000132,
        0.000118, 0.000111, 0.000109,
    ],
    &[
        1.0, 0.0488, 0.00906, 0.0027, 0.00108, 0.00053, 0.000303, 0.000196, 0.00014, 0.000108, 8.89e-05,
        7.77e-05, 7.12e-05, 6.79e-05, 6.71e-05,
    ],
];

/// The lowest rate that a filter can have (Cassandra: `minSupportedBloomFilterFpChance`).
pub const MIN_FALSE_POSITIVE_CHANCE: f64 = 6.71e-05;

/// Bits beyond those that the keys need.
const EXCESS_BITS: u64 = 20;

/// The hash count that gives the lowest rate.
fn best_hash_count(buckets: usize) -> usize {
    let rates = RATES[buckets];
    let best = (0..rates.len()).reduce(|best, i| if rates[i] < rates[best] { i } else { best });
    best.unwrap_or(1).max(1)
}

/// Hash count and bits for each key that give at most that rate.
fn specification(false_positive_chance: f64) -> (usize, usize) {
    if false_positive_chance >= RATES[2][1] {
        return (2, best_hash_count(2));
    }
    let mut buckets = 2;
    let mut hashes = best_hash_count(2);
    while RATES[buckets][hashes] > false_positive_chance && buckets + 1 < RATES.len() {
        buckets += 1;
        hashes = best_hash_count(buckets);
    }
    while hashes > 1 && RATES[buckets][hashes - 1] <= false_positive_chance {
        hashes -= 1;
    }
    (hashes, buckets)
}

/// A bloom filter over partition keys. Without bits it takes every key for present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BloomFilter {
    hash_count: usize,
    bits: Box<[u8]>,
}

impl BloomFilter {
    /// The filter that knows nothing.
    pub fn always_present() -> Self {
        Self { hash_count: 0, bits: Box::default() }
    }

    /// An empty filter for that many keys. With a rate of 1 there is no filter.
    pub fn new(keys: u64, false_positive_chance: f64) -> Self {
        if false_positive_chance >= 1.0 {
            return Self::always_present();
        }
        let (hash_count, buckets) = specification(false_positive_chance);
        let bits = keys.saturating_mul(buckets as u64) + EXCESS_BITS;
        let words = usize::try_from(bits.div_ceil(64)).unwrap_or(usize::MAX / 8).min(i32::MAX as usize);
        Self { hash_count, bits: vec![0; words * 8].into() }
    }

    /// Whether there is a filter at all: without one there is no `Filter.db` either.
    pub fn is_informative(&self) -> bool {
        !self.bits.is_empty()
    }

    /// The bytes it takes.
    pub fn memory_size(&self) -> usize {
        self.bits.len()
    }

    #[inline]
    fn indexes(&self, key: &[u8]) -> impl Iterator<Item = (usize, u8)> + use<> {
        let [increment, mut base] = murmur3_128(key, 0);
        let capacity = (self.bits.len() as i64) * 8;
        (0..self.hash_count).map(move |_| {
            let index = (base % capacity).unsigned_abs() as usize;
            base = base.wrapping_add(increment);
            (index >> 3, 1 << (index & 7))
        })
    }

    /// Adds a key.
    pub fn add(&mut self, key: &[u8]) {
        if self.is_informative() {
            for (byte, mask) in self.indexes(key) {
                self.bits[byte] |= mask;
            }
        }
    }

    /// Whether the key may be there.
    #[inline]
    pub fn may_contain(&self, key: &[u8]) -> bool {
        !self.is_informative() || self.indexes(key).all(|(byte, mask)| self.bits[byte] & mask != 0)
    }

    /// The content of `Filter.db`.
    pub fn serialize(&self) -> BytesMut {
        let mut out = BytesMut::with_capacity(8 + self.bits.len());
        out.put_i32(self.hash_count as i32);
        out.put_i32((self.bits.len() / 8) as i32);
        out.put_slice(&self.bits);
        out
    }

    /// The filter in the content of a `Filter.db`.
    pub fn deserialize(content: &[u8], version: Version) -> Taken<Self> {
        let mut input = Input::new(content);
        let hash_count = input.length()?;
        let words = input.length()?;
        if hash_count == 0 || hash_count > 64 || words == 0 {
            return Err(Malformed::Wrong("a bloom filter without hashes or bits"));
        }
        let mut bits: Box<[u8]> = input.bytes(words * 8)?.into();
        if !version.is_na_or_later() {
            bits.chunks_exact_mut(8).for_each(<[u8]>::reverse);
        }
        Ok(Self { hash_count, bits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specifications_are_those_of_cassandra() {
        for (chance, expected) in [(0.01, (5, 10)), (0.1, (3, 5)), (0.5, (2, 1)), (0.001, (7, 15))] {
            assert_eq!(specification(chance), expected, "{chance}");
        }
    }

    #[test]
    fn it_finds_every_key_and_few_others() {
        let mut filter = BloomFilter::new(10_000, 0.01);
        (0..10_000_u32).for_each(|i| filter.add(&i.to_be_bytes()));
        let filter =
            BloomFilter::deserialize(&filter.serialize(), Version::CURRENT).expect("what was written");
        assert!((0..10_000_u32).all(|i| filter.may_contain(&i.to_be_bytes())));
        let false_positives = (10_000..110_000_u32).filter(|i| filter.may_contain(&i.to_be_bytes())).count();
        assert!(false_positives < 2_000, "{false_positives} of 100000");
    }
}
