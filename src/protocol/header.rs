//! The header of an envelope, the unit of the protocol in every version (section 2 of the specification).
//!
//! ```text
//! 0         8        16        24        32         40                  72
//! +---------+---------+---------+---------+---------+---------+---------+
//! | version |  flags  |      stream       | opcode  |       length      |
//! +---------+---------+---------+---------+---------+---------+---------+
//! ```
//! The version's highest bit is set in responses.

use crate::cql::ProtocolVersion;

/// Bytes of a header.
pub const HEADER_LENGTH: usize = 9;

/// The body is compressed (versions 3 and 4).
pub const FLAG_COMPRESSED: u8 = 0x01;
/// Tracing is asked for, or the body begins with a tracing id.
pub const FLAG_TRACING: u8 = 0x02;
/// The body begins with a custom payload.
pub const FLAG_CUSTOM_PAYLOAD: u8 = 0x04;
/// The body begins with warnings.
pub const FLAG_WARNING: u8 = 0x08;
/// The client agrees to a beta version.
pub const FLAG_USE_BETA: u8 = 0x10;

const SUPPORTED_VERSIONS: &str = "3/v3, 4/v4, 5/v5, 6/v6-beta";

/// What an envelope is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are those of the specification, section 2.4")]
pub enum Opcode {
    Error = 0,
    Startup = 1,
    Ready = 2,
    Authenticate = 3,
    Credentials = 4,
    Options = 5,
    Supported = 6,
    Query = 7,
    Result = 8,
    Prepare = 9,
    Execute = 10,
    Register = 11,
    Event = 12,
    Batch = 13,
    AuthChallenge = 14,
    AuthResponse = 15,
    AuthSuccess = 16,
}

const OPCODES: [Opcode; 17] = [
    Opcode::Error,
    Opcode::Startup,
    Opcode::Ready,
    Opcode::Authenticate,
    Opcode::Credentials,
    Opcode::Options,
    Opcode::Supported,
    Opcode::Query,
    Opcode::Result,
    Opcode::Prepare,
    Opcode::Execute,
    Opcode::Register,
    Opcode::Event,
    Opcode::Batch,
    Opcode::AuthChallenge,
    Opcode::AuthResponse,
    Opcode::AuthSuccess,
];

impl Opcode {
    /// The name as Cassandra writes it in messages.
    pub fn name(self) -> &'static str {
        match self {
            Opcode::Error => "ERROR",
            Opcode::Startup => "STARTUP",
            Opcode::Ready => "READY",
            Opcode::Authenticate => "AUTHENTICATE",
            Opcode::Credentials => "CREDENTIALS",
            Opcode::Options => "OPTIONS",
            Opcode::Supported => "SUPPORTED",
            Opcode::Query => "QUERY",
            Opcode::Result => "RESULT",
            Opcode::Prepare => "PREPARE",
            Opcode::Execute => "EXECUTE",
            Opcode::Register => "REGISTER",
            Opcode::Event => "EVENT",
            Opcode::Batch => "BATCH",
            Opcode::AuthChallenge => "AUTH_CHALLENGE",
            Opcode::AuthResponse => "AUTH_RESPONSE",
            Opcode::AuthSuccess => "AUTH_SUCCESS",
        }
    }

    /// True if clients send it.
    pub fn is_request(self) -> bool {
        matches!(
            self,
            Opcode::Startup
                | Opcode::Credentials
                | Opcode::Options
                | Opcode::Query
                | Opcode::Prepare
                | Opcode::Execute
                | Opcode::Register
                | Opcode::Batch
                | Opcode::AuthResponse
        )
    }
}

/// A version that a client may use: one of the supported ones, or the beta version 6, which only OPTIONS understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireVersion {
    /// Supported.
    Supported(ProtocolVersion),
    /// `6/v6-beta`, with the flag that agrees to it.
    Beta,
}

impl WireVersion {
    /// The number in the first byte.
    pub fn number(self) -> u8 {
        match self {
            WireVersion::Supported(version) => version.number(),
            WireVersion::Beta => 6,
        }
    }

    /// The name in messages.
    pub fn name(self) -> String {
        match self {
            WireVersion::Supported(version) => version.to_string(),
            WireVersion::Beta => "6/v6-beta".to_owned(),
        }
    }
}

/// A header that was read and found valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The version.
    pub version: WireVersion,
    /// The flags, as they came.
    pub flags: u8,
    /// Which of the connection's concurrent requests it is.
    pub stream: i16,
    /// What it is.
    pub opcode: Opcode,
    /// Bytes of the body.
    pub length: u32,
}

impl Header {
    /// Whether a flag is set.
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// Why a header is not valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderError {
    /// Cassandra's message.
    pub message: String,
    /// The version that the answer must have, where it is not the connection's.
    pub version: Option<u8>,
    /// The stream, as far as it could be read.
    pub stream: i16,
    /// True if the version itself is wrong: then the rest of what came makes no sense.
    pub bad_version: bool,
}

/// Checks the version in the first byte of an envelope, as `ProtocolVersion.decode`.
pub fn check_version(first_byte: u8, allow_older: bool) -> Result<WireVersion, HeaderError> {
    let fail = |message: String, version| Err(HeaderError { message, version, stream: 0, bad_version: true });
    let version = match first_byte & 0x7f {
        3 => ProtocolVersion::V3,
        4 => ProtocolVersion::V4,
        5 => return Ok(WireVersion::Supported(ProtocolVersion::V5)),
        6 => return Ok(WireVersion::Beta),
        number => {
            let answer = matches!(number, 1 | 2).then_some(number);
            let message = format!(
                "Invalid or unsupported protocol version ({number}); supported versions are ({SUPPORTED_VERSIONS})"
            );
            return fail(message, answer);
        }
    };
    if !allow_older {
        return fail(format!("Rejecting Protocol Version {version} < {}.", ProtocolVersion::CURRENT), None);
    }
    Ok(WireVersion::Supported(version))
}

/// Reads a header. The length is not judged here.
pub fn parse(bytes: &[u8; HEADER_LENGTH], allow_older: bool) -> Result<Header, HeaderError> {
    let [first, flags, stream_high, stream_low, opcode, length @ ..] = *bytes;
    let stream = i16::from_be_bytes([stream_high, stream_low]);
    let version = check_version(first, allow_older).map_err(|error| HeaderError { stream, ..error })?;
    if version == WireVersion::Beta && flags & FLAG_USE_BETA == 0 {
        let message =
            format!("Beta version of the protocol used ({}), but USE_BETA flag is unset", version.name());
        return Err(HeaderError { message, version: Some(6), stream, bad_version: true });
    }
    let fail = |message| Err(HeaderError { message, version: None, stream, bad_version: false });
    let Some(opcode) = OPCODES.get(usize::from(opcode)).copied() else {
        return fail(format!("Unknown opcode {}", opcode as i8));
    };
    let says_request = first & 0x80 == 0;
    if opcode.is_request() != says_request {
        let name = |request| if request { "REQUEST" } else { "RESPONSE" };
        return fail(format!(
            "Wrong protocol direction (expected {}, got {}) for opcode {} ({})",
            name(opcode.is_request()),
            name(says_request),
            opcode as u8,
            opcode.name(),
        ));
    }
    if !says_request {
        return fail(format!("Unexpected RESPONSE message {}, expecting REQUEST", opcode.name()));
    }
    Ok(Header { version, flags, stream, opcode, length: u32::from_be_bytes(length) })
}
