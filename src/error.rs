//! Leaf: what can go wrong with a request, as classes of what the caller can do about it.
//!
//! Each variant is one of Cassandra's `exceptions.*`, carries that exception's fields, and displays as its message.
//! The only place that turns them into wire codes is [`crate::protocol`].

use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::consistency::{Consistency, RequestFailureReason, WriteType};

/// The result of anything that may fail with an [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of a request, whichever layer met it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The CQL text does not parse.
    #[error("{0}")]
    Syntax(String),
    /// The statement is well formed but cannot be executed.
    #[error("{0}")]
    Invalid(String),
    /// A guardrail keeps the user from it; the client is warned with the same words.
    #[error("{0}")]
    Guardrail(String),
    /// The role lacks a permission.
    #[error("{0}")]
    Unauthorized(String),
    /// The request asks for a configuration that is not possible.
    #[error("{0}")]
    Config(String),
    /// A keyspace (where `table` is empty) or table of that name exists.
    #[error("{}", already_exists(keyspace, table))]
    AlreadyExists {
        /// The keyspace.
        keyspace: String,
        /// The table, empty if the keyspace itself exists.
        table: String,
    },
    /// The prepared statement is not known here: prepare it again.
    #[error("{}", unprepared(id))]
    Unprepared {
        /// The id as the client sent it.
        id: Vec<u8>,
    },
    /// Too few replicas are alive, so nothing was tried.
    #[error("{}", unavailable(*consistency, datacenter.as_deref()))]
    Unavailable {
        /// The level asked for.
        consistency: Consistency,
        /// Replicas needed.
        required: i32,
        /// Replicas alive.
        alive: i32,
        /// The data center that is short of replicas, for EACH_QUORUM.
        datacenter: Option<String>,
    },
    /// Too few replicas answered a read in time.
    #[error("Operation timed out - received only {received} responses.")]
    ReadTimeout {
        /// The level asked for.
        consistency: Consistency,
        /// Replicas that answered.
        received: i32,
        /// Replicas needed.
        block_for: i32,
        /// Whether the replica asked for data, not digests, was among them.
        data_present: bool,
    },
    /// Too few replicas acknowledged a write in time: its outcome is unknown.
    #[error("Operation timed out - received only {received} responses.")]
    WriteTimeout {
        /// The level asked for.
        consistency: Consistency,
        /// Replicas that answered.
        received: i32,
        /// Replicas needed.
        block_for: i32,
        /// What was written.
        write_type: WriteType,
    },
    /// A conditional update gave up after too much contention.
    #[error(
        "CAS operation timed out: received {received} of {block_for} required responses after {contentions} \
         contention retries"
    )]
    CasWriteTimeout {
        /// The serial level asked for.
        consistency: Consistency,
        /// Replicas that answered.
        received: i32,
        /// Replicas needed.
        block_for: i32,
        /// How often another proposal won.
        contentions: u16,
    },
    /// A replica failed a read.
    #[error("Operation failed - {}", failed(*received, detail.as_deref(), failures))]
    ReadFailure {
        /// The level asked for.
        consistency: Consistency,
        /// Replicas that answered.
        received: i32,
        /// Replicas needed.
        block_for: i32,
        /// Whether the replica asked for data was among them.
        data_present: bool,
        /// Which replicas failed and why.
        failures: Vec<(SocketAddr, RequestFailureReason)>,
        /// A message in place of the counts, for reads aborted by a threshold.
        detail: Option<String>,
    },
    /// A replica failed a write.
    #[error("Operation failed - {}", failed(*received, None, failures))]
    WriteFailure {
        /// The level asked for.
        consistency: Consistency,
        /// Replicas that answered.
        received: i32,
        /// Replicas needed.
        block_for: i32,
        /// What was written.
        write_type: WriteType,
        /// Which replicas failed and why.
        failures: Vec<(SocketAddr, RequestFailureReason)>,
    },
    /// A function failed; `message` is the whole text.
    #[error("{message}")]
    FunctionFailure {
        /// The function's keyspace.
        keyspace: String,
        /// The function's name.
        name: String,
        /// CQL names of the argument types.
        argument_types: Vec<String>,
        /// The text.
        message: String,
    },
    /// The node sheds load: try later, or another node.
    #[error("{0}")]
    Overloaded(String),
    /// The node is joining and may not be read.
    #[error("Cannot read from a bootstrapping node")]
    IsBootstrapping,
    /// TRUNCATE failed.
    #[error("{0}")]
    Truncate(String),
    /// Internal: a defect or a resource that failed.
    #[error("{0}")]
    Server(String),
    /// Data on disk is damaged.
    #[error("{0}")]
    Corruption(String),
    /// The client broke the protocol.
    #[error("{0}")]
    Protocol(String),
    /// The login failed.
    #[error("{0}")]
    BadCredentials(String),
    /// A conditional update was accepted by some replicas, its outcome is unknown.
    #[error("CAS operation result is unknown - proposal accepted by {received} but not a quorum.")]
    CasWriteUnknown {
        /// The serial level asked for.
        consistency: Consistency,
        /// Replicas that accepted.
        received: i32,
        /// Replicas needed.
        block_for: i32,
    },
    /// The request needs the disk, and was told not to wait for it: it is run again where it may. Never sent.
    #[error("the request has to wait for the disk")]
    WouldBlock,
    /// Change data capture has no space left.
    #[error("{0}")]
    CdcWriteFailure(String),
}

impl Error {
    /// A syntax error.
    pub fn syntax(message: impl Into<String>) -> Error {
        Error::Syntax(message.into())
    }

    /// An InvalidRequestException.
    pub fn invalid(message: impl Into<String>) -> Error {
        Error::Invalid(message.into())
    }

    /// A ConfigurationException.
    pub fn config(message: impl Into<String>) -> Error {
        Error::Config(message.into())
    }

    /// An UnauthorizedException.
    pub fn unauthorized(message: impl Into<String>) -> Error {
        Error::Unauthorized(message.into())
    }

    /// A server error: something of ours failed.
    pub fn server(message: impl Into<String>) -> Error {
        Error::Server(message.into())
    }

    /// A ProtocolException.
    pub fn protocol(message: impl Into<String>) -> Error {
        Error::Protocol(message.into())
    }

    /// Damage on disk.
    pub fn corruption(message: impl Into<String>) -> Error {
        Error::Corruption(message.into())
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Error::Server(error.to_string())
    }
}

fn already_exists(keyspace: &str, table: &str) -> String {
    if table.is_empty() {
        format!("Cannot add existing keyspace \"{keyspace}\"")
    } else {
        format!("Cannot add already existing table \"{table}\" to keyspace \"{keyspace}\"")
    }
}

fn unprepared(id: &[u8]) -> String {
    let mut hex = String::with_capacity(id.len() * 2);
    for byte in id {
        let _ = write!(hex, "{byte:02x}");
    }
    format!(
        "Prepared query with ID {hex} not found (either the query was not prepared on this host (maybe the host has \
         been restarted?) or you have prepared too many queries and it has been evicted from the internal cache)"
    )
}

fn unavailable(consistency: Consistency, datacenter: Option<&str>) -> String {
    match datacenter {
        None => format!("Cannot achieve consistency level {consistency}"),
        Some(name) => format!("Cannot achieve consistency level {consistency} in DC {name}"),
    }
}

fn failed(received: i32, detail: Option<&str>, failures: &[(SocketAddr, RequestFailureReason)]) -> String {
    let mut text = match detail {
        Some(detail) => detail.to_owned(),
        None => format!("received {received} responses and {} failures", failures.len()),
    };
    for (i, (address, reason)) in failures.iter().enumerate() {
        let _ = write!(text, "{}{} from /{address}", if i == 0 { ": " } else { ", " }, reason.name());
    }
    text
}
