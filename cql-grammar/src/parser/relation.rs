//! Relations of WHERE, and what conditions share with them.

use super::input::{Input, Res, and_list, comma_list, nested, opt_comma_list, parens, tok, toks};
use super::{name, term};
use crate::ast::{InValues, Name, Operator, Relation, Term};
use crate::lexer::Kind;

/// `whereClause`
pub(super) fn where_clause(input: Input<'_>) -> Res<'_, Vec<Relation>> {
    and_list(relation_or_expression)(input)
}

/// `relationOrExpression`
fn relation_or_expression(input: Input<'_>) -> Res<'_, Relation> {
    match input.kind(0) {
        Kind::Expr => expression(input),
        Kind::LeftParen | Kind::KToken => nested(relation)(input),
        kind if kind.is_column() => nested(relation)(input),
        _ => input.no_viable(0),
    }
}

/// `customIndexExpression`
fn expression(input: Input<'_>) -> Res<'_, Relation> {
    let (input, index) = name::index(input.skip())?;
    let (input, _) = tok(Kind::Comma)(input)?;
    let (input, value) = term::term(input)?;
    let (input, _) = tok(Kind::RightParen)(input)?;
    Ok((input, Relation::Expression { index, value }))
}

/// `relation`
fn relation(input: Input<'_>) -> Res<'_, Relation> {
    match input.kind(0) {
        Kind::KToken => token(input),
        Kind::LeftParen => match (input.kind(1), input.kind(2)) {
            (Kind::LeftParen | Kind::KToken, _) => parens(nested(relation))(input),
            (second, Kind::RightParen | Kind::Comma) if second.is_column() => tuple(input),
            (second, third) if second.is_column() => {
                if third.is_comparison() || begins_column_relation(third) {
                    parens(nested(relation))(input)
                } else {
                    input.no_viable(2)
                }
            }
            _ => input.no_viable(1),
        },
        kind if kind.is_column() => column(input),
        _ => input.no_viable(0),
    }
}

/// What may follow the column of a relation, comparisons aside.
fn begins_column_relation(kind: Kind) -> bool {
    matches!(kind, Kind::KLike | Kind::KIs | Kind::KIn | Kind::KContains | Kind::LeftBracket)
}

/// A relation of one column
fn column(start: Input<'_>) -> Res<'_, Relation> {
    let (input, column) = name::column(start)?;
    match input.kind(0) {
        Kind::KLike => {
            let (input, value) = term::term(input.skip())?;
            Ok((input, Relation::Column { column, op: Operator::Like, value }))
        }
        Kind::KIs => {
            let (input, ()) = toks([Kind::KIs, Kind::KNot, Kind::KNull])(input)?;
            Ok((input, Relation::IsNotNull { column }))
        }
        Kind::KIn => match input.kind(1) {
            Kind::QMark | Kind::Colon | Kind::LeftParen => {
                let (input, values) = in_values(input.skip())?;
                Ok((input, Relation::In { column, values }))
            }
            _ => start.no_viable(2),
        },
        Kind::KContains => {
            let (input, op) = contains(input)?;
            let (input, value) = term::term(input)?;
            Ok((input, Relation::Column { column, op, value }))
        }
        Kind::LeftBracket => {
            let (input, key) = term::term(input.skip())?;
            let (input, _) = tok(Kind::RightBracket)(input)?;
            let (input, op) = comparison(input)?;
            let (input, value) = term::term(input)?;
            Ok((input, Relation::Element { column, key, op, value }))
        }
        kind if kind.is_comparison() => {
            let (input, op) = comparison(input)?;
            let (input, value) = term::term(input)?;
            Ok((input, Relation::Column { column, op, value }))
        }
        _ => start.no_viable(1),
    }
}

/// `token(a, b) > 1`
fn token(input: Input<'_>) -> Res<'_, Relation> {
    let (input, columns) = columns(input.skip())?;
    let (input, op) = comparison(input)?;
    let (input, value) = term::term(input)?;
    Ok((input, Relation::Token { columns, op, value }))
}

/// A relation of several columns
fn tuple(input: Input<'_>) -> Res<'_, Relation> {
    let (start, columns) = columns(input)?;
    if start.kind(0) == Kind::KIn {
        let (input, values) = tuple_in_values(start.skip())?;
        return Ok((input, Relation::TupleIn { columns, values }));
    }
    if !start.kind(0).is_comparison() {
        return start.no_viable(0);
    }
    let (input, op) = comparison(start)?;
    let (input, value) = match input.kind(0) {
        Kind::LeftParen => term::tuple_literal(input)?,
        Kind::QMark | Kind::Colon => tuple_marker(input)?,
        _ => return start.no_viable(1),
    };
    Ok((input, Relation::Tuple { columns, op, value }))
}

/// `markerForTuple`
fn tuple_marker(input: Input<'_>) -> Res<'_, Term> {
    let (input, marker) = term::marker(input)?;
    Ok((input, Term::BindMarker(marker)))
}

/// `tupleOfIdentifiers`
fn columns(input: Input<'_>) -> Res<'_, Vec<Name>> {
    parens(comma_list(name::column))(input)
}

/// What may follow IN after several columns
fn tuple_in_values(input: Input<'_>) -> Res<'_, InValues> {
    let list = match (input.kind(0), input.kind(1)) {
        (Kind::QMark | Kind::Colon, _) => return in_marker(input),
        (Kind::LeftParen, Kind::RightParen) => return Ok((input.skip().skip(), InValues::List(Vec::new()))),
        (Kind::LeftParen, Kind::LeftParen) => parens(comma_list(term::tuple_literal))(input)?,
        (Kind::LeftParen, Kind::QMark | Kind::Colon) => parens(comma_list(tuple_marker))(input)?,
        (Kind::LeftParen, _) => return input.no_viable(1),
        _ => return input.no_viable(0),
    };
    Ok((list.0, InValues::List(list.1)))
}

/// `inMarker` or `singleColumnInValues`
pub(super) fn in_values(input: Input<'_>) -> Res<'_, InValues> {
    match input.kind(0) {
        Kind::LeftParen => {
            let (input, values) = parens(opt_comma_list(Kind::starts_term, term::term))(input)?;
            Ok((input, InValues::List(values)))
        }
        _ => in_marker(input),
    }
}

fn in_marker(input: Input<'_>) -> Res<'_, InValues> {
    let (input, marker) = term::marker(input)?;
    Ok((input, InValues::Marker(marker)))
}

/// `containsOperator`
pub(super) fn contains(input: Input<'_>) -> Res<'_, Operator> {
    let (input, _) = tok(Kind::KContains)(input)?;
    if input.kind(0) == Kind::KKey && input.kind(1).starts_term() {
        return Ok((input.skip(), Operator::ContainsKey));
    }
    Ok((input, Operator::Contains))
}

/// `relationType`
pub(super) fn comparison(input: Input<'_>) -> Res<'_, Operator> {
    let op = match input.kind(0) {
        Kind::Equal => Operator::Eq,
        Kind::Less => Operator::Lt,
        Kind::LessEqual => Operator::Lte,
        Kind::Greater => Operator::Gt,
        Kind::GreaterEqual => Operator::Gte,
        Kind::NotEqual => Operator::Neq,
        _ => return input.no_viable(0),
    };
    Ok((input.skip(), op))
}
