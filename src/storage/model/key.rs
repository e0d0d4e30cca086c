//! Partition keys and tokens.

use std::cmp::Ordering;

use bytes::Bytes;

/// A token of `Murmur3Partitioner`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub i64);

impl Token {
    /// The lowest: before every key, no key has it.
    pub const MIN: Token = Token(i64::MIN);
}

/// A partition key with its token; ordered by token, then by the bytes of the key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DecoratedKey {
    /// Its token.
    pub token: Token,
    /// The serialized key: the value, or a composite of several (u16 length, value, 0 byte each).
    pub key: Bytes,
}

impl Ord for DecoratedKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.token.cmp(&other.token).then_with(|| self.key.cmp(&other.key))
    }
}

impl PartialOrd for DecoratedKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl DecoratedKey {
    /// A key with its token.
    pub fn new(key: Bytes) -> Self {
        Self { token: Token(crate::types::token::token(&key)), key }
    }
}
