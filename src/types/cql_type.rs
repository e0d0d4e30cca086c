//! The type of a column, a field or a value.

use std::fmt;
use std::sync::Arc;

use super::cql_name::maybe_quoted;

/// A CQL type (Cassandra: `AbstractType`). Reversed clustering order is a property of the column, not of
/// the type: see `schema::ColumnMetadata`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the variants are CQL's own type names")]
pub enum CqlType {
    Ascii,
    Bigint,
    Blob,
    Boolean,
    Counter,
    Date,
    Decimal,
    Double,
    Duration,
    /// `EmptyType`: the value column of some compact tables.
    Empty,
    Float,
    Inet,
    Int,
    Smallint,
    Text,
    Time,
    Timestamp,
    Timeuuid,
    Tinyint,
    Uuid,
    Varint,
    /// A list; `frozen` means one cell (not multi-cell).
    List {
        element: Arc<CqlType>,
        frozen: bool,
    },
    Set {
        element: Arc<CqlType>,
        frozen: bool,
    },
    Map {
        key: Arc<CqlType>,
        value: Arc<CqlType>,
        frozen: bool,
    },
    /// Tuples are always frozen.
    Tuple(Arc<[CqlType]>),
    /// A user type; `frozen` means one cell.
    User {
        user_type: Arc<UserType>,
        frozen: bool,
    },
    Vector {
        element: Arc<CqlType>,
        dimension: usize,
    },
    /// A type given by the name of a class of Cassandra which has no CQL name.
    Custom(Arc<str>),
}

/// The definition of a user-defined type (Cassandra: `UserType`). Field types are as in its definition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserType {
    /// The keyspace it lives in.
    pub keyspace: String,
    /// Its name, without quotes.
    pub name: String,
    /// Field names, without quotes, and types, in order of definition.
    pub fields: Vec<(String, CqlType)>,
}

impl CqlType {
    /// Whether values are stored as several cells (a collection or user type that is not frozen).
    pub fn is_multi_cell(&self) -> bool {
        match self {
            Self::List { frozen, .. } | Self::Set { frozen, .. } | Self::Map { frozen, .. } => !frozen,
            Self::User { frozen, .. } => !frozen,
            _ => false,
        }
    }

    /// Whether this is a list, set or map.
    pub fn is_collection(&self) -> bool {
        matches!(self, Self::List { .. } | Self::Set { .. } | Self::Map { .. })
    }

    /// Whether this is `counter`.
    pub fn is_counter(&self) -> bool {
        matches!(self, Self::Counter)
    }

    /// The same type, frozen, and everything within it frozen too (Cassandra: `AbstractType.freeze`).
    pub fn freeze(&self) -> CqlType {
        let inner = |t: &Arc<CqlType>| Arc::new(t.freeze());
        match self {
            Self::List { element, .. } => Self::List { element: inner(element), frozen: true },
            Self::Set { element, .. } => Self::Set { element: inner(element), frozen: true },
            Self::Map { key, value, .. } => Self::Map { key: inner(key), value: inner(value), frozen: true },
            Self::User { user_type, .. } => Self::User { user_type: user_type.clone(), frozen: true },
            other => other.clone(),
        }
    }

    /// The same type with each of its parts changed; one that has none, or whose parts are fields, as it is.
    pub fn with_parts(&self, change: &dyn Fn(&CqlType) -> CqlType) -> CqlType {
        let changed = |part: &Arc<CqlType>| Arc::new(change(part));
        match self {
            Self::List { element, frozen } => Self::List { element: changed(element), frozen: *frozen },
            Self::Set { element, frozen } => Self::Set { element: changed(element), frozen: *frozen },
            Self::Map { key, value, frozen } => {
                Self::Map { key: changed(key), value: changed(value), frozen: *frozen }
            }
            Self::Vector { element, dimension } => {
                Self::Vector { element: changed(element), dimension: *dimension }
            }
            Self::Tuple(parts) => Self::Tuple(parts.iter().map(change).collect()),
            other => other.clone(),
        }
    }

    /// The length in bytes of every value, where it is fixed (Cassandra: `valueLengthIfFixed`, with the
    /// types that are fixed there).
    pub fn fixed_length(&self) -> Option<usize> {
        match self {
            Self::Boolean => Some(1),
            Self::Int | Self::Float => Some(4),
            Self::Bigint | Self::Double | Self::Timestamp => Some(8),
            Self::Uuid | Self::Timeuuid => Some(16),
            Self::Empty => Some(0),
            Self::Vector { element, dimension } => element.fixed_length()?.checked_mul(*dimension),
            _ => None,
        }
    }
}

impl fmt::Display for CqlType {
    /// The name as CQL writes it in `DESCRIBE` and `system_schema` (`frozen<list<int>>`).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frozen = |f: &mut fmt::Formatter<'_>, is: bool, inner: fmt::Arguments<'_>| {
            if is { write!(f, "frozen<{inner}>") } else { f.write_fmt(inner) }
        };
        let name = match self {
            Self::List { element, frozen: z } => return frozen(f, *z, format_args!("list<{element}>")),
            Self::Set { element, frozen: z } => return frozen(f, *z, format_args!("set<{element}>")),
            Self::Map { key, value, frozen: z } => {
                return frozen(f, *z, format_args!("map<{key}, {value}>"));
            }
            Self::User { user_type, frozen: z } => {
                return frozen(f, *z, format_args!("{}", maybe_quoted(&user_type.name)));
            }
            Self::Tuple(fields) => {
                f.write_str("frozen<tuple<")?;
                for (i, field) in fields.iter().enumerate() {
                    if i > 0 {
                        f.write_str(", ")?;
                    }
                    write!(f, "{field}")?;
                }
                return f.write_str(">>");
            }
            Self::Vector { element, dimension } => return write!(f, "vector<{element}, {dimension}>"),
            Self::Custom(class) => return write!(f, "'{class}'"),
            Self::Ascii => "ascii",
            Self::Bigint => "bigint",
            Self::Blob => "blob",
            Self::Boolean => "boolean",
            Self::Counter => "counter",
            Self::Date => "date",
            Self::Decimal => "decimal",
            Self::Double => "double",
            Self::Duration => "duration",
            Self::Empty => "empty",
            Self::Float => "float",
            Self::Inet => "inet",
            Self::Int => "int",
            Self::Smallint => "smallint",
            Self::Text => "text",
            Self::Time => "time",
            Self::Timestamp => "timestamp",
            Self::Timeuuid => "timeuuid",
            Self::Tinyint => "tinyint",
            Self::Uuid => "uuid",
            Self::Varint => "varint",
        };
        f.write_str(name)
    }
}
