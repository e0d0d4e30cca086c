//! The cache of uncompressed chunks of all SSTables (Cassandra: `ChunkCache`), bounded by bytes.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use foldhash::HashMap;
use parking_lot::{Mutex, RwLock};

/// A file that has chunks in the cache; never used again for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileId(u64);

impl FileId {
    /// An id that no file had before.
    pub fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

type Key = (FileId, u64);

#[derive(Debug)]
struct Entry {
    chunk: Bytes,
    /// Set when it is found, cleared when the hand passes it: a second chance before it goes.
    used: AtomicBool,
}

#[derive(Debug, Default)]
struct Shard {
    entries: HashMap<Key, Entry>,
    /// Every key in `entries` once, and some that are gone; the next to be looked at in front.
    hand: VecDeque<Key>,
    bytes: usize,
}

impl Shard {
    fn shrink(&mut self, capacity: usize) {
        while self.bytes > capacity {
            let Some(key) = self.hand.pop_front() else { return };
            let Some(entry) = self.entries.get(&key) else { continue };
            if entry.used.swap(false, Ordering::Relaxed) {
                self.hand.push_back(key);
            } else {
                self.bytes -= entry.chunk.len();
                self.entries.remove(&key);
            }
        }
    }
}

const SHARDS: usize = 16;

/// Chunks by file and number. Shared by all readers.
#[derive(Debug)]
pub struct ChunkCache {
    shards: [RwLock<Shard>; SHARDS],
    capacity: usize,
    hits: AtomicU64,
    misses: AtomicU64,
    /// A minute ago or so: when, hits and misses then.
    past: Mutex<(Instant, u64, u64)>,
}

impl ChunkCache {
    /// An empty cache of that many bytes. One of 0 bytes keeps nothing.
    pub fn new(capacity: usize) -> Self {
        Self {
            shards: Default::default(),
            capacity,
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            past: Mutex::new((Instant::now(), 0, 0)),
        }
    }

    fn shard(&self, (FileId(file), chunk): Key) -> &RwLock<Shard> {
        let mixed = (file.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ chunk).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        &self.shards[(mixed >> 60) as usize % SHARDS]
    }

    /// A chunk, where it is here.
    pub fn get(&self, file: FileId, chunk: u64) -> Option<Bytes> {
        let key = (file, chunk);
        let shard = self.shard(key).read();
        let found = shard.entries.get(&key).map(|entry| {
            if !entry.used.load(Ordering::Relaxed) {
                entry.used.store(true, Ordering::Relaxed);
            }
            entry.chunk.clone()
        });
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// Keeps a chunk.
    pub fn insert(&self, file: FileId, chunk: u64, bytes: Bytes) {
        let key = (file, chunk);
        let mut shard = self.shard(key).write();
        let size = bytes.len();
        let entry = Entry { chunk: bytes, used: AtomicBool::new(false) };
        match shard.entries.insert(key, entry) {
            Some(old) => shard.bytes -= old.chunk.len(),
            None => shard.hand.push_back(key),
        }
        shard.bytes += size;
        shard.shrink(self.capacity / SHARDS);
    }

    /// Forgets the chunks of a file that is no more.
    pub fn forget(&self, file: FileId) {
        for shard in &self.shards {
            let mut shard = shard.write();
            let mut freed = 0;
            shard.entries.retain(|(f, _), entry| {
                let stays = *f != file;
                freed += if stays { 0 } else { entry.chunk.len() };
                stays
            });
            shard.bytes -= freed;
            shard.hand.retain(|(f, _)| *f != file);
        }
    }

    /// The bytes kept.
    pub fn bytes(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().bytes).sum()
    }

    /// The chunks kept.
    pub fn chunks(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().entries.len()).sum()
    }

    /// The bytes it may keep.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// To be called about every minute: rates are those since then.
    pub fn tick(&self, now: Instant) {
        let (hits, misses) = self.hits_and_misses();
        *self.past.lock() = (now, hits, misses);
    }

    /// Requests and hits in a second, lately.
    pub fn rates(&self, now: Instant) -> (f64, f64) {
        let ((hits, misses), (at, hits_then, misses_then)) = (self.hits_and_misses(), *self.past.lock());
        let seconds = now.saturating_duration_since(at).as_secs_f64().max(1.0);
        let new_hits = hits.saturating_sub(hits_then) as f64;
        ((new_hits + misses.saturating_sub(misses_then) as f64) / seconds, new_hits / seconds)
    }

    /// How often a chunk was found, and how often not.
    pub fn hits_and_misses(&self) -> (u64, u64) {
        (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_what_is_used_within_its_bounds() {
        let cache = ChunkCache::new(SHARDS * 4 * 100);
        let (hot, cold) = (FileId::next(), FileId::next());
        cache.insert(hot, 0, Bytes::from(vec![7; 100]));
        for chunk in 0..10_000 {
            cache.insert(cold, chunk, Bytes::from(vec![0; 100]));
            assert!(cache.get(hot, 0).is_some(), "gone after {chunk}");
        }
        assert!(cache.bytes() <= cache.capacity());
        cache.forget(cold);
        assert_eq!(cache.bytes(), 100);
    }
}
