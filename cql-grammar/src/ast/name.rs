//! Identifiers.

/// The final form of an identifier: lower case if it was written without quotes, as written if with quotes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(pub String);

impl Name {
    /// The identifier's text, without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Name {
    /// Takes the final form: the text is not lowercased.
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// The name of a table, index, view, type or function, with its keyspace where the text names one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct QualifiedName {
    /// The keyspace, if written.
    pub keyspace: Option<Name>,
    /// The name within the keyspace.
    pub name: Name,
}

/// The name of a role; unlike [`Name`] it may also be written as a string, and printed so.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RoleName(pub String);
