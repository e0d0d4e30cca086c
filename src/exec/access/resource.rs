//! What permissions are on (Cassandra: `auth.IResource` and its classes).
//!
//! ```text
//!   data <- data/ks <- data/ks/* <- data/ks/table        roles <- roles/name        mbean <- mbean/name
//!   functions <- functions/ks <- functions/ks/f[class^class]
//! ```
//!
//! A permission on one of these holds for all that are right of it.

use std::fmt;

use super::permission::{Permission, PermissionSet};
use crate::types::CqlType;

/// What a permission is on.
#[derive(Clone, Debug, PartialEq)]
pub enum Resource {
    /// All keyspaces.
    AllKeyspaces,
    /// A keyspace.
    Keyspace(String),
    /// All tables of a keyspace.
    AllTables(String),
    /// A table or view.
    Table {
        /// Its keyspace.
        keyspace: String,
        /// Its name.
        table: String,
    },
    /// All roles.
    AllRoles,
    /// A role.
    Role(String),
    /// All functions.
    AllFunctions,
    /// All functions of a keyspace.
    AllFunctionsIn(String),
    /// A function or aggregate.
    Function {
        /// Its keyspace.
        keyspace: String,
        /// Its name.
        name: String,
        /// The types of its arguments.
        args: Vec<CqlType>,
    },
    /// All JMX beans.
    AllMbeans,
    /// A JMX bean, or those that match a pattern.
    Mbean(String),
}

const TABLE: PermissionSet = PermissionSet::of(&[
    Permission::Alter,
    Permission::Drop,
    Permission::Select,
    Permission::Modify,
    Permission::Authorize,
    Permission::Unmask,
    Permission::SelectMasked,
]);
const ROLE: PermissionSet =
    PermissionSet::of(&[Permission::Alter, Permission::Drop, Permission::Authorize, Permission::Describe]);
const FUNCTION: PermissionSet =
    PermissionSet::of(&[Permission::Alter, Permission::Drop, Permission::Authorize, Permission::Execute]);
const MBEAN: PermissionSet = PermissionSet::of(&[
    Permission::Authorize,
    Permission::Describe,
    Permission::Execute,
    Permission::Modify,
    Permission::Select,
]);
const CREATE: PermissionSet = PermissionSet::of(&[Permission::Create]);

impl Resource {
    /// A table.
    pub fn table(keyspace: &str, table: &str) -> Self {
        Self::Table { keyspace: keyspace.to_owned(), table: table.to_owned() }
    }

    /// Its name in `system_auth.role_permissions`.
    pub fn name(&self) -> String {
        match self {
            Self::AllKeyspaces => "data".to_owned(),
            Self::Keyspace(keyspace) => format!("data/{keyspace}"),
            Self::AllTables(keyspace) => format!("data/{keyspace}/*"),
            Self::Table { keyspace, table } => format!("data/{keyspace}/{table}"),
            Self::AllRoles => "roles".to_owned(),
            Self::Role(role) => format!("roles/{role}"),
            Self::AllFunctions => "functions".to_owned(),
            Self::AllFunctionsIn(keyspace) => format!("functions/{keyspace}"),
            Self::Function { keyspace, name, args } => {
                let classes: Vec<_> = args.iter().map(|ty| ty.class_name().to_string()).collect();
                format!("functions/{keyspace}/{name}[{}]", classes.join("^"))
            }
            Self::AllMbeans => "mbean".to_owned(),
            Self::Mbean(name) => format!("mbean/{name}"),
        }
    }

    /// The resource of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        let mut parts = name.splitn(3, '/');
        let (kind, second, third) = (parts.next()?, parts.next(), parts.next());
        let owned = |text: &str| text.to_owned();
        Some(match (kind, second, third) {
            ("data", None, _) => Self::AllKeyspaces,
            ("data", Some(keyspace), None) => Self::Keyspace(owned(keyspace)),
            ("data", Some(keyspace), Some("*")) => Self::AllTables(owned(keyspace)),
            ("data", Some(keyspace), Some(table)) => Self::table(keyspace, table),
            ("roles", None, _) => Self::AllRoles,
            ("roles", Some(_), _) => Self::Role(owned(name.split_once('/')?.1)),
            ("functions", None, _) => Self::AllFunctions,
            ("functions", Some(keyspace), None) => Self::AllFunctionsIn(owned(keyspace)),
            ("functions", Some(keyspace), Some(signature)) => {
                let (name, classes) = signature.strip_suffix(']')?.rsplit_once('[')?;
                let classes = classes.split('^').filter(|class| !class.is_empty());
                let args = classes.map(|class| Some(CqlType::from_class_name(class).ok()?.cql_type));
                Self::Function {
                    keyspace: owned(keyspace),
                    name: owned(name),
                    args: args.collect::<Option<_>>()?,
                }
            }
            ("mbean", None, _) => Self::AllMbeans,
            ("mbean", Some(_), _) => Self::Mbean(owned(name.split_once('/')?.1)),
            _ => return None,
        })
    }

    /// What it is a part of.
    pub fn parent(&self) -> Option<Self> {
        match self {
            Self::Keyspace(_) => Some(Self::AllKeyspaces),
            Self::AllTables(keyspace) => Some(Self::Keyspace(keyspace.clone())),
            Self::Table { keyspace, .. } => Some(Self::AllTables(keyspace.clone())),
            Self::Role(_) => Some(Self::AllRoles),
            Self::AllFunctionsIn(_) => Some(Self::AllFunctions),
            Self::Function { keyspace, .. } => Some(Self::AllFunctionsIn(keyspace.clone())),
            Self::Mbean(_) => Some(Self::AllMbeans),
            Self::AllKeyspaces | Self::AllRoles | Self::AllFunctions | Self::AllMbeans => None,
        }
    }

    /// Itself and all that it is a part of, from the smallest to the largest.
    pub fn chain(&self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self.clone()), Self::parent)
    }

    /// The keyspace, where it is of data and not all of it.
    pub fn data_keyspace(&self) -> Option<&str> {
        match self {
            Self::Keyspace(keyspace) | Self::AllTables(keyspace) | Self::Table { keyspace, .. } => {
                Some(keyspace)
            }
            _ => None,
        }
    }

    /// The permissions that mean anything for it.
    pub fn applicable(&self) -> PermissionSet {
        match self {
            Self::AllKeyspaces | Self::Keyspace(_) | Self::AllTables(_) => TABLE.union(CREATE),
            Self::Table { .. } => TABLE,
            Self::AllRoles => ROLE.union(CREATE),
            Self::Role(_) => ROLE,
            Self::AllFunctions | Self::AllFunctionsIn(_) => FUNCTION.union(CREATE),
            Self::Function { .. } => FUNCTION,
            Self::AllMbeans | Self::Mbean(_) => MBEAN,
        }
    }
}

/// As messages and lists show it.
impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AllKeyspaces => f.write_str("<all keyspaces>"),
            Self::Keyspace(keyspace) => write!(f, "<keyspace {keyspace}>"),
            Self::AllTables(keyspace) => write!(f, "<all tables in {keyspace}>"),
            Self::Table { keyspace, table } => write!(f, "<table {keyspace}.{table}>"),
            Self::AllRoles => f.write_str("<all roles>"),
            Self::Role(role) => write!(f, "<role {role}>"),
            Self::AllFunctions => f.write_str("<all functions>"),
            Self::AllFunctionsIn(keyspace) => write!(f, "<all functions in {keyspace}>"),
            Self::Function { keyspace, name, args } => {
                let types: Vec<_> = args.iter().map(CqlType::to_string).collect();
                write!(f, "<function {keyspace}.{name}({})>", types.join(", "))
            }
            Self::AllMbeans => f.write_str("<all mbeans>"),
            Self::Mbean(name) => write!(f, "<mbean {name}>"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test")]

    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let function = |args| Resource::Function { keyspace: "k".to_owned(), name: "f".to_owned(), args };
        for (resource, name, shown) in [
            (Resource::AllKeyspaces, "data", "<all keyspaces>"),
            (Resource::Keyspace("k".to_owned()), "data/k", "<keyspace k>"),
            (Resource::AllTables("k".to_owned()), "data/k/*", "<all tables in k>"),
            (Resource::table("k", "t"), "data/k/t", "<table k.t>"),
            (Resource::AllRoles, "roles", "<all roles>"),
            (Resource::Role("a/b".to_owned()), "roles/a/b", "<role a/b>"),
            (Resource::AllFunctions, "functions", "<all functions>"),
            (Resource::AllFunctionsIn("k".to_owned()), "functions/k", "<all functions in k>"),
            (function(Vec::new()), "functions/k/f[]", "<function k.f()>"),
            (
                function(vec![CqlType::Int, CqlType::Text]),
                "functions/k/f[org.apache.cassandra.db.marshal.Int32Type^org.apache.cassandra.db.marshal.UTF8Type]",
                "<function k.f(int, text)>",
            ),
            (Resource::AllMbeans, "mbean", "<all mbeans>"),
            (Resource::Mbean("a:b=c".to_owned()), "mbean/a:b=c", "<mbean a:b=c>"),
        ] {
            assert_eq!(resource.name(), name);
            assert_eq!(Resource::from_name(name).as_ref(), Some(&resource));
            assert_eq!(resource.to_string(), shown);
            assert!(resource.chain().last().unwrap().parent().is_none());
        }
        assert_eq!(Resource::from_name("nothing/k"), None);
        assert_eq!(Resource::from_name("functions/k/f"), None);
    }
}
