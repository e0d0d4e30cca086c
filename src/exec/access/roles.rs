//! Statements on roles and permissions.

use cql_grammar::ast::Statement;

use super::resource::Resource;

/// A planned statement on roles or permissions. It is run by [`Access::run`](super::Access::run).
#[derive(Clone, Debug)]
pub struct RolePlan {
    /// The statement.
    pub statement: Statement,
    /// What it is about, where it names a resource. A table may lack its keyspace: then it is empty.
    pub resource: Option<Resource>,
}
