//! Identifiers, in quotes where they must be.

use super::Quoted;
use crate::ast::{Name, QualifiedName, RoleName};
use crate::lexer::{Kind, classify};
use std::fmt::{self, Display};

/// Whether the text is a word in lower case.
fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Whether the text is an identifier without quotes wherever it stands.
fn is_plain(text: &str) -> bool {
    is_word(text) && classify(text.as_bytes()) == Kind::Ident
}

fn in_quotes(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    write!(f, "\"{}\"", text.replace('"', "\"\""))
}

impl Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = classify(self.0.as_bytes());
        let bare = kind == Kind::Ident || kind.is_unreserved();
        if bare && is_word(&self.0) { f.write_str(&self.0) } else { in_quotes(f, &self.0) }
    }
}

impl Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(keyspace) = &self.keyspace {
            write!(f, "{keyspace}.")?;
        }
        write!(f, "{}", self.name)
    }
}

/// The name of a function or a type, which is in quotes if it could be anything else.
pub(super) struct Distinct<'a>(pub &'a QualifiedName);

impl Display for Distinct<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(keyspace) = &self.0.keyspace {
            write!(f, "{keyspace}.")?;
        }
        let name = self.0.name.as_str();
        let taken = ["expr", "byte", "complex", "enum", "interval", "macaddr", "bitstring"];
        if is_plain(name) && !taken.contains(&name) { f.write_str(name) } else { in_quotes(f, name) }
    }
}

/// The name of a function without a keyspace.
pub(super) struct DistinctName<'a>(pub &'a Name);

impl Display for DistinctName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.as_str();
        if is_plain(name) { f.write_str(name) } else { in_quotes(f, name) }
    }
}

impl Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_plain(&self.0) { f.write_str(&self.0) } else { Quoted(&self.0).fmt(f) }
    }
}
