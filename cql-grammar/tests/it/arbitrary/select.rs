//! SELECT.

use super::term::{PRODUCTS, SUMS, constant, cql_type, int_value, marker, native, relation, term};
use super::{any_of, column, name, qualified, some};
use cql_grammar::ast::{
    ArithmeticOperator, Direction, Ordering, Select, Selectable, Selector, Term, WritetimeKind,
};
use proptest::option;
use proptest::prelude::*;

type Modifier = fn(Box<Selectable>, (Term, Option<Term>, cql_grammar::ast::Name)) -> Selectable;

/// Fields, elements and slices of the receiver
fn modified(receiver: BoxedStrategy<Selectable>) -> BoxedStrategy<Selectable> {
    let modifiers: Vec<Modifier> = vec![
        |receiver, (_, _, field)| Selectable::Field { receiver, field },
        |receiver, (key, _, _)| Selectable::Element { receiver, key },
        |receiver, (from, to, _)| Selectable::Slice { receiver, from: Some(from), to },
        |receiver, (to, _, _)| Selectable::Slice { receiver, from: None, to: Some(to) },
    ];
    let parts = (prop::sample::select(modifiers), (term(), option::of(term()), name()));
    (receiver, proptest::collection::vec(parts, 0..3))
        .prop_map(|(receiver, parts)| {
            parts.into_iter().fold(receiver, |receiver, (modify, values)| modify(Box::new(receiver), values))
        })
        .boxed()
}

fn chain(
    operand: BoxedStrategy<Selectable>,
    operators: &'static [ArithmeticOperator],
) -> BoxedStrategy<Selectable> {
    let more = proptest::collection::vec((prop::sample::select(operators), operand.clone()), 0..2);
    let fold = |(first, more): (Selectable, Vec<(ArithmeticOperator, Selectable)>)| {
        more.into_iter().fold(first, |left, (op, right)| Selectable::BinaryOp {
            op,
            left: Box::new(left),
            right: Box::new(right),
        })
    };
    (operand, more).prop_map(fold).boxed()
}

/// What may follow a type hint: anything else is put in parentheses.
fn plain(selectable: Selectable) -> Box<Selectable> {
    Box::new(match selectable {
        Selectable::Negate(_)
        | Selectable::BinaryOp { .. }
        | Selectable::Field { .. }
        | Selectable::Element { .. }
        | Selectable::Slice { .. } => Selectable::ParenthesesOrTuple(vec![selectable]),
        other => other,
    })
}

/// A key in a map: before the colon of `: name`, parentheses would be a type hint for a bind marker.
fn key(selectable: Selectable) -> Selectable {
    if selectable.to_string().ends_with(')') { Selectable::List(vec![selectable]) } else { selectable }
}

pub fn selectable() -> BoxedStrategy<Selectable> {
    let kinds = vec![WritetimeKind::Writetime, WritetimeKind::MaxWritetime, WritetimeKind::Ttl];
    let writetime = (prop::sample::select(kinds), modified(name().prop_map(Selectable::Column).boxed()));
    let leaf = prop_oneof![
        6 => modified(name().prop_map(Selectable::Column).boxed()),
        2 => constant().prop_map(|constant| Selectable::Term(Term::Constant(constant))),
        1 => Just(Selectable::Term(Term::Null)),
        1 => marker().prop_map(|marker| Selectable::Term(Term::BindMarker(marker))),
        1 => Just(Selectable::CountRows),
        1 => writetime.prop_map(|(kind, selected)| Selectable::WritetimeOrTtl { kind, selected: Box::new(selected) }),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        let receivers = prop_oneof![
            (qualified(), any_of(inner.clone()))
                .prop_map(|(name, args)| Selectable::FunctionCall { name, args }),
            any_of(inner.clone()).prop_map(Selectable::List),
            any_of(inner.clone()).prop_map(Selectable::Set),
            some((inner.clone().prop_map(key), inner.clone())).prop_map(Selectable::MapOrUserType),
            (inner.clone(), native())
                .prop_map(|(selectable, ty)| Selectable::Cast { selectable: Box::new(selectable), ty }),
        ];
        let group = prop_oneof![
            4 => modified(receivers.boxed()),
            1 => (cql_type(), inner.clone())
                .prop_map(|(ty, selectable)| Selectable::TypeHint { ty, selectable: plain(selectable) }),
            2 => some(inner.clone()).prop_map(Selectable::ParenthesesOrTuple),
            1 => inner.clone().prop_map(|selectable| Selectable::Negate(plain(selectable))),
            1 => inner.prop_map(|selectable| *plain(selectable)),
        ];
        chain(chain(group.boxed(), &PRODUCTS), &SUMS)
    })
    .boxed()
}

pub fn selector() -> impl Strategy<Value = Selector> {
    (selectable(), option::of(name())).prop_map(|(selectable, alias)| Selector { selectable, alias })
}

pub fn direction() -> impl Strategy<Value = Direction> {
    prop::sample::select(vec![Direction::Ascending, Direction::Descending])
}

fn ordering() -> impl Strategy<Value = Ordering> {
    (column(), option::weighted(0.2, term()), direction()).prop_map(|(column, ann_of, direction)| Ordering {
        column,
        ann_of,
        direction,
    })
}

pub fn select() -> impl Strategy<Value = Select> {
    let limits = (option::of(int_value()), option::of(int_value()));
    (
        (any::<bool>(), any::<bool>(), any::<bool>()),
        any_of(selector()),
        qualified(),
        any_of(relation()),
        any_of(selectable()),
        any_of(ordering()),
        limits,
    )
        .prop_map(|(flags, selectors, from, where_clause, group_by, order_by, limits)| Select {
            json: flags.0,
            distinct: flags.1,
            selectors,
            from,
            where_clause,
            group_by,
            order_by,
            per_partition_limit: limits.0,
            limit: limits.1,
            allow_filtering: flags.2,
        })
}
