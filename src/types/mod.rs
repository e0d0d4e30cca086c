//! CQL types and values: codecs, ordering, text form and tokens. A leaf: knows no schema and no I/O.
//!
//! A value is its serialized bytes as the native protocol and the SSTables hold them (Cassandra's
//! `AbstractType`); it is decoded only where CQL's semantics need it.

mod class_name;
mod class_parser;
pub mod collection;
mod compare;
mod compatibility;
pub mod counter;
mod cql_name;
mod cql_type;
mod datetime;
mod decimal;
mod duration;
mod error;
mod json;
mod json_parser;
mod json_value;
mod number;
mod text;
pub mod token;
mod validate;
pub mod vint;

pub use class_name::ClassName;
pub use class_parser::{ParsedClass, composite_types};
pub use cql_name::{is_reserved, maybe_quoted, native_type};
pub use cql_type::{CqlType, UserType};
pub use datetime::{DateTime, date_of_millis, millis_of_date, parse_date, parse_time, parse_timestamp};
pub use decimal::{Decimal, decode_varint, encode_varint, parse_varint};
pub use duration::Duration;
pub use error::MarshalError;
pub use json::{json_escaped, json_name};
pub use json_parser::{Json, JsonError, parse_json, parse_json_object};
pub use json_value::{JsonValueError, handle_case};
pub use number::{java_double, java_float};
pub use text::{from_hex, to_hex};
pub use validate::check_count;
