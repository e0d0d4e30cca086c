//! Which statement it is.

use super::input::{Input, Res, opt_tok};
use super::{ddl, describe, function, modification, name, role, select, table};
use crate::ast::Statement;
use crate::lexer::Kind;

/// `cqlStatement`
pub(super) fn statement(input: Input<'_>) -> Res<'_, Statement> {
    match input.kind(0) {
        Kind::KSelect => select::select(input),
        Kind::KInsert => modification::insert(input),
        Kind::KUpdate => modification::update(input),
        Kind::KDelete => modification::delete(input),
        Kind::KBegin => modification::batch(input),
        Kind::KUse => {
            let (input, keyspace) = name::keyspace(input.skip())?;
            Ok((input, Statement::Use(keyspace)))
        }
        Kind::KTruncate => {
            let (input, _) = opt_tok(Kind::KColumnfamily)(input.skip())?;
            let (input, table) = name::table(input)?;
            Ok((input, Statement::Truncate(table)))
        }
        Kind::KCreate => create(input),
        Kind::KDrop => drop(input),
        Kind::KAlter => alter(input),
        Kind::KGrant => grant(input),
        Kind::KRevoke => revoke(input),
        Kind::KList => list(input),
        Kind::KDesc | Kind::KDescribe => describe::describe(input),
        Kind::KAdd => role::add_identity(input),
        _ => input.no_viable(0),
    }
}

fn create(input: Input<'_>) -> Res<'_, Statement> {
    match input.kind(1) {
        Kind::KKeyspace => ddl::create_keyspace(input),
        Kind::KColumnfamily => table::create_table(input),
        Kind::KUser => role::create_user(input),
        Kind::KTrigger => ddl::create_trigger(input),
        Kind::KType => ddl::create_type(input),
        Kind::KRole => role::create_role(input),
        Kind::KMaterialized => ddl::create_view(input),
        Kind::KCustom | Kind::KIndex => ddl::create_index(input),
        Kind::KFunction => function::create_function(input),
        Kind::KAggregate => function::create_aggregate(input),
        Kind::KOr => match (input.kind(2), input.kind(3)) {
            (Kind::KReplace, Kind::KFunction) => function::create_function(input),
            (Kind::KReplace, Kind::KAggregate) => function::create_aggregate(input),
            (Kind::KReplace, _) => input.no_viable(3),
            _ => input.no_viable(2),
        },
        _ => input.no_viable(1),
    }
}

fn drop(input: Input<'_>) -> Res<'_, Statement> {
    match input.kind(1) {
        Kind::KKeyspace => ddl::drop_keyspace(input),
        Kind::KColumnfamily => ddl::drop_table(input),
        Kind::KIndex => ddl::drop_index(input),
        Kind::KUser => role::drop_user(input),
        Kind::KTrigger => ddl::drop_trigger(input),
        Kind::KType => ddl::drop_type(input),
        Kind::KFunction => function::drop_function(input),
        Kind::KAggregate => function::drop_aggregate(input),
        Kind::KRole => role::drop_role(input),
        Kind::KMaterialized => ddl::drop_view(input),
        Kind::KIdentity => role::drop_identity(input),
        _ => input.no_viable(1),
    }
}

fn alter(input: Input<'_>) -> Res<'_, Statement> {
    match input.kind(1) {
        Kind::KColumnfamily => table::alter_table(input),
        Kind::KKeyspace => ddl::alter_keyspace(input),
        Kind::KUser => role::alter_user(input),
        Kind::KType => ddl::alter_type(input),
        Kind::KRole => role::alter_role(input),
        Kind::KMaterialized => ddl::alter_view(input),
        _ => input.no_viable(1),
    }
}

/// ALL, UNMASK and SELECT_MASKED may also name a role.
fn is_role_or_permission(kind: Kind) -> bool {
    matches!(kind, Kind::KAll | Kind::KUnmask | Kind::KSelectMasked)
}

fn names_role(kind: Kind) -> bool {
    kind.is_identifier() || matches!(kind, Kind::String | Kind::QMark)
}

/// Whether permissions rather than a role are granted or revoked; `direction` is TO or FROM.
fn is_permissions(input: Input<'_>, direction: Kind) -> Res<'_, bool> {
    let (second, third) = (input.kind(1), input.kind(2));
    let is_permissions = match second {
        _ if is_role_or_permission(second) => match third {
            _ if third == direction => false,
            Kind::KOn => true,
            Kind::KPermissions if second == Kind::KAll => true,
            Kind::KPermission | Kind::Comma if second != Kind::KAll => true,
            _ => return input.no_viable(2),
        },
        _ if names_role(second) => false,
        _ if role::permission_of(second).is_some() => true,
        _ => return input.no_viable(1),
    };
    Ok((input, is_permissions))
}

fn grant(input: Input<'_>) -> Res<'_, Statement> {
    let (input, is_permissions) = is_permissions(input, Kind::KTo)?;
    if is_permissions { role::grant_permissions(input) } else { role::grant_role(input) }
}

fn revoke(input: Input<'_>) -> Res<'_, Statement> {
    let (input, is_permissions) = is_permissions(input, Kind::KFrom)?;
    if is_permissions { role::revoke_permissions(input) } else { role::revoke_role(input) }
}

fn list(input: Input<'_>) -> Res<'_, Statement> {
    match input.kind(1) {
        Kind::KUsers => Ok((input.skip().skip(), Statement::ListUsers)),
        Kind::KRoles => role::list_roles(input),
        kind if kind == Kind::KAll || role::permission_of(kind).is_some() => role::list_permissions(input),
        _ => input.no_viable(1),
    }
}
