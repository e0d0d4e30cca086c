//! Where a memtable's rows lie: one after the other, in large pieces of memory.
//!
//! What was replaced stays where it is until the memtable goes, as with Cassandra's slabs.

use bytes::{Bytes, BytesMut};

/// The first piece is small, since most tables of a node hold little; each is twice as large as the one before.
const CHUNK_BYTES_MIN: usize = 512;
const CHUNK_BYTES_MAX: usize = 256 << 10;

/// What is larger gets a piece of its own.
const PLACED_BYTES_MAX: usize = 16 << 10;

/// Memory for the rows of one shard. A piece goes once nothing that lies in it is used any more.
#[derive(Debug, Default)]
pub struct Arena {
    chunk: BytesMut,
    /// The size of the piece that is being filled.
    chunk_bytes: usize,
}

impl Arena {
    /// A copy of these bytes.
    pub fn place(&mut self, bytes: &[u8]) -> Bytes {
        if bytes.len() > PLACED_BYTES_MAX {
            return Bytes::copy_from_slice(bytes);
        }
        // Not `reserve`, which would copy what is left or take up a piece again that nobody uses.
        if self.chunk.capacity() - self.chunk.len() < bytes.len() {
            self.chunk_bytes =
                (self.chunk_bytes * 2).clamp(CHUNK_BYTES_MIN, CHUNK_BYTES_MAX).max(bytes.len());
            self.chunk = BytesMut::with_capacity(self.chunk_bytes);
        }
        self.chunk.extend_from_slice(bytes);
        self.chunk.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_placed_stays_as_it_was() {
        let mut arena = Arena::default();
        let sizes = [0, 1, 511, 512, 513, 5000, PLACED_BYTES_MAX, PLACED_BYTES_MAX + 1, 3];
        let wanted: Vec<Vec<u8>> =
            sizes.iter().cycle().take(200).enumerate().map(|(i, size)| vec![i as u8; *size]).collect();
        let placed: Vec<Bytes> = wanted.iter().map(|bytes| arena.place(bytes)).collect();
        assert!(placed.iter().zip(&wanted).all(|(placed, wanted)| placed == wanted));
    }
}
