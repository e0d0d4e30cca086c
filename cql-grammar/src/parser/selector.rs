//! Selectors: what may be selected.

use super::input::{Input, Res, comma_list, nested, opt_comma_list, parens, tok, toks};
use super::{arithmetic, name, term, types};
use crate::ast::{ArithmeticOperator, Selectable, Term, WritetimeKind};
use crate::lexer::{Class, Kind};

/// `unaliasedSelector`
pub(super) fn unaliased(input: Input<'_>) -> Res<'_, Selectable> {
    nested(addition)(input)
}

/// `selectionAddition`
fn addition(input: Input<'_>) -> Res<'_, Selectable> {
    arithmetic::chain(input, multiplication, arithmetic::of_sum, binary)
}

/// `selectionMultiplication`
fn multiplication(input: Input<'_>) -> Res<'_, Selectable> {
    arithmetic::chain(input, group, arithmetic::of_product, binary)
}

fn binary(op: ArithmeticOperator, left: Box<Selectable>, right: Box<Selectable>) -> Selectable {
    Selectable::BinaryOp { op, left, right }
}

/// `selectionGroup`. Cassandra tries the form with fields and elements first, and takes the one without where that
/// fails: what looked like a field then is an error of whatever comes next.
fn group(input: Input<'_>) -> Res<'_, Selectable> {
    match input.kind(0) {
        Kind::Minus => {
            let (input, selectable) = nested(group)(input.skip())?;
            Ok((input, Selectable::Negate(Box::new(selectable))))
        }
        kind if kind.starts_term() => with_field(input),
        _ => input.no_viable(0),
    }
}

/// `selectionGroupWithField`, else `selectionGroupWithoutField`
fn with_field(input: Input<'_>) -> Res<'_, Selectable> {
    input.look(2);
    let (input, plain) = without_field(input)?;
    if !matches!(input.kind(0), Kind::Dot | Kind::LeftBracket) {
        return Ok((input, plain));
    }
    match modifiers(input, plain.clone()) {
        Ok(modified) => Ok(modified),
        Err(failure) => {
            input.give_up(&failure);
            Ok((input, plain))
        }
    }
}

/// `selectorModifier`: fields, elements and slices
fn modifiers(mut input: Input<'_>, mut receiver: Selectable) -> Res<'_, Selectable> {
    loop {
        (input, receiver) = match input.kind(0) {
            Kind::Dot => {
                let (input, field) = name::identifier(input.skip().one_more_operator()?)?;
                (input, Selectable::Field { receiver: Box::new(receiver), field })
            }
            Kind::LeftBracket => {
                let (input, part) = sub_selection(input.skip().one_more_operator()?, receiver)?;
                let (input, _) = tok(Kind::RightBracket)(input)?;
                (input, part)
            }
            kind if follows(kind) => return Ok((input, receiver)),
            _ => return input.no_viable(0),
        };
    }
}

/// `collectionSubSelection`
fn sub_selection(input: Input<'_>, receiver: Selectable) -> Res<'_, Selectable> {
    let receiver = Box::new(receiver);
    if input.kind(0) == Kind::Range {
        let (input, to) = term::term(input.skip())?;
        return Ok((input, Selectable::Slice { receiver, from: None, to: Some(to) }));
    }
    if !input.kind(0).starts_term() {
        return input.no_viable(0);
    }
    let (input, key) = term::term(input)?;
    if input.kind(0) != Kind::Range {
        return Ok((input, Selectable::Element { receiver, key }));
    }
    let input = input.skip();
    let (input, to) = if input.kind(0).starts_term() {
        let (input, to) = term::term(input)?;
        (input, Some(to))
    } else {
        (input, None)
    };
    Ok((input, Selectable::Slice { receiver, from: Some(key), to }))
}

/// `selectionGroupWithoutField`
fn without_field(input: Input<'_>) -> Res<'_, Selectable> {
    match input.kind(0) {
        Kind::LeftParen => match nested(type_hint)(input) {
            Ok(hint) => Ok(hint),
            Err(failure) => {
                input.look(2);
                input.give_up(&failure);
                tuple_or_nested(input)
            }
        },
        Kind::LeftBracket => list(input),
        Kind::LeftBrace => braces(input),
        kind if kind.starts_term() => simple(input),
        _ => input.no_viable(0),
    }
}

/// `selectionTupleOrNestedSelector`
fn tuple_or_nested(input: Input<'_>) -> Res<'_, Selectable> {
    let (input, selectables) = parens(comma_list(unaliased))(input)?;
    Ok((input, Selectable::ParenthesesOrTuple(selectables)))
}

/// `selectionList`
fn list(input: Input<'_>) -> Res<'_, Selectable> {
    let (input, elements) = opt_comma_list(Kind::starts_term, unaliased)(input.skip())?;
    let (input, _) = tok(Kind::RightBracket)(input)?;
    Ok((input, Selectable::List(elements)))
}

/// `selectionTypeHint`
fn type_hint(input: Input<'_>) -> Res<'_, Selectable> {
    let (input, ty) = parens(types::comparator_type)(input)?;
    let (input, selectable) = without_field(input)?;
    Ok((input, Selectable::TypeHint { ty, selectable: Box::new(selectable) }))
}

/// `selectionMapOrSet`
fn braces(input: Input<'_>) -> Res<'_, Selectable> {
    match input.kind(1) {
        Kind::RightBrace => return Ok((input.skip().skip(), Selectable::Set(Vec::new()))),
        kind if kind.starts_term() => {}
        _ => return input.no_viable(1),
    }
    let (input, first) = unaliased(input.skip())?;
    let (input, selectable) = match input.kind(0) {
        Kind::Colon => map_from(input, first)?,
        Kind::Comma | Kind::RightBrace => set_from(input, first)?,
        _ => return input.no_viable(0),
    };
    let (input, _) = tok(Kind::RightBrace)(input)?;
    Ok((input, selectable))
}

/// `selectionMap`, after the first key
fn map_from(input: Input<'_>, first: Selectable) -> Res<'_, Selectable> {
    let (mut input, value) = unaliased(input.skip())?;
    let mut entries = vec![(first, value)];
    while input.kind(0) == Kind::Comma {
        let (rest, entry) = map_entry(input.skip())?;
        entries.push(entry);
        input = rest;
    }
    Ok((input, Selectable::MapOrUserType(entries)))
}

fn map_entry(input: Input<'_>) -> Res<'_, (Selectable, Selectable)> {
    let (input, key) = unaliased(input)?;
    let (input, _) = tok(Kind::Colon)(input)?;
    let (input, value) = unaliased(input)?;
    Ok((input, (key, value)))
}

/// `selectionSet`, after the first element
fn set_from(mut input: Input<'_>, first: Selectable) -> Res<'_, Selectable> {
    let mut elements = vec![first];
    while input.kind(0) == Kind::Comma {
        let (rest, element) = unaliased(input.skip())?;
        elements.push(element);
        input = rest;
    }
    Ok((input, Selectable::Set(elements)))
}

/// What may come after a column or a marker among the selectors.
fn follows(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Eof
            | Kind::KAllow
            | Kind::KAs
            | Kind::KFrom
            | Kind::KLimit
            | Kind::KOrder
            | Kind::KPer
            | Kind::Percent
            | Kind::RightParen
            | Kind::Plus
            | Kind::Comma
            | Kind::Minus
            | Kind::Slash
            | Kind::Colon
            | Kind::Semicolon
            | Kind::LeftBracket
            | Kind::Star
            | Kind::RightBracket
            | Kind::RightBrace
    )
}

/// `simpleUnaliasedSelector`
fn simple(input: Input<'_>) -> Res<'_, Selectable> {
    let kind = input.kind(0);
    match kind {
        Kind::KToken => return function(input),
        Kind::KNull => return Ok((input.skip(), Selectable::Term(Term::Null))),
        Kind::Colon => return marker(input),
        _ if kind.is_constant() => {
            let (input, constant) = term::constant(input)?;
            return Ok((input, Selectable::Term(Term::Constant(constant))));
        }
        _ => {}
    }
    let plain = if kind == Kind::QMark { marker } else { column };
    match input.kind(1) {
        Kind::LeftParen if !matches!(kind, Kind::KDistinct | Kind::KJson | Kind::KKey | Kind::QMark) => {
            function(input)
        }
        Kind::Dot => match input.kind(2) {
            Kind::KToken => function(input),
            third if third.class() == Class::Other && third != Kind::KCount => plain(input),
            third if third.is_identifier() => match input.kind(3) {
                Kind::LeftParen => function(input),
                fourth if fourth == Kind::Dot || follows(fourth) => {
                    input.look(4);
                    plain(input)
                }
                _ => input.no_viable(3),
            },
            _ => input.no_viable(2),
        },
        second if follows(second) => plain(input),
        _ => input.no_viable(1),
    }
}

fn column(input: Input<'_>) -> Res<'_, Selectable> {
    let (input, name) = name::identifier(input)?;
    Ok((input, Selectable::Column(name)))
}

fn marker(input: Input<'_>) -> Res<'_, Selectable> {
    let (input, marker) = term::marker(input)?;
    Ok((input, Selectable::Term(Term::BindMarker(marker))))
}

/// `selectionFunction`
fn function(input: Input<'_>) -> Res<'_, Selectable> {
    let kind = input.kind(0);
    if input.kind(1) == Kind::LeftParen {
        match kind {
            Kind::KMaxwritetime => return writetime(input, WritetimeKind::MaxWritetime),
            Kind::KWritetime => return writetime(input, WritetimeKind::Writetime),
            Kind::KTtl => return writetime(input, WritetimeKind::Ttl),
            Kind::KCast => return cast(input),
            Kind::KCount => match input.kind(2) {
                Kind::Star => {
                    let (input, ()) =
                        toks([Kind::KCount, Kind::LeftParen, Kind::Star, Kind::RightParen])(input)?;
                    return Ok((input, Selectable::CountRows));
                }
                Kind::RightParen => {}
                third if third.starts_term() => {}
                _ => return input.no_viable(2),
            },
            _ => {}
        }
    }
    let (input, name) = name::function(input)?;
    let (input, args) = parens(opt_comma_list(Kind::starts_term, unaliased))(input)?;
    Ok((input, Selectable::FunctionCall { name, args }))
}

/// `WRITETIME(c)`, `MAXWRITETIME(c)`, `TTL(c)`
fn writetime(input: Input<'_>, kind: WritetimeKind) -> Res<'_, Selectable> {
    let (input, selected) = parens(|input| {
        let (input, column) = column(input)?;
        modifiers(input, column)
    })(input.skip())?;
    Ok((input, Selectable::WritetimeOrTtl { kind, selected: Box::new(selected) }))
}

/// `CAST(s AS type)`
fn cast(input: Input<'_>) -> Res<'_, Selectable> {
    let (input, ()) = toks([Kind::KCast, Kind::LeftParen])(input)?;
    let (input, selectable) = unaliased(input)?;
    let (input, _) = tok(Kind::KAs)(input)?;
    let (input, ty) = types::native_type(input)?;
    let (input, _) = tok(Kind::RightParen)(input)?;
    Ok((input, Selectable::Cast { selectable: Box::new(selectable), ty }))
}
