//! Every key of cassandra.yaml, with its kind and default: facts about `Config.java` in two tables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use super::spec::{StorageUnit, TimeUnit};

/// What values a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// true or false
    Bool,
    /// A signed integer, 32 or 64 bits wide.
    Int(u32),
    /// A floating-point number, 32 or 64 bits wide.
    Float(u32),
    /// Any text.
    Text,
    /// One of these words, separated by `|`.
    Enum(&'static str),
    /// Smallest unit, exclusive upper bound in that unit.
    Duration(TimeUnit, u64),
    /// Smallest unit, exclusive upper bound in that unit.
    Storage(StorageUnit, u64),
    /// Storage per second.
    Rate,
    /// A list of texts.
    List,
    /// A list of consistency levels.
    Levels,
    /// Text to text.
    Map,
    /// Name to a mapping of anything.
    Tree,
    /// Name to a memtable definition.
    Memtables,
    /// A class name with parameters: text, mapping, or a list of one mapping.
    Class,
    /// A list of address ranges.
    Subnets,
    /// A mapping with keys of its own, each in the table as `object.key`.
    Object,
}

/// A key, by its full name (`client_encryption_options.enabled`).
#[derive(Debug)]
pub(super) struct Key {
    pub kind: Kind,
    /// The shipped file's value, as `system_views.settings` prints it.
    pub default: Option<&'static str>,
    /// Null is refused.
    pub nonnull: bool,
    pub deprecated: bool,
    /// The value is a secret.
    pub redacted: bool,
}

/// The tables.
#[derive(Debug)]
pub(super) struct Keys {
    pub known: BTreeMap<&'static str, Key>,
    /// Older name -> present name, converter.
    pub older: BTreeMap<&'static str, (&'static str, &'static str)>,
    /// See [`EFFECTIVE`].
    pub effective: BTreeSet<&'static str>,
}

/// The keys that change what this server does, one a line, groups by a trailing `*`.
const EFFECTIVE: &str = include_str!("effective.txt");

impl Keys {
    /// The tables, parsed once.
    pub fn get() -> &'static Self {
        static KEYS: OnceLock<Keys> = OnceLock::new();
        KEYS.get_or_init(Self::parse)
    }

    fn parse() -> Self {
        let lines =
            |text: &'static str| text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let mut known = BTreeMap::new();
        for line in lines(include_str!("keys.tsv")) {
            let mut fields = line.split('\t');
            let (Some(name), Some(kind)) = (fields.next(), fields.next().and_then(Kind::parse)) else {
                continue;
            };
            let default = fields.next().unwrap_or("");
            let flags = fields.next().unwrap_or("");
            let default = (default != "\\N").then_some(default);
            known.insert(
                name,
                Key {
                    kind,
                    default,
                    nonnull: flags.contains("nonnull"),
                    deprecated: flags.contains("deprecated"),
                    redacted: flags.contains("redacted"),
                },
            );
        }
        let older = lines(include_str!("old_keys.tsv"))
            .filter_map(|line| {
                let mut fields = line.split('\t');
                Some((fields.next()?, (fields.next()?, fields.next()?)))
            })
            .collect();
        let mut effective = BTreeSet::new();
        for line in lines(EFFECTIVE) {
            match line.strip_suffix('*') {
                Some(prefix) => {
                    effective.extend(known.keys().copied().filter(|name| name.starts_with(prefix)))
                }
                None => _ = effective.insert(line),
            }
        }
        Self { known, older, effective }
    }

    /// The known name, present or older, that is most like this one, at the same depth.
    pub fn nearest(&self, name: &str) -> Option<&'static str> {
        let prefix = name.rfind('.').map_or("", |dot| &name[..=dot]);
        let same_depth = |known: &&'static str| {
            known.strip_prefix(prefix).is_some_and(|rest| !rest.contains('.')) && !prefix.is_empty()
                || prefix.is_empty() && !known.contains('.')
        };
        self.known
            .keys()
            .chain(self.older.keys())
            .copied()
            .filter(same_depth)
            .max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)))
    }
}

impl Kind {
    fn parse(text: &'static str) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        let name = parts.next()?;
        let argument = parts.next();
        let bound = match parts.next() {
            Some("int") => i32::MAX as u64,
            _ => i64::MAX as u64,
        };
        Some(match name {
            "bool" => Self::Bool,
            "int" => Self::Int(32),
            "long" => Self::Int(64),
            "float" => Self::Float(32),
            "double" => Self::Float(64),
            "string" => Self::Text,
            "enum" => Self::Enum(argument?),
            "duration" => Self::Duration(TimeUnit::from_symbol(argument?)?, bound),
            "storage" => Self::Storage(StorageUnit::from_symbol(argument?)?, bound),
            "rate" => Self::Rate,
            "list" => Self::List,
            "levels" => Self::Levels,
            "map" => Self::Map,
            "tree" => Self::Tree,
            "memtables" => Self::Memtables,
            "class" => Self::Class,
            "subnets" => Self::Subnets,
            "object" => Self::Object,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_tables_is_understood() {
        let count =
            |text: &str| text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).count();
        let keys = Keys::get();
        assert_eq!(keys.known.len(), count(include_str!("keys.tsv")));
        assert_eq!(keys.older.len(), count(include_str!("old_keys.tsv")));
        for (new, _) in keys.older.values() {
            assert!(keys.known.contains_key(new), "{new}");
        }
    }

    #[test]
    fn every_effective_key_is_known() {
        let keys = Keys::get();
        for name in &keys.effective {
            assert!(keys.known.contains_key(name), "{name}");
        }
    }

    #[test]
    fn the_nearest_key_of_the_same_depth_is_named() {
        let keys = Keys::get();
        assert_eq!(keys.nearest("cluster_nam"), Some("cluster_name"));
        assert_eq!(
            keys.nearest("client_encryption_options.enable"),
            Some("client_encryption_options.enabled")
        );
    }
}
