//! Any statement to its plan.

use std::sync::Arc;

use cql_grammar::Parsed;
use cql_grammar::ast::Statement;

use super::markers::BindMarkers;
use super::requires::requires;
use super::{ddl, modify, role, select, table};
use crate::error::Error;
use crate::exec::access::Requires;
use crate::exec::describe::DescribePlan;
use crate::exec::plan::Plan;
use crate::exec::result::PreparedMetadata;
use crate::exec::truncate::TruncatePlan;
use crate::guardrails::Guard;
use crate::schema::Schema;

/// A plan, the bind markers it has, and whether every name in it has its keyspace.
#[derive(Debug)]
pub struct Planned {
    /// What to run.
    pub plan: Plan,
    /// The bind markers.
    pub bind: PreparedMetadata,
    /// Whether the session's keyspace does not matter.
    pub is_qualified: bool,
    /// What its user needs leave for.
    pub requires: Requires,
}

/// Plans a statement for a session in that keyspace.
pub fn plan(parsed: &Parsed, schema: &Schema, keyspace: Option<&str>) -> Result<Planned, Error> {
    plan_guarded(parsed, schema, keyspace, None)
}

/// The same, for an ordinary user where there is a guard.
pub fn plan_guarded(
    parsed: &Parsed,
    schema: &Schema,
    keyspace: Option<&str>,
    guard: Option<Guard<'_>>,
) -> Result<Planned, Error> {
    let mut markers = BindMarkers::new(parsed.bind_names.clone());
    let plan = plan_statement(&parsed.statement, schema, keyspace, &mut markers, guard)?;
    let table = match &plan {
        Plan::Select(select) => Some(&select.table),
        Plan::Modify(modification) => Some(&modification.table),
        Plan::Batch(batch) => match &batch.statements[..] {
            [first, rest @ ..] if rest.iter().all(|s| s.table.id == first.table.id) => Some(&first.table),
            _ => None,
        },
        _ => None,
    };
    let bind = markers.metadata(table.map(|t| &**t));
    let requires = requires(&parsed.statement, &plan, schema, keyspace)?;
    Ok(Planned { requires, plan, bind, is_qualified: is_qualified(&parsed.statement) })
}

fn plan_statement(
    statement: &Statement,
    schema: &Schema,
    keyspace: Option<&str>,
    markers: &mut BindMarkers,
    guard: Option<Guard<'_>>,
) -> Result<Plan, Error> {
    match statement {
        Statement::Select(select) => {
            select::plan(select, schema, keyspace, markers, guard).map(|plan| Plan::Select(Arc::new(plan)))
        }
        Statement::Insert(_) | Statement::InsertJson(_) | Statement::Update(_) | Statement::Delete(_) => {
            modify::plan(statement, schema, keyspace, markers).map(|plan| Plan::Modify(Arc::new(plan)))
        }
        Statement::Batch(batch) => modify::plan_batch(batch, schema, keyspace, markers).map(Plan::Batch),
        Statement::Use(name) => match schema.keyspace(name.as_str()) {
            Some(_) => Ok(Plan::Use(name.as_str().to_owned())),
            None => Err(Error::invalid(format!("Keyspace '{}' does not exist", name.as_str()))),
        },
        Statement::Truncate(name) => {
            let table = table::find(name, schema, keyspace)?;
            Ok(Plan::Truncate(TruncatePlan { table }))
        }
        Statement::Describe(statement) => Ok(Plan::Describe(DescribePlan { statement: statement.clone() })),
        other => {
            if let Some(change) = ddl::plan(other, keyspace)? {
                return Ok(Plan::Ddl(change));
            }
            if let Some(plan) = role::plan(other, schema)? {
                return Ok(Plan::Role(Box::new(plan)));
            }
            Err(match not_supported_yet(other) {
                Some(what) => Error::invalid(format!("{what} is not supported yet")),
                None => Error::server(format!("no plan for {other}")),
            })
        }
    }
}

/// Statements that parse but do not run yet.
fn not_supported_yet(statement: &Statement) -> Option<&'static str> {
    Some(match statement {
        Statement::CreateIndex(_) => "CREATE INDEX",
        Statement::DropIndex(_) => "DROP INDEX",
        Statement::CreateView(_) => "CREATE MATERIALIZED VIEW",
        Statement::AlterView(_) => "ALTER MATERIALIZED VIEW",
        Statement::DropView(_) => "DROP MATERIALIZED VIEW",
        Statement::CreateFunction(_) => "CREATE FUNCTION",
        Statement::DropFunction(_) => "DROP FUNCTION",
        Statement::CreateAggregate(_) => "CREATE AGGREGATE",
        Statement::DropAggregate(_) => "DROP AGGREGATE",
        _ => return None,
    })
}

/// Whether all tables of a statement are named with their keyspace (Cassandra: `isFullyQualified`).
fn is_qualified(statement: &Statement) -> bool {
    match statement {
        Statement::Select(select) => select.from.keyspace.is_some(),
        Statement::Insert(insert) => insert.table.keyspace.is_some(),
        Statement::InsertJson(insert) => insert.table.keyspace.is_some(),
        Statement::Update(update) => update.table.keyspace.is_some(),
        Statement::Delete(delete) => delete.table.keyspace.is_some(),
        Statement::Truncate(name) => name.keyspace.is_some(),
        Statement::Batch(batch) => batch.statements.iter().all(is_qualified),
        _ => false,
    }
}
