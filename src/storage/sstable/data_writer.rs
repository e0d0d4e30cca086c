//! `Data.db` as a sequence of bytes, compressed in chunks or checked by `CRC.db`; and small files written whole
//! (Cassandra: `CompressedSequentialWriter`, `ChecksummedSequentialWriter`).

use std::path::{Path, PathBuf};

use bytes::{BufMut, BytesMut};

use super::compression::CompressionInfo;
use super::descriptor::{Component, Descriptor};
use crate::env::fs::{FileSystem, WritableFile};
use crate::storage::error::StorageError;

/// Bytes of a chunk that `CRC.db` has a checksum of.
pub const CRC_CHUNK_LENGTH: u32 = 64 * 1024;

/// Stored bytes are handed to the file system when that many are gathered.
const WRITE_BUFFER: usize = 256 * 1024;

/// A file that is written from its start.
#[derive(Debug)]
pub struct SequentialFile {
    path: PathBuf,
    file: Box<dyn WritableFile>,
    buffer: Vec<u8>,
    position: u64,
}

impl SequentialFile {
    /// Creates the file.
    pub fn create(fs: &dyn FileSystem, path: PathBuf) -> Result<Self, StorageError> {
        let file = fs.create(&path).map_err(|e| StorageError::io(&path, e))?;
        Ok(Self { path, file, buffer: Vec::new(), position: 0 })
    }

    /// Appends bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        self.position += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= WRITE_BUFFER { self.flush() } else { Ok(()) }
    }

    /// The bytes written so far.
    pub fn position(&self) -> u64 {
        self.position
    }

    fn flush(&mut self) -> Result<(), StorageError> {
        self.file.write_all(&self.buffer).map_err(|e| StorageError::io(&self.path, e))?;
        self.buffer.clear();
        Ok(())
    }

    /// Writes what is left and makes the content durable.
    pub fn finish(mut self) -> Result<u64, StorageError> {
        self.flush()?;
        self.file.sync().map_err(|e| StorageError::io(&self.path, e))?;
        Ok(self.position)
    }
}

/// Writes a whole file and makes it durable.
pub fn write_file(fs: &dyn FileSystem, path: &Path, content: &[u8]) -> Result<(), StorageError> {
    let mut file = SequentialFile::create(fs, path.to_owned())?;
    file.write(content)?;
    file.finish().map(|_| ())
}

/// How the bytes of `Data.db` are stored.
#[derive(Debug)]
enum Storage {
    Compressed { info: CompressionInfo, compressed: Vec<u8> },
    Plain { checksums: BytesMut },
}

/// Writes `Data.db` and the files that describe its chunks: `CompressionInfo.db` or `CRC.db`, and `Digest.crc32`.
#[derive(Debug)]
pub struct DataWriter {
    descriptor: Descriptor,
    file: SequentialFile,
    storage: Storage,
    chunk: BytesMut,
    chunk_length: usize,
    /// Uncompressed bytes of the chunks before this one.
    flushed: u64,
    digest: crc32fast::Hasher,
}

impl DataWriter {
    /// Creates the file; without `info` it is not compressed.
    pub fn create(
        fs: &dyn FileSystem,
        descriptor: &Descriptor,
        info: Option<CompressionInfo>,
    ) -> Result<Self, StorageError> {
        let file = SequentialFile::create(fs, descriptor.path(Component::Data))?;
        let chunk_length = info.as_ref().map_or(CRC_CHUNK_LENGTH, |info| info.chunk_length) as usize;
        let storage = match info {
            Some(info) => Storage::Compressed { info, compressed: Vec::new() },
            None => {
                let mut checksums = BytesMut::new();
                checksums.put_u32(CRC_CHUNK_LENGTH);
                Storage::Plain { checksums }
            }
        };
        Ok(Self {
            descriptor: descriptor.clone(),
            file,
            storage,
            chunk: BytesMut::with_capacity(chunk_length),
            chunk_length,
            flushed: 0,
            digest: crc32fast::Hasher::new(),
        })
    }

    /// The bytes of the chunks that are full, as they are stored.
    pub fn bytes_on_disk(&self) -> u64 {
        self.file.position()
    }

    /// The uncompressed bytes written so far.
    pub fn position(&self) -> u64 {
        self.flushed + self.chunk.len() as u64
    }

    /// Appends bytes.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), StorageError> {
        while !bytes.is_empty() {
            let room = self.chunk_length - self.chunk.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.chunk.extend_from_slice(now);
            bytes = later;
            if self.chunk.len() == self.chunk_length {
                self.flush_chunk()?;
            }
        }
        Ok(())
    }

    fn flush_chunk(&mut self) -> Result<(), StorageError> {
        self.flushed += self.chunk.len() as u64;
        match &mut self.storage {
            Storage::Compressed { info, compressed } => {
                info.offsets.push(self.file.position());
                compressed.clear();
                info.compressor
                    .compress(&self.chunk, compressed)
                    .map_err(|e| StorageError::io(self.descriptor.path(Component::Data), e))?;
                let max = info.max_compressed_length as usize;
                if compressed.len() >= max {
                    compressed.clear();
                    compressed.extend_from_slice(&self.chunk);
                    // A short last chunk is padded, so that a reader knows by its length that it is not compressed.
                    if compressed.len() < max {
                        compressed.resize(max, 0);
                    }
                }
                let checksum = crc32fast::hash(compressed).to_be_bytes();
                for bytes in [&compressed[..], &checksum[..]] {
                    self.digest.update(bytes);
                    self.file.write(bytes)?;
                }
            }
            Storage::Plain { checksums } => {
                checksums.put_u32(crc32fast::hash(&self.chunk));
                self.digest.update(&self.chunk);
                self.file.write(&self.chunk)?;
            }
        }
        self.chunk.clear();
        Ok(())
    }

    /// Writes the last chunk and the files that describe the chunks, and makes all of them durable. Gives
    /// compressed by uncompressed bytes (-1 without compression) and the component that was written beside.
    pub fn finish(mut self, fs: &dyn FileSystem) -> Result<(f64, Component), StorageError> {
        if !self.chunk.is_empty() {
            self.flush_chunk()?;
        }
        let stored = self.file.finish()?;
        let (ratio, component, content) = match self.storage {
            Storage::Compressed { mut info, .. } => {
                info.data_length = self.flushed;
                let compressed = stored - 4 * info.offsets.len() as u64;
                (compressed as f64 / self.flushed as f64, Component::CompressionInfo, info.serialize())
            }
            Storage::Plain { checksums } => (-1.0, Component::Crc, checksums),
        };
        write_file(fs, &self.descriptor.path(component), &content)?;
        let digest = self.digest.finalize().to_string();
        write_file(fs, &self.descriptor.path(Component::Digest), digest.as_bytes())?;
        Ok((ratio, component))
    }
}
