//! Random trees, such as the parser can build.

pub mod ddl;
pub mod modification;
pub mod role;
pub mod select;
pub mod term;

use cql_grammar::ast::{Name, QualifiedName};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

const KEYWORDS: [&str; 24] = [
    "key",
    "json",
    "distinct",
    "count",
    "ttl",
    "cast",
    "writetime",
    "text",
    "int",
    "list",
    "frozen",
    "values",
    "keys",
    "exists",
    "contains",
    "as",
    "per",
    "group",
    "token",
    "select",
    "true",
    "nan",
    "expr",
    "byte",
];

pub fn name() -> BoxedStrategy<Name> {
    let text = prop_oneof![
        4 => "[a-z][a-z0-9_]{0,6}",
        2 => prop::sample::select(KEYWORDS.to_vec()).prop_map(str::to_owned),
        1 => "[A-Za-z \"'.-]{1,5}",
        1 => any::<String>().prop_filter("not empty", |text| !text.is_empty()),
    ];
    text.prop_map(Name).boxed()
}

/// A column's name, which may be empty.
pub fn column() -> BoxedStrategy<Name> {
    prop_oneof![9 => name(), 1 => Just(Name(String::new()))].boxed()
}

pub fn qualified() -> impl Strategy<Value = QualifiedName> {
    (option::of(name()), name()).prop_map(|(keyspace, name)| QualifiedName { keyspace, name })
}

/// At least one.
pub fn some<S: Strategy>(strategy: S) -> impl Strategy<Value = Vec<S::Value>> {
    vec(strategy, 1..4)
}

/// None or some.
pub fn any_of<S: Strategy>(strategy: S) -> impl Strategy<Value = Vec<S::Value>> {
    vec(strategy, 0..4)
}
