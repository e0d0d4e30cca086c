//! One line of a transaction log (Cassandra: `LogRecord`).
//!
//! ```text
//! ADD:[/data/ks/t-00/nb-2-big-,0,8][checksum]         new files, to go unless the transaction is committed
//! REMOVE:[/data/ks/t-00/nb-1-big-,1700000000000,8][…] old files, to go once it is: path, last change, number
//! COMMIT:[,0,0][…]
//! ABORT:[,0,0][…]
//! ```
//!
//! The checksum is the CRC-32 of the path, the type and the numbers (time as two `i32`, the lower one first).

use std::fmt;

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordType {
    /// New files.
    Add,
    /// Old files.
    Remove,
    /// The new files count.
    Commit,
    /// The old files count.
    Abort,
}

impl RecordType {
    fn name(self) -> &'static str {
        match self {
            Self::Add => "ADD",
            Self::Remove => "REMOVE",
            Self::Commit => "COMMIT",
            Self::Abort => "ABORT",
        }
    }

    /// Whether nothing may follow it.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Commit | Self::Abort)
    }
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// What it says.
    pub record_type: RecordType,
    /// The beginning of the files' paths, up to the component; empty for final records.
    pub path: String,
    /// When the last of the files was changed, in milliseconds; only for removals.
    pub update_time: i64,
    /// How many files there are.
    pub files: i32,
}

impl LogRecord {
    /// A commit or an abort.
    pub fn last(record_type: RecordType) -> Self {
        Self { record_type, path: String::new(), update_time: 0, files: 0 }
    }

    fn checksum(&self) -> u32 {
        let mut crc = crc32fast::Hasher::new();
        crc.update(self.path.as_bytes());
        crc.update(self.record_type.name().as_bytes());
        crc.update(&(self.update_time as i32).to_be_bytes());
        crc.update(&((self.update_time >> 32) as i32).to_be_bytes());
        crc.update(&self.files.to_be_bytes());
        crc.finalize()
    }

    /// The record of a line; none where it is not one, or is damaged.
    pub fn parse(line: &str) -> Option<Self> {
        let (record_type, rest) = line.split_once(":[")?;
        let types = [RecordType::Add, RecordType::Remove, RecordType::Commit, RecordType::Abort];
        let record_type = types.into_iter().find(|t| t.name().eq_ignore_ascii_case(record_type))?;
        let (fields, checksum) = rest.strip_suffix(']')?.split_once("][")?;
        let mut fields = fields.rsplitn(3, ',');
        let (files, update_time, path) = (fields.next()?, fields.next()?, fields.next()?);
        let record = Self {
            record_type,
            path: path.to_owned(),
            update_time: update_time.parse().ok()?,
            files: files.parse().ok()?,
        };
        let checksum: u32 = checksum.parse().ok()?;
        (record.checksum() == checksum).then_some(record)
    }
}

impl fmt::Display for LogRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { record_type, path, update_time, files } = self;
        write!(f, "{}:[{path},{update_time},{files}][{}]", record_type.name(), self.checksum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_what_its_line_says() {
        let add = LogRecord {
            record_type: RecordType::Remove,
            path: "/data/a,b/nb-1-big-".to_owned(),
            update_time: 1_700_000_000_123,
            files: 8,
        };
        for record in [add, LogRecord::last(RecordType::Commit)] {
            let line = record.to_string();
            assert_eq!(LogRecord::parse(&line), Some(record));
            assert_eq!(LogRecord::parse(&line.replace('8', "9").replace("COMMIT", "ABORT")), None);
            assert_eq!(LogRecord::parse(&line[..line.len() - 1]), None);
        }
    }

    /// Taken from a log of Cassandra 5.0.6.
    #[test]
    fn the_checksum_is_cassandras() {
        assert_eq!(LogRecord::last(RecordType::Commit).to_string(), "COMMIT:[,0,0][2613697770]");
    }
}
