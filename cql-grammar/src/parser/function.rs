//! User functions and aggregates.

use super::ddl::{type_list, typed_arguments};
use super::input::{Input, Res, opt_if_exists, opt_if_not_exists, opt_when, text_of, tok, toks};
use super::{name, term, types};
use crate::ast::{CreateAggregate, CreateFunction, DropAggregate, DropFunction, Statement};
use crate::lexer::Kind;

fn opt_or_replace(input: Input<'_>) -> Res<'_, bool> {
    let (input, found) = opt_when(Kind::KOr, toks([Kind::KOr, Kind::KReplace]))(input)?;
    Ok((input, found.is_some()))
}

/// `createFunctionStatement`
pub(super) fn create_function(input: Input<'_>) -> Res<'_, Statement> {
    let (input, _) = tok(Kind::KCreate)(input)?;
    let (input, or_replace) = opt_or_replace(input)?;
    let (input, _) = tok(Kind::KFunction)(input)?;
    let (input, if_not_exists) = opt_if_not_exists(input)?;
    let (input, name) = name::function(input)?;
    let (input, args) = typed_arguments(input)?;
    let (input, called_on_null_input) = match input.kind(0) {
        Kind::KReturns => {
            let (input, ()) = toks([Kind::KReturns, Kind::KNull])(input)?;
            (input, false)
        }
        Kind::KCalled => (input.skip(), true),
        _ => return input.no_viable(0),
    };
    let (input, ()) = toks([Kind::KOn, Kind::KNull, Kind::KInput, Kind::KReturns])(input)?;
    let (input, return_type) = types::comparator_type(input)?;
    let (input, _) = tok(Kind::KLanguage)(input)?;
    let (input, language) = text_of(Kind::Ident)(input)?;
    let (input, _) = tok(Kind::KAs)(input)?;
    let (input, body) = text_of(Kind::String)(input)?;
    let function = CreateFunction {
        or_replace,
        if_not_exists,
        name,
        args,
        called_on_null_input,
        return_type,
        language: language.to_ascii_lowercase(),
        body,
    };
    Ok((input, Statement::CreateFunction(function)))
}

/// `dropFunctionStatement`
pub(super) fn drop_function(input: Input<'_>) -> Res<'_, Statement> {
    let (input, ()) = toks([Kind::KDrop, Kind::KFunction])(input)?;
    let (input, if_exists) = opt_if_exists(input)?;
    let (input, name) = name::function(input)?;
    let (input, args) = opt_when(Kind::LeftParen, type_list)(input)?;
    Ok((input, Statement::DropFunction(DropFunction { if_exists, name, args })))
}

/// `createAggregateStatement`
pub(super) fn create_aggregate(input: Input<'_>) -> Res<'_, Statement> {
    let (input, _) = tok(Kind::KCreate)(input)?;
    let (input, or_replace) = opt_or_replace(input)?;
    let (input, _) = tok(Kind::KAggregate)(input)?;
    let (input, if_not_exists) = opt_if_not_exists(input)?;
    let (input, name) = name::function(input)?;
    let (input, args) = type_list(input)?;
    let (input, _) = tok(Kind::KSfunc)(input)?;
    let (input, state_function) = name::unqualified_function(input)?;
    let (input, _) = tok(Kind::KStype)(input)?;
    let (input, state_type) = types::comparator_type(input)?;
    let (input, final_function) =
        opt_when(Kind::KFinalfunc, |input| name::unqualified_function(input.skip()))(input)?;
    let (input, initial_condition) = opt_when(Kind::KInitcond, |input| term::term(input.skip()))(input)?;
    let aggregate = CreateAggregate {
        or_replace,
        if_not_exists,
        name,
        args,
        state_function,
        state_type,
        final_function,
        initial_condition,
    };
    Ok((input, Statement::CreateAggregate(aggregate)))
}

/// `dropAggregateStatement`
pub(super) fn drop_aggregate(input: Input<'_>) -> Res<'_, Statement> {
    let (input, ()) = toks([Kind::KDrop, Kind::KAggregate])(input)?;
    let (input, if_exists) = opt_if_exists(input)?;
    let (input, name) = name::function(input)?;
    let (input, args) = opt_when(Kind::LeftParen, type_list)(input)?;
    Ok((input, Statement::DropAggregate(DropAggregate { if_exists, name, args })))
}
