//! Every tree that the parser can build is printed so that it is built again.

use crate::arbitrary;
use cql_grammar::ast::Statement;
use cql_grammar::{parse_term, parse_type, parse_with_bindings};
use proptest::prelude::*;

/// The tree as text in which all bind markers have the same number.
fn shape(tree: &impl std::fmt::Debug) -> String {
    let text = format!("{tree:?}");
    let mut parts = text.split("index: ");
    let mut shape = parts.next().unwrap_or("").to_owned();
    for part in parts {
        shape.push_str("index: ");
        shape.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    shape
}

fn check(statement: &Statement) {
    let printed = statement.to_string();
    let parsed =
        parse_with_bindings(&printed).unwrap_or_else(|error| panic!("{printed}\n{error}\n{statement:?}"));
    assert_eq!(shape(&parsed.statement), shape(statement), "{printed}");
    let again = parse_with_bindings(&parsed.statement.to_string());
    assert_eq!(again, Ok(parsed), "{printed}");
}

proptest! {
    #[test]
    fn types(ty in arbitrary::term::cql_type()) {
        prop_assert_eq!(parse_type(&ty.to_string()), Ok(ty.clone()), "{}", ty);
    }

    #[test]
    fn terms(term in arbitrary::term::term()) {
        let printed = term.to_string();
        let parsed = parse_term(&printed).unwrap_or_else(|error| panic!("{printed}\n{error}"));
        prop_assert_eq!(shape(&parsed), shape(&term), "{}", printed);
    }

    #[test]
    fn selects(statement in arbitrary::select::select()) {
        check(&Statement::Select(statement));
    }

    #[test]
    fn modifications(statement in arbitrary::modification::modification()) {
        check(&statement);
    }

    #[test]
    fn batches(statement in arbitrary::modification::batch()) {
        check(&statement);
    }

    #[test]
    fn definitions(statement in arbitrary::ddl::definition()) {
        check(&statement);
    }

    #[test]
    fn roles(statement in arbitrary::role::statement()) {
        check(&statement);
    }
}
