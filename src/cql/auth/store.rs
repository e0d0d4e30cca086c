//! Reading and writing `system_auth`.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use parking_lot::RwLock;

use crate::consistency::Consistency;
use crate::cql::internal::InternalRows;
use crate::cql::node::Node;
use crate::cql::prepared::PreparedStatement;
use crate::error::Error;
use crate::storage::IoMode;
use crate::types::collection;

/// The first superuser.
pub(super) const DEFAULT_SUPERUSER: &str = "cassandra";

/// Statements on `system_auth`, planned once: its tables cannot be altered.
#[derive(Debug, Default)]
pub(super) struct Statements(RwLock<HashMap<&'static str, Arc<PreparedStatement>>>);

impl Statements {
    fn get(&self, node: &Node, text: &'static str) -> Result<Arc<PreparedStatement>, Error> {
        if let Some(statement) = self.0.read().get(text) {
            return Ok(Arc::clone(statement));
        }
        let statement = node.plan(text, None)?;
        self.0.write().insert(text, Arc::clone(&statement));
        Ok(statement)
    }
}

/// The tables of `system_auth`.
#[derive(Clone, Copy)]
pub(in crate::cql) struct Store<'a> {
    pub node: &'a Node,
    pub io: IoMode,
}

impl<'a> Store<'a> {
    /// Runs a statement at a consistency level.
    pub(super) fn run(
        self,
        text: &'static str,
        values: &[Option<&[u8]>],
        consistency: Consistency,
    ) -> Result<InternalRows, Error> {
        let statement = self.node.auth().statements.get(self.node, text)?;
        self.node.run_internal(&statement, values, consistency, self.io)
    }

    /// Reads at the configured level.
    pub(super) fn read(self, text: &'static str, values: &[&str]) -> Result<InternalRows, Error> {
        let values: Vec<_> = values.iter().map(|value| Some(value.as_bytes())).collect();
        self.run(text, &values, self.node.auth().options().read_consistency)
    }

    /// Writes at the configured level.
    pub(super) fn write(self, text: &'static str, values: &[&[u8]]) -> Result<(), Error> {
        let values: Vec<_> = values.iter().map(|value| Some(*value)).collect();
        self.run(text, &values, self.node.auth().options().write_consistency).map(|_| ())
    }

    /// The level at which a role is read: the first superuser can do without all nodes.
    pub(super) fn level_of(self, role: &str) -> Consistency {
        if role == DEFAULT_SUPERUSER {
            Consistency::Quorum
        } else {
            self.node.auth().options().read_consistency
        }
    }

    /// The level at which a role is written.
    pub(super) fn write_level_of(self, role: &str) -> Consistency {
        if role == DEFAULT_SUPERUSER {
            Consistency::Quorum
        } else {
            self.node.auth().options().write_consistency
        }
    }
}

/// A text.
pub(super) fn text_of(value: Option<&[u8]>) -> Option<String> {
    value.map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// A set of texts; empty where there is none.
pub(super) fn texts_of(value: Option<&[u8]>) -> BTreeSet<String> {
    let elements = value.into_iter().flat_map(collection::elements);
    elements.map(|element| String::from_utf8_lossy(element).into_owned()).collect()
}

/// A set of texts as a value.
pub(super) fn set_of<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Vec<u8> {
    let texts: BTreeSet<Vec<u8>> = texts.into_iter().map(|text| text.as_ref().as_bytes().to_vec()).collect();
    collection::encode_list(&texts.into_iter().collect::<Vec<_>>())
}

/// A boolean.
pub(super) fn is_true(value: Option<&[u8]>) -> Option<bool> {
    value.map(|bytes| bytes.first().is_some_and(|byte| *byte != 0))
}
