//! Statements.

use super::ddl::IF_EXISTS;
use super::name::{Distinct, DistinctName};
use super::{Quoted, when};
use crate::ast::{Describe, DescribeTarget, Statement};
use std::fmt::{Display, Formatter, Result};

impl Display for Statement {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Select(select) => write!(f, "{select}"),
            Self::Insert(insert) => write!(f, "{insert}"),
            Self::InsertJson(insert) => write!(f, "{insert}"),
            Self::Update(update) => write!(f, "{update}"),
            Self::Delete(delete) => write!(f, "{delete}"),
            Self::Batch(batch) => write!(f, "{batch}"),
            Self::Use(keyspace) => write!(f, "USE {keyspace}"),
            Self::Truncate(table) => write!(f, "TRUNCATE TABLE {table}"),
            Self::CreateKeyspace(create) => write!(f, "{create}"),
            Self::AlterKeyspace(alter) => write!(f, "{alter}"),
            Self::DropKeyspace(drop) => dropped(f, "KEYSPACE", drop.if_exists, &drop.name),
            Self::CreateTable(create) => write!(f, "{create}"),
            Self::AlterTable(alter) => write!(f, "{alter}"),
            Self::DropTable(drop) => dropped(f, "TABLE", drop.if_exists, &drop.name),
            Self::CreateType(create) => write!(f, "{create}"),
            Self::AlterType(alter) => write!(f, "{alter}"),
            Self::DropType(drop) => dropped(f, "TYPE", drop.if_exists, Distinct(&drop.name)),
            Self::CreateIndex(create) => write!(f, "{create}"),
            Self::DropIndex(drop) => dropped(f, "INDEX", drop.if_exists, &drop.name),
            Self::CreateView(create) => write!(f, "{create}"),
            Self::AlterView(alter) => write!(f, "{alter}"),
            Self::DropView(drop) => dropped(f, "MATERIALIZED VIEW", drop.if_exists, &drop.name),
            Self::CreateFunction(create) => write!(f, "{create}"),
            Self::DropFunction(drop) => write!(f, "{drop}"),
            Self::CreateAggregate(create) => write!(f, "{create}"),
            Self::DropAggregate(drop) => write!(f, "{drop}"),
            Self::CreateTrigger(create) => write!(f, "{create}"),
            Self::DropTrigger(drop) => {
                dropped(f, "TRIGGER", drop.if_exists, &drop.name)?;
                write!(f, " ON {}", drop.table)
            }
            Self::CreateRole(create) => write!(f, "{create}"),
            Self::AlterRole(alter) => write!(f, "{alter}"),
            Self::DropRole(drop) => dropped(f, "ROLE", drop.if_exists, &drop.name),
            Self::CreateUser(create) => write!(f, "{create}"),
            Self::AlterUser(alter) => write!(f, "{alter}"),
            Self::DropUser(drop) => dropped(f, "USER", drop.if_exists, Quoted(&drop.name.0)),
            Self::AddIdentity(add) => write!(f, "{add}"),
            Self::DropIdentity(drop) => dropped(f, "IDENTITY", drop.if_exists, Quoted(&drop.identity)),
            Self::GrantRole(grant) => write!(f, "GRANT {} TO {}", grant.role, grant.grantee),
            Self::RevokeRole(revoke) => write!(f, "REVOKE {} FROM {}", revoke.role, revoke.revokee),
            Self::ListRoles(list) => write!(f, "{list}"),
            Self::ListUsers => f.write_str("LIST USERS"),
            Self::GrantPermissions(grant) => write!(f, "{grant}"),
            Self::RevokePermissions(revoke) => write!(f, "{revoke}"),
            Self::ListPermissions(list) => write!(f, "{list}"),
            Self::Describe(describe) => write!(f, "{describe}"),
        }
    }
}

fn dropped(f: &mut Formatter<'_>, what: &str, if_exists: bool, name: impl Display) -> Result {
    write!(f, "DROP {what} {}{name}", when(if_exists, IF_EXISTS))
}

impl Display for Describe {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "DESCRIBE {}{}", self.target, when(self.internals, " WITH INTERNALS"))
    }
}

impl Display for DescribeTarget {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Cluster => f.write_str("CLUSTER"),
            Self::Schema { full } => write!(f, "{}SCHEMA", when(*full, "FULL ")),
            Self::Keyspaces => f.write_str("KEYSPACES"),
            Self::Keyspace { only, name } => {
                write!(f, "{}KEYSPACE", when(*only, "ONLY "))?;
                name.as_ref().map_or(Ok(()), |name| write!(f, " {name}"))
            }
            Self::Tables => f.write_str("TABLES"),
            Self::Table(name) => write!(f, "TABLE {name}"),
            Self::Index(name) => write!(f, "INDEX {name}"),
            Self::View(name) => write!(f, "MATERIALIZED VIEW {name}"),
            Self::Types => f.write_str("TYPES"),
            Self::Type(name) => write!(f, "TYPE {}", Distinct(name)),
            Self::Functions => f.write_str("FUNCTIONS"),
            Self::Function(name) => write!(f, "FUNCTION {}", Distinct(name)),
            Self::Aggregates => f.write_str("AGGREGATES"),
            Self::Aggregate(name) => write!(f, "AGGREGATE {}", Distinct(name)),
            Self::Generic(name) => {
                if let Some(keyspace) = &name.keyspace {
                    write!(f, "{}.", DistinctName(keyspace))?;
                }
                write!(f, "{}", DistinctName(&name.name))
            }
        }
    }
}
