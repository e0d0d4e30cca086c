//! Time UUIDs as the elements of lists have them for paths (Cassandra: `TimeUUID.Generator` and
//! `Lists.PrecisionTime`).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// 100 ns steps between the start of the Gregorian calendar and 1970.
const EPOCH_OFFSET_TICKS: i64 = 0x01B2_1DD2_1381_4000;
/// 1 January 2010: prepended elements get times mirrored at it, so that later ones come first.
const REFERENCE_TIME_TICKS: i64 = 1_262_304_000_000 * TICKS_PER_MS;
const TICKS_PER_MS: i64 = 10_000;

static LAST: AtomicI64 = AtomicI64::new(0);
static LAST_PREPENDED: AtomicI64 = AtomicI64::new(i64::MAX);

/// A time UUID of now, greater than every one before.
pub fn next() -> [u8; 16] {
    let now = now_ticks();
    let last = LAST.fetch_max(now, Ordering::Relaxed);
    let ticks = if last < now { now } else { LAST.fetch_add(1, Ordering::Relaxed) + 1 };
    encode(ticks)
}

/// That many time UUIDs for prepended elements: in ascending order, all lower than every one before.
pub fn descending(count: usize) -> impl Iterator<Item = [u8; 16]> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let mirrored = 2 * REFERENCE_TIME_TICKS - now_ticks();
    let mut first = 0;
    let taken = LAST_PREPENDED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
        first = last.min(mirrored) - count;
        Some(first)
    });
    debug_assert!(taken.is_ok(), "the update never declines");
    (first..first + count).map(encode)
}

fn now_ticks() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos() / 100).unwrap_or(i64::MAX)
}

/// The version 1 UUID of that many 100 ns steps since 1970.
pub fn encode(ticks: i64) -> [u8; 16] {
    let time = (ticks + EPOCH_OFFSET_TICKS) as u64;
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&(time as u32).to_be_bytes());
    bytes[4..6].copy_from_slice(&((time >> 32) as u16).to_be_bytes());
    bytes[6..8].copy_from_slice(&(((time >> 48) as u16 & 0x0fff) | 0x1000).to_be_bytes());
    bytes[8..].copy_from_slice(clock_sequence_and_node());
    bytes
}

/// Random for each process, so that two nodes or two lives of one never make the same UUID.
fn clock_sequence_and_node() -> &'static [u8; 8] {
    static NODE: OnceLock<[u8; 8]> = OnceLock::new();
    NODE.get_or_init(|| {
        let mut node: [u8; 8] = rand::random();
        node[0] = (node[0] & 0x3f) | 0x80;
        node[2] |= 0x01;
        node
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::CqlType;

    #[test]
    fn later_ones_are_greater_and_prepended_ones_lower() {
        let mut all: Vec<[u8; 16]> = Vec::new();
        for _ in 0..3 {
            let mut prepended: Vec<_> = descending(2).collect();
            prepended.append(&mut all);
            all = prepended;
            all.push(next());
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        assert!(all.is_sorted_by(|a, b| CqlType::Timeuuid.compare(a, b).is_lt()), "{all:02x?}");
    }
}
