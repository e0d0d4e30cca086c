//! Roles, users, identities and permissions.

use super::ddl::type_list;
use super::input::{
    Input, Res, and_list, comma_list, opt_if_exists, opt_if_not_exists, opt_tok, opt_when, text_of, tok, toks,
};
use super::{name, property};
use crate::ast::{
    Access, AddIdentity, AlterRole, AlterUser, Constant, CreateRole, CreateUser, DropIdentity, DropRole,
    DropUser, GrantPermissions, GrantRole, ListPermissions, ListRoles, Permission, Permissions, Resource,
    RevokePermissions, RevokeRole, RoleOptions, Statement, UserOptions,
};
use crate::lexer::Kind;

/// `createRoleStatement`
pub(super) fn create_role(input: Input<'_>) -> Res<'_, Statement> {
    let (input, ()) = toks([Kind::KCreate, Kind::KRole])(input)?;
    let (input, if_not_exists) = opt_if_not_exists(input)?;
    let (input, name) = name::role(input)?;
    let (input, options) = opt_role_options(input)?;
    Ok((input, Statement::CreateRole(CreateRole { if_not_exists, name, options })))
}

/// `alterRoleStatement`
pub(super) fn alter_role(input: Input<'_>) -> Res<'_, Statement> {
    let (input, ()) = toks([Kind::KAlter, Kind::KRole])(input)?;
    let (input, if_exists) = opt_if_exists(input)?;
    let (input, name) = name::role(input)?;
    let (input, options) = opt_role_options(input)?;
    Ok((input, Statement::AlterRole(AlterRole { if_exists, name, options })))
}

/// `dropRoleStatement`
pub(super) fn drop_role(input: Input<'_>) -> Res<'_, Statement> {
    let (input, ()) = toks([Kind::KDrop, Kind::KRole])(input)?;
    let (input, if_exists) = opt_if_exists(input)?;
    let (input, name) = name::role(input)?;
    Ok((input, Statement::DropRole(DropRole { if_exists, name })))
}

enum RoleOption {
    Password(String),
    HashedPassword(String),
    Superuser(bool),
    Login(bool),
    Options(Vec<(Constant, Constant)>),
    Datacenters(Access),
    Cidrs(Access),
}

/// `WITH roleOptions`, or not
fn opt_role_options(input: Input<'_>) -> Res<'_, RoleOptions> {
    let mut options = RoleOptions::default();
    let (input, found) = opt_when(Kind::KWith, |input| and_list(role_option)(input.skip()))(input)?;
    for option in found.unwrap_or_default() {
        let duplicate = match option {
            RoleOption::Password(value) => set(&mut options.password, value, "PASSWORD"),
            RoleOption::HashedPassword(value) => set(&mut options.hashed_password, value, "HASHED_PASSWORD"),
            RoleOption::Superuser(value) => set(&mut options.superuser, value, "SUPERUSER"),
            RoleOption::Login(value) => set(&mut options.login, value, "LOGIN"),
            RoleOption::Options(value) => set(&mut options.options, value, "OPTIONS"),
            RoleOption::Datacenters(value) => match grant(&mut options.datacenters, value) {
                Ok(()) => Ok(()),
                Err(true) => return input.thrown("IllegalArgumentException All has been set"),
                Err(false) => return input.thrown("IllegalArgumentException DCs have already been set"),
            },
            RoleOption::Cidrs(value) => match grant(&mut options.cidrs, value) {
                Ok(()) => Ok(()),
                Err(true) => return input.thrown("IllegalArgumentException All has been set"),
                Err(false) => {
                    return input.thrown("IllegalArgumentException CIDR Groups have already been set");
                }
            },
        };
        if let Err(message) = duplicate {
            return input.meaning(message);
        }
    }
    not_both(input, &options.password, &options.hashed_password)?;
    Ok((input, options))
}

/// Sets an option that may be set once.
fn set<T>(option: &mut Option<T>, value: T, name: &str) -> Result<(), String> {
    match option.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("Multiple definition for property '{name}'")),
    }
}

/// Adds to what may be accessed; fails if that is everything already (true) or something already (false).
fn grant(access: &mut Option<Access>, more: Access) -> Result<(), bool> {
    match (access.as_mut(), more) {
        (Some(Access::All), Access::Some(_)) => return Err(true),
        (Some(Access::Some(_)), Access::All) => return Err(false),
        (Some(Access::Some(names)), Access::Some(more)) => names.extend(more),
        (_, more) => *access = Some(more),
    }
    Ok(())
}

fn not_both<'a>(input: Input<'a>, password: &Option<String>, hashed: &Option<String>) -> Res<'a, ()> {
    if password.is_some() && hashed.is_some() {
        return input.meaning("Options 'password' and 'hashed password' are mutually exclusive");
    }
    Ok((input, ()))
}

/// `roleOption`
fn role_option(input: Input<'_>) -> Res<'_, RoleOption> {
    let equal_string = |input| {
        let (input, _) = tok(Kind::Equal)(input)?;
        text_of(Kind::String)(input)
    };
    let equal_boolean = |input| {
        let (input, _) = tok(Kind::Equal)(input)?;
        let (input, text) = text_of(Kind::Boolean)(input)?;
        Ok((input, text.eq_ignore_ascii_case("true")))
    };
    match input.kind(0) {
        Kind::KPassword => {
            let (input, password) = equal_string(input.skip())?;
            Ok((input, RoleOption::Password(password)))
        }
        Kind::KHashed => {
            let (input, ()) = toks([Kind::KHashed, Kind::KPassword])(input)?;
            let (input, password) = equal_string(input)?;
            Ok((input, RoleOption::HashedPassword(password)))
        }
        Kind::KOptions => {
            let (input, _) = tok(Kind::Equal)(input.skip())?;
            let (input, entries) = property::literal_map(input)?;
            Ok((input, RoleOption::Options(entries)))
        }
        Kind::KSuperuser => {
            let (input, value) = equal_boolean(input.skip())?;
            Ok((input, RoleOption::Superuser(value)))
        }
        Kind::KLogin => {
            let (input, value) = equal_boolean(input.skip())?;
            Ok((input, RoleOption::Login(value)))
        }
        Kind::KAccess => match (input.kind(1), input.kind(2)) {
            (Kind::KTo, Kind::KAll | Kind::KDatacenters) => {
                let (input, access) = access(input.skip().skip(), Kind::KDatacenters)?;
                Ok((input, RoleOption::Datacenters(access)))
            }
            (Kind::KFrom, Kind::KAll | Kind::KCidrs) => {
                let (input, access) = access(input.skip().skip(), Kind::KCidrs)?;
                Ok((input, RoleOption::Cidrs(access)))
            }
            (Kind::KTo | Kind::KFrom, _) => input.no_viable(2),
            _ => input.no_viable(1),
        },
        _ => input.no_viable(0),
    }
}

/// `ALL what` or `what { 'a', 'b' }`
fn access<'a>(input: Input<'a>, what: Kind) -> Res<'a, Access> {
    if input.kind(0) == Kind::KAll {
        let (input, _) = tok(what)(input.skip())?;
        return Ok((input, Access::All));
    }
    let (input, ()) = toks([what, Kind::LeftBrace])(input)?;
    let (input, names) = comma_list(text_of(Kind::String))(input)?;
    let (input, _) = tok(Kind::RightBrace)(input)?;
    Ok((input, Access::Some(names)))
}

/// `createUserStatement`
pub(super) fn create_user(input: Input<'_>) -> Res<'_, Statement> {
    let (input, ()) = toks([Kind::KCreate, Kind::KUser])(input)?;
    let (input, if_not_exists) = opt_if_not_exists(input)?;
    let (input, name) = name::user(input)?;
    let (input, options) = user_options(input)?;
    Ok((input, Statement::CreateUser(CreateUser { if_not_exists, name, options })))
}

/// `alterUserStatement`
pub(super) fn alter_user(input: Input<'_>) -> Res<'_, Statement> {
    let (input, ()) = toks([Kind::KAlter, Kind::KUser])(input)?;
    let (input, if_exists) = opt_if_exists(input)?;
    let (input, name) = name::user(input)?;
    let (input, options) = user_options(input)?;
    Ok((input, Statement::AlterUser(AlterUser { if_exists, name, options })))
}

/// `dropUserStatement`
pub(super) fn drop_user(input: Input<'_>) -> Res<'_, Statement> {
    let (input, ()) = toks([Kind::KDrop, Kind::KUser])(input)?;
    let (input, if_exists) = opt_if_exists(input)?;
    let (input, name) = name::user(input)?;
    Ok((input, Statement::DropUser(DropUser { if_exists, name })))
}

/// The password and whether the user is a superuser
fn user_options(mut input: Input<'_>) -> Res<'_, UserOptions> {
    let mut options = UserOptions::default();
    if input.kind(0) == Kind::KWith {
        input = input.skip();
        let hashed = input.kind(0) == Kind::KHashed;
        if !hashed && input.kind(0) != Kind::KPassword {
            return input.no_viable(0);
        }
        (input, _) = opt_tok(Kind::KHashed)(input)?;
        (input, _) = tok(Kind::KPassword)(input)?;
        let (rest, password) = text_of(Kind::String)(input)?;
        *(if hashed { &mut options.hashed_password } else { &mut options.password }) = Some(password);
        input = rest;
    }
    options.superuser = match input.kind(0) {
        Kind::KSuperuser => Some(true),
        Kind::KNosuperuser => Some(false),
        _ => None,
    };
    Ok((if options.superuser.is_some() { input.skip() } else { input }, options))
}

/// `addIdentityStatement`
pub(super) fn add_identity(input: Input<'_>) -> Res<'_, Statement> {
    let (input, ()) = toks([Kind::KAdd, Kind::KIdentity])(input)?;
    let (input, if_not_exists) = opt_if_not_exists(input)?;
    let (input, identity) = name::identity(input)?;
    let (input, ()) = toks([Kind::KTo, Kind::KRole])(input)?;
    let (input, role) = name::identity(input)?;
    let role = crate::ast::RoleName(role);
    Ok((input, Statement::AddIdentity(AddIdentity { if_not_exists, identity, role })))
}

/// `dropIdentityStatement`
pub(super) fn drop_identity(input: Input<'_>) -> Res<'_, Statement> {
    let (input, ()) = toks([Kind::KDrop, Kind::KIdentity])(input)?;
    let (input, if_exists) = opt_if_exists(input)?;
    let (input, identity) = name::identity(input)?;
    Ok((input, Statement::DropIdentity(DropIdentity { if_exists, identity })))
}

/// `grantRoleStatement`
pub(super) fn grant_role(input: Input<'_>) -> Res<'_, Statement> {
    let (input, role) = name::role(input.skip())?;
    let (input, _) = tok(Kind::KTo)(input)?;
    let (input, grantee) = name::role(input)?;
    Ok((input, Statement::GrantRole(GrantRole { role, grantee })))
}

/// `revokeRoleStatement`
pub(super) fn revoke_role(input: Input<'_>) -> Res<'_, Statement> {
    let (input, role) = name::role(input.skip())?;
    let (input, _) = tok(Kind::KFrom)(input)?;
    let (input, revokee) = name::role(input)?;
    Ok((input, Statement::RevokeRole(RevokeRole { role, revokee })))
}

/// `OF role`, `NORECURSIVE`
fn of_role(input: Input<'_>) -> Res<'_, (Option<crate::ast::RoleName>, bool)> {
    let (input, of) = opt_when(Kind::KOf, |input| name::role(input.skip()))(input)?;
    let (input, not_recursive) = opt_tok(Kind::KNorecursive)(input)?;
    Ok((input, (of, !not_recursive)))
}

/// `listRolesStatement`
pub(super) fn list_roles(input: Input<'_>) -> Res<'_, Statement> {
    let (input, ()) = toks([Kind::KList, Kind::KRoles])(input)?;
    let (input, (of, recursive)) = of_role(input)?;
    Ok((input, Statement::ListRoles(ListRoles { of, recursive })))
}

/// `listPermissionsStatement`
pub(super) fn list_permissions(input: Input<'_>) -> Res<'_, Statement> {
    let (input, permissions) = permissions(input.skip())?;
    let (input, resource) = opt_when(Kind::KOn, |input| resource(input.skip()))(input)?;
    let (input, (of, recursive)) = of_role(input)?;
    let list = ListPermissions { permissions, resource, of, recursive };
    Ok((input, Statement::ListPermissions(list)))
}

/// `grantPermissionsStatement`
pub(super) fn grant_permissions(input: Input<'_>) -> Res<'_, Statement> {
    let (input, permissions) = permissions(input.skip())?;
    let (input, _) = tok(Kind::KOn)(input)?;
    let (input, resource) = resource(input)?;
    let (input, _) = tok(Kind::KTo)(input)?;
    let (input, grantee) = name::role(input)?;
    applicable(input, &permissions, &resource)?;
    Ok((input, Statement::GrantPermissions(GrantPermissions { permissions, resource, grantee })))
}

/// `revokePermissionsStatement`
pub(super) fn revoke_permissions(input: Input<'_>) -> Res<'_, Statement> {
    let (input, permissions) = permissions(input.skip())?;
    let (input, _) = tok(Kind::KOn)(input)?;
    let (input, resource) = resource(input)?;
    let (input, _) = tok(Kind::KFrom)(input)?;
    let (input, revokee) = name::role(input)?;
    applicable(input, &permissions, &resource)?;
    Ok((input, Statement::RevokePermissions(RevokePermissions { permissions, resource, revokee })))
}

/// Fails if not one of the permissions means anything for the resource.
fn applicable<'a>(input: Input<'a>, permissions: &Permissions, resource: &Resource) -> Res<'a, ()> {
    match permissions {
        Permissions::Some(some) if !some.iter().any(|permission| resource.supports(*permission)) => input
            .meaning(format!(
                "Resource type {} does not support any of the requested permissions",
                resource.kind_name()
            )),
        _ => Ok((input, ())),
    }
}

/// The permission that a keyword names
pub(super) fn permission_of(kind: Kind) -> Option<Permission> {
    Some(match kind {
        Kind::KCreate => Permission::Create,
        Kind::KAlter => Permission::Alter,
        Kind::KDrop => Permission::Drop,
        Kind::KSelect => Permission::Select,
        Kind::KModify => Permission::Modify,
        Kind::KAuthorize => Permission::Authorize,
        Kind::KDescribe => Permission::Describe,
        Kind::KExecute => Permission::Execute,
        Kind::KUnmask => Permission::Unmask,
        Kind::KSelectMasked => Permission::SelectMasked,
        _ => return None,
    })
}

/// `permissionOrAll`
fn permissions(input: Input<'_>) -> Res<'_, Permissions> {
    if input.kind(0) == Kind::KAll {
        let (input, _) = opt_tok(Kind::KPermissions)(input.skip())?;
        return Ok((input, Permissions::All));
    }
    if permission_of(input.kind(0)).is_none() {
        return input.no_viable(0);
    }
    let (input, permissions) = comma_list(permission)(input)?;
    Ok((input, Permissions::Some(permissions)))
}

/// `permission`, and the word PERMISSION after it
fn permission(input: Input<'_>) -> Res<'_, Permission> {
    match permission_of(input.kind(0)) {
        None => input.mismatched_set(),
        Some(permission) => {
            let (input, _) = opt_tok(Kind::KPermission)(input.skip())?;
            Ok((input, permission))
        }
    }
}

/// What may come after a resource
fn follows(kind: Kind) -> bool {
    matches!(kind, Kind::Eof | Kind::KFrom | Kind::KNorecursive | Kind::KOf | Kind::KTo | Kind::Semicolon)
}

/// `resource`
fn resource(input: Input<'_>) -> Res<'_, Resource> {
    let (first, second) = (input.kind(0), input.kind(1));
    let named = second == Kind::Dot || follows(second);
    match first {
        Kind::KAll => all_resources(input),
        Kind::KKeyspace => {
            let (input, name) = name::keyspace(input.skip())?;
            Ok((input, Resource::Keyspace(name)))
        }
        Kind::KRole if second.is_identifier() || matches!(second, Kind::QMark | Kind::String) => {
            let (input, role) = name::role(input.skip())?;
            Ok((input, Resource::Role(role)))
        }
        Kind::KFunction if second.is_identifier() || matches!(second, Kind::QMark | Kind::KToken) => {
            let (input, name) = name::function(input.skip())?;
            let (input, args) = type_list(input)?;
            Ok((input, Resource::Function { name, args }))
        }
        Kind::KMbean | Kind::KMbeans if second == Kind::String => {
            let (input, name) = text_of(Kind::String)(input.skip())?;
            let resource = if first == Kind::KMbean { Resource::Mbean(name) } else { Resource::Mbeans(name) };
            check_mbean(input, resource)
        }
        Kind::KRole | Kind::KFunction | Kind::KMbean | Kind::KMbeans if !named => input.no_viable(1),
        _ if first == Kind::KColumnfamily || first == Kind::QMark || first.is_identifier() => table(input),
        _ => input.no_viable(0),
    }
}

fn table(input: Input<'_>) -> Res<'_, Resource> {
    let (input, _) = opt_tok(Kind::KColumnfamily)(input)?;
    let (input, table) = name::table(input)?;
    Ok((input, Resource::Table(table)))
}

/// What begins with ALL, which may also be the name of a table
fn all_resources(input: Input<'_>) -> Res<'_, Resource> {
    let after = input.skip().skip();
    match input.kind(1) {
        Kind::KKeyspaces => Ok((after, Resource::AllKeyspaces)),
        Kind::KRoles => Ok((after, Resource::AllRoles)),
        Kind::KMbeans => Ok((after, Resource::AllMbeans)),
        Kind::KTables => {
            let (input, ()) = toks([Kind::KIn, Kind::KKeyspace])(after)?;
            let (input, keyspace) = name::keyspace(input)?;
            Ok((input, Resource::AllTables(keyspace)))
        }
        Kind::KFunctions => match input.kind(2) {
            Kind::KIn => {
                let (input, ()) = toks([Kind::KIn, Kind::KKeyspace])(after)?;
                let (input, keyspace) = name::keyspace(input)?;
                Ok((input, Resource::AllFunctionsIn(keyspace)))
            }
            third if follows(third) => Ok((after, Resource::AllFunctions)),
            _ => input.no_viable(2),
        },
        second if second == Kind::Dot || follows(second) => table(input),
        _ => input.no_viable(1),
    }
}

/// Checks the name of a JMX bean as far as it can be done without Java: `domain:key=value,…`
fn check_mbean(input: Input<'_>, resource: Resource) -> Res<'_, Resource> {
    let (name, plural) = match &resource {
        Resource::Mbean(name) => (name, false),
        Resource::Mbeans(name) => (name, true),
        _ => return Ok((input, resource)),
    };
    if name.is_empty() {
        return input.meaning("Empty JMX object name supplied");
    }
    if name == "*:*" {
        return input.meaning("Please use ALL MBEANS instead of wildcard pattern");
    }
    let well_formed = name.split_once(':').is_some_and(|(_, properties)| {
        !properties.is_empty()
            && properties.split(',').all(|property| {
                property == "*"
                    || property
                        .split_once('=')
                        .is_some_and(|(key, value)| !key.is_empty() && !value.is_empty())
            })
    });
    if !well_formed {
        return input.meaning(format!("{name} is not a valid JMX object name"));
    }
    if plural && !name.contains(['*', '?']) {
        return input
            .meaning(format!("Plural form used, but non-pattern JMX object name specified ({name})"));
    }
    Ok((input, resource))
}
