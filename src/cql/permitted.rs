//! What a session's user may do, and what guardrails keep him from.

use std::sync::Arc;

use super::auth::{User, UserAccess};
use super::prepared::PreparedStatement;
use super::session::{Inner, Ready, Work};
use crate::error::Error;
use crate::exec::access::Access;
use crate::exec::plan::Plan;
use crate::guardrails::Guardrails;
use crate::storage::IoMode;

impl Inner {
    /// The guardrails, where the user is an ordinary one: as long as nobody logs in, everybody is a superuser
    /// (Cassandra: `ClientState.isOrdinaryUser`).
    pub(super) fn guardrails(&self, access: &UserAccess<'_>) -> Result<Option<&Arc<Guardrails>>, Error> {
        let is_ordinary = !self.node.auth().is_open() && !access.remembered_super(&self.memo)?;
        Ok(is_ordinary.then(|| &self.node.coordinator().settings().guardrails))
    }

    pub(super) fn plan(&self, text: &str, keyspace: Option<&str>) -> Result<Arc<PreparedStatement>, Error> {
        // Only where a guardrail concerns planning it has to be known who asks.
        let guardrails = match self.node.coordinator().settings().guardrails.concern_planning() {
            false => None,
            true => self.with_access(IoMode::Blocking, None, |access| self.guardrails(access))?,
        };
        self.node.plan_guarded(text, keyspace, guardrails.map(|rails| &**rails))
    }

    pub(super) fn with_access<R>(
        &self,
        io: IoMode,
        keyspace: Option<&str>,
        run: impl FnOnce(&UserAccess<'_>) -> R,
    ) -> R {
        let user = match self.node.auth().is_open() {
            true => None,
            false => Some(self.user.load()),
        };
        run(&UserAccess {
            store: self.node.auth_store(io),
            user: user.as_ref().and_then(|user| user.as_deref()).unwrap_or(&User::Anonymous),
            client: &self.client,
            keyspace,
            only_validates: false,
        })
    }

    /// A statement on roles is held against the roles that there are when it is prepared, too; whether its user may run
    /// it is asked when he does.
    pub(super) fn validate(
        &self,
        statement: &PreparedStatement,
        keyspace: Option<&str>,
    ) -> Result<(), Error> {
        let Plan::Role(plan) = &statement.plan else { return Ok(()) };
        self.with_access(IoMode::Blocking, keyspace, |access| {
            UserAccess { only_validates: true, ..*access }.run(plan, &|_| ()).map(|_| ())
        })
    }

    /// Sees that the user may run a request.
    pub(super) fn authorize(&self, ready: &Ready, access: &UserAccess<'_>) -> Result<(), Error> {
        match &ready.work {
            Work::Statement(statement) => self.authorize_statement(statement, access),
            Work::Batch(_, _, statements) => {
                statements.iter().try_for_each(|one| self.authorize_statement(&one.statement, access))
            }
        }
    }

    pub(super) fn authorize_statement(
        &self,
        statement: &PreparedStatement,
        access: &UserAccess<'_>,
    ) -> Result<(), Error> {
        let auth = self.node.auth();
        if statement.requires.needs.is_empty() || self.memo.permits(auth, statement.number) {
            return Ok(());
        }
        if *access.user == User::Anonymous {
            return Err(Error::unauthorized("You have not logged in"));
        }
        let generation = auth.generation();
        if let Some(until) = access.ensure_all(&statement.requires.needs)? {
            self.memo.note(statement.number, until, generation);
        }
        Ok(())
    }
}
