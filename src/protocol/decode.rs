//! Bodies to requests (section 4.1 of the specification).

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;

use super::header::{FLAG_CUSTOM_PAYLOAD, FLAG_TRACING, Header, Opcode};
use super::reader::Reader;
use crate::cql::{
    BatchKind, BatchStatement, Error, ProtocolVersion, QueryOptions, QueryOrId, Request, RequestKind,
};
use crate::event::EventType;

const VALUES: u32 = 0x0001;
const SKIP_METADATA: u32 = 0x0002;
const PAGE_SIZE: u32 = 0x0004;
const PAGING_STATE: u32 = 0x0008;
const SERIAL_CONSISTENCY: u32 = 0x0010;
const TIMESTAMP: u32 = 0x0020;
const NAMES_FOR_VALUES: u32 = 0x0040;
const KEYSPACE: u32 = 0x0080;
const NOW_IN_SECONDS: u32 = 0x0100;

/// A message of a client.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are requests, and it is moved once")]
pub enum Message {
    /// STARTUP, keys in upper case.
    Startup(BTreeMap<String, String>),
    /// OPTIONS.
    Options,
    /// REGISTER.
    Register(Vec<EventType>),
    /// AUTH_RESPONSE.
    AuthResponse(Bytes),
    /// Everything that a session answers.
    Request(Request),
}

/// Decodes the (uncompressed) body of a request.
pub fn decode(header: &Header, version: ProtocolVersion, body: Bytes) -> Result<Message, Error> {
    let mut reader = Reader::new(body);
    let custom_payload = match header.has(FLAG_CUSTOM_PAYLOAD) {
        false => None,
        true => Some(reader.bytes_map()?),
    };
    if custom_payload.is_some() && version < ProtocolVersion::V4 {
        return Err(Error::protocol(
            "Received frame with CUSTOM_PAYLOAD flag for native protocol version < 4",
        ));
    }
    let request = |kind, custom_payload: Option<HashMap<String, Bytes>>| {
        Message::Request(Request { kind, tracing: header.has(FLAG_TRACING), custom_payload })
    };
    Ok(match header.opcode {
        Opcode::Startup => Message::Startup(startup(&mut reader)?),
        Opcode::Options => Message::Options,
        Opcode::Register => Message::Register(register(&mut reader)?),
        Opcode::AuthResponse => match reader.bytes()? {
            Some(token) => Message::AuthResponse(token),
            None => return Err(Error::protocol("The token of AUTH_RESPONSE is null")),
        },
        Opcode::Query => {
            let text = reader.long_string()?.to_owned();
            let options = query_options(&mut reader, version)?;
            request(RequestKind::Query { text, options }, custom_payload)
        }
        Opcode::Prepare => request(prepare(&mut reader, version)?, custom_payload),
        Opcode::Execute => {
            let id = reader.id()?;
            let result_metadata_id = if version >= ProtocolVersion::V5 { Some(reader.id()?) } else { None };
            let options = query_options(&mut reader, version)?;
            request(RequestKind::Execute { id, result_metadata_id, options }, custom_payload)
        }
        Opcode::Batch => request(batch(&mut reader, version)?, custom_payload),
        _ => return Err(Error::protocol("Unsupported message")),
    })
}

fn startup(reader: &mut Reader) -> Result<BTreeMap<String, String>, Error> {
    let count = reader.short_int()?;
    let mut options = BTreeMap::new();
    for _ in 0..count {
        let key = reader.string()?.to_uppercase();
        options.insert(key, reader.string()?.to_owned());
    }
    Ok(options)
}

fn register(reader: &mut Reader) -> Result<Vec<EventType>, Error> {
    let count = reader.short_int()?;
    let mut kinds = Vec::new();
    for _ in 0..count {
        let name = reader.string()?;
        let kind = EventType::parse(name)
            .ok_or_else(|| Error::protocol(format!("Invalid value '{name}' for Type")))?;
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    Ok(kinds)
}

fn prepare(reader: &mut Reader, version: ProtocolVersion) -> Result<RequestKind, Error> {
    let text = reader.long_string()?.to_owned();
    let mut keyspace = None;
    if version >= ProtocolVersion::V5 && reader.int()? & 1 != 0 {
        keyspace = Some(reader.string()?.to_owned());
    }
    Ok(RequestKind::Prepare { text, keyspace })
}

fn batch(reader: &mut Reader, version: ProtocolVersion) -> Result<RequestKind, Error> {
    let kind = reader.byte()?;
    let count = usize::from(reader.short_int()?);
    // A statement takes five bytes at the least, so a small body cannot ask for much memory.
    let mut statements = Vec::with_capacity(count.min(reader.rest().len() / 5 + 1));
    for _ in 0..count {
        let statement = match reader.byte()? as i8 {
            0 => QueryOrId::Query(reader.long_string()?.to_owned()),
            1 => QueryOrId::Id(reader.id()?),
            other => {
                return Err(Error::protocol(format!(
                    "Invalid query kind in BATCH messages. Must be 0 or 1 but got {other}"
                )));
            }
        };
        statements.push(BatchStatement { statement, values: reader.values(version)? });
    }
    let options = query_options(reader, version)?;
    let kind = match kind as i8 {
        0 => BatchKind::Logged,
        1 => BatchKind::Unlogged,
        2 => BatchKind::Counter,
        other => return Err(Error::protocol(format!("Invalid BATCH message type {other}"))),
    };
    Ok(RequestKind::Batch { kind, statements, options })
}

/// `<query_parameters>`, as `QueryOptions.Codec.decode`.
fn query_options(reader: &mut Reader, version: ProtocolVersion) -> Result<QueryOptions, Error> {
    let mut options = QueryOptions { consistency: reader.consistency()?, ..QueryOptions::default() };
    let flags = match version {
        ProtocolVersion::V5 => reader.int()? as u32,
        _ => u32::from(reader.byte()?),
    };
    if flags & VALUES != 0 {
        options.values = match flags & NAMES_FOR_VALUES {
            0 => reader.values(version)?,
            _ => reader.named_values(version)?,
        };
    }
    options.skip_metadata = flags & SKIP_METADATA != 0;
    if flags & PAGE_SIZE != 0 {
        options.page_size = Some(reader.int()?).filter(|size| *size >= 0);
    }
    if flags & PAGING_STATE != 0 {
        options.paging_state = reader.bytes()?;
    }
    if flags & SERIAL_CONSISTENCY != 0 {
        options.serial_consistency = Some(reader.consistency()?);
    }
    if flags & TIMESTAMP != 0 {
        let timestamp = reader.long()?;
        if timestamp == i64::MIN {
            return Err(Error::protocol(format!(
                "Out of bound timestamp, must be in [{}, {}] (got {timestamp})",
                i64::MIN + 1,
                i64::MAX
            )));
        }
        options.timestamp = Some(timestamp);
    }
    if flags & KEYSPACE != 0 {
        options.keyspace = Some(reader.string()?.to_owned());
    }
    if flags & NOW_IN_SECONDS != 0 {
        options.now_in_seconds = Some(i64::from(reader.int()? as u32));
    }
    Ok(options)
}
