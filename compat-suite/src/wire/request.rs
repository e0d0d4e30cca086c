//! The bodies of requests (section 4.1 of the specification).

/// A bound value: none where it is unset, an inner none where it is null.
pub type Value = Option<Option<Vec<u8>>>;

/// The values of a statement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values {
    /// Each value, with its name where values are named.
    pub values: Vec<(Option<String>, Value)>,
}

impl Values {
    fn are_named(&self) -> bool {
        self.values.iter().any(|(name, _)| name.is_some())
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.extend((self.values.len() as u16).to_be_bytes());
        for (name, value) in &self.values {
            if let Some(name) = name {
                put_string(out, name);
            }
            match value {
                None => out.extend((-2i32).to_be_bytes()),
                Some(None) => out.extend((-1i32).to_be_bytes()),
                Some(Some(bytes)) => put_bytes(out, bytes),
            }
        }
    }
}

/// What a request may say beside its statement and values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The consistency level's code.
    pub consistency: u16,
    /// The serial consistency level's code.
    pub serial: Option<u16>,
    /// Rows of a page.
    pub page_size: Option<i32>,
    /// Where to go on.
    pub paging_state: Option<Vec<u8>>,
    /// Default timestamp, in microseconds.
    pub timestamp: Option<i64>,
    /// Version 5: the keyspace of tables that are named without one.
    pub keyspace: Option<String>,
    /// Version 5: the time that is used for expiry, in seconds.
    pub now_seconds: Option<i32>,
    /// The answer needs no metadata.
    pub skip_metadata: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            consistency: 1,
            serial: None,
            page_size: None,
            paging_state: None,
            timestamp: None,
            keyspace: None,
            now_seconds: None,
            skip_metadata: false,
        }
    }
}

const CONSISTENCIES: [&str; 11] = [
    "ANY",
    "ONE",
    "TWO",
    "THREE",
    "QUORUM",
    "ALL",
    "LOCAL_QUORUM",
    "EACH_QUORUM",
    "SERIAL",
    "LOCAL_SERIAL",
    "LOCAL_ONE",
];

/// The code of a consistency level.
pub fn consistency_of(name: &str) -> Option<u16> {
    CONSISTENCIES.iter().position(|known| *known == name).and_then(|code| u16::try_from(code).ok())
}

/// The name of a consistency level.
pub fn consistency_name(code: u16) -> String {
    CONSISTENCIES.get(usize::from(code)).map_or_else(|| code.to_string(), |name| (*name).to_owned())
}

fn bit(on: bool, bit: u32) -> u32 {
    if on { bit } else { 0 }
}

impl Options {
    fn common_flags(&self) -> u32 {
        bit(self.serial.is_some(), 0x10)
            | bit(self.timestamp.is_some(), 0x20)
            | bit(self.keyspace.is_some(), 0x80)
            | bit(self.now_seconds.is_some(), 0x100)
    }

    fn put_common(&self, out: &mut Vec<u8>) {
        if let Some(serial) = self.serial {
            out.extend(serial.to_be_bytes());
        }
        if let Some(timestamp) = self.timestamp {
            out.extend(timestamp.to_be_bytes());
        }
        if let Some(keyspace) = &self.keyspace {
            put_string(out, keyspace);
        }
        if let Some(now) = self.now_seconds {
            out.extend(now.to_be_bytes());
        }
    }

    /// The parameters of QUERY and EXECUTE.
    pub fn put(&self, version: u8, values: &Values, out: &mut Vec<u8>) {
        out.extend(self.consistency.to_be_bytes());
        let flags = self.common_flags()
            | bit(!values.values.is_empty(), 1)
            | bit(self.skip_metadata, 2)
            | bit(self.page_size.is_some(), 4)
            | bit(self.paging_state.is_some(), 8)
            | bit(values.are_named(), 0x40);
        put_flags(version, flags, out);
        if !values.values.is_empty() {
            values.put(out);
        }
        if let Some(size) = self.page_size {
            out.extend(size.to_be_bytes());
        }
        if let Some(state) = &self.paging_state {
            put_bytes(out, state);
        }
        self.put_common(out);
    }
}

/// A batch's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum BatchKind {
    /// With the batch log.
    Logged,
    /// Without it.
    Unlogged,
    /// Of counters.
    Counter,
}

/// A statement of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchEntry {
    /// Its text, and its values.
    Text(String, Values),
    /// The id of a prepared statement, and its values.
    Prepared(Vec<u8>, Values),
}

/// The body of BATCH.
pub fn batch(version: u8, kind: BatchKind, entries: &[BatchEntry], options: &Options) -> Vec<u8> {
    let mut out = vec![kind as u8];
    out.extend((entries.len() as u16).to_be_bytes());
    for entry in entries {
        match entry {
            BatchEntry::Text(text, values) => {
                out.push(0);
                put_long_string(&mut out, text);
                values.put(&mut out);
            }
            BatchEntry::Prepared(id, values) => {
                out.push(1);
                put_short_bytes(&mut out, id);
                values.put(&mut out);
            }
        }
    }
    out.extend(options.consistency.to_be_bytes());
    put_flags(version, options.common_flags(), &mut out);
    options.put_common(&mut out);
    out
}

fn put_flags(version: u8, flags: u32, out: &mut Vec<u8>) {
    if version >= 5 {
        out.extend(flags.to_be_bytes());
    } else {
        out.push(flags as u8);
    }
}

/// `[string]`.
pub fn put_string(out: &mut Vec<u8>, text: &str) {
    put_short_bytes(out, text.as_bytes());
}

/// `[short bytes]`.
pub fn put_short_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u16).to_be_bytes());
    out.extend(bytes);
}

/// `[long string]`.
pub fn put_long_string(out: &mut Vec<u8>, text: &str) {
    put_bytes(out, text.as_bytes());
}

/// `[bytes]`.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u32).to_be_bytes());
    out.extend(bytes);
}
