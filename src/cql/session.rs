//! The session of one connection: takes requests to plans, and runs them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;

use super::auth::{Memo, User, UserAccess};
use super::client::Client;
use super::node::Node;
use super::prepared::{PreparedStatement, result_metadata_id, statement_id};
use super::request::{
    BatchKind, BatchStatement, QueryOptions, QueryOrId, Request, RequestKind, StatementId, Values,
};
use super::response::{Response, ResultMessage, guardrail_warning};
use super::running::Task;
use super::service::{AuthStep, Connection, Execution};
use super::tracing::{TraceSession, trace_of};
use crate::cluster::timeouts::{TimeoutKind, Timeouts};
use crate::consistency::WriteType;
use crate::error::Error;
use crate::exec::context::{Awaited, ExecutionContext, Written};
use crate::exec::ddl::DdlWarnings;
use crate::exec::modify::attributes::Attributes;
use crate::exec::modify::batch::{self, BatchPlan};
use crate::exec::options::ProtocolVersion;
use crate::exec::plan::{Outcome, Plan};
use crate::storage::Tracer;
use crate::storage::{IoMode, Storage};

/// The session of one connection.
#[derive(Debug)]
pub struct Session(Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) node: Arc<Node>,
    pub(super) client: Arc<Client>,
    /// Who logged in; none before that.
    pub(super) user: ArcSwapOption<User>,
    /// What he may do for now.
    pub(super) memo: Memo,
    /// Whether the client was warned of `USE` with prepared statements.
    warned_of_use: AtomicBool,
    /// Up to where the commit log has to be durable before the current batch of requests is answered.
    written: Mutex<Option<Written>>,
}

/// A request that is ready to run: statement, parameters and values.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) work: Work,
    options: QueryOptions,
    /// The keyspace that the request is made in.
    keyspace: Option<Arc<str>>,
    /// The metadata that the client has (version 5); only for EXECUTE.
    client_metadata: Option<ClientMetadata>,
    warnings: Vec<String>,
    trace: Option<Arc<TraceSession>>,
}

#[derive(Debug)]
pub(super) enum Work {
    Statement(Arc<PreparedStatement>),
    /// With its statements.
    Batch(BatchPlan, Vec<Values>, Vec<BatchedStatement>),
}

/// A statement of a BATCH.
#[derive(Debug)]
pub(super) struct BatchedStatement {
    pub(super) statement: Arc<PreparedStatement>,
    /// How the batch named it, where it did not say its text.
    id: Option<StatementId>,
}

/// What an EXECUTE says of the metadata that the client has.
#[derive(Debug)]
struct ClientMetadata(Option<StatementId>);

impl Session {
    /// The session of a client.
    pub fn new(node: Arc<Node>, client: Arc<Client>) -> Self {
        let user = node.auth().is_open().then(|| Arc::new(User::Anonymous));
        Self(Arc::new(Inner {
            node,
            client,
            user: ArcSwapOption::new(user),
            memo: Memo::default(),
            warned_of_use: AtomicBool::new(false),
            written: Mutex::new(None),
        }))
    }

    fn start(&self, request: Request) -> Execution {
        let trace = trace_of(&self.0.node, &self.0.client, &request);
        let tracing_id = trace.as_ref().map(|t| t.id());
        let prepared = match request.kind {
            RequestKind::Prepare { text, keyspace } => {
                return self.prepare(text, keyspace, trace);
            }
            RequestKind::Query { text, options } => self.0.query(&text, options),
            RequestKind::Execute { id, result_metadata_id, options } => {
                self.0.execute(&id, result_metadata_id, options)
            }
            RequestKind::Batch { kind, statements, options } => self.0.batch(kind, statements, options),
        };
        match prepared {
            Ok(mut ready) => {
                ready.trace = trace;
                self.run(ready)
            }
            Err(error) => {
                if let Some(trace) = trace {
                    trace.finish();
                }
                Execution::Ready(Response { tracing_id, ..Response::from(error) })
            }
        }
    }

    /// Runs at once what needs no disk; the rest goes to a thread that may block.
    fn run(&self, ready: Ready) -> Execution {
        let storage = self.0.node.coordinator().storage();
        if !(ready.blocks() || ready.writes() && storage.is_full()) {
            let (attempt, written) = self.0.run(&ready, IoMode::MemoryOnly);
            if !matches!(attempt.result, Err(Error::WouldBlock)) {
                if let Some(written) = written {
                    *self.0.written.lock() = Some(written);
                }
                return Execution::Ready(attempt);
            }
        }
        Execution::Pending(self.0.clone().run_blocking(ready).boxed())
    }

    fn prepare(&self, text: String, keyspace: Option<String>, trace: Option<Arc<TraceSession>>) -> Execution {
        let is_told = keyspace.is_some();
        let keyspace = keyspace.map(Arc::from).or_else(|| self.0.client.keyspace());
        let inner = self.0.clone();
        // What is noted of the statement goes to the commit log, which may wait for a disk.
        Execution::Pending(
            async move {
                let worker = inner.clone();
                let arrived = Instant::now();
                let run = tokio::task::spawn_blocking(move || {
                    let task = Task::Prepare(text.as_str().into());
                    let _running = worker.node.running().begin(task, arrived);
                    worker.prepare(&text, keyspace.as_deref(), is_told)
                });
                let mut response = match run.await {
                    Ok(response) => response,
                    Err(error) => Response::from(Error::server(format!("the request failed: {error}"))),
                };
                if let Some(trace) = trace {
                    trace.finish();
                    response.tracing_id = Some(trace.id());
                }
                match inner.storage().write_out() {
                    Ok(()) => response,
                    Err(error) => Response { result: Err(error.into()), ..response },
                }
            }
            .boxed(),
        )
    }
}

impl Inner {
    /// Prepares a statement; `is_told`: the request names the keyspace.
    fn prepare(&self, text: &str, keyspace: Option<&str>, is_told: bool) -> Response {
        if let Some(keyspace) = keyspace.filter(|_| is_told)
            && let Err(error) = self.existing(keyspace)
        {
            return error.into();
        }
        let validate = |statement: &PreparedStatement| self.validate(statement, keyspace);
        let guardrails = self.with_access(IoMode::Blocking, None, |access| self.guardrails(access));
        let heard = DdlWarnings::default();
        let prepared = guardrails.and_then(|rails| {
            self.node.prepare(text, keyspace, &validate, rails.map(|rails| &**rails), &heard)
        });
        let mut warnings = heard.take();
        warnings.extend(guardrail_warning(&prepared));
        let (id, statement, is_new) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return Response { warnings, ..error.into() },
        };
        if is_new && !statement.is_qualified {
            if is_told {
                // Cassandra makes a client state of its own for such a request, which has not warned yet.
                warnings.push(use_warning(&id, keyspace, keyspace));
            } else {
                self.warn_of_use(&id, keyspace, &mut warnings);
            }
        }
        let prepared = ResultMessage::Prepared(Box::new(statement.response(id)));
        Response { warnings, ..Response::from(prepared) }
    }

    /// Warns once that `USE` makes prepared statements ambiguous (Cassandra:
    /// `ClientState.warnAboutUseWithPreparedStatements`).
    fn warn_of_use(&self, id: &StatementId, prepared_in: Option<&str>, warnings: &mut Vec<String>) {
        if !self.warned_of_use.swap(true, Ordering::Relaxed) {
            warnings.push(use_warning(id, self.client.keyspace().as_deref(), prepared_in));
        }
    }

    /// The keyspace of a request: the one that it names, which must exist, or the session's.
    fn keyspace(&self, options: &QueryOptions) -> Result<Option<Arc<str>>, Error> {
        match options.keyspace.as_deref() {
            Some(told) => self.existing(told).map(|()| Some(Arc::from(told))),
            None => Ok(self.client.keyspace()),
        }
    }

    fn existing(&self, keyspace: &str) -> Result<(), Error> {
        match self.node.coordinator().schema().keyspace(keyspace) {
            Some(_) => Ok(()),
            None => Err(Error::invalid(format!("Keyspace '{keyspace}' does not exist"))),
        }
    }

    fn query(&self, text: &str, mut options: QueryOptions) -> Result<Ready, Error> {
        let keyspace = self.keyspace(&options)?;
        let statement = self.plan(text, keyspace.as_deref())?;
        self.node.metrics().regular_executed.fetch_add(1, Ordering::Relaxed);
        options.values = statement.order(std::mem::take(&mut options.values));
        if options.values.len() != statement.bind.columns.len() {
            return Err(Error::invalid("Invalid amount of bind variables"));
        }
        Ok(Ready {
            work: Work::Statement(statement),
            options,
            keyspace,
            client_metadata: None,
            warnings: Vec::new(),
            trace: None,
        })
    }

    fn execute(
        &self,
        id: &StatementId,
        result_metadata_id: Option<StatementId>,
        mut options: QueryOptions,
    ) -> Result<Ready, Error> {
        let statement = self.node.statements().get(id)?;
        self.node.metrics().prepared_executed.fetch_add(1, Ordering::Relaxed);
        let mut warnings = Vec::new();
        if !statement.is_qualified
            && self.client.keyspace().as_deref() != statement.keyspace.as_deref()
            && !matches!(statement.plan, Plan::Batch(_))
        {
            self.warn_of_use(id, statement.keyspace.as_deref(), &mut warnings);
        }
        if options.page_size == Some(0) {
            return Err(Error::protocol("The page size cannot be 0"));
        }
        options.values = statement.order(std::mem::take(&mut options.values));
        let (markers, given) = (statement.bind.columns.len(), options.values.len());
        if markers != given {
            return Err(Error::invalid(format!(
                "there were {markers} markers(?) in CQL but {given} bound variables"
            )));
        }
        Ok(Ready {
            work: Work::Statement(statement),
            keyspace: None,
            options,
            client_metadata: Some(ClientMetadata(result_metadata_id)),
            warnings,
            trace: None,
        })
    }

    fn batch(
        &self,
        kind: BatchKind,
        statements: Vec<BatchStatement>,
        options: QueryOptions,
    ) -> Result<Ready, Error> {
        let keyspace = self.keyspace(&options)?;
        let mut prepared = Vec::with_capacity(statements.len());
        for BatchStatement { statement, values } in statements {
            let (statement, id) = match statement {
                QueryOrId::Query(text) => {
                    let statement = self.plan(&text, keyspace.as_deref())?;
                    statement.plan.validate(self.node.coordinator())?;
                    (statement, None)
                }
                QueryOrId::Id(id) => (self.node.statements().get(&id)?, Some(id)),
            };
            let (markers, given) = (statement.bind.columns.len(), values.len());
            if markers != given {
                return Err(Error::invalid(format!(
                    "There were {markers} markers(?) in CQL but {given} bound variables"
                )));
            }
            prepared.push((BatchedStatement { statement, id }, values));
        }
        let mut plans = Vec::with_capacity(prepared.len());
        let mut all_values = Vec::with_capacity(prepared.len());
        let mut held = Vec::with_capacity(prepared.len());
        for (batched, values) in prepared {
            let Plan::Modify(modification) = &batched.statement.plan else {
                return Err(Error::invalid(
                    "Invalid statement in batch: only UPDATE, INSERT and DELETE statements are allowed.",
                ));
            };
            plans.push(modification.clone());
            all_values.push(values);
            held.push(batched);
        }
        let kind = match kind {
            BatchKind::Logged => batch::BatchKind::Logged,
            BatchKind::Unlogged => batch::BatchKind::Unlogged,
            BatchKind::Counter => batch::BatchKind::Counter,
        };
        let plan = BatchPlan { kind, attributes: Attributes::default(), statements: plans };
        Ok(Ready {
            work: Work::Batch(plan, all_values, held),
            options,
            keyspace,
            client_metadata: None,
            warnings: Vec::new(),
            trace: None,
        })
    }

    /// The timeouts of the node.
    pub(super) fn timeouts(&self) -> &Arc<Timeouts> {
        &self.node.coordinator().settings().timeouts
    }

    /// The store of the node.
    pub(super) fn storage(&self) -> &Arc<Storage> {
        self.node.coordinator().storage()
    }

    /// Runs a request; says what it wrote, too.
    pub(super) fn run(&self, ready: &Ready, io: IoMode) -> (Response, Option<Written>) {
        let keyspace = ready.keyspace.clone().or_else(|| self.client.keyspace());
        let keyspace = keyspace.as_deref();
        self.with_access(io, keyspace, |access| self.run_as(access, ready, keyspace, io))
    }

    fn run_as(
        &self,
        access: &UserAccess<'_>,
        ready: &Ready,
        keyspace: Option<&str>,
        io: IoMode,
    ) -> (Response, Option<Written>) {
        let (guardrails, known) = match self.guardrails(access) {
            Ok(guardrails) => (guardrails, Ok(())),
            Err(error) => (None, Err(error)),
        };
        let context =
            ExecutionContext::new(self.node.coordinator(), &ready.options, self.client.version, keyspace, io)
                .with_access(access)
                .with_guardrails(guardrails)
                .with_tracer(ready.trace.as_deref().map(|trace| trace as &dyn Tracer));
        let steps = ready.trace.as_ref().map_or(0, |trace| trace.steps());
        let is_open = self.node.auth().is_open();
        let permitted = if is_open { Ok(()) } else { self.authorize(ready, access) };
        let outcome = permitted.and(known).and_then(|()| match &ready.work {
            Work::Statement(statement) => self.execute_statement(statement, ready, &context),
            Work::Batch(plan, values, _) => {
                plan.validate().and_then(|()| plan.execute(&context, |i| &values[i]))
            }
        });
        if matches!(outcome, Err(Error::WouldBlock)) {
            if let Some(trace) = &ready.trace {
                trace.rewind(steps);
            }
            return (Error::WouldBlock.into(), None);
        }
        let written = context.written();
        let mut warnings = ready.warnings.clone();
        warnings.append(&mut context.take_warnings());
        warnings.extend(guardrail_warning(&outcome));
        let tracing_id = ready.trace.as_ref().map(|trace| {
            trace.finish();
            trace.id()
        });
        let result = outcome.map(|outcome| self.message(ready, outcome));
        let write = written.map(|written| written.awaited);
        (Response { result, warnings, tracing_id, custom_payload: None, write }, written)
    }

    /// Runs a statement. Who creates something may do everything with it; what goes takes all permissions with it.
    fn execute_statement(
        &self,
        statement: &PreparedStatement,
        ready: &Ready,
        context: &ExecutionContext<'_>,
    ) -> Result<Outcome, Error> {
        let Plan::Ddl(change) = &statement.plan else {
            return statement.plan.execute(context, &ready.options.values);
        };
        if !self.node.auth().options().authorizes {
            return statement.plan.execute(context, &ready.options.values);
        }
        let before = self.node.coordinator().schema();
        let outcome = statement.plan.execute(context, &ready.options.values)?;
        if matches!(outcome, Outcome::SchemaChange(_)) {
            let user = self.user.load_full();
            let schema = self.node.coordinator().schema();
            let (before, now) = (before.keyspace(&change.keyspace), schema.keyspace(&change.keyspace));
            self.node.permissions_follow(user.as_deref(), &statement.requires, before, now);
            let level = context.options.consistency;
            context.wait_for_all_written(Awaited::Write(level, WriteType::Simple));
        }
        Ok(outcome)
    }

    fn message(&self, ready: &Ready, outcome: Outcome) -> ResultMessage {
        match outcome {
            Outcome::Void => ResultMessage::Void,
            Outcome::SetKeyspace(keyspace) => {
                self.client.set_keyspace(&keyspace);
                ResultMessage::SetKeyspace(keyspace)
            }
            Outcome::SchemaChange(change) => {
                self.node.schema_changed(&change);
                ResultMessage::SchemaChange(change)
            }
            // Its columns are not those of the prepared statement: an EXECUTE always gets them.
            Outcome::Conditional(mut rows) => {
                let is_query = ready.client_metadata.is_none() && matches!(ready.work, Work::Statement(_));
                rows.metadata.no_metadata = is_query && ready.options.skip_metadata;
                ResultMessage::Rows(rows)
            }
            Outcome::Rows(mut rows) => {
                let skip = ready.options.skip_metadata;
                match (&ready.work, &ready.client_metadata) {
                    (Work::Statement(statement), Some(ClientMetadata(known)))
                        if self.client.version >= ProtocolVersion::V5 =>
                    {
                        // These have no columns until they are executed.
                        let current = match &statement.plan {
                            Plan::Describe(_) | Plan::Role(_) => result_metadata_id(&rows.metadata.columns),
                            _ => statement.result_metadata_id.clone(),
                        };
                        if known.as_ref() != Some(&current) {
                            rows.metadata.new_metadata_id = Some(current);
                        } else {
                            rows.metadata.no_metadata = skip;
                        }
                    }
                    _ => rows.metadata.no_metadata = skip,
                }
                ResultMessage::Rows(rows)
            }
        }
    }
}

impl Ready {
    /// The timeout that it is held against.
    pub(super) fn timeout_kind(&self) -> Option<TimeoutKind> {
        match &self.work {
            Work::Statement(statement) => statement.plan.timeout_kind(),
            Work::Batch(plan, ..) => Some(plan.timeout_kind()),
        }
    }

    /// What the client is told where that is over.
    pub(super) fn timed_out(&self) -> Error {
        match &self.work {
            Work::Statement(statement) => statement.plan.timed_out(&self.options),
            Work::Batch(plan, ..) => plan.timed_out(&self.options),
        }
    }

    /// The response of a request that did not come to its end.
    pub(super) fn refused(&self, error: Error) -> Response {
        let tracing_id = self.trace.as_ref().map(|trace| trace.id());
        Response { tracing_id, ..Response::from(error) }
    }

    /// What it is, for those who look at what runs (Cassandra: `toString` of its messages).
    pub(super) fn description(&self) -> String {
        let level = self.options.consistency.name();
        match (&self.work, &self.client_metadata) {
            (Work::Statement(statement), None) => {
                let page = self.options.page_size.map_or(-1, i64::from);
                format!("QUERY {} [pageSize = {page}] at consistency {level}", statement.text)
            }
            (Work::Statement(statement), Some(_)) => {
                let keyspace = statement.keyspace.as_deref().filter(|_| !statement.is_qualified);
                let (id, values) = (statement_id(&statement.text, keyspace), self.options.values.len());
                format!("EXECUTE {id} with {values} values at consistency {level}")
            }
            (Work::Batch(_, values, statements), _) => {
                let one = |(batched, values): (&BatchedStatement, &Values)| {
                    let name = batched
                        .id
                        .as_ref()
                        .map_or_else(|| batched.statement.text.clone(), ToString::to_string);
                    format!("{name} with {} values", values.len())
                };
                let all: Vec<_> = statements.iter().zip(values).map(one).collect();
                format!("BATCH of [{}] at consistency {level}", all.join(", "))
            }
        }
    }

    fn writes(&self) -> bool {
        match &self.work {
            Work::Statement(statement) => statement.plan.writes(),
            Work::Batch(..) => true,
        }
    }

    fn blocks(&self) -> bool {
        match &self.work {
            Work::Statement(statement) => statement.plan.blocks(),
            Work::Batch(plan, ..) => plan.counts_several(),
        }
    }
}

impl Connection for Session {
    fn authenticator(&self) -> Option<String> {
        let auth = self.0.node.auth();
        (!auth.is_open()).then(|| auth.options().authenticator.class_name())
    }

    fn authenticate(&self, token: Bytes) -> BoxFuture<'static, Result<AuthStep, Error>> {
        let inner = self.0.clone();
        async move {
            if inner.node.auth().is_open() {
                return Ok(AuthStep::Success(None));
            }
            // To hash a password takes a thread for tens of milliseconds: only so many may at once.
            let permit = inner.node.auth().login_permit().await;
            let worker = Arc::clone(&inner);
            let login = move || {
                let name = worker.node.auth_store(IoMode::Blocking).login(&worker.client, &token);
                drop(permit);
                name
            };
            let name = tokio::task::spawn_blocking(login)
                .await
                .map_err(|error| Error::server(format!("the login failed: {error}")))??;
            inner.client.set_username(&name);
            inner.user.store(Some(Arc::new(User::Role(name))));
            inner.memo.clear();
            Ok(AuthStep::Success(None))
        }
        .boxed()
    }

    fn execute(&self, request: Request) -> Execution {
        self.start(request)
    }

    fn finish_batch(&self) -> Option<BoxFuture<'static, Result<(), Error>>> {
        let written = self.0.written.lock().take()?;
        if let Err(error) = self.0.storage().write_out() {
            return Some(async move { Err(Error::from(error)) }.boxed());
        }
        let mut synced = self.0.clone().synced(written).boxed();
        match (&mut synced).now_or_never() {
            Some(Ok(())) => None,
            Some(Err(error)) => Some(async move { Err(error) }.boxed()),
            None => Some(synced),
        }
    }
}

fn use_warning(id: &StatementId, used: Option<&str>, prepared_in: Option<&str>) -> String {
    let (used, of) = (used.unwrap_or("null"), prepared_in.unwrap_or("null"));
    format!(
        "`USE <keyspace>` with prepared statements is considered to be an anti-pattern due to ambiguity in \
         non-qualified table names. Please consider removing instances of `Session#setKeyspace(<keyspace>)`, \
         `Session#execute(\"USE <keyspace>\")` and `cluster.newSession(<keyspace>)` from your code, and always use \
         fully qualified table names (e.g. <keyspace>.<table>). Keyspace used: {used}, statement keyspace: {of}, \
         statement id: {id}"
    )
}
