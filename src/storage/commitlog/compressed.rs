//! Compressed segments (Cassandra: `CompressedSegment`, `CommitLogSegmentReader.CompressedSegmenter`).
//!
//! ```text
//! | descriptor | section ... |
//! section: | next 4 | crc 4 | uncompressed length 4 | compressed records |
//! ```
//!
//! `next` and the offset under the checksum are those in the file. Places in the commit log are those that the
//! segment would have uncompressed, without the lengths: so a segment is expanded to that form before it is read.

use std::borrow::Cow;

use super::descriptor::Descriptor;
use super::{MARKER_BYTES, marker_checksum, sync_marker};
use crate::storage::sstable::Compressor;

/// Bytes of the uncompressed length behind a sync marker.
const LENGTH_BYTES: usize = 4;
/// More than any section has: what a damaged length says must not be reserved.
const SECTION_BYTES_MAX: usize = 256 << 20;
/// What stands where something could not be read: it is neither a marker nor a record.
const UNREADABLE: u8 = 0xff;

/// How segments are compressed (`commitlog_compression`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentCompression {
    /// The class, as the configuration names it.
    pub class: String,
    /// Its parameters.
    pub parameters: Vec<(String, String)>,
    /// The compressor that this means.
    pub compressor: Compressor,
}

impl SegmentCompression {
    /// The compression of that class; none where the class is not known.
    pub fn new(class: &str, parameters: &[(String, String)]) -> Option<Self> {
        let compressor = Compressor::of_class(class, parameters)?;
        Some(Self { class: class.to_owned(), parameters: parameters.to_vec(), compressor })
    }

    /// The section of a file for these records, whose sync marker stands at `offset`.
    pub fn section(&self, segment: i64, offset: u32, records: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut section = vec![0; MARKER_BYTES];
        let length = u32::try_from(records.len()).map_err(std::io::Error::other)?;
        section.extend_from_slice(&length.to_be_bytes());
        self.compressor.compress(records, &mut section)?;
        let end = u32::try_from(section.len()).ok().and_then(|length| offset.checked_add(length));
        let end = end.ok_or_else(|| std::io::Error::other("the segment is too large"))?;
        section[..MARKER_BYTES].copy_from_slice(&sync_marker(segment, offset, end));
        Ok(section)
    }
}

/// A segment as it would be uncompressed; itself, where it is not compressed. What cannot be read is filled with bytes
/// that no reader takes for anything. An unknown compressor gives its class.
pub fn expand(bytes: &[u8], id: i64) -> Result<Cow<'_, [u8]>, String> {
    let Some((descriptor, header_bytes)) = Descriptor::parse(bytes).filter(|(found, _)| found.id == id)
    else {
        return Ok(Cow::Borrowed(bytes));
    };
    let Some(class) = descriptor.compression() else { return Ok(Cow::Borrowed(bytes)) };
    let compressor = Compressor::of_class(class, &[]).ok_or_else(|| class.to_owned())?;
    let mut image = bytes[..header_bytes].to_vec();
    let mut offset = header_bytes;
    while let Some(section) = next_section(bytes, id, offset) {
        let Some(section) = section else {
            image.extend_from_slice(&[UNREADABLE; MARKER_BYTES]);
            break;
        };
        let start = image.len();
        let end = start + MARKER_BYTES + section.length;
        let (Ok(at), Ok(next)) = (u32::try_from(start), u32::try_from(end)) else { break };
        image.extend_from_slice(&sync_marker(id, at, next));
        let compressed = bytes.get(section.compressed..section.next);
        match compressed.map(|compressed| compressor.decompress(compressed, section.length)) {
            Some(Ok(records)) if records.len() == section.length => image.extend_from_slice(&records),
            _ => image.resize(end, UNREADABLE),
        }
        offset = section.next;
    }
    Ok(Cow::Owned(image))
}

/// Where a section is in the file, and how long it is uncompressed.
struct Section {
    compressed: usize,
    next: usize,
    length: usize,
}

/// The section at an offset: none where nothing was written from there on, `Some(None)` where it cannot be found.
fn next_section(bytes: &[u8], id: i64, offset: usize) -> Option<Option<Section>> {
    let rest = bytes.get(offset..)?;
    if rest.iter().all(|byte| *byte == 0) {
        return None;
    }
    Some((|| {
        let (marker, rest) = rest.split_first_chunk::<MARKER_BYTES>()?;
        let [a, b, c, d, checksum @ ..] = *marker;
        let next = u32::from_be_bytes([a, b, c, d]) as usize;
        let compressed = offset + MARKER_BYTES + LENGTH_BYTES;
        let is_marker = u32::from_be_bytes(checksum) == marker_checksum(id, u32::try_from(offset).ok()?);
        let length = usize::try_from(i32::from_be_bytes(*rest.first_chunk::<LENGTH_BYTES>()?)).ok()?;
        (is_marker && next >= compressed && length <= SECTION_BYTES_MAX).then_some(Section {
            compressed,
            next,
            length,
        })
    })())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test")]

    use super::super::{scan_segment, write_record};
    use super::*;

    const ID: i64 = 1_700_000_000_123;

    fn records(from: u8) -> Vec<u8> {
        let mut out = Vec::new();
        for i in from..from + 3 {
            write_record::<()>(&mut out, |out| {
                out.extend_from_slice(&[i; 100]);
                Ok(())
            })
            .unwrap();
        }
        out
    }

    /// A segment of two sections, and where the second one starts.
    fn segment(class: &str) -> (Vec<u8>, usize) {
        let compression = SegmentCompression::new(class, &[]).unwrap();
        let mut bytes = Descriptor::new(ID, ID).compressed(Some(&compression)).to_bytes();
        let mut second = 0;
        for from in [0, 3] {
            second = bytes.len();
            let at = u32::try_from(bytes.len()).unwrap();
            bytes.extend(compression.section(ID, at, &records(from)).unwrap());
        }
        (bytes, second)
    }

    fn firsts(bytes: &[u8]) -> (Vec<u8>, usize) {
        let image = expand(bytes, ID).unwrap();
        let scan = scan_segment(&image, ID, "f");
        (scan.records.iter().map(|(range, _)| image[range.start]).collect(), scan.damage.len())
    }

    #[test]
    fn every_compressor_is_read() {
        for class in
            ["LZ4Compressor", "org.apache.cassandra.io.compress.SnappyCompressor", "DeflateCompressor"]
                .into_iter()
                .chain(["ZstdCompressor", "NoopCompressor"])
        {
            assert_eq!(firsts(&segment(class).0), (vec![0, 1, 2, 3, 4, 5], 0), "{class}");
        }
    }

    #[test]
    fn places_are_those_of_the_uncompressed_segment() {
        let (bytes, _) = segment("LZ4Compressor");
        let header = Descriptor::parse(&bytes).unwrap().1;
        let image = expand(&bytes, ID).unwrap();
        let ends: Vec<usize> =
            scan_segment(&image, ID, "f").records.iter().map(|(_, end)| *end as usize).collect();
        let section = |n: usize| header + n * (MARKER_BYTES + 3 * 112) + MARKER_BYTES;
        assert_eq!(ends, [0, 1].map(|n| [1, 2, 3].map(|r| section(n) + r * 112)).concat());
    }

    #[test]
    fn damage_is_seen_and_the_rest_is_read() {
        let (bytes, second) = segment("LZ4Compressor");
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x40;
            let (found, damage) = firsts(&damaged);
            assert!(damage > 0 && found.len() < 6, "byte {at}");
            if at >= second {
                assert!(found.starts_with(&[0, 1, 2]), "byte {at}: {found:?}");
            }
        }
        for end in second..bytes.len() {
            assert_eq!(firsts(&bytes[..end]).0, [0, 1, 2]);
        }
    }

    #[test]
    fn an_unknown_compressor_is_named() {
        let mut compression = SegmentCompression::new("LZ4Compressor", &[]).unwrap();
        compression.class = "x.Y".to_owned();
        let bytes = Descriptor::new(ID, ID).compressed(Some(&compression)).to_bytes();
        assert_eq!(expand(&bytes, ID), Err("x.Y".to_owned()));
    }
}
