//! The statements.

use super::*;

/// One CQL statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// `SELECT`
    Select(Select),
    /// `INSERT … VALUES`
    Insert(Insert),
    /// `INSERT … JSON`
    InsertJson(InsertJson),
    /// `UPDATE`
    Update(Update),
    /// `DELETE`
    Delete(Delete),
    /// `BEGIN BATCH`
    Batch(Batch),
    /// `USE keyspace`
    Use(Name),
    /// `TRUNCATE table`
    Truncate(QualifiedName),
    /// `CREATE KEYSPACE`
    CreateKeyspace(CreateKeyspace),
    /// `ALTER KEYSPACE`
    AlterKeyspace(AlterKeyspace),
    /// `DROP KEYSPACE`
    DropKeyspace(DropKeyspace),
    /// `CREATE TABLE`
    CreateTable(CreateTable),
    /// `ALTER TABLE`
    AlterTable(AlterTable),
    /// `DROP TABLE`
    DropTable(DropTable),
    /// `CREATE TYPE`
    CreateType(CreateType),
    /// `ALTER TYPE`
    AlterType(AlterType),
    /// `DROP TYPE`
    DropType(DropType),
    /// `CREATE INDEX`
    CreateIndex(CreateIndex),
    /// `DROP INDEX`
    DropIndex(DropIndex),
    /// `CREATE MATERIALIZED VIEW`
    CreateView(CreateView),
    /// `ALTER MATERIALIZED VIEW`
    AlterView(AlterView),
    /// `DROP MATERIALIZED VIEW`
    DropView(DropView),
    /// `CREATE FUNCTION`
    CreateFunction(CreateFunction),
    /// `DROP FUNCTION`
    DropFunction(DropFunction),
    /// `CREATE AGGREGATE`
    CreateAggregate(CreateAggregate),
    /// `DROP AGGREGATE`
    DropAggregate(DropAggregate),
    /// `CREATE TRIGGER`
    CreateTrigger(CreateTrigger),
    /// `DROP TRIGGER`
    DropTrigger(DropTrigger),
    /// `CREATE ROLE`
    CreateRole(CreateRole),
    /// `ALTER ROLE`
    AlterRole(AlterRole),
    /// `DROP ROLE`
    DropRole(DropRole),
    /// `CREATE USER`
    CreateUser(CreateUser),
    /// `ALTER USER`
    AlterUser(AlterUser),
    /// `DROP USER`
    DropUser(DropUser),
    /// `ADD IDENTITY`
    AddIdentity(AddIdentity),
    /// `DROP IDENTITY`
    DropIdentity(DropIdentity),
    /// `GRANT role`
    GrantRole(GrantRole),
    /// `REVOKE role`
    RevokeRole(RevokeRole),
    /// `LIST ROLES`
    ListRoles(ListRoles),
    /// `LIST USERS`
    ListUsers,
    /// `GRANT permissions`
    GrantPermissions(GrantPermissions),
    /// `REVOKE permissions`
    RevokePermissions(RevokePermissions),
    /// `LIST permissions`
    ListPermissions(ListPermissions),
    /// `DESCRIBE`
    Describe(Describe),
}

/// `DESCRIBE …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Describe {
    /// What is described
    pub target: DescribeTarget,
    /// `WITH INTERNALS`
    pub internals: bool,
}

/// What DESCRIBE describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DescribeTarget {
    /// `CLUSTER`
    Cluster,
    /// `[FULL] SCHEMA`
    Schema {
        /// `FULL`
        full: bool,
    },
    /// `KEYSPACES`
    Keyspaces,
    /// `[ONLY] KEYSPACE [ks]`
    Keyspace {
        /// `ONLY`
        only: bool,
        /// The session's keyspace where not written
        name: Option<Name>,
    },
    /// `TABLES`
    Tables,
    /// `TABLE t`
    Table(QualifiedName),
    /// `INDEX i`
    Index(QualifiedName),
    /// `MATERIALIZED VIEW v`
    View(QualifiedName),
    /// `TYPES`
    Types,
    /// `TYPE t`
    Type(QualifiedName),
    /// `FUNCTIONS`
    Functions,
    /// `FUNCTION f`
    Function(QualifiedName),
    /// `AGGREGATES`
    Aggregates,
    /// `AGGREGATE a`
    Aggregate(QualifiedName),
    /// A name of whatever it may be
    Generic(QualifiedName),
}
