//! Time.

use std::fmt::Debug;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A clock. One is shared by the whole node.
pub trait Clock: Send + Sync + Debug {
    /// Microseconds since 1970, as the system has them: may stand still or go back.
    fn micros(&self) -> i64;

    /// A timestamp for a write, in microseconds: greater than every one handed out before by this clock.
    fn next_timestamp(&self) -> i64;

    /// Seconds since 1970.
    fn seconds(&self) -> i64 {
        self.micros().div_euclid(1_000_000)
    }
}

/// The operating system's clock.
#[derive(Debug)]
pub struct SystemClock {
    last: AtomicI64,
}

impl SystemClock {
    /// The system's clock.
    pub const fn new() -> Self {
        Self { last: AtomicI64::new(i64::MIN) }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn micros(&self) -> i64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    fn next_timestamp(&self) -> i64 {
        strictly_after(&self.last, self.micros())
    }
}

/// A clock that stands still until a test moves it.
#[derive(Debug)]
pub struct ManualClock {
    now: AtomicI64,
    last: AtomicI64,
}

impl ManualClock {
    /// A clock that stands at `micros` since 1970.
    pub const fn new(micros: i64) -> Self {
        Self { now: AtomicI64::new(micros), last: AtomicI64::new(i64::MIN) }
    }

    /// Moves it to `micros`, back too.
    pub fn set(&self, micros: i64) {
        self.now.store(micros, Ordering::Relaxed);
    }

    /// Moves it on.
    pub fn advance_seconds(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1_000_000, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn micros(&self) -> i64 {
        self.now.load(Ordering::Relaxed)
    }

    fn next_timestamp(&self) -> i64 {
        strictly_after(&self.last, self.micros())
    }
}

/// `now`, or one more than the last answer where that is not earlier.
fn strictly_after(last: &AtomicI64, now: i64) -> i64 {
    let previous =
        last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(now.max(last.saturating_add(1))));
    let previous = previous.unwrap_or_else(|last| last);
    now.max(previous.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_increase_while_time_stands_still_or_goes_back() {
        let clock = ManualClock::new(1_000_000);
        assert_eq!(clock.next_timestamp(), 1_000_000);
        assert_eq!(clock.next_timestamp(), 1_000_001);
        clock.set(5);
        assert_eq!(clock.next_timestamp(), 1_000_002);
        clock.set(2_000_000);
        assert_eq!(clock.next_timestamp(), 2_000_000);
        assert_eq!(clock.seconds(), 2);
    }
}
