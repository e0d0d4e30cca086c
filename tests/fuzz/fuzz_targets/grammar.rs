//! Any text: the parser never panics, and what it accepts it prints so that the same tree is parsed again.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = cql_grammar::parse_type(text);
    let _ = cql_grammar::parse_term(text);
    if let Ok(statement) = cql_grammar::parse(text) {
        let printed = statement.to_string();
        assert_eq!(cql_grammar::parse(&printed).as_ref(), Ok(&statement), "{text}\n{printed}");
    }
});
