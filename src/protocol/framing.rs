//! The frames that version 5 wraps envelopes in after STARTUP (section 2.2 of its specification).
//!
//! ```text
//! plain   3 bytes little-endian: payload length (17 bits), self-contained (1 bit)      then CRC24 of these 3 bytes
//! lz4     5 bytes little-endian: compressed length (17), uncompressed length (17), self-contained (1), then CRC24
//!         payload                                                                      then CRC32 of the payload
//! ```
//! A self-contained frame holds whole envelopes; an envelope that is too large for a frame goes into several frames
//! that are not. An uncompressed length of 0 means that the payload is not compressed.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::compression::append;
use super::crc::{crc24, crc32};

/// Payload bytes of the frames that we send, as Cassandra's `Flusher.MAX_FRAMED_PAYLOAD_SIZE`.
pub const PAYLOAD_BYTES_MAX: usize = (1 << 17) - 12;

const LENGTH_MASK: u64 = 0x1_FFFF;
const CHECKSUM_BYTES: usize = 3;
const TRAILER_BYTES: usize = 4;

/// A frame's payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its bytes, uncompressed.
    pub payload: Bytes,
    /// Whether it holds whole envelopes.
    pub self_contained: bool,
}

/// A frame that is damaged: the connection cannot go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Corrupt {
    /// The header's checksum: as read, as computed.
    Header(u32, u32),
    /// The payload's checksum: as read, as computed.
    Body(u32, u32),
    /// The checksums are right, but the LZ4 block is not.
    Compressed,
}

impl Corrupt {
    /// Cassandra's message; `id` stands for the connection.
    pub fn message(&self, id: u32) -> String {
        let (part, read, computed) = match *self {
            Corrupt::Header(read, computed) => ("header", read, computed),
            Corrupt::Body(read, computed) => ("body", read, computed),
            Corrupt::Compressed => {
                return format!(
                    "{id:08x} invalid, the payload of a frame does not appear to be LZ4 compressed"
                );
            }
        };
        let (read, computed) = (read as i32, computed as i32);
        format!(
            "{id:08x} invalid, unrecoverable CRC mismatch detected in frame {part}. Read {read}, Computed {computed}"
        )
    }
}

/// Header fields of a frame, without the checksum.
fn header_bytes(lz4: bool) -> usize {
    if lz4 { 5 } else { 3 }
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Takes the next frame off the input; None if it is not complete yet.
pub fn decode(input: &mut BytesMut, lz4: bool) -> Result<Option<Frame>, Corrupt> {
    let fields = header_bytes(lz4);
    let header = fields + CHECKSUM_BYTES;
    let (Some(covered), Some(checksum)) = (input.get(..fields), input.get(fields..header)) else {
        return Ok(None);
    };
    let (read, computed) = (little_endian(checksum) as u32, crc24(covered));
    if read != computed {
        return Err(Corrupt::Header(read, computed));
    }
    let bits = little_endian(covered);
    let length = (bits & LENGTH_MASK) as usize;
    let (uncompressed, self_contained) = match lz4 {
        true => ((bits >> 17 & LENGTH_MASK) as usize, bits >> 34 & 1 == 1),
        false => (0, bits >> 17 & 1 == 1),
    };
    if input.len() < header + length + TRAILER_BYTES {
        input.reserve(header + length + TRAILER_BYTES - input.len());
        return Ok(None);
    }
    let mut frame = input.split_to(header + length + TRAILER_BYTES).freeze();
    frame.advance(header);
    let payload = frame.split_to(length);
    let (read, computed) = (little_endian(&frame) as u32, crc32(&payload));
    if read != computed {
        return Err(Corrupt::Body(read, computed));
    }
    if uncompressed == 0 {
        return Ok(Some(Frame { payload, self_contained }));
    }
    let mut plain = vec![0; uncompressed];
    match lz4_flex::block::decompress_into(&payload, &mut plain) {
        Ok(written) if written == uncompressed => Ok(Some(Frame { payload: plain.into(), self_contained })),
        _ => Err(Corrupt::Compressed),
    }
}

fn put_little_endian(out: &mut BytesMut, number: u64, bytes: usize) {
    out.extend_from_slice(number.to_le_bytes().get(..bytes).unwrap_or_default());
}

/// Bytes of a header with its checksum, of a frame that is not compressed.
pub const PLAIN_HEADER_BYTES: usize = 6;

/// Completes a frame whose payload was written in place: `out[start..]` is space for the header, then the payload.
pub fn finish_plain(out: &mut BytesMut, start: usize, self_contained: bool) {
    let payload_start = start + PLAIN_HEADER_BYTES;
    let payload = out.get(payload_start..).unwrap_or_default();
    let checksum = crc32(payload);
    let fields = (payload.len() as u32 | u32::from(self_contained) << 17).to_le_bytes();
    let [a, b, c, _] = fields;
    let [d, e, f, _] = crc24(&[a, b, c]).to_le_bytes();
    if let Some(space) = out.get_mut(start..payload_start) {
        space.copy_from_slice(&[a, b, c, d, e, f]);
    }
    out.put_u32_le(checksum);
}

/// Appends a frame with this payload of at most [`PAYLOAD_BYTES_MAX`] bytes.
pub fn encode(out: &mut BytesMut, payload: &[u8], self_contained: bool, lz4: bool) {
    let start = out.len();
    if !lz4 {
        out.put_bytes(0, PLAIN_HEADER_BYTES);
        out.extend_from_slice(payload);
        finish_plain(out, start, self_contained);
        return;
    }
    let header = header_bytes(true) + CHECKSUM_BYTES;
    out.put_bytes(0, header);
    append(out, lz4_flex::block::get_maximum_output_size(payload.len()), |space| {
        lz4_flex::block::compress_into(payload, space).unwrap_or(usize::MAX)
    });
    let mut uncompressed = payload.len() as u64;
    if out.len() - start - header >= payload.len() {
        out.truncate(start + header);
        out.extend_from_slice(payload);
        uncompressed = 0;
    }
    let written = out.get(start + header..).unwrap_or_default();
    let checksum = crc32(written);
    let bits = written.len() as u64 | uncompressed << 17 | u64::from(self_contained) << 34;
    let mut fields = BytesMut::with_capacity(header);
    put_little_endian(&mut fields, bits, header_bytes(true));
    let header_checksum = u64::from(crc24(&fields));
    put_little_endian(&mut fields, header_checksum, CHECKSUM_BYTES);
    if let Some(space) = out.get_mut(start..start + header) {
        space.copy_from_slice(&fields);
    }
    out.put_u32_le(checksum);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test")]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn round_trip(payload in proptest::collection::vec(any::<u8>(), 0..3000), repeat in 1..40usize,
                      self_contained: bool, lz4: bool, cut in 0..100usize) {
            let payload = payload.repeat(repeat);
            prop_assume!(payload.len() <= PAYLOAD_BYTES_MAX);
            let mut wire = BytesMut::new();
            encode(&mut wire, &payload, self_contained, lz4);
            let mut partial = BytesMut::from(&wire[..wire.len() * cut / 100]);
            prop_assert_eq!(decode(&mut partial, lz4), Ok(None));
            let frame = decode(&mut wire, lz4).unwrap().unwrap();
            prop_assert!(wire.is_empty());
            prop_assert_eq!(&frame.payload[..], &payload[..]);
            prop_assert_eq!(frame.self_contained, self_contained);
        }

        #[test]
        fn a_flipped_bit_is_noticed(payload in proptest::collection::vec(any::<u8>(), 1..300), lz4: bool,
                                    at in any::<prop::sample::Index>(), bit in 0..8) {
            let mut wire = BytesMut::new();
            encode(&mut wire, &payload, true, lz4);
            let at = at.index(wire.len());
            wire[at] ^= 1u8 << bit;
            prop_assert!(decode(&mut wire, lz4).is_err());
        }

        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), lz4: bool) {
            let _ = decode(&mut BytesMut::from(&bytes[..]), lz4);
        }
    }
}
