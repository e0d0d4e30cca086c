//! Reads a segment, which may be damaged.
//!
//! Sections are written as they come, without waiting for the disk. After a sync an empty section follows: a
//! durability mark. When a mark is there, the sync before it was complete: everything before the mark that the
//! sync started with, the one before, is durable. So damage before the last mark but one is damage of what was
//! durable; damage after it may be a write that a power cut tore.

use std::ops::Range;

use super::descriptor::Descriptor;
use super::{MARKER_BYTES, RECORD_OVERHEAD_BYTES, marker_checksum};

/// What was found wrong in a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where, in bytes.
    pub offset: u32,
    /// What, in Cassandra's words.
    pub message: String,
}

/// What a segment holds.
#[derive(Clone, Debug)]
pub struct SegmentScan {
    /// The descriptor; none where it cannot be read.
    pub descriptor: Option<Descriptor>,
    /// Where the mutations of the records are whose checksums are right, and where each record ends.
    pub records: Vec<(Range<usize>, u32)>,
    /// What was found wrong.
    pub damage: Vec<Damage>,
    /// Where durability marks start.
    pub marks: Vec<u32>,
}

/// Reads a segment. Where a record is damaged, the rest of its section is passed over; where a sync marker is, the
/// rest of the segment.
pub fn scan_segment(bytes: &[u8], file_name: &str) -> SegmentScan {
    let mut scan =
        SegmentScan { descriptor: None, records: Vec::new(), damage: Vec::new(), marks: Vec::new() };
    let Some((descriptor, header_len)) = Descriptor::parse(bytes) else {
        scan.damaged(0, format!("Could not read commit log descriptor in file {file_name}"));
        return scan;
    };
    let id = descriptor.id;
    let has_marks = descriptor.has_marks();
    scan.descriptor = Some(descriptor);
    let mut offset = header_len;
    loop {
        let Some(marker) = bytes.get(offset..).and_then(|rest| rest.first_chunk::<MARKER_BYTES>()) else {
            if bytes.get(offset..).is_some_and(|rest| rest.iter().any(|b| *b != 0)) {
                scan.damaged(offset, format!("Unexpected end of segment at {offset} in {file_name}"));
            }
            return scan;
        };
        let next = u32::from_be_bytes([marker[0], marker[1], marker[2], marker[3]]) as usize;
        let crc = u32::from_be_bytes([marker[4], marker[5], marker[6], marker[7]]);
        if next == 0 && crc == 0 {
            // Nothing was written from here on, unless the section was lost while later ones were not.
            if bytes[offset..].iter().any(|b| *b != 0) {
                scan.damaged(offset, format!("Missing section at position {offset} of commit log {file_name}"));
            }
            return scan;
        }
        if crc != marker_checksum(id, offset as u32) {
            scan.damaged(
                offset,
                format!(
                    "Encountered bad header at position {offset} of commit log {file_name}, with invalid CRC. The \
                     end of segment marker should be zero."
                ),
            );
            return scan;
        }
        if next < offset + MARKER_BYTES {
            scan.damaged(
                offset,
                format!(
                    "Encountered bad header at position {offset} of commit log {file_name}, with bad position but \
                     valid CRC"
                ),
            );
            return scan;
        }
        if next == offset + MARKER_BYTES && has_marks {
            scan.marks.push(offset as u32);
        }
        scan.read_section(bytes, offset + MARKER_BYTES..next, file_name);
        offset = next;
    }
}

impl SegmentScan {
    fn damaged(&mut self, offset: usize, message: String) {
        self.damage.push(Damage { offset: offset as u32, message });
    }

    fn read_section(&mut self, bytes: &[u8], section: Range<usize>, file_name: &str) {
        let context = format!("Next section at {} in {file_name}", section.start);
        let mut offset = section.start;
        while offset < section.end {
            let available = bytes.get(offset..section.end.min(bytes.len())).unwrap_or_default();
            let Some(header) = available.first_chunk::<8>() else {
                // Cassandra leaves less than a size at the end of a segment.
                if available.len() >= 4 || section.end > bytes.len() {
                    self.damaged(offset, format!("Unexpected end of segment at {offset} in {context}"));
                }
                return;
            };
            let size_bytes = [header[0], header[1], header[2], header[3]];
            let size = i32::from_be_bytes(size_bytes);
            if size == 0 {
                // Cassandra's end of a segment. In ours, a section has no zeros: it was lost.
                if available.iter().any(|b| *b != 0) || self.descriptor.as_ref().is_some_and(Descriptor::has_marks) {
                    self.damaged(offset, format!("Missing mutation at {offset} in {context}"));
                }
                return;
            }
            let Some(size) = usize::try_from(size).ok().filter(|size| *size >= 10) else {
                self.damaged(offset, format!("Invalid mutation size {size} at {offset} in {context}"));
                return;
            };
            let mut crc = crc32fast::Hasher::new();
            crc.update(&size_bytes);
            if crc.clone().finalize().to_be_bytes() != header[4..] {
                self.damaged(offset, format!("Mutation size checksum failure at {offset} in {context}"));
                return;
            }
            let Some(record) = available.get(..size + RECORD_OVERHEAD_BYTES) else {
                self.damaged(offset, format!("Unexpected end of segment at {offset} in {context}"));
                return;
            };
            let (mutation, stored) = record[8..].split_at(size);
            crc.update(mutation);
            let end = offset + record.len();
            if crc.finalize().to_be_bytes() == stored {
                self.records.push((offset + 8..offset + 8 + size, end as u32));
            } else {
                self.damaged(offset, format!("Mutation checksum failure at {offset} in {context}"));
            }
            offset = end;
        }
    }
}
