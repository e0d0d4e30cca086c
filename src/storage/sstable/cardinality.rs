//! The estimate of how many partitions there are (stream-lib's `HyperLogLogPlus` with p = 13, sp = 25), so that
//! a compaction knows how many distinct keys its inputs have.
//!
//! ```text
//! -2: i32 | p: varint | sp: varint | 0 (normal) | bytes: varint | registers, six of five bits in each i32
//! ```
//!
//! We write the normal form always; the sparse one, in which Cassandra writes small ones, is read too.

use bytes::{BufMut, BytesMut};

use super::input::{Input, Malformed, Taken};

const P: u32 = 13;
const SP: u32 = 25;
const REGISTERS: usize = 1 << P;
const REGISTERS_PER_WORD: usize = 6;
const REGISTER_BITS: usize = 5;

/// The registers of an estimate.
#[derive(Clone, PartialEq, Eq)]
pub struct Cardinality(Box<[u8]>);

impl std::fmt::Debug for Cardinality {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cardinality({})", self.estimate())
    }
}

impl Default for Cardinality {
    fn default() -> Self {
        Self(vec![0; REGISTERS].into())
    }
}

/// Cassandra's `MurmurHash.hash2_64` with seed 0.
fn murmur2_64(key: &[u8]) -> u64 {
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    const R: u32 = 47;
    let mut hash = M.wrapping_mul(key.len() as u64);
    let (words, tail) = key.as_chunks::<8>();
    for word in words {
        let mut k = u64::from_le_bytes(*word).wrapping_mul(M);
        k = (k ^ (k >> R)).wrapping_mul(M);
        hash = (hash ^ k).wrapping_mul(M);
    }
    if !tail.is_empty() {
        for (i, byte) in tail.iter().enumerate() {
            // The bytes of the tail are taken as signed.
            hash ^= (i64::from(byte.cast_signed()) << (8 * i)).cast_unsigned();
        }
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ (hash >> R)).wrapping_mul(M);
    hash ^ (hash >> R)
}

impl Cardinality {
    /// Counts a key.
    pub fn add(&mut self, key: &[u8]) {
        let hash = murmur2_64(key);
        let index = (hash >> (64 - P)) as usize;
        let run = ((hash << P) | (1 << (P - 1))).leading_zeros() as u8 + 1;
        self.raise(index, run);
    }

    fn raise(&mut self, index: usize, run: u8) {
        if let Some(register) = self.0.get_mut(index) {
            *register = (*register).max(run);
        }
    }

    /// Counts what the other one counted.
    pub fn merge(&mut self, other: &Cardinality) {
        for (register, other) in self.0.iter_mut().zip(&other.0) {
            *register = (*register).max(*other);
        }
    }

    /// About how many distinct keys were counted.
    pub fn estimate(&self) -> u64 {
        let m = REGISTERS as f64;
        let sum: f64 = self.0.iter().map(|run| (-f64::from(*run)).exp2()).sum();
        let raw = 0.7213 / (1.0 + 1.079 / m) * m * m / sum;
        let zeros = self.0.iter().filter(|run| **run == 0).count();
        if raw <= 5.0 * m && zeros > 0 {
            // Linear counting, which is exact enough while registers are empty.
            let linear = m * (m / zeros as f64).ln();
            if linear <= 5.0 * m * 0.4 {
                return linear.round() as u64;
            }
        }
        raw.round() as u64
    }

    /// Appends its form in `Statistics.db`.
    pub fn serialize(&self, out: &mut BytesMut) {
        out.put_i32(-2);
        let words = REGISTERS / REGISTERS_PER_WORD + 1;
        for value in [P, SP, 0, (words * 4) as u32] {
            put_varint(out, value);
        }
        for word in self.0.chunks(REGISTERS_PER_WORD) {
            let bits = word
                .iter()
                .enumerate()
                .fold(0, |bits, (i, run)| bits | u32::from(*run) << (i * REGISTER_BITS));
            out.put_u32(bits);
        }
    }

    /// Takes one. One with other parameters than ours is taken for an error.
    pub fn deserialize(content: &[u8]) -> Taken<Self> {
        let mut input = Input::new(content);
        let mut cardinality = Self::default();
        if input.i32()? != -2 || varint(&mut input)? != P || varint(&mut input)? != SP {
            return Err(Malformed::Wrong("a cardinality with unknown parameters"));
        }
        if varint(&mut input)? == 0 {
            let bytes = varint(&mut input)? as usize;
            let words = input.bytes(bytes)?.as_chunks::<4>().0;
            for (w, word) in words.iter().enumerate() {
                let word = u32::from_be_bytes(*word);
                for i in 0..REGISTERS_PER_WORD {
                    let run = (word >> (i * REGISTER_BITS)) & 0x1f;
                    cardinality.raise(w * REGISTERS_PER_WORD + i, run as u8);
                }
            }
        } else {
            let count = varint(&mut input)?;
            let mut value = 0_u32;
            for _ in 0..count {
                value = value.wrapping_add(varint(&mut input)?);
                let (index, run) = decode_sparse(value);
                cardinality.raise(index, run);
            }
        }
        Ok(cardinality)
    }
}

/// Register and run length of an entry of the sparse form: the hash's first [`SP`] bits, and where all of them
/// behind the first [`P`] are zero, the run length of the rest.
fn decode_sparse(value: u32) -> (usize, u8) {
    if value & 1 == 1 {
        let index = value >> (32 - P);
        let run = ((value >> 1) & 0x3f) ^ 0x3f;
        ((index as usize) & (REGISTERS - 1), (run + (SP - P)) as u8)
    } else {
        let bits = value >> 1;
        let index = bits >> (SP - P);
        let run = (bits << (32 - SP + P)).leading_zeros() + 1;
        ((index as usize) & (REGISTERS - 1), run as u8)
    }
}

/// Little-endian groups of seven bits, as stream-lib's `Varint` writes them.
fn put_varint(out: &mut BytesMut, mut value: u32) {
    while value >= 0x80 {
        out.put_u8((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

fn varint(input: &mut Input<'_>) -> Taken<u32> {
    let mut value = 0;
    for shift in (0..35).step_by(7) {
        let byte = input.u8()?;
        value |= u32::from(byte & 0x7f).wrapping_shl(shift);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Malformed::Wrong("a varint of more than five bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_are_close() {
        for n in [0_u32, 10, 1000, 20_000, 300_000] {
            let mut cardinality = Cardinality::default();
            (0..n).for_each(|i| cardinality.add(&i.to_be_bytes()));
            let error = (cardinality.estimate() as f64 - f64::from(n)).abs();
            assert!(error <= f64::from(n) * 0.04, "{n}: {}", cardinality.estimate());
        }
    }

    #[test]
    fn it_survives_its_file() {
        let mut cardinality = Cardinality::default();
        (0..5000_u32).for_each(|i| cardinality.add(&i.to_be_bytes()));
        let mut out = BytesMut::new();
        cardinality.serialize(&mut out);
        assert_eq!(Cardinality::deserialize(&out), Ok(cardinality));
    }
}
