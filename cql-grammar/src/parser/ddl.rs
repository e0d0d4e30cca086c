//! Keyspaces, types, indexes, views and triggers.

use super::input::{
    Input, Res, comma_list, opt_comma_list, opt_if_exists, opt_if_not_exists, opt_tok, opt_when, parens,
    text_of, tok, toks,
};
use super::property::properties;
use super::table::{primary_key, renames, table_options};
use super::{name, relation, select, types};
use crate::ast::{
    AlterKeyspace, AlterType, AlterTypeAction, AlterView, CqlType, CreateIndex, CreateKeyspace,
    CreateTrigger, CreateType, CreateView, DropIndex, DropKeyspace, DropTable, DropTrigger, DropType,
    DropView, IndexTarget, IndexTargetKind, Name, Statement,
};
use crate::lexer::Kind;

/// `createKeyspaceStatement`
pub(super) fn create_keyspace(input: Input<'_>) -> Res<'_, Statement> {
    let (input, ()) = toks([Kind::KCreate, Kind::KKeyspace])(input)?;
    let (input, if_not_exists) = opt_if_not_exists(input)?;
    let (input, name) = name::keyspace(input)?;
    let (input, _) = tok(Kind::KWith)(input)?;
    let (input, properties) = properties(input)?;
    Ok((input, Statement::CreateKeyspace(CreateKeyspace { if_not_exists, name, properties })))
}

/// `alterKeyspaceStatement`
pub(super) fn alter_keyspace(input: Input<'_>) -> Res<'_, Statement> {
    let (input, ()) = toks([Kind::KAlter, Kind::KKeyspace])(input)?;
    let (input, if_exists) = opt_if_exists(input)?;
    let (input, name) = name::keyspace(input)?;
    let (input, _) = tok(Kind::KWith)(input)?;
    let (input, properties) = properties(input)?;
    Ok((input, Statement::AlterKeyspace(AlterKeyspace { if_exists, name, properties })))
}

/// `dropKeyspaceStatement`
pub(super) fn drop_keyspace(input: Input<'_>) -> Res<'_, Statement> {
    let (input, ()) = toks([Kind::KDrop, Kind::KKeyspace])(input)?;
    let (input, if_exists) = opt_if_exists(input)?;
    let (input, name) = name::keyspace(input)?;
    Ok((input, Statement::DropKeyspace(DropKeyspace { if_exists, name })))
}

/// `dropTableStatement`
pub(super) fn drop_table(input: Input<'_>) -> Res<'_, Statement> {
    let (input, ()) = toks([Kind::KDrop, Kind::KColumnfamily])(input)?;
    let (input, if_exists) = opt_if_exists(input)?;
    let (input, name) = name::table(input)?;
    Ok((input, Statement::DropTable(DropTable { if_exists, name })))
}

/// `createTypeStatement`
pub(super) fn create_type(input: Input<'_>) -> Res<'_, Statement> {
    let (input, ()) = toks([Kind::KCreate, Kind::KType])(input)?;
    let (input, if_not_exists) = opt_if_not_exists(input)?;
    let (input, name) = name::user_type(input)?;
    let (input, fields) = parens(type_fields)(input)?;
    Ok((input, Statement::CreateType(CreateType { if_not_exists, name, fields })))
}

/// Fields with commas between; a comma may also be followed by nothing.
fn type_fields(input: Input<'_>) -> Res<'_, Vec<(Name, CqlType)>> {
    let (mut input, first) = type_field(input)?;
    let mut fields = vec![first];
    while input.kind(0) == Kind::Comma {
        input = input.skip();
        if input.kind(0).is_identifier() {
            let (rest, field) = type_field(input)?;
            fields.push(field);
            input = rest;
        }
    }
    Ok((input, fields))
}

/// `typeColumns`
fn type_field(input: Input<'_>) -> Res<'_, (Name, CqlType)> {
    let (input, field) = name::identifier(input)?;
    let (input, ty) = types::comparator_type(input)?;
    Ok((input, (field, ty)))
}

/// `alterTypeStatement`
pub(super) fn alter_type(input: Input<'_>) -> Res<'_, Statement> {
    let (input, ()) = toks([Kind::KAlter, Kind::KType])(input)?;
    let (input, if_exists) = opt_if_exists(input)?;
    let (input, name) = name::user_type(input)?;
    let (input, action) = match input.kind(0) {
        Kind::KAlter => {
            let (input, field) = name::identifier(input.skip())?;
            let (input, _) = tok(Kind::KType)(input)?;
            let (input, ty) = types::comparator_type(input)?;
            (input, AlterTypeAction::Alter { field, ty })
        }
        Kind::KAdd => {
            let (input, if_not_exists) = opt_if_not_exists(input.skip())?;
            let (input, (field, ty)) = type_field(input)?;
            (input, AlterTypeAction::Add { if_not_exists, field, ty })
        }
        Kind::KRename => {
            let (input, if_exists) = opt_if_exists(input.skip())?;
            let (input, renames) = renames(input)?;
            (input, AlterTypeAction::Rename { if_exists, renames })
        }
        _ => return input.no_viable(0),
    };
    Ok((input, Statement::AlterType(AlterType { if_exists, name, action })))
}

/// `dropTypeStatement`
pub(super) fn drop_type(input: Input<'_>) -> Res<'_, Statement> {
    let (input, ()) = toks([Kind::KDrop, Kind::KType])(input)?;
    let (input, if_exists) = opt_if_exists(input)?;
    let (input, name) = name::user_type(input)?;
    Ok((input, Statement::DropType(DropType { if_exists, name })))
}

/// `createIndexStatement`
pub(super) fn create_index(input: Input<'_>) -> Res<'_, Statement> {
    let (input, _) = tok(Kind::KCreate)(input)?;
    let (input, custom) = opt_tok(Kind::KCustom)(input)?;
    let (input, _) = tok(Kind::KIndex)(input)?;
    let (input, if_not_exists) = opt_if_not_exists(input)?;
    let (input, name) = if input.kind(0).is_identifier() || input.kind(0) == Kind::QMark {
        let (input, name) = name::index(input)?;
        (input, Some(name))
    } else {
        (input, None)
    };
    let (input, _) = tok(Kind::KOn)(input)?;
    let (input, table) = name::table(input)?;
    let begins = |kind: Kind| kind.is_column() || matches!(kind, Kind::KEntries | Kind::KFull);
    let (input, targets) = parens(opt_comma_list(begins, index_target))(input)?;
    let (input, using) = opt_when(Kind::KUsing, |input| text_of(Kind::String)(input.skip()))(input)?;
    let (input, properties) = opt_when(Kind::KWith, |input| properties(input.skip()))(input)?;
    let properties = properties.unwrap_or_default();
    let index = CreateIndex { custom, if_not_exists, name, table, targets, using, properties };
    Ok((input, Statement::CreateIndex(index)))
}

/// `indexIdent`
fn index_target(input: Input<'_>) -> Res<'_, IndexTarget> {
    let kind = match (input.kind(0), input.kind(1)) {
        (Kind::KEntries, _) => IndexTargetKind::Entries,
        (Kind::KFull, _) => IndexTargetKind::Full,
        (Kind::KValues, Kind::LeftParen) => IndexTargetKind::Values,
        (Kind::KKeys, Kind::LeftParen) => IndexTargetKind::Keys,
        (Kind::KValues | Kind::KKeys, second) if !matches!(second, Kind::RightParen | Kind::Comma) => {
            return input.no_viable(1);
        }
        _ => IndexTargetKind::Simple,
    };
    let (input, column) = match kind {
        IndexTargetKind::Simple => name::column(input)?,
        _ => parens(name::column)(input.skip())?,
    };
    Ok((input, IndexTarget { kind, column }))
}

/// `dropIndexStatement`
pub(super) fn drop_index(input: Input<'_>) -> Res<'_, Statement> {
    let (input, ()) = toks([Kind::KDrop, Kind::KIndex])(input)?;
    let (input, if_exists) = opt_if_exists(input)?;
    let (input, name) = name::qualified_index(input)?;
    Ok((input, Statement::DropIndex(DropIndex { if_exists, name })))
}

/// `createMaterializedViewStatement`
pub(super) fn create_view(input: Input<'_>) -> Res<'_, Statement> {
    let (input, ()) = toks([Kind::KCreate, Kind::KMaterialized, Kind::KView])(input)?;
    let (input, if_not_exists) = opt_if_not_exists(input)?;
    let (input, name) = name::table(input)?;
    let (input, ()) = toks([Kind::KAs, Kind::KSelect])(input)?;
    let (input, selectors) = select::selectors(input)?;
    let (input, _) = tok(Kind::KFrom)(input)?;
    let (input, from) = name::table(input)?;
    let (input, where_clause) = opt_when(Kind::KWhere, |input| relation::where_clause(input.skip()))(input)?;
    let (input, primary_key) = primary_key(input)?;
    let (input, options) = opt_when(Kind::KWith, |input| table_options(input.skip()))(input)?;
    let options = options.unwrap_or_default();
    if options.compact_storage {
        return input.meaning("COMPACT STORAGE tables are not allowed starting with version 4.0");
    }
    let view = CreateView {
        if_not_exists,
        name,
        selectors,
        from,
        where_clause: where_clause.unwrap_or_default(),
        primary_key,
        properties: options.properties,
        clustering_order: options.clustering_order,
    };
    Ok((input, Statement::CreateView(view)))
}

/// `alterMaterializedViewStatement`
pub(super) fn alter_view(input: Input<'_>) -> Res<'_, Statement> {
    let (input, ()) = toks([Kind::KAlter, Kind::KMaterialized, Kind::KView])(input)?;
    let (input, if_exists) = opt_if_exists(input)?;
    let (input, name) = name::table(input)?;
    let (input, _) = tok(Kind::KWith)(input)?;
    let (input, properties) = properties(input)?;
    Ok((input, Statement::AlterView(AlterView { if_exists, name, properties })))
}

/// `dropMaterializedViewStatement`
pub(super) fn drop_view(input: Input<'_>) -> Res<'_, Statement> {
    let (input, ()) = toks([Kind::KDrop, Kind::KMaterialized, Kind::KView])(input)?;
    let (input, if_exists) = opt_if_exists(input)?;
    let (input, name) = name::table(input)?;
    Ok((input, Statement::DropView(DropView { if_exists, name })))
}

/// `createTriggerStatement`
pub(super) fn create_trigger(input: Input<'_>) -> Res<'_, Statement> {
    let (input, ()) = toks([Kind::KCreate, Kind::KTrigger])(input)?;
    let (input, if_not_exists) = opt_if_not_exists(input)?;
    let (input, name) = name::identifier(input)?;
    let (input, _) = tok(Kind::KOn)(input)?;
    let (input, table) = name::table(input)?;
    let (input, _) = tok(Kind::KUsing)(input)?;
    let (input, class) = text_of(Kind::String)(input)?;
    Ok((input, Statement::CreateTrigger(CreateTrigger { if_not_exists, name, table, class })))
}

/// `dropTriggerStatement`
pub(super) fn drop_trigger(input: Input<'_>) -> Res<'_, Statement> {
    let (input, ()) = toks([Kind::KDrop, Kind::KTrigger])(input)?;
    let (input, if_exists) = opt_if_exists(input)?;
    let (input, name) = name::identifier(input)?;
    let (input, _) = tok(Kind::KOn)(input)?;
    let (input, table) = name::table(input)?;
    Ok((input, Statement::DropTrigger(DropTrigger { if_exists, name, table })))
}

/// Types in parentheses, as after the name of a function
pub(super) fn type_list(input: Input<'_>) -> Res<'_, Vec<CqlType>> {
    parens(opt_comma_list(begins_type, types::comparator_type))(input)
}

fn begins_type(kind: Kind) -> bool {
    kind.is_identifier() || matches!(kind, Kind::KSet | Kind::String)
}

/// The arguments of CREATE FUNCTION
pub(super) fn typed_arguments(input: Input<'_>) -> Res<'_, Vec<(Name, CqlType)>> {
    parens(|input: Input<'_>| {
        if input.kind(0).is_identifier() { comma_list(type_field)(input) } else { Ok((input, Vec::new())) }
    })(input)
}
