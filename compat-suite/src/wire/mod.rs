//! A client of the native protocol that hides nothing: versions 3 to 5, values as bytes, every field of an answer. The
//! golden scripts' recorder and their replay share it, so that what differs is the servers.
//!
//! It shares no code with the server, on purpose: an error of one codec must not be made good by the other.

mod answer;
mod body;
mod connection;
mod request;
mod segment;

pub use answer::{Answer, Change, Column, Failure, Prepared, Response, Rows, hex};
pub use body::Body;
pub use connection::{Connection, Envelope};
pub use request::{BatchEntry, BatchKind, Options, Value, Values, consistency_of};

use std::io;

/// An answer that does not follow the protocol.
fn invalid(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.into())
}
