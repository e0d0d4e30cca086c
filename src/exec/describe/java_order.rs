//! The order in which Java's `HashMap` hands out its keys: Cassandra prints some maps in it.

/// Sorts keys as a `HashMap` of that many entries has them. `hash` is the key's `hashCode`.
pub fn sort_by_hash<T>(keys: &mut [T], entries: usize, hash: impl Fn(&T) -> i32) {
    let capacity = (entries * 4 / 3 + 1).next_power_of_two().max(16) as u32;
    keys.sort_by_key(|key| {
        let hash = hash(key).cast_unsigned();
        (hash ^ (hash >> 16)) & (capacity - 1)
    });
}

/// `String.hashCode`.
pub fn string_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0, |hash: i32, unit| hash.wrapping_mul(31).wrapping_add(unit.into()))
}

/// `ByteBuffer.hashCode`.
pub fn bytes_hash(bytes: &[u8]) -> i32 {
    let add = |hash: i32, byte: &u8| hash.wrapping_mul(31).wrapping_add(byte.cast_signed().into());
    bytes.iter().rev().fold(1, add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_javas() {
        assert_eq!(string_hash("hello"), 99_162_322);
        assert_eq!(string_hash(""), 0);
        assert_eq!((bytes_hash(b"a"), bytes_hash(b"st"), bytes_hash(b"")), (128, 4672, 1));
    }
}
