//! The bytes that came in, cut into envelopes.

use bytes::{Buf, Bytes, BytesMut};

use super::framing;
use super::header::{self, HEADER_LENGTH, Header, HeaderError, WireVersion};
use crate::cql::Error;

/// What came in next.
#[derive(Debug)]
pub enum Item {
    /// An envelope with its body as it came, compressed or not.
    Envelope(Header, Bytes),
    /// Something that is not one.
    Bad(Bad),
}

/// An error that is answered, and whether the connection can go on after it.
#[derive(Debug, PartialEq, Eq)]
pub struct Bad {
    /// What is wrong.
    pub error: Error,
    /// The version to answer in, where it is not the connection's.
    pub version: Option<u8>,
    /// The stream to answer on.
    pub stream: i16,
    /// The connection must be closed after the answer.
    pub fatal: bool,
}

impl Bad {
    fn fatal(message: impl Into<String>, stream: i16) -> Item {
        Item::Bad(Bad { error: Error::protocol(message), version: None, stream, fatal: true })
    }
}

/// What is enforced while cutting.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Bytes of an envelope with its header in versions 3 and 4.
    pub frame_bytes_max: u64,
    /// Bytes of an envelope's body in version 5.
    pub message_bytes_max: u64,
    /// Errors in one frame after which it is given up.
    pub consecutive_errors_max: u32,
}

/// An envelope in several frames, of which some have come.
#[derive(Debug)]
struct Large {
    header: Header,
    length: usize,
    received: usize,
    /// Empty if it is too big and only counted.
    bytes: BytesMut,
    too_big: bool,
}

/// Cuts the input of one connection.
#[derive(Debug)]
pub struct Inbound {
    rules: Rules,
    /// The version that the connection settled on.
    version: Option<WireVersion>,
    /// In frames (version 5, after STARTUP), and whether these are compressed.
    framed: Option<bool>,
    /// Multi-frame envelopes are refused until the client has logged in.
    authenticated: bool,
    /// Bytes still to be skipped, and the answer after them.
    skip: u64,
    after_skip: Option<Bad>,
    /// What is left of the current frame's payload.
    payload: Bytes,
    large: Option<Large>,
    consecutive_errors: u32,
    /// Stands for the connection in messages.
    id: u32,
}

impl Inbound {
    /// The input of a new connection.
    pub fn new(rules: Rules, id: u32) -> Self {
        Inbound {
            rules,
            version: None,
            framed: None,
            authenticated: false,
            skip: 0,
            after_skip: None,
            payload: Bytes::new(),
            large: None,
            consecutive_errors: 0,
            id,
        }
    }

    /// STARTUP was accepted: all further envelopes have this version, and in version 5 come in frames.
    pub fn settle(&mut self, version: WireVersion, framed: Option<bool>) {
        self.version = Some(version);
        self.framed = framed;
    }

    /// The client may send envelopes of several frames now.
    pub fn set_authenticated(&mut self) {
        self.authenticated = true;
    }

    /// Notes whether an envelope's body could be decoded; true if the connection is to be given up.
    pub fn note_body(&mut self, valid: bool) -> bool {
        if self.framed.is_none() {
            return false;
        }
        self.consecutive_errors = if valid { 0 } else { self.consecutive_errors + 1 };
        self.consecutive_errors > self.rules.consecutive_errors_max
    }

    /// The next envelope or error; None if more bytes are needed.
    pub fn next(&mut self, input: &mut BytesMut, allow_older: bool) -> Option<Item> {
        match self.framed {
            None => self.next_plain(input, allow_older),
            Some(lz4) => self.next_framed(input, lz4, allow_older),
        }
    }

    fn next_plain(&mut self, input: &mut BytesMut, allow_older: bool) -> Option<Item> {
        if self.skip > 0 {
            let count = self.skip.min(input.len() as u64);
            input.advance(count as usize);
            self.skip -= count;
            if self.skip > 0 {
                return None;
            }
            if let Some(bad) = self.after_skip.take() {
                return Some(Item::Bad(bad));
            }
        }
        if let Err(error) = header::check_version(*input.first()?, allow_older) {
            input.clear();
            return Some(self.bad_header(HeaderError { stream: 0, ..error }, false));
        }
        let bytes = input.first_chunk::<HEADER_LENGTH>()?;
        let header = match header::parse(bytes, allow_older) {
            Ok(header) => header,
            Err(error) if error.bad_version => {
                input.clear();
                return Some(self.bad_header(HeaderError { stream: 0, ..error }, false));
            }
            Err(error) => {
                let [.., a, b, c, d] = *bytes;
                self.skip = HEADER_LENGTH as u64 + u64::from(u32::from_be_bytes([a, b, c, d]));
                return Some(self.bad_header(error, false));
            }
        };
        let total = HEADER_LENGTH as u64 + u64::from(header.length);
        if total > self.rules.frame_bytes_max {
            self.skip = total;
            let max = self.rules.frame_bytes_max;
            self.after_skip = Some(Bad {
                error: Error::invalid(format!(
                    "Request is too big: length {total} exceeds maximum allowed length {max}."
                )),
                version: None,
                stream: header.stream,
                fatal: false,
            });
            return self.next_plain(input, allow_older);
        }
        let total = total as usize;
        if input.len() < total {
            input.reserve(total - input.len());
            return None;
        }
        let mut body = input.split_to(total).freeze();
        body.advance(HEADER_LENGTH);
        let settled = self.version.unwrap_or(header.version);
        if header.version != settled {
            let message = format!(
                "Invalid message version. Got {} but previous messages on this connection had version {}",
                header.version.name(),
                settled.name()
            );
            let error = Error::protocol(message);
            return Some(Item::Bad(Bad { error, version: None, stream: header.stream, fatal: false }));
        }
        Some(Item::Envelope(header, body))
    }

    fn bad_header(&mut self, error: HeaderError, fatal: bool) -> Item {
        Item::Bad(Bad {
            error: Error::protocol(error.message),
            version: error.version,
            stream: error.stream,
            fatal,
        })
    }

    fn next_framed(&mut self, input: &mut BytesMut, lz4: bool, allow_older: bool) -> Option<Item> {
        loop {
            if !self.payload.is_empty() {
                return Some(self.next_contained(allow_older));
            }
            let frame = match framing::decode(input, lz4) {
                Ok(frame) => frame?,
                Err(corrupt) => {
                    input.clear();
                    return Some(Bad::fatal(corrupt.message(self.id), 0));
                }
            };
            self.consecutive_errors = 0;
            if frame.self_contained {
                self.payload = frame.payload;
            } else if let Some(item) = self.large_frame(frame.payload, allow_older) {
                return Some(item);
            }
        }
    }

    /// The next envelope of a self-contained frame.
    fn next_contained(&mut self, allow_older: bool) -> Item {
        let Some(bytes) = self.payload.first_chunk::<HEADER_LENGTH>() else {
            let actual = self.payload.len();
            self.payload.clear();
            return Bad::fatal(
                format!("Undersized buffer supplied. Expected {HEADER_LENGTH}, actual {actual}"),
                0,
            );
        };
        let (header, length) = match self.check_contained(bytes, allow_older) {
            Ok(checked) => checked,
            Err((error, length)) => {
                self.consecutive_errors += 1;
                let fatal = length.is_none() || self.consecutive_errors > self.rules.consecutive_errors_max;
                let skip = HEADER_LENGTH.saturating_add(length.unwrap_or(0));
                self.payload.advance(skip.min(self.payload.len()));
                return self.bad_header(error, fatal);
            }
        };
        if self.payload.len() - HEADER_LENGTH < length {
            let left = self.payload.len() - HEADER_LENGTH;
            self.payload.clear();
            return Bad::fatal(
                format!("An envelope's body of {length} bytes exceeds its frame, which has {left} left"),
                header.stream,
            );
        }
        let mut body = self.payload.split_to(HEADER_LENGTH + length);
        body.advance(HEADER_LENGTH);
        Item::Envelope(header, body)
    }

    /// Checks a header within a frame; an error comes with the length of the body, if that is not negative.
    fn check_contained(
        &self,
        bytes: &[u8; HEADER_LENGTH],
        allow_older: bool,
    ) -> Result<(Header, usize), (HeaderError, Option<usize>)> {
        let [_, _, high, low, _, length @ ..] = *bytes;
        let stream = i16::from_be_bytes([high, low]);
        let length = i32::from_be_bytes(length);
        let error = |message| HeaderError { message, version: None, stream, bad_version: false };
        let Ok(body) = usize::try_from(length) else {
            let message = format!("Invalid value for envelope header body length field: {length}");
            return Err((error(message), None));
        };
        let header = header::parse(bytes, allow_older).map_err(|error| (error, Some(body)))?;
        match self.version {
            // The missing blank is Cassandra's.
            Some(version) if version != header.version => {
                let message = format!(
                    "Invalid message version. Got {} but previousmessages on this connection had version {}",
                    header.version.name(),
                    version.name()
                );
                Err((error(message), Some(body)))
            }
            _ => Ok((header, body)),
        }
    }

    /// A frame that holds a part of an envelope.
    fn large_frame(&mut self, payload: Bytes, allow_older: bool) -> Option<Item> {
        if self.large.is_none() {
            let Some(bytes) = payload.first_chunk::<HEADER_LENGTH>() else {
                return Some(Bad::fatal("The first frame of a message is shorter than its header", 0));
            };
            let (header, length) = match self.check_contained(bytes, allow_older) {
                Ok(checked) => checked,
                Err((error, _)) => return Some(self.bad_header(error, true)),
            };
            if !self.authenticated {
                let size = header.length;
                return Some(Bad::fatal(
                    format!(
                        "The connection is not yet in a valid state to process multi frame CQL Messages, usually \
                         thismeans that authentication is still pending. type = {}, size = {size}",
                        header.opcode.name()
                    ),
                    header.stream,
                ));
            }
            let too_big = length as u64 > self.rules.message_bytes_max;
            self.large = Some(Large {
                header,
                length: HEADER_LENGTH + length,
                received: 0,
                bytes: BytesMut::new(),
                too_big,
            });
        }
        let large = self.large.as_mut()?;
        large.received += payload.len();
        if !large.too_big {
            large.bytes.extend_from_slice(&payload);
        }
        if large.received < large.length {
            return None;
        }
        let large = self.large.take()?;
        let stream = large.header.stream;
        if large.received > large.length {
            return Some(Bad::fatal("The frames of a message hold more than its header says", stream));
        }
        if large.too_big {
            let (size, max) = (large.header.length, self.rules.message_bytes_max);
            let error = Error::invalid(format!(
                "CQL Message of size {size} bytes exceeds allowed maximum of {max} bytes"
            ));
            return Some(Item::Bad(Bad { error, version: None, stream, fatal: false }));
        }
        let mut body = large.bytes.freeze();
        body.advance(HEADER_LENGTH);
        Some(Item::Envelope(large.header, body))
    }
}
