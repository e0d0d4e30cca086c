//! Reads the class names by which SSTable headers and messages refer to types (Cassandra: `TypeParser`).
//!
//! ```text
//! org.apache.cassandra.db.marshal.Int32Type
//! org.apache.cassandra.db.marshal.ReversedType(org.apache.cassandra.db.marshal.LongType)
//! org.apache.cassandra.db.marshal.UserType(keyspace,<hex name>,<hex field>:<type>,...)
//! org.apache.cassandra.db.marshal.VectorType(org.apache.cassandra.db.marshal.FloatType , 3)
//! ```

use std::sync::Arc;

use super::class_name::PACKAGE;
use super::text::from_hex;
use super::{CqlType, MarshalError, UserType};

/// Nested deeper than this, a name is refused rather than followed.
const DEPTH_MAX: usize = 64;

/// The types whose class name has no parameters.
const SIMPLE: [(&str, CqlType); 21] = [
    ("AsciiType", CqlType::Ascii),
    ("LongType", CqlType::Bigint),
    ("BytesType", CqlType::Blob),
    ("BooleanType", CqlType::Boolean),
    ("CounterColumnType", CqlType::Counter),
    ("SimpleDateType", CqlType::Date),
    ("DecimalType", CqlType::Decimal),
    ("DoubleType", CqlType::Double),
    ("DurationType", CqlType::Duration),
    ("EmptyType", CqlType::Empty),
    ("FloatType", CqlType::Float),
    ("InetAddressType", CqlType::Inet),
    ("Int32Type", CqlType::Int),
    ("ShortType", CqlType::Smallint),
    ("UTF8Type", CqlType::Text),
    ("TimeType", CqlType::Time),
    ("TimestampType", CqlType::Timestamp),
    ("TimeUUIDType", CqlType::Timeuuid),
    ("ByteType", CqlType::Tinyint),
    ("UUIDType", CqlType::Uuid),
    ("IntegerType", CqlType::Varint),
];

/// Other classes that Cassandra has: kept by name, as [`CqlType::Custom`].
const OTHER: [&str; 7] = [
    "CompositeType",
    "DateType",
    "DynamicCompositeType",
    "LegacyTimeUUIDType",
    "LexicalUUIDType",
    "PartitionerDefinedOrder",
    "ColumnToCollectionType",
];

/// A type by the name of its class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedClass {
    /// The type.
    pub cql_type: CqlType,
    /// Whether it was within `ReversedType`.
    pub reversed: bool,
}

impl CqlType {
    /// The class name as a clustering column's header has it: within `ReversedType` for descending order.
    pub fn class_name_in_order(&self, reversed: bool) -> String {
        let name = self.class_name();
        if reversed { format!("{PACKAGE}ReversedType({name})") } else { name.to_string() }
    }

    /// The type of a class name. Its errors are Cassandra's of `TypeParser`.
    pub fn from_class_name(name: &str) -> Result<ParsedClass, MarshalError> {
        let mut parser = Parser { text: name, at: 0, depth: 0 };
        parser.skip_blank();
        if parser.identifier_end() == parser.at {
            return Ok(ParsedClass { cql_type: CqlType::Blob, reversed: false });
        }
        parser.parse()
    }
}

/// The components of a `CompositeType` given by its class name; `None` for any other class.
pub fn composite_types(class: &str) -> Option<Vec<ParsedClass>> {
    let mut parser = Parser { text: class, at: 0, depth: 0 };
    let name = parser.identifier();
    (name.strip_prefix(PACKAGE).unwrap_or(name) == "CompositeType").then(|| parser.types().ok())?
}

/// The text of a class with every class in it named in full; what stands before `=>` is no class.
fn with_packages(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut rest = text.trim();
    while let Some(first) = rest.chars().next() {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '&');
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(if end == 0 { first.len_utf8() } else { end });
        let is_alias = after.trim_start().starts_with("=>");
        if end > 0 && !word.contains('.') && !is_alias {
            out.push_str(PACKAGE);
        }
        if !word.trim().is_empty() {
            out.push_str(word);
        }
        rest = after;
    }
    out
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n')) {
            self.at += 1;
        }
    }

    /// Skips blanks and at most one comma; whether something is left.
    fn skip_blank_and_comma(&mut self) -> bool {
        self.skip_blank();
        if self.peek() == Some(b',') {
            self.at += 1;
            self.skip_blank();
        }
        self.peek().is_some()
    }

    fn identifier_end(&self) -> usize {
        let is_identifier = |b: &u8| b.is_ascii_alphanumeric() || b"-+._&".contains(b);
        self.at + self.text.as_bytes()[self.at..].iter().take_while(|b| is_identifier(b)).count()
    }

    fn identifier(&mut self) -> &'a str {
        let start = self.at;
        self.at = self.identifier_end();
        &self.text[start..self.at]
    }

    fn error(&self, what: &str) -> MarshalError {
        MarshalError(format!("Syntax error parsing '{}' at char {}: {what}", self.text, self.at))
    }

    fn expect(&mut self, byte: u8) -> Result<(), MarshalError> {
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        Err(self.error(&format!("expecting '{}' token", char::from(byte))))
    }

    fn parse(&mut self) -> Result<ParsedClass, MarshalError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error("types are nested too deeply"));
        }
        self.skip_blank();
        let start = self.at;
        let name = self.identifier();
        self.skip_blank();
        let class = match name.strip_prefix(PACKAGE) {
            Some(class) => class,
            None if name.contains('.') => "",
            None => name,
        };
        let parsed = self.parse_class(class, start);
        self.depth -= 1;
        parsed.map_err(|e| if class.is_empty() { no_such_class(name) } else { e })
    }

    fn parse_class(&mut self, class: &str, start: usize) -> Result<ParsedClass, MarshalError> {
        let plain = |cql_type| Ok(ParsedClass { cql_type, reversed: false });
        if let Some((_, cql_type)) = SIMPLE.iter().find(|(name, _)| *name == class) {
            let reversed = self.peek() == Some(b'(') && self.has_reversed_parameter()?;
            return Ok(ParsedClass { cql_type: cql_type.clone(), reversed });
        }
        match class {
            "ReversedType" => {
                let [inner] = self.exactly("ReversedType")?;
                Ok(ParsedClass { cql_type: inner, reversed: true })
            }
            "FrozenType" => {
                let [inner] = self.exactly("FrozenType")?;
                plain(inner.freeze())
            }
            "ListType" => {
                let [element] = self.exactly("ListType")?;
                plain(CqlType::List { element: Arc::new(element.freeze()), frozen: false })
            }
            "SetType" => {
                let [element] = self.exactly("SetType")?;
                plain(CqlType::Set { element: Arc::new(element.freeze()), frozen: false })
            }
            "MapType" => {
                let [key, value] = self.exactly("MapType")?;
                let (key, value) = (Arc::new(key.freeze()), Arc::new(value.freeze()));
                plain(CqlType::Map { key, value, frozen: false })
            }
            "TupleType" => plain(CqlType::Tuple(self.types()?.iter().map(|t| t.cql_type.freeze()).collect())),
            "UserType" => plain(self.user_type()?),
            "VectorType" => plain(self.vector()?),
            class if OTHER.contains(&class) => {
                if self.peek() == Some(b'(') {
                    self.skip_parentheses()?;
                }
                plain(CqlType::Custom(with_packages(&self.text[start..self.at]).into()))
            }
            _ => Err(no_such_class(&format!("{PACKAGE}{class}"))),
        }
    }

    fn exactly<const N: usize>(&mut self, class: &str) -> Result<[CqlType; N], MarshalError> {
        let types: Vec<_> = self.types()?.into_iter().map(|t| t.cql_type).collect();
        let plural = if N == 1 { "" } else { "s" };
        types
            .try_into()
            .map_err(|_| MarshalError(format!("{class} takes exactly {N} type parameter{plural}")))
    }

    fn types(&mut self) -> Result<Vec<ParsedClass>, MarshalError> {
        let mut types = Vec::new();
        if self.peek().is_none() {
            return Ok(types);
        }
        self.expect(b'(')?;
        while self.skip_blank_and_comma() {
            if self.peek() == Some(b')') {
                self.at += 1;
                return Ok(types);
            }
            types.push(self.parse()?);
        }
        Err(self.error("unexpected end of string"))
    }

    /// `(reversed=true)` after a simple type: an old way to say `ReversedType`.
    fn has_reversed_parameter(&mut self) -> Result<bool, MarshalError> {
        let start = self.at;
        self.skip_parentheses()?;
        let inside = self.text[start + 1..self.at - 1].replace([' ', '\t', '\n'], "");
        Ok(matches!(inside.as_str(), "reversed" | "reversed=" | "reversed=true"))
    }

    fn skip_parentheses(&mut self) -> Result<(), MarshalError> {
        let mut open = 0_usize;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'(' => open += 1,
                b')' if open == 1 => return Ok(()),
                b')' => open -= 1,
                _ => {}
            }
        }
        Err(self.error("unexpected end of string"))
    }

    fn user_type(&mut self) -> Result<CqlType, MarshalError> {
        self.expect(b'(')?;
        self.skip_blank_and_comma();
        let keyspace = self.identifier().to_owned();
        self.skip_blank_and_comma();
        let name = self.hex_text()?;
        let mut fields = Vec::new();
        while self.skip_blank_and_comma() {
            if self.peek() == Some(b')') {
                self.at += 1;
                let user_type = Arc::new(UserType { keyspace, name, fields });
                return Ok(CqlType::User { user_type, frozen: false });
            }
            let field = self.hex_text()?;
            self.skip_blank();
            self.expect(b':')?;
            fields.push((field, self.parse()?.cql_type));
        }
        Err(self.error("unexpected end of string"))
    }

    fn hex_text(&mut self) -> Result<String, MarshalError> {
        let hex = self.identifier();
        let bytes = from_hex(hex).ok_or_else(|| self.error(&format!("{hex} is not hexadecimal")))?;
        String::from_utf8(bytes).map_err(|_| self.error("a name is not UTF-8"))
    }

    fn vector(&mut self) -> Result<CqlType, MarshalError> {
        self.expect(b'(')?;
        let element = self.parse()?.cql_type.freeze();
        self.skip_blank_and_comma();
        let number = self.identifier();
        let dimension: i32 = number.parse().map_err(|_| self.error("expecting a dimension"))?;
        self.skip_blank();
        self.expect(b')')?;
        match usize::try_from(dimension) {
            Ok(dimension) if dimension > 0 => Ok(CqlType::Vector { element: Arc::new(element), dimension }),
            _ => Err(MarshalError(format!("vectors may only have positive dimensions; given {dimension}"))),
        }
    }
}

fn no_such_class(name: &str) -> MarshalError {
    MarshalError(format!("Unable to find abstract-type class '{name}'"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    fn check(short: &str) {
        let full = short.replace('~', PACKAGE);
        let parsed = CqlType::from_class_name(&full).unwrap();
        assert_eq!(parsed.cql_type.class_name_in_order(parsed.reversed), full);
    }

    #[test]
    fn round_trips() {
        for (name, cql_type) in &SIMPLE {
            check(&format!("~{name}"));
            assert_eq!(CqlType::from_class_name(name).unwrap().cql_type, *cql_type);
        }
        check("~ReversedType(~TimeUUIDType)");
        check("~MapType(~UTF8Type,~FrozenType(~ListType(~Int32Type)))");
        check("~FrozenType(~MapType(~UTF8Type,~SetType(~Int32Type)))");
        check("~TupleType(~Int32Type,~ListType(~UTF8Type))");
        check("~FrozenType(~UserType(ks,6164647265737300,737472656574:~UTF8Type,7a:~ListType(~Int32Type)))");
        check("~UserType(ks,61,62:~FrozenType(~SetType(~UTF8Type)))");
        check("~VectorType(~FloatType , 3)");
        check("~CompositeType(~UTF8Type,~ReversedType(~Int32Type))");
        check("~LexicalUUIDType");
    }

    #[test]
    fn lenient_forms_and_errors() {
        assert_eq!(CqlType::from_class_name("").unwrap().cql_type, CqlType::Blob);
        assert!(CqlType::from_class_name("LongType(reversed=true)").unwrap().reversed);
        assert_eq!(
            CqlType::from_class_name("com.acme.Foo").unwrap_err().0,
            "Unable to find abstract-type class 'com.acme.Foo'"
        );
        assert!(CqlType::from_class_name("ListType(Int32Type").is_err());
        assert!(CqlType::from_class_name("MapType(Int32Type)").is_err());
        assert!(CqlType::from_class_name(&"ListType(".repeat(10_000)).is_err());
        assert!(CqlType::from_class_name("VectorType(FloatType , 0)").is_err());
        assert_eq!(composite_types("CompositeType(Int32Type,UTF8Type)").unwrap().len(), 2);
    }
}
