//! Variable-length integers of SSTables, the commit log and vectors (Cassandra: `VIntCoding`).
//!
//! ```text
//! first byte            following bytes
//! 0xxxxxxx              none           7 bits
//! 10xxxxxx              1             14 bits
//! 110xxxxx              2             21 bits
//! ...
//! 11111111              8             64 bits      big-endian throughout
//! ```
//!
//! Signed ones are mapped to unsigned ones by zigzag first.

/// The most bytes that one takes.
pub const MAX_SIZE: usize = 9;

/// The bytes that [`write_unsigned`] takes for `value`.
pub fn unsigned_size(value: u64) -> usize {
    // 1 | keeps the count of leading zeros below 64; each byte carries seven bits, the ninth the rest.
    let magnitude = (value | 1).leading_zeros() as usize;
    (639 - magnitude * 9) >> 6
}

/// The bytes that [`write_signed`] takes for `value`.
pub fn signed_size(value: i64) -> usize {
    unsigned_size(zigzag(value))
}

/// Appends `value`.
pub fn write_unsigned(out: &mut impl bytes::BufMut, value: u64) {
    let (bytes, size) = encode_unsigned(value);
    out.put_slice(&bytes[..size]);
}

/// Appends `value`, zigzag encoded.
pub fn write_signed(out: &mut impl bytes::BufMut, value: i64) {
    write_unsigned(out, zigzag(value));
}

/// The bytes of `value`, and how many of them count.
pub fn encode_unsigned(value: u64) -> ([u8; MAX_SIZE], usize) {
    let size = unsigned_size(value);
    let mut bytes = [0; MAX_SIZE];
    if size == MAX_SIZE {
        bytes[0] = 0xff;
        bytes[1..].copy_from_slice(&value.to_be_bytes());
    } else {
        let mask = u64::from(!(0xff_u8 >> (size - 1))) << 56;
        let register = (value << ((8 - size) * 8)) | mask;
        bytes[..8].copy_from_slice(&register.to_be_bytes());
    }
    (bytes, size)
}

/// How many bytes follow a first byte.
pub fn extra_bytes(first: u8) -> usize {
    first.leading_ones() as usize
}

/// Takes one from the front of `input`; `None`, with `input` as it was, where it ends too early.
#[inline]
pub fn read_unsigned(input: &mut &[u8]) -> Option<u64> {
    let (&first, rest) = input.split_first()?;
    if first < 0x80 {
        *input = rest;
        return Some(u64::from(first));
    }
    let extra = extra_bytes(first);
    // All at once, where more bytes follow.
    if let Some(eight) = rest.first_chunk::<8>()
        && extra < 8
    {
        *input = &rest[extra..];
        let tail = u64::from_be_bytes(*eight) >> (64 - 8 * extra);
        return Some((u64::from(first) & (0xff >> extra)) << (8 * extra) | tail);
    }
    let tail = rest.get(..extra)?;
    let mut value = u64::from(first) & (0xff_u64 >> extra);
    for byte in tail {
        value = (value << 8) | u64::from(*byte);
    }
    *input = &rest[extra..];
    Some(value)
}

/// Takes a signed one from the front of `input`.
#[inline]
pub fn read_signed(input: &mut &[u8]) -> Option<i64> {
    read_unsigned(input).map(unzigzag)
}

/// Takes one that must fit `u32` (Cassandra: `readUnsignedVInt32`) from the front of `input`.
pub fn read_unsigned_u32(input: &mut &[u8]) -> Option<u32> {
    u32::try_from(read_unsigned(input)?).ok()
}

/// Takes a signed one that must fit `i32` from the front of `input`.
pub fn read_signed_i32(input: &mut &[u8]) -> Option<i32> {
    i32::try_from(read_signed(input)?).ok()
}

/// Maps small negative and positive numbers to small unsigned ones.
pub fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

/// The reverse of [`zigzag`].
pub fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(value: u64) -> Vec<u8> {
        let mut out = Vec::new();
        write_unsigned(&mut out, value);
        out
    }

    #[test]
    fn known_encodings() {
        assert_eq!(encoded(0), [0]);
        assert_eq!(encoded(127), [0x7f]);
        assert_eq!(encoded(128), [0x80, 0x80]);
        assert_eq!(encoded(16383), [0xbf, 0xff]);
        assert_eq!(encoded(16384), [0xc0, 0x40, 0x00]);
        assert_eq!(encoded((1 << 56) - 1), [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(encoded(1 << 56), [0xff, 1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(encoded(u64::MAX), [0xff; 9]);
    }

    proptest! {
        #[test]
        fn unsigned_round_trip(shift in 0_u32..64, value: u64, rest: Vec<u8>) {
            let value = value >> shift;
            let mut bytes = encoded(value);
            prop_assert_eq!(bytes.len(), unsigned_size(value));
            bytes.extend(&rest);
            let mut input = &bytes[..];
            prop_assert_eq!(read_unsigned(&mut input), Some(value));
            prop_assert_eq!(input, &rest[..]);
        }

        #[test]
        fn signed_round_trip(shift in 0_u32..64, value: i64) {
            let value = value >> shift;
            let mut bytes = Vec::new();
            write_signed(&mut bytes, value);
            prop_assert_eq!(bytes.len(), signed_size(value));
            prop_assert_eq!(read_signed(&mut &bytes[..]), Some(value));
            prop_assert_eq!(read_signed(&mut &bytes[..bytes.len() - 1]), None);
        }
    }
}
