//! `Summary.db`: every so many keys of `Index.db` with their positions, held in memory (Cassandra: `IndexSummary`).
//!
//! ```text
//! min index interval: i32 | entries: i32 | bytes of offsets and entries: i64 | sampling level: i32
//! | entries at full sampling: i32 | ( offset: u32 LE )* | ( key | position: u64 LE )*
//! | first key, last key: each i32 length and bytes
//! ```
//!
//! Offsets count from the start of the offsets.

use bytes::{BufMut, Bytes, BytesMut};

use super::input::{Input, Malformed, Taken};
use crate::storage::model::{DecoratedKey, Token};
use crate::types::token::token;

/// The sampling level of a summary with all its entries.
const BASE_SAMPLING_LEVEL: u32 = 128;

/// Gathers a summary while keys are written.
#[derive(Debug)]
pub struct SummaryBuilder {
    interval: u32,
    keys: u64,
    offsets: Vec<u32>,
    entries: BytesMut,
}

impl SummaryBuilder {
    /// Takes every `interval`-th key.
    pub fn new(interval: i32) -> Self {
        let interval = u32::try_from(interval).unwrap_or(1).max(1);
        Self { interval, keys: 0, offsets: Vec::new(), entries: BytesMut::new() }
    }

    /// The next key, and where its entry begins in `Index.db`.
    pub fn add(&mut self, key: &[u8], index_position: u64) {
        let fits = self.entries.len() + key.len() + 8 < i32::MAX as usize;
        if self.keys.is_multiple_of(u64::from(self.interval)) && fits {
            self.offsets.push(self.entries.len() as u32);
            self.entries.put_slice(key);
            self.entries.put_u64_le(index_position);
        }
        self.keys += 1;
    }

    /// The content of the file.
    pub fn serialize(&self, first: &[u8], last: &[u8]) -> BytesMut {
        let base = self.offsets.len() as u32 * 4;
        let mut out = BytesMut::with_capacity(self.entries.len() + base as usize + 64);
        out.put_u32(self.interval);
        out.put_u32(self.offsets.len() as u32);
        out.put_u64(u64::from(base) + self.entries.len() as u64);
        out.put_u32(BASE_SAMPLING_LEVEL);
        out.put_u32(self.keys.div_ceil(u64::from(self.interval)) as u32);
        self.offsets.iter().for_each(|offset| out.put_u32_le(offset + base));
        out.put_slice(&self.entries);
        for key in [first, last] {
            out.put_u32(key.len() as u32);
            out.put_slice(key);
        }
        out
    }
}

/// A summary in memory, with the tokens of its keys.
#[derive(Clone, Debug)]
pub struct Summary {
    entries: Box<[SummaryEntry]>,
    /// The first key of the SSTable.
    pub first: DecoratedKey,
    /// The last key of the SSTable.
    pub last: DecoratedKey,
}

/// A key, and where its entry begins in `Index.db`.
#[derive(Clone, Debug)]
pub struct SummaryEntry {
    /// The key.
    pub key: DecoratedKey,
    /// Where its entry begins.
    pub position: u64,
}

/// A key with its token.
pub fn decorate(key: Bytes) -> DecoratedKey {
    DecoratedKey { token: Token(token(&key)), key }
}

impl Summary {
    /// A summary of these entries, in the order of keys.
    pub fn new(entries: Vec<SummaryEntry>, first: DecoratedKey, last: DecoratedKey) -> Self {
        Self { entries: entries.into(), first, last }
    }

    /// Takes the content of the file.
    pub fn deserialize(content: &Bytes) -> Taken<Self> {
        let mut input = Input::new(content);
        input.i32()?;
        let count = input.length()?;
        let size = usize::try_from(input.i64()?).map_err(|_| Malformed::Wrong("a negative size"))?;
        input.skip(8)?;
        let body_start = input.position();
        let body = input.bytes(size)?;
        let offsets_size = count.checked_mul(4).filter(|n| *n <= size).ok_or(Malformed::Short(size))?;
        let offsets = body[..offsets_size].as_chunks::<4>().0;
        let offset = |i: usize| offsets.get(i).map_or(size, |offset| u32::from_le_bytes(*offset) as usize);
        let mut entries = Vec::with_capacity(count);
        for i in 0..count {
            const WRONG: Malformed = Malformed::Wrong("summary offsets out of order");
            let entry = body.get(offset(i)..offset(i + 1)).ok_or(WRONG)?;
            let (key, position) = entry.split_last_chunk::<8>().ok_or(WRONG)?;
            let start = body_start + offset(i);
            let key = decorate(content.slice(start..start + key.len()));
            entries.push(SummaryEntry { key, position: u64::from_le_bytes(*position) });
        }
        let mut key = || -> Taken<DecoratedKey> {
            let length = input.length()?;
            let start = input.position();
            input.skip(length)?;
            Ok(decorate(content.slice(start..start + length)))
        };
        let (first, last) = (key()?, key()?);
        if entries.is_empty() || !entries.is_sorted_by(|a, b| a.key < b.key) || first > last {
            return Err(Malformed::Wrong("summary keys out of order"));
        }
        Ok(Self { entries: entries.into(), first, last })
    }

    /// The part of `Index.db` that has a key's entry, where there is one: from and up to (none: its end).
    pub fn index_range(&self, key: &DecoratedKey) -> (u64, Option<u64>) {
        let next = self.entries.partition_point(|entry| entry.key <= *key);
        let from = next.checked_sub(1).map_or(0, |i| self.entries[i].position);
        (from, self.entries.get(next).map(|entry| entry.position))
    }

    /// Where to look in `Index.db` for the first key of at least that token.
    pub fn index_position(&self, token: Token) -> u64 {
        let next = self.entries.partition_point(|entry| entry.key.token < token);
        next.checked_sub(1).map_or(0, |i| self.entries[i].position)
    }

    /// The bytes it takes.
    pub fn memory_size(&self) -> usize {
        self.entries.iter().map(|entry| size_of::<SummaryEntry>() + entry.key.key.len()).sum()
    }
}
