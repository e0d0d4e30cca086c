//! The value of a key, and its text as Cassandra prints it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::keys::{Key, Keys, Kind};
use super::spec::{DurationSpec, RateSpec, StorageSpec};
use super::yaml::Node;

/// A validated value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Bool(bool),
    Int(i64),
    Float32(f32),
    Float(f64),
    Text(String),
    Duration(DurationSpec),
    Storage(StorageSpec),
    Rate(RateSpec),
    List(Vec<String>),
    Map(Vec<(String, String)>),
}

/// A class and its parameters, as `authenticator` and other keys name them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParameterizedClass {
    /// The name as written, with or without a package.
    pub class_name: String,
    /// Its parameters, in the order of the file.
    pub parameters: Vec<(String, String)>,
}

impl ParameterizedClass {
    /// The class's name without its package.
    pub fn simple_name(&self) -> &str {
        self.class_name.rsplit('.').next().unwrap_or(&self.class_name)
    }
}

/// All values by full key, and which keys the file gave.
#[derive(Clone, Debug)]
pub(super) struct Values {
    pub map: BTreeMap<&'static str, Option<Value>>,
    pub given: BTreeSet<&'static str>,
}

impl Values {
    /// The values of the shipped file.
    pub fn shipped() -> Self {
        let map = Keys::get().known.iter().filter(|(_, key)| !key.is_object()).map(|(name, key)| {
            let value = key.default.and_then(|text| key.kind.parse_default(text).ok());
            (*name, value)
        });
        Self { map: map.collect(), given: BTreeSet::new() }
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.map.get(name)?.as_ref()
    }

    pub fn set(&mut self, name: &'static str, value: Value) {
        self.map.insert(name, Some(value));
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn int(&self, name: &str) -> Option<i64> {
        match self.get(name)? {
            Value::Int(value) => Some(*value),
            _ => None,
        }
    }

    pub fn bool(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    pub fn float(&self, name: &str) -> Option<f64> {
        match self.get(name)? {
            Value::Float(value) => Some(*value),
            Value::Float32(value) => Some(f64::from(*value)),
            _ => None,
        }
    }

    pub fn duration(&self, name: &str) -> Option<DurationSpec> {
        match self.get(name)? {
            Value::Duration(value) => Some(*value),
            _ => None,
        }
    }

    pub fn storage(&self, name: &str) -> Option<StorageSpec> {
        match self.get(name)? {
            Value::Storage(value) => Some(*value),
            _ => None,
        }
    }

    pub fn list(&self, name: &str) -> Option<&[String]> {
        match self.get(name)? {
            Value::List(values) => Some(values),
            _ => None,
        }
    }

    pub fn class(&self, name: &str) -> Option<ParameterizedClass> {
        let class_name = self.text(&format!("{name}.class_name"))?.to_owned();
        let parameters = match self.get(&format!("{name}.parameters")) {
            Some(Value::Map(parameters)) => parameters.clone(),
            _ => Vec::new(),
        };
        Some(ParameterizedClass { class_name, parameters })
    }
}

impl Key {
    /// Holds other keys and no value of its own.
    pub fn is_object(&self) -> bool {
        matches!(self.kind, Kind::Object | Kind::Class | Kind::Subnets)
    }
}

const LEVELS: &str =
    "ANY|ONE|TWO|THREE|QUORUM|ALL|LOCAL_QUORUM|EACH_QUORUM|SERIAL|LOCAL_SERIAL|LOCAL_ONE|NODE_LOCAL";

impl Kind {
    /// Reads a default of the table, which is in the form `system_views.settings` prints.
    fn parse_default(self, text: &str) -> Result<Value, String> {
        let inside = |open, close| text.strip_prefix(open).and_then(|text: &str| text.strip_suffix(close));
        let items = |text: &str| -> Vec<String> {
            text.split(", ").filter(|item| !item.is_empty()).map(str::to_owned).collect()
        };
        match self {
            Self::List | Self::Levels => Ok(Value::List(items(inside('[', ']').unwrap_or(text)))),
            Self::Map | Self::Tree | Self::Memtables => {
                let pairs = items(inside('{', '}').unwrap_or(text));
                let pair = |item: &String| {
                    item.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()))
                };
                Ok(Value::Map(pairs.iter().filter_map(pair).collect()))
            }
            _ => self.parse_scalar(text),
        }
    }

    /// Reads what the file says.
    pub fn parse_node(self, node: &Node) -> Result<Value, String> {
        match (self, node) {
            (Self::List | Self::Levels, Node::List(nodes)) => {
                let word = |node: &Node| match (self, node) {
                    (Self::Levels, Node::Scalar(text)) => one_of(LEVELS, text),
                    (_, Node::Scalar(text)) => Ok(text.clone()),
                    (_, other) => Err(format!("a list of scalars is expected, not of {}", other.describe())),
                };
                Ok(Value::List(nodes.iter().map(word).collect::<Result<_, _>>()?))
            }
            (Self::Map, Node::List(nodes)) => match nodes.as_slice() {
                [Node::Null] | [] => Ok(Value::Map(Vec::new())),
                [node @ Node::Map(_)] => self.parse_node(node),
                _ => Err("a mapping is expected, not a list".to_owned()),
            },
            (Self::Map, Node::Map(entries)) => {
                let pair = |(key, node): &(String, Node)| match node {
                    Node::Scalar(text) => Ok((key.clone(), text.clone())),
                    Node::Null => Ok((key.clone(), "null".to_owned())),
                    other => Err(format!("the value of {key} must be a scalar, not {}", other.describe())),
                };
                Ok(Value::Map(entries.iter().map(pair).collect::<Result<_, _>>()?))
            }
            (Self::Tree | Self::Memtables, Node::Map(entries)) => {
                let pair = |(key, node): &(String, Node)| match self {
                    Self::Memtables => Ok((key.clone(), memtable(node)?)),
                    _ => Ok((key.clone(), java(node))),
                };
                Ok(Value::Map(entries.iter().map(pair).collect::<Result<_, String>>()?))
            }
            (Self::List | Self::Levels | Self::Map | Self::Tree | Self::Memtables, other) => {
                Err(format!("a list or mapping is expected, not {}", other.describe()))
            }
            (_, Node::Scalar(text)) => self.parse_scalar(text),
            (_, other) => Err(format!("a scalar is expected, not {}", other.describe())),
        }
    }

    fn parse_scalar(self, text: &str) -> Result<Value, String> {
        let number = text.replace('_', "");
        match self {
            Self::Bool => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" => Ok(Value::Bool(true)),
                "false" | "no" | "off" => Ok(Value::Bool(false)),
                _ => Err(format!("\"{text}\" is neither true nor false")),
            },
            Self::Int(bits) => {
                let value: i64 = number.parse().map_err(|_| format!("\"{text}\" is not an integer"))?;
                if bits == 32 && i32::try_from(value).is_err() {
                    return Err(format!("{text} does not fit into 32 bits"));
                }
                Ok(Value::Int(value))
            }
            Self::Float(bits) => {
                let value = number.parse().map_err(|_| format!("\"{text}\" is not a number"))?;
                #[expect(clippy::cast_possible_truncation, reason = "the key is a float in Cassandra")]
                Ok(if bits == 32 { Value::Float32(value as f32) } else { Value::Float(value) })
            }
            Self::Text => Ok(Value::Text(text.to_owned())),
            Self::Enum(words) => Ok(Value::Text(one_of(words, text)?)),
            Self::Duration(unit, max) => DurationSpec::parse(text, unit, max).map(Value::Duration),
            Self::Storage(unit, max) => StorageSpec::parse(text, unit, max).map(Value::Storage),
            Self::Rate => RateSpec::parse(text).map(Value::Rate),
            _ => Err("a scalar is not expected here".to_owned()),
        }
    }
}

fn one_of(words: &'static str, text: &str) -> Result<String, String> {
    if words.split('|').any(|word| word == text) {
        return Ok(text.to_owned());
    }
    Err(format!("Unable to find enum value '{text}', it is one of: {}", words.replace('|', ", ")))
}

/// `inherits+class{parameters}`, as Cassandra's `InheritingClass` prints.
fn memtable(node: &Node) -> Result<String, String> {
    let entries = match node {
        Node::Map(entries) => entries,
        Node::Scalar(text) => return Ok(text.clone()),
        other => return Err(format!("a memtable is a mapping, not {}", other.describe())),
    };
    let mut text = String::new();
    for key in ["inherits", "class_name", "parameters"] {
        match entries.iter().find(|(known, _)| known == key).map(|(_, node)| node) {
            Some(Node::Scalar(value)) if key == "inherits" => text = format!("{value}+"),
            Some(node @ (Node::Scalar(_) | Node::Map(_) | Node::List(_))) => text.push_str(&java(node)),
            _ => {}
        }
    }
    let known = |key: &str| ["inherits", "class_name", "parameters"].contains(&key);
    match entries.iter().find(|(key, _)| !known(key)) {
        Some((key, _)) => Err(format!("unknown key {key}")),
        None => Ok(text),
    }
}

/// A node as Java prints it.
fn java(node: &Node) -> String {
    match node {
        Node::Null => "null".to_owned(),
        Node::Scalar(text) => text.clone(),
        Node::List(nodes) => format!("[{}]", nodes.iter().map(java).collect::<Vec<_>>().join(", ")),
        Node::Map(entries) => {
            let pairs: Vec<_> = entries.iter().map(|(key, node)| format!("{key}={}", java(node))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float32(value) => write!(f, "{value:?}"),
            Self::Float(value) if (1e-3..1e7).contains(&value.abs()) || *value == 0.0 => {
                write!(f, "{value:?}")
            }
            Self::Float(value) => {
                let text = format!("{value:E}");
                match text.split_once('E') {
                    Some((digits, exponent)) if !digits.contains('.') => write!(f, "{digits}.0E{exponent}"),
                    _ => f.write_str(&text),
                }
            }
            Self::Text(value) => f.write_str(value),
            Self::Duration(value) => write!(f, "{value}"),
            Self::Storage(value) => write!(f, "{value}"),
            Self::Rate(value) => write!(f, "{value}"),
            Self::List(values) => write!(f, "[{}]", values.join(", ")),
            Self::Map(pairs) => {
                let hide = |key: &str| key == "password" || key.ends_with("_password");
                let pair = |(key, value): &(String, String)| {
                    format!("{key}={}", if hide(key) { "<REDACTED>" } else { value.as_str() })
                };
                write!(f, "{{{}}}", pairs.iter().map(pair).collect::<Vec<_>>().join(", "))
            }
        }
    }
}
