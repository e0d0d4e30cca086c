//! INSERT, UPDATE, DELETE, BATCH.

use super::input::{
    Input, Res, and_list, comma_list, opt_if_not_exists, opt_tok, opt_when, parens, tok, toks,
};
use super::{name, relation, term};
use crate::ast::{
    Assignment, Batch, BatchKind, Condition, ConditionTarget, ConditionTest, Conditions, Constant,
    ConstantKind, Delete, Deletion, Insert, InsertJson, JsonValue, Name, Operation, QualifiedName, Statement,
    Term, Update, Using,
};
use crate::lexer::Kind;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

/// `insertStatement`
pub(super) fn insert(input: Input<'_>) -> Res<'_, Statement> {
    let (input, ()) = toks([Kind::KInsert, Kind::KInto])(input)?;
    let (input, table) = name::table(input)?;
    match input.kind(0) {
        Kind::LeftParen => insert_values(input, table),
        Kind::KJson => insert_json(input.skip(), table),
        _ => input.no_viable(0),
    }
}

/// `normalInsertStatement`
fn insert_values(input: Input<'_>, table: QualifiedName) -> Res<'_, Statement> {
    let (input, columns) = parens(comma_list(name::column))(input)?;
    let (input, _) = tok(Kind::KValues)(input)?;
    let (input, values) = parens(comma_list(term::term))(input)?;
    let (input, if_not_exists) = opt_if_not_exists(input)?;
    let (input, using) = opt_using(input)?;
    Ok((input, Statement::Insert(Insert { table, columns, values, if_not_exists, using })))
}

/// `jsonInsertStatement`
fn insert_json(input: Input<'_>, table: QualifiedName) -> Res<'_, Statement> {
    let (input, json) = match input.kind(0) {
        Kind::String => (input.skip(), JsonValue::Literal(input.text().into_owned())),
        _ => {
            let (input, marker) = term::marker(input)?;
            (input, JsonValue::Marker(marker))
        }
    };
    let (input, default_unset) = match (input.kind(0), input.kind(1)) {
        (Kind::KDefault, Kind::KNull) => (input.skip().skip(), false),
        (Kind::KDefault, Kind::KUnset) => (input.skip().skip(), true),
        (Kind::KDefault, _) => return input.skip().no_viable(0),
        _ => (input, false),
    };
    let (input, if_not_exists) = opt_if_not_exists(input)?;
    let (input, using) = opt_using(input)?;
    Ok((input, Statement::InsertJson(InsertJson { table, json, default_unset, if_not_exists, using })))
}

/// `usingClause`, or not
fn opt_using(input: Input<'_>) -> Res<'_, Using> {
    let mut using = Using::default();
    if input.kind(0) != Kind::KUsing {
        return Ok((input, using));
    }
    let (input, objectives) = and_list(using_objective)(input.skip())?;
    for (is_timestamp, value) in objectives {
        *(if is_timestamp { &mut using.timestamp } else { &mut using.ttl }) = Some(value);
    }
    Ok((input, using))
}

/// `usingClauseObjective`: whether it is the timestamp, and the value
fn using_objective(input: Input<'_>) -> Res<'_, (bool, Term)> {
    let is_timestamp = match input.kind(0) {
        Kind::KTimestamp => true,
        Kind::KTtl => false,
        _ => return input.no_viable(0),
    };
    let (input, value) = term::int_value(input.skip())?;
    Ok((input, (is_timestamp, value)))
}

/// `updateStatement`
pub(super) fn update(input: Input<'_>) -> Res<'_, Statement> {
    let (input, _) = tok(Kind::KUpdate)(input)?;
    let (input, table) = name::table(input)?;
    let (input, using) = opt_using(input)?;
    let (input, _) = tok(Kind::KSet)(input)?;
    let (input, assignments) = assignments(input)?;
    let (input, _) = tok(Kind::KWhere)(input)?;
    let (input, where_clause) = relation::where_clause(input)?;
    let (input, conditions) = opt_conditions(input)?;
    Ok((input, Statement::Update(Update { table, using, assignments, where_clause, conditions })))
}

/// The assignments after SET, of which no two may contradict each other
fn assignments(mut input: Input<'_>) -> Res<'_, Vec<Assignment>> {
    let mut assignments: Vec<Assignment> = Vec::new();
    let mut columns: HashMap<Name, Assigned> = HashMap::new();
    loop {
        let (rest, next) = assignment(input)?;
        let agrees = match columns.entry(next.column.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(Assigned::by(&next.operation));
                true
            }
            Entry::Occupied(mut entry) => entry.get_mut().agrees(&next.operation),
        };
        if !agrees {
            return rest.meaning(format!("Multiple incompatible setting of column {}", next.column.as_str()));
        }
        assignments.push(next);
        if rest.kind(0) != Kind::Comma {
            return Ok((rest, assignments));
        }
        input = rest.skip();
    }
}

/// How a column has been assigned so far
enum Assigned {
    /// As a whole
    Whole,
    /// In part: these fields, if it was fields
    Parts(HashSet<Name>),
}

impl Assigned {
    fn by(operation: &Operation) -> Self {
        match operation {
            Operation::Set(_) => Self::Whole,
            Operation::SetField { field, .. } => Self::Parts(HashSet::from([field.clone()])),
            _ => Self::Parts(HashSet::new()),
        }
    }

    /// Whether one more operation on the column goes with those so far
    fn agrees(&mut self, operation: &Operation) -> bool {
        match (self, operation) {
            (Self::Whole, _) | (_, Operation::Set(_)) => false,
            (Self::Parts(fields), Operation::SetField { field, .. }) => fields.insert(field.clone()),
            (Self::Parts(_), _) => true,
        }
    }
}

/// `columnOperation`
fn assignment(input: Input<'_>) -> Res<'_, Assignment> {
    let (input, column) = name::column(input)?;
    let (input, operation) = match input.kind(0) {
        Kind::Equal => plain_operation(input.skip(), &column)?,
        Kind::PlusEqual => {
            let (input, value) = term::term(input.skip())?;
            (input, Operation::Add(value))
        }
        Kind::MinusEqual => {
            let (input, value) = term::term(input.skip())?;
            (input, Operation::Subtract(value))
        }
        Kind::LeftBracket => {
            let (input, key) = term::term(input.skip())?;
            let (input, ()) = toks([Kind::RightBracket, Kind::Equal])(input)?;
            let (input, value) = term::term(input)?;
            (input, Operation::SetElement { key, value })
        }
        Kind::Dot => {
            let (input, field) = name::identifier(input.skip())?;
            let (input, _) = tok(Kind::Equal)(input)?;
            let (input, value) = term::term(input)?;
            (input, Operation::SetField { field, value })
        }
        _ => return input.no_viable(0),
    };
    Ok((input, Assignment { column, operation }))
}

/// `normalColumnOperation`, after `column =`
fn plain_operation<'a>(input: Input<'a>, column: &Name) -> Res<'a, Operation> {
    let (first, second) = (input.kind(0), input.kind(1));
    let operator = matches!(second, Kind::Plus | Kind::Minus | Kind::Integer);
    if first.is_column() && operator {
        return column_first(input, column);
    }
    match second {
        _ if first == Kind::EmptyQuotedName => return input.no_viable(1),
        Kind::Dot => {}
        Kind::LeftParen if first.is_function_name() || first == Kind::KCast => {}
        _ if first.is_identifier() => return input.no_viable(1),
        _ if !first.starts_term() => return input.no_viable(0),
        _ => {}
    }
    let (input, value) = term::term(input)?;
    if input.kind(0) != Kind::Plus {
        return Ok((input, Operation::Set(value)));
    }
    let (input, other) = name::column(input.skip())?;
    if other != *column {
        return input.meaning("Only expressions of the form X = <value> + X are supported.");
    }
    Ok((input, Operation::Prepend(value)))
}

/// `column + term`, `column - term` and `column -3`
fn column_first<'a>(input: Input<'a>, column: &Name) -> Res<'a, Operation> {
    let (input, other) = name::column(input)?;
    let operator = input.kind(0);
    if operator == Kind::Integer {
        let text = input.text().into_owned();
        if other != *column {
            let sign = if text.starts_with('-') { '-' } else { '+' };
            return input
                .meaning(format!("Only expressions of the form X = X {sign} <value> are supported."));
        }
        let value = Term::Constant(Constant { kind: ConstantKind::Integer, text });
        return Ok((input.skip(), Operation::Add(value)));
    }
    let sign = if operator == Kind::Plus { '+' } else { '-' };
    let (input, value) = term::term(input.skip())?;
    if other != *column {
        return input.meaning(format!("Only expressions of the form X = X {sign}<value> are supported."));
    }
    Ok((input, if sign == '+' { Operation::Add(value) } else { Operation::Subtract(value) }))
}

/// `IF EXISTS`, `IF conditions`, or nothing
fn opt_conditions(input: Input<'_>) -> Res<'_, Conditions> {
    if input.kind(0) != Kind::KIf {
        return Ok((input, Conditions::None));
    }
    let input = input.skip();
    // EXISTS may also be a column.
    if input.kind(0) == Kind::KExists {
        match input.kind(1) {
            Kind::Eof | Kind::KApply | Kind::KDelete | Kind::KInsert | Kind::KUpdate | Kind::Semicolon => {
                return Ok((input.skip(), Conditions::IfExists));
            }
            Kind::KContains | Kind::KIn | Kind::LeftBracket | Kind::Dot => {}
            kind if kind.is_comparison() => {}
            _ => return input.no_viable(1),
        }
    }
    let (input, conditions) = and_list(condition)(input)?;
    Ok((input, Conditions::If(conditions)))
}

/// `columnCondition`
fn condition(input: Input<'_>) -> Res<'_, Condition> {
    let (input, column) = name::column(input)?;
    let (input, target) = match input.kind(0) {
        Kind::LeftBracket => {
            let (input, key) = term::term(input.skip())?;
            let (input, _) = tok(Kind::RightBracket)(input)?;
            (input, ConditionTarget::Element(key))
        }
        Kind::Dot => {
            let (input, field) = name::identifier(input.skip())?;
            (input, ConditionTarget::Field(field))
        }
        Kind::KContains => {
            let (input, op) = relation::contains(input)?;
            let (input, value) = term::term(input)?;
            let test = ConditionTest::Compare(op, value);
            return Ok((input, Condition { column, target: ConditionTarget::Column, test }));
        }
        _ => (input, ConditionTarget::Column),
    };
    let (input, test) = if input.kind(0) == Kind::KIn {
        let (input, values) = relation::in_values(input.skip())?;
        (input, ConditionTest::In(values))
    } else {
        let (input, op) = relation::comparison(input)?;
        let (input, value) = term::term(input)?;
        (input, ConditionTest::Compare(op, value))
    };
    Ok((input, Condition { column, target, test }))
}

/// `deleteStatement`
pub(super) fn delete(input: Input<'_>) -> Res<'_, Statement> {
    let (input, _) = tok(Kind::KDelete)(input)?;
    let (input, deletions) =
        if input.kind(0).is_column() { comma_list(deletion)(input)? } else { (input, Vec::new()) };
    let (input, _) = tok(Kind::KFrom)(input)?;
    let (input, table) = name::table(input)?;
    let (input, timestamp) = opt_when(Kind::KUsing, |input| {
        let (input, ()) = toks([Kind::KUsing, Kind::KTimestamp])(input)?;
        term::int_value(input)
    })(input)?;
    let (input, _) = tok(Kind::KWhere)(input)?;
    let (input, where_clause) = relation::where_clause(input)?;
    let (input, conditions) = opt_conditions(input)?;
    let using = Using { timestamp, ttl: None };
    Ok((input, Statement::Delete(Delete { deletions, table, using, where_clause, conditions })))
}

/// `deleteOp`
fn deletion(input: Input<'_>) -> Res<'_, Deletion> {
    if input.kind(0).is_column()
        && !matches!(input.kind(1), Kind::KFrom | Kind::Comma | Kind::LeftBracket | Kind::Dot)
    {
        return input.no_viable(1);
    }
    let (after, column) = name::column(input)?;
    input.look(2);
    let input = after;
    match input.kind(0) {
        Kind::LeftBracket => {
            let (input, key) = term::term(input.skip())?;
            let (input, _) = tok(Kind::RightBracket)(input)?;
            Ok((input, Deletion::Element { column, key }))
        }
        Kind::Dot => {
            let (input, field) = name::identifier(input.skip())?;
            Ok((input, Deletion::Field { column, field }))
        }
        _ => Ok((input, Deletion::Column(column))),
    }
}

/// `batchStatement`
pub(super) fn batch(input: Input<'_>) -> Res<'_, Statement> {
    let (input, _) = tok(Kind::KBegin)(input)?;
    let (input, kind) = match input.kind(0) {
        Kind::KUnlogged => (input.skip(), BatchKind::Unlogged),
        Kind::KCounter => (input.skip(), BatchKind::Counter),
        _ => (input, BatchKind::Logged),
    };
    let (input, _) = tok(Kind::KBatch)(input)?;
    let (mut input, using) = opt_using(input)?;
    let mut statements = Vec::new();
    loop {
        let (rest, statement) = match input.kind(0) {
            Kind::KInsert => insert(input)?,
            Kind::KUpdate => update(input)?,
            Kind::KDelete => delete(input)?,
            _ => break,
        };
        statements.push(statement);
        (input, _) = opt_tok(Kind::Semicolon)(rest)?;
    }
    let (input, ()) = toks([Kind::KApply, Kind::KBatch])(input)?;
    Ok((input, Statement::Batch(Batch { kind, using, statements })))
}
