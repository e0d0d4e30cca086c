use std::sync::Arc;

use super::*;
use crate::types::UserType;

fn literal(cql_type: &CqlType, text: &str) -> String {
    cql_type.to_cql_literal(Some(&cql_type.from_string(text).unwrap()))
}

fn error(cql_type: &CqlType, text: &str) -> String {
    cql_type.from_string(text).unwrap_err().0
}

#[test]
fn natives_round_trip() {
    for (cql_type, text, expected) in [
        (CqlType::Int, "-7", "-7"),
        (CqlType::Int, "+7", "7"),
        (CqlType::Int, "", "null"),
        (CqlType::Bigint, "9223372036854775807", "9223372036854775807"),
        (CqlType::Boolean, "TRUE", "true"),
        (CqlType::Text, "it's", "'it''s'"),
        (CqlType::Text, "", "''"),
        (CqlType::Blob, "CaFe", "0xcafe"),
        (CqlType::Double, "1e3", "1000.0"),
        (CqlType::Float, "NaN", "NaN"),
        (CqlType::Varint, "-123456789012345678901234567890", "-123456789012345678901234567890"),
        (CqlType::Decimal, "1.10", "1.10"),
        (CqlType::Date, "2011-02-03", "'2011-02-03'"),
        (CqlType::Time, "04:05:06", "'04:05:06.000000000'"),
        (CqlType::Timestamp, "2011-02-03T04:05:06Z", "'2011-02-03T04:05:06.000Z'"),
        (CqlType::Duration, "1mo2d", "1mo2d"),
        (CqlType::Inet, "127.1", "'127.0.0.1'"),
        (CqlType::Inet, "::1", "'0:0:0:0:0:0:0:1'"),
        (CqlType::Inet, "[::ffff:1.2.3.4]", "'1.2.3.4'"),
        (CqlType::Uuid, "550E8400-e29b-41d4-a716-446655440000", "550e8400-e29b-41d4-a716-446655440000"),
    ] {
        assert_eq!(literal(&cql_type, text), expected);
    }
}

#[test]
fn texts_of_cassandra() {
    assert_eq!(error(&CqlType::Int, "x"), "Unable to make int from 'x'");
    assert_eq!(error(&CqlType::Tinyint, "128"), "Unable to make byte from '128'");
    assert_eq!(error(&CqlType::Varint, "x"), "unable to make int from 'x'");
    assert_eq!(error(&CqlType::Blob, "abc"), "cannot parse 'abc' as hex bytes");
    assert_eq!(error(&CqlType::Inet, "1.2.3.400"), "Unable to make inet address from '1.2.3.400'");
    assert_eq!(error(&CqlType::Uuid, "x"), "Unable to make UUID from 'x'");
    assert_eq!(error(&CqlType::Timeuuid, "x"), "Unknown timeuuid representation: x");
    assert_eq!(
        error(&CqlType::Timeuuid, "550e8400-e29b-41d4-a716-446655440000"),
        "TimeUUID supports only version 1 UUIDs"
    );
    assert_eq!(
        error(&CqlType::Ascii, "\u{e9}"),
        "Invalid ASCII character in string literal: \
         java.nio.charset.UnmappableCharacterException: Input length = 1"
    );
}

#[test]
fn structures() {
    let fields = vec![("a".to_owned(), CqlType::Int), ("B".to_owned(), CqlType::Text)];
    let user_type = Arc::new(UserType { keyspace: "k".into(), name: "t".into(), fields });
    let udt = CqlType::User { user_type, frozen: true };
    assert_eq!(literal(&udt, "1:x\\:y"), "{a: 1, \"B\": 'x:y'}");
    assert_eq!(literal(&udt, "@:\\@"), "{a: null, \"B\": '@'}");
    assert_eq!(udt.to_string_value(&udt.from_string("1:x\\:y").unwrap()), "1:x\\:y");

    let map = CqlType::Map { key: Arc::new(CqlType::Int), value: Arc::new(CqlType::Text), frozen: true };
    let value = collection::encode_map(&[([0, 0, 0, 1], "a"), ([0, 0, 0, 2], "b")]);
    assert_eq!(map.to_cql_literal(Some(&value)), "{1: 'a', 2: 'b'}");
    assert_eq!(map.to_cql_literal(None), "null");
    assert_eq!(map.to_cql_literal(Some(b"??")), "0x3f3f");
    assert_eq!(map.to_string_value(&value), to_hex(&value));

    let vector = CqlType::Vector { element: Arc::new(CqlType::Float), dimension: 2 };
    assert_eq!(vector.to_cql_literal(Some(&[0x3f, 0x80, 0, 0, 0, 0, 0, 0])), "[1.0, 0.0]");
    let tuple = CqlType::Tuple([CqlType::Int].into());
    assert!(
        error(&tuple, "1:2").starts_with("Invalid tuple literal: too many elements. Type frozen<tuple<int>>")
    );
}
