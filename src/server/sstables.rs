//! What nodetool asks of single SSTables: which hold a key, and to compact some of them.

use std::path::Path;

use bytes::{BufMut, Bytes, BytesMut};

use crate::schema::{TableId, TableMetadata};
use crate::storage::model::{DecoratedKey, Token};
use crate::storage::sstable::{Component, Descriptor, SSTableReader};
use crate::storage::{IoMode, Storage, StorageError};
use crate::types::token;

/// A partition key from its text, as `AbstractType.fromString` reads it: components of several columns are separated
/// by colons, and a colon in one of them is written `\:`.
fn partition_key(table: &TableMetadata, text: &str, is_hex: bool) -> Result<DecoratedKey, StorageError> {
    let invalid = |why: String| StorageError::Invalid(why);
    let key = match table.partition_key.as_slice() {
        _ if is_hex => hex(text).ok_or_else(|| invalid(format!("An hex string is expected, not {text}")))?,
        [one] => Bytes::from(one.cql_type.from_string(text).map_err(|e| invalid(e.0))?),
        columns => {
            let parts = components(text);
            if parts.len() != columns.len() {
                let (wanted, given) = (columns.len(), parts.len());
                return Err(invalid(format!(
                    "The partition key has {wanted} components, not {given}: {text}"
                )));
            }
            let mut key = BytesMut::new();
            for (column, part) in columns.iter().zip(parts) {
                let value = column.cql_type.from_string(&part).map_err(|e| invalid(e.0))?;
                key.put_u16(u16::try_from(value.len()).map_err(|e| invalid(e.to_string()))?);
                key.put_slice(&value);
                key.put_u8(0);
            }
            key.freeze()
        }
    };
    Ok(DecoratedKey { token: Token(token::token(&key)), key })
}

fn components(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match (c, parts.last_mut()) {
            (':', _) => parts.push(String::new()),
            ('\\', Some(part)) if rest.peek() == Some(&':') => part.extend(rest.next()),
            (c, Some(part)) => part.push(c),
            (_, None) => {}
        }
    }
    parts
}

fn hex(text: &str) -> Option<Bytes> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    digits.chunks_exact(2).map(|pair| u8::try_from(pair.iter().fold(0, |n, d| n * 16 + d)).ok()).collect()
}

/// The data files of a table that hold a key, with their levels.
pub(super) fn with_key(
    storage: &Storage,
    table: TableId,
    key: &str,
    is_hex: bool,
) -> Result<Vec<(u32, String)>, StorageError> {
    let Some(store) = storage.table(table) else { return Ok(Vec::new()) };
    let key = partition_key(&store.metadata(), key, is_hex)?;
    let mut found = Vec::new();
    for sstable in store.files().sstables().iter() {
        if sstable.may_contain(&key) && sstable.position(&key, IoMode::Blocking)?.is_some() {
            let path = sstable.descriptor().path(Component::Data);
            found.push((u32::try_from(sstable.stats().level).unwrap_or(0), path.display().to_string()));
        }
    }
    Ok(found)
}

/// Compacts what has tokens from `start` to `end`, around the ring where that is the greater one.
pub(super) fn compact_tokens(
    storage: &Storage,
    tables: &[TableId],
    start: i64,
    end: i64,
) -> Result<(), StorageError> {
    let select = |sstable: &SSTableReader| {
        let (first, last) = (sstable.first_key().token.0, sstable.last_key().token.0);
        if start <= end { last >= start && first <= end } else { last >= start || first <= end }
    };
    tables.iter().try_for_each(|table| storage.compact_where(*table, select))
}

/// Compacts what may have a partition.
pub(super) fn compact_partition(
    storage: &Storage,
    tables: &[TableId],
    key: &str,
) -> Result<(), StorageError> {
    for table in tables {
        let Some(store) = storage.table(*table) else { continue };
        let key = partition_key(&store.metadata(), key, false)?;
        storage.compact_where(*table, |sstable| sstable.may_contain(&key))?;
    }
    Ok(())
}

/// Compacts these files with each other, those of each table by themselves.
pub(super) fn compact_files(storage: &Storage, files: &[String]) -> Result<(), StorageError> {
    let mut wanted = Vec::new();
    for file in files.iter().flat_map(|file| file.split(',')).map(str::trim).filter(|file| !file.is_empty()) {
        match Descriptor::parse(Path::new(file)) {
            Some((descriptor, _)) => wanted.push(descriptor),
            None => return Err(StorageError::Invalid(format!("{file} is not an SSTable's file"))),
        }
    }
    let is_wanted = |sstable: &SSTableReader| wanted.contains(sstable.descriptor());
    for store in storage.tables() {
        if store.files().sstables().iter().any(|sstable| is_wanted(sstable)) {
            storage.compact_where(store.id(), is_wanted)?;
        }
    }
    Ok(())
}
