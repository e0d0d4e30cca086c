//! The permissions, and sets of them (Cassandra: `auth.Permission`).

use std::fmt;

use cql_grammar::ast::Permissions;

pub use cql_grammar::ast::Permission;

/// All of them, in Cassandra's order.
pub const ALL: [Permission; 10] = [
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

/// The name of a permission in messages and in `system_auth.role_permissions`.
pub fn name_of(permission: Permission) -> &'static str {
    match permission {
        Permission::Create => "CREATE",
        Permission::Alter => "ALTER",
        Permission::Drop => "DROP",
        Permission::Select => "SELECT",
        Permission::Modify => "MODIFY",
        Permission::Authorize => "AUTHORIZE",
        Permission::Describe => "DESCRIBE",
        Permission::Execute => "EXECUTE",
        Permission::Unmask => "UNMASK",
        Permission::SelectMasked => "SELECT_MASKED",
    }
}

/// The permission of that name.
pub fn named(name: &str) -> Option<Permission> {
    ALL.into_iter().find(|permission| name_of(*permission) == name)
}

/// A set of permissions: a bit for each.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct PermissionSet(u16);

impl PermissionSet {
    /// None.
    pub const NONE: Self = Self(0);
    /// All there are.
    pub const ALL: Self = Self((1 << ALL.len()) - 1);

    /// These.
    pub const fn of(permissions: &[Permission]) -> Self {
        let mut bits = 0;
        let mut rest = permissions;
        while let [first, tail @ ..] = rest {
            bits |= 1 << *first as u16;
            rest = tail;
        }
        Self(bits)
    }

    /// Whether it is in the set.
    pub fn contains(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u16) != 0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What is in either.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both.
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in this one only.
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// What is in the set, in Cassandra's order.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        ALL.into_iter().filter(move |permission| self.contains(*permission))
    }

    /// The names, in Cassandra's order.
    pub fn names(self) -> Vec<&'static str> {
        self.iter().map(name_of).collect()
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<T: IntoIterator<Item = Permission>>(iter: T) -> Self {
        iter.into_iter().fold(Self::NONE, |set, permission| set.union(Self::of(&[permission])))
    }
}

impl From<&Permissions> for PermissionSet {
    fn from(permissions: &Permissions) -> Self {
        match permissions {
            Permissions::All => Self::ALL,
            Permissions::Some(some) => some.iter().copied().collect(),
        }
    }
}

impl fmt::Debug for PermissionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_hold_what_is_put_in() {
        for permission in ALL {
            assert_eq!(named(name_of(permission)), Some(permission));
            let alone = PermissionSet::of(&[permission]);
            assert_eq!(alone.iter().collect::<Vec<_>>(), [permission]);
            assert!(!PermissionSet::ALL.difference(alone).contains(permission));
        }
        assert_eq!(PermissionSet::ALL.iter().count(), ALL.len());
        assert!(PermissionSet::NONE.is_empty());
    }
}
