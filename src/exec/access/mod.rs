//! Who may do what: permissions, what they are on, and what a statement needs (Cassandra: package `auth`).
//!
//! - [`permission`]: the permissions, and sets of them.
//! - [`resource`]: what they are on.
//! - [`requirement`]: what a statement needs.
//! - [`roles`]: statements on roles and permissions, which the session runs: it knows who asks.

pub mod permission;
pub mod requirement;
pub mod resource;
pub mod roles;

use std::fmt;

use crate::error::Error;
use crate::schema::TableMetadata;

pub use permission::{Permission, PermissionSet};
pub use requirement::{Requirement, Requires};
pub use resource::Resource;
pub use roles::RolePlan;

use super::plan::Outcome;

/// The user that a request is run for.
pub trait Access: Send + Sync + fmt::Debug {
    /// The user's name in messages.
    fn user_name(&self) -> &str;

    /// Whether the user has a permission on the table, its keyspace, or everything (Cassandra:
    /// `ClientState.hasTablePermission`). Ends with `WouldBlock` where that has to be read from the disk and must not.
    fn has_table_permission(&self, table: &TableMetadata, permission: Permission) -> Result<bool, Error>;

    /// Runs a statement on roles or permissions. Warnings for the client go to `warn`.
    fn run(&self, plan: &RolePlan, warn: &dyn Fn(String)) -> Result<Outcome, Error>;
}
