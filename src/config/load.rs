//! From the text of a cassandra.yaml to validated values.

use super::ConfigError;
use super::convert::convert;
use super::keys::{Keys, Kind};
use super::value::Values;
use super::yaml::Node;

/// What one file said.
#[derive(Debug)]
pub(super) struct Loaded {
    pub values: Values,
    /// Deprecated keys and older names in use.
    pub deprecated: Vec<String>,
}

/// Reads the text of a file named `file` (for messages) over the shipped defaults.
pub(super) fn load(text: &str, file: &str) -> Result<Loaded, ConfigError> {
    let invalid = |reason: String| ConfigError::Invalid(format!("Invalid yaml: {file}: {reason}"));
    let Node::Map(entries) = Node::parse(text).map_err(invalid)? else {
        return Err(invalid("the file is not a mapping of keys to values".to_owned()));
    };
    refuse_old_and_new(&entries)?;
    let mut loader = Loader {
        loaded: Loaded { values: Values::shipped(), deprecated: Vec::new() },
        unknown: Vec::new(),
        null: Vec::new(),
    };
    loader.object("", &entries).map_err(invalid)?;
    loader.finish()
}

fn refuse_old_and_new(entries: &[(String, Node)]) -> Result<(), ConfigError> {
    let given = |name: &str| entries.iter().any(|(key, _)| key == name);
    let both: Vec<_> = Keys::get()
        .older
        .iter()
        .filter(|(old, (new, _))| *old != new && given(old) && given(new))
        .map(|(old, (new, _))| format!("[{old} -> {new}]"))
        .collect();
    if both.is_empty() {
        return Ok(());
    }
    Err(ConfigError::Invalid(format!(
        "Config contains both old and new keys for the same configuration parameters, migrate old -> new: {}",
        both.join(", ")
    )))
}

struct Loader {
    loaded: Loaded,
    unknown: Vec<String>,
    null: Vec<String>,
}

impl Loader {
    fn object(&mut self, prefix: &str, entries: &[(String, Node)]) -> Result<(), String> {
        for (name, node) in entries {
            self.entry(&format!("{prefix}{name}"), node).map_err(|reason| {
                if reason.starts_with("Cannot") {
                    reason
                } else {
                    format!("Cannot create property={name}: {reason}")
                }
            })?;
        }
        Ok(())
    }

    fn entry(&mut self, name: &str, node: &Node) -> Result<(), String> {
        let keys = Keys::get();
        if let Some((old, (new, converter))) = keys.older.get_key_value(name) {
            let value = match node {
                Node::Null => None,
                Node::Scalar(text) => convert(converter, text)?,
                other => return Err(format!("a scalar is expected, not {}", other.describe())),
            };
            if old == new && value.is_none() && keys.known.get(new).is_some_and(|key| key.nonnull) {
                self.null.push((*old).to_owned());
            }
            if old != new {
                self.loaded.deprecated.push((*old).to_owned());
            }
            self.loaded.values.given.insert(new);
            self.loaded.values.map.insert(new, value);
            return Ok(());
        }
        let Some((name, key)) = keys.known.get_key_value(name) else {
            self.unknown.push(name.to_owned());
            return Ok(());
        };
        if key.deprecated {
            self.loaded.deprecated.push((*name).to_owned());
        }
        self.loaded.values.given.insert(name);
        match (key.kind, node) {
            (_, Node::Null) if key.nonnull => self.null.push((*name).to_owned()),
            (Kind::Object | Kind::Class | Kind::Subnets, Node::Null) => self.forget(name),
            (_, Node::Null) => _ = self.loaded.values.map.insert(name, None),
            (Kind::Object, Node::Map(entries)) => self.object(&format!("{name}."), entries)?,
            // A class that is made of one value.
            (Kind::Object, Node::Scalar(_)) if keys.known.contains_key(format!("{name}.value").as_str()) => {
                self.entry(&format!("{name}.value"), node)?;
            }
            (Kind::Class, node) => self.class(name, node)?,
            (Kind::Subnets, Node::List(_)) => self.entry(&format!("{name}.subnets"), node)?,
            (Kind::Subnets, Node::Map(entries)) => self.object(&format!("{name}."), entries)?,
            (Kind::Object | Kind::Subnets, other) => {
                return Err(format!("a mapping is expected, not {}", other.describe()));
            }
            (kind, node) => self.loaded.values.set(name, kind.parse_node(node)?),
        }
        Ok(())
    }

    /// A class: its name alone, a mapping, or a list of one mapping whose parameters are again such a list.
    fn class(&mut self, name: &'static str, node: &Node) -> Result<(), String> {
        self.forget(name);
        match node {
            Node::Scalar(text) => {
                let text = Node::Scalar(text.clone());
                self.entry(&format!("{name}.class_name"), &text)?;
                self.entry(&format!("{name}.parameters"), &Node::Map(Vec::new()))
            }
            Node::Map(entries) => self.object(&format!("{name}."), entries),
            Node::List(nodes) => match nodes.as_slice() {
                [Node::Map(entries)] => self.object(&format!("{name}."), entries),
                _ => Err("a list of exactly one mapping is expected".to_owned()),
            },
            Node::Null => Ok(()),
        }
    }

    fn forget(&mut self, name: &str) {
        let prefix = format!("{name}.");
        for (key, value) in &mut self.loaded.values.map {
            if key.starts_with(&prefix) {
                *value = None;
            }
        }
    }

    fn finish(self) -> Result<Loaded, ConfigError> {
        if !self.null.is_empty() {
            return Err(ConfigError::Invalid(format!(
                "Invalid yaml. Those properties [{}] are not valid",
                self.null.join(", ")
            )));
        }
        if self.unknown.is_empty() {
            return Ok(self.loaded);
        }
        let nearest: Vec<_> = self
            .unknown
            .iter()
            .filter_map(|name| Some(format!("{name} -> {}", Keys::get().nearest(name)?)))
            .collect();
        let names: Vec<_> = self.unknown.iter().map(|name| name.rsplit('.').next().unwrap_or(name)).collect();
        Err(ConfigError::Invalid(format!(
            "Invalid yaml. Please remove properties [{}] from your cassandra.yaml. The nearest known: {}",
            names.join(", "),
            nearest.join(", ")
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::super::value::Value;
    use super::*;

    fn error(text: &str) -> String {
        load(text, "cassandra.yaml").map(|_| ()).expect_err("must be refused").to_string()
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_known_one() {
        assert_eq!(
            error("cluster_nam: a\n"),
            "Invalid yaml. Please remove properties [cluster_nam] from your cassandra.yaml. The nearest known: \
             cluster_nam -> cluster_name"
        );
    }

    #[test]
    fn null_is_refused_where_there_is_a_default() {
        assert_eq!(
            error("concurrent_reads:\n"),
            "Invalid yaml. Those properties [concurrent_reads] are not valid"
        );
        assert!(error("key_cache_save_period:\n").contains("[key_cache_save_period]"));
        assert!(load("key_cache_size:\nprepared_statements_cache_size:\n", "f").is_ok());
        assert!(load("sstable_preemptive_open_interval:\nindex_summary_resize_interval:\n", "f").is_ok());
    }

    #[test]
    fn a_bad_value_names_its_key() {
        assert_eq!(
            error("read_request_timeout: 5000\n"),
            "Invalid yaml: cassandra.yaml: Cannot create property=read_request_timeout: Invalid duration: 5000 \
             Accepted units:[MILLISECONDS, SECONDS, MINUTES, HOURS, DAYS] where case matters and only non-negative \
             values."
        );
        assert!(error("commitlog_sync: sometimes\n").contains("it is one of: periodic, batch, group"));
    }

    #[test]
    fn older_names_take_numbers() {
        let values = load("read_request_timeout_in_ms: 7000\nkey_cache_save_period: 14400\n", "f")
            .expect("valid")
            .values;
        assert_eq!(values.get("read_request_timeout").map(Value::to_string).as_deref(), Some("7000ms"));
        assert_eq!(values.get("key_cache_save_period").map(Value::to_string).as_deref(), Some("14400s"));
    }

    #[test]
    fn old_and_new_together_are_refused() {
        assert_eq!(
            error("read_request_timeout_in_ms: 1\nread_request_timeout: 1ms\n"),
            "Config contains both old and new keys for the same configuration parameters, migrate old -> new: \
             [read_request_timeout_in_ms -> read_request_timeout]"
        );
    }

    #[test]
    fn a_class_comes_in_three_forms() {
        let class = |text: &str| load(text, "f").expect("valid").values.class("seed_provider");
        let list = class("seed_provider:\n - class_name: a.B\n   parameters:\n    - seeds: x\n");
        let map = class("seed_provider:\n  class_name: a.B\n  parameters: {seeds: x}\n");
        assert_eq!(list, map);
        assert_eq!(class("seed_provider: B\n").map(|class| class.class_name).as_deref(), Some("B"));
    }
}
