//! What STARTUP asks for (section 4.1.1 of the specification), as `messages.StartupMessage`.

use std::collections::BTreeMap;

use super::compression::Compression;
use crate::cql::{Error, ProtocolVersion};

/// The options that concern the connection itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Startup {
    /// Compression, if any.
    pub compression: Option<Compression>,
    /// Whether overload is answered with an error rather than by not reading on; None if the client does not say.
    pub throw_on_overload: Option<bool>,
}

/// Checks the options, whose keys are in upper case.
pub fn check(options: &BTreeMap<String, String>, version: ProtocolVersion) -> Result<Startup, Error> {
    let cql_version = options
        .get("CQL_VERSION")
        .ok_or_else(|| Error::protocol("Missing value CQL_VERSION in STARTUP message"))?;
    let number = version_number(cql_version)
        .ok_or_else(|| Error::protocol(format!("Invalid version value: {cql_version}")))?;
    if number < (2, 99, 0) {
        return Err(Error::protocol(format!(
            "CQL version {cql_version} is not supported by the binary protocol (supported version are >= 3.0.0)"
        )));
    }
    let compression = match options.get("COMPRESSION").map(|name| name.to_lowercase()).as_deref() {
        None => None,
        Some("lz4") => Some(Compression::Lz4),
        Some("snappy") if version >= ProtocolVersion::V5 => {
            return Err(Error::protocol("Snappy compression is not supported in protocol V5"));
        }
        Some("snappy") => Some(Compression::Snappy),
        Some(other) => {
            return Err(Error::protocol(format!("Unknown compression algorithm: {other}")));
        }
    };
    let throw_on_overload = options.get("THROW_ON_OVERLOAD").map(|value| value == "1");
    Ok(Startup { compression, throw_on_overload })
}

/// Major, minor and patch of a version as `utils.CassandraVersion` accepts it:
/// `MAJOR.MINOR[.PATCH[.HOTFIX]][-PRERELEASE][(.|+)BUILD]`.
fn version_number(text: &str) -> Option<(u32, u32, u32)> {
    let core_end = text.find(['-', '+']).unwrap_or(text.len());
    let (core, rest) = text.split_at_checked(core_end)?;
    let mut parts = core.split('.');
    let mut number = || parts.next().map(|part| part.parse::<u32>().ok());
    let (major, minor) = (number()??, number()??);
    let patch = match number() {
        None => 0,
        Some(patch) => patch?,
    };
    let word = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let identifiers = rest.get(1..).unwrap_or_default();
    let valid = parts.all(word) && (rest.is_empty() || identifiers.split(['.', '-', '+']).all(word));
    valid.then_some((major, minor, patch))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_version(text: &str, expected: Option<(u32, u32, u32)>) {
        assert_eq!(version_number(text), expected, "{text}");
    }

    #[test]
    fn versions() {
        check_version("3.0.0", Some((3, 0, 0)));
        check_version("3.4", Some((3, 4, 0)));
        check_version("4.0-beta1", Some((4, 0, 0)));
        check_version("3.4.5-SNAPSHOT+build.7", Some((3, 4, 5)));
        check_version("abc", None);
        check_version("3", None);
        check_version("", None);
        check_version("3.4.x", None);
        check_version("3.4.5-", None);
    }
}
