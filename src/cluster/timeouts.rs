//! How long requests may take, by kind. nodetool changes them while the node runs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// A kind of request, or a part of one, that may take only so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeoutKind {
    /// A read of partitions by their keys: `read_request_timeout`.
    Read,
    /// A read over many partitions: `range_request_timeout`.
    Range,
    /// A write: `write_request_timeout`.
    Write,
    /// A write of counters: `counter_write_request_timeout`.
    CounterWrite,
    /// The attempts of a conditional write: `cas_contention_timeout`.
    CasContention,
    /// `truncate_request_timeout`
    Truncate,
    /// Everything else: `request_timeout`.
    Misc,
    /// How long a request may wait until it begins to run: `native_transport_timeout`.
    NativeTransport,
}

/// The timeouts of a node.
#[derive(Debug)]
pub struct Timeouts {
    /// In microseconds, in the order of the kinds.
    micros: [AtomicU64; 8],
    /// Whether the time that a request waits counts (`cql_start_time: QUEUE`).
    pub counts_waiting: bool,
}

impl Timeouts {
    /// How long this kind of request may take.
    pub fn get(&self, kind: TimeoutKind) -> Duration {
        let micros = self.micros.get(kind as usize).map_or(u64::MAX, |micros| micros.load(Ordering::Relaxed));
        Duration::from_micros(micros)
    }

    /// When something of this kind that began then is to be over; none where it may take as long as it takes: 0
    /// turns a timeout off.
    pub fn deadline(&self, kind: TimeoutKind, from: Instant) -> Option<Instant> {
        let timeout = self.get(kind);
        from.checked_add(timeout).filter(|_| !timeout.is_zero())
    }

    /// Sets how long this kind of request may take.
    pub fn set(&self, kind: TimeoutKind, timeout: Duration) {
        if let Some(micros) = self.micros.get(kind as usize) {
            micros.store(u64::try_from(timeout.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }
}

impl Default for Timeouts {
    /// Those of the shipped configuration.
    fn default() -> Self {
        let timeouts = Self { micros: Default::default(), counts_waiting: false };
        for (kind, millis) in [
            (TimeoutKind::Read, 5000),
            (TimeoutKind::Range, 10_000),
            (TimeoutKind::Write, 2000),
            (TimeoutKind::CounterWrite, 5000),
            (TimeoutKind::CasContention, 1000),
            (TimeoutKind::Truncate, 60_000),
            (TimeoutKind::Misc, 10_000),
            (TimeoutKind::NativeTransport, 12_000),
        ] {
            timeouts.set(kind, Duration::from_millis(millis));
        }
        timeouts
    }
}
