//! A change of the schema, not yet made.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::Result;
use crate::event::SchemaChange;
use crate::guardrails::{Guard, Guardrails, Warnings};
use crate::schema::options::Datacenters;
use crate::schema::{KeyspaceMetadata, Schema, TableId};

/// What a change may depend on besides the schema.
#[derive(Clone, Debug)]
pub struct DdlContext {
    /// The data centers, and how many nodes each has.
    pub datacenters: Datacenters,
    /// `default_keyspace_rf`.
    pub default_keyspace_factor: usize,
    /// The memtable configurations that there are besides `default`.
    pub memtables: BTreeSet<String>,
    /// `drop_compact_storage_enabled`.
    pub drop_compact_storage_enabled: bool,
    /// `dynamic_data_masking_enabled`.
    pub masking_enabled: bool,
    /// The id of a table that is created without one.
    pub new_table_id: TableId,
    /// The time of the change, in microseconds.
    pub timestamp_us: i64,
    /// The guardrails, where the user is an ordinary one.
    pub guardrails: Option<Arc<Guardrails>>,
    /// What they warn of.
    pub guardrail_warnings: DdlWarnings,
}

impl DdlContext {
    /// The guardrails that the change is held against, where the user is an ordinary one.
    pub fn guard(&self) -> Option<Guard<'_>> {
        self.guardrails.as_ref().map(|rails| Guard::new(rails, &self.guardrail_warnings))
    }
}

/// The warnings of guardrails, which a client gets also where its change is refused.
#[derive(Clone, Debug, Default)]
pub struct DdlWarnings(Arc<Mutex<Vec<String>>>);

impl DdlWarnings {
    /// Takes them.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock())
    }
}

impl Warnings for DdlWarnings {
    fn warn(&self, message: String) {
        self.0.lock().push(message);
    }
}

/// What becomes of the keyspace.
#[derive(Clone, Debug, PartialEq)]
pub enum KeyspaceChange {
    /// Nothing: the statement's `IF` does not hold.
    None,
    /// It is this from now on.
    Put(KeyspaceMetadata),
    /// It goes.
    Drop,
}

/// The outcome of a [`SchemaTransformation`].
#[derive(Clone, Debug)]
pub struct Transformed {
    /// What becomes of the keyspace.
    pub change: KeyspaceChange,
    /// What clients are told if the schema differs afterwards.
    pub event: SchemaChange,
    /// Warnings for the client.
    pub warnings: Vec<String>,
}

type Apply = dyn Fn(&Schema, &DdlContext) -> Result<Transformed> + Send + Sync;
type Validate = dyn Fn(&Schema, &DdlContext) -> Result<()> + Send + Sync;

/// A function from the schema to the changed keyspace (Cassandra: `SchemaTransformation`). It is evaluated while no
/// other change can happen.
#[derive(Clone)]
pub struct SchemaTransformation {
    /// The keyspace that is changed.
    pub keyspace: String,
    apply: Arc<Apply>,
    validate: Option<Arc<Validate>>,
}

impl SchemaTransformation {
    /// The change that `apply` computes.
    pub fn new(
        keyspace: impl Into<String>,
        apply: impl Fn(&Schema, &DdlContext) -> Result<Transformed> + Send + Sync + 'static,
    ) -> Self {
        Self { keyspace: keyspace.into(), apply: Arc::new(apply), validate: None }
    }

    /// The same, and what is looked at when the statement is prepared (Cassandra: `CQLStatement.validate`). `apply` looks
    /// at it again.
    pub fn validated_by(
        self,
        validate: impl Fn(&Schema, &DdlContext) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self { validate: Some(Arc::new(validate)), ..self }
    }

    /// Looks at what is asked for, when the statement is prepared.
    pub fn validate(&self, schema: &Schema, context: &DdlContext) -> Result<()> {
        self.validate.as_ref().map_or(Ok(()), |validate| validate(schema, context))
    }

    /// Computes the change for this schema.
    pub fn apply(&self, schema: &Schema, context: &DdlContext) -> Result<Transformed> {
        (self.apply)(schema, context)
    }
}

impl fmt::Debug for SchemaTransformation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchemaTransformation").field("keyspace", &self.keyspace).finish_non_exhaustive()
    }
}
