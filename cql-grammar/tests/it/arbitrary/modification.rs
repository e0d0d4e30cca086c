//! INSERT, UPDATE, DELETE, BATCH.

use super::term::{comparison, in_values, int_value, marker, relation, term};
use super::{any_of, column, name, qualified, some};
use cql_grammar::ast::{
    Assignment, Batch, BatchKind, Condition, ConditionTarget, ConditionTest, Conditions, Delete, Deletion,
    Insert, InsertJson, JsonValue, Name, Operation, Operator, Statement, Update, Using,
};
use proptest::option;
use proptest::prelude::*;

fn using() -> impl Strategy<Value = Using> {
    (option::of(int_value()), option::of(int_value())).prop_map(|(timestamp, ttl)| Using { timestamp, ttl })
}

fn operation() -> BoxedStrategy<Operation> {
    prop_oneof![
        term().prop_map(Operation::Set),
        term().prop_map(Operation::Add),
        term().prop_map(Operation::Subtract),
        term().prop_map(Operation::Prepend),
        (term(), term()).prop_map(|(key, value)| Operation::SetElement { key, value }),
        (name(), term()).prop_map(|(field, value)| Operation::SetField { field, value }),
    ]
    .boxed()
}

/// Assignments to different columns
fn assignments() -> impl Strategy<Value = Vec<Assignment>> {
    some((column(), operation())).prop_map(|list| {
        let different = |(index, (column, operation)): (usize, (Name, Operation))| {
            let column = if index == 0 { column } else { Name(format!("{}{index}", column.0)) };
            Assignment { column, operation }
        };
        list.into_iter().enumerate().map(different).collect()
    })
}

fn condition() -> impl Strategy<Value = Condition> {
    let target = prop_oneof![
        2 => Just(ConditionTarget::Column),
        1 => term().prop_map(ConditionTarget::Element),
        1 => name().prop_map(ConditionTarget::Field),
    ];
    let test = prop_oneof![
        (comparison(), term()).prop_map(|(op, value)| ConditionTest::Compare(op, value)),
        in_values().prop_map(ConditionTest::In),
    ];
    let contains = (prop::sample::select(vec![Operator::Contains, Operator::ContainsKey]), term())
        .prop_map(|(op, value)| (ConditionTarget::Column, ConditionTest::Compare(op, value)));
    (column(), prop_oneof![3 => (target, test), 1 => contains])
        .prop_map(|(column, (target, test))| Condition { column, target, test })
}

fn conditions() -> impl Strategy<Value = Conditions> {
    prop_oneof![
        Just(Conditions::None),
        Just(Conditions::IfExists),
        some(condition()).prop_map(Conditions::If),
    ]
}

fn deletion() -> impl Strategy<Value = Deletion> {
    prop_oneof![
        column().prop_map(Deletion::Column),
        (column(), term()).prop_map(|(column, key)| Deletion::Element { column, key }),
        (column(), name()).prop_map(|(column, field)| Deletion::Field { column, field }),
    ]
}

pub fn modification() -> BoxedStrategy<Statement> {
    let insert = (qualified(), some(column()), some(term()), any::<bool>(), using()).prop_map(
        |(table, columns, values, if_not_exists, using)| {
            Statement::Insert(Insert { table, columns, values, if_not_exists, using })
        },
    );
    let json =
        prop_oneof![any::<String>().prop_map(JsonValue::Literal), marker().prop_map(JsonValue::Marker)];
    let insert_json = (qualified(), json, any::<bool>(), any::<bool>(), using()).prop_map(
        |(table, json, default_unset, if_not_exists, using)| {
            Statement::InsertJson(InsertJson { table, json, default_unset, if_not_exists, using })
        },
    );
    let update = (qualified(), using(), assignments(), some(relation()), conditions()).prop_map(
        |(table, using, assignments, where_clause, conditions)| {
            Statement::Update(Update { table, using, assignments, where_clause, conditions })
        },
    );
    let delete = (any_of(deletion()), qualified(), option::of(int_value()), some(relation()), conditions())
        .prop_map(|(deletions, table, timestamp, where_clause, conditions)| {
            let using = Using { timestamp, ttl: None };
            Statement::Delete(Delete { deletions, table, using, where_clause, conditions })
        });
    prop_oneof![insert, insert_json, update, delete].boxed()
}

pub fn batch() -> impl Strategy<Value = Statement> {
    let kinds = vec![BatchKind::Logged, BatchKind::Unlogged, BatchKind::Counter];
    (prop::sample::select(kinds), using(), any_of(modification()))
        .prop_map(|(kind, using, statements)| Statement::Batch(Batch { kind, using, statements }))
}
