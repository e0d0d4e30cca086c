//! Counters: what a counter cell holds.

/// The value of a counter: the sum of all shards' counts.
pub(super) fn total(context: &[u8]) -> i64 {
    let Some((header, _)) = context.split_first_chunk::<2>() else { return 0 };
    let header_len = 2 + 2 * usize::from(i16::from_be_bytes(*header).unsigned_abs());
    let shards = context.get(header_len..).unwrap_or_default().chunks_exact(32);
    shards.filter_map(|s| s.last_chunk::<8>()).fold(0, |sum, c| sum.wrapping_add(i64::from_be_bytes(*c)))
}
