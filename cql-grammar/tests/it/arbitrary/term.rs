//! Types, terms and relations.

use super::{any_of, column, name, qualified, some};
use cql_grammar::ast::{
    ArithmeticOperator, BindMarker, Constant, ConstantKind, CqlType, InValues, NativeType, Operator,
    Relation, Term,
};
use proptest::option;
use proptest::prelude::*;

pub fn native() -> impl Strategy<Value = NativeType> {
    prop::sample::select(vec![
        NativeType::Ascii,
        NativeType::Blob,
        NativeType::Counter,
        NativeType::Date,
        NativeType::Duration,
        NativeType::Int,
        NativeType::Text,
        NativeType::Timeuuid,
        NativeType::Varchar,
    ])
}

pub fn cql_type() -> BoxedStrategy<CqlType> {
    let leaf = prop_oneof![
        4 => native().prop_map(CqlType::Native),
        2 => qualified().prop_map(CqlType::UserType),
        1 => "[a-zA-Z.'()]{0,12}".prop_map(CqlType::Custom),
    ];
    let nested = leaf.prop_recursive(3, 12, 3, |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        prop_oneof![
            boxed.clone().prop_map(CqlType::List),
            boxed.clone().prop_map(CqlType::Set),
            (boxed.clone(), boxed.clone()).prop_map(|(key, value)| CqlType::Map(key, value)),
            some(inner).prop_map(CqlType::Tuple),
            (boxed.clone(), any::<i32>())
                .prop_map(|(element, dimension)| CqlType::Vector(element, dimension)),
            boxed.prop_filter_map("not a scalar", |element| match *element {
                CqlType::Native(_) | CqlType::Custom(_) => None,
                _ => Some(CqlType::Frozen(element)),
            }),
        ]
    });
    nested.boxed()
}

pub fn constant() -> BoxedStrategy<Constant> {
    let of = |kind: ConstantKind| move |text: String| Constant { kind, text };
    prop_oneof![
        any::<String>().prop_map(of(ConstantKind::String)),
        "-?[0-9]{1,5}".prop_map(of(ConstantKind::Integer)),
        "-?[0-9]{1,3}(\\.[0-9]{0,3}|(\\.[0-9]{0,2})?[eE][+-]?[0-9]{1,2})".prop_map(of(ConstantKind::Float)),
        "NaN|Infinity|-Infinity".prop_map(of(ConstantKind::Float)),
        "true|FALSE|True".prop_map(of(ConstantKind::Boolean)),
        "-?[0-9]{1,3}(y|mo|W|d|H|m|s|ms|us|µs|ns)([0-9]{1,2}(h|m))?".prop_map(of(ConstantKind::Duration)),
        "-?P[0-9]{1,2}(W|Y|Y[0-9]M|DT[0-9]H)".prop_map(of(ConstantKind::Duration)),
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9A-F]{4}-[0-9a-f]{4}-[0-9a-f]{12}".prop_map(of(ConstantKind::Uuid)),
        "0[xX][0-9a-fA-F]{0,8}".prop_map(of(ConstantKind::Hex)),
    ]
    .boxed()
}

pub fn marker() -> impl Strategy<Value = BindMarker> {
    option::of(name()).prop_map(|name| BindMarker { index: 0, name })
}

/// An integer constant or a marker
pub fn int_value() -> impl Strategy<Value = Term> {
    prop_oneof![
        "-?[0-9]{1,5}".prop_map(|text| Term::Constant(Constant { kind: ConstantKind::Integer, text })),
        marker().prop_map(Term::BindMarker),
    ]
}

pub const PRODUCTS: [ArithmeticOperator; 3] =
    [ArithmeticOperator::Multiply, ArithmeticOperator::Divide, ArithmeticOperator::Modulo];
pub const SUMS: [ArithmeticOperator; 2] = [ArithmeticOperator::Add, ArithmeticOperator::Subtract];

/// Operands with operators between, grouped from the left.
fn chain(operand: BoxedStrategy<Term>, operators: &'static [ArithmeticOperator]) -> BoxedStrategy<Term> {
    let more = proptest::collection::vec((prop::sample::select(operators), operand.clone()), 0..2);
    let fold = |(first, more): (Term, Vec<(ArithmeticOperator, Term)>)| {
        more.into_iter().fold(first, |left, (op, right)| Term::BinaryOp {
            op,
            left: Box::new(left),
            right: Box::new(right),
        })
    };
    (operand, more).prop_map(fold).boxed()
}

fn expression(simple: BoxedStrategy<Term>) -> BoxedStrategy<Term> {
    let negated = simple.clone().prop_map(|term| Term::Negate(Box::new(term)));
    let group = prop_oneof![4 => simple, 1 => negated].boxed();
    chain(chain(group, &PRODUCTS), &SUMS)
}

/// What may stand where no operator may: an expression is put in parentheses.
fn simple(term: Term) -> Box<Term> {
    Box::new(match term {
        Term::Negate(_) | Term::BinaryOp { .. } => Term::Tuple(vec![term]),
        other => other,
    })
}

pub fn term() -> BoxedStrategy<Term> {
    let leaf = prop_oneof![
        5 => constant().prop_map(Term::Constant),
        1 => Just(Term::Null),
        2 => marker().prop_map(Term::BindMarker),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        let nested = prop_oneof![
            any_of(inner.clone()).prop_map(Term::List),
            any_of(inner.clone()).prop_map(Term::Set),
            some((inner.clone(), inner.clone())).prop_map(Term::Map),
            some((name(), inner.clone())).prop_map(Term::UserType),
            some(inner.clone()).prop_map(Term::Tuple),
            (qualified(), any_of(inner.clone())).prop_map(|(name, args)| Term::FunctionCall { name, args }),
            (cql_type(), inner.clone()).prop_map(|(ty, term)| Term::TypeCast { ty, term: simple(term) }),
            (inner.clone(), native()).prop_map(|(term, ty)| Term::Cast { term: simple(term), ty }),
            inner.prop_map(|term| *simple(term)),
        ];
        expression(nested.boxed())
    })
    .boxed()
}

pub fn comparison() -> impl Strategy<Value = Operator> {
    prop::sample::select(vec![
        Operator::Eq,
        Operator::Lt,
        Operator::Lte,
        Operator::Gt,
        Operator::Gte,
        Operator::Neq,
    ])
}

pub fn in_values() -> impl Strategy<Value = InValues> {
    prop_oneof![any_of(term()).prop_map(InValues::List), marker().prop_map(InValues::Marker)]
}

fn tuple() -> impl Strategy<Value = Term> {
    some(term()).prop_map(Term::Tuple)
}

fn tuple_in_values() -> impl Strategy<Value = InValues> {
    prop_oneof![
        any_of(tuple()).prop_map(InValues::List),
        some(marker().prop_map(Term::BindMarker)).prop_map(InValues::List),
        marker().prop_map(InValues::Marker),
    ]
}

pub fn relation() -> BoxedStrategy<Relation> {
    let words = prop::sample::select(vec![Operator::Like, Operator::Contains, Operator::ContainsKey]);
    let op = prop_oneof![comparison(), words];
    let value = prop_oneof![tuple(), marker().prop_map(Term::BindMarker)];
    prop_oneof![
        (column(), op, term()).prop_map(|(column, op, value)| Relation::Column { column, op, value }),
        column().prop_map(|column| Relation::IsNotNull { column }),
        (column(), in_values()).prop_map(|(column, values)| Relation::In { column, values }),
        (column(), term(), comparison(), term()).prop_map(|(column, key, op, value)| Relation::Element {
            column,
            key,
            op,
            value
        }),
        (some(column()), comparison(), term()).prop_map(|(columns, op, value)| Relation::Token {
            columns,
            op,
            value
        }),
        (some(column()), comparison(), value).prop_map(|(columns, op, value)| Relation::Tuple {
            columns,
            op,
            value
        }),
        (some(column()), tuple_in_values())
            .prop_map(|(columns, values)| Relation::TupleIn { columns, values }),
        (name(), term()).prop_map(|(index, value)| Relation::Expression { index, value }),
    ]
    .boxed()
}
