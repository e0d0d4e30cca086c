//! Types as written.

use super::QualifiedName;

/// A type as written; whether a user type exists is not known here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CqlType {
    /// `int`, `text`, …
    Native(NativeType),
    /// `list<t>`
    List(Box<CqlType>),
    /// `set<t>`
    Set(Box<CqlType>),
    /// `map<k, v>`
    Map(Box<CqlType>, Box<CqlType>),
    /// `tuple<a, b, …>`, at least one
    Tuple(Vec<CqlType>),
    /// `vector<t, dimension>`; the dimension is not yet checked
    Vector(Box<CqlType>, i32),
    /// `frozen<t>`
    Frozen(Box<CqlType>),
    /// The name of a user type
    UserType(QualifiedName),
    /// `'org.apache.cassandra.db.marshal.…'`
    Custom(String),
}

/// The built-in scalar types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are CQL's own")]
pub enum NativeType {
    Ascii,
    Bigint,
    Blob,
    Boolean,
    Counter,
    Date,
    Decimal,
    Double,
    Duration,
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
    Varchar,
    Varint,
}
