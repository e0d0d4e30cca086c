//! DESCRIBE.

use super::input::{Input, Res, opt_tok, opt_when, tok, toks};
use super::name;
use crate::ast::{Describe, DescribeTarget, Statement};
use crate::lexer::Kind;

/// `describeStatement`
pub(super) fn describe(input: Input<'_>) -> Res<'_, Statement> {
    let (input, target) = target(input.skip())?;
    let (input, internals) = opt_when(Kind::KWith, toks([Kind::KWith, Kind::KInternals]))(input)?;
    Ok((input, Statement::Describe(Describe { target, internals: internals.is_some() })))
}

fn target(input: Input<'_>) -> Res<'_, DescribeTarget> {
    let (first, second) = (input.kind(0), input.kind(1));
    let alone = matches!(second, Kind::Eof | Kind::KWith | Kind::Semicolon | Kind::Dot);
    let after = input.skip();
    let plural =
        [Kind::KCluster, Kind::KKeyspaces, Kind::KTables, Kind::KTypes, Kind::KFunctions, Kind::KAggregates];
    if plural.contains(&first) {
        input.look(2);
    }
    match first {
        Kind::KFull | Kind::KSchema => {
            let (input, full) = opt_tok(Kind::KFull)(input)?;
            let (input, _) = tok(Kind::KSchema)(input)?;
            Ok((input, DescribeTarget::Schema { full }))
        }
        Kind::KOnly | Kind::KKeyspace if first == Kind::KKeyspace || second == Kind::KKeyspace => {
            let (input, only) = opt_tok(Kind::KOnly)(input)?;
            let (input, _) = tok(Kind::KKeyspace)(input)?;
            if input.kind(0).is_identifier() || input.kind(0) == Kind::QMark {
                let (input, keyspace) = name::keyspace(input)?;
                return Ok((input, DescribeTarget::Keyspace { only, name: Some(keyspace) }));
            }
            Ok((input, DescribeTarget::Keyspace { only, name: None }))
        }
        Kind::KCluster => Ok((after, DescribeTarget::Cluster)),
        Kind::KKeyspaces => Ok((after, DescribeTarget::Keyspaces)),
        Kind::KTables => Ok((after, DescribeTarget::Tables)),
        Kind::KTypes => Ok((after, DescribeTarget::Types)),
        Kind::KFunctions => Ok((after, DescribeTarget::Functions)),
        Kind::KAggregates => Ok((after, DescribeTarget::Aggregates)),
        Kind::KColumnfamily | Kind::KIndex => {
            let (input, name) = name::table(after)?;
            let is_table = first == Kind::KColumnfamily;
            Ok((input, if is_table { DescribeTarget::Table(name) } else { DescribeTarget::Index(name) }))
        }
        Kind::KMaterialized => {
            let (input, _) = tok(Kind::KView)(after)?;
            let (input, name) = name::table(input)?;
            Ok((input, DescribeTarget::View(name)))
        }
        // TYPE, FUNCTION and AGGREGATE may be names themselves.
        Kind::KType | Kind::KFunction | Kind::KAggregate | Kind::KOnly if alone => generic(input),
        Kind::KType if second.is_identifier() => {
            let (input, name) = name::user_type(after)?;
            Ok((input, DescribeTarget::Type(name)))
        }
        Kind::KFunction | Kind::KAggregate
            if second.is_identifier() || matches!(second, Kind::KToken | Kind::QMark) =>
        {
            let (input, name) = name::function(after)?;
            let is_function = first == Kind::KFunction;
            Ok((
                input,
                if is_function { DescribeTarget::Function(name) } else { DescribeTarget::Aggregate(name) },
            ))
        }
        Kind::KType | Kind::KFunction | Kind::KAggregate | Kind::KOnly => input.no_viable(1),
        _ if first.is_identifier() => generic(input),
        _ => input.no_viable(0),
    }
}

fn generic(input: Input<'_>) -> Res<'_, DescribeTarget> {
    let (input, name) = name::described(input)?;
    Ok((input, DescribeTarget::Generic(name)))
}
