//! `replication` (Cassandra: `ReplicationParams`, `AbstractReplicationStrategy` and its strategies).

use std::collections::BTreeMap;

use super::OptionMap;
use crate::error::{Error, Result};
use crate::schema::{Replication, system};

const PACKAGE: &str = "org.apache.cassandra.locator.";
const REPLICATION_FACTOR: &str = "replication_factor";

/// The data centers that there are now, and how many nodes each has.
pub type Datacenters = BTreeMap<String, usize>;

/// How many replicas a range has. Transient replicas are off, as Cassandra ships.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicationFactor(pub i32);

impl ReplicationFactor {
    /// Reads a factor; the error is the message of Cassandra's exception.
    pub fn parse(text: &str) -> Result<ReplicationFactor, String> {
        let number = |text: &str| text.parse::<i32>().map_err(|_| format!("For input string: \"{text}\""));
        if let Some((all, transient)) = text.split_once('/') {
            if transient.contains('/') {
                return Err("Replication factor format is <replicas> or <replicas>/<transient>".to_owned());
            }
            let (all, transient) = (number(all)?, number(transient)?);
            if transient != 0 {
                return Err("Transient replication is not enabled on this node".to_owned());
            }
            return Self::full(all);
        }
        Self::full(number(text)?)
    }

    fn full(replicas: i32) -> Result<ReplicationFactor, String> {
        if replicas < 0 {
            return Err(format!("Replication factor must be non-negative, found {replicas}"));
        }
        Ok(Self(replicas))
    }
}

impl Replication {
    /// `SimpleStrategy` with that factor.
    pub fn simple(factor: usize) -> Replication {
        let options = OptionMap::from([(REPLICATION_FACTOR.to_owned(), factor.to_string())]);
        Replication { class: format!("{PACKAGE}SimpleStrategy"), options }
    }

    /// Reads the map as a row of `system_schema` holds it.
    pub fn from_stored_map(map: &OptionMap) -> Result<Replication> {
        let mut options = map.clone();
        let class =
            options.remove("class").ok_or_else(|| Error::config("Missing replication strategy class"))?;
        Ok(Replication { class: full_class_name(&class)?, options })
    }

    /// Reads the map of a statement. `previous` are the options that the keyspace had, `default_factor` is
    /// `default_keyspace_rf` (Cassandra: `fromMapWithDefaults`).
    pub fn from_map(
        map: &OptionMap,
        previous: &OptionMap,
        datacenters: &Datacenters,
        default_factor: usize,
    ) -> Result<Replication> {
        let mut replication = Self::from_stored_map(map)?;
        let previous_factor = || previous.get(REPLICATION_FACTOR).cloned();
        let default = || previous_factor().unwrap_or_else(|| default_factor.to_string());
        match replication.simple_class_name() {
            "SimpleStrategy" => {
                replication.options.entry(REPLICATION_FACTOR.to_owned()).or_insert_with(default);
            }
            "NetworkTopologyStrategy" => {
                expand(&mut replication.options, previous, datacenters, default)?;
            }
            _ => {}
        }
        Ok(replication)
    }

    /// All options as `system_schema` holds them.
    pub fn as_map(&self) -> OptionMap {
        let mut map = self.options.clone();
        map.insert("class".to_owned(), self.class.clone());
        map
    }

    /// The class's name without its package.
    pub fn simple_class_name(&self) -> &str {
        self.class.rsplit('.').next().unwrap_or(&self.class)
    }

    /// Whether it is for keyspaces of each node alone.
    pub fn is_local(&self) -> bool {
        self.simple_class_name() == "LocalStrategy"
    }

    /// How many replicas a range has in all data centers together.
    pub fn factor(&self) -> usize {
        match self.simple_class_name() {
            "LocalStrategy" => 1,
            _ => self.options.values().filter_map(|value| factor_of(value)).sum(),
        }
    }

    /// How many replicas a range has in each data center, for `NetworkTopologyStrategy`.
    pub fn factors_by_datacenter(&self) -> Option<BTreeMap<&str, usize>> {
        (self.simple_class_name() == "NetworkTopologyStrategy").then(|| {
            self.options.iter().filter_map(|(dc, value)| Some((dc.as_str(), factor_of(value)?))).collect()
        })
    }

    /// Checks the options, and returns warnings for the client.
    pub fn validate(&self, keyspace: &str, datacenters: &Datacenters) -> Result<Vec<String>> {
        let recognized: Vec<&str> = match self.simple_class_name() {
            "SimpleStrategy" => {
                if !self.options.contains_key(REPLICATION_FACTOR) {
                    return Err(Error::config(
                        "SimpleStrategy requires a replication_factor strategy option.",
                    ));
                }
                vec![REPLICATION_FACTOR]
            }
            "NetworkTopologyStrategy" => {
                self.check_factors()?;
                if self.options.is_empty() {
                    return Err(Error::config("Configuration for at least one datacenter must be present"));
                }
                datacenters.keys().map(String::as_str).collect()
            }
            _ => return Ok(Vec::new()),
        };
        if let Some(option) = self.options.keys().find(|key| !recognized.contains(&key.as_str())) {
            return Err(Error::config(format!(
                "Unrecognized strategy option {{{option}}} passed to {} for keyspace {keyspace}",
                self.simple_class_name()
            )));
        }
        if keyspace.eq_ignore_ascii_case(system::SYSTEM_AUTH) && recognized != [REPLICATION_FACTOR] {
            let missing: Vec<&str> =
                recognized.into_iter().filter(|dc| !self.options.contains_key(*dc)).collect();
            if !missing.is_empty() {
                return Err(Error::config(format!(
                    "Following datacenters have active nodes and must be present in replication options for keyspace \
                     system_auth: [{}]",
                    missing.join(", ")
                )));
            }
        }
        self.check_factors()?;
        Ok(self.warnings(keyspace, datacenters))
    }

    fn check_factors(&self) -> Result<()> {
        for value in self.options.values() {
            ReplicationFactor::parse(value).map_err(Error::config)?;
        }
        Ok(())
    }

    fn warnings(&self, keyspace: &str, datacenters: &Datacenters) -> Vec<String> {
        if system::is_system_keyspace(keyspace) {
            return Vec::new();
        }
        let warning = |factor: usize, nodes: usize| {
            (factor > nodes && nodes != 0).then(|| {
                format!(
                    "Your replication factor {factor} for keyspace {keyspace} is higher than the number of nodes \
                     {nodes}"
                )
            })
        };
        match self.factors_by_datacenter() {
            None => warning(self.factor(), datacenters.values().sum()).into_iter().collect(),
            Some(factors) => {
                let nodes = |dc: &str| datacenters.get(dc).copied().unwrap_or(0);
                let warnings = factors.into_iter().filter_map(|(dc, factor)| {
                    Some(format!("{} for datacenter {dc}", warning(factor, nodes(dc))?))
                });
                warnings.collect()
            }
        }
    }
}

fn factor_of(text: &str) -> Option<usize> {
    usize::try_from(ReplicationFactor::parse(text).ok()?.0).ok()
}

fn full_class_name(class: &str) -> Result<String> {
    let name = if class.contains('.') { class.to_owned() } else { format!("{PACKAGE}{class}") };
    match name.strip_prefix(PACKAGE) {
        Some("SimpleStrategy" | "NetworkTopologyStrategy" | "LocalStrategy") => Ok(name),
        Some("OldNetworkTopologyStrategy") => Err(Error::config(
            "The support for the OldNetworkTopologyStrategy has been removed in C* version 4.0. The keyspace strategy \
             should be switch to NetworkTopologyStrategy",
        )),
        _ => Err(Error::config(format!("Unable to find replication strategy class '{name}'"))),
    }
}

/// Turns `replication_factor` into one option for each data center (`NetworkTopologyStrategy.prepareOptions`).
fn expand(
    options: &mut OptionMap,
    previous: &OptionMap,
    datacenters: &Datacenters,
    default: impl FnOnce() -> String,
) -> Result<()> {
    if options.is_empty() {
        options.insert(REPLICATION_FACTOR.to_owned(), default());
    }
    if let Some(factor) = options.remove(REPLICATION_FACTOR) {
        for (dc, value) in previous.iter().filter(|(dc, _)| *dc != REPLICATION_FACTOR) {
            options.entry(dc.clone()).or_insert_with(|| value.clone());
        }
        // Where the factor is no number, Cassandra leaves the options as they are: there are none then.
        if let Ok(factor) = ReplicationFactor::parse(&factor) {
            for dc in datacenters.keys() {
                options.entry(dc.clone()).or_insert_with(|| factor.0.to_string());
            }
        }
    }
    options.retain(|_, value| value != "0");
    Ok(())
}
