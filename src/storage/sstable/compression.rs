//! `CompressionInfo.db` and the compressors (Cassandra: `CompressionMetadata`, `ICompressor`).
//!
//! ```text
//! compressor: UTF | options: i32 ( key: UTF | value: UTF )* | chunk length: i32 | max compressed length: i32
//! | data length: i64 | chunks: i32 | ( offset: i64 )*
//! ```
//!
//! In `Data.db` each chunk is followed by the CRC-32 of its bytes as they are stored. A chunk of at least "max
//! compressed length" bytes is stored as it is.

use bytes::{BufMut, Bytes, BytesMut};

use super::descriptor::Version;
use super::input::{Input, Malformed, Taken};
use super::output::put_utf;
use crate::schema::CompressionParams;

/// More than any table has: a reader must not reserve what a damaged file says.
const MAX_CHUNK_LENGTH: u32 = 128 << 20;

/// How chunks are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compressor {
    /// The uncompressed length as `u32`, little-endian, and an LZ4 block.
    Lz4,
    /// A raw Snappy block.
    Snappy,
    /// A zlib stream.
    Deflate,
    /// A Zstandard frame, at that level.
    Zstd {
        /// The level.
        level: i32,
    },
    /// The bytes as they are.
    Noop,
}

impl Compressor {
    /// The compressor of that class, with or without its package.
    pub fn of_class(class: &str, options: &[(String, String)]) -> Option<Self> {
        Some(match class.rsplit('.').next()? {
            "LZ4Compressor" => Self::Lz4,
            "SnappyCompressor" => Self::Snappy,
            "DeflateCompressor" => Self::Deflate,
            "ZstdCompressor" => {
                let level = options.iter().find(|(key, _)| key == "compression_level");
                Self::Zstd { level: level.and_then(|(_, level)| level.parse().ok()).unwrap_or(3) }
            }
            "NoopCompressor" => Self::Noop,
            _ => return None,
        })
    }

    /// The name of its class, without the package.
    pub fn class(self) -> &'static str {
        match self {
            Self::Lz4 => "LZ4Compressor",
            Self::Snappy => "SnappyCompressor",
            Self::Deflate => "DeflateCompressor",
            Self::Zstd { .. } => "ZstdCompressor",
            Self::Noop => "NoopCompressor",
        }
    }

    /// Appends the compressed form of a chunk.
    pub fn compress(self, chunk: &[u8], out: &mut Vec<u8>) -> std::io::Result<()> {
        let start = out.len();
        match self {
            Self::Lz4 => {
                out.extend_from_slice(&(chunk.len() as u32).to_le_bytes());
                out.resize(start + 4 + lz4_flex::block::get_maximum_output_size(chunk.len()), 0);
                let written = lz4_flex::block::compress_into(chunk, &mut out[start + 4..])
                    .map_err(std::io::Error::other)?;
                out.truncate(start + 4 + written);
            }
            Self::Snappy => {
                out.resize(start + snap::raw::max_compress_len(chunk.len()), 0);
                let written = snap::raw::Encoder::new().compress(chunk, &mut out[start..])?;
                out.truncate(start + written);
            }
            Self::Deflate => {
                let mut encoder = flate2::write::ZlibEncoder::new(out, flate2::Compression::default());
                std::io::Write::write_all(&mut encoder, chunk)?;
                encoder.finish()?;
            }
            Self::Zstd { level } => out.extend_from_slice(&zstd::bulk::compress(chunk, level)?),
            Self::Noop => out.extend_from_slice(chunk),
        }
        Ok(())
    }

    /// The chunk that was compressed; at most `max_length` bytes.
    pub fn decompress(self, compressed: &[u8], max_length: usize) -> Taken<Bytes> {
        const DAMAGED: Malformed = Malformed::Wrong("a chunk that cannot be decompressed");
        let chunk = match self {
            Self::Lz4 => {
                let (length, block) = compressed.split_first_chunk::<4>().ok_or(DAMAGED)?;
                let length = u32::from_le_bytes(*length) as usize;
                if length > max_length {
                    return Err(Malformed::Wrong("a chunk longer than the chunk length"));
                }
                let mut chunk = vec![0; length];
                let written = lz4_flex::block::decompress_into(block, &mut chunk).map_err(|_| DAMAGED)?;
                if written != length {
                    return Err(DAMAGED);
                }
                chunk
            }
            Self::Snappy => {
                let length = snap::raw::decompress_len(compressed).map_err(|_| DAMAGED)?;
                if length > max_length {
                    return Err(Malformed::Wrong("a chunk longer than the chunk length"));
                }
                snap::raw::Decoder::new().decompress_vec(compressed).map_err(|_| DAMAGED)?
            }
            Self::Deflate => {
                let mut chunk = Vec::with_capacity(max_length);
                let decoder = flate2::read::ZlibDecoder::new(compressed);
                let mut limited = std::io::Read::take(decoder, max_length as u64 + 1);
                std::io::Read::read_to_end(&mut limited, &mut chunk).map_err(|_| DAMAGED)?;
                chunk
            }
            Self::Zstd { .. } => zstd::bulk::decompress(compressed, max_length).map_err(|_| DAMAGED)?,
            Self::Noop => compressed.to_vec(),
        };
        if chunk.len() > max_length {
            return Err(Malformed::Wrong("a chunk longer than the chunk length"));
        }
        Ok(Bytes::from(chunk))
    }
}

/// The longest that a compressed chunk may be before it is rather stored as it is (Cassandra:
/// `CompressionParams.calcMaxCompressedLength`).
fn max_compressed_length(chunk_length: u32, min_compress_ratio: f64) -> u32 {
    let length = (f64::from(chunk_length) / min_compress_ratio).min(f64::from(i32::MAX)).ceil();
    length as u32
}

/// The content of `CompressionInfo.db`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompressionInfo {
    /// How chunks are compressed.
    pub compressor: Compressor,
    /// The compressor's own options.
    pub options: Vec<(String, String)>,
    /// Bytes of an uncompressed chunk; the last one may have less.
    pub chunk_length: u32,
    /// From that length on a chunk is stored as it is.
    pub max_compressed_length: u32,
    /// Uncompressed bytes in all.
    pub data_length: u64,
    /// Where each chunk begins in `Data.db`.
    pub offsets: Vec<u64>,
}

impl CompressionInfo {
    /// Compression as a table has it, of nothing yet; none where it has none. An unknown class gives its name.
    pub fn new(params: &CompressionParams) -> Result<Option<Self>, String> {
        let Some(class) = &params.class else { return Ok(None) };
        let options: Vec<_> = params.options.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        let compressor = Compressor::of_class(class, &options).ok_or_else(|| class.clone())?;
        let max_compressed_length =
            max_compressed_length(params.chunk_length_bytes, params.min_compress_ratio);
        Ok(Some(Self {
            compressor,
            options,
            chunk_length: params.chunk_length_bytes,
            max_compressed_length,
            data_length: 0,
            offsets: Vec::new(),
        }))
    }

    /// The content of the file.
    pub fn serialize(&self) -> BytesMut {
        let mut out = BytesMut::with_capacity(64 + self.offsets.len() * 8);
        put_utf(&mut out, self.compressor.class());
        out.put_i32(self.options.len() as i32);
        for (key, value) in &self.options {
            put_utf(&mut out, key);
            put_utf(&mut out, value);
        }
        out.put_u32(self.chunk_length);
        out.put_u32(self.max_compressed_length);
        out.put_u64(self.data_length);
        out.put_u32(self.offsets.len() as u32);
        self.offsets.iter().for_each(|offset| out.put_u64(*offset));
        out
    }

    /// Takes the content of the file.
    pub fn deserialize(content: &[u8], version: Version) -> Taken<Self> {
        let mut input = Input::new(content);
        let class = input.utf()?;
        let count = input.length()?;
        let options = (0..count).map(|_| Ok((input.utf()?, input.utf()?))).collect::<Taken<Vec<_>>>()?;
        let compressor =
            Compressor::of_class(&class, &options).ok_or(Malformed::Wrong("an unknown compressor"))?;
        let chunk_length = input.length()? as u32;
        let max_compressed_length =
            if version.is_na_or_later() { input.length()? as u32 } else { i32::MAX as u32 };
        let data_length = u64::try_from(input.i64()?).map_err(|_| Malformed::Wrong("a negative length"))?;
        let count = input.length()?;
        if chunk_length > MAX_CHUNK_LENGTH {
            return Err(Malformed::Wrong("an impossible chunk length"));
        }
        if chunk_length == 0 || data_length.div_ceil(u64::from(chunk_length)) > count as u64 {
            return Err(Malformed::Wrong("fewer chunks than the data needs"));
        }
        let offsets =
            input.bytes(count.checked_mul(8).ok_or(Malformed::Short(usize::MAX))?)?.as_chunks::<8>().0;
        let offsets: Vec<u64> = offsets.iter().map(|offset| u64::from_be_bytes(*offset)).collect();
        if !offsets.is_sorted() {
            return Err(Malformed::Wrong("chunk offsets out of order"));
        }
        Ok(Self { compressor, options, chunk_length, max_compressed_length, data_length, offsets })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test")]

    use super::*;

    #[test]
    fn every_compressor_gives_back_its_chunk() {
        let chunk: Vec<u8> = (0..16384_u32).map(|i| (i / 7) as u8).collect();
        let all = [
            Compressor::Lz4,
            Compressor::Snappy,
            Compressor::Deflate,
            Compressor::Zstd { level: 3 },
            Compressor::Noop,
        ];
        for compressor in all {
            for chunk in [&chunk[..], &chunk[..1], &[]] {
                let mut out = vec![1, 2, 3];
                compressor.compress(chunk, &mut out).unwrap();
                assert_eq!(compressor.decompress(&out[3..], 16384).unwrap(), chunk, "{compressor:?}");
            }
            assert!(compressor.decompress(&[0xff; 20], 16).is_err(), "{compressor:?}");
        }
    }

    #[test]
    fn the_ratio_gives_the_longest_compressed_chunk() {
        assert_eq!(max_compressed_length(16384, 0.0), i32::MAX as u32);
        assert_eq!(max_compressed_length(16384, 1.1), 14895);
    }
}
