//! Type names as CQL text, the way `system_schema` holds them: `frozen<map<text, frozen<list<int>>>>`.

use std::sync::Arc;

use super::{CqlType, MarshalError, UserType};

/// Nested deeper than this, a name is refused rather than followed.
const DEPTH_MAX: usize = 64;

/// Words that have to be quoted as identifiers (Cassandra: `reserved_keywords.txt`).
const RESERVED: [&str; 57] = [
    "add",
    "allow",
    "alter",
    "and",
    "apply",
    "asc",
    "authorize",
    "batch",
    "begin",
    "by",
    "columnfamily",
    "create",
    "delete",
    "desc",
    "describe",
    "drop",
    "entries",
    "execute",
    "from",
    "full",
    "grant",
    "if",
    "in",
    "index",
    "infinity",
    "insert",
    "into",
    "is",
    "keyspace",
    "limit",
    "materialized",
    "modify",
    "nan",
    "norecursive",
    "not",
    "null",
    "of",
    "on",
    "or",
    "order",
    "primary",
    "rename",
    "revoke",
    "schema",
    "select",
    "set",
    "table",
    "to",
    "token",
    "truncate",
    "unlogged",
    "update",
    "use",
    "using",
    "view",
    "where",
    "with",
];

/// Whether an identifier of this name, in lower case, has to be quoted because the word means something.
pub fn is_reserved(name: &str) -> bool {
    RESERVED.iter().any(|word| word.eq_ignore_ascii_case(name))
}

/// An identifier as CQL text, quoted where it has to be (Cassandra: `ColumnIdentifier.maybeQuote`).
pub fn maybe_quoted(name: &str) -> String {
    let mut chars = name.chars();
    let plain = chars.next().is_some_and(|c| c.is_ascii_lowercase())
        && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain && !is_reserved(name) { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// The type that has this simple name, in any case.
pub fn native_type(name: &str) -> Option<CqlType> {
    Some(match name.to_ascii_lowercase().as_str() {
        "ascii" => CqlType::Ascii,
        "bigint" => CqlType::Bigint,
        "blob" => CqlType::Blob,
        "boolean" => CqlType::Boolean,
        "counter" => CqlType::Counter,
        "date" => CqlType::Date,
        "decimal" => CqlType::Decimal,
        "double" => CqlType::Double,
        "duration" => CqlType::Duration,
        "empty" => CqlType::Empty,
        "float" => CqlType::Float,
        "inet" => CqlType::Inet,
        "int" => CqlType::Int,
        "smallint" => CqlType::Smallint,
        "text" | "varchar" => CqlType::Text,
        "time" => CqlType::Time,
        "timestamp" => CqlType::Timestamp,
        "timeuuid" => CqlType::Timeuuid,
        "tinyint" => CqlType::Tinyint,
        "uuid" => CqlType::Uuid,
        "varint" => CqlType::Varint,
        _ => return None,
    })
}

impl CqlType {
    /// The type of this CQL text; `user_type` finds the user types of the keyspace by name.
    pub fn from_cql_name(
        name: &str,
        user_type: &dyn Fn(&str) -> Option<Arc<UserType>>,
    ) -> Result<CqlType, MarshalError> {
        let mut parser = Parser { rest: name, text: name, user_type, depth: 0 };
        let parsed = parser.parse()?;
        if parser.rest.trim().is_empty() { Ok(parsed) } else { Err(parser.error()) }
    }
}

struct Parser<'a> {
    rest: &'a str,
    text: &'a str,
    user_type: &'a dyn Fn(&str) -> Option<Arc<UserType>>,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn error(&self) -> MarshalError {
        let at = self.text.len() - self.rest.len();
        MarshalError(format!("Invalid type '{}' at char {at}", self.text))
    }

    fn take(&mut self, token: char) -> bool {
        self.rest = self.rest.trim_start();
        let after = self.rest.strip_prefix(token);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn expect(&mut self, token: char) -> Result<(), MarshalError> {
        if self.take(token) { Ok(()) } else { Err(self.error()) }
    }

    /// What stands between two of these quotes, which are doubled within it.
    fn quoted(&mut self, quote: char) -> Result<String, MarshalError> {
        let mut name = String::new();
        let mut chars = self.rest.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if c != quote {
                name.push(c);
            } else if chars.next_if(|(_, next)| *next == quote).is_some() {
                name.push(quote);
            } else {
                self.rest = &self.rest[at + 1..];
                return Ok(name);
            }
        }
        Err(self.error())
    }

    fn word(&mut self) -> Result<&'a str, MarshalError> {
        self.rest = self.rest.trim_start();
        let length = self.rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
        if length == 0 {
            return Err(self.error());
        }
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        Ok(word)
    }

    fn parse(&mut self) -> Result<CqlType, MarshalError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error());
        }
        let parsed = self.parse_one()?;
        self.depth -= 1;
        Ok(parsed)
    }

    fn parse_one(&mut self) -> Result<CqlType, MarshalError> {
        if self.take('\'') {
            return Ok(CqlType::from_class_name(&self.quoted('\'')?)?.cql_type);
        }
        if self.take('"') {
            let name = self.quoted('"')?;
            return self.find_user_type(&name);
        }
        let word = self.word()?.to_ascii_lowercase();
        if !self.take('<') {
            return match native_type(&word) {
                Some(native) => Ok(native),
                None => self.find_user_type(&word),
            };
        }
        let parsed = match word.as_str() {
            "frozen" => self.parse()?.freeze(),
            "list" => CqlType::List { element: Arc::new(self.parse()?), frozen: false },
            "set" => CqlType::Set { element: Arc::new(self.parse()?), frozen: false },
            "map" => {
                let key = Arc::new(self.parse()?);
                self.expect(',')?;
                CqlType::Map { key, value: Arc::new(self.parse()?), frozen: false }
            }
            "tuple" => {
                let mut types = vec![self.parse()?.freeze()];
                while self.take(',') {
                    types.push(self.parse()?.freeze());
                }
                CqlType::Tuple(types.into())
            }
            "vector" => {
                let element = Arc::new(self.parse()?.freeze());
                self.expect(',')?;
                let dimension = self.word()?.parse::<u16>().map_err(|_| self.error())?;
                CqlType::Vector { element, dimension: dimension.into() }
            }
            _ => return Err(self.error()),
        };
        self.expect('>')?;
        Ok(parsed)
    }

    fn find_user_type(&self, name: &str) -> Result<CqlType, MarshalError> {
        match (self.user_type)(name) {
            Some(user_type) => Ok(CqlType::User { user_type, frozen: false }),
            None => Err(MarshalError(format!("Unknown type {}", maybe_quoted(name)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips() {
        let fields = vec![("a".to_owned(), CqlType::Int)];
        let lookup = |name: &str| {
            let known = ["Quoted", "plain", "table"].contains(&name);
            let user_type = UserType { keyspace: "ks".into(), name: name.into(), fields: fields.clone() };
            known.then(|| Arc::new(user_type))
        };
        for text in [
            "int",
            "frozen<list<int>>",
            "map<text, frozen<set<timeuuid>>>",
            "frozen<map<text, frozen<list<int>>>>",
            "frozen<tuple<int, frozen<list<text>>, frozen<plain>>>",
            "vector<float, 3>",
            "list<frozen<\"Quoted\">>",
            "plain",
            "frozen<\"table\">",
            "'org.apache.cassandra.db.marshal.CompositeType(org.apache.cassandra.db.marshal.Int32Type)'",
        ] {
            assert_eq!(CqlType::from_cql_name(text, &lookup).unwrap().to_string(), text);
        }
        assert_eq!(CqlType::from_cql_name("VARCHAR", &lookup).unwrap(), CqlType::Text);
        for bad in ["", "list<int", "map<int>", "nope", "int>", "frozen", "vector<float, x>"] {
            assert!(CqlType::from_cql_name(bad, &lookup).is_err(), "{bad}");
        }
        assert!(CqlType::from_cql_name(&"list<".repeat(100_000), &lookup).is_err());
    }
}
