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

/// Reads a segment. Where a record is damaged, the rest of its section is passed over; where a sync marker is,
/// everything up to the next one that is whole.
pub fn scan_segment(bytes: &[u8], id: i64, file_name: &str) -> SegmentScan {
    let mut scan =
        SegmentScan { descriptor: None, records: Vec::new(), damage: Vec::new(), marks: Vec::new() };
    let mut offset = match Descriptor::parse(bytes).filter(|(descriptor, _)| descriptor.id == id) {
        Some((descriptor, length)) => {
            scan.descriptor = Some(descriptor);
            length
        }
        None => {
            scan.damaged(0, format!("Could not read commit log descriptor in file {file_name}"));
            next_marker(bytes, id, 0)
        }
    };
    let has_marks = scan.descriptor.as_ref().is_none_or(Descriptor::has_marks);
    while offset < bytes.len() {
        match marker_at(bytes, id, offset) {
            Ok(Some(next)) => {
                if next == offset + MARKER_BYTES && has_marks {
                    scan.marks.push(offset as u32);
                }
                // The checksum does not cover where the next section starts: where this one ends early, it is sought.
                offset = match scan.read_section(bytes, offset + MARKER_BYTES..next, file_name) {
                    None => next,
                    Some(damaged) => next_marker(bytes, id, damaged),
                };
            }
            Ok(None) => return scan,
            Err(what) => {
                scan.damaged(offset, format!("{what} at position {offset} of commit log {file_name}"));
                offset = next_marker(bytes, id, offset + 1);
            }
        }
    }
    scan
}

/// Where the next section starts after the marker at `offset`; none where nothing was written from there on.
fn marker_at(bytes: &[u8], id: i64, offset: usize) -> Result<Option<usize>, &'static str> {
    let rest = bytes.get(offset..).unwrap_or_default();
    let Some(marker) = rest.first_chunk::<MARKER_BYTES>() else {
        let is_empty = rest.iter().all(|b| *b == 0);
        return if is_empty { Ok(None) } else { Err("Unexpected end of segment") };
    };
    let next = u32::from_be_bytes([marker[0], marker[1], marker[2], marker[3]]) as usize;
    let crc = u32::from_be_bytes([marker[4], marker[5], marker[6], marker[7]]);
    if next == 0 && crc == 0 {
        // Nothing was written from here on, unless the section was lost while later ones were not.
        let is_empty = rest.iter().all(|b| *b == 0);
        return if is_empty { Ok(None) } else { Err("Missing section") };
    }
    if crc != marker_checksum(id, offset as u32) {
        return Err("Encountered bad header, with invalid CRC");
    }
    if next < offset + MARKER_BYTES {
        return Err("Encountered bad header, with bad position but valid CRC");
    }
    Ok(Some(next))
}

/// The first offset from `start` on where a whole marker is; the end of the segment where there is none.
fn next_marker(bytes: &[u8], id: i64, start: usize) -> usize {
    (start..bytes.len())
        .find(|offset| bytes[*offset] != 0 || bytes.get(offset + 4).is_some_and(|b| *b != 0))
        .into_iter()
        .flat_map(|first| first..bytes.len())
        .find(|offset| matches!(marker_at(bytes, id, *offset), Ok(Some(next)) if next <= bytes.len()))
        .unwrap_or(bytes.len())
}

impl SegmentScan {
    fn damaged(&mut self, offset: usize, message: String) {
        self.damage.push(Damage { offset: offset as u32, message });
    }

    /// Reads the records of a section; says where it cannot be read any further.
    fn read_section(&mut self, bytes: &[u8], section: Range<usize>, file_name: &str) -> Option<usize> {
        let context = format!("Next section at {} in {file_name}", section.start);
        let mut offset = section.start;
        while offset < section.end {
            let available = bytes.get(offset..section.end.min(bytes.len())).unwrap_or_default();
            match record_at(available) {
                Ok(Record { size, is_whole }) => {
                    let end = offset + size + RECORD_OVERHEAD_BYTES;
                    if is_whole {
                        self.records.push((offset + 8..offset + 8 + size, end as u32));
                    } else {
                        self.damaged(offset, format!("Mutation checksum failure at {offset} in {context}"));
                    }
                    offset = end;
                }
                // Cassandra ends a segment with zeros, and leaves less than a size unused. We do neither.
                Err(_)
                    if available.iter().all(|b| *b == 0)
                        && !self.has_marks()
                        && section.end <= bytes.len() =>
                {
                    return None;
                }
                Err(what) => {
                    self.damaged(offset, format!("{what} at {offset} in {context}"));
                    return Some(offset);
                }
            }
        }
        None
    }

    fn has_marks(&self) -> bool {
        self.descriptor.as_ref().is_some_and(Descriptor::has_marks)
    }
}

/// A record: the bytes of its mutation, and whether their checksum is right.
struct Record {
    size: usize,
    is_whole: bool,
}

fn record_at(bytes: &[u8]) -> Result<Record, &'static str> {
    let header = bytes.first_chunk::<8>().ok_or("Unexpected end of segment")?;
    let size_bytes = [header[0], header[1], header[2], header[3]];
    let size = i32::from_be_bytes(size_bytes);
    // The least that a mutation takes, so that rubbish is not taken for one.
    let size = usize::try_from(size).ok().filter(|size| *size >= 10).ok_or("Invalid mutation size")?;
    let mut crc = crc32fast::Hasher::new();
    crc.update(&size_bytes);
    if crc.clone().finalize().to_be_bytes() != header[4..] {
        return Err("Mutation size checksum failure");
    }
    let record = bytes.get(..size + RECORD_OVERHEAD_BYTES).ok_or("Unexpected end of segment")?;
    let (mutation, stored) = record[8..].split_at(size);
    crc.update(mutation);
    Ok(Record { size, is_whole: crc.finalize().to_be_bytes() == stored })
}
