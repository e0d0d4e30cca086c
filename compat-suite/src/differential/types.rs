//! Random types of columns.

use super::random::Random;

/// A type of CQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// A native type, by name.
    Native(&'static str),
    /// `list`, and whether it is frozen.
    List(Box<Type>, bool),
    /// `set`, and whether it is frozen.
    Set(Box<Type>, bool),
    /// `map`, and whether it is frozen.
    Map(Box<Type>, Box<Type>, bool),
    /// `tuple`.
    Tuple(Vec<Type>),
    /// The user type of the schema with its fields, and whether it is frozen.
    User(Vec<(String, Type)>, bool),
    /// `vector` of floats.
    Vector(usize),
}

/// Native types that may be in a key.
pub const KEYS: [&str; 18] = [
    "ascii",
    "bigint",
    "blob",
    "boolean",
    "date",
    "decimal",
    "double",
    "float",
    "inet",
    "int",
    "smallint",
    "text",
    "time",
    "timestamp",
    "timeuuid",
    "tinyint",
    "uuid",
    "varint",
];

/// The name of the user type in each schema.
pub const USER_TYPE: &str = "point";

impl Type {
    /// The type as CQL.
    pub fn cql(&self) -> String {
        let frozen = |is_frozen: bool, inner: String| match is_frozen {
            true => format!("frozen<{inner}>"),
            false => inner,
        };
        match self {
            Self::Native(name) => (*name).to_owned(),
            Self::List(element, is_frozen) => frozen(*is_frozen, format!("list<{}>", element.cql())),
            Self::Set(element, is_frozen) => frozen(*is_frozen, format!("set<{}>", element.cql())),
            Self::Map(key, value, is_frozen) => {
                frozen(*is_frozen, format!("map<{}, {}>", key.cql(), value.cql()))
            }
            Self::Tuple(parts) => {
                format!("tuple<{}>", parts.iter().map(Self::cql).collect::<Vec<_>>().join(", "))
            }
            Self::User(_, is_frozen) => frozen(*is_frozen, USER_TYPE.to_owned()),
            Self::Vector(dimension) => format!("vector<float, {dimension}>"),
        }
    }

    /// Whether its elements are cells of their own.
    pub fn is_multi_cell(&self) -> bool {
        matches!(
            self,
            Self::List(_, false) | Self::Set(_, false) | Self::Map(_, _, false) | Self::User(_, false)
        )
    }

    /// Whether it is a number.
    pub fn is_number(&self) -> bool {
        matches!(
            self,
            Self::Native(
                "bigint"
                    | "decimal"
                    | "double"
                    | "float"
                    | "int"
                    | "smallint"
                    | "tinyint"
                    | "varint"
                    | "counter"
            )
        )
    }

    /// A type for a column of a primary key.
    pub fn of_key(random: &mut Random) -> Self {
        match random.below(20) {
            0 => Self::Tuple(vec![Self::native(random), Self::native(random)]),
            1 => Self::List(Box::new(Self::native(random)), true),
            2 => Self::Set(Box::new(Self::native(random)), true),
            3..=9 => Self::Native(random.one::<&str>(&["int", "text", "bigint", "timestamp"])),
            _ => Self::native(random),
        }
    }

    /// A type for another column.
    pub fn of_value(random: &mut Random, user: &Self) -> Self {
        let native = |random: &mut Random| Box::new(Self::native(random));
        match random.below(20) {
            0 | 1 => Self::List(native(random), random.chance(30)),
            2 | 3 => Self::Set(native(random), random.chance(30)),
            4 | 5 => Self::Map(native(random), native(random), random.chance(30)),
            6 => Self::Tuple(vec![Self::native(random), Self::native(random), Self::Native("int")]),
            7 => Self::Vector(random.between(1, 3)),
            8 => Self::Native("duration"),
            9 | 10 => match user {
                Self::User(fields, _) => Self::User(fields.clone(), random.chance(40)),
                other => other.clone(),
            },
            11 => Self::List(Box::new(Self::Set(native(random), true)), random.chance(50)),
            _ => Self::native(random),
        }
    }

    /// A native type that may be in a key.
    pub fn native(random: &mut Random) -> Self {
        Self::Native(random.one::<&str>(&KEYS))
    }
}
