//! Appending values in Java's form to a buffer.

use bytes::{BufMut, BytesMut};

use super::input::stored_local_deletion_time;
use crate::storage::model::DeletionTime;

/// Bytes after their length in two bytes. Longer ones are the caller's mistake.
pub fn put_short_bytes(out: &mut BytesMut, bytes: &[u8]) {
    out.put_u16(u16::try_from(bytes.len()).expect("keys and clustering values have at most 64 KiB"));
    out.put_slice(bytes);
}

/// Text as `DataOutput.writeUTF` has it.
pub fn put_utf(out: &mut BytesMut, text: &str) {
    put_short_bytes(out, text.as_bytes());
}

/// A deletion in the form of versions before `oa`.
pub fn put_deletion_time(out: &mut BytesMut, deletion: DeletionTime) {
    out.put_i32(stored_local_deletion_time(deletion.local_deletion_time));
    out.put_i64(deletion.marked_for_delete_at);
}
