//! Terms.

use super::input::{Input, Res, comma_list, nested, opt_comma_list, parens, tok, toks};
use super::{arithmetic, name, types};
use crate::ast::{ArithmeticOperator, BindMarker, Constant, ConstantKind, Term};
use crate::lexer::{Class, Kind};

/// `term`
pub(super) fn term(input: Input<'_>) -> Res<'_, Term> {
    nested(addition)(input)
}

/// What may come after a term, operators aside.
fn follows(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Eof
            | Kind::KAllow
            | Kind::KAnd
            | Kind::KApply
            | Kind::KAsc
            | Kind::KDelete
            | Kind::KDesc
            | Kind::KGroup
            | Kind::KIf
            | Kind::KInsert
            | Kind::KLimit
            | Kind::KOrder
            | Kind::KPer
            | Kind::KPrimary
            | Kind::KUpdate
            | Kind::KWhere
            | Kind::Range
            | Kind::RightParen
            | Kind::Comma
            | Kind::Colon
            | Kind::Semicolon
            | Kind::RightBracket
            | Kind::RightBrace
    )
}

/// What may come after a term, operators included.
fn follows_operand(kind: Kind) -> bool {
    follows(kind) || matches!(kind, Kind::Percent | Kind::Plus | Kind::Minus | Kind::Slash | Kind::Star)
}

/// `termAddition`
fn addition(input: Input<'_>) -> Res<'_, Term> {
    let (mut input, mut left) = multiplication(input)?;
    loop {
        let op = match input.kind(0) {
            Kind::Minus => ArithmeticOperator::Subtract,
            // `SET l = [1] + l`: what follows the sign may be the column rather than a term.
            Kind::Plus => match input.kind(1) {
                Kind::EmptyQuotedName => {
                    input.look(2);
                    return Ok((input, left));
                }
                next if next.is_identifier() => match input.kind(2) {
                    Kind::KWhere | Kind::Comma => {
                        input.look(3);
                        return Ok((input, left));
                    }
                    Kind::Dot => ArithmeticOperator::Add,
                    Kind::LeftParen if next.is_function_name() || next == Kind::KCast => {
                        ArithmeticOperator::Add
                    }
                    _ => return input.no_viable(2),
                },
                next if next.starts_term() => ArithmeticOperator::Add,
                _ => return input.no_viable(1),
            },
            kind if follows(kind) => {
                input.look(1);
                return Ok((input, left));
            }
            _ => return input.no_viable(0),
        };
        let (rest, right) = multiplication(input.skip().one_more_operator()?)?;
        left = Term::BinaryOp { op, left: Box::new(left), right: Box::new(right) };
        input = rest;
    }
}

/// `termMultiplication`
fn multiplication(input: Input<'_>) -> Res<'_, Term> {
    let binary = |op, left, right| Term::BinaryOp { op, left, right };
    arithmetic::chain(input, group, arithmetic::of_product, binary)
}

/// `termGroup`
fn group(input: Input<'_>) -> Res<'_, Term> {
    match input.kind(0) {
        Kind::Minus => {
            let (input, term) = simple_term(input.skip())?;
            Ok((input, Term::Negate(Box::new(term))))
        }
        kind if kind.starts_term() => simple_term(input),
        _ => input.no_viable(0),
    }
}

/// `simpleTerm`
fn simple_term(input: Input<'_>) -> Res<'_, Term> {
    match input.kind(0) {
        Kind::LeftParen => {
            if begins_cast(input)?.1 {
                nested(type_cast)(input)
            } else {
                tuple_literal(input)
            }
        }
        Kind::QMark => match input.kind(1) {
            Kind::Dot => function(input),
            next if follows_operand(next) || next == Kind::KAs => {
                input.look(2);
                value(input)
            }
            _ => input.no_viable(1),
        },
        Kind::KCast => match input.kind(1) {
            Kind::Dot => function(input),
            Kind::LeftParen => nested(cast)(input),
            _ => input.no_viable(1),
        },
        Kind::KNull | Kind::Colon | Kind::LeftBracket | Kind::LeftBrace => value(input),
        kind if kind.is_constant() => value(input),
        kind if kind.is_identifier() || kind == Kind::KToken => function(input),
        _ => input.no_viable(0),
    }
}

/// Whether the parenthesis here begins a cast, `(type) term`, rather than a tuple, `(term, …)`.
fn begins_cast(input: Input<'_>) -> Res<'_, bool> {
    let (second, third) = (input.kind(1), input.kind(2));
    let is_cast = match second {
        Kind::String => match third {
            Kind::RightParen => return string_begins_cast(input),
            Kind::Percent | Kind::Plus | Kind::Comma | Kind::Minus | Kind::Slash | Kind::Star => false,
            _ => return input.no_viable(2),
        },
        Kind::KSet => true,
        Kind::KToken => false,
        _ if second.is_identifier() => match third {
            Kind::Dot => return dot_begins_cast(input),
            Kind::LeftParen if second.is_function_name() || second == Kind::KCast => false,
            Kind::RightParen if second.class() != Class::Other || second == Kind::KKey => true,
            Kind::Less
                if matches!(
                    second,
                    Kind::KMap | Kind::KList | Kind::KTuple | Kind::KVector | Kind::KFrozen
                ) =>
            {
                true
            }
            _ => return input.no_viable(2),
        },
        _ if second.starts_term() => false,
        _ => return input.no_viable(1),
    };
    Ok((input, is_cast))
}

/// After `(ks.`
fn dot_begins_cast(input: Input<'_>) -> Res<'_, bool> {
    let fourth = input.kind(3);
    let is_cast = match fourth.class() {
        _ if matches!(fourth, Kind::KToken | Kind::KCount) => false,
        _ if fourth == Kind::KKey => true,
        Class::Native => false,
        class if class == Class::Basic || matches!(fourth, Kind::Ident | Kind::QuotedName) => {
            match input.kind(4) {
                Kind::LeftParen => false,
                Kind::RightParen => true,
                _ => return input.no_viable(4),
            }
        }
        _ => return input.no_viable(3),
    };
    Ok((input, is_cast))
}

/// After `('text')`, which may be a tuple or a cast to a custom type.
fn string_begins_cast(input: Input<'_>) -> Res<'_, bool> {
    let fourth = input.kind(3);
    let called = matches!(input.kind(4), Kind::LeftParen | Kind::Dot);
    let is_cast = match (fourth, input.kind(4)) {
        (Kind::KPer, Kind::KPartition) | (Kind::KGroup, Kind::KBy) => false,
        (Kind::KAs, next) if next.class() == Class::Native => false,
        (Kind::KPer | Kind::KGroup | Kind::KAs, _) if called => true,
        (Kind::KPer | Kind::KGroup | Kind::KAs, _) => return input.no_viable(4),
        (Kind::Colon, next) if next.is_identifier() => match input.kind(5) {
            Kind::Dot => false,
            Kind::LeftParen if next.is_function_name() || next == Kind::KCast => false,
            after if follows_operand(after) || after == Kind::KAs => true,
            _ => return input.no_viable(5),
        },
        (Kind::Colon, next) if next.starts_term() => false,
        (Kind::Colon, _) => return input.no_viable(4),
        _ if follows_operand(fourth) => false,
        _ if fourth.starts_term() => true,
        _ => return input.no_viable(3),
    };
    Ok((input, is_cast))
}

/// `(type) term`
fn type_cast(input: Input<'_>) -> Res<'_, Term> {
    let (input, ty) = parens(types::comparator_type)(input)?;
    let (input, term) = simple_term(input)?;
    Ok((input, Term::TypeCast { ty, term: Box::new(term) }))
}

/// `CAST(term AS type)`
fn cast(input: Input<'_>) -> Res<'_, Term> {
    let (input, ()) = toks([Kind::KCast, Kind::LeftParen])(input)?;
    let (input, term) = simple_term(input)?;
    let (input, _) = tok(Kind::KAs)(input)?;
    let (input, ty) = types::native_type(input)?;
    let (input, _) = tok(Kind::RightParen)(input)?;
    Ok((input, Term::Cast { term: Box::new(term), ty }))
}

/// `value`
fn value(input: Input<'_>) -> Res<'_, Term> {
    match input.kind(0) {
        Kind::KNull => Ok((input.skip(), Term::Null)),
        Kind::QMark | Kind::Colon => {
            let (input, marker) = marker(input)?;
            Ok((input, Term::BindMarker(marker)))
        }
        Kind::LeftBracket => {
            let (input, elements) = opt_comma_list(Kind::starts_term, term)(input.skip())?;
            let (input, _) = tok(Kind::RightBracket)(input)?;
            Ok((input, Term::List(elements)))
        }
        Kind::LeftBrace => braces(input),
        Kind::LeftParen => tuple_literal(input),
        _ => {
            let (input, constant) = constant(input)?;
            Ok((input, Term::Constant(constant)))
        }
    }
}

/// A set, a map or a user type
fn braces(input: Input<'_>) -> Res<'_, Term> {
    let next = input.kind(1);
    match next {
        Kind::RightBrace => return Ok((input.skip().skip(), Term::Set(Vec::new()))),
        _ if next.is_identifier() => match input.kind(2) {
            Kind::Colon => return user_type_literal(input),
            Kind::Dot => {}
            Kind::LeftParen if next.is_function_name() || next == Kind::KCast => {}
            _ => return input.no_viable(2),
        },
        _ if next.starts_term() => {}
        _ => return input.no_viable(1),
    }
    let (input, first) = term(input.skip())?;
    let (input, term) = match input.kind(0) {
        Kind::Colon => map_from(input, first)?,
        Kind::Comma | Kind::RightBrace => set_from(input, first)?,
        _ => return input.no_viable(0),
    };
    let (input, _) = tok(Kind::RightBrace)(input)?;
    Ok((input, term))
}

/// `mapLiteral`, after the first key
fn map_from(input: Input<'_>, first: Term) -> Res<'_, Term> {
    let (mut input, value) = term(input.skip())?;
    let mut entries = vec![(first, value)];
    while input.kind(0) == Kind::Comma {
        let (rest, entry) = map_entry(input.skip())?;
        entries.push(entry);
        input = rest;
    }
    Ok((input, Term::Map(entries)))
}

/// `setLiteral`, after the first element
fn set_from(mut input: Input<'_>, first: Term) -> Res<'_, Term> {
    let mut elements = vec![first];
    while input.kind(0) == Kind::Comma {
        let (rest, element) = term(input.skip())?;
        elements.push(element);
        input = rest;
    }
    Ok((input, Term::Set(elements)))
}

fn map_entry(input: Input<'_>) -> Res<'_, (Term, Term)> {
    let (input, key) = term(input)?;
    let (input, _) = tok(Kind::Colon)(input)?;
    let (input, value) = term(input)?;
    Ok((input, (key, value)))
}

/// `fullMapLiteral`
pub(super) fn full_map(input: Input<'_>) -> Res<'_, Vec<(Term, Term)>> {
    let (input, _) = tok(Kind::LeftBrace)(input)?;
    let (input, entries) = opt_comma_list(Kind::starts_term, map_entry)(input)?;
    let (input, _) = tok(Kind::RightBrace)(input)?;
    Ok((input, entries))
}

/// `usertypeLiteral`
fn user_type_literal(input: Input<'_>) -> Res<'_, Term> {
    let field = |input| {
        let (input, field) = name::identifier(input)?;
        let (input, _) = tok(Kind::Colon)(input)?;
        let (input, value) = term(input)?;
        Ok((input, (field, value)))
    };
    let (input, fields) = comma_list(field)(input.skip())?;
    let (input, _) = tok(Kind::RightBrace)(input)?;
    Ok((input, Term::UserType(fields)))
}

/// `tupleLiteral`
pub(super) fn tuple_literal(input: Input<'_>) -> Res<'_, Term> {
    let (input, elements) = parens(comma_list(term))(input)?;
    Ok((input, Term::Tuple(elements)))
}

/// `function`
fn function(input: Input<'_>) -> Res<'_, Term> {
    let parenthesis = function_parenthesis(input)?;
    let inside = input.kind(parenthesis + 1);
    if inside != Kind::RightParen && !inside.starts_term() {
        return input.no_viable(parenthesis + 1);
    }
    let (input, name) = name::function(input)?;
    let (input, args) = parens(opt_comma_list(Kind::starts_term, term))(input)?;
    Ok((input, Term::FunctionCall { name, args }))
}

/// How far ahead the parenthesis of the function is whose name is here.
fn function_parenthesis(input: Input<'_>) -> Result<usize, nom::Err<super::input::Failure>> {
    let first = input.kind(0);
    let fail = |ahead| input.no_viable::<usize>(ahead).map(|(_, value)| value);
    if !first.is_identifier() && !matches!(first, Kind::KToken | Kind::QMark) {
        return fail(0);
    }
    match input.kind(1) {
        Kind::LeftParen if first.is_function_name() => Ok(1),
        Kind::Dot if first != Kind::KToken => match (input.kind(2).is_function_name(), input.kind(3)) {
            (true, Kind::LeftParen) => Ok(3),
            (true, _) => fail(3),
            (false, _) => fail(2),
        },
        _ => fail(1),
    }
}

/// `marker`: `?` or `:name`
pub(super) fn marker(input: Input<'_>) -> Res<'_, BindMarker> {
    let (input, name) = match input.kind(0) {
        Kind::QMark => (input.skip(), None),
        Kind::Colon => {
            let (input, name) = name::identifier(input.skip())?;
            (input, Some(name))
        }
        _ => return input.no_viable(0),
    };
    let (input, index) = input.bind(name.clone());
    Ok((input, BindMarker { index, name }))
}

/// `intValue`
pub(super) fn int_value(input: Input<'_>) -> Res<'_, Term> {
    match input.kind(0) {
        Kind::Integer => {
            let (input, constant) = constant(input)?;
            Ok((input, Term::Constant(constant)))
        }
        _ => {
            let (input, marker) = marker(input)?;
            Ok((input, Term::BindMarker(marker)))
        }
    }
}

/// `constant`
pub(super) fn constant(input: Input<'_>) -> Res<'_, Constant> {
    let (kind, text) = match input.kind(0) {
        Kind::String => (ConstantKind::String, None),
        Kind::Integer => (ConstantKind::Integer, None),
        Kind::Float => (ConstantKind::Float, None),
        Kind::Boolean => (ConstantKind::Boolean, None),
        Kind::Duration => (ConstantKind::Duration, None),
        Kind::Uuid => (ConstantKind::Uuid, None),
        Kind::Hex => (ConstantKind::Hex, None),
        Kind::KPositiveNan | Kind::KNegativeNan => (ConstantKind::Float, Some("NaN")),
        Kind::KPositiveInfinity => (ConstantKind::Float, Some("Infinity")),
        Kind::KNegativeInfinity => (ConstantKind::Float, Some("-Infinity")),
        _ => return input.no_viable(0),
    };
    let Some(text) = text else {
        let text = input.text().into_owned();
        if kind == ConstantKind::Float && text.parse().is_ok_and(f64::is_infinite) {
            return input.thrown(INFINITE);
        }
        return Ok((input.skip(), Constant { kind, text }));
    };
    Ok((input.skip(), Constant { kind, text: text.to_owned() }))
}

/// What Java says of a float that no double can hold.
const INFINITE: &str = "NumberFormatException Character I is neither a decimal digit number, decimal point, \
                        nor \"e\" notation exponential mark.";
