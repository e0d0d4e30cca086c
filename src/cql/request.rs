//! Requests as a session accepts them: decoded, but with every value still a slice of the frame it came in.

use std::collections::HashMap;

use bytes::Bytes;

pub use crate::exec::options::{ProtocolVersion, QueryOptions, StatementId, Value, Values};

/// The kind of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchKind {
    /// All of it happens in the end.
    Logged,
    /// No such promise.
    Unlogged,
    /// Counter updates.
    Counter,
}

/// A batch's statement: its text or its prepared id.
#[derive(Debug, Clone)]
pub enum QueryOrId {
    /// CQL text.
    Query(String),
    /// A prepared statement.
    Id(StatementId),
}

/// One statement of a batch with its values.
#[derive(Debug, Clone)]
pub struct BatchStatement {
    /// What to run.
    pub statement: QueryOrId,
    /// Its values, always positional.
    pub values: Values,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub enum RequestKind {
    /// Parse and run.
    Query {
        /// CQL text.
        text: String,
        /// Parameters.
        options: QueryOptions,
    },
    /// Parse and remember.
    Prepare {
        /// CQL text.
        text: String,
        /// Keyspace in place of the connection's (version 5).
        keyspace: Option<String>,
    },
    /// Run what was prepared.
    Execute {
        /// The prepared statement.
        id: StatementId,
        /// The result metadata that the client has (version 5).
        result_metadata_id: Option<StatementId>,
        /// Parameters.
        options: QueryOptions,
    },
    /// Run several modifications.
    Batch {
        /// Its kind.
        kind: BatchKind,
        /// Its statements in order.
        statements: Vec<BatchStatement>,
        /// Parameters; `values` is empty.
        options: QueryOptions,
    },
}

/// A request with what its frame said besides.
#[derive(Debug, Clone)]
pub struct Request {
    /// What is asked for.
    pub kind: RequestKind,
    /// The client wants it traced.
    pub tracing: bool,
    /// Bytes for a custom query handler (version 4); Cassandra's own ignores them.
    pub custom_payload: Option<HashMap<String, Bytes>>,
}

impl From<RequestKind> for Request {
    fn from(kind: RequestKind) -> Self {
        Request { kind, tracing: false, custom_payload: None }
    }
}
