//! Reads the notations of the protocol (section 3 of the specification) from a body, with every length checked.

use std::collections::HashMap;
use std::fmt::Write as _;

use bytes::Bytes;

use crate::cql::{Consistency, Error, ProtocolVersion, StatementId, Values};

/// A body and how far it has been read.
pub struct Reader {
    body: Bytes,
    position: usize,
}

type Result<T> = std::result::Result<T, Error>;

impl Reader {
    /// Reads this body from its beginning.
    pub fn new(body: Bytes) -> Self {
        Reader { body, position: 0 }
    }

    /// The bytes not read yet.
    pub fn rest(&self) -> &[u8] {
        self.body.get(self.position..).unwrap_or_default()
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        match self.rest().first_chunk::<N>() {
            Some(bytes) => {
                let bytes = *bytes;
                self.position += N;
                Ok(bytes)
            }
            None => Err(self.short(N)),
        }
    }

    fn short(&self, wanted: usize) -> Error {
        Error::protocol(format!(
            "Not enough bytes in the message body: {wanted} wanted at position {}, {} left",
            self.position,
            self.rest().len()
        ))
    }

    fn skip(&mut self, length: usize) -> Result<usize> {
        if self.rest().len() < length {
            return Err(self.short(length));
        }
        let start = self.position;
        self.position += length;
        Ok(start)
    }

    /// `[byte]`.
    pub fn byte(&mut self) -> Result<u8> {
        self.array().map(|[byte]: [u8; 1]| byte)
    }

    /// `[short]`.
    pub fn short_int(&mut self) -> Result<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// `[int]`.
    pub fn int(&mut self) -> Result<i32> {
        self.array().map(i32::from_be_bytes)
    }

    /// `[long]`.
    pub fn long(&mut self) -> Result<i64> {
        self.array().map(i64::from_be_bytes)
    }

    fn text(&mut self, length: usize) -> Result<&str> {
        let start = self.skip(length)?;
        let bytes = self.body.get(start..start + length).unwrap_or_default();
        std::str::from_utf8(bytes).map_err(|error| {
            // From the first byte that is wrong, which is how far Java's decoder got.
            let rest = bytes.get(error.valid_up_to()..).unwrap_or_default();
            let mut hex = String::new();
            for byte in rest.iter().take(1024) {
                let _ = write!(hex, "{byte:02x}");
            }
            let wrong = error.error_len().unwrap_or(rest.len());
            Error::protocol(format!(
                "Cannot decode string as UTF8: '{hex}'; java.nio.charset.MalformedInputException: Input length = {wrong}"
            ))
        })
    }

    /// `[string]`.
    pub fn string(&mut self) -> Result<&str> {
        let length = self.short_int().ok().filter(|length| usize::from(*length) <= self.rest().len());
        let length = length.ok_or_else(|| {
            Error::protocol(
                "Not enough bytes to read an UTF8 serialized string preceded by its 2 bytes length",
            )
        })?;
        self.text(usize::from(length))
    }

    /// `[long string]`.
    pub fn long_string(&mut self) -> Result<&str> {
        let length = self.int().ok().and_then(|length| usize::try_from(length).ok());
        let length = length.filter(|length| *length <= self.rest().len()).ok_or_else(|| {
            Error::protocol(
                "Not enough bytes to read an UTF8 serialized string preceded by its 4 bytes length",
            )
        })?;
        self.text(length)
    }

    /// `[short bytes]`, as an id.
    pub fn id(&mut self) -> Result<StatementId> {
        let length = self.short_int().ok().map(usize::from);
        let length = length.filter(|length| *length <= self.rest().len()).ok_or_else(|| {
            Error::protocol("Not enough bytes to read a byte array preceded by its 2 bytes length")
        })?;
        let start = self.skip(length)?;
        Ok(StatementId::new(self.body.get(start..start + length).unwrap_or_default()))
    }

    /// `[bytes]`: None if the length is negative.
    pub fn bytes(&mut self) -> Result<Option<Bytes>> {
        match usize::try_from(self.int()?) {
            Err(_) => Ok(None),
            Ok(length) => {
                let start = self.skip(length)?;
                Ok(Some(self.body.slice(start..start + length)))
            }
        }
    }

    /// `[bytes map]`.
    pub fn bytes_map(&mut self) -> Result<HashMap<String, Bytes>> {
        let count = self.short_int()?;
        let mut map = HashMap::new();
        for _ in 0..count {
            let key = self.string()?.to_owned();
            map.insert(key, self.bytes()?.unwrap_or_default());
        }
        Ok(map)
    }

    /// `[consistency]`.
    pub fn consistency(&mut self) -> Result<Consistency> {
        let code = self.short_int()?;
        Consistency::from_code(code)
            .ok_or_else(|| Error::protocol(format!("Unknown code {code} for a consistency level")))
    }

    fn value(&mut self, values: &mut Values, version: ProtocolVersion) -> Result<()> {
        let length = self.int()?;
        match length {
            0.. => {
                let length = length as usize;
                let start = self.skip(length)?;
                values.push_range(start, length);
            }
            -1 => values.push_null(),
            _ if version < ProtocolVersion::V4 => values.push_null(),
            -2 => values.push_unset(),
            _ => return Err(Error::protocol(format!("Invalid ByteBuf length {length}"))),
        }
        Ok(())
    }

    /// A count and as many `[value]`s, without a copy.
    pub fn values(&mut self, version: ProtocolVersion) -> Result<Values> {
        let count = self.short_int()?;
        let mut values = Values::over(if count == 0 { Bytes::new() } else { self.body.clone() });
        for _ in 0..count {
            self.value(&mut values, version)?;
        }
        Ok(values)
    }

    /// A count and as many pairs of name and `[value]`.
    pub fn named_values(&mut self, version: ProtocolVersion) -> Result<Values> {
        let count = self.short_int()?;
        let mut values = Values::over(self.body.clone());
        let mut names = Vec::with_capacity(usize::from(count).min(self.rest().len() / 6 + 1));
        for _ in 0..count {
            names.push(self.string()?.to_owned());
            self.value(&mut values, version)?;
        }
        values.set_names(names);
        Ok(values)
    }
}
