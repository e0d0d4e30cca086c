//! Types from their CQL names, as `system_schema.columns.type` holds them.

use std::sync::Arc;

use crate::types::{CqlType, UserType, native_type};

/// Nesting beyond this is refused: no table can have been made with it.
const DEPTH_MAX: usize = 64;

/// The type of that CQL name (Cassandra: `CQLTypeParser.parse`). `user_type` finds the user types of its keyspace.
/// The error says what is wrong with the name.
pub fn parse_type_name(
    text: &str,
    user_type: &dyn Fn(&str) -> Option<Arc<UserType>>,
) -> Result<CqlType, String> {
    let mut parser = Parser { rest: text.trim(), user_type };
    let parsed = parser.parse(0).and_then(|ty| match parser.rest {
        "" => Ok(ty),
        rest => Err(format!("unexpected '{rest}'")),
    });
    parsed.map_err(|error| format!("Cannot parse type {text}: {error}"))
}

struct Parser<'a> {
    rest: &'a str,
    user_type: &'a dyn Fn(&str) -> Option<Arc<UserType>>,
}

impl Parser<'_> {
    fn parse(&mut self, depth: usize) -> Result<CqlType, String> {
        if depth > DEPTH_MAX {
            return Err("too deeply nested".to_owned());
        }
        if let Some(class) = self.quoted('\'') {
            let parsed = CqlType::from_class_name(&class);
            return Ok(parsed.map_or_else(|_| CqlType::Custom(class.into()), |parsed| parsed.cql_type));
        }
        if let Some(name) = self.quoted('"') {
            return self.user(&name);
        }
        let name = self.word()?;
        let lower = name.to_ascii_lowercase();
        if let Some(native) = native_type(&lower) {
            return Ok(native);
        }
        if !self.rest.starts_with('<') {
            return self.user(&lower);
        }
        self.expect('<')?;
        let ty = self.parametrized(&lower, depth + 1)?;
        self.expect('>')?;
        Ok(ty)
    }

    fn parametrized(&mut self, name: &str, depth: usize) -> Result<CqlType, String> {
        Ok(match name {
            "frozen" => self.parse(depth)?.freeze(),
            "list" => CqlType::List { element: self.frozen(depth)?, frozen: false },
            "set" => CqlType::Set { element: self.frozen(depth)?, frozen: false },
            "map" => {
                let key = self.frozen(depth)?;
                self.expect(',')?;
                CqlType::Map { key, value: self.frozen(depth)?, frozen: false }
            }
            "vector" => {
                let element = self.frozen(depth)?;
                self.expect(',')?;
                let dimension = self.word()?;
                let dimension = dimension.parse().map_err(|_| format!("no dimension: {dimension}"))?;
                CqlType::Vector { element, dimension }
            }
            "tuple" => {
                let mut fields = vec![self.parse(depth)?.freeze()];
                while self.rest.starts_with(',') {
                    self.expect(',')?;
                    fields.push(self.parse(depth)?.freeze());
                }
                CqlType::Tuple(fields.into())
            }
            other => return Err(format!("unknown type {other}<>")),
        })
    }

    /// What is within a collection is frozen, whether it says so or not.
    fn frozen(&mut self, depth: usize) -> Result<Arc<CqlType>, String> {
        Ok(Arc::new(self.parse(depth)?.freeze()))
    }

    fn user(&self, name: &str) -> Result<CqlType, String> {
        let user_type = (self.user_type)(name).ok_or_else(|| format!("unknown type {name}"))?;
        Ok(CqlType::User { user_type, frozen: false })
    }

    fn word(&mut self) -> Result<String, String> {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        if word.is_empty() {
            return Err("a name is missing".to_owned());
        }
        self.rest = rest.trim_start();
        Ok(word.to_owned())
    }

    fn quoted(&mut self, quote: char) -> Option<String> {
        let mut text = String::new();
        let mut rest = self.rest.strip_prefix(quote)?;
        loop {
            let (part, after) = rest.split_once(quote)?;
            text.push_str(part);
            match after.strip_prefix(quote) {
                Some(more) => {
                    text.push(quote);
                    rest = more;
                }
                None => {
                    self.rest = after.trim_start();
                    return Some(text);
                }
            }
        }
    }

    fn expect(&mut self, c: char) -> Result<(), String> {
        let rest = self.rest.strip_prefix(c).ok_or_else(|| format!("'{c}' is missing at '{}'", self.rest))?;
        self.rest = rest.trim_start();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_as_they_were() {
        let address = Arc::new(UserType { keyspace: "k".into(), name: "Addr".into(), fields: Vec::new() });
        let find = move |name: &str| (name == "Addr").then(|| address.clone());
        for name in [
            "int",
            "list<frozen<map<text, int>>>",
            "frozen<tuple<int, frozen<list<text>>>>",
            "vector<float, 3>",
            "frozen<\"Addr\">",
            "map<int, frozen<\"Addr\">>",
            "'org.apache.cassandra.db.marshal.LexicalUUIDType'",
        ] {
            assert_eq!(parse_type_name(name, &find).map(|t| t.to_string()), Ok(name.to_owned()));
        }
        for bad in ["", "lst<int>", "list<int", "list<int>>", "addr", "vector<float, x>", "map<int>"] {
            assert!(parse_type_name(bad, &find).is_err(), "{bad}");
        }
        assert!(parse_type_name(&"frozen<".repeat(1000), &find).is_err());
    }
}
