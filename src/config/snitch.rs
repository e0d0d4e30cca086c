//! Data centre and rack, from the snitch.

use std::fs;
use std::path::Path;

use super::ConfigError;

/// Where this node says it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// Data centre.
    pub datacenter: String,
    /// Rack.
    pub rack: String,
}

/// The file beside cassandra.yaml that `GossipingPropertyFileSnitch` reads.
const PROPERTIES: &str = "cassandra-rackdc.properties";

/// What the snitch says of this node; `directory` holds its properties file.
pub(super) fn locate(snitch: &str, directory: Option<&Path>) -> Result<Location, ConfigError> {
    let name = snitch.strip_prefix("org.apache.cassandra.locator.").unwrap_or(snitch);
    match name {
        "SimpleSnitch" => Ok(Location { datacenter: "datacenter1".to_owned(), rack: "rack1".to_owned() }),
        "GossipingPropertyFileSnitch" => {
            let path = directory.map_or_else(|| PROPERTIES.into(), |directory| directory.join(PROPERTIES));
            let text = fs::read_to_string(&path).unwrap_or_else(|error| {
                tracing::warn!("Unable to read {}: {error}", path.display());
                String::new()
            });
            match (property(&text, "dc"), property(&text, "rack")) {
                (Some(datacenter), Some(rack)) => Ok(Location { datacenter, rack }),
                _ => Err(ConfigError::Invalid(format!(
                    "DC or rack not found in snitch properties, check your configuration in: {PROPERTIES}"
                ))),
            }
        }
        _ => Err(ConfigError::Invalid(format!(
            "endpoint_snitch {snitch} is not supported: use SimpleSnitch or GossipingPropertyFileSnitch"
        ))),
    }
}

/// A value of a Java properties file (without its escapes): `name = value`, `name: value`, `#` and `!` comments.
fn property(text: &str, name: &str) -> Option<String> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.starts_with(['#', '!']))
        .filter_map(|line| line.split_once(['=', ':']))
        .filter(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim().to_owned())
        .next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_read_as_java_does() {
        let text = "# dc=no\n dc = DC1 \nrack:R1\ndc=DC2\n";
        assert_eq!(property(text, "dc").as_deref(), Some("DC2"));
        assert_eq!(property(text, "rack").as_deref(), Some("R1"));
        assert_eq!(property(text, "prefer_local"), None);
    }

    #[test]
    fn the_gossiping_snitch_needs_its_file() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let locate = || locate("GossipingPropertyFileSnitch", Some(directory.path()));
        assert!(locate().is_err());
        fs::write(directory.path().join(PROPERTIES), "dc=east\nrack=7\n").expect("writable");
        assert_eq!(locate().ok(), Some(Location { datacenter: "east".into(), rack: "7".into() }));
    }
}
