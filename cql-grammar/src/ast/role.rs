//! Roles, users, identities and permissions.

use super::{Constant, CqlType, Name, QualifiedName, RoleName};

/// The options of CREATE ROLE and ALTER ROLE.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleOptions {
    /// `PASSWORD = '…'`
    pub password: Option<String>,
    /// `HASHED PASSWORD = '…'`; never together with a password
    pub hashed_password: Option<String>,
    /// `SUPERUSER = …`
    pub superuser: Option<bool>,
    /// `LOGIN = …`
    pub login: Option<bool>,
    /// `OPTIONS = {…}`
    pub options: Option<Vec<(Constant, Constant)>>,
    /// `ACCESS TO …`
    pub datacenters: Option<Access>,
    /// `ACCESS FROM …`
    pub cidrs: Option<Access>,
}

/// What a role may access, or be accessed from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// `ALL`
    All,
    /// These only
    Some(Vec<String>),
}

/// `CREATE ROLE …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateRole {
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// The role
    pub name: RoleName,
    /// `WITH …`
    pub options: RoleOptions,
}

/// `ALTER ROLE …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterRole {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The role
    pub name: RoleName,
    /// `WITH …`
    pub options: RoleOptions,
}

/// `DROP ROLE …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropRole {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The role
    pub name: RoleName,
}

/// The options of CREATE USER and ALTER USER.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserOptions {
    /// `PASSWORD '…'`
    pub password: Option<String>,
    /// `HASHED PASSWORD '…'`
    pub hashed_password: Option<String>,
    /// `SUPERUSER` or `NOSUPERUSER`, if written
    pub superuser: Option<bool>,
}

/// `CREATE USER …`: a role that may log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateUser {
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// The role; keeps its case even without quotes
    pub name: RoleName,
    /// What follows
    pub options: UserOptions,
}

/// `ALTER USER …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterUser {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The role; keeps its case even without quotes
    pub name: RoleName,
    /// What follows
    pub options: UserOptions,
}

/// `DROP USER …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropUser {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The role; keeps its case even without quotes
    pub name: RoleName,
}

/// `ADD IDENTITY … TO ROLE …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddIdentity {
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// The identity
    pub identity: String,
    /// The role; keeps its case even without quotes
    pub role: RoleName,
}

/// `DROP IDENTITY …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropIdentity {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The identity
    pub identity: String,
}

/// `GRANT role TO grantee`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantRole {
    /// What is granted
    pub role: RoleName,
    /// To whom
    pub grantee: RoleName,
}

/// `REVOKE role FROM revokee`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokeRole {
    /// What is revoked
    pub role: RoleName,
    /// From whom
    pub revokee: RoleName,
}

/// `LIST ROLES …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRoles {
    /// `OF role`
    pub of: Option<RoleName>,
    /// False with `NORECURSIVE`
    pub recursive: bool,
}

/// `GRANT permissions ON resource TO role`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantPermissions {
    /// What is granted
    pub permissions: Permissions,
    /// On what
    pub resource: Resource,
    /// To whom
    pub grantee: RoleName,
}

/// `REVOKE permissions ON resource FROM role`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokePermissions {
    /// What is revoked
    pub permissions: Permissions,
    /// On what
    pub resource: Resource,
    /// From whom
    pub revokee: RoleName,
}

/// `LIST permissions …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPermissions {
    /// Which
    pub permissions: Permissions,
    /// `ON resource`
    pub resource: Option<Resource>,
    /// `OF role`
    pub of: Option<RoleName>,
    /// False with `NORECURSIVE`
    pub recursive: bool,
}

/// A set of permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permissions {
    /// `ALL`
    All,
    /// These, in the order of the text; never empty
    Some(Vec<Permission>),
}

/// The permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are CQL's own")]
pub enum Permission {
    Create,
    Alter,
    Drop,
    Select,
    Modify,
    Authorize,
    Describe,
    Execute,
    Unmask,
    SelectMasked,
}

/// What permissions are on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    /// `ALL KEYSPACES`
    AllKeyspaces,
    /// `KEYSPACE ks`
    Keyspace(Name),
    /// `ALL TABLES IN KEYSPACE ks`
    AllTables(Name),
    /// `TABLE t`
    Table(QualifiedName),
    /// `ALL ROLES`
    AllRoles,
    /// `ROLE r`
    Role(RoleName),
    /// `ALL FUNCTIONS`
    AllFunctions,
    /// `ALL FUNCTIONS IN KEYSPACE ks`
    AllFunctionsIn(Name),
    /// `FUNCTION f(int)`
    Function {
        /// The function
        name: QualifiedName,
        /// The types of its arguments
        args: Vec<CqlType>,
    },
    /// `ALL MBEANS`
    AllMbeans,
    /// `MBEAN 'name'`
    Mbean(String),
    /// `MBEANS 'pattern'`
    Mbeans(String),
}

impl Resource {
    /// Whether the permission means anything for the resource.
    pub fn supports(&self, permission: Permission) -> bool {
        use Permission::{
            Alter, Authorize, Create, Describe, Drop, Execute, Modify, Select, SelectMasked, Unmask,
        };
        let supported: &[Permission] = match self {
            Self::AllKeyspaces | Self::Keyspace(_) | Self::AllTables(_) => {
                &[Create, Alter, Drop, Select, Modify, Authorize, Unmask, SelectMasked]
            }
            Self::Table(_) => &[Alter, Drop, Select, Modify, Authorize, Unmask, SelectMasked],
            Self::AllRoles => &[Create, Alter, Drop, Authorize, Describe],
            Self::Role(_) => &[Alter, Drop, Authorize, Describe],
            Self::AllFunctions | Self::AllFunctionsIn(_) => &[Create, Alter, Drop, Authorize, Execute],
            Self::Function { .. } => &[Alter, Drop, Authorize, Execute],
            Self::AllMbeans | Self::Mbean(_) | Self::Mbeans(_) => {
                &[Authorize, Describe, Execute, Modify, Select]
            }
        };
        supported.contains(&permission)
    }

    /// The name of Cassandra's class for such resources, which its messages use.
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::AllKeyspaces | Self::Keyspace(_) | Self::AllTables(_) | Self::Table(_) => "DataResource",
            Self::AllRoles | Self::Role(_) => "RoleResource",
            Self::AllFunctions | Self::AllFunctionsIn(_) | Self::Function { .. } => "FunctionResource",
            Self::AllMbeans | Self::Mbean(_) | Self::Mbeans(_) => "JMXResource",
        }
    }
}
