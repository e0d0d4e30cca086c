//! What a statement needs leave for (Cassandra: the statements' `authorize` and `createdResources`).

use cql_grammar::ast::{self, CqlType, QualifiedName, Statement};

use super::cql_type;
use super::table::keyspace_of;
use crate::error::Result;
use crate::exec::access::{Permission, Requirement, Requires, Resource};
use crate::exec::modify::ModificationPlan;
use crate::exec::plan::Plan;
use crate::schema::Schema;

/// What a planned statement needs; what it names has been found already.
pub(super) fn requires(
    statement: &Statement,
    plan: &Plan,
    schema: &Schema,
    session: Option<&str>,
) -> Result<Requires> {
    let mut requires = Requires::default();
    match plan {
        Plan::Select(select) => {
            requires.add_table(Permission::Select, &select.table.keyspace, &select.table.name);
        }
        Plan::Modify(modification) => modifies(modification, &mut requires),
        Plan::Batch(batch) => batch.statements.iter().for_each(|s| modifies(s, &mut requires)),
        Plan::Truncate(truncate) => {
            requires.add_table(Permission::Modify, &truncate.table.keyspace, &truncate.table.name);
        }
        Plan::Use(_) => requires.needs.push(Requirement::Login),
        // Anybody may describe; statements on roles see to themselves.
        Plan::Describe(_) | Plan::Role(_) => {}
        Plan::Ddl(_) => changes(statement, schema, session, &mut requires)?,
    }
    Ok(requires)
}

/// A condition tells as much of a table as a SELECT does.
fn modifies(modification: &ModificationPlan, requires: &mut Requires) {
    let table = &modification.table;
    requires.add_table(Permission::Modify, &table.keyspace, &table.name);
    if modification.conditional.is_some() {
        requires.add_table(Permission::Select, &table.keyspace, &table.name);
    }
}

fn changes(
    statement: &Statement,
    schema: &Schema,
    session: Option<&str>,
    requires: &mut Requires,
) -> Result<()> {
    use Permission::{Alter, Create, Drop};
    let keyspace = |name: &QualifiedName| keyspace_of(name, session).map(str::to_owned);
    let table = |name: &QualifiedName| {
        Ok::<_, crate::error::Error>(Resource::table(&keyspace(name)?, name.name.as_str()))
    };
    let (permission, resource) = match statement {
        Statement::CreateKeyspace(create) => {
            let name = create.name.as_str().to_owned();
            requires.creates = vec![Resource::Keyspace(name.clone()), Resource::AllFunctionsIn(name)];
            (Create, Resource::AllKeyspaces)
        }
        Statement::AlterKeyspace(alter) => (Alter, Resource::Keyspace(alter.name.as_str().to_owned())),
        Statement::DropKeyspace(drop) => (Drop, Resource::Keyspace(drop.name.as_str().to_owned())),
        Statement::CreateTable(create) => {
            requires.creates = vec![table(&create.name)?];
            (Create, Resource::AllTables(keyspace(&create.name)?))
        }
        Statement::AlterTable(alter) => (Alter, table(&alter.name)?),
        Statement::DropTable(drop) => (Drop, table(&drop.name)?),
        Statement::CreateType(create) => (Create, Resource::AllTables(keyspace(&create.name)?)),
        Statement::AlterType(alter) => (Alter, Resource::AllTables(keyspace(&alter.name)?)),
        Statement::DropType(drop) => (Drop, Resource::AllTables(keyspace(&drop.name)?)),
        Statement::CreateIndex(create) => (Alter, table(&create.table)?),
        Statement::CreateFunction(create) => {
            let args: Vec<_> = create.args.iter().map(|(_, ty)| ty.clone()).collect();
            let keyspace = keyspace(&create.name)?;
            let function = function(&keyspace, create.name.name.as_str(), &args, schema)?;
            requires.creates = vec![function];
            (Create, Resource::AllFunctionsIn(keyspace))
        }
        Statement::CreateAggregate(create) => {
            let keyspace = keyspace(&create.name)?;
            requires.creates = vec![function(&keyspace, create.name.name.as_str(), &create.args, schema)?];
            let state: Vec<_> = std::iter::once(&create.state_type).chain(&create.args).cloned().collect();
            let state = function(&keyspace, create.state_function.as_str(), &state, schema)?;
            requires.needs.push(Requirement::Permission(Create, Resource::AllFunctionsIn(keyspace)));
            (Permission::Execute, state)
        }
        Statement::CreateTrigger(_) => {
            let refusal = "Only superusers are allowed to perform CREATE TRIGGER queries";
            requires.needs.push(Requirement::Superuser(refusal));
            return Ok(());
        }
        Statement::DropTrigger(_) => {
            let refusal = "Only superusers are allowed to perfrom DROP TRIGGER queries";
            requires.needs.push(Requirement::Superuser(refusal));
            return Ok(());
        }
        _ => return Ok(()),
    };
    requires.needs.push(Requirement::Permission(permission, resource));
    Ok(())
}

/// A function as written.
pub(super) fn function(keyspace: &str, name: &str, args: &[CqlType], schema: &Schema) -> Result<Resource> {
    let args = args.iter().map(|ty: &ast::CqlType| Ok(cql_type::resolve(ty, schema, keyspace)?.freeze()));
    Ok(Resource::Function {
        keyspace: keyspace.to_owned(),
        name: name.to_owned(),
        args: args.collect::<Result<_>>()?,
    })
}
