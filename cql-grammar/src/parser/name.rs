//! Identifiers in their various places.

use super::input::{Input, Res, tok};
use crate::ast::{Name, QualifiedName, RoleName};
use crate::lexer::{Class, Kind};

/// The identifier that the next token is, whatever that token may be.
fn take(input: Input<'_>) -> (Input<'_>, Name) {
    let text = input.text();
    let name = match input.kind(0) {
        Kind::QuotedName => text.into_owned(),
        Kind::EmptyQuotedName => String::new(),
        _ => text.to_ascii_lowercase(),
    };
    (input.skip(), Name(name))
}

/// `ident`, `fident`, `noncol_ident`, `sident`
pub(super) fn identifier(input: Input<'_>) -> Res<'_, Name> {
    if input.kind(0).is_identifier() { Ok(take(input)) } else { input.no_viable(0) }
}

/// `cident`: a column, also the one with the empty name
pub(super) fn column(input: Input<'_>) -> Res<'_, Name> {
    if input.kind(0).is_column() { Ok(take(input)) } else { input.no_viable(0) }
}

/// A name that might be mistaken for a place to bind a value.
fn unbound<'a>(what: &'static str) -> impl Fn(Input<'a>) -> Res<'a, Name> {
    move |input| match input.kind(0) {
        Kind::QMark => input.skip().meaning(format!("Bind variables cannot be used for {what} names")),
        _ => identifier(input),
    }
}

/// `keyspaceName`
pub(super) fn keyspace(input: Input<'_>) -> Res<'_, Name> {
    unbound("keyspace")(input)
}

/// `idxName`
pub(super) fn index(input: Input<'_>) -> Res<'_, Name> {
    unbound("index")(input)
}

/// `columnFamilyName`: a table, a view
pub(super) fn table(input: Input<'_>) -> Res<'_, QualifiedName> {
    let follows = |kind| {
        matches!(
            kind,
            Kind::Eof
                | Kind::KAdd
                | Kind::KAllow
                | Kind::KAlter
                | Kind::KAs
                | Kind::KDrop
                | Kind::KFrom
                | Kind::KGroup
                | Kind::KJson
                | Kind::KLimit
                | Kind::KNorecursive
                | Kind::KOf
                | Kind::KOrder
                | Kind::KPer
                | Kind::KPrimary
                | Kind::KRename
                | Kind::KSet
                | Kind::KTo
                | Kind::KUsing
                | Kind::KWhere
                | Kind::KWith
                | Kind::LeftParen
                | Kind::Semicolon
        )
    };
    qualified(input, follows, "table")
}

/// `indexName`
pub(super) fn qualified_index(input: Input<'_>) -> Res<'_, QualifiedName> {
    qualified(input, |kind| matches!(kind, Kind::Eof | Kind::Semicolon), "index")
}

/// A name that may have its keyspace in front, and is followed by one of certain tokens.
fn qualified<'a>(
    input: Input<'a>,
    follows: impl Fn(Kind) -> bool,
    what: &'static str,
) -> Res<'a, QualifiedName> {
    if !input.kind(0).is_identifier() && input.kind(0) != Kind::QMark {
        return input.no_viable(0);
    }
    match input.kind(1) {
        Kind::Dot => {
            let (input, keyspace) = keyspace(input)?;
            let (input, name) = unbound(what)(input.skip())?;
            Ok((input, QualifiedName { keyspace: Some(keyspace), name }))
        }
        next if follows(next) => {
            input.look(2);
            let (input, name) = unbound(what)(input)?;
            Ok((input, QualifiedName { keyspace: None, name }))
        }
        _ => input.no_viable(1),
    }
}

/// The thing without its keyspace, as DESCRIBE takes it.
pub(super) fn described(input: Input<'_>) -> Res<'_, QualifiedName> {
    match (input.kind(0).is_identifier(), input.kind(1)) {
        (false, _) => input.no_viable(0),
        (true, Kind::Dot) => {
            let (input, keyspace) = identifier(input)?;
            let (input, name) = identifier(input.skip())?;
            Ok((input, QualifiedName { keyspace: Some(keyspace), name }))
        }
        (true, Kind::Eof | Kind::Semicolon | Kind::KWith) => {
            let (input, name) = identifier(input)?;
            Ok((input, QualifiedName { keyspace: None, name }))
        }
        _ => input.no_viable(1),
    }
}

/// `userTypeName`
pub(super) fn user_type(input: Input<'_>) -> Res<'_, QualifiedName> {
    let kind = input.kind(0);
    let only_keyspace = matches!(kind.class(), Class::Native | Class::Other) && kind != Kind::KKey;
    if only_keyspace || (kind.is_identifier() && input.kind(1) == Kind::Dot) {
        let (input, keyspace) = identifier(input)?;
        let (input, _) = tok(Kind::Dot)(input)?;
        let (input, name) = non_type_identifier(input)?;
        return Ok((input, QualifiedName { keyspace: Some(keyspace), name }));
    }
    let (input, name) = non_type_identifier(input)?;
    Ok((input, QualifiedName { keyspace: None, name }))
}

/// Identifiers that PostgreSQL knows as types, and that Cassandra keeps for itself.
const RESERVED_TYPE_NAMES: [&str; 7] =
    ["byte", "complex", "enum", "date", "interval", "macaddr", "bitstring"];

/// `non_type_ident`
fn non_type_identifier(input: Input<'_>) -> Res<'_, Name> {
    match input.kind(0) {
        Kind::Ident if RESERVED_TYPE_NAMES.contains(&&*input.text()) => {
            input.skip().meaning(format!("Invalid (reserved) user type name {}", input.text()))
        }
        Kind::Ident | Kind::QuotedName | Kind::KKey => Ok(take(input)),
        kind if kind.class() == Class::Basic => Ok(take(input)),
        _ => input.no_viable(0),
    }
}

/// `functionName`
pub(super) fn function(input: Input<'_>) -> Res<'_, QualifiedName> {
    let kind = input.kind(0);
    let keyspace_first = match input.kind(1) {
        _ if kind == Kind::KToken => false,
        _ if !kind.is_function_name() && (kind.is_identifier() || kind == Kind::QMark) => true,
        _ if !kind.is_identifier() => return input.no_viable(0),
        Kind::Dot => true,
        Kind::Eof | Kind::KWith | Kind::LeftParen | Kind::Semicolon => false,
        _ => return input.no_viable(1),
    };
    input.look(if kind.is_function_name() && kind != Kind::KToken { 2 } else { 1 });
    let (input, keyspace) = if keyspace_first {
        let (input, keyspace) = keyspace(input)?;
        let (input, _) = tok(Kind::Dot)(input)?;
        (input, Some(keyspace))
    } else {
        (input, None)
    };
    let (input, name) = unqualified_function(input)?;
    Ok((input, QualifiedName { keyspace, name }))
}

/// `allowedFunctionName`
pub(super) fn unqualified_function(input: Input<'_>) -> Res<'_, Name> {
    if input.kind(0).is_function_name() { Ok(take(input)) } else { input.no_viable(0) }
}

/// `userOrRoleName`
pub(super) fn role(input: Input<'_>) -> Res<'_, RoleName> {
    match input.kind(0) {
        Kind::String => Ok((input.skip(), RoleName(input.text().into_owned()))),
        _ => {
            let (input, name) = unbound("role")(input)?;
            Ok((input, RoleName(name.0)))
        }
    }
}

/// `username`
pub(super) fn user(input: Input<'_>) -> Res<'_, RoleName> {
    let complaint =
        "Quoted strings are are not supported for user names and USER is deprecated, please use ROLE";
    let (input, name) = unquoted(input, complaint)?;
    Ok((input, RoleName(name)))
}

/// `identity`
pub(super) fn identity(input: Input<'_>) -> Res<'_, String> {
    unquoted(input, "Quoted strings are are not supported for identity")
}

/// An identifier in its own case or a string.
fn unquoted<'a>(input: Input<'a>, complaint: &'static str) -> Res<'a, String> {
    match input.kind(0) {
        Kind::Ident | Kind::String => Ok((input.skip(), input.text().into_owned())),
        Kind::QuotedName => input.skip().meaning(complaint),
        _ => input.no_viable(0),
    }
}
