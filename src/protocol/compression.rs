//! Compression of bodies in versions 3 and 4 (section 5 of their specifications).
//!
//! LZ4 bodies begin with their uncompressed length, four bytes big-endian, and go on as one LZ4 block; Snappy bodies
//! hold their length themselves. Version 5 compresses frames instead: see [`super::framing`].

use bytes::{BufMut, Bytes, BytesMut};

use crate::cql::Error;

/// How bodies are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// `lz4`.
    Lz4,
    /// `snappy`, not in version 5.
    Snappy,
}

/// No body may be larger than this, compressed or not (section 2 of the specification: 256 MiB).
const BODY_BYTES_MAX: usize = 256 * 1024 * 1024;

impl Compression {
    /// Appends the compressed form of a body.
    pub fn compress(self, body: &[u8], out: &mut BytesMut) {
        match self {
            Compression::Lz4 => {
                out.put_u32(body.len() as u32);
                append(out, lz4_flex::block::get_maximum_output_size(body.len()), |space| {
                    lz4_flex::block::compress_into(body, space).unwrap_or(0)
                });
            }
            Compression::Snappy => {
                append(out, snap::raw::max_compress_len(body.len()), |space| {
                    snap::raw::Encoder::new().compress(body, space).unwrap_or(0)
                });
            }
        }
    }

    /// The body in its uncompressed form. Memory is taken only for lengths that the compressed bytes can come to.
    pub fn decompress(self, body: &[u8]) -> Result<Bytes, Error> {
        match self {
            Compression::Lz4 => {
                let wrong = || Error::protocol("Provided frame does not appear to be LZ4 compressed");
                let (length, block) = body.split_first_chunk::<4>().ok_or_else(wrong)?;
                let length = u32::from_be_bytes(*length) as usize;
                if length > BODY_BYTES_MAX || length > block.len().saturating_mul(255) {
                    return Err(wrong());
                }
                let mut plain = vec![0; length];
                match lz4_flex::block::decompress_into(block, &mut plain) {
                    Ok(written) if written == length => Ok(plain.into()),
                    _ => Err(wrong()),
                }
            }
            Compression::Snappy => {
                let wrong = || Error::protocol("Provided frame does not appear to be Snappy compressed");
                let length = snap::raw::decompress_len(body).map_err(|_| wrong())?;
                if length > BODY_BYTES_MAX || length > body.len().saturating_mul(64) {
                    return Err(wrong());
                }
                let mut plain = vec![0; length];
                match snap::raw::Decoder::new().decompress(body, &mut plain) {
                    Ok(written) if written == length => Ok(plain.into()),
                    _ => Err(wrong()),
                }
            }
        }
    }
}

/// Appends what `write` puts into a space of at most `bytes_max` bytes; it returns how many it put there.
pub(super) fn append(out: &mut BytesMut, bytes_max: usize, write: impl FnOnce(&mut [u8]) -> usize) {
    let start = out.len();
    out.resize(start + bytes_max, 0);
    let written = out.get_mut(start..).map_or(0, write);
    out.truncate(start + written.min(bytes_max));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test")]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn round_trip(body in proptest::collection::vec(any::<u8>(), 0..2000), repeat in 1..50usize) {
            let body = body.repeat(repeat);
            for kind in [Compression::Lz4, Compression::Snappy] {
                let mut out = BytesMut::new();
                kind.compress(&body, &mut out);
                prop_assert_eq!(&kind.decompress(&out).unwrap()[..], &body[..]);
            }
        }

        #[test]
        fn garbage_is_an_error_or_bytes(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            for kind in [Compression::Lz4, Compression::Snappy] {
                let _ = kind.decompress(&body);
            }
        }
    }

    #[test]
    fn empty_bodies_are_as_cassandra_writes_them() {
        let mut out = BytesMut::new();
        Compression::Lz4.compress(&[], &mut out);
        assert_eq!(&out[..], [0, 0, 0, 0, 0]);
        out.clear();
        Compression::Snappy.compress(&[], &mut out);
        assert_eq!(&out[..], [0]);
    }

    #[test]
    fn a_huge_length_takes_no_memory() {
        assert!(Compression::Lz4.decompress(&[0x7f, 0xff, 0xff, 0xff, 1, 2]).is_err());
        assert!(Compression::Snappy.decompress(&[0xff, 0xff, 0xff, 0xff, 0x0f, 1]).is_err());
    }
}
