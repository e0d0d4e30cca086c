//! What a plan is run with.

use parking_lot::Mutex;

use super::functions::FunctionContext;
use super::options::{ProtocolVersion, QueryOptions};
use crate::cluster::Coordinator;
use crate::consistency::WriteType;
use crate::error::Error;
use crate::storage::model::Mutation;
use crate::storage::{CommitPosition, IoMode};

/// What a plan is run with: the request's parameters, the node, and a place for warnings.
#[derive(Debug)]
pub struct ExecutionContext<'a> {
    /// The node.
    pub coordinator: &'a Coordinator,
    /// The request's parameters.
    pub options: &'a QueryOptions,
    /// The protocol of the client, which decides over the form of paging states.
    pub version: ProtocolVersion,
    /// The session's keyspace.
    pub keyspace: Option<&'a str>,
    /// The default timestamp of what is written, in microseconds.
    pub timestamp: i64,
    /// The time against which TTLs are held, in seconds since 1970.
    pub now_in_seconds: i64,
    /// What functions may know.
    pub functions: FunctionContext,
    /// Whether reads may wait for the disk.
    pub io: IoMode,
    warnings: Mutex<Vec<String>>,
    written: Mutex<Option<CommitPosition>>,
}

impl<'a> ExecutionContext<'a> {
    /// The context of a request that starts now.
    pub fn new(
        coordinator: &'a Coordinator,
        options: &'a QueryOptions,
        version: ProtocolVersion,
        keyspace: Option<&'a str>,
        io: IoMode,
    ) -> Self {
        let clock = coordinator.clock();
        let now_us = clock.micros();
        Self {
            coordinator,
            options,
            version,
            keyspace,
            timestamp: options.timestamp.unwrap_or_else(|| clock.next_timestamp()),
            now_in_seconds: options.now_in_seconds.unwrap_or(now_us.div_euclid(1_000_000)),
            functions: FunctionContext { now_us },
            io,
            warnings: Mutex::new(Vec::new()),
            written: Mutex::new(None),
        }
    }

    /// Warns the client.
    pub fn warn(&self, warning: String) {
        self.warnings.lock().push(warning);
    }

    /// Writes mutations at the request's consistency level.
    pub fn mutate(&self, mutations: Vec<Mutation>, write_type: WriteType) -> Result<(), Error> {
        let position = self.coordinator.mutate(mutations, self.options.consistency, write_type)?;
        *self.written.lock() = Some(position);
        Ok(())
    }

    /// Where in the commit log the last of what was written is; none where nothing was.
    pub fn written(&self) -> Option<CommitPosition> {
        *self.written.lock()
    }

    /// The warnings so far.
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.warnings.lock())
    }
}
