//! Bind markers are numbered in the order of the text.

use cql_grammar::ast::{InValues, Name, Relation, Statement, Term};
use cql_grammar::{parse, parse_term, parse_type, parse_with_bindings};

#[test]
fn markers_have_their_place_and_name() {
    let text = "SELECT json, (a), f(?) FROM t WHERE k = :k AND c IN ? AND m[?] = {'a': :v} LIMIT ?";
    let parsed = parse_with_bindings(text).unwrap();
    let name = |text: &str| Some(Name::from(text));
    assert_eq!(parsed.bind_names, [None, name("k"), None, None, name("v"), None]);
    let Statement::Select(select) = parsed.statement else { panic!("not a SELECT") };
    match &select.where_clause[1] {
        Relation::In { values: InValues::Marker(marker), .. } => assert_eq!(marker.index, 2),
        other => panic!("{other:?}"),
    }
    match select.limit {
        Some(Term::BindMarker(marker)) => assert_eq!(marker.index, 5),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_way_that_is_given_up_leaves_no_markers() {
    // JSON is tried as a keyword first, and `(a) …` as a type hint.
    let parsed = parse_with_bindings("SELECT json , (a) , ? FROM t").unwrap();
    assert_eq!(parsed.bind_names, [None]);
    let parsed = parse_with_bindings("SELECT json - f(?, :x) , ? FROM t").unwrap();
    assert_eq!(parsed.bind_names, [None, Some(Name::from("x")), None]);
    let parsed = parse_with_bindings("SELECT (f(?)), [?, ?][0] FROM t").unwrap();
    assert_eq!(parsed.bind_names, [None, None, None]);
}

#[test]
fn types_and_terms_alone() {
    let ty = parse_type("map<text, frozen<tuple<int, Ks.\"T\", vector<float, 3>>>>").unwrap();
    assert_eq!(ty.to_string(), "map<text, frozen<tuple<int, ks.\"T\", vector<float, 3>>>>");
    let term = parse_term("{'a': [1, -2.5], 'b': now() - 1}").unwrap();
    assert_eq!(term.to_string(), "{'a': [1, -2.5], 'b': now() - 1}");
    assert!(parse_type("list<int").is_err());
    assert!(parse_term("1 2").is_err());
}

#[test]
fn names_are_lowercased_unless_quoted() {
    let Statement::Truncate(table) = parse("TRUNCATE Ks.\"MyTable\"").unwrap() else {
        panic!("not TRUNCATE")
    };
    assert_eq!(table.keyspace, Some(Name::from("ks")));
    assert_eq!(table.name, Name::from("MyTable"));
    assert_eq!(table.to_string(), "ks.\"MyTable\"");
}
