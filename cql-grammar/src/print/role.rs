//! Roles, users, identities and permissions.

use super::ddl::{IF_EXISTS, IF_NOT_EXISTS};
use super::name::Distinct;
use super::term::enclosed;
use super::{Quoted, separated, when};
use crate::ast::{
    Access, AddIdentity, AlterRole, AlterUser, CreateRole, CreateUser, GrantPermissions, ListPermissions,
    ListRoles, Permission, Permissions, Resource, RevokePermissions, RoleName, RoleOptions, UserOptions,
};
use std::fmt::{Display, Formatter, Result};

impl Display for Access {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::All => f.write_str("ALL"),
            Self::Some(names) => {
                let names: Vec<_> = names.iter().map(|name| Quoted(name)).collect();
                enclosed(f, "{", &names, "}")
            }
        }
    }
}

/// ` WITH …`, or nothing, with the space in front.
impl Display for RoleOptions {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let mut options: Vec<String> = Vec::new();
        if let Some(password) = &self.password {
            options.push(format!("PASSWORD = {}", Quoted(password)));
        }
        if let Some(password) = &self.hashed_password {
            options.push(format!("HASHED PASSWORD = {}", Quoted(password)));
        }
        options.extend(self.superuser.map(|value| format!("SUPERUSER = {value}")));
        options.extend(self.login.map(|value| format!("LOGIN = {value}")));
        if let Some(entries) = &self.options {
            let entries: Vec<_> = entries.iter().map(|(key, value)| format!("{key}: {value}")).collect();
            options.push(format!("OPTIONS = {{{}}}", entries.join(", ")));
        }
        for (access, direction, what) in
            [(&self.datacenters, "TO", "DATACENTERS"), (&self.cidrs, "FROM", "CIDRS")]
        {
            match access {
                None => {}
                Some(Access::All) => options.push(format!("ACCESS {direction} ALL {what}")),
                Some(some) => options.push(format!("ACCESS {direction} {what} {some}")),
            }
        }
        f.write_str(when(!options.is_empty(), " WITH "))?;
        separated(f, &options, " AND ")
    }
}

impl Display for CreateRole {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "CREATE ROLE {}{}{}", when(self.if_not_exists, IF_NOT_EXISTS), self.name, self.options)
    }
}

impl Display for AlterRole {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "ALTER ROLE {}{}{}", when(self.if_exists, IF_EXISTS), self.name, self.options)
    }
}

/// What follows the name, with the space in front.
impl Display for UserOptions {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if let Some(password) = &self.password {
            write!(f, " WITH PASSWORD {}", Quoted(password))?;
        } else if let Some(password) = &self.hashed_password {
            write!(f, " WITH HASHED PASSWORD {}", Quoted(password))?;
        }
        f.write_str(match self.superuser {
            None => "",
            Some(true) => " SUPERUSER",
            Some(false) => " NOSUPERUSER",
        })
    }
}

impl Display for CreateUser {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let if_not_exists = when(self.if_not_exists, IF_NOT_EXISTS);
        write!(f, "CREATE USER {if_not_exists}{}{}", Quoted(&self.name.0), self.options)
    }
}

impl Display for AlterUser {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let if_exists = when(self.if_exists, IF_EXISTS);
        write!(f, "ALTER USER {if_exists}{}{}", Quoted(&self.name.0), self.options)
    }
}

impl Display for AddIdentity {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let if_not_exists = when(self.if_not_exists, IF_NOT_EXISTS);
        let (identity, role) = (Quoted(&self.identity), Quoted(&self.role.0));
        write!(f, "ADD IDENTITY {if_not_exists}{identity} TO ROLE {role}")
    }
}

impl Display for Permission {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::Create => "CREATE",
            Self::Alter => "ALTER",
            Self::Drop => "DROP",
            Self::Select => "SELECT",
            Self::Modify => "MODIFY",
            Self::Authorize => "AUTHORIZE",
            Self::Describe => "DESCRIBE",
            Self::Execute => "EXECUTE",
            Self::Unmask => "UNMASK",
            Self::SelectMasked => "SELECT_MASKED",
        })
    }
}

impl Display for Permissions {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::All => f.write_str("ALL PERMISSIONS"),
            Self::Some(permissions) => separated(f, permissions, ", "),
        }
    }
}

impl Display for Resource {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::AllKeyspaces => f.write_str("ALL KEYSPACES"),
            Self::Keyspace(keyspace) => write!(f, "KEYSPACE {keyspace}"),
            Self::AllTables(keyspace) => write!(f, "ALL TABLES IN KEYSPACE {keyspace}"),
            Self::Table(table) => write!(f, "TABLE {table}"),
            Self::AllRoles => f.write_str("ALL ROLES"),
            Self::Role(role) => write!(f, "ROLE {role}"),
            Self::AllFunctions => f.write_str("ALL FUNCTIONS"),
            Self::AllFunctionsIn(keyspace) => write!(f, "ALL FUNCTIONS IN KEYSPACE {keyspace}"),
            Self::Function { name, args } => {
                write!(f, "FUNCTION {}", Distinct(name))?;
                enclosed(f, "(", args, ")")
            }
            Self::AllMbeans => f.write_str("ALL MBEANS"),
            Self::Mbean(name) => write!(f, "MBEAN {}", Quoted(name)),
            Self::Mbeans(pattern) => write!(f, "MBEANS {}", Quoted(pattern)),
        }
    }
}

impl Display for GrantPermissions {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "GRANT {} ON {} TO {}", self.permissions, self.resource, self.grantee)
    }
}

impl Display for RevokePermissions {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "REVOKE {} ON {} FROM {}", self.permissions, self.resource, self.revokee)
    }
}

/// Writes ` OF role NORECURSIVE`, as far as it applies.
fn of_role(f: &mut Formatter<'_>, of: Option<&RoleName>, recursive: bool) -> Result {
    if let Some(role) = of {
        write!(f, " OF {role}")?;
    }
    f.write_str(when(!recursive, " NORECURSIVE"))
}

impl Display for ListRoles {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("LIST ROLES")?;
        of_role(f, self.of.as_ref(), self.recursive)
    }
}

impl Display for ListPermissions {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "LIST {}", self.permissions)?;
        if let Some(resource) = &self.resource {
            write!(f, " ON {resource}")?;
        }
        of_role(f, self.of.as_ref(), self.recursive)
    }
}
