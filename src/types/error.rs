//! What is wrong with a value.

/// A value does not fit its type (Cassandra: `MarshalException`). The text is Cassandra's own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MarshalError(pub String);

impl MarshalError {
    /// An error with that text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}
