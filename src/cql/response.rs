//! Responses as a session gives them.

use std::collections::HashMap;

use bytes::Bytes;
use uuid::Uuid;

use super::request::StatementId;
use crate::error::Error;
use crate::event::SchemaChange;
use crate::exec::context::Awaited;
pub use crate::exec::result::{
    ColumnSpec, Columns, PreparedMetadata, ResultMetadata, Rows, RowsContent, RowsWriter,
};

/// A prepared statement.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Its id.
    pub id: StatementId,
    /// The id of its result metadata, sent from version 5 on.
    pub result_metadata_id: StatementId,
    /// Its bind markers.
    pub bind: PreparedMetadata,
    /// Its result's columns.
    pub result: ResultMetadata,
}

/// The result of a request that succeeded, as `transport.messages.ResultMessage`.
#[derive(Debug)]
pub enum ResultMessage {
    /// Nothing to say.
    Void,
    /// Rows.
    Rows(Rows),
    /// The connection's keyspace changed.
    SetKeyspace(String),
    /// A statement was prepared.
    Prepared(Box<Prepared>),
    /// The schema changed.
    SchemaChange(SchemaChange),
}

/// What a request gets back.
#[derive(Debug)]
pub struct Response {
    /// The result, or why there is none.
    pub result: Result<ResultMessage, Error>,
    /// Warnings for the client, sent from version 4 on; also with errors.
    pub warnings: Vec<String>,
    /// The trace, if the client asked for one.
    pub tracing_id: Option<Uuid>,
    /// Bytes from a custom query handler (version 4).
    pub custom_payload: Option<Box<HashMap<String, Bytes>>>,
    /// What it acknowledges, where it answers a write that ran at once.
    pub write: Option<Awaited>,
}

impl Response {
    /// About how many bytes its rows have: what tells a large answer from a small one.
    pub fn rows_bytes(&self) -> usize {
        match &self.result {
            Ok(ResultMessage::Rows(rows)) => rows.content.as_bytes().len(),
            _ => 0,
        }
    }

    /// What was written does not get durable: a response that acknowledges a write becomes this error.
    pub fn not_durable(&mut self, error: &Error) {
        let Some(awaited) = self.write.filter(|_| self.result.is_ok()) else { return };
        self.result = Err(match error {
            Error::WriteTimeout { .. } | Error::CasWriteTimeout { .. } | Error::ReadTimeout { .. } => {
                awaited.timed_out()
            }
            other => other.clone(),
        });
    }
}

impl From<Result<ResultMessage, Error>> for Response {
    fn from(result: Result<ResultMessage, Error>) -> Self {
        let warnings = guardrail_warning(&result).into_iter().collect();
        Response { result, warnings, tracing_id: None, custom_payload: None, write: None }
    }
}

/// Where a guardrail refuses, it warns with the same words (Cassandra: `Guardrail.fail`).
pub(super) fn guardrail_warning<T>(result: &Result<T, Error>) -> Option<String> {
    match result {
        Err(Error::Guardrail(message)) => Some(message.clone()),
        _ => None,
    }
}

impl From<ResultMessage> for Response {
    fn from(result: ResultMessage) -> Self {
        Ok(result).into()
    }
}

impl From<Error> for Response {
    fn from(error: Error) -> Self {
        Err(error).into()
    }
}
