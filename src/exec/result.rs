//! Results: rows are in wire form already, in a buffer that goes back to a pool.

use std::cell::RefCell;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::options::StatementId;
use crate::types::CqlType;

/// A column of a result, or a bind marker.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnSpec {
    /// Its keyspace.
    pub keyspace: Arc<str>,
    /// Its table.
    pub table: Arc<str>,
    /// Its name as the client sees it.
    pub name: Arc<str>,
    /// Its type.
    pub ty: CqlType,
}

/// The columns of a result, shared by every response to the same statement.
#[derive(Debug, Default)]
pub struct Columns {
    specs: Vec<ColumnSpec>,
    same_table: bool,
    /// Wire form of the specifications for each protocol version, made at first use.
    pub(crate) wire: [OnceLock<Bytes>; 3],
}

impl Columns {
    /// Columns in the order of the result.
    pub fn new(specs: Vec<ColumnSpec>) -> Arc<Columns> {
        let same_table = specs.first().is_some_and(|first| {
            specs.iter().all(|spec| spec.keyspace == first.keyspace && spec.table == first.table)
        });
        Arc::new(Columns { specs, same_table, wire: Default::default() })
    }

    /// The specifications in order.
    pub fn specs(&self) -> &[ColumnSpec] {
        &self.specs
    }

    /// True if there is at least one column and all are of one table, so that its name is sent once.
    pub fn same_table(&self) -> bool {
        self.same_table
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.specs.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.specs.is_empty()
    }
}

/// Metadata of rows, as `cql3.ResultSet.ResultMetadata`.
#[derive(Debug, Clone, Default)]
pub struct ResultMetadata {
    /// The columns.
    pub columns: Arc<Columns>,
    /// Where the next page starts, if there is one.
    pub paging_state: Option<Bytes>,
    /// The id of this metadata, if it differs from the one that the client sent (version 5).
    pub new_metadata_id: Option<StatementId>,
    /// Leave the columns out: the client asked so, and knows them.
    pub no_metadata: bool,
}

impl ResultMetadata {
    /// Metadata of a result that has these columns and no further page.
    pub fn new(columns: Arc<Columns>) -> Self {
        ResultMetadata { columns, ..ResultMetadata::default() }
    }

    /// Metadata of a statement that gives no rows, as `ResultMetadata.EMPTY`.
    pub fn empty() -> Self {
        ResultMetadata { no_metadata: true, ..ResultMetadata::default() }
    }
}

/// Metadata of bind markers, as `cql3.ResultSet.PreparedMetadata`.
#[derive(Debug, Clone, Default)]
pub struct PreparedMetadata {
    /// The bind markers in order.
    pub columns: Arc<Columns>,
    /// For each column of the partition key, the marker that binds it; empty if not all are bound by markers.
    pub partition_key_indexes: Arc<[u16]>,
}

/// Rows in wire form: a row count of four bytes, then each value as length and bytes.
#[derive(Debug, Default)]
pub struct RowsContent {
    buffer: Vec<u8>,
    rows: u32,
}

/// Buffers larger than this are freed, not kept.
const POOLED_BYTES_MAX: usize = 256 * 1024;
/// How many buffers each thread keeps.
const POOLED_COUNT_MAX: usize = 64;

thread_local! {
    static POOL: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

impl RowsContent {
    /// The wire form.
    pub fn as_bytes(&self) -> &[u8] {
        if self.buffer.is_empty() { &[0; 4] } else { &self.buffer }
    }

    /// How many rows there are.
    pub fn row_count(&self) -> u32 {
        self.rows
    }

    /// The values row after row, for callers within the process.
    pub fn values(&self) -> impl Iterator<Item = Option<&[u8]>> {
        let mut rest = self.buffer.get(4..).unwrap_or_default();
        std::iter::from_fn(move || {
            let (length, tail) = rest.split_first_chunk::<4>()?;
            match usize::try_from(i32::from_be_bytes(*length)) {
                Err(_) => {
                    rest = tail;
                    Some(None)
                }
                Ok(length) => {
                    let (value, tail) = tail.split_at_checked(length)?;
                    rest = tail;
                    Some(Some(value))
                }
            }
        })
    }
}

impl Drop for RowsContent {
    fn drop(&mut self) {
        let mut buffer = std::mem::take(&mut self.buffer);
        if buffer.capacity() == 0 || buffer.capacity() > POOLED_BYTES_MAX {
            return;
        }
        buffer.clear();
        // The thread may be ending: then the buffer is just freed.
        let _ = POOL.try_with(|pool| {
            if let Ok(mut pool) = pool.try_borrow_mut()
                && pool.len() < POOLED_COUNT_MAX
            {
                pool.push(buffer);
            }
        });
    }
}

/// Writes rows into wire form, value by value; each row has as many values as the metadata has columns.
#[derive(Debug)]
pub struct RowsWriter {
    content: RowsContent,
}

impl Default for RowsWriter {
    fn default() -> Self {
        RowsWriter::new()
    }
}

impl RowsWriter {
    /// A writer of no rows yet.
    pub fn new() -> Self {
        let pooled = POOL.try_with(|pool| pool.try_borrow_mut().ok().and_then(|mut pool| pool.pop()));
        let mut buffer = pooled.ok().flatten().unwrap_or_else(|| Vec::with_capacity(1024));
        buffer.extend_from_slice(&[0; 4]);
        RowsWriter { content: RowsContent { buffer, rows: 0 } }
    }

    /// Begins the next row.
    #[inline]
    pub fn begin_row(&mut self) {
        self.content.rows += 1;
    }

    /// Writes the row's next value; None is NULL.
    #[inline]
    pub fn value(&mut self, value: Option<&[u8]>) {
        match value {
            None => self.content.buffer.extend_from_slice(&(-1_i32).to_be_bytes()),
            Some(bytes) => {
                self.content.buffer.reserve(4 + bytes.len());
                self.content.buffer.extend_from_slice(&(bytes.len() as i32).to_be_bytes());
                self.content.buffer.extend_from_slice(bytes);
            }
        }
    }

    /// Writes values that are in wire form already.
    #[inline]
    pub fn wire(&mut self, values: &[u8]) {
        self.content.buffer.extend_from_slice(values);
    }

    /// Writes the row's next value by letting `write` append it to the buffer; its length is filled in afterwards.
    pub fn value_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.content.buffer.len();
        self.content.buffer.extend_from_slice(&[0; 4]);
        write(&mut self.content.buffer);
        let length = self.content.buffer.len().saturating_sub(start + 4) as i32;
        if let Some(place) = self.content.buffer.get_mut(start..start + 4) {
            place.copy_from_slice(&length.to_be_bytes());
        }
    }

    /// Rows begun so far.
    pub fn row_count(&self) -> u32 {
        self.content.rows
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.content.buffer.len()
    }

    /// True before the first row.
    pub fn is_empty(&self) -> bool {
        self.content.rows == 0
    }

    /// The finished rows.
    pub fn finish(mut self) -> RowsContent {
        let count = self.content.rows;
        if let Some(place) = self.content.buffer.get_mut(..4) {
            place.copy_from_slice(&count.to_be_bytes());
        }
        self.content
    }
}

/// A result that has rows.
#[derive(Debug)]
pub struct Rows {
    /// What the columns are.
    pub metadata: ResultMetadata,
    /// The values.
    pub content: RowsContent,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_written_in_wire_form() {
        let mut writer = RowsWriter::new();
        for value in [Some(&b"ab"[..]), None] {
            writer.begin_row();
            writer.value(value);
        }
        writer.begin_row();
        writer.value_with(|out| out.extend_from_slice(b"xyz"));
        let content = writer.finish();
        assert_eq!(content.as_bytes(), b"\0\0\0\x03\0\0\0\x02ab\xff\xff\xff\xff\0\0\0\x03xyz");
        assert_eq!(content.values().collect::<Vec<_>>(), [Some(&b"ab"[..]), None, Some(&b"xyz"[..])]);
        drop(content);
        assert_eq!(RowsWriter::new().finish().as_bytes(), [0; 4]);
        assert_eq!(RowsContent::default().as_bytes(), [0; 4]);
    }
}
