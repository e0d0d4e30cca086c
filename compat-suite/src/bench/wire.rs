//! As much of the native protocol, version 4, as the bare responder and the start-up probe take.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::{Error, Result};

/// Bytes of a frame before its body: version, flags, stream (2), opcode, length (4).
pub const HEADER_BYTES: usize = 9;
/// The version in a request; a response has the first bit set too.
pub const VERSION: u8 = 4;
/// The bit that makes it a response.
pub const RESPONSE: u8 = 0x80;

/// Opcodes used here.
pub mod opcode {
    /// The first frame of a client.
    pub const STARTUP: u8 = 0x01;
    /// The answer to it.
    pub const READY: u8 = 0x02;
    /// A statement as text.
    pub const QUERY: u8 = 0x07;
    /// What a statement gave.
    pub const RESULT: u8 = 0x08;
    /// A prepared statement with its values.
    pub const EXECUTE: u8 = 0x0A;
    /// What a server says unasked.
    pub const EVENT: u8 = 0x0C;
}

/// The kind of a result that holds rows.
const ROWS: i32 = 2;
/// The longest body that is read: no answer here comes near it.
const BODY_BYTES_MAX: usize = 16 << 20;

/// A frame as it came.
#[derive(Debug)]
pub struct Frame {
    /// What it is.
    pub opcode: u8,
    /// Header and body.
    pub bytes: Vec<u8>,
}

impl Frame {
    /// A request.
    pub fn request(opcode: u8, body: &[u8]) -> Self {
        let mut bytes = vec![VERSION, 0, 0, 0, opcode];
        bytes.extend(u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend(body);
        Self { opcode, bytes }
    }

    /// Reads one.
    pub fn read(stream: &mut impl Read) -> io::Result<Self> {
        let mut header = [0; HEADER_BYTES];
        stream.read_exact(&mut header)?;
        let length = body_bytes(&header).filter(|length| *length <= BODY_BYTES_MAX);
        let length = length.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a frame too long"))?;
        let mut bytes = header.to_vec();
        bytes.resize(HEADER_BYTES + length, 0);
        stream.read_exact(bytes.get_mut(HEADER_BYTES..).unwrap_or_default())?;
        Ok(Self { opcode: header[4], bytes })
    }

    /// What follows the header.
    pub fn body(&self) -> &[u8] {
        self.bytes.get(HEADER_BYTES..).unwrap_or_default()
    }
}

/// How long the body is, if `bytes` begin with a whole header.
pub fn body_bytes(bytes: &[u8]) -> Option<usize> {
    let length: [u8; 4] = bytes.get(5..HEADER_BYTES)?.try_into().ok()?;
    usize::try_from(u32::from_be_bytes(length)).ok()
}

/// Asks until a row comes back, from before the port is open, and says when that was. `statement` selects columns of
/// native types.
///
/// # Errors
///
/// [`Error::Failed`] with the last reason, if there is no row after `patience`.
pub fn first_row(server: SocketAddr, statement: &str, patience: Duration) -> Result<Instant> {
    let end = Instant::now() + patience;
    loop {
        let error = match ask(server, statement) {
            Ok(0) => "no row".to_owned(),
            Ok(_) => return Ok(Instant::now()),
            Err(error) => error.to_string(),
        };
        if Instant::now() > end {
            return Err(Error::failed(format_args!("{statement} on {server}"), error));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Connects, asks, and gives the number of rows.
fn ask(server: SocketAddr, statement: &str) -> io::Result<i32> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.set_nodelay(true)?;
    let mut startup = vec![0, 1];
    for text in ["CQL_VERSION", "3.0.0"] {
        startup.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
        startup.extend(text.as_bytes());
    }
    exchange(&mut stream, &Frame::request(opcode::STARTUP, &startup), opcode::READY)?;
    let mut query = u32::try_from(statement.len()).unwrap_or(u32::MAX).to_be_bytes().to_vec();
    query.extend(statement.as_bytes());
    query.extend([0, 1, 0]); // consistency ONE, no flags
    let answer = exchange(&mut stream, &Frame::request(opcode::QUERY, &query), opcode::RESULT)?;
    row_count(answer.body()).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not rows"))
}

fn exchange(stream: &mut TcpStream, request: &Frame, expected: u8) -> io::Result<Frame> {
    stream.write_all(&request.bytes)?;
    let answer = Frame::read(stream)?;
    if answer.opcode == expected {
        return Ok(answer);
    }
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    Err(io::Error::other(format!("answered with opcode {}: {text}", answer.opcode)))
}

/// The number of rows in a result: kind, flags, column count, keyspace and table, columns, rows.
fn row_count(body: &[u8]) -> Option<i32> {
    let mut rest = body;
    if int(&mut rest)? != ROWS {
        return None;
    }
    let flags = int(&mut rest)?;
    let columns = int(&mut rest)?;
    const GLOBAL_TABLE: i32 = 1;
    const MORE_PAGES: i32 = 2;
    if flags & MORE_PAGES != 0 {
        return None;
    }
    let names = if flags & GLOBAL_TABLE != 0 { 1 } else { 3 };
    if names == 1 {
        short_bytes(&mut rest)?;
        short_bytes(&mut rest)?;
    }
    for _ in 0..columns {
        for _ in 0..names {
            short_bytes(&mut rest)?;
        }
        rest = rest.get(2..)?;
    }
    int(&mut rest)
}

fn int(bytes: &mut &[u8]) -> Option<i32> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(i32::from_be_bytes(*first))
}

fn short_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (text, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    *bytes = rest;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_as_they_are_written() {
        let frame = Frame::request(opcode::QUERY, b"body");
        let read = Frame::read(&mut frame.bytes.as_slice()).expect("whole");
        assert_eq!((read.opcode, read.body()), (opcode::QUERY, &b"body"[..]));
        assert!(Frame::read(&mut &frame.bytes[..10]).is_err());
    }

    #[test]
    fn rows_are_counted() {
        let body = b"\0\0\0\x02\0\0\0\x01\0\0\0\x01\0\x01k\0\x01t\0\x01c\0\x0d\0\0\0\x05rest";
        assert_eq!(row_count(body), Some(5));
        assert_eq!(row_count(&body[..20]), None);
        assert_eq!(row_count(b"\0\0\0\x01"), None);
    }
}
