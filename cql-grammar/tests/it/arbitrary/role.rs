//! Roles, users, identities and permissions.

use super::ddl::literal_map;
use super::term::cql_type;
use super::{any_of, name, qualified, some};
use cql_grammar::ast::{
    Access, AddIdentity, AlterRole, AlterUser, CreateRole, CreateUser, DropIdentity, DropRole, DropUser,
    GrantPermissions, GrantRole, ListPermissions, ListRoles, Permission, Permissions, Resource,
    RevokePermissions, RevokeRole, RoleName, RoleOptions, Statement, UserOptions,
};
use proptest::option;
use proptest::prelude::*;

fn role() -> impl Strategy<Value = RoleName> {
    prop_oneof![name().prop_map(|name| RoleName(name.0)), any::<String>().prop_map(RoleName)]
}

fn access() -> impl Strategy<Value = Access> {
    prop_oneof![Just(Access::All), some(any::<String>()).prop_map(Access::Some)]
}

/// A password, a hashed password, or neither
fn passwords() -> impl Strategy<Value = (Option<String>, Option<String>)> {
    prop_oneof![
        Just((None, None)),
        any::<String>().prop_map(|password| (Some(password), None)),
        any::<String>().prop_map(|password| (None, Some(password))),
    ]
}

fn role_options() -> impl Strategy<Value = RoleOptions> {
    (
        passwords(),
        option::of(any::<bool>()),
        option::of(any::<bool>()),
        option::of(literal_map()),
        option::of(access()),
        option::of(access()),
    )
        .prop_map(|((password, hashed_password), superuser, login, options, datacenters, cidrs)| {
            RoleOptions { password, hashed_password, superuser, login, options, datacenters, cidrs }
        })
}

fn user_options() -> impl Strategy<Value = UserOptions> {
    (passwords(), option::of(any::<bool>())).prop_map(|((password, hashed_password), superuser)| {
        UserOptions { password, hashed_password, superuser }
    })
}

fn resource() -> impl Strategy<Value = Resource> {
    prop_oneof![
        Just(Resource::AllKeyspaces),
        name().prop_map(Resource::Keyspace),
        name().prop_map(Resource::AllTables),
        qualified().prop_map(Resource::Table),
        Just(Resource::AllRoles),
        role().prop_map(Resource::Role),
        Just(Resource::AllFunctions),
        name().prop_map(Resource::AllFunctionsIn),
        (qualified(), any_of(cql_type())).prop_map(|(name, args)| Resource::Function { name, args }),
        Just(Resource::AllMbeans),
        "[a-z.]{1,5}:[a-z]=[a-z*]{1,4}".prop_map(Resource::Mbean),
        "[a-z.]{1,5}:[a-z]=\\*".prop_map(Resource::Mbeans),
    ]
}

/// Permissions and a resource to which at least one of them applies
fn permissions_on() -> impl Strategy<Value = (Permissions, Resource)> {
    let all = vec![
        Permission::Create,
        Permission::Alter,
        Permission::Drop,
        Permission::Select,
        Permission::Modify,
        Permission::Authorize,
        Permission::Describe,
        Permission::Execute,
        Permission::Unmask,
        Permission::SelectMasked,
    ];
    (any::<bool>(), some(prop::sample::select(all)), resource()).prop_map(|(everything, some, resource)| {
        let applies = some.iter().any(|permission| resource.supports(*permission));
        let permissions = if everything || !applies { Permissions::All } else { Permissions::Some(some) };
        (permissions, resource)
    })
}

fn users() -> impl Strategy<Value = Statement> {
    (any::<bool>(), any::<String>(), any::<String>(), user_options(), 0..5_u8).prop_map(
        |(flag, text, other, options, which)| {
            let name = RoleName(text.clone());
            match which {
                0 => Statement::CreateUser(CreateUser { if_not_exists: flag, name, options }),
                1 => Statement::AlterUser(AlterUser { if_exists: flag, name, options }),
                2 => Statement::DropUser(DropUser { if_exists: flag, name }),
                3 => {
                    let role = RoleName(other);
                    Statement::AddIdentity(AddIdentity { if_not_exists: flag, identity: text, role })
                }
                _ => Statement::DropIdentity(DropIdentity { if_exists: flag, identity: text }),
            }
        },
    )
}

pub fn statement() -> BoxedStrategy<Statement> {
    let roles = (any::<bool>(), role(), role(), role_options(), 0..5_u8).prop_map(
        |(flag, name, other, options, which)| match which {
            0 => Statement::CreateRole(CreateRole { if_not_exists: flag, name, options }),
            1 => Statement::AlterRole(AlterRole { if_exists: flag, name, options }),
            2 => Statement::DropRole(DropRole { if_exists: flag, name }),
            3 => Statement::GrantRole(GrantRole { role: name, grantee: other }),
            _ => Statement::RevokeRole(RevokeRole { role: name, revokee: other }),
        },
    );
    let permissions =
        (permissions_on(), role(), any::<bool>()).prop_map(|((permissions, resource), role, grant)| {
            if grant {
                Statement::GrantPermissions(GrantPermissions { permissions, resource, grantee: role })
            } else {
                Statement::RevokePermissions(RevokePermissions { permissions, resource, revokee: role })
            }
        });
    let list_roles = (option::of(role()), any::<bool>())
        .prop_map(|(of, recursive)| Statement::ListRoles(ListRoles { of, recursive }));
    let list_permissions = (permissions_on(), any::<bool>(), option::of(role()), any::<bool>()).prop_map(
        |((permissions, resource), on, of, recursive)| {
            let resource = on.then_some(resource);
            Statement::ListPermissions(ListPermissions { permissions, resource, of, recursive })
        },
    );
    prop_oneof![roles, users(), permissions, list_roles, list_permissions, Just(Statement::ListUsers)].boxed()
}
