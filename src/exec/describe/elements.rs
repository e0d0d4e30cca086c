//! Which elements of the schema a statement describes, and in which order.

use std::sync::Arc;

use cql_grammar::ast::{DescribeTarget, Name, QualifiedName};

use super::cql::{create_keyspace, create_table, create_type};
use crate::error::{Error, Result};
use crate::schema::{KeyspaceMetadata, Schema, TableMetadata, system};
use crate::types::{CqlType, UserType, maybe_quoted};

/// An element of the schema.
#[derive(Clone, Debug)]
pub(super) enum Element {
    Keyspace(Arc<KeyspaceMetadata>),
    Type(Arc<UserType>),
    Table(Arc<TableMetadata>),
}

impl Element {
    fn keyspace(&self) -> &str {
        match self {
            Self::Keyspace(keyspace) => &keyspace.name,
            Self::Type(user_type) => &user_type.keyspace,
            Self::Table(table) => &table.keyspace,
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Keyspace(keyspace) => &keyspace.name,
            Self::Type(user_type) => &user_type.name,
            Self::Table(table) => &table.name,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Keyspace(_) => "keyspace",
            Self::Type(_) => "type",
            Self::Table(_) => "table",
        }
    }

    /// Its row in a list of names.
    pub(super) fn listed(&self) -> Vec<String> {
        vec![maybe_quoted(self.keyspace()), self.kind().to_owned(), maybe_quoted(self.name())]
    }

    /// Its row where it is described whole.
    pub(super) fn described(&self, internals: bool) -> Vec<String> {
        let cql = match self {
            Self::Keyspace(keyspace) => create_keyspace(keyspace),
            Self::Type(user_type) => create_type(user_type),
            Self::Table(table) => create_table(table, internals),
        };
        let mut row = self.listed();
        row.push(cql);
        row
    }
}

/// The elements, and whether only their names are wanted.
pub(super) struct Elements {
    pub(super) elements: Vec<Element>,
    pub(super) names_only: bool,
}

/// The elements that `target` means; not for `CLUSTER`. `session` is the session's keyspace.
pub(super) fn find(target: &DescribeTarget, schema: &Schema, session: Option<&str>) -> Result<Elements> {
    let finder = Finder { schema, session };
    let listed = |elements| Ok(Elements { elements, names_only: true });
    let described = |elements| Ok(Elements { elements, names_only: false });
    match target {
        DescribeTarget::Keyspaces => {
            listed(finder.keyspaces().into_iter().cloned().map(Element::Keyspace).collect())
        }
        DescribeTarget::Tables => listed(finder.list(sorted_tables)?),
        DescribeTarget::Types => listed(finder.list(|keyspace| {
            let mut types: Vec<_> = keyspace.types.values().cloned().map(Element::Type).collect();
            sort(&mut types);
            types
        })?),
        DescribeTarget::Functions | DescribeTarget::Aggregates => listed(finder.list(|_| Vec::new())?),
        DescribeTarget::Schema { full } => {
            let wanted =
                |keyspace: &&Arc<KeyspaceMetadata>| *full || !system::is_system_keyspace(&keyspace.name);
            let keyspaces = finder.keyspaces().into_iter().filter(wanted);
            described(keyspaces.flat_map(all_of).collect())
        }
        DescribeTarget::Keyspace { only, name } => {
            let keyspace = finder.keyspace(name.as_ref())?;
            described(if *only { vec![Element::Keyspace(keyspace.clone())] } else { all_of(keyspace) })
        }
        DescribeTarget::Table(name) => {
            let keyspace = finder.keyspace(name.keyspace.as_ref())?;
            described(vec![table(keyspace, name.name.as_str())?])
        }
        DescribeTarget::Type(name) => {
            let keyspace = finder.keyspace(name.keyspace.as_ref())?;
            let found = keyspace.types.get(name.name.as_str()).cloned().map(Element::Type);
            let found = found.ok_or_else(|| missing("User defined type", name, keyspace))?;
            described(vec![found])
        }
        DescribeTarget::Index(name) => Err(finder.none("Table for existing index", name)?),
        DescribeTarget::View(name) => Err(finder.none("Materialized view", name)?),
        DescribeTarget::Function(name) => Err(finder.none("User defined function", name)?),
        DescribeTarget::Aggregate(name) => Err(finder.none("User defined aggregate", name)?),
        DescribeTarget::Generic(name) => described(finder.generic(name)?),
        DescribeTarget::Cluster => described(Vec::new()),
    }
}

struct Finder<'a> {
    schema: &'a Schema,
    session: Option<&'a str>,
}

impl<'a> Finder<'a> {
    /// All keyspaces by name.
    fn keyspaces(&self) -> Vec<&'a Arc<KeyspaceMetadata>> {
        let mut keyspaces: Vec<_> = self.schema.keyspaces.values().collect();
        keyspaces.sort_by_cached_key(|keyspace| keyspace.name.to_lowercase());
        keyspaces
    }

    fn named(&self, name: &str) -> Result<&'a Arc<KeyspaceMetadata>> {
        self.schema.keyspace(name).ok_or_else(|| Error::invalid(format!("'{name}' not found in keyspaces")))
    }

    /// The keyspace of that name, or else the session's.
    fn keyspace(&self, name: Option<&Name>) -> Result<&'a Arc<KeyspaceMetadata>> {
        let name = name.map(Name::as_str).or(self.session);
        self.named(name.ok_or_else(|| Error::invalid("No keyspace specified and no current keyspace"))?)
    }

    /// Elements of the session's keyspace, or of all.
    fn list(&self, elements: impl Fn(&KeyspaceMetadata) -> Vec<Element>) -> Result<Vec<Element>> {
        let keyspaces = match self.session {
            Some(name) => vec![self.named(name)?],
            None => self.keyspaces(),
        };
        Ok(keyspaces.into_iter().flat_map(|keyspace| elements(keyspace)).collect())
    }

    /// The error for an element of a kind of which there are none.
    fn none(&self, what: &str, name: &QualifiedName) -> Result<Error> {
        Ok(missing(what, name, self.keyspace(name.keyspace.as_ref())?))
    }

    /// A keyspace, or a table of the session's keyspace.
    fn generic(&self, written: &QualifiedName) -> Result<Vec<Element>> {
        let name = written.name.as_str();
        let keyspace = match &written.keyspace {
            Some(keyspace) => keyspace.as_str(),
            None => {
                if let Some(keyspace) = self.schema.keyspace(name) {
                    return Ok(all_of(keyspace));
                }
                self.session.unwrap_or(name)
            }
        };
        let keyspace = self.named(keyspace)?;
        if !keyspace.tables.contains_key(name) {
            let text = format!("'{name}' not found in keyspace '{}'", keyspace.name);
            return Err(Error::invalid(text));
        }
        Ok(vec![table(keyspace, name)?])
    }
}

fn missing(what: &str, name: &QualifiedName, keyspace: &KeyspaceMetadata) -> Error {
    Error::invalid(format!("{what} '{}' not found in '{}'", name.name.as_str(), keyspace.name))
}

fn table(keyspace: &KeyspaceMetadata, name: &str) -> Result<Element> {
    let table = keyspace.tables.get(name).cloned().map(Element::Table);
    table.ok_or_else(|| Error::invalid(format!("Table '{name}' not found in keyspace '{}'", keyspace.name)))
}

fn sort(elements: &mut [Element]) {
    elements.sort_by_cached_key(|element| element.name().to_lowercase());
}

fn sorted_tables(keyspace: &KeyspaceMetadata) -> Vec<Element> {
    let mut tables: Vec<_> = keyspace.tables.values().cloned().map(Element::Table).collect();
    sort(&mut tables);
    tables
}

/// A keyspace and everything in it, each type after those that it uses.
fn all_of(keyspace: &Arc<KeyspaceMetadata>) -> Vec<Element> {
    let mut types = Vec::new();
    for user_type in keyspace.types.values() {
        add_types(&CqlType::User { user_type: user_type.clone(), frozen: false }, keyspace, &mut types);
    }
    let mut elements = vec![Element::Keyspace(keyspace.clone())];
    elements.extend(types.into_iter().map(Element::Type));
    elements.extend(sorted_tables(keyspace));
    elements
}

pub(super) fn add_types(ty: &CqlType, keyspace: &KeyspaceMetadata, types: &mut Vec<Arc<UserType>>) {
    match ty {
        CqlType::List { element, .. } | CqlType::Set { element, .. } | CqlType::Vector { element, .. } => {
            add_types(element, keyspace, types);
        }
        CqlType::Map { key, value, .. } => {
            add_types(key, keyspace, types);
            add_types(value, keyspace, types);
        }
        CqlType::Tuple(fields) => fields.iter().for_each(|field| add_types(field, keyspace, types)),
        CqlType::User { user_type, .. } => {
            if types.iter().any(|other| other.name == user_type.name) {
                return;
            }
            user_type.fields.iter().for_each(|(_, field)| add_types(field, keyspace, types));
            types.extend(keyspace.types.get(&user_type.name).cloned());
        }
        _ => {}
    }
}
