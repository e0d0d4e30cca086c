//! The commit log in Cassandra's format: files, records, replay. See `docs/commitlog-format.md`.
//!
//! ```text
//! CommitLog-7-<id>.log
//! | version 4 | id 8 | length 2 | JSON parameters | crc 4 |        the descriptor
//! | next 4 | crc 4 | records                       |               a section: `next` is where the next one starts
//! | next 4 | crc 4 |                                               an empty section: a durability mark, see `reader`
//! | next 4 | crc 4 | records ...
//!
//! record: | size 4 | crc of size 4 | mutation | crc of size and mutation 4 |
//! ```

mod buffer;
mod compressed;
mod descriptor;
mod doubt;
mod intervals;
mod log;
mod reader;

pub use buffer::{CommitPosition, DirtyTables};
pub use compressed::{SegmentCompression, expand};
pub use descriptor::{Descriptor, segment_id};
pub use doubt::make_durable;
pub use intervals::Intervals;
pub use log::CommitLog;
pub use reader::{Damage, SegmentScan, scan_segment};

/// Bytes of a sync marker.
const MARKER_BYTES: usize = 8;
/// Bytes of a record besides its mutation (Cassandra: `ENTRY_OVERHEAD_SIZE`).
const RECORD_OVERHEAD_BYTES: usize = 12;

/// The sync marker at an offset of a segment: where the next one is, and the checksum of the segment's id and the
/// marker's own offset.
fn sync_marker(segment: i64, offset: u32, next: u32) -> [u8; MARKER_BYTES] {
    let mut marker = [0; MARKER_BYTES];
    marker[..4].copy_from_slice(&next.to_be_bytes());
    marker[4..].copy_from_slice(&marker_checksum(segment, offset).to_be_bytes());
    marker
}

fn marker_checksum(segment: i64, offset: u32) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&(segment as u32).to_be_bytes());
    crc.update(&((segment >> 32) as u32).to_be_bytes());
    crc.update(&offset.to_be_bytes());
    crc.finalize()
}

/// Appends a record; `write` appends the mutation.
pub fn write_record<E>(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let start = out.len();
    out.extend_from_slice(&[0; 8]);
    write(out)?;
    let size = u32::try_from(out.len() - start - 8).unwrap_or(u32::MAX).to_be_bytes();
    let mut crc = crc32fast::Hasher::new();
    crc.update(&size);
    out[start..start + 4].copy_from_slice(&size);
    let size_checksum = crc.clone().finalize().to_be_bytes();
    out[start + 4..start + 8].copy_from_slice(&size_checksum);
    crc.update(&out[start + 8..]);
    out.extend_from_slice(&crc.finalize().to_be_bytes());
    Ok(())
}
