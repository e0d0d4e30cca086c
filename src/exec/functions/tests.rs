use super::*;
use crate::types::{Duration, collection};

fn call(name: &str, arguments: &[(CqlType, Option<&str>)]) -> Result<String, Error> {
    let types: Vec<_> = arguments.iter().map(|(t, _)| Some(t.clone())).collect();
    let shape = CallShape {
        arg_types: &types,
        text: &|i| format!("a{i}"),
        array_size: &|_| None,
        is_descending: &|_| false,
        receiver: None,
        partition_key: &[CqlType::Int, CqlType::Text],
    };
    let found = candidates(name, &shape)?;
    let exact = |f: &&Arc<Function>| f.arg_types.iter().eq(types.iter().flatten());
    let function = found.iter().find(exact).expect("a function of these types");
    let values: Vec<_> =
        arguments.iter().map(|(t, v)| v.map(|v| t.from_string(v).expect("a value of the type"))).collect();
    let views: Vec<_> = values.iter().map(Option::as_deref).collect();
    let context = FunctionContext { now_us: 1_296_705_906_007_008 };
    let result = function.execute(&views, &context)?;
    Ok(function.return_type.to_cql_literal(result.as_deref()))
}

fn check(name: &str, arguments: &[(CqlType, &str)], expected: &str) {
    let arguments: Vec<_> = arguments.iter().map(|(t, v)| (t.clone(), Some(*v))).collect();
    assert_eq!(call(name, &arguments), Ok(expected.to_owned()), "{name} {arguments:?}");
}

fn check_error(name: &str, arguments: &[(CqlType, &str)], expected: &str) {
    let arguments: Vec<_> = arguments.iter().map(|(t, v)| (t.clone(), Some(*v))).collect();
    assert_eq!(call(name, &arguments).unwrap_err().to_string(), expected, "{name} {arguments:?}");
}

use CqlType::{
    Bigint, Blob, Date, Decimal, Double, Duration as DurationType, Float, Int, Smallint, Text, Time,
    Timestamp, Timeuuid, Tinyint, Varint,
};

#[test]
fn times() {
    check("current_timestamp", &[], "'2011-02-03T04:05:06.007Z'");
    check("current_date", &[], "'2011-02-03'");
    check("currenttime", &[], "'04:05:06.007008000'");
    check("min_timeuuid", &[(Timestamp, "0")], "13814000-1dd2-11b2-8080-808080808080");
    check("maxtimeuuid", &[(Timestamp, "0")], "1381670f-1dd2-11b2-7f7f-7f7f7f7f7f7f");
    check("to_date", &[(Timestamp, "2011-02-03T04:05Z")], "'2011-02-03'");
    check("to_date", &[(Timestamp, "-1")], "'1970-01-01'");
    check("totimestamp", &[(Timeuuid, "13814000-1dd2-11b2-8080-808080808080")], "'1970-01-01T00:00:00.000Z'");
    check("to_unix_timestamp", &[(Date, "1970-01-02")], "86400000");
    assert_eq!(call("to_date", &[(Timestamp, None)]), Ok("null".to_owned()));
}

#[test]
fn floors() {
    let at = "2011-02-03T04:05:06Z";
    check("floor", &[(Timestamp, at), (DurationType, "1h")], "'2011-02-03T04:00:00.000Z'");
    check("floor", &[(Timestamp, at), (DurationType, "2mo")], "'2011-01-01T00:00:00.000Z'");
    check(
        "floor",
        &[(Timestamp, at), (DurationType, "1mo1d"), (Timestamp, "2011-01-01Z")],
        "'2011-02-02T00:00:00.000Z'",
    );
    check("floor", &[(Date, "2011-02-03"), (DurationType, "1y")], "'2011-01-01'");
    check("floor", &[(Time, "04:05:06"), (DurationType, "15m")], "'04:00:00.000000000'");
    check_error(
        "floor",
        &[(Date, "2011-02-03"), (DurationType, "1h")],
        "The floor on date values cannot be computed for the 1h duration as precision is below 1 day",
    );
}

#[test]
fn conversions() {
    check("int_as_blob", &[(Int, "1")], "0x00000001");
    check("blobastext", &[(Blob, "6162")], "'ab'");
    check_error(
        "blob_as_int",
        &[(Blob, "61")],
        "In call to function system.blob_as_int, value 0x61 is not a valid binary representation for type int",
    );
    check("cast_as_tinyint", &[(Int, "300")], "44");
    check("cast_as_decimal", &[(Double, "1.10")], "1.1");
    check("cast_as_int", &[(Decimal, "-7.9")], "-7");
    check("cast_as_text", &[(Double, "1e10")], "'1.0E10'");
    check("castAsText", &[(Timestamp, "0")], "'1970-01-01T00:00:00.000Z'");
    check("cast_as_date", &[(Timestamp, "0")], "'1970-01-01'");
}

#[test]
fn operations() {
    check("_add", &[(Tinyint, "127"), (Tinyint, "1")], "-128");
    check("_add", &[(Int, "2147483647"), (Smallint, "1")], "-2147483648");
    check("_multiply", &[(Int, "2"), (Bigint, "3")], "6");
    check("_divide", &[(Float, "1"), (Int, "4")], "0.25");
    check("_add", &[(Int, "1"), (Decimal, "1.5")], "2.5");
    check("_divide", &[(Varint, "7"), (Int, "-2")], "-3");
    check("_modulo", &[(Double, "-7.5"), (Int, "2")], "-1.5");
    check("_negate", &[(Bigint, "5")], "-5");
    check("_add", &[(Text, "a"), (Text, "b")], "'ab'");
    check("_add", &[(Date, "2011-01-31"), (DurationType, "1mo")], "'2011-02-28'");
    check("_substract", &[(Timestamp, "0"), (DurationType, "1s")], "'1969-12-31T23:59:59.000Z'");
    check_error("_divide", &[(Int, "1"), (Int, "0")], "the operation 'int / int' failed: / by zero");
    check_error(
        "_add",
        &[(Date, "2011-01-31"), (DurationType, "1h")],
        "the operation 'date + duration' failed: The duration must have a day precision. Was: 1h",
    );
}

#[test]
fn mathematics() {
    check("abs", &[(Tinyint, "-128")], "-128");
    check("round", &[(Double, "-2.5")], "-2.0");
    check("round", &[(Decimal, "-2.5")], "-3");
    check("exp", &[(Int, "1")], "2");
    check("log", &[(Int, "0")], "-2147483648");
    check("log10", &[(Varint, "1000")], "3");
}

fn aggregated(function: &Function, rows: &[Option<&str>]) -> String {
    let Body::Aggregate(make) = &function.body else { panic!("an aggregate") };
    let mut state = make();
    for row in rows {
        let value = row.map(|v| function.arg_types[0].from_string(v).unwrap());
        state.add(&[value.as_deref()]).unwrap();
    }
    let result = state.finish().unwrap();
    let again = state.finish().unwrap();
    assert!(rows.is_empty() || again != result || again.is_none() || rows.iter().all(Option::is_none));
    function.return_type.to_cql_literal(result.as_deref())
}

#[test]
fn aggregates() {
    let rows = [Some("1"), None, Some("2"), Some("4")];
    for (of, sum, average) in [
        (Int, "7", "2"),
        (Double, "7.0", "2.3333333333333335"),
        (Varint, "7", "2"),
        (Decimal, "7", "2"),
        (Tinyint, "7", "2"),
    ] {
        assert_eq!(aggregated(&aggregate::sum(&of), &rows), sum);
        assert_eq!(aggregated(&aggregate::average(&of), &rows), average, "{of}");
    }
    assert_eq!(aggregated(&aggregate::extreme(&Text, true), &[Some("b"), Some("a")]), "'b'");
    assert_eq!(aggregated(&aggregate::extreme(&Int, false), &[]), "null");
    assert_eq!(aggregated(&aggregate::average(&Double), &[Some("1.7e308"), Some("1.7e308")]), "1.7E308");
    assert_eq!(aggregated(&aggregate::sum(&Int), &[]), "0");
}

#[test]
fn collections_and_vectors() {
    let list = CqlType::List { element: Int.into(), frozen: true };
    let ints = collection::encode_list(&[1_i32, 2, 6].map(i32::to_be_bytes));
    let hex = crate::types::to_hex(&ints);
    check("collection_count", &[(list.clone(), &hex)], "3");
    check("collection_avg", &[(list.clone(), &hex)], "3");
    check("collection_max", &[(list, &hex)], "6");
    let map = CqlType::Map { key: Text.into(), value: Int.into(), frozen: false };
    let hex = crate::types::to_hex(&collection::encode_map(&[("a", 1_i32.to_be_bytes())]));
    check("map_keys", &[(map.clone(), &hex)], "{'a'}");
    check("map_values", &[(map, &hex)], "[1]");
    check_error(
        "map_keys",
        &[(Int, "1")],
        "Function system.map_keys requires a map argument, but found argument a0 of type int",
    );
    check_error("map_keys", &[], "Invalid number of arguments for function system.map_keys(map)");
    let vector = CqlType::Vector { element: Float.into(), dimension: 2 };
    let (x, y) = ("3f80000000000000", "000000003f800000");
    check("similarity_cosine", &[(vector.clone(), x), (vector.clone(), y)], "0.5");
    check("similarity_euclidean", &[(vector.clone(), x), (vector.clone(), x)], "1.0");
    check("similarity_dot_product", &[(vector.clone(), x), (vector, x)], "1.0");
}

#[test]
fn masks_and_tokens() {
    check("mask_inner", &[(Text, "abcdef"), (Int, "1"), (Int, "2")], "'a***ef'");
    check("mask_outer", &[(Text, "abcdef"), (Int, "1"), (Int, "2"), (Text, "#")], "'#bcd##'");
    check(
        "mask_default",
        &[(Timeuuid, "13814000-1dd2-11b2-7f7f-7f7f7f7f7f7f")],
        "13814000-1dd2-11b2-8080-808080808080",
    );
    check("mask_null", &[(Int, "1")], "null");
    check("token", &[(Int, "1"), (Text, "a")], "6516349416904725244");
    assert_eq!(Duration::default().to_string(), "");
}
