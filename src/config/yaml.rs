//! A YAML document as a tree of scalars, sequences and mappings.
//!
//! Unlike `serde_yaml_ng::Value` it accepts a key twice (the last one counts), as Cassandra does by default.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A node of the document.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// Nothing, `~` or `null`.
    Null,
    /// Any scalar, as text.
    Scalar(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in order.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// Parses a document; an empty one is an empty mapping.
    pub fn parse(text: &str) -> Result<Self, String> {
        match serde_yaml_ng::from_str(text) {
            Ok(Self::Null) => Ok(Self::Map(Vec::new())),
            Ok(node) => Ok(node),
            Err(error) => Err(error.to_string()),
        }
    }

    /// What a user would call it.
    pub fn describe(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Scalar(_) => "a scalar",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a scalar, a list or a mapping")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Scalar(format!("{value:?}")))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = access.next_element()? {
            nodes.push(node);
        }
        Ok(Node::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut entries: Vec<(String, Node)> = Vec::new();
        while let Some((key, node)) = access.next_entry::<Node, Node>()? {
            let key = match key {
                Node::Scalar(text) => text,
                other => {
                    return Err(serde::de::Error::custom(format!("a key may not be {}", other.describe())));
                }
            };
            entries.retain(|(known, _)| *known != key);
            entries.push((key, node));
        }
        Ok(Node::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_two_equal_keys_counts() {
        let one = |text: &str| Node::Map(vec![("a".into(), Node::Scalar(text.into()))]);
        assert_eq!(Node::parse("a: 1\na: 2\n"), Ok(one("2")));
    }

    #[test]
    fn an_empty_document_is_an_empty_mapping() {
        assert_eq!(Node::parse("# nothing\n"), Ok(Node::Map(Vec::new())));
    }
}
