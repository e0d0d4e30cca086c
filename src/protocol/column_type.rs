//! Column types as metadata holds them (section 4.2.5.2 of the specification), as `transport.DataType`.

use bytes::{BufMut, BytesMut};

use super::encode::put_string;
use crate::cql::ProtocolVersion;
use crate::types::CqlType;

const CUSTOM: u16 = 0x0000;

/// The code of a type without parameters, and the first version that knows it; None if it has parameters or no code.
fn simple(ty: &CqlType) -> Option<(u16, ProtocolVersion)> {
    use ProtocolVersion::{V3, V4, V5};
    Some(match ty {
        CqlType::Ascii => (1, V3),
        CqlType::Bigint => (2, V3),
        CqlType::Blob => (3, V3),
        CqlType::Boolean => (4, V3),
        CqlType::Counter => (5, V3),
        CqlType::Decimal => (6, V3),
        CqlType::Double => (7, V3),
        CqlType::Float => (8, V3),
        CqlType::Int => (9, V3),
        CqlType::Timestamp => (11, V3),
        CqlType::Uuid => (12, V3),
        CqlType::Text => (13, V3),
        CqlType::Varint => (14, V3),
        CqlType::Timeuuid => (15, V3),
        CqlType::Inet => (16, V3),
        CqlType::Date => (17, V4),
        CqlType::Time => (18, V4),
        CqlType::Smallint => (19, V4),
        CqlType::Tinyint => (20, V4),
        CqlType::Duration => (21, V5),
        _ => return None,
    })
}

/// Writes an `[option]`. Types that the version does not know are custom ones with Cassandra's class name.
pub fn put_type(out: &mut BytesMut, ty: &CqlType, version: ProtocolVersion) {
    if let Some((code, since)) = simple(ty)
        && version >= since
    {
        out.put_u16(code);
        return;
    }
    match ty {
        CqlType::List { element, .. } => {
            out.put_u16(0x20);
            put_type(out, element, version);
        }
        CqlType::Map { key, value, .. } => {
            out.put_u16(0x21);
            put_type(out, key, version);
            put_type(out, value, version);
        }
        CqlType::Set { element, .. } => {
            out.put_u16(0x22);
            put_type(out, element, version);
        }
        CqlType::User { user_type, .. } => {
            out.put_u16(0x30);
            put_string(out, &user_type.keyspace);
            put_string(out, &user_type.name);
            out.put_u16(user_type.fields.len() as u16);
            for (name, field) in &user_type.fields {
                put_string(out, name);
                put_type(out, field, version);
            }
        }
        CqlType::Tuple(fields) => {
            out.put_u16(0x31);
            out.put_u16(fields.len() as u16);
            for field in fields.iter() {
                put_type(out, field, version);
            }
        }
        other => {
            out.put_u16(CUSTOM);
            put_string(out, &other.class_name().to_string());
        }
    }
}
