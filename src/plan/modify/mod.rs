//! Plans INSERT, UPDATE, DELETE and BATCH (Cassandra: `UpdateStatement.ParsedInsert`, `ParsedUpdate`,
//! `DeleteStatement.Parsed`, `BatchStatement.Parsed`).

mod condition;
mod operation;

use std::collections::BTreeSet;
use std::sync::Arc;

use cql_grammar::ast;

use super::assign::Receiver;
use super::markers::BindMarkers;
use super::restrictions::{self, StatementKind, WhereClause};
use super::table::existing_column;
use super::term::TermPlanner;
use crate::error::Error;
use crate::exec::describe::java_order::{bytes_hash, sort_by_hash};
use crate::exec::modify::attributes::Attributes;
use crate::exec::modify::batch::{BatchKind, BatchPlan};
use crate::exec::modify::condition::Conditions;
use crate::exec::modify::conditional::{Answer, ConditionalPart};
use crate::exec::modify::json::{JsonRow, JsonSource, json_columns};
use crate::exec::modify::operation::{Action, Operation};
use crate::exec::modify::{ModificationKind, ModificationPlan};
use crate::exec::restrictions::Restrictions;
use crate::schema::{ColumnKind, ColumnMetadata, Schema, TableMetadata};
use crate::storage::TableOrder;
use crate::types::CqlType;

/// Plans a modification; `Invalid` as Cassandra refuses it.
pub fn plan(
    statement: &ast::Statement,
    schema: &Schema,
    keyspace: Option<&str>,
    markers: &mut BindMarkers,
) -> Result<ModificationPlan, Error> {
    match statement {
        ast::Statement::Insert(insert) => {
            let table = super::table::find(&insert.table, schema, keyspace)?;
            Planner::new(schema, table, markers).insert(insert)
        }
        ast::Statement::Update(update) => {
            let table = super::table::find(&update.table, schema, keyspace)?;
            Planner::new(schema, table, markers).update(update)
        }
        ast::Statement::Delete(delete) => {
            let table = super::table::find(&delete.table, schema, keyspace)?;
            Planner::new(schema, table, markers).delete(delete)
        }
        ast::Statement::InsertJson(insert) => {
            let table = super::table::find(&insert.table, schema, keyspace)?;
            Planner::new(schema, table, markers).insert_json(insert)
        }
        _ => Err(Error::invalid(
            "Invalid statement in batch: only UPDATE, INSERT and DELETE statements are allowed.",
        )),
    }
}

/// Plans a batch.
pub fn plan_batch(
    batch: &ast::Batch,
    schema: &Schema,
    keyspace: Option<&str>,
    markers: &mut BindMarkers,
) -> Result<BatchPlan, Error> {
    let mut statements = Vec::with_capacity(batch.statements.len());
    for statement in &batch.statements {
        statements.push(Arc::new(plan(statement, schema, keyspace, markers)?));
    }
    let mut terms = TermPlanner { schema, keyspace: "[batch]", markers };
    let attributes = attributes(&batch.using, "[batch]", "[batch]", &mut terms)?;
    let kind = match batch.kind {
        ast::BatchKind::Logged => BatchKind::Logged,
        ast::BatchKind::Unlogged => BatchKind::Unlogged,
        ast::BatchKind::Counter => BatchKind::Counter,
    };
    let plan = BatchPlan { kind, attributes, statements };
    plan.validate()?;
    Ok(plan)
}

fn attributes(
    using: &ast::Using,
    keyspace: &str,
    table: &str,
    terms: &mut TermPlanner<'_>,
) -> Result<Attributes, Error> {
    let mut prepare = |term: &Option<ast::Term>, name: &str, cql_type: CqlType| {
        let receiver = Receiver::named(keyspace, table, name, cql_type);
        term.as_ref().map(|t| terms.prepare(t, &receiver)).transpose()
    };
    Ok(Attributes {
        timestamp: prepare(&using.timestamp, "[timestamp]", CqlType::Bigint)?,
        ttl: prepare(&using.ttl, "[ttl]", CqlType::Int)?,
    })
}

struct Planner<'a> {
    schema: &'a Schema,
    table: Arc<TableMetadata>,
    markers: &'a mut BindMarkers,
    regular: Vec<Operation>,
    statics: Vec<Operation>,
    conditions: Option<Conditions>,
    json: Option<Arc<JsonRow>>,
}

/// Why a conditional statement may have no timestamp: its own decides what is newer.
const CONDITIONAL_TIMESTAMP: &str = "Cannot provide custom timestamp for conditional updates";

impl<'a> Planner<'a> {
    fn new(schema: &'a Schema, table: Arc<TableMetadata>, markers: &'a mut BindMarkers) -> Self {
        Self {
            schema,
            table,
            markers,
            regular: Vec::new(),
            statics: Vec::new(),
            conditions: None,
            json: None,
        }
    }

    fn insert(mut self, insert: &ast::Insert) -> Result<ModificationPlan, Error> {
        let attributes = self.attributes(&insert.using)?;
        self.conditions = insert.if_not_exists.then_some(Conditions::IfNotExists);
        if self.table.is_counter {
            return Err(Error::invalid(
                "INSERT statements are not allowed on counter tables, use UPDATE instead",
            ));
        }
        if insert.columns.is_empty() {
            return Err(Error::invalid("No columns provided to INSERT"));
        }
        if insert.columns.len() != insert.values.len() {
            return Err(Error::invalid("Unmatched column names/values"));
        }
        if insert.columns.iter().collect::<BTreeSet<_>>().len() != insert.columns.len() {
            return Err(Error::invalid("The column names contains duplicates"));
        }
        let table = self.table.clone();
        let mut relations = Vec::new();
        let mut has_clustering = false;
        for (name, value) in insert.columns.iter().zip(&insert.values) {
            let column = existing_column(&table, name)?;
            has_clustering |= column.kind == ColumnKind::Clustering;
            if column.is_primary_key() {
                relations.push(ast::Relation::Column {
                    column: name.clone(),
                    op: ast::Operator::Eq,
                    value: value.clone(),
                });
            } else {
                let action = operation::set(&mut self.terms(), &table, column, value)?;
                self.add(column, action);
            }
        }
        let only_statics = !has_clustering && self.only_statics(ModificationKind::Insert);
        self.finish(ModificationKind::Insert, &relations, only_statics, attributes)
    }

    fn insert_json(mut self, insert: &ast::InsertJson) -> Result<ModificationPlan, Error> {
        let attributes = self.attributes(&insert.using)?;
        self.conditions = insert.if_not_exists.then_some(Conditions::IfNotExists);
        if self.table.is_counter {
            return Err(Error::invalid(
                "INSERT statements are not allowed on counter tables, use UPDATE instead",
            ));
        }
        let table = self.table.clone();
        // As in Cassandra, columns that are there for the store only are among them: a dense table's is set to null.
        // They come in the order of the hash map to which all were added, one by one.
        let mut columns: Vec<&ColumnMetadata> = table.columns().collect();
        let entries = columns.len().saturating_sub(1);
        sort_by_hash(&mut columns, entries, |column| bytes_hash(column.name.as_bytes()));
        let typed: Vec<_> = columns.iter().map(|c| (c.name.clone(), c.cql_type.clone())).collect();
        let source = match &insert.json {
            ast::JsonValue::Literal(text) => JsonSource::Known(json_columns(text, &typed)?),
            ast::JsonValue::Marker(marker) => {
                let receiver = Receiver::named(&table.keyspace, &table.name, "[json]", CqlType::Text);
                self.markers.add(marker.index, &receiver);
                JsonSource::Marker(marker.index)
            }
        };
        // The columns' values will stand behind the bound ones.
        let first = self.markers.len();
        let mut relations = Vec::new();
        for (i, column) in columns.iter().enumerate() {
            let value = ast::Term::BindMarker(ast::BindMarker { index: first + i, name: None });
            if column.is_primary_key() {
                let column = ast::Name::from(column.name.as_str());
                relations.push(ast::Relation::Column { column, op: ast::Operator::Eq, value });
            } else {
                let action = operation::set(&mut self.terms(), &table, column, &value)?;
                self.add(column, action);
            }
        }
        let only_statics = table.clustering.is_empty() && self.only_statics(ModificationKind::Insert);
        self.json = Some(Arc::new(JsonRow { columns: typed, source, default_unset: insert.default_unset }));
        self.finish(ModificationKind::Insert, &relations, only_statics, attributes)
    }

    fn update(mut self, update: &ast::Update) -> Result<ModificationPlan, Error> {
        let attributes = self.attributes(&update.using)?;
        self.plan_conditions(&update.conditions, &attributes)?;
        let table = self.table.clone();
        check_assignments(&update.assignments)?;
        for assignment in &update.assignments {
            let column = existing_column(&table, &assignment.column)?;
            if column.is_primary_key() {
                return Err(Error::invalid(format!("PRIMARY KEY part {} found in SET part", column.name)));
            }
            let has_conditions = self.conditions.is_some();
            let action =
                operation::assign(&mut self.terms(), &table, column, &assignment.operation, has_conditions)?;
            self.add(column, action);
        }
        let only_statics = self.only_statics(ModificationKind::Update);
        self.finish(ModificationKind::Update, &update.where_clause, only_statics, attributes)
    }

    fn delete(mut self, delete: &ast::Delete) -> Result<ModificationPlan, Error> {
        let attributes = self.attributes(&delete.using)?;
        self.plan_conditions(&delete.conditions, &attributes)?;
        let table = self.table.clone();
        for deletion in &delete.deletions {
            let name = match deletion {
                ast::Deletion::Column(column)
                | ast::Deletion::Element { column, .. }
                | ast::Deletion::Field { column, .. } => column,
            };
            let column = existing_column(&table, name)?;
            if column.is_primary_key() {
                return Err(Error::invalid(format!(
                    "Invalid identifier {} for deletion (should not be a PRIMARY KEY part)",
                    column.name
                )));
            }
            let action = operation::delete(&mut self.terms(), &table, column, deletion)?;
            self.add(column, action);
        }
        let only_statics = self.only_statics(ModificationKind::Delete);
        self.finish(ModificationKind::Delete, &delete.where_clause, only_statics, attributes)
    }

    fn terms(&mut self) -> TermPlanner<'_> {
        TermPlanner { schema: self.schema, keyspace: &self.table.keyspace, markers: self.markers }
    }

    fn attributes(&mut self, using: &ast::Using) -> Result<Attributes, Error> {
        let table = self.table.clone();
        attributes(using, &table.keyspace, &table.name, &mut self.terms())
    }

    fn add(&mut self, column: &ColumnMetadata, action: Action) {
        let list = if column.is_static() { &mut self.statics } else { &mut self.regular };
        list.push(Operation { column: Arc::new(column.clone()), action });
    }

    /// Whether only static columns are changed and looked at (Cassandra: `appliesOnlyToStaticColumns`).
    fn only_statics(&self, kind: ModificationKind) -> bool {
        let conditions = self.conditions.as_ref();
        let deletes_all = kind == ModificationKind::Delete && self.statics.is_empty();
        self.regular.is_empty()
            && !deletes_all
            && !conditions.is_some_and(Conditions::applies_to_regular_columns)
            && (!self.statics.is_empty() || conditions.is_some_and(Conditions::applies_to_static_columns))
    }

    fn plan_conditions(
        &mut self,
        conditions: &ast::Conditions,
        attributes: &Attributes,
    ) -> Result<(), Error> {
        self.conditions = match conditions {
            ast::Conditions::None => None,
            ast::Conditions::IfExists => Some(Conditions::IfExists),
            ast::Conditions::If(conditions) => {
                if attributes.timestamp.is_some() {
                    return Err(Error::invalid(CONDITIONAL_TIMESTAMP));
                }
                let table = self.table.clone();
                Some(condition::columns(&mut self.terms(), &table, conditions)?)
            }
        };
        Ok(())
    }

    /// What a statement must not be that has conditions.
    fn check_conditional(
        &self,
        kind: ModificationKind,
        attributes: &Attributes,
        restrictions: &Restrictions,
    ) -> Result<(), Error> {
        let Some(conditions) = &self.conditions else { return Ok(()) };
        if self.table.is_counter {
            return Err(Error::invalid("Conditional updates are not supported on counter tables"));
        }
        if attributes.timestamp.is_some() {
            return Err(Error::invalid(CONDITIONAL_TIMESTAMP));
        }
        if kind == ModificationKind::Delete && !restrictions.is_full_primary_key(&self.table) {
            let refused = "DELETE statements must restrict all PRIMARY KEY columns with equality relations";
            if self.table.is_virtual() {
                return Err(Error::invalid(refused));
            }
            if !self.regular.is_empty() || self.statics.is_empty() {
                return Err(Error::invalid(format!("{refused} in order to delete non static columns")));
            }
            if conditions.applies_to_regular_columns() {
                return Err(Error::invalid(format!(
                    "{refused} in order to use IF condition on non static columns"
                )));
            }
        }
        Ok(())
    }

    fn finish(
        self,
        kind: ModificationKind,
        relations: &[ast::Relation],
        only_statics: bool,
        attributes: Attributes,
    ) -> Result<ModificationPlan, Error> {
        let statement_kind = match kind {
            ModificationKind::Insert => StatementKind::Insert,
            ModificationKind::Update => StatementKind::Update,
            ModificationKind::Delete => StatementKind::Delete,
        };
        let clause = WhereClause {
            kind: statement_kind,
            relations,
            only_static_columns: only_statics,
            allow_filtering: false,
            may_allow_filtering: true,
        };
        let mut terms =
            TermPlanner { schema: self.schema, keyspace: &self.table.keyspace, markers: self.markers };
        let restrictions = restrictions::plan(&self.table, clause, &mut terms)?;
        self.check_conditional(kind, &attributes, &restrictions)?;
        let order = TableOrder::new(&self.table);
        let conditional = self.conditions.map(|conditions| {
            let columns = conditions.columns().map(|columns| columns.map(|column| &**column));
            let answer = Answer::new(&self.table, columns);
            Arc::new(ConditionalPart { conditions, answer })
        });
        Ok(ModificationPlan {
            conditional,
            json: self.json,
            kind,
            order,
            restrictions,
            attributes,
            regular: self.regular,
            statics: self.statics,
            table: self.table,
        })
    }
}

/// A column is set once; parts of it may be changed several times (Cassandra: `Parser.g`, `addRawUpdate`).
fn check_assignments(assignments: &[ast::Assignment]) -> Result<(), Error> {
    for (i, later) in assignments.iter().enumerate() {
        let clashes = |earlier: &ast::Assignment| {
            earlier.column == later.column && !operation::are_compatible(&earlier.operation, &later.operation)
        };
        if assignments[..i].iter().any(clashes) {
            return Err(Error::Syntax(format!(
                "Multiple incompatible setting of column {}",
                later.column.as_str()
            )));
        }
    }
    Ok(())
}
