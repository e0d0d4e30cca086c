//! Which groups an address is in (Cassandra: `auth.CIDRGroupsMappingCache`).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

use super::network::Cidr;
use crate::metrics::{Histogram, Recent};

/// All groups of addresses.
#[derive(Debug, Default)]
pub(super) struct CidrGroups(Vec<(String, Vec<Cidr>)>);

impl CidrGroups {
    pub(super) fn new(groups: Vec<(String, Vec<Cidr>)>) -> Self {
        Self(groups)
    }

    /// The groups of an address: those with the narrowest range that holds it.
    pub(super) fn of(&self, address: IpAddr) -> BTreeSet<&str> {
        let ranges =
            || self.0.iter().flat_map(|(name, ranges)| ranges.iter().map(move |range| (name, range)));
        let holding = || ranges().filter(|(_, range)| range.contains(address));
        let narrowest = holding().map(|(_, range)| range.bits).max();
        holding().filter(|(_, range)| Some(range.bits) == narrowest).map(|(name, _)| name.as_str()).collect()
    }
}

/// What is measured of looking at addresses (Cassandra: `CIDRAuthorizerMetrics`).
#[derive(Debug, Default)]
pub struct CidrMetrics {
    accepted: Mutex<BTreeMap<String, u64>>,
    rejected: Mutex<BTreeMap<String, u64>>,
    reloads: AtomicU64,
    pub(super) checks: Histogram,
    pub(super) reload: Histogram,
    pub(super) lookups: Histogram,
}

impl CidrMetrics {
    /// Somebody came from these groups, and was let in or not.
    pub(super) fn count(&self, groups: &BTreeSet<&str>, is_accepted: bool) {
        let mut counts = if is_accepted { self.accepted.lock() } else { self.rejected.lock() };
        let undefined = ["Undefined"];
        let names: &mut dyn Iterator<Item = &str> =
            if groups.is_empty() { &mut undefined.into_iter() } else { &mut groups.iter().copied() };
        for name in names {
            *counts.entry(name.to_owned()).or_default() += 1;
        }
    }

    /// The groups were read.
    pub(super) fn reloaded(&self, began: Instant) {
        self.reloads.fetch_add(1, Ordering::Relaxed);
        self.reload.record_time(began.elapsed());
    }

    /// What was counted, by the names that Cassandra's virtual table has.
    pub fn counts(&self) -> Vec<(String, u64)> {
        let named = |what: &str, counts: &Mutex<BTreeMap<String, u64>>| -> Vec<(String, u64)> {
            let name = |group: &String| format!("Number of CIDR accesses {what} from CIDR group - {group}");
            counts.lock().iter().map(|(group, count)| (name(group), *count)).collect()
        };
        let mut all = named("accepted", &self.accepted);
        all.extend(named("rejected", &self.rejected));
        all.push(("CIDR groups cache reload count".to_owned(), self.reloads.load(Ordering::Relaxed)));
        all
    }

    /// What took how long lately, in nanoseconds, by the names that Cassandra's virtual table has.
    pub fn latencies(&self) -> [(&'static str, Recent); 3] {
        let now = Instant::now();
        [
            ("CIDR checks latency (ns)", self.checks.recent(now)),
            ("CIDR groups cache reload latency (ns)", self.reload.recent(now)),
            ("Lookup IP in CIDR groups cache latency (ns)", self.lookups.recent(now)),
        ]
    }

    /// What was measured so far is past. To be called about every minute.
    pub fn tick(&self, now: Instant) {
        [&self.checks, &self.reload, &self.lookups].into_iter().for_each(|histogram| histogram.tick(now));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test")]

    use super::*;

    #[test]
    fn an_address_is_in_the_groups_with_the_narrowest_range() {
        let range = |address: &str, bits| Cidr { address: address.parse().unwrap(), bits };
        let groups = CidrGroups::new(vec![
            ("all".to_owned(), vec![range("0.0.0.0", 0)]),
            ("office".to_owned(), vec![range("10.1.0.0", 16), range("10.2.0.0", 16)]),
            ("lab".to_owned(), vec![range("10.1.7.0", 24)]),
            ("also".to_owned(), vec![range("10.2.0.0", 16)]),
        ]);
        let of = |address: &str| groups.of(address.parse().unwrap()).into_iter().collect::<Vec<_>>();
        assert_eq!(of("192.168.0.1"), ["all"]);
        assert_eq!(of("10.1.1.1"), ["office"]);
        assert_eq!(of("10.1.7.1"), ["lab"]);
        assert_eq!(of("10.2.0.1"), ["also", "office"]);
        assert!(of("2001:db8::1").is_empty());
    }

    #[test]
    fn those_from_nowhere_are_counted_too() {
        let metrics = CidrMetrics::default();
        metrics.count(&BTreeSet::from(["lab", "office"]), true);
        metrics.count(&BTreeSet::from(["lab"]), true);
        metrics.count(&BTreeSet::new(), false);
        metrics.reloaded(Instant::now());
        let accepted = "Number of CIDR accesses accepted from CIDR group - ";
        let expected = [
            (format!("{accepted}lab"), 2),
            (format!("{accepted}office"), 1),
            ("Number of CIDR accesses rejected from CIDR group - Undefined".to_owned(), 1),
            ("CIDR groups cache reload count".to_owned(), 1),
        ];
        assert_eq!(metrics.counts(), expected);
        assert_eq!(metrics.latencies().map(|(_, recent)| recent.count()), [0, 1, 0]);
    }
}
