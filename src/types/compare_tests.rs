use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::types::{UserType, collection::encode_list};

/// A value of any type, with bytes that are valid more often than not.
fn types() -> Vec<CqlType> {
    let int = Arc::new(CqlType::Int);
    let text = Arc::new(CqlType::Text);
    let fields = vec![("a".to_owned(), CqlType::Int), ("b".to_owned(), CqlType::Text)];
    let user_type = Arc::new(UserType { keyspace: "k".into(), name: "t".into(), fields });
    vec![
        CqlType::Ascii,
        CqlType::Bigint,
        CqlType::Blob,
        CqlType::Boolean,
        CqlType::Date,
        CqlType::Decimal,
        CqlType::Double,
        CqlType::Duration,
        CqlType::Float,
        CqlType::Inet,
        CqlType::Int,
        CqlType::Smallint,
        CqlType::Text,
        CqlType::Time,
        CqlType::Timestamp,
        CqlType::Timeuuid,
        CqlType::Tinyint,
        CqlType::Uuid,
        CqlType::Varint,
        CqlType::List { element: int.clone(), frozen: true },
        CqlType::Set { element: text.clone(), frozen: true },
        CqlType::Map { key: int.clone(), value: text, frozen: true },
        CqlType::Tuple([CqlType::Int, CqlType::Text].into()),
        CqlType::User { user_type, frozen: true },
        CqlType::Vector { element: int, dimension: 2 },
        CqlType::Custom("CompositeType(Int32Type,UTF8Type)".into()),
    ]
}

fn signed(value: Ordering) -> i8 {
    value as i8
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn never_panics_and_is_antisymmetric(which in 0_usize..26, a: Vec<u8>, b: Vec<u8>) {
        let cql_type = &types()[which];
        prop_assert_eq!(signed(cql_type.compare(&a, &b)), -signed(cql_type.compare(&b, &a)));
        prop_assert!(cql_type.compare(&a, &a).is_eq());
        let _ = cql_type.validate(&a);
        let _ = cql_type.to_cql_literal(Some(&a));
        let _ = cql_type.to_string_value(&a);
    }

    #[test]
    fn is_transitive_on_fixed_lengths(which in 0_usize..26, mut v in prop::collection::vec(any::<[u8; 16]>(), 3)) {
        let cql_type = &types()[which];
        let length = match cql_type {
            CqlType::Int | CqlType::Float | CqlType::Date => 4,
            CqlType::Smallint => 2,
            CqlType::Tinyint | CqlType::Boolean => 1,
            CqlType::Bigint | CqlType::Double | CqlType::Timestamp | CqlType::Time | CqlType::Vector { .. } => 8,
            _ => 16,
        };
        v.sort_by(|a, b| cql_type.compare(&a[..length], &b[..length]));
        for pair in v.windows(2) {
            prop_assert!(cql_type.compare(&pair[0][..length], &pair[1][..length]).is_le());
        }
        prop_assert!(cql_type.compare(&v[0][..length], &v[2][..length]).is_le());
    }

    #[test]
    fn varints_as_numbers(a: i128, b: i128, sa in 0_u32..120, sb in 0_u32..120) {
        let (a, b) = (a >> sa, b >> sb);
        let minimal = |v: i128| crate::types::encode_varint(&v.into());
        prop_assert_eq!(compare_varint(&minimal(a), &minimal(b)), a.cmp(&b));
        prop_assert_eq!(compare_varint(&a.to_be_bytes(), &minimal(b)), a.cmp(&b));
    }

    #[test]
    fn numbers_as_numbers(a: i64, b: i64, x: f64, y: f64) {
        prop_assert_eq!(CqlType::Bigint.compare(&a.to_be_bytes(), &b.to_be_bytes()), a.cmp(&b));
        prop_assert_eq!(
            CqlType::Double.compare(&x.to_be_bytes(), &y.to_be_bytes()),
            x.partial_cmp(&y).filter(|o| o.is_ne()).unwrap_or_else(|| compare_floats(x, y))
        );
    }
}

#[test]
fn empty_first_then_values() {
    for cql_type in types() {
        assert_eq!(cql_type.compare(b"", b"\0\0\0\0\0\0\0\x10\x10"), Ordering::Less, "{cql_type}");
        assert_eq!(cql_type.compare(b"", b""), Ordering::Equal, "{cql_type}");
    }
}

#[test]
fn special_orders() {
    let float = |v: f32| v.to_be_bytes();
    assert_eq!(CqlType::Float.compare(&float(-0.0), &float(0.0)), Ordering::Less);
    assert_eq!(CqlType::Float.compare(&float(f32::NAN), &float(f32::INFINITY)), Ordering::Greater);
    assert_eq!(CqlType::Float.compare(&float(-f32::NAN), &float(f32::NAN)), Ordering::Equal);
    assert_eq!(CqlType::Boolean.compare(&[1], &[7]), Ordering::Equal);

    let uuid = |text: &str| CqlType::Uuid.from_string(text).unwrap();
    let (low, high) =
        (uuid("00000000-0000-1000-7f7f-7f7f7f7f7f7f"), uuid("00000000-0000-1000-8080-808080808080"));
    assert_eq!(CqlType::Uuid.compare(&low, &high), Ordering::Less);
    assert_eq!(CqlType::Timeuuid.compare(&low, &high), Ordering::Greater);
    let later = uuid("00000000-0001-1000-8080-808080808080");
    assert_eq!(
        CqlType::Timeuuid.compare(&uuid("ffffffff-0000-1000-8080-808080808080"), &later),
        Ordering::Less
    );
    assert_eq!(CqlType::Timeuuid.compare(&low, &later), Ordering::Less);
    // The high bits of the time come last in the bytes and weigh most.
    let (y1993, y2026) =
        (uuid("ffffffff-ffff-11c0-8080-808080808080"), uuid("00000000-0000-11f1-8080-808080808080"));
    assert_eq!(CqlType::Timeuuid.compare(&y1993, &y2026), Ordering::Less);
    assert_eq!(CqlType::Uuid.compare(&y1993, &y2026), Ordering::Less);
    assert_eq!(
        CqlType::Uuid.compare(
            &uuid("ffffffff-ffff-1fff-0000-000000000000"),
            &uuid("00000000-0000-4000-0000-000000000000")
        ),
        Ordering::Less
    );
}

#[test]
fn collections_and_tuples() {
    let list = CqlType::List { element: Arc::new(CqlType::Int), frozen: true };
    let of = |values: &[i32]| encode_list(&values.iter().map(|v| v.to_be_bytes()).collect::<Vec<_>>());
    assert_eq!(list.compare(&of(&[1, 2]), &of(&[1, 2, 3])), Ordering::Less);
    assert_eq!(list.compare(&of(&[2]), &of(&[1, 2, 3])), Ordering::Greater);
    assert_eq!(list.compare(&of(&[-1]), &of(&[1])), Ordering::Less);

    let tuple = CqlType::Tuple([CqlType::Int, CqlType::Int].into());
    let of = |values: &[Option<i32>]| {
        collection::encode_tuple(&values.iter().map(|v| v.map(i32::to_be_bytes)).collect::<Vec<_>>())
    };
    assert_eq!(tuple.compare(&of(&[Some(1)]), &of(&[Some(1), None])), Ordering::Equal);
    assert_eq!(tuple.compare(&of(&[Some(1), None]), &of(&[Some(1), Some(-9)])), Ordering::Less);
    assert_eq!(tuple.compare(&of(&[None, Some(3)]), &of(&[Some(1)])), Ordering::Less);
}
