//! The database as connections see it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::broadcast;
use tracing::warn;

use super::auth::Auth;
use super::client::Clients;
use super::prepared::{PreparedStatement, PreparedStatements, statement_id};
use super::request::StatementId;
use super::running::RunningRequests;
use super::service::{Connection, ConnectionInfo, Service};
use super::session::Session;
use crate::cluster::Coordinator;
use crate::error::Error;
use crate::event::{Change, Event, SchemaChange, Target};
use crate::exec::ddl::{DdlContext, DdlWarnings};
use crate::exec::plan::Plan;
use crate::guardrails::{Guard, Guardrails, Warnings};
use crate::metrics::CqlMetrics;
use crate::plan::statement::plan_guarded;

/// What all sessions share.
pub struct Node {
    coordinator: Arc<Coordinator>,
    statements: PreparedStatements,
    clients: Arc<Clients>,
    metrics: CqlMetrics,
    auth: Auth,
    running: RunningRequests,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").finish_non_exhaustive()
    }
}

impl Node {
    /// A node whose prepared statements take up to so many bytes.
    pub fn new(
        coordinator: Arc<Coordinator>,
        clients: Arc<Clients>,
        prepared_statements_bytes: u64,
        auth: Auth,
    ) -> Arc<Self> {
        Arc::new(Self {
            coordinator,
            statements: PreparedStatements::new(prepared_statements_bytes),
            clients,
            metrics: CqlMetrics::default(),
            auth,
            running: RunningRequests::default(),
        })
    }

    /// Who may log in, and what roles may do.
    pub fn auth(&self) -> &Auth {
        &self.auth
    }

    /// The coordinator.
    pub fn coordinator(&self) -> &Arc<Coordinator> {
        &self.coordinator
    }

    /// The requests that run on threads that may block.
    pub fn running(&self) -> &RunningRequests {
        &self.running
    }

    /// The connected clients.
    pub fn clients(&self) -> &Arc<Clients> {
        &self.clients
    }

    /// What is measured of statements.
    pub fn metrics(&self) -> &CqlMetrics {
        &self.metrics
    }

    /// The prepared statements.
    pub fn statements(&self) -> &PreparedStatements {
        &self.statements
    }

    /// Parses and plans a statement for a session in that keyspace.
    pub fn plan(&self, text: &str, keyspace: Option<&str>) -> Result<Arc<PreparedStatement>, Error> {
        self.plan_guarded(text, keyspace, None)
    }

    /// The same, for an ordinary user where there are guardrails.
    pub(super) fn plan_guarded(
        &self,
        text: &str,
        keyspace: Option<&str>,
        guardrails: Option<&Guardrails>,
    ) -> Result<Arc<PreparedStatement>, Error> {
        let parsed = cql_grammar::parse_with_bindings(text).map_err(|e| Error::Syntax(e.to_string()))?;
        let guard = guardrails.map(|rails| Guard::new(rails, &Unheard));
        let planned = plan_guarded(&parsed, &self.coordinator.schema(), keyspace, guard)?;
        let statement = PreparedStatement::new(text, keyspace, planned);
        Ok(Arc::new(statement))
    }

    /// Prepares a statement: plans it, keeps it, and notes it in `system.prepared_statements`
    /// (Cassandra: `QueryProcessor.prepare`), if `validate` agrees. The last part of the answer says whether it was not
    /// known before; `heard` takes what guardrails warn of.
    pub fn prepare(
        &self,
        text: &str,
        keyspace: Option<&str>,
        validate: &dyn Fn(&PreparedStatement) -> Result<(), Error>,
        guardrails: Option<&Guardrails>,
        heard: &DdlWarnings,
    ) -> Result<(StatementId, Arc<PreparedStatement>, bool), Error> {
        let (bare, within) = (statement_id(text, None), statement_id(text, keyspace));
        if let (Ok(a), Ok(b)) = (self.statements.get(&bare), self.statements.get(&within)) {
            if a.is_qualified {
                return Ok((bare, a, false));
            }
            if keyspace.is_some() && !b.is_qualified {
                return Ok((within, b, false));
            }
        }
        let statement = self.plan_current(text, keyspace, guardrails, heard)?;
        validate(&statement)?;
        let markers = statement.bind.columns.len();
        if markers > usize::from(u16::MAX) {
            return Err(Error::invalid(format!(
                "Too many markers(?). {markers} markers exceed the allowed maximum of 65535"
            )));
        }
        self.statements.check_size(&statement)?;
        self.keep(&bare, None, &statement);
        if keyspace.is_some() {
            self.keep(&within, keyspace, &statement);
        }
        Ok((if statement.is_qualified { bare } else { within }, statement, true))
    }

    /// A plan of the schema as it is when the plan is kept, so that no schema change misses it.
    fn plan_current(
        &self,
        text: &str,
        keyspace: Option<&str>,
        guardrails: Option<&Guardrails>,
        heard: &DdlWarnings,
    ) -> Result<Arc<PreparedStatement>, Error> {
        loop {
            let before = self.coordinator.schema();
            let statement = self.plan_guarded(text, keyspace, guardrails)?;
            if !Arc::ptr_eq(&before, &self.coordinator.schema()) {
                continue;
            }
            statement.plan.validate(&self.coordinator)?;
            if let Some(rails) = guardrails {
                statement.plan.guard(Guard::new(rails, heard))?;
            }
            if let Plan::Ddl(change) = &statement.plan {
                let rails = guardrails.map(|_| Arc::clone(&self.coordinator.settings().guardrails));
                let ddl = DdlContext {
                    guardrail_warnings: heard.clone(),
                    ..DdlContext::new(&self.coordinator, rails)
                };
                change.validate(&before, &ddl)?;
            }
            return Ok(statement);
        }
    }

    fn keep(&self, id: &StatementId, keyspace: Option<&str>, statement: &Arc<PreparedStatement>) {
        if self.statements.contains(id) {
            return;
        }
        let evicted = self.statements.insert(id.clone(), statement.clone());
        self.metrics.prepared_evicted.fetch_add(evicted.len() as u64, Ordering::Relaxed);
        let noted = self.internal(
            "INSERT INTO system.prepared_statements (logged_keyspace, prepared_id, query_string) VALUES (?, ?, ?)",
            &[keyspace.map(str::as_bytes), Some(id), Some(statement.text.as_bytes())],
        );
        if let Err(error) = noted {
            warn!(%error, "cannot note a prepared statement");
        }
        self.forget(&evicted);
    }

    /// Takes statements out of `system.prepared_statements`.
    fn forget(&self, ids: &[StatementId]) {
        for id in ids {
            let text = "DELETE FROM system.prepared_statements WHERE prepared_id = ?";
            if let Err(error) = self.internal(text, &[Some(id)]) {
                warn!(%error, "cannot forget a prepared statement");
            }
        }
    }

    /// Prepares again what was prepared before the node was stopped. Gives how many statements there are.
    pub fn load_prepared(&self) -> Result<usize, Error> {
        let rows = self.internal(
            "SELECT prepared_id, logged_keyspace, query_string FROM system.prepared_statements",
            &[],
        )?;
        let mut count = 0;
        for row in rows {
            let [Some(id), keyspace, Some(text)] = &row[..] else { continue };
            let text = String::from_utf8_lossy(text);
            let keyspace = keyspace.as_ref().map(|k| String::from_utf8_lossy(k).into_owned());
            let id = StatementId::new(id);
            match self.plan(&text, keyspace.as_deref()) {
                Ok(statement) => {
                    self.statements.insert(id, statement);
                    count += 1;
                }
                // Unqualified statements are kept without their keyspace too; those cannot be planned again.
                Err(_) => self.forget(&[id]),
            }
        }
        Ok(count)
    }

    /// After the schema changed: statements that it concerns have to be prepared again; clients are told.
    pub(super) fn schema_changed(&self, change: &SchemaChange) {
        let table = match (&change.target, change.change) {
            (_, Change::Created) => None,
            (Target::Table(table), _) => Some(Some(table.as_str())),
            (Target::Keyspace, Change::Dropped) | (Target::Type(_), _) => Some(None),
            _ => None,
        };
        if let Some(table) = table {
            let gone = self.statements.invalidate(&change.keyspace, table);
            self.forget(&gone);
        }
    }
}

/// Takes the warnings of planning: the guardrails that it knows refuse, and do not warn.
struct Unheard;

impl Warnings for Unheard {
    fn warn(&self, _: String) {}
}

/// [`Node`] as the protocol's service.
#[derive(Clone, Debug)]
pub struct NodeService(pub Arc<Node>);

impl Service for NodeService {
    fn connect(&self, info: ConnectionInfo) -> Arc<dyn Connection> {
        Arc::new(Session::new(self.0.clone(), info.client))
    }

    fn clients(&self) -> &Arc<Clients> {
        &self.0.clients
    }

    fn events(&self) -> broadcast::Receiver<Event> {
        self.0.coordinator.subscribe()
    }
}
