//! Where rows lie that came together, those of a memtable or of one read: one after the other, in large pieces of memory.
//!
//! What a memtable replaced stays where it is until the memtable goes, as with Cassandra's slabs.

use bytes::{Bytes, BytesMut};

/// The first piece is small, since most tables of a node hold little; each is twice as large as the one before.
const CHUNK_BYTES_MIN: usize = 512;

/// What is larger gets a piece of its own.
const PLACED_BYTES_MAX: usize = 16 << 10;

/// Memory for the rows of a shard of a memtable, or of one read. A piece goes once nothing that lies in it is used any
/// more.
#[derive(Debug)]
pub struct Arena {
    chunk: BytesMut,
    /// The size of the piece that is being filled.
    chunk_bytes: usize,
    chunk_bytes_max: usize,
}

impl Arena {
    fn with_pieces_of_at_most(chunk_bytes_max: usize) -> Self {
        Self { chunk: BytesMut::new(), chunk_bytes: 0, chunk_bytes_max }
    }

    /// Memory for rows that stay.
    pub fn of_memtable() -> Self {
        Self::with_pieces_of_at_most(256 << 10)
    }

    /// Memory for rows of which perhaps few are kept, each of them with the whole piece it lies in.
    pub fn of_read() -> Self {
        Self::with_pieces_of_at_most(16 << 10)
    }

    /// A copy of these bytes.
    pub fn place(&mut self, bytes: &[u8]) -> Bytes {
        self.fill(bytes.len(), |out| out.extend_from_slice(bytes))
    }

    /// The bytes that `write` appends, which must be `len` in all.
    #[inline]
    pub fn fill(&mut self, len: usize, write: impl FnOnce(&mut BytesMut)) -> Bytes {
        let placed = if len > PLACED_BYTES_MAX {
            let mut piece = BytesMut::with_capacity(len);
            write(&mut piece);
            piece.freeze()
        } else {
            // Not `reserve`, which would copy what is left or take up a piece again that nobody uses.
            if self.chunk.capacity() - self.chunk.len() < len {
                self.chunk_bytes =
                    (self.chunk_bytes * 2).clamp(CHUNK_BYTES_MIN, self.chunk_bytes_max).max(len);
                self.chunk = BytesMut::with_capacity(self.chunk_bytes);
            }
            write(&mut self.chunk);
            self.chunk.split().freeze()
        };
        assert_eq!(placed.len(), len, "every part of what is placed has its place");
        placed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_placed_stays_as_it_was() {
        let mut arena = Arena::of_memtable();
        let sizes = [0, 1, 511, 512, 513, 5000, PLACED_BYTES_MAX, PLACED_BYTES_MAX + 1, 3];
        let wanted: Vec<Vec<u8>> =
            sizes.iter().cycle().take(200).enumerate().map(|(i, size)| vec![i as u8; *size]).collect();
        let placed: Vec<Bytes> = wanted.iter().map(|bytes| arena.place(bytes)).collect();
        assert!(placed.iter().zip(&wanted).all(|(placed, wanted)| placed == wanted));
    }
}
