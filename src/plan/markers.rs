//! The bind markers of a statement (Cassandra: `VariableSpecifications`).

use std::sync::Arc;

use cql_grammar::ast;

use super::assign::Receiver;
use crate::exec::result::{ColumnSpec, Columns, PreparedMetadata};
use crate::schema::TableMetadata;

/// What each marker of a statement is bound to, as found so far.
#[derive(Debug, Default)]
pub struct BindMarkers {
    names: Vec<Option<ast::Name>>,
    receivers: Vec<Option<Receiver>>,
}

impl BindMarkers {
    /// The markers of a statement, by their names.
    pub fn new(names: Vec<Option<ast::Name>>) -> Self {
        let receivers = names.iter().map(|_| None).collect();
        Self { names, receivers }
    }

    /// Says what receives the value of a marker.
    pub fn add(&mut self, index: usize, receiver: &Receiver) {
        if let Some(place) = self.receivers.get_mut(index) {
            *place = Some(receiver.clone());
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The names, where the statement names its markers.
    pub fn names(&self) -> impl Iterator<Item = Option<&str>> {
        self.names.iter().map(|name| name.as_ref().map(|n| n.as_str()))
    }

    /// Metadata of the markers. `table` is that whose partition key the markers may bind; none where a batch
    /// changes several.
    pub fn metadata(&self, table: Option<&TableMetadata>) -> PreparedMetadata {
        let specs = self
            .names
            .iter()
            .zip(&self.receivers)
            .map(|(name, receiver)| spec(name.as_ref(), receiver.as_ref()));
        PreparedMetadata {
            columns: Columns::new(specs.collect()),
            partition_key_indexes: table.and_then(|t| self.partition_key_indexes(t)).unwrap_or_default(),
        }
    }

    fn partition_key_indexes(&self, table: &TableMetadata) -> Option<Arc<[u16]>> {
        let mut indexes = vec![None; table.partition_key.len()];
        for (i, receiver) in self.receivers.iter().enumerate() {
            let Some(position) = receiver.as_ref().and_then(|r| r.partition_key_position) else { continue };
            if let Some(place) = indexes.get_mut(position) {
                *place = u16::try_from(i).ok();
            }
        }
        indexes.into_iter().collect()
    }
}

fn spec(name: Option<&ast::Name>, receiver: Option<&Receiver>) -> ColumnSpec {
    let mut spec = match receiver {
        Some(receiver) => receiver.spec(),
        None => ColumnSpec {
            keyspace: "".into(),
            table: "".into(),
            name: "".into(),
            ty: crate::types::CqlType::Blob,
        },
    };
    if let Some(name) = name {
        spec.name = name.as_str().into();
    }
    spec
}
