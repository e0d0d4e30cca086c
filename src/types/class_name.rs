//! Types as Cassandra's class names, as SSTables, custom types on the wire and metadata ids hold them.

use std::fmt;

use super::cql_type::CqlType;

pub(super) const PACKAGE: &str = "org.apache.cassandra.db.marshal.";

/// Displays a type as `AbstractType.toString` does.
pub struct ClassName<'a>(&'a CqlType);

impl CqlType {
    /// The type as Cassandra's class name: `org.apache.cassandra.db.marshal.ListType(…Int32Type)`.
    pub fn class_name(&self) -> ClassName<'_> {
        ClassName(self)
    }

    /// The simple name of the class, without package and parameters; the whole name of a custom type.
    fn class(&self) -> &str {
        match self {
            CqlType::Ascii => "AsciiType",
            CqlType::Bigint => "LongType",
            CqlType::Blob => "BytesType",
            CqlType::Boolean => "BooleanType",
            CqlType::Counter => "CounterColumnType",
            CqlType::Date => "SimpleDateType",
            CqlType::Decimal => "DecimalType",
            CqlType::Double => "DoubleType",
            CqlType::Duration => "DurationType",
            CqlType::Empty => "EmptyType",
            CqlType::Float => "FloatType",
            CqlType::Inet => "InetAddressType",
            CqlType::Int => "Int32Type",
            CqlType::Smallint => "ShortType",
            CqlType::Text => "UTF8Type",
            CqlType::Time => "TimeType",
            CqlType::Timestamp => "TimestampType",
            CqlType::Timeuuid => "TimeUUIDType",
            CqlType::Tinyint => "ByteType",
            CqlType::Uuid => "UUIDType",
            CqlType::Varint => "IntegerType",
            CqlType::List { .. } => "ListType",
            CqlType::Set { .. } => "SetType",
            CqlType::Map { .. } => "MapType",
            CqlType::Tuple(_) => "TupleType",
            CqlType::User { .. } => "UserType",
            CqlType::Vector { .. } => "VectorType",
            CqlType::Custom(class) => class,
        }
    }

    /// `ignore_freezing`: within something frozen, what is inside is not said to be frozen too.
    fn write_class(&self, f: &mut fmt::Formatter<'_>, ignore_freezing: bool) -> fmt::Result {
        let can_be_multi_cell = self.is_collection() || matches!(self, CqlType::User { .. });
        let frozen = can_be_multi_cell && !self.is_multi_cell();
        let inner = ignore_freezing || frozen;
        let shown = frozen && !ignore_freezing;
        if shown {
            write!(f, "{PACKAGE}FrozenType(")?;
        }
        if !matches!(self, CqlType::Custom(_)) {
            f.write_str(PACKAGE)?;
        }
        f.write_str(self.class())?;
        match self {
            CqlType::List { element, .. } | CqlType::Set { element, .. } => {
                f.write_str("(")?;
                element.write_class(f, inner)?;
                f.write_str(")")?;
            }
            CqlType::Map { key, value, .. } => {
                f.write_str("(")?;
                key.write_class(f, inner)?;
                f.write_str(",")?;
                value.write_class(f, inner)?;
                f.write_str(")")?;
            }
            CqlType::Tuple(fields) => {
                f.write_str("(")?;
                for (i, field) in fields.iter().enumerate() {
                    f.write_str(if i == 0 { "" } else { "," })?;
                    field.write_class(f, true)?;
                }
                f.write_str(")")?;
            }
            CqlType::User { user_type, .. } => {
                write!(f, "({},{}", user_type.keyspace, Hex(&user_type.name))?;
                for (name, field) in &user_type.fields {
                    write!(f, ",{}:", Hex(name))?;
                    field.write_class(f, inner)?;
                }
                f.write_str(")")?;
            }
            CqlType::Vector { element, dimension } => {
                f.write_str("(")?;
                element.write_class(f, inner)?;
                write!(f, " , {dimension})")?;
            }
            _ => {}
        }
        f.write_str(if shown { ")" } else { "" })
    }
}

impl fmt::Display for ClassName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write_class(f, false)
    }
}

struct Hex<'a>(&'a str);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.bytes().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::types::UserType;

    fn check(ty: CqlType, expected: &str) {
        assert_eq!(ty.class_name().to_string().replace(PACKAGE, ""), expected);
    }

    #[test]
    fn class_names() {
        let list = |frozen| CqlType::List { element: Arc::new(CqlType::Int), frozen };
        let udt = UserType {
            keyspace: "ks".to_owned(),
            name: "ab".to_owned(),
            fields: vec![("x".to_owned(), list(true)), ("y".to_owned(), CqlType::Text)],
        };
        let user = |frozen| CqlType::User { user_type: Arc::new(udt.clone()), frozen };
        check(CqlType::Text, "UTF8Type");
        check(list(false), "ListType(Int32Type)");
        check(list(true), "FrozenType(ListType(Int32Type))");
        check(
            CqlType::Map { key: Arc::new(CqlType::Text), value: Arc::new(list(true)), frozen: false },
            "MapType(UTF8Type,FrozenType(ListType(Int32Type)))",
        );
        check(
            CqlType::Map { key: Arc::new(CqlType::Text), value: Arc::new(list(true)), frozen: true },
            "FrozenType(MapType(UTF8Type,ListType(Int32Type)))",
        );
        check(
            CqlType::Tuple(Arc::new([CqlType::Int, list(true)])),
            "TupleType(Int32Type,ListType(Int32Type))",
        );
        check(user(false), "UserType(ks,6162,78:FrozenType(ListType(Int32Type)),79:UTF8Type)");
        check(user(true), "FrozenType(UserType(ks,6162,78:ListType(Int32Type),79:UTF8Type))");
        check(
            CqlType::Vector { element: Arc::new(CqlType::Float), dimension: 3 },
            "VectorType(FloatType , 3)",
        );
    }
}
