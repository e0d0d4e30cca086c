//! Tokens to syntax tree: one function for each production of Cassandra's `Parser.g`.

mod arithmetic;
mod ddl;
mod describe;
mod function;
mod input;
mod modification;
mod name;
mod property;
mod relation;
mod report;
mod role;
mod select;
mod selector;
mod statement;
mod table;
mod term;
mod types;

use crate::error::SyntaxError;
use crate::lexer::Kind;
use crate::{Parsed, ast};
use input::{Context, Input, Res, tok};

/// Parses a statement and what may follow it.
pub(crate) fn statement(text: &str) -> Result<Parsed, SyntaxError> {
    let context = Context::new(text);
    let mut markers = 0;
    let statement = run(&context, |input| {
        let (mut input, statement) = statement::statement(input)?;
        while input.kind(0) == Kind::Semicolon {
            input = input.skip();
        }
        markers = input.markers;
        Ok((input, statement))
    })?;
    let mut bind_names = context.bind_names.into_inner();
    bind_names.truncate(markers);
    Ok(Parsed { statement, bind_names })
}

/// Parses a type and nothing else.
pub(crate) fn cql_type(text: &str) -> Result<ast::CqlType, SyntaxError> {
    run(&Context::new(text), types::comparator_type)
}

/// Parses a term and nothing else.
pub(crate) fn term(text: &str) -> Result<ast::Term, SyntaxError> {
    run(&Context::new(text), term::term)
}

fn run<'a, T>(
    context: &'a Context<'a>,
    production: impl FnOnce(Input<'a>) -> Res<'a, T>,
) -> Result<T, SyntaxError> {
    let parsed = production(context.start()).and_then(|(input, value)| {
        tok(Kind::Eof)(input)?;
        Ok(value)
    });
    parsed.map_err(|error| match error {
        nom::Err::Error(failure) | nom::Err::Failure(failure) => report::report(context, &failure),
        nom::Err::Incomplete(_) => SyntaxError::plain("the statement is incomplete"),
    })
}
