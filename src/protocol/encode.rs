//! Responses to bodies (section 4.2 of the specification).

use std::collections::HashMap;
use std::net::SocketAddr;

use bytes::{BufMut, Bytes, BytesMut};

use super::column_type::put_type;
use super::error::{self, put_address};
use super::header::{FLAG_CUSTOM_PAYLOAD, FLAG_TRACING, FLAG_WARNING, Opcode};
use crate::cql::{
    Columns, Prepared, PreparedMetadata, ProtocolVersion, Response, ResultMessage, ResultMetadata,
};
use crate::event::{Change, Event, SchemaChange, Target};

const GLOBAL_TABLES_SPEC: i32 = 0x0001;
const HAS_MORE_PAGES: i32 = 0x0002;
const NO_METADATA: i32 = 0x0004;
const METADATA_CHANGED: i32 = 0x0008;

/// Text longer than a `[string]` can hold is cut, on a character's boundary.
fn fitting(text: &str) -> &str {
    let end = text.len().min(usize::from(u16::MAX));
    let end = (0..=end).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// `[string]`.
pub fn put_string(out: &mut BytesMut, text: &str) {
    let text = fitting(text);
    out.put_u16(text.len() as u16);
    out.extend_from_slice(text.as_bytes());
}

/// `[string]` of a name within a change of the schema, where Cassandra writes what is not ASCII as question marks, one
/// for each unit of UTF-16 (`CBUtil.writeAsciiString`; letters of Latin-1 make it write text that is not UTF-8).
fn put_ascii(out: &mut BytesMut, name: &str) {
    if name.is_ascii() {
        return put_string(out, name);
    }
    let ascii = |unit: u16| u8::try_from(unit).ok().filter(u8::is_ascii).map_or('?', char::from);
    put_string(out, &name.encode_utf16().map(ascii).collect::<String>());
}

/// `[string list]`.
pub fn put_string_list(out: &mut BytesMut, list: &[impl AsRef<str>]) {
    let count = u16::try_from(list.len()).unwrap_or(u16::MAX);
    out.put_u16(count);
    for text in list.iter().take(usize::from(count)) {
        put_string(out, text.as_ref());
    }
}

/// `[short bytes]`.
pub fn put_short_bytes(out: &mut BytesMut, bytes: &[u8]) {
    let bytes = bytes.get(..usize::from(u16::MAX)).unwrap_or(bytes);
    out.put_u16(bytes.len() as u16);
    out.extend_from_slice(bytes);
}

/// `[bytes]`.
pub fn put_bytes(out: &mut BytesMut, bytes: Option<&[u8]>) {
    match bytes {
        None => out.put_i32(-1),
        Some(bytes) => {
            out.put_i32(i32::try_from(bytes.len()).unwrap_or(i32::MAX));
            out.extend_from_slice(bytes);
        }
    }
}

fn put_bytes_map(out: &mut BytesMut, map: &HashMap<String, Bytes>) {
    out.put_u16(map.len() as u16);
    for (key, value) in map {
        put_string(out, key);
        put_bytes(out, Some(value));
    }
}

/// `[inet]`.
fn put_inet(out: &mut BytesMut, address: SocketAddr) {
    put_address(out, address.ip());
    out.put_i32(i32::from(address.port()));
}

/// The opcode of a response, and the flags that say what comes before its body proper.
pub fn opcode_and_flags(response: &Response, version: ProtocolVersion) -> (Opcode, u8) {
    let opcode = if response.result.is_ok() { Opcode::Result } else { Opcode::Error };
    let mut flags = 0;
    if response.tracing_id.is_some() {
        flags |= FLAG_TRACING;
    }
    if version >= ProtocolVersion::V4 {
        if !response.warnings.is_empty() {
            flags |= FLAG_WARNING;
        }
        if response.custom_payload.is_some() {
            flags |= FLAG_CUSTOM_PAYLOAD;
        }
    }
    (opcode, flags)
}

/// Writes the body of a session's response.
pub fn response(response: &Response, version: ProtocolVersion, out: &mut BytesMut) {
    if let Some(id) = response.tracing_id {
        out.extend_from_slice(id.as_bytes());
    }
    if version >= ProtocolVersion::V4 {
        if !response.warnings.is_empty() {
            put_string_list(out, &response.warnings);
        }
        if let Some(payload) = &response.custom_payload {
            put_bytes_map(out, payload);
        }
    }
    match &response.result {
        Ok(result) => put_result(result, version, out),
        Err(error) => error::encode(error, version, out),
    }
}

fn put_result(result: &ResultMessage, version: ProtocolVersion, out: &mut BytesMut) {
    match result {
        ResultMessage::Void => out.put_i32(1),
        ResultMessage::Rows(rows) => {
            out.put_i32(2);
            put_result_metadata(out, &rows.metadata, version);
            out.extend_from_slice(rows.content.as_bytes());
        }
        ResultMessage::SetKeyspace(keyspace) => {
            out.put_i32(3);
            put_string(out, keyspace);
        }
        ResultMessage::Prepared(prepared) => {
            out.put_i32(4);
            put_prepared(out, prepared, version);
        }
        ResultMessage::SchemaChange(change) => {
            out.put_i32(5);
            put_schema_change(out, change, version);
        }
    }
}

/// Column specifications with the table they share, made once for each version.
fn column_specs(columns: &Columns, version: ProtocolVersion) -> Bytes {
    let make = || {
        let mut out = BytesMut::new();
        if columns.same_table()
            && let Some(first) = columns.specs().first()
        {
            put_string(&mut out, &first.keyspace);
            put_string(&mut out, &first.table);
        }
        for spec in columns.specs() {
            if !columns.same_table() {
                put_string(&mut out, &spec.keyspace);
                put_string(&mut out, &spec.table);
            }
            put_string(&mut out, &spec.name);
            put_type(&mut out, &spec.ty, version);
        }
        out.freeze()
    };
    match columns.wire.get(version.index()) {
        Some(cell) => cell.get_or_init(make).clone(),
        None => make(),
    }
}

fn put_result_metadata(out: &mut BytesMut, metadata: &ResultMetadata, version: ProtocolVersion) {
    let new_id = match &metadata.new_metadata_id {
        Some(id) if version >= ProtocolVersion::V5 => Some(id),
        _ => None,
    };
    // A new id always comes with its columns.
    let no_metadata = metadata.no_metadata && new_id.is_none();
    let mut flags = 0;
    if metadata.columns.same_table() {
        flags |= GLOBAL_TABLES_SPEC;
    }
    if metadata.paging_state.is_some() {
        flags |= HAS_MORE_PAGES;
    }
    if no_metadata {
        flags |= NO_METADATA;
    }
    if new_id.is_some() {
        flags |= METADATA_CHANGED;
    }
    out.put_i32(flags);
    out.put_i32(metadata.columns.len() as i32);
    if let Some(state) = &metadata.paging_state {
        put_bytes(out, Some(state));
    }
    if let Some(id) = new_id {
        put_short_bytes(out, id.as_bytes());
    }
    if !no_metadata {
        out.extend_from_slice(&column_specs(&metadata.columns, version));
    }
}

fn put_prepared(out: &mut BytesMut, prepared: &Prepared, version: ProtocolVersion) {
    put_short_bytes(out, prepared.id.as_bytes());
    if version >= ProtocolVersion::V5 {
        put_short_bytes(out, prepared.result_metadata_id.as_bytes());
    }
    put_prepared_metadata(out, &prepared.bind, version);
    put_result_metadata(out, &prepared.result, version);
}

fn put_prepared_metadata(out: &mut BytesMut, metadata: &PreparedMetadata, version: ProtocolVersion) {
    let global = metadata.columns.same_table();
    out.put_i32(if global { GLOBAL_TABLES_SPEC } else { 0 });
    out.put_i32(metadata.columns.len() as i32);
    if version >= ProtocolVersion::V4 {
        // Where the markers are of several tables, the indexes would be of no use.
        let indexes: &[u16] = if global { &metadata.partition_key_indexes } else { &[] };
        out.put_i32(indexes.len() as i32);
        for index in indexes {
            out.put_u16(*index);
        }
    }
    out.extend_from_slice(&column_specs(&metadata.columns, version));
}

fn put_schema_change(out: &mut BytesMut, change: &SchemaChange, version: ProtocolVersion) {
    let (target, name, arguments) = match &change.target {
        Target::Keyspace => ("KEYSPACE", None, None),
        Target::Table(name) => ("TABLE", Some(name), None),
        Target::Type(name) => ("TYPE", Some(name), None),
        // Version 3 knows no functions: it hears that their keyspace changed.
        Target::Function { .. } | Target::Aggregate { .. } if version < ProtocolVersion::V4 => {
            put_string(out, Change::Updated.name());
            put_string(out, "KEYSPACE");
            put_ascii(out, &change.keyspace);
            return;
        }
        Target::Function { name, argument_types } => ("FUNCTION", Some(name), Some(argument_types)),
        Target::Aggregate { name, argument_types } => ("AGGREGATE", Some(name), Some(argument_types)),
    };
    put_string(out, change.change.name());
    put_string(out, target);
    put_ascii(out, &change.keyspace);
    if let Some(name) = name {
        put_ascii(out, name);
    }
    if let Some(arguments) = arguments {
        put_string_list(out, arguments);
    }
}

/// Writes the body of an EVENT.
pub fn event(event: &Event, version: ProtocolVersion, out: &mut BytesMut) {
    put_string(out, event.event_type().name());
    match event {
        Event::Topology(change, address) => {
            put_string(out, change.name());
            put_inet(out, *address);
        }
        Event::Status(change, address) => {
            put_string(out, change.name());
            put_inet(out, *address);
        }
        Event::Schema(change) => put_schema_change(out, change, version),
    }
}

/// Writes the body of SUPPORTED; the order is that of Cassandra's hash map.
pub fn supported(out: &mut BytesMut) {
    let options: [(&str, &[&str]); 3] = [
        ("PROTOCOL_VERSIONS", &["3/v3", "4/v4", "5/v5", "6/v6-beta"]),
        ("COMPRESSION", &["snappy", "lz4"]),
        ("CQL_VERSION", &[crate::cql::CQL_VERSION]),
    ];
    out.put_u16(options.len() as u16);
    for (key, values) in options {
        put_string(out, key);
        put_string_list(out, values);
    }
}
