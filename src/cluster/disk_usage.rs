//! How full the disks are, as far as guardrails want to know (Cassandra: `service.disk.usage`, `replicaDiskUsage`).

use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

use crate::error::Error;
use crate::guardrails::{Guard, Threshold, Verdict, log, replica_disk_usage};

/// Users are told once in this time (Cassandra: `DISK_USAGE_NOTIFY_INTERVAL_MS`).
const NOTIFY_INTERVAL_MS: i64 = 30 * 60 * 1000;

/// How full the disks are (Cassandra: `DiskUsageState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum DiskUsageState {
    /// Nobody wants to know.
    NotAvailable = 0,
    /// Neither of the others.
    Spacious = 1,
    /// Beyond what is warned of.
    Stuffed = 2,
    /// Beyond what is refused.
    Full = 3,
}

impl DiskUsageState {
    /// The state at so many percent, rounded up.
    pub fn at(percentage: i64, threshold: &Threshold) -> Self {
        match threshold.is_enabled() {
            false => Self::NotAvailable,
            true if threshold.fails_on(percentage) => Self::Full,
            true if threshold.warns_on(percentage) => Self::Stuffed,
            true => Self::Spacious,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::NotAvailable => "NOT_AVAILABLE",
            Self::Spacious => "SPACIOUS",
            Self::Stuffed => "STUFFED",
            Self::Full => "FULL",
        }
    }
}

/// When something was told the last time, in milliseconds since 1970.
#[derive(Debug, Default)]
struct Told(AtomicI64);

impl Told {
    /// Whether it is time to tell it, which is noted.
    fn is_due(&self, now_ms: i64) -> bool {
        let last = self.0.load(Ordering::Relaxed);
        now_ms - last >= NOTIFY_INTERVAL_MS
            && self.0.compare_exchange(last, now_ms, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// The state of this node's disks, and when it was told.
#[derive(Debug, Default)]
pub struct DiskUsage {
    state: AtomicU8,
    logged_warning: Told,
    logged_failure: Told,
    warned: Told,
    failed: Told,
}

impl DiskUsage {
    /// Notes how full the disks are.
    pub fn set(&self, percentage: i64, threshold: &Threshold, now_ms: i64) {
        let state = DiskUsageState::at(percentage, threshold);
        self.state.store(state as u8, Ordering::Relaxed);
        match threshold.check(percentage, state.name()) {
            Verdict::Warn(message) if self.logged_warning.is_due(now_ms) => log(false, &message),
            Verdict::Fail(message) if self.logged_failure.is_due(now_ms) => log(true, &message),
            _ => {}
        }
    }

    /// Holds a write against how full the disks are.
    pub fn guard(&self, guard: Guard<'_>, now_ms: impl FnOnce() -> i64) -> Result<(), Error> {
        let state = self.state.load(Ordering::Relaxed);
        if state < DiskUsageState::Stuffed as u8 {
            return Ok(());
        }
        let is_warning = state == DiskUsageState::Stuffed as u8;
        let message = replica_disk_usage(is_warning);
        let told = if is_warning { &self.warned } else { &self.failed };
        match (is_warning, told.is_due(now_ms())) {
            (true, true) => guard.check(Verdict::Warn(message)),
            (true, false) => Ok(()),
            (false, true) => guard.check(Verdict::Fail(message)),
            // The client is refused, but not warned again.
            (false, false) => Err(Error::invalid(message)),
        }
    }
}
