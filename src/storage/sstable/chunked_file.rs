//! Reads `Data.db` and `Index.db` by chunks, through the cache, with checksums checked, and a cursor over them.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;

use super::chunk_cache::{ChunkCache, FileId};
use super::compression::CompressionInfo;
use super::data_writer::CRC_CHUNK_LENGTH;
use super::input::{Input, Malformed, Taken};
use crate::env::fs::{FileSystem, ReadableFile};
use crate::storage::IoMode;
use crate::storage::error::StorageError;

/// Bytes of a chunk of a file that has neither compression nor checksums.
const PLAIN_CHUNK_LENGTH: u64 = 16 * 1024;

/// How a file's bytes are stored.
#[derive(Debug)]
pub enum Layout {
    /// Compressed.
    Compressed(CompressionInfo),
    /// As they are, with a CRC-32 for each so many bytes.
    Checksummed {
        /// Bytes of a chunk.
        chunk_length: u32,
        /// One for each chunk.
        checksums: Vec<u32>,
    },
    /// As they are.
    Plain,
}

impl Layout {
    /// The layout that the content of a `CRC.db` describes.
    pub fn checksummed(content: &[u8]) -> Taken<Self> {
        let mut input = Input::new(content);
        let chunk_length = u32::try_from(input.length()?).unwrap_or(CRC_CHUNK_LENGTH).max(1);
        let checksums = input.rest().as_chunks::<4>().0.iter().map(|crc| u32::from_be_bytes(*crc)).collect();
        Ok(Self::Checksummed { chunk_length, checksums })
    }
}

/// A file of an SSTable, open for reading.
#[derive(Debug)]
pub struct ChunkedFile {
    id: FileId,
    path: PathBuf,
    file: Arc<dyn ReadableFile>,
    stored_length: u64,
    data_length: u64,
    chunk_length: u64,
    layout: Layout,
    cache: Arc<ChunkCache>,
    crc_check_chance: f64,
}

impl Drop for ChunkedFile {
    fn drop(&mut self) {
        self.cache.forget(self.id);
    }
}

impl ChunkedFile {
    /// Opens the file. `crc_check_chance` says how often checksums are checked, 1 for always.
    pub fn open(
        fs: &dyn FileSystem,
        path: PathBuf,
        layout: Layout,
        cache: Arc<ChunkCache>,
        crc_check_chance: f64,
    ) -> Result<Self, StorageError> {
        let file = fs.open(&path).map_err(|e| StorageError::io(&path, e))?;
        let stored_length = file.len().map_err(|e| StorageError::io(&path, e))?;
        let (data_length, chunk_length) = match &layout {
            Layout::Compressed(info) => (info.data_length, u64::from(info.chunk_length)),
            Layout::Checksummed { chunk_length, .. } => (stored_length, u64::from(*chunk_length)),
            Layout::Plain => (stored_length, PLAIN_CHUNK_LENGTH),
        };
        let id = FileId::next();
        Ok(Self { id, path, file, stored_length, data_length, chunk_length, layout, cache, crc_check_chance })
    }

    /// Its uncompressed bytes.
    pub fn len(&self) -> u64 {
        self.data_length
    }

    /// Its bytes on disk.
    pub fn stored_len(&self) -> u64 {
        self.stored_length
    }

    fn damaged(&self, chunk: u64, message: &str) -> StorageError {
        let at = chunk * self.chunk_length;
        StorageError::corruption(&self.path, format!("{message} (chunk at uncompressed position {at})"))
    }

    fn read_at(&self, offset: u64, length: usize) -> Result<Vec<u8>, StorageError> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, offset).map_err(|e| StorageError::io(&self.path, e))?;
        Ok(bytes)
    }

    fn checks(&self) -> bool {
        self.crc_check_chance >= 1.0 || rand::random::<f64>() < self.crc_check_chance
    }

    /// Reads a chunk from disk.
    fn load(&self, chunk: u64) -> Result<Bytes, StorageError> {
        let start = chunk * self.chunk_length;
        let length = self.data_length.saturating_sub(start).min(self.chunk_length) as usize;
        let index = usize::try_from(chunk).map_err(|_| self.damaged(chunk, "no such chunk"))?;
        match &self.layout {
            Layout::Compressed(info) => self.load_compressed(info, index, length),
            Layout::Checksummed { checksums, .. } => {
                let bytes = self.read_at(start, length)?;
                let expected =
                    checksums.get(index).ok_or_else(|| self.damaged(chunk, "CRC.db is too short"))?;
                if self.checks() && crc32fast::hash(&bytes) != *expected {
                    return Err(self.damaged(chunk, "the checksum does not match"));
                }
                Ok(bytes.into())
            }
            Layout::Plain => Ok(self.read_at(start, length)?.into()),
        }
    }

    fn load_compressed(
        &self,
        info: &CompressionInfo,
        index: usize,
        length: usize,
    ) -> Result<Bytes, StorageError> {
        let chunk = index as u64;
        let offset = *info.offsets.get(index).ok_or_else(|| self.damaged(chunk, "no such chunk"))?;
        let next = info.offsets.get(index + 1).copied().unwrap_or(self.stored_length);
        // The longest that any compressor makes of a chunk is little more than the chunk.
        let longest =
            u64::from(info.chunk_length).max(u64::from(info.max_compressed_length.min(1 << 30))) + (1 << 20);
        let stored = next.checked_sub(offset).filter(|n| *n >= 4 && *n <= longest + 4 + self.chunk_length);
        let stored = stored.ok_or_else(|| self.damaged(chunk, "chunk offsets do not fit the file"))?;
        if next > self.stored_length {
            return Err(self.damaged(chunk, "the file ends before the chunk does"));
        }
        let mut bytes = self.read_at(offset, stored as usize)?;
        let crc = bytes.split_off(stored as usize - 4);
        if self.checks() && crc32fast::hash(&bytes).to_be_bytes() != crc[..] {
            return Err(self.damaged(chunk, "the checksum does not match"));
        }
        let chunk_bytes = if bytes.len() < info.max_compressed_length as usize {
            info.compressor
                .decompress(&bytes, info.chunk_length as usize)
                .map_err(|why| self.damaged(chunk, &format!("{why:?}")))?
        } else {
            bytes.truncate(length);
            bytes.into()
        };
        if chunk_bytes.len() != length {
            return Err(self.damaged(chunk, "the chunk has another length than it should"));
        }
        Ok(chunk_bytes)
    }
}

/// How a cursor gets its chunks.
#[derive(Clone, Debug)]
pub enum Access {
    /// Through the cache.
    Cached(IoMode),
    /// Past the cache, for those who read everything once: with the last few chunks at hand.
    Scan(Arc<Mutex<Vec<(u64, Bytes)>>>),
}

impl Access {
    /// An access for those who read everything once.
    pub fn scan() -> Self {
        Self::Scan(Arc::default())
    }
}

impl ChunkedFile {
    /// A chunk.
    pub fn chunk(&self, chunk: u64, access: &Access) -> Result<Bytes, StorageError> {
        match access {
            Access::Cached(mode) => {
                if let Some(bytes) = self.cache.get(self.id, chunk) {
                    return Ok(bytes);
                }
                if *mode == IoMode::MemoryOnly {
                    return Err(StorageError::WouldBlock);
                }
                let bytes = self.load(chunk)?;
                self.cache.insert(self.id, chunk, bytes.clone());
                Ok(bytes)
            }
            Access::Scan(recent) => {
                let found = recent.lock().iter().find(|(n, _)| *n == chunk).map(|(_, bytes)| bytes.clone());
                if let Some(bytes) = found {
                    return Ok(bytes);
                }
                let bytes = self.load(chunk)?;
                let mut recent = recent.lock();
                if recent.len() >= 2 {
                    recent.remove(0);
                }
                recent.push((chunk, bytes.clone()));
                Ok(bytes)
            }
        }
    }
}

/// Where several chunks have to be joined, so many bytes more than are needed, since the needs of an item become known
/// part by part.
const JOINED_BYTES_MORE: usize = 512;

/// A place in a file, and the bytes around it.
#[derive(Debug)]
pub struct Cursor {
    file: Arc<ChunkedFile>,
    access: Access,
    window: Bytes,
    /// Where the window begins in the file.
    start: u64,
    /// The place, counted from the window's start.
    offset: usize,
    /// The chunk that was got last, which the window may hold a part of only.
    last: Option<(u64, Bytes)>,
}

impl Cursor {
    /// At that position. Nothing is read yet.
    pub fn new(file: Arc<ChunkedFile>, access: Access, position: u64) -> Self {
        Self { file, access, window: Bytes::new(), start: position, offset: 0, last: None }
    }

    /// The position in the file.
    pub fn position(&self) -> u64 {
        self.start + self.offset as u64
    }

    /// Whether everything was taken.
    pub fn is_at_end(&self) -> bool {
        self.position() >= self.file.len()
    }

    /// Goes to another position.
    pub fn seek(&mut self, position: u64) {
        match position.checked_sub(self.start) {
            Some(offset) if offset <= self.window.len() as u64 => self.offset = offset as usize,
            _ => {
                self.window = Bytes::new();
                self.start = position;
                self.offset = 0;
            }
        }
    }

    /// Goes on by that many bytes.
    pub fn skip(&mut self, bytes: u64) {
        self.seek(self.position().saturating_add(bytes));
    }

    /// An error about this place.
    pub fn damaged(&self, message: &str) -> StorageError {
        StorageError::corruption(&self.file.path, format!("{message} at position {}", self.position()))
    }

    /// A chunk: got once, as long as no other one is asked for.
    fn chunk(&mut self, chunk: u64) -> Result<Bytes, StorageError> {
        if let Some((_, bytes)) = self.last.as_ref().filter(|(last, _)| *last == chunk) {
            return Ok(bytes.clone());
        }
        let bytes = self.file.chunk(chunk, &self.access)?;
        self.last = Some((chunk, bytes.clone()));
        Ok(bytes)
    }

    /// The bytes of the file from a position on, as far as they are in one chunk; an error where there are none.
    fn rest_of_chunk(&mut self, position: u64) -> Result<Bytes, StorageError> {
        let chunk_length = self.file.chunk_length;
        let chunk = self.chunk(position / chunk_length)?;
        let within = (position % chunk_length) as usize;
        if within >= chunk.len() {
            return Err(self.damaged("the file ends too early"));
        }
        Ok(chunk.slice(within..))
    }

    /// Sees to it that at least `length` bytes from the place on are in the window.
    fn extend(&mut self, length: usize) -> Result<(), StorageError> {
        let position = self.position();
        if position.saturating_add(length as u64) > self.file.len() {
            return Err(self.damaged("the file ends too early"));
        }
        let here = position / self.file.chunk_length;
        let is_got = self.last.as_ref().is_some_and(|(last, _)| *last == here);
        let rest = self.window.slice(self.offset..);
        let rest = if is_got || rest.is_empty() { self.rest_of_chunk(position)? } else { rest };
        self.window = if rest.len() >= length {
            rest
        } else {
            // Only what lies across the chunks' border is copied: behind it the next chunk is the window.
            let wanted = length.saturating_add(JOINED_BYTES_MORE);
            let mut joined = BytesMut::with_capacity(wanted);
            joined.extend_from_slice(&rest);
            while joined.len() < length {
                let more = self.rest_of_chunk(position + joined.len() as u64)?;
                joined.extend_from_slice(&more[..more.len().min(wanted - joined.len())]);
            }
            joined.freeze()
        };
        self.start = position;
        self.offset = 0;
        Ok(())
    }

    /// Takes something from the place on: calls `take` again with more bytes while it finds them too few.
    pub fn take<T>(&mut self, mut take: impl FnMut(&mut Input<'_>) -> Taken<T>) -> Result<T, StorageError> {
        loop {
            let bytes = self.window.get(self.offset..).unwrap_or_default();
            let mut input = Input::new(bytes);
            match take(&mut input) {
                Ok(taken) => {
                    self.offset += input.position();
                    return Ok(taken);
                }
                Err(Malformed::Short(needed)) => {
                    let needed = needed.max(bytes.len() + 1);
                    self.extend(needed)?;
                }
                Err(wrong) => return Err(self.damaged(&wrong.message())),
            }
        }
    }

    /// Passes over as much of what is in the window as `pass` takes.
    pub fn pass(&mut self, pass: impl FnOnce(&mut Input<'_>)) {
        let mut input = Input::new(self.window.get(self.offset..).unwrap_or_default());
        pass(&mut input);
        self.offset += input.position();
    }

    /// The next bytes, shared with the chunk where they lie in one.
    pub fn bytes(&mut self, length: usize) -> Result<Bytes, StorageError> {
        if self.window.len() - self.offset < length {
            self.extend(length)?;
        }
        let bytes = self.window.slice(self.offset..self.offset + length);
        self.offset += length;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A file that counts how often it is read.
    #[derive(Debug)]
    struct Counting {
        content: Vec<u8>,
        reads: AtomicUsize,
    }

    impl ReadableFile for Counting {
        fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
            self.reads.fetch_add(1, Ordering::Relaxed);
            let start = offset as usize;
            buffer.copy_from_slice(&self.content[start..start + buffer.len()]);
            Ok(())
        }

        fn len(&self) -> std::io::Result<u64> {
            Ok(self.content.len() as u64)
        }
    }

    /// Reads a file of that many chunks by items of that length; how often the file was read.
    fn reads_of_a_scan(cache: &Arc<ChunkCache>, chunks: usize, item: usize) -> usize {
        let bytes: Vec<u8> = (0..chunks * PLAIN_CHUNK_LENGTH as usize).map(|i| (i / 7) as u8).collect();
        let file = Arc::new(Counting { content: bytes, reads: AtomicUsize::new(0) });
        let chunked = Arc::new(ChunkedFile {
            id: FileId::next(),
            path: PathBuf::new(),
            file: file.clone(),
            stored_length: file.content.len() as u64,
            data_length: file.content.len() as u64,
            chunk_length: PLAIN_CHUNK_LENGTH,
            layout: Layout::Plain,
            cache: cache.clone(),
            crc_check_chance: 1.0,
        });
        let mut cursor = Cursor::new(chunked, Access::Cached(IoMode::Blocking), 0);
        for expected in file.content.chunks_exact(item) {
            let taken = cursor.take(|input| input.bytes(item).map(<[u8]>::to_vec));
            assert_eq!(taken.expect("it is there"), expected);
        }
        file.reads.load(Ordering::Relaxed)
    }

    #[test]
    fn a_scan_gets_each_chunk_once() {
        for item in [1, 100, 600, 5000, 40_000] {
            assert_eq!(reads_of_a_scan(&Arc::new(ChunkCache::new(0)), 30, item), 30, "items of {item}");
            let cache = Arc::new(ChunkCache::new(64 << 20));
            reads_of_a_scan(&cache, 30, item);
            assert_eq!(cache.hits_and_misses(), (0, 30), "items of {item}");
        }
    }
}
