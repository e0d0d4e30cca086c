//! Requests decoded and responses encoded, without sockets.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use proptest::prelude::*;

use super::super::column_type::put_type;
use super::super::decode::{Message, decode};
use super::super::header::{self, Header, Opcode, WireVersion};
use super::super::inbound::{Inbound, Item, Rules};
use super::super::{encode, error};
use super::fake::columns;
use crate::consistency::{RequestFailureReason, WriteType};
use crate::cql::{
    Columns, Consistency, Error, Prepared, PreparedMetadata, ProtocolVersion, QueryOrId, Request,
    RequestKind, Response, ResultMessage, ResultMetadata, Rows, RowsWriter, Value,
};
use crate::event::{Change, Event, SchemaChange, StatusChange, Target, TopologyChange};
use crate::types::{CqlType, UserType};

const RULES: Rules =
    Rules { frame_bytes_max: 1 << 20, message_bytes_max: 1 << 20, consecutive_errors_max: 1 };

fn header_of(opcode: Opcode, version: ProtocolVersion, flags: u8) -> Header {
    Header { version: WireVersion::Supported(version), flags, stream: 1, opcode, length: 0 }
}

fn decoded(opcode: Opcode, version: ProtocolVersion, body: &[u8]) -> RequestKind {
    match decode(&header_of(opcode, version, 0), version, Bytes::copy_from_slice(body)) {
        Ok(Message::Request(Request { kind, .. })) => kind,
        other => panic!("{other:?}"),
    }
}

fn query_body(version: ProtocolVersion, flags: u32, options: &[u8]) -> Vec<u8> {
    let mut body = b"\0\0\0\x01q\0\x04".to_vec();
    match version {
        ProtocolVersion::V5 => body.put_u32(flags),
        _ => body.put_u8(flags as u8),
    }
    body.extend_from_slice(options);
    body
}

#[test]
fn text_that_is_not_utf8_is_named_from_where_it_is_wrong() {
    let error = |text: &[u8]| {
        let mut body = (text.len() as u32).to_be_bytes().to_vec();
        body.extend_from_slice(text);
        body.extend_from_slice(b"\0\x01\0");
        let header = header_of(Opcode::Query, ProtocolVersion::V4, 0);
        match decode(&header, ProtocolVersion::V4, Bytes::from(body)) {
            Err(error) => error.to_string(),
            Ok(other) => panic!("{other:?}"),
        }
    };
    // Recorded from Cassandra 5.0.6.
    assert!(error(b"select \xff\xfe from x").ends_with(
        "Cannot decode string as UTF8: 'fffe2066726f6d2078'; java.nio.charset.MalformedInputException: Input length = 1"
    ));
}

#[test]
fn query_options_in_all_versions() {
    let mut options = Vec::new();
    options.extend_from_slice(b"\0\x03\0\0\0\x02ab\xff\xff\xff\xff\xff\xff\xff\xfe");
    options.put_i32(500);
    options.extend_from_slice(b"\0\0\0\x03xyz\0\x09");
    options.put_i64(-7);
    for version in ProtocolVersion::ALL {
        let mut flags = 0x3f;
        let mut options = options.clone();
        if version == ProtocolVersion::V5 {
            flags |= 0x180;
            options.extend_from_slice(b"\0\x02ks");
            options.put_u32(4_000_000_000);
        }
        let kind = decoded(Opcode::Query, version, &query_body(version, flags, &options));
        let RequestKind::Query { text, options } = kind else { panic!() };
        assert_eq!((&text[..], options.consistency), ("q", Consistency::Quorum));
        let unset = if version < ProtocolVersion::V4 { Value::Null } else { Value::Unset };
        assert_eq!(options.values.iter().collect::<Vec<_>>(), [Value::Bytes(b"ab"), Value::Null, unset]);
        assert!(options.skip_metadata);
        assert_eq!(options.page_size, Some(500));
        assert_eq!(options.paging_state.as_deref(), Some(&b"xyz"[..]));
        assert_eq!(options.serial_consistency, Some(Consistency::LocalSerial));
        assert_eq!(options.timestamp, Some(-7));
        let five = version == ProtocolVersion::V5;
        assert_eq!(options.keyspace.as_deref(), five.then_some("ks"));
        assert_eq!(options.now_in_seconds, five.then_some(4_000_000_000));
    }
}

#[test]
fn named_values() {
    let body = query_body(ProtocolVersion::V4, 0x41, b"\0\x02\0\x01a\0\0\0\x01x\0\x01b\0\0\0\0");
    let RequestKind::Query { options, .. } = decoded(Opcode::Query, ProtocolVersion::V4, &body) else {
        panic!()
    };
    assert_eq!(options.values.names().unwrap(), ["a", "b"]);
    assert_eq!(options.values.iter().collect::<Vec<_>>(), [Value::Bytes(b"x"), Value::Bytes(b"")]);
}

#[test]
fn batches() {
    let body = b"\x01\0\x02\0\0\0\0\x01q\0\0\x01\0\x02id\0\x01\0\0\0\x01v\0\x01\x10\0\x08";
    let kind = decoded(Opcode::Batch, ProtocolVersion::V4, body);
    let RequestKind::Batch { statements, options, .. } = kind else { panic!() };
    assert!(matches!(&statements[0].statement, QueryOrId::Query(text) if text == "q"));
    assert!(matches!(&statements[1].statement, QueryOrId::Id(id) if id.as_bytes() == b"id"));
    assert_eq!(statements[1].values.get(0), Some(Value::Bytes(b"v")));
    assert_eq!(options.serial_consistency, Some(Consistency::Serial));
}

#[test]
fn execute_has_a_metadata_id_in_version_5() {
    let body = b"\0\x02id\0\x02me\0\x01\0\0\0\0";
    let RequestKind::Execute { id, result_metadata_id, .. } =
        decoded(Opcode::Execute, ProtocolVersion::V5, body)
    else {
        panic!()
    };
    assert_eq!((id.as_bytes(), result_metadata_id.unwrap().as_bytes()), (&b"id"[..], &b"me"[..]));
}

fn encoded(response: impl Into<Response>, version: ProtocolVersion) -> Vec<u8> {
    let mut out = BytesMut::new();
    encode::response(&response.into(), version, &mut out);
    out.to_vec()
}

#[test]
fn rows_with_and_without_metadata() {
    let mut writer = RowsWriter::new();
    writer.begin_row();
    writer.value(Some(b"x"));
    let mut metadata = ResultMetadata::new(columns(&[("v", CqlType::Int)]));
    metadata.paging_state = Some(Bytes::from_static(b"page"));
    let mut rows = Rows { metadata, content: writer.finish() };
    let check = |rows: Rows, version, expected: &[u8]| {
        assert_eq!(encoded(ResultMessage::Rows(rows), version), expected);
    };
    let copy = |rows: &Rows| {
        let mut writer = RowsWriter::new();
        writer.begin_row();
        writer.value(Some(b"x"));
        Rows { metadata: rows.metadata.clone(), content: writer.finish() }
    };
    let (v4, v5) = (ProtocolVersion::V4, ProtocolVersion::V5);
    check(
        copy(&rows),
        v4,
        b"\0\0\0\x02\0\0\0\x03\0\0\0\x01\0\0\0\x04page\0\x02ks\0\x01t\0\x01v\0\x09\0\0\0\x01\0\0\0\x01x",
    );
    rows.metadata.no_metadata = true;
    check(copy(&rows), v4, b"\0\0\0\x02\0\0\0\x07\0\0\0\x01\0\0\0\x04page\0\0\0\x01\0\0\0\x01x");
    rows.metadata.new_metadata_id = Some([7; 16].into());
    let mut expected = b"\0\0\0\x02\0\0\0\x0b\0\0\0\x01\0\0\0\x04page\0\x10".to_vec();
    expected.extend_from_slice(&[7; 16]);
    expected.extend_from_slice(b"\0\x02ks\0\x01t\0\x01v\0\x09\0\0\0\x01\0\0\0\x01x");
    check(copy(&rows), v5, &expected);
    check(copy(&rows), v4, b"\0\0\0\x02\0\0\0\x07\0\0\0\x01\0\0\0\x04page\0\0\0\x01\0\0\0\x01x");
}

#[test]
fn prepared_statements() {
    let prepared = |bind: Arc<Columns>| {
        ResultMessage::Prepared(Box::new(Prepared {
            id: [1; 16].into(),
            result_metadata_id: [2; 16].into(),
            bind: PreparedMetadata { columns: bind, partition_key_indexes: [0].into() },
            result: ResultMetadata::empty(),
        }))
    };
    let id = |byte: u8| [&[0, 16][..], &[byte; 16]].concat();
    let bind = || columns(&[("a", CqlType::Int)]);
    let specs = b"\0\x02ks\0\x01t\0\x01a\0\x09";
    let result = b"\0\0\0\x04\0\0\0\0";
    let parts: [&[u8]; 6] =
        [b"\0\0\0\x04", &id(1), b"\0\0\0\x01\0\0\0\x01", b"\0\0\0\x01\0\0", specs, result];
    let [kind, id1, flags, key, specs, result] = parts;
    assert_eq!(encoded(prepared(bind()), ProtocolVersion::V3), [kind, id1, flags, specs, result].concat());
    assert_eq!(
        encoded(prepared(bind()), ProtocolVersion::V4),
        [kind, id1, flags, key, specs, result].concat()
    );
    let v5 = [kind, id1, &id(2), flags, key, specs, result].concat();
    assert_eq!(encoded(prepared(bind()), ProtocolVersion::V5), v5);
    let none = [kind, id1, b"\0\0\0\0\0\0\0\0\0\0\0\0", result].concat();
    assert_eq!(encoded(prepared(Columns::new(Vec::new())), ProtocolVersion::V4), none);
}

#[test]
fn warnings_payload_and_trace_come_first() {
    let mut response = Response::from(ResultMessage::Void);
    response.warnings = vec!["w".to_owned()];
    response.tracing_id = Some(uuid::Uuid::from_bytes([9; 16]));
    response.custom_payload = Some(Box::new([("k".to_owned(), Bytes::from_static(b"v"))].into()));
    assert_eq!(encode::opcode_and_flags(&response, ProtocolVersion::V4), (Opcode::Result, 0x0e));
    assert_eq!(encode::opcode_and_flags(&response, ProtocolVersion::V3), (Opcode::Result, 0x02));
    let mut out = BytesMut::new();
    encode::response(&response, ProtocolVersion::V5, &mut out);
    assert_eq!(&out[..16], [9; 16]);
    assert_eq!(&out[16..], b"\0\x01\0\x01w\0\x01\0\x01k\0\0\0\x01v\0\0\0\x01");
}

fn check_type(ty: &CqlType, version: ProtocolVersion, expected: &[u8]) {
    let mut out = BytesMut::new();
    put_type(&mut out, ty, version);
    assert_eq!(&out[..], expected, "{ty:?} in {version}");
}

#[test]
fn types_are_custom_where_the_version_does_not_know_them() {
    let (v3, v4, v5) = (ProtocolVersion::V3, ProtocolVersion::V4, ProtocolVersion::V5);
    let custom = |class: &str| {
        let class = format!("org.apache.cassandra.db.marshal.{class}");
        [&[0, 0, 0, class.len() as u8][..], class.as_bytes()].concat()
    };
    check_type(&CqlType::Text, v3, &[0, 13]);
    check_type(&CqlType::Date, v3, &custom("SimpleDateType"));
    check_type(&CqlType::Date, v4, &[0, 17]);
    check_type(&CqlType::Tinyint, v4, &[0, 20]);
    check_type(&CqlType::Duration, v4, &custom("DurationType"));
    check_type(&CqlType::Duration, v5, &[0, 21]);
    check_type(
        &CqlType::Vector { element: Arc::new(CqlType::Float), dimension: 3 },
        v5,
        // Cassandra's class name of a vector has the package in its parameter, too.
        &custom("VectorType(org.apache.cassandra.db.marshal.FloatType , 3)"),
    );
    let list = CqlType::List { element: Arc::new(CqlType::Int), frozen: true };
    check_type(&list, v3, &[0, 32, 0, 9]);
    let map = CqlType::Map { key: Arc::new(CqlType::Text), value: Arc::new(list), frozen: false };
    check_type(&map, v4, &[0, 33, 0, 13, 0, 32, 0, 9]);
    check_type(&CqlType::Set { element: Arc::new(CqlType::Uuid), frozen: false }, v4, &[0, 34, 0, 12]);
    check_type(&CqlType::Tuple(Arc::new([CqlType::Int, CqlType::Inet])), v4, &[0, 49, 0, 2, 0, 9, 0, 16]);
    let user_type = Arc::new(UserType {
        keyspace: "ks".to_owned(),
        name: "u".to_owned(),
        fields: vec![("f".to_owned(), CqlType::Blob)],
    });
    check_type(&CqlType::User { user_type, frozen: true }, v4, b"\0\x30\0\x02ks\0\x01u\0\x01\0\x01f\0\x03");
}

fn check_error(error: &Error, version: ProtocolVersion, code: i32, message: &str, rest: &[u8]) {
    let mut out = BytesMut::new();
    error::encode(error, version, &mut out);
    let mut expected = code.to_be_bytes().to_vec();
    expected.put_u16(message.len() as u16);
    expected.extend_from_slice(message.as_bytes());
    expected.extend_from_slice(rest);
    assert_eq!(out, expected, "{error:?} in {version}");
}

#[test]
fn errors_with_their_fields() {
    let (v3, v4, v5) = (ProtocolVersion::V3, ProtocolVersion::V4, ProtocolVersion::V5);
    let consistency = Consistency::Quorum;
    check_error(
        &Error::Unavailable { consistency, required: 2, alive: 1, datacenter: None },
        v4,
        0x1000,
        "Cannot achieve consistency level QUORUM",
        b"\0\x04\0\0\0\x02\0\0\0\x01",
    );
    let failures = vec![("1.2.3.4:7000".parse().unwrap(), RequestFailureReason::ReadTooManyTombstones)];
    let failure = Error::ReadFailure {
        consistency,
        received: 0,
        block_for: 1,
        data_present: false,
        failures,
        detail: None,
    };
    let message =
        "Operation failed - received 0 responses and 1 failures: READ_TOO_MANY_TOMBSTONES from /1.2.3.4:7000";
    check_error(&failure, v4, 0x1300, message, b"\0\x04\0\0\0\0\0\0\0\x01\0\0\0\x01\0");
    let v5_rest = b"\0\x04\0\0\0\0\0\0\0\x01\0\0\0\x01\x04\x01\x02\x03\x04\0\x01\0";
    check_error(&failure, v5, 0x1300, message, v5_rest);
    let timeout = "Operation timed out - received only 0 responses.";
    check_error(&failure, v3, 0x1200, timeout, b"\0\x04\0\0\0\0\0\0\0\x01\0");
    let cas = Error::CasWriteTimeout {
        consistency: Consistency::Serial,
        received: 1,
        block_for: 2,
        contentions: 3,
    };
    let cas_message =
        "CAS operation timed out: received 1 of 2 required responses after 3 contention retries";
    check_error(&cas, v5, 0x1100, cas_message, b"\0\x08\0\0\0\x01\0\0\0\x02\0\x03CAS\0\x03");
    let write = "Operation timed out - received only 1 responses.";
    check_error(&cas, v4, 0x1100, write, b"\0\x08\0\0\0\x01\0\0\0\x02\0\x03CAS");
    let unknown = Error::CasWriteUnknown { consistency: Consistency::Serial, received: 1, block_for: 2 };
    check_error(&unknown, v4, 0x1100, write, b"\0\x08\0\0\0\x01\0\0\0\x02\0\x03CAS");
    let batch =
        Error::WriteTimeout { consistency, received: 1, block_for: 2, write_type: WriteType::BatchLog };
    check_error(&batch, v3, 0x1100, write, b"\0\x04\0\0\0\x01\0\0\0\x02\0\x09BATCH_LOG");
    let exists = Error::AlreadyExists { keyspace: "k".to_owned(), table: String::new() };
    check_error(&exists, v4, 0x2400, "Cannot add existing keyspace \"k\"", b"\0\x01k\0\0");
}

#[test]
fn events_and_schema_changes() {
    let check = |event: Event, version, expected: &[u8]| {
        let mut out = BytesMut::new();
        encode::event(&event, version, &mut out);
        assert_eq!(&out[..], expected);
    };
    let v4 = ProtocolVersion::V4;
    let address = "1.2.3.4:9042".parse().unwrap();
    let expected = b"\0\x0fTOPOLOGY_CHANGE\0\x08NEW_NODE\x04\x01\x02\x03\x04\0\0\x23\x52";
    check(Event::Topology(TopologyChange::NewNode, address), v4, expected);
    let six = "[::1]:9042".parse().unwrap();
    let mut expected = b"\0\x0dSTATUS_CHANGE\0\x04DOWN\x10".to_vec();
    expected.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0x23, 0x52]);
    check(Event::Status(StatusChange::Down, six), v4, &expected);
    let function = Target::Function { name: "f".to_owned(), argument_types: vec!["int".to_owned()] };
    let change = SchemaChange { change: Change::Dropped, keyspace: "ks".to_owned(), target: function };
    let expected = b"\0\x0dSCHEMA_CHANGE\0\x07DROPPED\0\x08FUNCTION\0\x02ks\0\x01f\0\x01\0\x03int";
    check(Event::Schema(change.clone()), v4, expected);
    let expected = b"\0\x0dSCHEMA_CHANGE\0\x07UPDATED\0\x08KEYSPACE\0\x02ks";
    check(Event::Schema(change), ProtocolVersion::V3, expected);
    let change = SchemaChange::table(Change::Created, "ks", "t");
    check(Event::Schema(change), v4, b"\0\x0dSCHEMA_CHANGE\0\x07CREATED\0\x05TABLE\0\x02ks\0\x01t");
}

fn versions() -> impl Strategy<Value = ProtocolVersion> {
    prop::sample::select(&ProtocolVersion::ALL[..])
}

proptest! {
    #[test]
    fn random_bodies_never_panic(body in prop::collection::vec(any::<u8>(), 0..200), opcode in 0..17usize,
                                 flags: u8, version in versions()) {
        let bytes = [version.number(), flags, 0, 1, opcode as u8, 0, 0, 0, 0];
        if let Ok(header) = header::parse(&bytes, true) {
            let _ = decode(&header, version, Bytes::from(body));
        }
    }

    /// Bodies that are nearly right come further than random ones.
    #[test]
    fn damaged_bodies_never_panic(version in versions(), flags in 0..0x200u32, at in any::<prop::sample::Index>(),
                                  byte: u8, cut in any::<prop::sample::Index>()) {
        let options = b"\0\x02\0\x01a\0\0\0\x01x\0\x01b\0\0\0\0\0\0\0\x05\0\0\0\x01p\0\x08\0\0\0\0\0\0\0\x01\0\x01k\0\0\0\x01";
        let mut body = query_body(version, flags, options);
        let at = at.index(body.len());
        body[at] = byte;
        body.truncate(cut.index(body.len()) + 1);
        for opcode in [Opcode::Query, Opcode::Execute, Opcode::Batch, Opcode::Prepare] {
            let _ = decode(&header_of(opcode, version, 0), version, Bytes::from(body.clone()));
        }
    }

    #[test]
    fn random_input_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..400), first in 0..8u8,
                                 framed in prop::option::of(any::<bool>())) {
        let mut inbound = Inbound::new(RULES, 1);
        if framed.is_some() {
            inbound.settle(WireVersion::Supported(ProtocolVersion::V5), framed);
            inbound.set_authenticated();
        }
        let mut input = BytesMut::from(&[first][..]);
        input.extend_from_slice(&bytes);
        for _ in 0..1000 {
            match inbound.next(&mut input, true) {
                None | Some(Item::Bad(super::super::inbound::Bad { fatal: true, .. })) => return Ok(()),
                Some(_) => {}
            }
        }
        prop_assert!(false, "does not end");
    }

    /// Random envelopes within right frames.
    #[test]
    fn random_payloads_never_panic(payload in prop::collection::vec(any::<u8>(), 0..200), lz4: bool,
                                   self_contained: bool, version in 0..8u8, opcode in 0..18u8) {
        let mut inbound = Inbound::new(RULES, 1);
        inbound.settle(WireVersion::Supported(ProtocolVersion::V5), Some(lz4));
        inbound.set_authenticated();
        let mut whole = vec![version, 0, 0, 1, opcode, 0, 0, 0];
        whole.extend_from_slice(&payload);
        let mut input = BytesMut::new();
        super::super::framing::encode(&mut input, &whole, self_contained, lz4);
        for _ in 0..1000 {
            match inbound.next(&mut input, true) {
                None | Some(Item::Bad(super::super::inbound::Bad { fatal: true, .. })) => return Ok(()),
                Some(_) => {}
            }
        }
        prop_assert!(false, "does not end");
    }
}
