//! Sessions: what a connection may ask of the database, and what it gets back.
//!
//! - [`request`]: what a client asks, already decoded, values borrowed from the frame.
//! - [`response`]: what it gets, rows already in wire form.
//! - [`service`]: the boundary that [`crate::protocol`] calls.
//! - [`auth`]: who may log in, and what roles may do.
//! - [`client`]: the connected clients, for `system_views.clients`.

pub mod auth;
pub mod client;
mod internal;
pub mod node;
mod pending;
mod permitted;
mod prepared;
pub mod request;
pub mod response;
pub mod running;
pub mod service;
mod session;
mod tracing;

pub use crate::consistency::{Consistency, WriteType};
pub use crate::error::Error;
/// The version of CQL that is spoken here.
pub const CQL_VERSION: &str = "3.4.7";

pub use client::{Client, Clients, Stage};
pub use request::{
    BatchKind, BatchStatement, ProtocolVersion, QueryOptions, QueryOrId, Request, RequestKind, StatementId,
    Value, Values,
};
pub use response::{
    ColumnSpec, Columns, Prepared, PreparedMetadata, Response, ResultMessage, ResultMetadata, Rows,
    RowsContent, RowsWriter,
};
pub use service::{AuthStep, Connection, ConnectionInfo, Execution, Service};
