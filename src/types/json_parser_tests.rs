#![allow(clippy::unwrap_used, reason = "test")]
use super::*;

#[test]
fn values_print_as_java_prints_them() {
    let check = |text: &str, printed: &str| assert_eq!(parse_json(text).unwrap().to_string(), printed);
    check("{\"a\":[1,2.50,null,\"x\",true],\"b\":{},\"a\":-0}", "{a=0, b={}}");
    check(" [1e10, 99999999999, 9999999999999999999999] ", "[1.0E10, 99999999999, 9999999999999999999999]");
    check("\"\\ud83d\\ude00\\ud83d\\/\"", "😀?/");
}

#[test]
fn errors_name_their_place() {
    let check = |text: &str, wanted: &str, column: usize| {
        let message = parse_json(text).unwrap_err().to_string();
        assert!(message.contains(wanted), "{message}");
        assert!(message.ends_with(&format!("column: {column}]")), "{message}");
    };
    check("{\"p\":1.}", "Decimal point not followed by a digit", 7);
    check("{\"p\":tru}", "Unrecognized token 'tru'", 9);
    check("{\"p\":[1}", "Unexpected close marker '}': expected ']'", 8);
    check("[1,", "JsonParseException: Unexpected end-of-input within/between Array entries", 4);
    check("1x", "Expected space separating root-level values", 2);
}

#[test]
fn no_text_makes_it_panic() {
    let pieces =
        ["{", "}", "[", "]", "\"", "\\", ":", ",", "-", "1", ".", "e", "t", "N", "I", "\u{1}", "\n", "é"];
    for a in pieces {
        for b in pieces {
            for c in pieces {
                let text = format!("{a}{b}{c}");
                let _ = (parse_json(&text), parse_json_object(&text));
            }
        }
    }
}
