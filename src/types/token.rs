//! Tokens of partition keys (Cassandra: `Murmur3Partitioner`), and the layout of composite partition keys.
//!
//! ```text
//! one column:       the value
//! several columns:  ( length: u16 | value | 0 )*
//! ```

use super::MarshalError;

/// The token that no key has: smaller than every key's.
pub const MINIMUM_TOKEN: i64 = i64::MIN;

/// The token of a partition key.
pub fn token(key: &[u8]) -> i64 {
    if key.is_empty() {
        return MINIMUM_TOKEN;
    }
    normalize_token(murmur3_128(key, 0)[0])
}

/// A hash as a token: the minimum is no key's token.
pub fn normalize_token(hash: i64) -> i64 {
    if hash == i64::MIN { i64::MAX } else { hash }
}

/// Murmur3 x64 128 as Cassandra's `MurmurHash.hash3_x64_128` computes it: the bytes of the tail are taken as
/// signed, unlike in the original. Both halves serve the bloom filters.
pub fn murmur3_128(key: &[u8], seed: i64) -> [i64; 2] {
    const C1: u64 = 0x87c3_7b91_1142_53d5;
    const C2: u64 = 0x4cf5_ad43_2745_937f;
    let mix1 = |k: u64| k.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2);
    let mix2 = |k: u64| k.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1);
    let (mut h1, mut h2) = (seed.cast_unsigned(), seed.cast_unsigned());

    let (blocks, tail) = key.as_chunks::<16>();
    for block in blocks {
        let block = u128::from_le_bytes(*block);
        h1 ^= mix1(block as u64);
        h1 = h1.rotate_left(27).wrapping_add(h2).wrapping_mul(5).wrapping_add(0x52dc_e729);
        h2 ^= mix2((block >> 64) as u64);
        h2 = h2.rotate_left(31).wrapping_add(h1).wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }

    let signed = |bytes: &[u8]| {
        let widen = |byte: u8| i64::from(byte.cast_signed()).cast_unsigned();
        bytes.iter().enumerate().fold(0, |k, (i, byte)| k ^ (widen(*byte) << (8 * i)))
    };
    if tail.len() > 8 {
        h2 ^= mix2(signed(&tail[8..]));
    }
    if !tail.is_empty() {
        h1 ^= mix1(signed(&tail[..tail.len().min(8)]));
    }

    h1 ^= key.len() as u64;
    h2 ^= key.len() as u64;
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    h1 = finish(h1);
    h2 = finish(h2);
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    [h1.cast_signed(), h2.cast_signed()]
}

fn finish(mut k: u64) -> u64 {
    k ^= k >> 33;
    k = k.wrapping_mul(0xff51_afd7_ed55_8ccd);
    k ^= k >> 33;
    k = k.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    k ^ (k >> 33)
}

/// Appends one component of a composite partition key. Fails above 65535 bytes, as Cassandra does.
pub fn write_composite_component(out: &mut impl bytes::BufMut, value: &[u8]) -> Result<(), MarshalError> {
    let length = u16::try_from(value.len()).map_err(|_| {
        MarshalError::new(format!("Key length of {} is longer than maximum of 65535", value.len()))
    })?;
    out.put_u16(length);
    out.put_slice(value);
    out.put_u8(0);
    Ok(())
}

/// The partition key of these column values: the value itself where there is one column.
pub fn encode_partition_key(values: &[&[u8]]) -> Result<Vec<u8>, MarshalError> {
    if let [value] = values {
        return Ok(value.to_vec());
    }
    let mut out = Vec::with_capacity(values.iter().map(|v| v.len() + 3).sum());
    for value in values {
        write_composite_component(&mut out, value)?;
    }
    Ok(out)
}

/// The components of a composite, one after the other; stops where the bytes are cut short.
pub fn composite_components(key: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = key;
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let value = after.get(..length)?;
        rest = after.get(length + 1..).unwrap_or_default();
        Some(value)
    })
}

/// The values of the `columns` columns of a partition key. Fails where the bytes do not hold that many.
pub fn decode_partition_key(key: &[u8], columns: usize) -> Result<Vec<&[u8]>, MarshalError> {
    if columns == 1 {
        return Ok(vec![key]);
    }
    let values: Vec<_> = composite_components(key).collect();
    if values.len() == columns {
        Ok(values)
    } else {
        Err(MarshalError::new("Not enough bytes to read value of component"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_cassandra() {
        // SELECT token(..) on Cassandra 5.0.6
        assert_eq!(token(b"\x00\x00\x00\x01"), -4069959284402364209);
        assert_eq!(token(b""), i64::MIN);
        assert_eq!(token(b"\x42\x43\xd3\x36\x56\xde\xbe\x4c\x1e\xd7\x96\x48\xe8\x56\xe8\xf9\xa2\xf5\x8c\x95\xf0\xce\x4b\x39\xc1\x5b\xff\xad\x5c\x2d\xfb\x8b"), -5054647886340668236);
        assert_eq!(
            token(b"\x0b\xb8\xd4\x54\x4a\x87\x21\xa9\x9a\x01\xad\x21\x9e\xb5\x9c"),
            -4839105574751285867
        );
        assert_eq!(token(b"\xf4\x90\x28\xd5\x57\xd7\x9a\x8a\x0e\x64\x51\xe1\x5c\x70\x5c\x15\xf1\x73\x54\x1b\x44\x38\xa2\x5c\xf7\x63\x12\xd4\xee\xb3\xc2\x24\x68\x79\xbf\x00\xb3\xcf\x8e\xd1"), -794079154618905668);
        assert_eq!(
            token(b"\xf6\xa1\x5e\xf6\xf1\x5a\x1d\x83\x0b\xb7\xce\x09\xd6\xbb\xc0\x04"),
            -504520528921942057
        );
        assert_eq!(token(b"\x6a\xae\xb9\x4b\xae\x8d\x2f\x9f\xa2\x9c\x5a\x28\x4c\x9e\xf7\x52\x18\x29\xcf\x10\x79\xb0\x80\xe9\xd7\x4a\x1c\x10\xfc\xab\x6a"), 1266115041295885203);
        assert_eq!(
            token(b"\xe7\x17\x5c\x64\x3c\x7d\xec\xb0\xb5\x80\xec\x37\xbc\x97\x12\xdd\x2e"),
            2089767129411566857
        );
        assert_eq!(token(b"\xb7\x0e\xee"), 3552434243749843669);
        assert_eq!(token(b"\xc7\x51\x24\x47\xe3\x40\x43\x00\x02"), 3579126592175322210);
        assert_eq!(token(b"\x7f\x1a\x50\x39\xbe\xf0\x7e"), 4769365421182084237);
        assert_eq!(token(b"\xc2\x34\x7f\x06\x6e\xd0\x8f\x5d"), 5530410427011426372);
        assert_eq!(token(b"\xb8\x20\xb6\x11\x9c\xba\x8f\xf8\x87\x96\xae\x5b\x05\xf2\x80\xa6\x8c\xed\x93\xb6\xb2\x8c\xb0\xd1\xb3\x58\xe6\xba\xab\x48\x55\x65\xb9"), 6739715784990582680);
        assert_eq!(token(b"\x82"), 7188333716680067347);
        assert_eq!(token(b"\x6b\x6e\x54\x55\x94\xa0\x65\x68\x5d\x64\xc4\x98"), 7536472022180918942);
    }

    #[test]
    fn composite_round_trip() {
        let key = encode_partition_key(&[b"ab", b"", b"xyz"]).unwrap();
        assert_eq!(key, b"\x00\x02ab\x00\x00\x00\x00\x00\x03xyz\x00");
        assert_eq!(decode_partition_key(&key, 3).unwrap(), [&b"ab"[..], b"", b"xyz"]);
        assert!(decode_partition_key(&key, 2).is_err());
        assert!(decode_partition_key(&key[..9], 3).is_err());
    }
}
