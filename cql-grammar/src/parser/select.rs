//! SELECT.

use super::input::{Input, Res, comma_list, opt_when, tok, toks};
use super::{name, relation, selector, term};
use crate::ast::{Direction, Ordering, Select, Selector, Statement, Term};
use crate::lexer::Kind;

/// `selectStatement`
pub(super) fn select(input: Input<'_>) -> Res<'_, Statement> {
    let (input, _) = tok(Kind::KSelect)(input)?;
    let (input, (json, distinct, selectors)) = json_clause(input)?;
    let (input, _) = tok(Kind::KFrom)(input)?;
    let (input, from) = name::table(input)?;
    let (input, where_clause) = opt_when(Kind::KWhere, |input| relation::where_clause(input.skip()))(input)?;
    let (input, group_by) = opt_when(Kind::KGroup, |input| {
        let (input, ()) = toks([Kind::KGroup, Kind::KBy])(input)?;
        comma_list(selector::unaliased)(input)
    })(input)?;
    let (input, order_by) = opt_when(Kind::KOrder, |input| {
        let (input, ()) = toks([Kind::KOrder, Kind::KBy])(input)?;
        comma_list(ordering)(input)
    })(input)?;
    let (input, per_partition_limit) = opt_when(Kind::KPer, |input| {
        let (input, ()) = toks([Kind::KPer, Kind::KPartition, Kind::KLimit])(input)?;
        term::int_value(input)
    })(input)?;
    let (input, limit) = opt_when(Kind::KLimit, |input| term::int_value(input.skip()))(input)?;
    let (input, filtering) = opt_when(Kind::KAllow, toks([Kind::KAllow, Kind::KFiltering]))(input)?;
    let select = Select {
        json,
        distinct,
        selectors,
        from,
        where_clause: where_clause.unwrap_or_default(),
        group_by: group_by.unwrap_or_default(),
        order_by: order_by.unwrap_or_default(),
        per_partition_limit,
        limit,
        allow_filtering: filtering.is_some(),
    };
    Ok((input, Statement::Select(select)))
}

/// The clause and whether JSON is in front of it; JSON alone is a column.
fn json_clause(input: Input<'_>) -> Res<'_, (bool, bool, Vec<Selector>)> {
    if input.kind(0) == Kind::KJson {
        match clause(input.skip()) {
            Ok((input, (distinct, selectors))) => return Ok((input, (true, distinct, selectors))),
            Err(failure) => input.give_up(&failure),
        }
    }
    let (input, (distinct, selectors)) = clause(input)?;
    Ok((input, (false, distinct, selectors)))
}

/// `selectClause`; DISTINCT alone is a column.
fn clause(input: Input<'_>) -> Res<'_, (bool, Vec<Selector>)> {
    if input.kind(0) == Kind::KDistinct {
        match selectors(input.skip()) {
            Ok((input, selectors)) => return Ok((input, (true, selectors))),
            Err(failure) => input.give_up(&failure),
        }
    }
    let (input, selectors) = selectors(input)?;
    Ok((input, (false, selectors)))
}

/// `selectors`
pub(super) fn selectors(input: Input<'_>) -> Res<'_, Vec<Selector>> {
    match input.kind(0) {
        Kind::Star => Ok((input.skip(), Vec::new())),
        kind if kind.starts_term() => comma_list(aliased)(input),
        _ => input.no_viable(0),
    }
}

/// `selector`
fn aliased(input: Input<'_>) -> Res<'_, Selector> {
    let (input, selectable) = selector::unaliased(input)?;
    let (input, alias) = opt_when(Kind::KAs, |input| name::identifier(input.skip()))(input)?;
    Ok((input, Selector { selectable, alias }))
}

/// `orderByClause`
fn ordering(input: Input<'_>) -> Res<'_, Ordering> {
    let (input, column) = name::column(input)?;
    let (input, ann_of): (_, Option<Term>) = opt_when(Kind::KAnn, |input| {
        let (input, ()) = toks([Kind::KAnn, Kind::KOf])(input)?;
        term::term(input)
    })(input)?;
    let (input, direction) = match input.kind(0) {
        Kind::KAsc => (input.skip(), Direction::Ascending),
        Kind::KDesc => (input.skip(), Direction::Descending),
        _ => (input, Direction::Ascending),
    };
    Ok((input, Ordering { column, ann_of, direction }))
}
