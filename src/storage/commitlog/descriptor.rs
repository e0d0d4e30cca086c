//! A segment's name and header (Cassandra: `CommitLogDescriptor`).

use serde_json::Value;

use super::compressed::SegmentCompression;

/// The version of the format that Cassandra 5.0 writes by default (`VERSION_40`).
pub const VERSION: i32 = 7;

/// What a segment says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Descriptor {
    /// The format's version.
    pub version: i32,
    /// The segment's id: segments are in the order of their ids.
    pub id: i64,
    /// Parameters: compression and encryption.
    pub parameters: serde_json::Map<String, Value>,
}

/// The parameter of segments with durability marks: the id of the first segment that the same run of the process
/// wrote. Cassandra ignores parameters that it does not know.
const MARKS: &str = "durabilityMarksSince";

impl Descriptor {
    /// The descriptor of a segment that we write, in a run whose first segment is `run`.
    pub fn new(id: i64, run: i64) -> Self {
        let parameters = [(MARKS.to_owned(), Value::String(run.to_string()))];
        Self { version: VERSION, id, parameters: parameters.into_iter().collect() }
    }

    /// The same, of a segment whose sections are compressed like this, if at all.
    pub fn compressed(mut self, compression: Option<&SegmentCompression>) -> Self {
        if let Some(compression) = compression {
            let text = |text: &str| Value::String(text.to_owned());
            let parameters = compression.parameters.iter().map(|(key, value)| (key.clone(), text(value)));
            self.parameters.insert("compressionClass".to_owned(), text(&compression.class));
            self.parameters.insert("compressionParameters".to_owned(), Value::Object(parameters.collect()));
        }
        self
    }

    /// Whether empty sections of the segment are durability marks.
    pub fn has_marks(&self) -> bool {
        self.run().is_some()
    }

    /// The first segment of the run that wrote this one; none where it has no durability marks.
    pub fn run(&self) -> Option<i64> {
        self.parameters.get(MARKS)?.as_str()?.parse().ok()
    }

    /// The class of the compressor; none where the segment is not compressed.
    pub fn compression(&self) -> Option<&str> {
        self.parameters.get("compressionClass")?.as_str()
    }

    /// Whether the segment is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.parameters.contains_key("encCipher")
    }

    /// Its bytes at the start of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let parameters = Value::Object(self.parameters.clone()).to_string();
        let length = u16::try_from(parameters.len()).unwrap_or(u16::MAX);
        let mut bytes = Vec::with_capacity(18 + parameters.len());
        bytes.extend_from_slice(&self.version.to_be_bytes());
        bytes.extend_from_slice(&self.id.to_be_bytes());
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(parameters.as_bytes());
        let checksum = checksum(self.version, self.id, parameters.as_bytes());
        bytes.extend_from_slice(&checksum.to_be_bytes());
        bytes
    }

    /// Takes one from the start of a file, and says how long it is; none where it is damaged or cut short.
    pub fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let version = i32::from_be_bytes(*bytes.first_chunk()?);
        let id = i64::from_be_bytes(*bytes.get(4..)?.first_chunk()?);
        let length = usize::from(u16::from_be_bytes(*bytes.get(12..)?.first_chunk()?));
        let parameters = bytes.get(14..14 + length)?;
        let stored = u32::from_be_bytes(*bytes.get(14 + length..)?.first_chunk()?);
        if stored != checksum(version, id, parameters) {
            return None;
        }
        let Ok(Value::Object(parameters)) = serde_json::from_slice(parameters) else { return None };
        Some((Self { version, id, parameters }, 18 + length))
    }
}

fn checksum(version: i32, id: i64, parameters: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&version.to_be_bytes());
    crc.update(&(id as u32).to_be_bytes());
    crc.update(&((id >> 32) as u32).to_be_bytes());
    crc.update(&(parameters.len() as u32).to_be_bytes());
    crc.update(parameters);
    crc.finalize()
}

/// The name of the file of a segment that we write.
pub fn file_name(id: i64) -> String {
    format!("CommitLog-{VERSION}-{id}.log")
}

/// The version and the id in the name of a segment's file; none where it is not one.
pub fn segment_id(file_name: &str) -> Option<(i32, i64)> {
    let (version, id) = file_name.strip_prefix("CommitLog-")?.strip_suffix(".log")?.split_once('-')?;
    Some((version.parse().ok()?, id.parse().ok()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn round_trip() {
        let descriptor = Descriptor::new(1_700_000_000_123, 1_700_000_000_120);
        let mut bytes = descriptor.to_bytes();
        let len = bytes.len();
        bytes.extend([1, 2, 3]);
        assert_eq!(Descriptor::parse(&bytes), Some((descriptor.clone(), len)));
        assert_eq!(segment_id(&file_name(descriptor.id)), Some((7, 1_700_000_000_123)));
        for i in 0..len {
            let mut damaged = bytes.clone();
            damaged[i] ^= 0x10;
            assert_eq!(Descriptor::parse(&damaged), None, "byte {i}");
            assert_eq!(Descriptor::parse(&bytes[..i]), None);
        }
    }
}
