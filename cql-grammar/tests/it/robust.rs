//! No text makes the parser panic, and what it accepts it prints so that it is accepted again.

use cql_grammar::{parse, parse_term, parse_type};
use proptest::prelude::*;

const STATEMENTS: &str = include_str!("../data/statements.txt");

/// The body of the fuzz target.
fn check(text: &str) {
    let _ = parse_type(text);
    let _ = parse_term(text);
    if let Ok(statement) = parse(text) {
        let printed = statement.to_string();
        assert_eq!(parse(&printed).as_ref(), Ok(&statement), "{text}\n{printed}");
    }
}

/// A statement with some of its characters or words deleted, doubled or replaced.
fn mutated() -> impl Strategy<Value = String> {
    let statements: Vec<&'static str> = STATEMENTS.lines().filter(|line| !line.starts_with('#')).collect();
    let words: Vec<&'static str> = STATEMENTS.split_whitespace().collect();
    let change = (0..6_u8, any::<prop::sample::Index>(), prop::sample::select(words), any::<char>());
    (prop::sample::select(statements), prop::collection::vec(change, 0..4)).prop_map(
        |(statement, changes)| {
            let mut text = statement.to_owned();
            for (how, place, word, character) in changes {
                let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
                let at = *place.get(&places);
                match how {
                    0 => text.truncate(at),
                    1 => text.insert(at, character),
                    2 if at < text.len() => drop(text.remove(at)),
                    3 => text.insert_str(at, word),
                    4 => text.insert_str(at, &format!(" {word} ")),
                    _ => text.insert(
                        at,
                        ['(', ')', '{', '[', '\'', '"', '.', '-', '$', ':', '?', '\n'][word.len() % 12],
                    ),
                }
            }
            text
        },
    )
}

proptest! {
    #[test]
    fn any_text(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn any_ascii(text in "[ -~\n\t]{0,80}") {
        check(&text);
    }

    #[test]
    fn numbers_and_words(text in "[-0-9a-fPYMDTHWxuµ.:\"'$ ]{0,30}") {
        check(&format!("SELECT * FROM t WHERE k = {text}"));
        check(&text);
    }

    #[test]
    fn mutated_statements(text in mutated()) {
        check(&text);
    }
}
