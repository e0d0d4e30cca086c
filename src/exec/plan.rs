//! A plan, and what running it gives.

use std::sync::Arc;

use super::ExecutionContext;
use super::access::RolePlan;
use super::context::Awaited;
use super::ddl::SchemaTransformation;
use super::describe::DescribePlan;
use super::modify::ModificationPlan;
use super::modify::batch::BatchPlan;
use super::modify::collector::MutationCollector;
use super::options::{QueryOptions, Values};
use super::result::{Columns, Rows};
use super::select::SelectPlan;
use super::truncate::TruncatePlan;
use crate::cluster::Coordinator;
use crate::cluster::conditional::condition_level;
use crate::cluster::coordinator::validate_for_write;
use crate::cluster::timeouts::TimeoutKind;
use crate::consistency::{Consistency, WriteType};
use crate::error::Error;
use crate::event::SchemaChange;
use crate::guardrails::Guard;
use crate::schema::TableMetadata;

/// A statement, resolved against the schema: owned here, made by the planner.
#[derive(Debug)]
pub enum Plan {
    /// `SELECT`
    Select(Arc<SelectPlan>),
    /// `INSERT`, `UPDATE`, `DELETE`
    Modify(Arc<ModificationPlan>),
    /// `BATCH`
    Batch(BatchPlan),
    /// `USE`
    Use(String),
    /// `TRUNCATE`
    Truncate(TruncatePlan),
    /// A change of the schema
    Ddl(SchemaTransformation),
    /// `DESCRIBE`
    Describe(DescribePlan),
    /// A statement on roles or permissions
    Role(Box<RolePlan>),
}

/// What running a plan gives.
#[derive(Debug)]
pub enum Outcome {
    /// Nothing to say.
    Void,
    /// Rows.
    Rows(Rows),
    /// Whether conditions held, and what was there where they did not: columns that depend on just that.
    Conditional(Rows),
    /// The session's keyspace is another one now.
    SetKeyspace(String),
    /// The schema changed.
    SchemaChange(SchemaChange),
}

impl Plan {
    /// The columns of the result; none where it has no rows.
    pub fn result_columns(&self) -> Arc<Columns> {
        match self {
            Self::Select(select) => select.columns().clone(),
            _ => Arc::default(),
        }
    }

    /// Whether it may wait for the disk without saying so, and so has to run on a thread that may block.
    pub fn blocks(&self) -> bool {
        match self {
            Self::Truncate(_) | Self::Ddl(_) | Self::Role(_) => true,
            // What it shows is computed, some of it from directories.
            Self::Select(select) => select.table.is_virtual(),
            _ => false,
        }
    }

    /// Whether it writes rows.
    pub fn writes(&self) -> bool {
        matches!(self, Self::Modify(_) | Self::Batch(_))
    }

    /// Which timeout it is held against; none where it may take as long as it takes.
    pub fn timeout_kind(&self) -> Option<TimeoutKind> {
        match self {
            Self::Select(select) if select.table.is_virtual() => None,
            Self::Select(select) if select.restrictions.is_key_range => Some(TimeoutKind::Range),
            Self::Select(_) => Some(TimeoutKind::Read),
            Self::Modify(modification) => {
                Some(match (&modification.conditional, modification.table.is_counter) {
                    // It reads first.
                    (Some(_), _) => TimeoutKind::Read,
                    (None, true) => TimeoutKind::CounterWrite,
                    (None, false) => TimeoutKind::Write,
                })
            }
            Self::Batch(batch) => Some(batch.timeout_kind()),
            Self::Truncate(_) => Some(TimeoutKind::Truncate),
            Self::Use(_) | Self::Ddl(_) | Self::Describe(_) | Self::Role(_) => None,
        }
    }

    /// What a client is told where it took longer than its timeout. The only replica has not answered.
    pub fn timed_out(&self, options: &QueryOptions) -> Error {
        let consistency = options.consistency;
        match self {
            Self::Modify(modification) if modification.conditional.is_some() => {
                conditional_timed_out(options)
            }
            Self::Modify(modification) => {
                let write_type = modification.write_type();
                Error::WriteTimeout { consistency, received: 0, block_for: 1, write_type }
            }
            Self::Batch(batch) => batch.timed_out(options),
            Self::Truncate(_) => Error::Truncate(
                "Error during truncate: Truncate timed out - received only 0 responses".to_owned(),
            ),
            _ => Error::ReadTimeout { consistency, received: 0, block_for: 1, data_present: false },
        }
    }

    /// Whether it reads or writes a table of that keyspace, or the table.
    pub fn uses(&self, keyspace: &str, table: Option<&str>) -> bool {
        let is_it = |t: &TableMetadata| t.keyspace == keyspace && table.is_none_or(|name| t.name == name);
        match self {
            Self::Select(select) => is_it(select.table()),
            Self::Modify(modification) => is_it(&modification.table),
            Self::Batch(batch) => batch.statements.iter().any(|s| is_it(&s.table)),
            _ => false,
        }
    }

    /// Sees that what is asked for goes together: when the statement is prepared, and each time it is run, after it is
    /// known that its user may (Cassandra: `CQLStatement.validate`).
    pub fn validate(&self, coordinator: &Coordinator) -> Result<(), Error> {
        match self {
            Self::Use(_) if !coordinator.settings().use_statements_enabled => Err(Error::invalid(
                "USE statements prohibited. (see use_statements_enabled in cassandra.yaml)",
            )),
            Self::Modify(modification) => modification.validate(),
            Self::Batch(batch) => batch.statements.iter().try_for_each(|statement| statement.validate()),
            _ => Ok(()),
        }
    }

    /// Holds against guardrails what is known before anything is bound: when the statement is prepared, and each time it
    /// is run (Cassandra: `CQLStatement.validate`).
    pub fn guard(&self, guard: Guard<'_>) -> Result<(), Error> {
        match self {
            Self::Select(select) => select.guard(guard),
            Self::Modify(modification) => modification.guard(guard),
            Self::Batch(batch) => batch.guard(guard),
            Self::Truncate(_) => guard.check(guard.rails.drop_truncate_table.check()),
            Self::Use(_) | Self::Ddl(_) | Self::Describe(_) | Self::Role(_) => Ok(()),
        }
    }

    /// Runs it with these bound values, one for each marker.
    pub fn execute(&self, context: &ExecutionContext<'_>, values: &Values) -> Result<Outcome, Error> {
        match self {
            Self::Select(select) => select.execute(context, values).map(Outcome::Rows),
            Self::Modify(modification) => modification.execute(context, values),
            Self::Batch(batch) => batch.execute(context, |_| values),
            Self::Use(keyspace) => {
                self.validate(context.coordinator)?;
                Ok(Outcome::SetKeyspace(keyspace.clone()))
            }
            Self::Truncate(truncate) => truncate.execute(context).map(|()| Outcome::Void),
            Self::Describe(describe) => describe.execute(context).map(Outcome::Rows),
            Self::Role(plan) => match context.access {
                Some(access) => {
                    let outcome = access.run(plan, &|warning| context.warn(warning))?;
                    let level = context.options.consistency;
                    context.wait_for_all_written(Awaited::Write(level, WriteType::Simple));
                    Ok(outcome)
                }
                None => Err(Error::server("the node itself has no role")),
            },
            Self::Ddl(change) => {
                change.execute(context).map(|event| event.map_or(Outcome::Void, Outcome::SchemaChange))
            }
        }
    }
}

impl ModificationPlan {
    /// Runs it alone.
    fn execute(&self, context: &ExecutionContext<'_>, values: &Values) -> Result<Outcome, Error> {
        self.validate()?;
        if let Some(guard) = context.guard() {
            self.guard(guard)?;
            self.guard_levels(context, guard)?;
        }
        let values = &*self.values(values)?;
        if let Some(part) = &self.conditional {
            let bind = context.bind(values);
            return self.execute_conditionally(part, context, bind).map(Outcome::Conditional);
        }
        let bind = context.bind(values);
        if self.table.is_virtual() {
            let mut collector = MutationCollector::default();
            self.add_updates(context, &bind, context.timestamp, &mut collector)?;
            return context.mutate_virtual(&collector.finish()).map(|()| Outcome::Void);
        }
        validate_for_write(context.options.consistency, &self.table)?;
        if let Some(guard) = bind.guard {
            context.guard_disks(guard)?;
            self.guard_timestamp(context, &bind, guard)?;
        }
        let mut collector = MutationCollector::default();
        self.add_updates(context, &bind, context.timestamp, &mut collector)?;
        let mutations = collector.finish();
        context.mutate(mutations, self.write_type())?;
        Ok(Outcome::Void)
    }

    fn write_type(&self) -> WriteType {
        if self.table.is_counter { WriteType::Counter } else { WriteType::Simple }
    }
}

/// What a client is told of a conditional write that took too long: its read is what takes time.
pub(super) fn conditional_timed_out(options: &QueryOptions) -> Error {
    let consistency = condition_level(options.serial_consistency.unwrap_or(Consistency::Serial));
    Error::ReadTimeout { consistency, received: 0, block_for: 1, data_present: false }
}
