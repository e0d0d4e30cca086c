//! Limits the bytes that compactions read in a second, all together (`compaction_throughput`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// A limit of bytes per second, shared by all who are to keep it.
#[derive(Debug)]
pub struct Throttle {
    bytes_per_second: AtomicU64,
    /// When the bytes that were let pass so far will have taken their time.
    free_at: Mutex<Instant>,
}

impl Throttle {
    /// A limit; 0 for none.
    pub fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second: AtomicU64::new(bytes_per_second), free_at: Mutex::new(Instant::now()) }
    }

    /// Changes the limit; 0 for none.
    pub fn set(&self, bytes_per_second: u64) {
        self.bytes_per_second.store(bytes_per_second, Ordering::Relaxed);
    }

    /// The limit.
    pub fn get(&self) -> u64 {
        self.bytes_per_second.load(Ordering::Relaxed)
    }

    /// Waits until that many bytes may pass.
    pub fn acquire(&self, bytes: u64) {
        let limit = self.get();
        if limit == 0 || bytes == 0 {
            return;
        }
        let wait = {
            let now = Instant::now();
            let mut free_at = self.free_at.lock();
            let wait = free_at.saturating_duration_since(now);
            *free_at = now.max(*free_at) + Duration::from_secs_f64(bytes as f64 / limit as f64);
            wait
        };
        std::thread::sleep(wait);
    }
}
