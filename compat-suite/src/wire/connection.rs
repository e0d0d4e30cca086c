//! One connection: requests are sent and answered one after the other.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::answer::{Answer, Change, Failure, Prepared, Response};
use super::body::Body;
use super::request::{self, BatchEntry, BatchKind, Options, Values};
use super::{invalid, segment};

const STARTUP: u8 = 0x01;
const READY: u8 = 0x02;
const AUTHENTICATE: u8 = 0x03;
const QUERY: u8 = 0x07;
const PREPARE: u8 = 0x09;
const EXECUTE: u8 = 0x0a;
const REGISTER: u8 = 0x0b;
const EVENT: u8 = 0x0c;
const BATCH: u8 = 0x0d;
const AUTH_RESPONSE: u8 = 0x0f;
const AUTH_SUCCESS: u8 = 0x10;

const HEADER_BYTES: usize = 9;
const ANSWER_WAIT: Duration = Duration::from_secs(60);

/// A message of the server.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// The header's flags.
    pub flags: u8,
    /// What it is.
    pub opcode: u8,
    /// Its body.
    pub body: Vec<u8>,
}

/// A connection to a server.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    version: u8,
    /// Whether version 5's frames are in use: after STARTUP.
    is_framed: bool,
    /// What came in, and was no whole frame yet.
    frames: Vec<u8>,
    /// What came in, and was no whole envelope yet.
    envelopes: Vec<u8>,
}

impl Connection {
    /// Connects with a version of the protocol, 3 to 5. A server that asks for a password gets Cassandra's first one.
    pub fn open(address: SocketAddr, version: u8) -> io::Result<Self> {
        match Self::log_in(address, version, ("cassandra", "cassandra"))? {
            Ok(connection) => Ok(connection),
            Err(failure) => Err(invalid(format!("the first user was refused: {failure}"))),
        }
    }

    /// Connects as a role with its password, for a server that asks for them; gives the error that it refuses with.
    pub fn log_in(
        address: SocketAddr,
        version: u8,
        (role, password): (&str, &str),
    ) -> io::Result<Result<Self, Failure>> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let mut connection =
            Self { stream, version, is_framed: false, frames: Vec::new(), envelopes: Vec::new() };
        let mut body = 1u16.to_be_bytes().to_vec();
        request::put_string(&mut body, "CQL_VERSION");
        request::put_string(&mut body, "3.0.0");
        let ready = connection.exchange(STARTUP, &body)?;
        connection.is_framed = version >= 5;
        match ready.opcode {
            READY => Ok(Ok(connection)),
            AUTHENTICATE => {
                let mut body = Vec::new();
                request::put_bytes(&mut body, format!("\0{role}\0{password}").as_bytes());
                match connection.request(AUTH_RESPONSE, &body)?.answer {
                    Answer::Other(AUTH_SUCCESS) => Ok(Ok(connection)),
                    Answer::Error(failure) => Ok(Err(failure)),
                    other => Err(invalid(format!("the password was answered with {other:?}"))),
                }
            }
            other => Err(invalid(format!("STARTUP was answered with opcode {other}"))),
        }
    }

    /// The version of the protocol.
    pub fn version(&self) -> u8 {
        self.version
    }

    /// QUERY.
    pub fn query(&mut self, text: &str, values: &Values, options: &Options) -> io::Result<Response> {
        let mut body = Vec::new();
        request::put_long_string(&mut body, text);
        options.put(self.version, values, &mut body);
        self.request(QUERY, &body)
    }

    /// PREPARE; version 5 may name a keyspace.
    pub fn prepare(&mut self, text: &str, keyspace: Option<&str>) -> io::Result<Response> {
        let mut body = Vec::new();
        request::put_long_string(&mut body, text);
        if self.version >= 5 {
            body.extend(u32::from(keyspace.is_some()).to_be_bytes());
            if let Some(keyspace) = keyspace {
                request::put_string(&mut body, keyspace);
            }
        }
        self.request(PREPARE, &body)
    }

    /// EXECUTE.
    pub fn execute(
        &mut self,
        prepared: &Prepared,
        values: &Values,
        options: &Options,
    ) -> io::Result<Response> {
        let mut body = Vec::new();
        request::put_short_bytes(&mut body, &prepared.id);
        if self.version >= 5 {
            request::put_short_bytes(&mut body, &prepared.metadata_id);
        }
        // The keyspace belongs to PREPARE.
        let options = Options { keyspace: None, ..options.clone() };
        options.put(self.version, values, &mut body);
        self.request(EXECUTE, &body)
    }

    /// BATCH.
    pub fn batch(
        &mut self,
        kind: BatchKind,
        entries: &[BatchEntry],
        options: &Options,
    ) -> io::Result<Response> {
        self.request(BATCH, &request::batch(self.version, kind, entries, options))
    }

    /// Asks for the events of changes of the schema.
    pub fn register(&mut self) -> io::Result<()> {
        let mut body = 1u16.to_be_bytes().to_vec();
        request::put_string(&mut body, "SCHEMA_CHANGE");
        match self.request(REGISTER, &body)?.answer {
            Answer::Other(READY) => Ok(()),
            other => Err(invalid(format!("REGISTER was answered with {other:?}"))),
        }
    }

    /// The next event that comes within a time.
    pub fn event(&mut self, wait: Duration) -> io::Result<Option<Change>> {
        let Some(envelope) = self.receive(wait)? else { return Ok(None) };
        let mut body = Body::new(envelope.body);
        if envelope.opcode != EVENT || body.string()? != "SCHEMA_CHANGE" {
            return Err(invalid(format!("opcode {} in place of an event", envelope.opcode)));
        }
        Change::read(&mut body).map(Some)
    }

    fn request(&mut self, opcode: u8, body: &[u8]) -> io::Result<Response> {
        let envelope = self.exchange(opcode, body)?;
        Response::read(self.version, envelope.flags, envelope.opcode, &mut Body::new(envelope.body))
    }

    fn exchange(&mut self, opcode: u8, body: &[u8]) -> io::Result<Envelope> {
        let mut envelope = vec![self.version, 0, 0, 0, opcode];
        envelope.extend((body.len() as u32).to_be_bytes());
        envelope.extend(body);
        if self.is_framed {
            let mut framed = Vec::new();
            segment::wrap(&envelope, &mut framed);
            envelope = framed;
        }
        self.stream.write_all(&envelope)?;
        self.receive(ANSWER_WAIT)?.ok_or_else(|| io::Error::new(io::ErrorKind::TimedOut, "no answer"))
    }

    fn receive(&mut self, wait: Duration) -> io::Result<Option<Envelope>> {
        let deadline = Instant::now() + wait;
        loop {
            if let Some(envelope) = self.next_envelope()? {
                return Ok(Some(envelope));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.stream.set_read_timeout(Some(left))?;
            let mut chunk = [0; 1 << 16];
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.frames.extend_from_slice(chunk.get(..count).unwrap_or_default()),
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn next_envelope(&mut self) -> io::Result<Option<Envelope>> {
        if !self.is_framed {
            self.envelopes.append(&mut self.frames);
        }
        while self.is_framed
            && let Some(payload) = segment::unwrap(&mut self.frames)?
        {
            self.envelopes.extend(payload);
        }
        let Some(&[_, flags, _, _, opcode, a, b, c, d]) = self.envelopes.first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let end = HEADER_BYTES + u32::from_be_bytes([a, b, c, d]) as usize;
        let Some(body) = self.envelopes.get(HEADER_BYTES..end) else { return Ok(None) };
        let envelope = Envelope { flags, opcode, body: body.to_vec() };
        self.envelopes.drain(..end);
        Ok(Some(envelope))
    }
}
