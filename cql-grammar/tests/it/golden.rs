//! What Cassandra 5.0.6 accepts and refuses, and its words.

use cql_grammar::parse_with_bindings;

const STATEMENTS: &str = include_str!("../data/statements.txt");
const ERRORS: &str = include_str!("../data/errors.txt");

/// The line with `\n`, `\r`, `\t` and `\\` put right.
fn unescape(line: &str) -> String {
    let mut text = String::new();
    let mut chars = line.chars();
    while let Some(next) = chars.next() {
        let plain = match next {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some(other) => other,
                None => '\\',
            },
            other => other,
        };
        text.push(plain);
    }
    text
}

fn lines(file: &str) -> impl Iterator<Item = &str> {
    file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[test]
fn what_cassandra_accepts_is_accepted_and_printed_faithfully() {
    for statement in lines(STATEMENTS).map(unescape) {
        let parsed = parse_with_bindings(&statement).unwrap_or_else(|error| panic!("{statement}\n{error}"));
        let printed = parsed.statement.to_string();
        let again =
            parse_with_bindings(&printed).unwrap_or_else(|error| panic!("{statement}\n{printed}\n{error}"));
        assert_eq!(parsed, again, "{statement}\n{printed}");
        assert_eq!(printed, again.statement.to_string());
    }
}

#[test]
fn what_cassandra_refuses_is_refused_in_its_words() {
    let mut lines = lines(ERRORS);
    let mut count = 0;
    while let (Some(statement), Some(message)) = (lines.next(), lines.next()) {
        let statement = unescape(statement.strip_prefix("> ").unwrap());
        match parse_with_bindings(&statement) {
            Ok(parsed) => panic!("accepted: {statement}\n{parsed:?}"),
            Err(error) => assert_eq!(error.to_string(), unescape(message), "{statement}"),
        }
        count += 1;
    }
    assert!(count > 300, "{count}");
}
