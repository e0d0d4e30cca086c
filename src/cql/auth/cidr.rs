//! Which groups an address is in (Cassandra: `auth.CIDRGroupsMappingCache`).

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::network::Cidr;

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
}
