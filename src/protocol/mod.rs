//! The native protocol, versions 3 to 5, server side: frames to requests, responses to frames.
//!
//! ```text
//! socket -> framing (version 5: checksums) -> header + compression -> decode -> cql::Connection::execute
//! socket <- framing (version 5)            <- header + compression <- encode <- cql::Response
//! ```
//!
//! - [`server`]: the listener; [`encryption`]: TLS before it; [`connection`]: the task of one connection; [`limits`]: what protects the node.
//! - [`header`], [`framing`], [`compression`], [`crc`]: bytes on the wire.
//! - [`reader`], [`decode`], [`startup`]: requests. [`encode`], [`column_type`], [`output`]: responses.
//! - [`error`]: the one map from errors to wire codes.

pub mod column_type;
pub mod compression;
pub mod connection;
pub mod crc;
pub mod decode;
pub mod encode;
pub mod encryption;
pub mod error;
pub mod framing;
pub mod header;
pub mod inbound;
pub mod limits;
pub mod output;
pub mod reader;
pub mod server;
pub mod startup;

#[cfg(test)]
mod tests;

pub use encryption::Encryption;
pub use limits::{Governor, Limits};
pub use server::{Server, ServerHandle};
