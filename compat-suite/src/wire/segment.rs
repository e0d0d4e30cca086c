//! The frames of version 5 (section 2.2 of its specification), not compressed:
//! `[payload length: 17 bits][self-contained: 1 bit]` little-endian in 3 bytes, their CRC24, the payload, its CRC32.

use std::io;

use super::invalid;

const PAYLOAD_BYTES_MAX: usize = (1 << 17) - 1;

fn crc24(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x0087_5060, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << 16, |crc, _| {
            let shifted = crc << 1;
            if shifted & 0x0100_0000 == 0 { shifted } else { shifted ^ 0x0197_4f0b }
        })
    })
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[0xfa, 0x2d, 0x55, 0xca]);
    hasher.update(bytes);
    hasher.finalize()
}

/// Wraps an envelope; one that is too large goes into several frames.
pub fn wrap(envelope: &[u8], out: &mut Vec<u8>) {
    let is_whole = envelope.len() <= PAYLOAD_BYTES_MAX;
    for payload in envelope.chunks(PAYLOAD_BYTES_MAX) {
        let bits = payload.len() as u32 | u32::from(is_whole) << 17;
        let header = bits.to_le_bytes();
        let header = header.get(..3).unwrap_or_default();
        out.extend_from_slice(header);
        out.extend_from_slice(crc24(header).to_le_bytes().get(..3).unwrap_or_default());
        out.extend_from_slice(payload);
        out.extend_from_slice(&crc32(payload).to_le_bytes());
    }
}

/// Takes the payload of the first frame off the input; none while it is not complete.
pub fn unwrap(input: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    let Some(&[a, b, c, d, e, f]) = input.first_chunk() else { return Ok(None) };
    if crc24(&[a, b, c]) != u32::from_le_bytes([d, e, f, 0]) {
        return Err(invalid("the checksum of a frame's header is wrong"));
    }
    let length = (u32::from_le_bytes([a, b, c, 0]) & 0x1_ffff) as usize;
    let (Some(payload), Some(checksum)) = (input.get(6..6 + length), input.get(6 + length..10 + length))
    else {
        return Ok(None);
    };
    if crc32(payload).to_le_bytes() != checksum {
        return Err(invalid("the checksum of a frame's payload is wrong"));
    }
    let payload = payload.to_vec();
    input.drain(..10 + length);
    Ok(Some(payload))
}
