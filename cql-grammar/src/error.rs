//! The error of this crate.

use std::fmt;

/// Why a text is not CQL, where, and in Cassandra's words.
///
/// Errors about the meaning of what is otherwise well-formed carry no position in Cassandra: line 0, column 0. Errors
/// at the end of the text are at line 0, column -1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SyntaxError {
    /// Line of the offending token, from 1.
    pub line: u32,
    /// Column of the offending token within its line in UTF-16 units, from 0.
    pub column: i32,
    /// What is wrong, without the position.
    pub message: String,
}

impl SyntaxError {
    /// An error that Cassandra reports without a position.
    pub fn plain(message: impl Into<String>) -> Self {
        Self { line: 0, column: 0, message: message.into() }
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if (self.line, self.column) != (0, 0) {
            write!(f, "line {}:{} ", self.line, self.column)?;
        }
        f.write_str(&self.message)
    }
}
