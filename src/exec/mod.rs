//! Executes plans.
//!
//! - [`access`]: who may do what.
//! - [`plan`]: a plan, and what running it gives.
//! - [`context`]: what it is run with.
//! - [`ddl`]: changes of the schema.
//! - [`describe`]: the schema as CQL.
//! - [`modify`], [`truncate`]: writes.
//! - [`options`]: what a statement is executed with.
//! - [`restrictions`]: WHERE clauses.
//! - [`pager`], [`paging`]: results page by page.
//! - [`result`]: what it gives.
//! - [`term`]: values that are known, bound or computed at execution.
//! - [`functions`]: native functions.
//! - [`time_uuid`]: the paths of list elements.

pub mod access;
pub mod context;
pub mod ddl;
pub mod describe;
pub mod expiration;
pub mod functions;
pub mod modify;
pub mod options;
pub mod pager;
pub mod paging;
pub mod plan;
pub mod restrictions;
pub mod result;
pub mod select;
pub mod term;
pub mod time_uuid;
pub mod truncate;

pub use context::ExecutionContext;
