//! From where, and to which data centers, a role may come (Cassandra: `auth.CassandraNetworkAuthorizer`,
//! `auth.CIDRPermissionsManager`).

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::store::{Store, set_of, text_of, texts_of};
use crate::error::Error;
use crate::exec::access::Resource;
use crate::types::{CqlType, collection};

/// The data centers, or the groups of addresses, that a role may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// None: the role may not log in at all.
    None,
    /// All.
    All,
    /// These.
    Some(BTreeSet<String>),
}

impl Reach {
    /// Whether it is among them.
    pub(super) fn contains(&self, name: &str) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Some(names) => names.contains(name),
        }
    }

    /// As lists of roles show it.
    pub(super) fn text(&self) -> String {
        match self {
            Self::None => "n/a".to_owned(),
            Self::All => "ALL".to_owned(),
            Self::Some(names) => names.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
        }
    }

    fn of(names: BTreeSet<String>) -> Self {
        if names.is_empty() { Self::All } else { Self::Some(names) }
    }

    fn stored(&self) -> Vec<u8> {
        match self {
            Self::Some(names) => set_of(names),
            Self::All | Self::None => set_of::<&str>([]),
        }
    }
}

/// A range of addresses: those that have the first bits in common with `address`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cidr {
    pub address: IpAddr,
    pub bits: u8,
}

impl Cidr {
    /// Whether it holds the address; an IPv4 address may be written as an IPv6 one.
    pub(super) fn contains(self, address: IpAddr) -> bool {
        let shift = |width: u32| width.saturating_sub(u32::from(self.bits));
        match (self.address.to_canonical(), address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (u32::from(own) ^ u32::from(other)).checked_shr(shift(32)).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                (u128::from(own) ^ u128::from(other)).checked_shr(shift(128)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl Store<'_> {
    /// The data centers that a role was given; none stored means all. Cassandra keeps them under the name of the
    /// resource, not of the role.
    pub(super) fn datacenters(self, role: &str) -> Result<Reach, Error> {
        let role = &Resource::Role(role.to_owned()).name();
        let rows = self.read("SELECT dcs FROM system_auth.network_permissions WHERE role = ?", &[role])?;
        Ok(Reach::of(
            rows.first().map(|row| texts_of(row.first().and_then(Option::as_deref))).unwrap_or_default(),
        ))
    }

    /// Gives data centers to a role.
    pub(super) fn set_datacenters(self, role: &str, reach: &Reach) -> Result<(), Error> {
        let role = Resource::Role(role.to_owned()).name();
        let text = "UPDATE system_auth.network_permissions SET dcs = ? WHERE role = ?";
        self.write(text, &[&reach.stored(), role.as_bytes()])
    }

    /// Forgets the data centers of a role.
    pub(super) fn drop_datacenters(self, role: &str) -> Result<(), Error> {
        let role = Resource::Role(role.to_owned()).name();
        self.write("DELETE FROM system_auth.network_permissions WHERE role = ?", &[role.as_bytes()])
    }

    /// The groups of addresses that a role was given; none stored means all.
    pub(super) fn cidr_groups_of(self, role: &str) -> Result<Reach, Error> {
        let rows =
            self.read("SELECT cidr_groups FROM system_auth.cidr_permissions WHERE role = ?", &[role])?;
        Ok(Reach::of(
            rows.first().map(|row| texts_of(row.first().and_then(Option::as_deref))).unwrap_or_default(),
        ))
    }

    /// Gives groups of addresses to a role.
    pub(super) fn set_cidr_groups_of(self, role: &str, reach: &Reach) -> Result<(), Error> {
        let text = "UPDATE system_auth.cidr_permissions SET cidr_groups = ? WHERE role = ?";
        self.write(text, &[&reach.stored(), role.as_bytes()])
    }

    /// Forgets the groups of addresses of a role.
    pub(super) fn drop_cidr_groups_of(self, role: &str) -> Result<(), Error> {
        self.write("DELETE FROM system_auth.cidr_permissions WHERE role = ?", &[role.as_bytes()])
    }

    /// Makes a group of addresses what is given; drops it where nothing is.
    pub(super) fn set_cidr_group(self, name: &str, ranges: &[Cidr]) -> Result<(), Error> {
        if ranges.is_empty() {
            let text = "DELETE FROM system_auth.cidr_groups WHERE cidr_group = ?";
            return self.write(text, &[name.as_bytes()]);
        }
        let element = CqlType::Tuple([CqlType::Inet, CqlType::Smallint].into());
        let mut tuples: Vec<_> = ranges.iter().map(|range| tuple_of(*range)).collect();
        collection::sort_set(&element, &mut tuples);
        tuples.dedup();
        let text = "UPDATE system_auth.cidr_groups SET cidrs = ? WHERE cidr_group = ?";
        self.write(text, &[&collection::encode_list(&tuples), name.as_bytes()])
    }

    /// All groups of addresses.
    pub(super) fn cidr_groups(self) -> Result<Vec<(String, Vec<Cidr>)>, Error> {
        let rows = self.read("SELECT cidr_group, cidrs FROM system_auth.cidr_groups", &[])?;
        let group = |row: &Vec<Option<bytes::Bytes>>| {
            let [name, cidrs] = &row[..] else { return None };
            let ranges = cidrs.iter().flat_map(|set| collection::elements(set)).filter_map(cidr_of).collect();
            Some((text_of(name.as_deref())?, ranges))
        };
        Ok(rows.iter().filter_map(group).collect())
    }
}

/// The same as a value.
fn tuple_of(range: Cidr) -> Vec<u8> {
    let address = match range.address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    collection::encode_tuple(&[Some(address), Some(i16::from(range.bits).to_be_bytes().to_vec())])
}

/// A `tuple<inet, smallint>`.
fn cidr_of(tuple: &[u8]) -> Option<Cidr> {
    let address = collection::field(tuple, 0)?;
    let address = match address.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(address).ok()?),
        _ => IpAddr::from(<[u8; 16]>::try_from(address).ok()?),
    };
    let bits = i16::from_be_bytes(collection::field(tuple, 1)?.try_into().ok()?);
    Some(Cidr { address, bits: u8::try_from(bits).ok()? })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test")]

    use super::*;

    #[test]
    fn ranges_hold_the_addresses_with_their_first_bits() {
        let holds = |range: &str, bits, address: &str| {
            Cidr { address: range.parse().unwrap(), bits }.contains(address.parse().unwrap())
        };
        assert!(holds("10.1.0.0", 16, "10.1.255.7") && !holds("10.1.0.0", 16, "10.2.0.1"));
        assert!(holds("0.0.0.0", 0, "192.168.0.1") && holds("10.0.0.1", 32, "10.0.0.1"));
        assert!(!holds("10.0.0.1", 32, "10.0.0.2") && holds("10.0.0.0", 8, "::ffff:10.9.9.9"));
        assert!(holds("2001:db8::", 32, "2001:db8:1::1") && !holds("2001:db8::", 32, "2001:db9::1"));
        assert!(!holds("::", 0, "10.0.0.1") && holds("::", 0, "2001:db8::1"));
    }

    #[test]
    fn reaches_are_shown_as_cassandra_does() {
        let some = Reach::of(BTreeSet::from(["dc1".to_owned(), "dc2".to_owned()]));
        assert_eq!(some.text(), "dc1, dc2");
        assert!(some.contains("dc1") && !some.contains("dc3"));
        assert_eq!(Reach::of(BTreeSet::new()), Reach::All);
        assert!(!Reach::None.contains("dc1"));
        assert_eq!((Reach::None.text().as_str(), Reach::All.text().as_str()), ("n/a", "ALL"));
    }
}
