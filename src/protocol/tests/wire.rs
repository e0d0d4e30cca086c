//! The client's side of the wire, as far as tests need it.

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::super::compression::Compression;
use super::super::framing;
use super::super::header::{FLAG_COMPRESSED, Opcode};

/// An envelope as it came from the server, its body uncompressed.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    pub version: u8,
    pub flags: u8,
    pub stream: i16,
    pub opcode: u8,
    pub body: Bytes,
}

impl std::fmt::Debug for Envelope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Envelope { version, flags, stream, opcode, body } = self;
        let body = String::from_utf8_lossy(body.get(..300).unwrap_or(body));
        write!(f, "[{version:#x} flags {flags} stream {stream} opcode {opcode} {body:?}]")
    }
}

/// A request in version 3 or later.
pub fn request(version: u8, opcode: Opcode, stream: i16, body: &[u8]) -> Vec<u8> {
    let mut out = vec![version, 0];
    out.put_i16(stream);
    out.put_u8(opcode as u8);
    out.put_u32(body.len() as u32);
    out.extend_from_slice(body);
    out
}

/// STARTUP with these options.
pub fn startup(version: u8, options: &[(&str, &str)]) -> Vec<u8> {
    let mut body = Vec::new();
    body.put_u16(options.len() as u16);
    for (key, value) in options {
        for text in [key, value] {
            body.put_u16(text.len() as u16);
            body.extend_from_slice(text.as_bytes());
        }
    }
    request(version, Opcode::Startup, 0, &body)
}

/// QUERY without options.
pub fn query(version: u8, stream: i16, text: &str) -> Vec<u8> {
    let mut body = Vec::new();
    body.put_u32(text.len() as u32);
    body.extend_from_slice(text.as_bytes());
    body.put_u16(1);
    body.put_bytes(0, if version >= 5 { 4 } else { 1 });
    request(version, Opcode::Query, stream, &body)
}

/// Takes complete envelopes off bytes that came from the server, in the format of its version.
#[derive(Default)]
pub struct Decoder {
    pub framed: Option<bool>,
    pub compression: Option<Compression>,
    pub wire: BytesMut,
    pub plain: BytesMut,
}

impl Decoder {
    pub fn next(&mut self) -> Option<Envelope> {
        if let Some(lz4) = self.framed {
            while let Some(frame) = framing::decode(&mut self.wire, lz4).unwrap() {
                self.plain.extend_from_slice(&frame.payload);
            }
        } else {
            self.plain.unsplit(self.wire.split());
        }
        let version = *self.plain.first()?;
        let header = if version & 0x7f < 3 { 8 } else { 9 };
        let length = u32::from_be_bytes(self.plain.get(header - 4..header)?.try_into().unwrap()) as usize;
        if self.plain.len() < header + length {
            return None;
        }
        let envelope = self.plain.split_to(header + length).freeze();
        let (head, body) = (envelope.slice(..header), envelope.slice(header..));
        let flags = head[1];
        let body = match self.compression {
            Some(compression) if flags & FLAG_COMPRESSED != 0 => compression.decompress(&body).unwrap(),
            _ => body,
        };
        let stream = match header {
            8 => i16::from(head[2] as i8),
            _ => i16::from_be_bytes([head[2], head[3]]),
        };
        Some(Envelope { version, flags, stream, opcode: head[header - 5], body })
    }
}

/// A client that has a connection.
pub struct Client {
    pub socket: TcpStream,
    pub version: u8,
    pub decoder: Decoder,
}

impl Client {
    /// Connects, and starts up unless `options` is empty.
    pub async fn connect(address: std::net::SocketAddr, version: u8, options: &[(&str, &str)]) -> Client {
        let socket = TcpStream::connect(address).await.unwrap();
        let mut client = Client { socket, version, decoder: Decoder::default() };
        if !options.is_empty() {
            client.send_plain(&startup(version, options)).await;
            let compression = options.iter().find(|(key, _)| *key == "COMPRESSION").map(|(_, name)| *name);
            if version < 5 {
                client.decoder.compression = match compression {
                    Some("lz4") => Some(Compression::Lz4),
                    Some("snappy") => Some(Compression::Snappy),
                    _ => None,
                };
            }
            let answer = client.receive().await;
            assert!(answer.opcode == Opcode::Ready as u8 || answer.opcode == Opcode::Authenticate as u8);
            if version >= 5 {
                client.decoder.framed = Some(compression.is_some());
            }
        }
        client
    }

    /// Sends envelopes, in one frame if there are frames, and in several if they do not fit.
    pub async fn send(&mut self, envelopes: &[u8]) {
        match self.decoder.framed {
            None => self.send_plain(envelopes).await,
            Some(lz4) => {
                let mut wire = BytesMut::new();
                let self_contained = envelopes.len() <= framing::PAYLOAD_BYTES_MAX;
                for chunk in envelopes.chunks(framing::PAYLOAD_BYTES_MAX) {
                    framing::encode(&mut wire, chunk, self_contained, lz4);
                }
                self.send_plain(&wire).await;
            }
        }
    }

    pub async fn send_plain(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).await.unwrap();
    }

    pub async fn query(&mut self, stream: i16, text: &str) {
        self.send(&query(self.version, stream, text)).await;
    }

    /// The next envelope; panics if the connection is closed.
    pub async fn receive(&mut self) -> Envelope {
        self.try_receive().await.unwrap()
    }

    /// The next envelope; None if the connection is closed.
    pub async fn try_receive(&mut self) -> Option<Envelope> {
        loop {
            if let Some(envelope) = self.decoder.next() {
                return Some(envelope);
            }
            if self.socket.read_buf(&mut self.decoder.wire).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }
}
