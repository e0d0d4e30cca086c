//! What protects the node from its clients: bytes in flight, request rate, connections. The keys are cassandra.yaml's.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::cql::Error;

/// The limits of a listener, as configured.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// `native_transport_max_frame_size`: bytes of an envelope in versions 3 and 4.
    pub frame_bytes_max: u64,
    /// `native_transport_max_message_size`: bytes of an envelope's body in version 5.
    pub message_bytes_max: u64,
    /// `native_transport_max_request_data_in_flight`: bytes of requests that are being run, in all.
    pub in_flight_bytes_max: i64,
    /// `native_transport_max_request_data_in_flight_per_ip`: the same for one client address.
    pub in_flight_bytes_per_ip_max: i64,
    /// `native_transport_max_requests_per_second`, if `native_transport_rate_limiting_enabled`.
    pub requests_per_second_max: Option<u32>,
    /// `native_transport_max_concurrent_connections`.
    pub connections_max: Option<u64>,
    /// `native_transport_max_concurrent_connections_per_ip`.
    pub connections_per_ip_max: Option<u64>,
    /// `native_transport_idle_timeout`.
    pub idle_timeout: Option<Duration>,
    /// `native_transport_throw_on_overload`: what happens on overload where STARTUP does not say (version 5).
    pub throw_on_overload: bool,
    /// `native_transport_allow_older_protocols`.
    pub allow_older_protocols: bool,
    /// `consecutive_message_errors_threshold`.
    pub consecutive_errors_max: u32,
    /// `rpc_keepalive`.
    pub keepalive: bool,
    /// `native_transport_timeout`: how long a stop waits for requests that are being run.
    pub stop_timeout: Duration,
}

impl Default for Limits {
    /// The shipped cassandra.yaml's, with 128 MiB in place of a tenth of the heap.
    fn default() -> Self {
        Limits {
            frame_bytes_max: 16 << 20,
            message_bytes_max: 16 << 20,
            in_flight_bytes_max: 128 << 20,
            in_flight_bytes_per_ip_max: 32 << 20,
            requests_per_second_max: None,
            connections_max: None,
            connections_per_ip_max: None,
            idle_timeout: None,
            throw_on_overload: false,
            allow_older_protocols: true,
            consecutive_errors_max: 1,
            keepalive: true,
            stop_timeout: Duration::from_secs(12),
        }
    }
}

/// What one client address uses.
#[derive(Debug, Default)]
struct Endpoint {
    in_flight: AtomicI64,
    connections: AtomicU64,
}

/// The limits of a listener and what is used of them.
#[derive(Debug)]
pub struct Governor {
    /// As configured.
    pub limits: Limits,
    in_flight: AtomicI64,
    connections: AtomicU64,
    endpoints: Mutex<HashMap<IpAddr, Arc<Endpoint>>>,
    rate: Option<RateLimiter>,
    allow_older: AtomicBool,
}

impl Governor {
    /// Nothing used yet.
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Governor {
            rate: limits.requests_per_second_max.map(RateLimiter::new),
            allow_older: AtomicBool::new(limits.allow_older_protocols),
            in_flight: AtomicI64::new(0),
            connections: AtomicU64::new(0),
            endpoints: Mutex::default(),
            limits,
        })
    }

    /// Whether versions below the current one are welcome.
    pub fn allow_older(&self) -> bool {
        self.allow_older.load(Ordering::Relaxed)
    }

    /// Changes whether versions below the current one are welcome.
    pub fn set_allow_older(&self, allow: bool) {
        self.allow_older.store(allow, Ordering::Relaxed);
    }

    /// Lets a connection in, until its lease goes; None if there are too many, with a line in the log.
    pub fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Lease> {
        let all = self.connections.fetch_add(1, Ordering::Relaxed) + 1;
        let (endpoint, of_address) = {
            // Counted under the lock, so that the address's last connection does not take the entry along in between.
            let mut endpoints = self.endpoints.lock();
            let endpoint = Arc::clone(endpoints.entry(address).or_default());
            let of_address = endpoint.connections.fetch_add(1, Ordering::Relaxed) + 1;
            (endpoint, of_address)
        };
        let lease = Lease { governor: Arc::clone(self), endpoint, address };
        if let Some(max) = self.limits.connections_max.filter(|max| all > *max) {
            tracing::error!(
                "Exceeded maximum native connection limit of {max} by using {all} connections (see \
                 native_transport_max_concurrent_connections in cassandra.yaml)"
            );
            return None;
        }
        if let Some(max) = self.limits.connections_per_ip_max.filter(|max| of_address > *max) {
            tracing::error!(
                "Exceeded maximum native connection limit per ip of {max} by using {of_address} connections (see \
                 native_transport_max_concurrent_connections_per_ip)"
            );
            return None;
        }
        Some(lease)
    }

    /// How many connections there are.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }
}

/// What a connection uses: a place, and bytes in flight on behalf of its address.
#[derive(Debug)]
pub struct Lease {
    governor: Arc<Governor>,
    endpoint: Arc<Endpoint>,
    address: IpAddr,
}

impl Lease {
    /// The limits.
    pub fn governor(&self) -> &Arc<Governor> {
        &self.governor
    }

    /// Takes bytes, if both limits allow.
    pub fn try_acquire(&self, bytes: u64) -> bool {
        self.acquire(bytes);
        if self.below_limits() {
            return true;
        }
        self.release(bytes);
        false
    }

    /// Takes bytes, whatever the limits are.
    pub fn acquire(&self, bytes: u64) {
        self.governor.in_flight.fetch_add(bytes as i64, Ordering::Relaxed);
        self.endpoint.in_flight.fetch_add(bytes as i64, Ordering::Relaxed);
    }

    /// Gives bytes back.
    pub fn release(&self, bytes: u64) {
        self.governor.in_flight.fetch_sub(bytes as i64, Ordering::Relaxed);
        self.endpoint.in_flight.fetch_sub(bytes as i64, Ordering::Relaxed);
    }

    /// Whether what is taken is within both limits.
    pub fn below_limits(&self) -> bool {
        let limits = &self.governor.limits;
        self.governor.in_flight.load(Ordering::Relaxed) <= limits.in_flight_bytes_max
            && self.endpoint.in_flight.load(Ordering::Relaxed) <= limits.in_flight_bytes_per_ip_max
    }

    /// The rate limiter, if there is one.
    pub fn rate(&self) -> Option<&RateLimiter> {
        self.governor.rate.as_ref()
    }

    /// The error of a request that would exceed the limits on bytes in flight.
    pub fn overloaded_bytes(&self) -> Error {
        let limits = &self.governor.limits;
        Error::Overloaded(format!(
            "Request breached limit on bytes in flight. (Endpoint: {}/{} bytes, Global: {}/{} bytes.)Server is \
             currently in an overloaded state and cannot accept more requests.",
            self.endpoint.in_flight.load(Ordering::Relaxed),
            limits.in_flight_bytes_per_ip_max,
            self.governor.in_flight.load(Ordering::Relaxed),
            limits.in_flight_bytes_max,
        ))
    }

    /// The warning of a request that exceeded the limits on bytes in flight and was run all the same.
    pub fn bytes_warning(&self) -> String {
        let limits = &self.governor.limits;
        format!(
            "Request breached limit(s) on bytes in flight (Endpoint: {}, Global: {}) and triggered backpressure.",
            limits.in_flight_bytes_per_ip_max, limits.in_flight_bytes_max,
        )
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.governor.connections.fetch_sub(1, Ordering::Relaxed);
        let mut endpoints = self.governor.endpoints.lock();
        // The last connection of an address takes its entry along, unless its requests are still being counted.
        if self.endpoint.connections.fetch_sub(1, Ordering::Relaxed) == 1
            && self.endpoint.in_flight.load(Ordering::Relaxed) == 0
        {
            endpoints.remove(&self.address);
        }
    }
}

/// Requests for each second over all connections, as `utils.concurrent.NonBlockingRateLimiter`: permits lie on a line
/// of time, and those of the last second that were not used may still be.
#[derive(Debug)]
pub struct RateLimiter {
    started: Instant,
    /// Nanoseconds after `started` of the next permit.
    next: AtomicI64,
    interval_nanos: i64,
    rate: u32,
}

const BURST_NANOS: i64 = 1_000_000_000;

impl RateLimiter {
    /// So many requests for each second.
    pub fn new(rate: u32) -> Self {
        let rate = rate.max(1);
        RateLimiter {
            started: Instant::now(),
            next: AtomicI64::new(0),
            interval_nanos: 1_000_000_000 / i64::from(rate),
            rate,
        }
    }

    fn now(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_nanos()).unwrap_or(i64::MAX)
    }

    /// Takes the next permit; it is valid after the returned time.
    pub fn reserve(&self) -> Duration {
        self.reserve_at(self.now())
    }

    fn reserve_at(&self, now: i64) -> Duration {
        let step = |next: i64| next.max(now - BURST_NANOS);
        let take = |next| Some(step(next) + self.interval_nanos);
        let previous = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        let permit = step(previous.unwrap_or(now));
        Duration::from_nanos(u64::try_from(permit - now).unwrap_or(0))
    }

    /// Takes a permit if one is valid now.
    pub fn try_reserve(&self) -> bool {
        self.try_reserve_at(self.now())
    }

    fn try_reserve_at(&self, now: i64) -> bool {
        let take = |next: i64| {
            let permit = next.max(now - BURST_NANOS);
            (permit <= now).then_some(permit + self.interval_nanos)
        };
        self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    /// The error of a request without a permit.
    pub fn overloaded(&self) -> Error {
        Error::Overloaded(format!(
            "Request breached global limit of {} requests/second. Server is currently in an overloaded state and \
             cannot accept more requests.",
            self.rate
        ))
    }

    /// The warning of a request that had to wait for its permit.
    pub fn warning(&self) -> String {
        format!("Request breached global limit of {} requests/second and triggered backpressure.", self.rate)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test")]
    use super::*;

    const LOCAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn bytes_in_flight_are_limited_for_each_address() {
        let governor = Governor::new(Limits {
            in_flight_bytes_max: 100,
            in_flight_bytes_per_ip_max: 60,
            ..Limits::default()
        });
        let (one, other) = (governor.admit(LOCAL).unwrap(), governor.admit([10, 0, 0, 1].into()).unwrap());
        assert!(one.try_acquire(60));
        assert!(!one.try_acquire(1));
        assert!(other.try_acquire(40));
        assert!(!other.try_acquire(1));
        one.release(60);
        assert!(other.try_acquire(20));
    }

    #[test]
    fn connections_are_limited() {
        let governor = Governor::new(Limits {
            connections_max: Some(2),
            connections_per_ip_max: Some(1),
            ..Limits::default()
        });
        let one = governor.admit(LOCAL);
        assert!(one.is_some());
        assert!(governor.admit(LOCAL).is_none());
        let _other = governor.admit([10, 0, 0, 1].into()).unwrap();
        assert!(governor.admit([10, 0, 0, 2].into()).is_none());
        assert_eq!(governor.connections(), 2);
        drop(one);
        assert!(governor.admit(LOCAL).is_some());
    }

    #[test]
    fn requests_are_spread_over_time() {
        let limiter = RateLimiter::new(10);
        let second = 1_000_000_000;
        // Ten of the second before, and the one of now.
        assert_eq!((0..20).filter(|_| limiter.try_reserve_at(second)).count(), 11);
        assert_eq!(limiter.reserve_at(second), Duration::from_millis(100));
        assert!(!limiter.try_reserve_at(second + 100_000_000));
        assert!(limiter.try_reserve_at(second + 200_000_000));
    }
}
