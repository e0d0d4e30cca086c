//! CQL types and values: codecs, ordering, text form and tokens. A leaf: knows no schema and no I/O.
//!
//! A value is its serialized bytes as the native protocol and the SSTables hold them (Cassandra's
//! `AbstractType`); it is decoded only where CQL's semantics need it.

mod class_name;
mod cql_type;
mod error;
pub mod token;
pub mod vint;

pub use class_name::ClassName;
pub use cql_type::{CqlType, UserType};
pub use error::MarshalError;
