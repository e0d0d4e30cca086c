//! Values of every type, as bytes and in the driver's own types: those that every driver reads and writes.

use std::collections::{BTreeMap, HashMap};

use scylla::client::Compression;
use scylla::cluster::metadata::ColumnType;
use scylla::deserialize::value::DeserializeValue;
use scylla::deserialize::{DeserializationError, FrameSlice, TypeCheckError};
use scylla::serialize::SerializationError;
use scylla::serialize::value::SerializeValue;
use scylla::serialize::writers::{CellWriter, WrittenCellProof};
use scylla::value::{CqlDate, CqlDuration, CqlTime, CqlTimestamp, CqlValue, MaybeUnset};

use super::{Client, with_server};

/// CQL type, literal, bytes: see the file.
const VALUES: &str = include_str!("../../data/drivers/values.tsv");

/// A value as the bytes on the wire.
#[derive(Clone, Debug, PartialEq)]
struct Raw(Option<Vec<u8>>);

impl<'frame, 'metadata> DeserializeValue<'frame, 'metadata> for Raw {
    fn type_check(_: &ColumnType<'_>) -> Result<(), TypeCheckError> {
        Ok(())
    }

    fn deserialize(
        _: &'metadata ColumnType<'metadata>,
        value: Option<FrameSlice<'frame>>,
    ) -> Result<Self, DeserializationError> {
        Ok(Raw(value.map(|value| value.as_slice().to_vec())))
    }
}

impl SerializeValue for Raw {
    fn serialize<'b>(
        &self,
        _: &ColumnType<'_>,
        writer: CellWriter<'b>,
    ) -> Result<WrittenCellProof<'b>, SerializationError> {
        match &self.0 {
            None => Ok(writer.set_null()),
            Some(bytes) => writer.set_value(bytes).map_err(SerializationError::new),
        }
    }
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("hex")).collect()
}

/// What some literals are in the driver's types.
fn expected() -> HashMap<&'static str, CqlValue> {
    let text = |text: &str| CqlValue::Text(text.to_owned());
    HashMap::from([
        ("bigint 9223372036854775807", CqlValue::BigInt(i64::MAX)),
        ("bigint -9223372036854775808", CqlValue::BigInt(i64::MIN)),
        ("bigint blob_as_bigint(0x)", CqlValue::Empty),
        ("blob 0x00ff", CqlValue::Blob(vec![0, 255])),
        ("boolean true", CqlValue::Boolean(true)),
        ("date 0", CqlValue::Date(CqlDate(0))),
        ("date 4294967295", CqlValue::Date(CqlDate(u32::MAX))),
        ("double -Infinity", CqlValue::Double(f64::NEG_INFINITY)),
        ("double 4.9E-324", CqlValue::Double(f64::from_bits(1))),
        (
            "duration 1y2mo3w4d5h6m7s8ms9us10ns",
            CqlValue::Duration(CqlDuration { months: 14, days: 25, nanoseconds: 18_367_008_009_010 }),
        ),
        ("float 3.4028235E38", CqlValue::Float(f32::MAX)),
        ("int -2147483648", CqlValue::Int(i32::MIN)),
        ("smallint -32768", CqlValue::SmallInt(i16::MIN)),
        ("tinyint -128", CqlValue::TinyInt(i8::MIN)),
        ("text ''", text("")),
        ("text 'häßlich \u{1f40d} 中'", text("häßlich \u{1f40d} 中")),
        ("time '23:59:59.999999999'", CqlValue::Time(CqlTime(86_399_999_999_999))),
        ("timestamp 9223372036854775807", CqlValue::Timestamp(CqlTimestamp(i64::MAX))),
        ("set<text> {'b', '', 'a'}", CqlValue::Set(vec![text(""), text("a"), text("b")])),
        (
            "vector<int, 2> [2147483647, -2147483648]",
            CqlValue::Vector(vec![CqlValue::Int(i32::MAX), CqlValue::Int(i32::MIN)]),
        ),
    ])
}

#[test]
fn every_type_over_every_compression() {
    for compression in [None, Some(Compression::Lz4), Some(Compression::Snappy)] {
        with_server(compression, "clients_scylla_types", async |_, client| {
            all_types(client).await;
        });
    }
}

async fn all_types(client: &Client) {
    client.run("CREATE TYPE item (a int, b text, c frozen<list<int>>)").await;
    let mut values: BTreeMap<&str, Vec<(&str, Vec<u8>)>> = BTreeMap::new();
    for line in VALUES.lines().filter(|line| !line.starts_with('#')) {
        let mut cells = line.split('\t');
        let mut cell = || cells.next().expect("three cells");
        values.entry(cell()).or_default().push((cell(), unhex(cell())));
    }
    let columns: Vec<_> = values.keys().enumerate().map(|(at, kind)| format!("c{at} {kind}")).collect();
    client.run(&format!("CREATE TABLE all_types (id int PRIMARY KEY, {})", columns.join(", "))).await;
    let expected = expected();
    let mut seen = 0;
    for (at, (kind, literals)) in values.iter().enumerate() {
        let select = format!("SELECT c{at} FROM all_types WHERE id = ?");
        let insert = format!("INSERT INTO all_types (id, c{at}) VALUES (?, ?)");
        let read = async |id: i32| client.rows::<(Raw,)>(&select, (id,)).await.remove(0).0;
        for (literal, bytes) in literals {
            client.run(&format!("INSERT INTO all_types (id, c{at}) VALUES (1, {literal})")).await;
            assert_eq!(read(1).await, Raw(Some(bytes.clone())), "{kind} {literal}");
            let found = client.rows::<(Option<CqlValue>,)>(&select, (1,)).await.remove(0).0.expect("no null");
            if let Some(expected) = expected.get(format!("{kind} {literal}").as_str()) {
                assert_eq!(found, *expected, "{kind} {literal}");
                seen += 1;
            }
            // Written again as the driver understood it, then as bytes.
            client.execute(&insert, (2, &found)).await;
            assert_eq!(read(2).await, Raw(Some(bytes.clone())), "{kind} {literal} as {found:?}");
            client.execute(&insert, (3, Raw(Some(bytes.clone())))).await;
            assert_eq!(read(3).await, Raw(Some(bytes.clone())), "{kind} {literal}");
        }
        // An unset value leaves what is there; null removes it.
        let before = read(2).await;
        client.execute(&insert, (2, MaybeUnset::<Raw>::Unset)).await;
        assert_eq!(read(2).await, before, "{kind}");
        client.execute(&insert, (2, Raw(None))).await;
        assert_eq!(client.rows::<(Option<CqlValue>,)>(&select, (2,)).await, [(None,)], "{kind}");
    }
    assert_eq!(seen, expected.len());
}
