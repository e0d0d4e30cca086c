//! The notations of section 3 of the specification, read from an answer's body.

use std::io;

use super::invalid;

/// What is left of an answer's body.
#[derive(Debug, Clone)]
pub struct Body {
    bytes: Vec<u8>,
    at: usize,
}

impl Body {
    /// A body that nothing was read of yet.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next bytes; an error if the body is too short.
    pub fn take(&mut self, count: usize) -> io::Result<&[u8]> {
        let end = self.at.saturating_add(count);
        let taken = self.bytes.get(self.at..end).ok_or_else(|| invalid("an answer ends too early"))?;
        self.at = end;
        Ok(taken)
    }

    /// What was not read.
    pub fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// `[byte]`.
    pub fn byte(&mut self) -> io::Result<u8> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    /// `[short]`.
    pub fn short(&mut self) -> io::Result<u16> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    /// `[int]`.
    pub fn int(&mut self) -> io::Result<i32> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    /// An `[int]` that counts something.
    pub fn count(&mut self) -> io::Result<usize> {
        usize::try_from(self.int()?).map_err(|_| invalid("a negative count"))
    }

    /// `[string]`.
    pub fn string(&mut self) -> io::Result<String> {
        let length = self.short()?;
        String::from_utf8(self.take(length.into())?.to_vec()).map_err(|_| invalid("a string is not UTF-8"))
    }

    /// `[string list]`.
    pub fn strings(&mut self) -> io::Result<Vec<String>> {
        (0..self.short()?).map(|_| self.string()).collect()
    }

    /// `[short bytes]`.
    pub fn short_bytes(&mut self) -> io::Result<Vec<u8>> {
        let length = self.short()?;
        Ok(self.take(length.into())?.to_vec())
    }

    /// `[bytes]`: none where it is null.
    pub fn bytes(&mut self) -> io::Result<Option<Vec<u8>>> {
        match usize::try_from(self.int()?) {
            Ok(length) => Ok(Some(self.take(length)?.to_vec())),
            Err(_) => Ok(None),
        }
    }
}
