//! Random choices from a seed.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// A source of random choices; the same seed makes the same ones.
#[derive(Debug)]
pub struct Random(StdRng);

impl Random {
    /// A source that a seed decides.
    pub fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// True in so many of a hundred cases.
    pub fn chance(&mut self, percent: u32) -> bool {
        self.0.random_range(0..100) < percent
    }

    /// A number from 0 up to, but without, `end`, which is above 0.
    pub fn below(&mut self, end: usize) -> usize {
        self.0.random_range(0..end)
    }

    /// A number of a range, both ends included.
    pub fn between(&mut self, first: usize, last: usize) -> usize {
        self.0.random_range(first..=last)
    }

    /// One of several.
    pub fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let index = self.below(of.len());
        of.get(index).expect("the index is below the length")
    }

    /// Some of several, in their order.
    pub fn some<'a, T>(&mut self, of: &'a [T], percent: u32) -> Vec<&'a T> {
        of.iter().filter(|_| self.chance(percent)).collect()
    }
}
