//! What waits to be written to a connection: envelopes, encoded straight into one buffer in the connection's format.

use bytes::{Buf, BufMut, BytesMut};

use super::compression::Compression;
use super::framing::{self, PAYLOAD_BYTES_MAX, PLAIN_HEADER_BYTES};
use super::header::{FLAG_COMPRESSED, FLAG_USE_BETA, HEADER_LENGTH, Opcode, WireVersion};

/// Buffers larger than this are given back when they are empty.
const KEPT_BYTES_MAX: usize = 256 * 1024;

/// How envelopes go onto the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One after the other (until STARTUP, and in versions 3 and 4).
    Plain,
    /// One after the other with compressed bodies (versions 3 and 4).
    Compressed(Compression),
    /// In frames (version 5).
    Framed {
        /// Whether the frames are compressed.
        lz4: bool,
    },
}

/// The output buffer of a connection.
#[derive(Debug)]
pub struct Output {
    wire: BytesMut,
    version: u8,
    format: Format,
    /// Where in `wire` the open frame begins (frames without compression only).
    frame_start: Option<usize>,
    /// A body, or a frame's payload, that is to be compressed.
    scratch: BytesMut,
}

impl Output {
    /// An empty buffer for the time before STARTUP.
    pub fn new() -> Self {
        Output {
            wire: BytesMut::new(),
            version: crate::cql::ProtocolVersion::CURRENT.number(),
            format: Format::Plain,
            frame_start: None,
            scratch: BytesMut::new(),
        }
    }

    /// The version of the envelopes from now on.
    pub fn set_version(&mut self, version: WireVersion) {
        self.version = version.number();
    }

    /// How envelopes are written from now on.
    pub fn set_format(&mut self, format: Format) {
        self.finish();
        self.format = format;
    }

    /// Writes an envelope whose body `write` appends to the buffer that it is given.
    pub fn envelope(&mut self, opcode: Opcode, flags: u8, stream: i16, write: impl FnOnce(&mut BytesMut)) {
        self.envelope_as(self.version, opcode, flags, stream, write);
    }

    /// The same in another version, for answers to versions that are not supported.
    pub fn envelope_as(
        &mut self,
        version: u8,
        opcode: Opcode,
        mut flags: u8,
        stream: i16,
        write: impl FnOnce(&mut BytesMut),
    ) {
        if version == WireVersion::Beta.number() {
            flags |= FLAG_USE_BETA;
        }
        match self.format {
            Format::Plain => {
                append_envelope(&mut self.wire, version, opcode, flags, stream, write);
            }
            Format::Compressed(compression) => {
                self.scratch.clear();
                write(&mut self.scratch);
                let body = &self.scratch;
                append_envelope(&mut self.wire, version, opcode, flags | FLAG_COMPRESSED, stream, |out| {
                    compression.compress(body, out);
                });
            }
            Format::Framed { lz4: false } => {
                let frame = *self.frame_start.get_or_insert_with(|| {
                    let start = self.wire.len();
                    self.wire.put_bytes(0, PLAIN_HEADER_BYTES);
                    start
                });
                let envelope = append_envelope(&mut self.wire, version, opcode, flags, stream, write);
                if self.wire.len() - frame - PLAIN_HEADER_BYTES > PAYLOAD_BYTES_MAX {
                    self.split_frame(frame, envelope);
                }
            }
            Format::Framed { lz4: true } => {
                let envelope = append_envelope(&mut self.scratch, version, opcode, flags, stream, write);
                if self.scratch.len() > PAYLOAD_BYTES_MAX {
                    let last = self.scratch.split_off(envelope);
                    self.finish();
                    if last.len() > PAYLOAD_BYTES_MAX {
                        self.large(&last);
                    } else {
                        self.scratch = last;
                    }
                }
            }
        }
    }

    /// The open frame became too large: its last envelope moves out of it.
    fn split_frame(&mut self, frame: usize, envelope: usize) {
        let last = self.wire.split_off(envelope);
        self.frame_start = None;
        if envelope > frame + PLAIN_HEADER_BYTES {
            framing::finish_plain(&mut self.wire, frame, true);
        } else {
            self.wire.truncate(frame);
        }
        if last.len() > PAYLOAD_BYTES_MAX {
            self.large(&last);
        } else {
            self.frame_start = Some(self.wire.len());
            self.wire.put_bytes(0, PLAIN_HEADER_BYTES);
            self.wire.extend_from_slice(&last);
        }
    }

    /// An envelope in as many frames as it takes.
    fn large(&mut self, envelope: &[u8]) {
        let lz4 = self.format == Format::Framed { lz4: true };
        for payload in envelope.chunks(PAYLOAD_BYTES_MAX) {
            framing::encode(&mut self.wire, payload, false, lz4);
        }
    }

    /// Completes the open frame: to be called before anything is taken out.
    pub fn finish(&mut self) {
        match self.format {
            Format::Framed { lz4: false } => {
                if let Some(frame) = self.frame_start.take() {
                    framing::finish_plain(&mut self.wire, frame, true);
                }
            }
            Format::Framed { lz4: true } if !self.scratch.is_empty() => {
                framing::encode(&mut self.wire, &self.scratch, true, true);
                self.scratch.clear();
            }
            _ => {}
        }
    }

    /// The bytes to be written.
    pub fn bytes(&self) -> &[u8] {
        &self.wire
    }

    /// Bytes that wait.
    pub fn len(&self) -> usize {
        self.wire.len()
    }

    /// True if nothing waits.
    pub fn is_empty(&self) -> bool {
        self.wire.is_empty()
    }

    /// Forgets bytes that were written.
    pub fn advance(&mut self, count: usize) {
        if count < self.wire.len() {
            self.wire.advance(count);
            return;
        }
        self.wire.clear();
        for buffer in [&mut self.wire, &mut self.scratch] {
            if buffer.capacity() > KEPT_BYTES_MAX && buffer.is_empty() {
                *buffer = BytesMut::new();
            }
        }
    }
}

impl Default for Output {
    fn default() -> Self {
        Output::new()
    }
}

/// Appends an envelope and returns where it begins. Versions 1 and 2 have one byte for the stream.
fn append_envelope(
    out: &mut BytesMut,
    version: u8,
    opcode: Opcode,
    flags: u8,
    stream: i16,
    write: impl FnOnce(&mut BytesMut),
) -> usize {
    let start = out.len();
    out.put_u8(version | 0x80);
    out.put_u8(flags);
    let mut header = HEADER_LENGTH;
    if version < 3 {
        out.put_i8(stream as i8);
        header -= 1;
    } else {
        out.put_i16(stream);
    }
    out.put_u8(opcode as u8);
    out.put_u32(0);
    let body = start + header;
    write(out);
    let length = out.len().saturating_sub(body) as u32;
    if let Some(space) = out.get_mut(body - 4..body) {
        space.copy_from_slice(&length.to_be_bytes());
    }
    start
}
