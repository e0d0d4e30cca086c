//! Checksums of version 5's framing (`net.Crc`, section 2.2 of the specification).

const CRC24_INITIAL: u32 = 0x0087_5060;
const CRC24_POLYNOMIAL: u32 = 0x0197_4F0B;
const CRC32_PREFIX: [u8; 4] = [0xFA, 0x2D, 0x55, 0xCA];

const CRC24_TABLE: [u32; 256] = crc24_table();

const fn crc24_table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u32) << 16;
        let mut bit = 0;
        while bit < 8 {
            crc <<= 1;
            if crc & 0x0100_0000 != 0 {
                crc ^= CRC24_POLYNOMIAL;
            }
            bit += 1;
        }
        table[byte] = crc & 0x00FF_FFFF;
        byte += 1;
    }
    table
}

/// The checksum of a frame's header, in the lower 24 bits.
pub fn crc24(bytes: &[u8]) -> u32 {
    bytes.iter().fold(CRC24_INITIAL, |crc, byte| {
        let index = usize::from((crc >> 16) as u8 ^ byte);
        ((crc << 8) & 0x00FF_FFFF) ^ CRC24_TABLE.get(index).copied().unwrap_or_default()
    })
}

/// The checksum of a frame's payload.
pub fn crc32(bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&CRC32_PREFIX);
    hasher.update(bytes);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_of_a_recorded_frame() {
        // An OPTIONS request in a frame that Cassandra accepted.
        assert_eq!(crc24(&[0x09, 0x00, 0x02]), u32::from_le_bytes([0xa4, 0xc8, 0xc1, 0]));
        assert_eq!(crc32(&[5, 0, 0, 1, 5, 0, 0, 0, 0]), u32::from_le_bytes([0xb5, 0x55, 0x74, 0x86]));
    }
}
