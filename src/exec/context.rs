//! What a plan is run with.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::access::Access;
use super::functions::FunctionContext;
use super::options::{ProtocolVersion, QueryOptions, Values};
use super::pager::Reader;
use super::term::BindContext;
use crate::cluster::conditional::{ConditionalLevels, Contested};
use crate::cluster::{Coordinator, ReadListener};
use crate::consistency::{Consistency, WriteType};
use crate::error::Error;
use crate::guardrails::{Guard, Guardrails, Warnings};
use crate::schema::TableMetadata;
use crate::storage::model::{DataRange, DecoratedKey, Mutation, Mutations, ReadCommand, ReadResponse};
use crate::storage::{CommitPosition, IoMode, ReadReport, Steps, Tracer};

/// Rows that a request may read on a connection's task, beyond its first page.
const INLINE_ROWS_MAX: usize = 10_000;

/// What a request wrote, or has to wait for.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    /// Where in the commit log the last of it is.
    pub position: CommitPosition,
    /// What waits for it.
    pub awaited: Awaited,
}

/// What waits until something is durable, at its level: what errors call it.
#[derive(Clone, Copy, Debug)]
pub enum Awaited {
    /// A write.
    Write(Consistency, WriteType),
    /// A conditional write, at the level at which it is agreed on.
    Conditional(Consistency),
    /// A read that is linearizable.
    SerialRead(Consistency),
}

impl Awaited {
    /// What a client is told where that took longer than its timeout.
    pub fn timed_out(self) -> Error {
        let (received, block_for) = (0, 1);
        match self {
            Self::Write(consistency, write_type) => {
                Error::WriteTimeout { consistency, received, block_for, write_type }
            }
            Self::Conditional(consistency) => {
                Error::CasWriteTimeout { consistency, received, block_for, contentions: 0 }
            }
            Self::SerialRead(consistency) => {
                Error::ReadTimeout { consistency, received, block_for, data_present: false }
            }
        }
    }
}

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
    /// The user; none where the node asks for itself.
    pub access: Option<&'a dyn Access>,
    /// The guardrails, where the user is an ordinary one: who is a superuser, and the node itself, may do everything.
    pub guardrails: Option<&'a Arc<Guardrails>>,
    warnings: Mutex<Vec<String>>,
    /// Those of what replicas say of reads that they were to report of: they come after all others.
    reported: Mutex<Vec<String>>,
    written: Mutex<Option<Written>>,
    /// Rows that this request read so far.
    rows_read: AtomicUsize,
    steps: Steps<'a>,
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
            access: None,
            guardrails: None,
            warnings: Mutex::new(Vec::new()),
            reported: Mutex::new(Vec::new()),
            written: Mutex::new(None),
            rows_read: AtomicUsize::new(0),
            steps: Steps::NONE,
        }
    }

    /// The same context, of a user.
    pub fn with_access(self, access: &'a dyn Access) -> Self {
        Self { access: Some(access), ..self }
    }

    /// The same context, with its steps traced.
    pub fn with_tracer(self, tracer: Option<&'a dyn Tracer>) -> Self {
        Self { steps: Steps::to(tracer), ..self }
    }

    /// What terms are evaluated with.
    pub fn bind<'v>(&'v self, values: &'v Values) -> BindContext<'v> {
        BindContext { values, functions: &self.functions, guard: self.guard() }
    }

    /// The same context, held against guardrails.
    pub fn with_guardrails(self, guardrails: Option<&'a Arc<Guardrails>>) -> Self {
        Self { guardrails, ..self }
    }

    /// Holds the request against the guardrails, where its user is an ordinary one.
    pub fn guard(&self) -> Option<Guard<'_>> {
        self.guardrails.map(|rails| Guard::new(rails, self))
    }

    fn trace(&self, activity: impl FnOnce() -> String) {
        self.steps.note(activity);
    }

    /// Who hears of this request's reads: the context, which takes reports with `report`, and the trace.
    pub fn listener<'l>(&self, report: &'l dyn Fn(&ReadReport)) -> ReadListener<'l>
    where
        'a: 'l,
    {
        ReadListener { report, steps: self.steps }
    }

    /// Warns the client.
    pub fn warn(&self, warning: String) {
        self.warnings.lock().push(warning);
    }

    /// Takes what a replica says of a read that passed thresholds.
    pub fn report(&self, report: &ReadReport) {
        let warnings = report.warnings();
        warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        let into = if report.is_tracked { &self.reported } else { &self.warnings };
        into.lock().extend(warnings);
    }

    /// Writes mutations at the request's consistency level.
    pub fn mutate(&self, mutations: Mutations, write_type: WriteType) -> Result<(), Error> {
        self.trace(|| match write_type {
            WriteType::Batch => "Determining replicas for atomic batch".to_owned(),
            _ => "Determining replicas for mutation".to_owned(),
        });
        let position =
            self.coordinator.mutate(mutations, self.options.consistency, write_type, self.io, self.steps)?;
        let awaited = Awaited::Write(self.options.consistency, write_type);
        *self.written.lock() = Some(Written { position, awaited });
        Ok(())
    }

    /// Applies mutations to virtual tables.
    pub fn mutate_virtual(&self, mutations: &[Mutation]) -> Result<(), Error> {
        let storage = self.coordinator.storage();
        mutations.iter().try_for_each(|mutation| storage.apply_virtual(mutation).map_err(Error::from))
    }

    /// Lets `decide` read a partition and say what is to be written to it, at the request's consistency levels.
    pub fn compare_and_set<R>(
        &self,
        table: &TableMetadata,
        key: &DecoratedKey,
        decide: impl FnOnce(&Contested<'_>) -> Result<(Option<Mutation>, R), Error>,
    ) -> Result<R, Error> {
        let levels = ConditionalLevels {
            serial: self.options.serial_consistency.unwrap_or(Consistency::Serial),
            commit: self.options.consistency,
        };
        let report = |report: &ReadReport| self.report(report);
        let result = self.coordinator.compare_and_set(
            table,
            key,
            levels,
            self.io,
            self.listener(&report),
            |partition| {
                self.trace(|| "Reading existing values for CAS precondition".to_owned());
                let decision = decide(partition)?;
                self.trace(|| match decision.0 {
                    Some(_) => "CAS precondition is met; proposing client-requested updates".to_owned(),
                    None => "CAS precondition does not match current values".to_owned(),
                });
                Ok(decision)
            },
        );
        if !matches!(result, Err(Error::WouldBlock)) {
            self.wait_for_all_written(Awaited::Conditional(levels.serial));
        }
        result
    }

    /// Has the answer wait until everything that was written so far, by anybody, is durable: what a linearizable
    /// request has seen must not be lost.
    pub fn wait_for_all_written(&self, awaited: Awaited) {
        let position = self.coordinator.storage().commit_log().position();
        *self.written.lock() = Some(Written { position, awaited });
    }

    /// Counts what was read; a request that runs on a connection's task may read so much before it has to go on
    /// elsewhere, so that the connections beside it are not kept waiting.
    fn count(&self, response: &ReadResponse) -> Result<(), Error> {
        let rows: usize = response.partitions.iter().map(|p| p.rows.len() + 1).sum();
        let before = self.rows_read.fetch_add(rows, Ordering::Relaxed);
        let is_first = before == 0;
        if self.io == IoMode::MemoryOnly && !is_first && before + rows > INLINE_ROWS_MAX {
            return Err(Error::WouldBlock);
        }
        Ok(())
    }

    /// What was written, or has to be waited for; none where nothing was.
    pub fn written(&self) -> Option<Written> {
        *self.written.lock()
    }

    /// The warnings so far.
    pub fn take_warnings(&self) -> Vec<String> {
        let mut warnings = std::mem::take(&mut *self.warnings.lock());
        warnings.append(&mut self.reported.lock());
        warnings
    }
}

impl Warnings for ExecutionContext<'_> {
    fn warn(&self, message: String) {
        self.trace(|| message.clone());
        self.warn(message);
    }
}

impl Reader for ExecutionContext<'_> {
    fn read(&self, command: &ReadCommand) -> Result<ReadResponse, Error> {
        let is_range = matches!(command.range, DataRange::Range { .. });
        if is_range {
            self.trace(|| "Computing ranges to query".to_owned());
        }
        let report = |report: &ReadReport| self.report(report);
        let listener = self.listener(&report);
        let response = self.coordinator.read(command, self.options.consistency, self.io, listener)?;
        if is_range {
            self.trace(|| "Submitted 1 concurrent range requests".to_owned());
        }
        self.count(&response)?;
        if self.options.consistency.is_serial() {
            self.wait_for_all_written(Awaited::SerialRead(self.options.consistency));
        }
        Ok(response)
    }
}
