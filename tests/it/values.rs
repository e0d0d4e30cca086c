//! Values and functions against answers of Cassandra's own classes, recorded by `tests/data/values/Record.java`.

use std::fmt::Write;

use helenus::exec::functions::{FunctionContext, registry};
use helenus::types::{CqlType, from_hex};

const GOLDEN: &str = include_str!("../data/values/golden.tsv");

/// Where we answer otherwise: the first columns of a line, and why.
const DIFFERENT: &[(&str, &str)] = &[
    ("text\tFloatType\t0x1p3", "hexadecimal floats can be written nowhere in CQL"),
    ("text\tDoubleType\t0x1p3", "hexadecimal floats can be written nowhere in CQL"),
];

fn parse(class: &str) -> CqlType {
    CqlType::from_class_name(class).expect("a class of the recording").cql_type
}

fn bytes(hex: &str) -> Vec<u8> {
    from_hex(hex).expect("hexadecimal digits")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn escaped(text: &str) -> String {
    text.replace('\t', "\\t").replace('\n', "\\n")
}

fn call(name: &str, arguments: &[&str]) -> String {
    let arguments: Vec<(CqlType, Option<Vec<u8>>)> = arguments
        .iter()
        .map(|argument| {
            let (class, text) = argument.split_once('=').expect("a type and a value");
            let cql_type = parse(class);
            let value = (text != "null").then(|| cql_type.from_string(text).expect("a value"));
            (cql_type, value)
        })
        .collect();
    let types: Vec<_> = arguments.iter().map(|(cql_type, _)| cql_type.clone()).collect();
    let found = registry().get(name).and_then(|all| all.iter().find(|f| f.arg_types == types));
    let Some(function) = found else { return "none".to_owned() };
    let values: Vec<_> = arguments.iter().map(|(_, value)| value.as_deref()).collect();
    match function.execute(&values, &FunctionContext::default()) {
        Ok(result) => {
            let literal = function.return_type.to_cql_literal(result.as_deref());
            format!("ok\t{}\t{}", function.return_type, escaped(&literal))
        }
        // Cassandra puts the name of the class before the text when it sends the error
        Err(error) => {
            let text = error.to_string();
            let text =
                text.strip_prefix("java.lang.").and_then(|t| t.split_once(": ")).map_or(&*text, |(_, t)| t);
            format!("error\t{text}")
        }
    }
}

fn answer(question: &[&str]) -> String {
    match question {
        ["text", class, text] => {
            let cql_type = parse(class);
            match cql_type.from_string(text) {
                Ok(value) if cql_type.validate(&value).is_err() => "invalid".to_owned(),
                Ok(value) => {
                    let literal = escaped(&cql_type.to_cql_literal(Some(&value)));
                    format!("ok\t{}\t{literal}\t{}", hex(&value), escaped(&cql_type.to_string_value(&value)))
                }
                Err(error) => format!("error\t{error}"),
            }
        }
        ["literal", class, value] => {
            let (cql_type, value) = (parse(class), bytes(value));
            match cql_type.validate(&value) {
                Ok(()) => format!(
                    "ok\t{}\t{}",
                    escaped(&cql_type.to_cql_literal(Some(&value))),
                    escaped(&cql_type.to_string_value(&value))
                ),
                Err(_) => "invalid".to_owned(),
            }
        }
        ["validate", class, value] => match parse(class).validate(&bytes(value)) {
            Ok(()) => "ok".to_owned(),
            Err(error) => format!("error\t{error}"),
        },
        ["compare", class, left, right] => {
            (parse(class).compare(&bytes(left), &bytes(right)) as i8).to_string()
        }
        ["call", name, arguments @ ..] => call(name, arguments),
        _ => "unknown question".to_owned(),
    }
}

#[test]
fn as_cassandra_answers() {
    let mut wrong = String::new();
    for line in GOLDEN.lines() {
        let (question, expected) = line.split_once("\t=>\t").expect("a question and its answer");
        if DIFFERENT.iter().any(|(prefix, _)| question.starts_with(prefix)) {
            continue;
        }
        let given = answer(&question.split('\t').collect::<Vec<_>>());
        if given != "invalid" && given != expected {
            let _ = writeln!(wrong, "{question}\n    cassandra: {expected}\n    helenus:   {given}");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}
