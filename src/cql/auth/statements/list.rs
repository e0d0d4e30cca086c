//! LIST ROLES, LIST USERS, and the rows of all lists.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::permissions::shown;
use crate::cql::auth::permissions::Granted;
use crate::cql::auth::user::UserAccess;
use crate::error::Error;
use crate::exec::access::{Permission, Resource};
use crate::exec::plan::Outcome;
use crate::exec::result::{ColumnSpec, Columns, ResultMetadata, Rows, RowsWriter};
use crate::schema::system::SYSTEM_AUTH;
use crate::types::CqlType;

/// A map without entries.
const EMPTY_MAP: [u8; 4] = [0; 4];

fn rows(table: &str, columns: &[(&str, CqlType)], rows: RowsWriter) -> Outcome {
    if rows.row_count() == 0 {
        return Outcome::Void;
    }
    let spec = |(name, ty): &(&str, CqlType)| ColumnSpec {
        keyspace: SYSTEM_AUTH.into(),
        table: table.into(),
        name: (*name).into(),
        ty: ty.clone(),
    };
    let metadata = ResultMetadata::new(Columns::new(columns.iter().map(spec).collect()));
    Outcome::Rows(Rows { metadata, content: rows.finish() })
}

/// The answer of LIST PERMISSIONS.
pub(super) fn permissions(
    mut granted: Vec<Granted>,
    order: impl Fn(&Granted, &Granted) -> Ordering,
) -> Outcome {
    granted.sort_by(&order);
    granted.dedup();
    let mut out = RowsWriter::new();
    for one in &granted {
        out.begin_row();
        out.value(Some(one.role.as_bytes()));
        out.value(Some(one.role.as_bytes()));
        out.value(Some(one.resource.to_string().as_bytes()));
        out.value(Some(shown(one.permission).as_bytes()));
    }
    let text = CqlType::Text;
    let columns = [
        ("role", text.clone()),
        ("username", text.clone()),
        ("resource", text.clone()),
        ("permission", text),
    ];
    rows("permissions", &columns, out)
}

impl UserAccess<'_> {
    /// `LIST ROLES` and `LIST USERS` (Cassandra: `ListRolesStatement`, `ListUsersStatement`).
    pub(super) fn list_roles(
        &self,
        of: Option<&str>,
        recursive: bool,
        users: bool,
    ) -> Result<Outcome, Error> {
        let own = self.ensure_not_anonymous()?;
        if let Some(role) = of
            && !self.store.is_role(role)?
        {
            return Err(Error::invalid(format!("<role {role}> doesn't exist")));
        }
        if self.only_validates {
            return Ok(Outcome::Void);
        }
        let sees_all = self.permissions_on(&Resource::AllRoles)?.value.contains(Permission::Describe);
        let names = match of {
            None if sees_all => self.store.all_roles()?,
            None => self.store.role_names(own, recursive)?,
            Some(role) if sees_all || self.store.role_names(own, true)?.contains(role) => {
                self.store.role_names(role, recursive)?
            }
            Some(role) => {
                return Err(Error::unauthorized(format!(
                    "You are not authorized to view roles granted to {role} "
                )));
            }
        };
        if users { self.user_rows(&names) } else { self.role_rows(&names) }
    }

    fn role_rows(&self, names: &BTreeSet<String>) -> Result<Outcome, Error> {
        let mut out = RowsWriter::new();
        for name in names {
            let role = self.store.role(name)?;
            let (is_super, can_login) = role.map_or((false, false), |role| (role.is_super, role.can_login));
            out.begin_row();
            out.value(Some(name.as_bytes()));
            out.value(Some(&[u8::from(is_super)]));
            out.value(Some(&[u8::from(can_login)]));
            out.value(Some(&EMPTY_MAP));
            out.value(Some(self.store.datacenters_of(&name.as_str().into())?.text().as_bytes()));
        }
        let text = Arc::new(CqlType::Text);
        let map = CqlType::Map { key: text.clone(), value: text, frozen: true };
        let columns = [
            ("role", CqlType::Text),
            ("super", CqlType::Boolean),
            ("login", CqlType::Boolean),
            ("options", map),
            ("datacenters", CqlType::Text),
        ];
        Ok(rows("roles", &columns, out))
    }

    fn user_rows(&self, names: &BTreeSet<String>) -> Result<Outcome, Error> {
        let mut out = RowsWriter::new();
        for name in names {
            if self.store.role(name)?.is_none_or(|role| !role.can_login) {
                continue;
            }
            let name: Arc<str> = name.as_str().into();
            out.begin_row();
            out.value(Some(name.as_bytes()));
            out.value(Some(&[u8::from(self.store.has_superuser_status(&name)?)]));
            out.value(Some(self.store.datacenters_of(&name)?.text().as_bytes()));
        }
        let columns = [("name", CqlType::Text), ("super", CqlType::Boolean), ("datacenters", CqlType::Text)];
        Ok(rows("users", &columns, out))
    }
}
