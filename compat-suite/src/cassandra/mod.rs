//! Apache Cassandra 5.0.6: from Maven Central, on a JDK 17, on loopback addresses.
//!
//! [`Installation`] gets the libraries once for each target directory; [`Cassandra`] is a node that runs; [`Tools`] runs
//! Cassandra's own nodetool and offline tools, many in one virtual machine. A machine without a JDK 17 or Maven gets
//! [`Error::Missing`](crate::Error::Missing) from all of them.

mod installation;
mod node;
mod options;
mod tools;

pub use installation::Installation;
pub use node::{Cassandra, shared};
pub use options::Options;
pub use tools::{Output, Tools};
