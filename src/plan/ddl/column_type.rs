//! The types of columns and fields as written (Cassandra: `CQL3Type.Raw`): what may be within what.

use std::fmt::Write as _;

use cql_grammar::ast::{CqlType as Written, NativeType, QualifiedName};

use super::{maybe_quoted, written};
use crate::error::{Error, Result};
use crate::plan::cql_type::resolve_native;
use crate::schema::KeyspaceMetadata;
use crate::types::CqlType;

/// A type as written, with the user types' keyspace filled in where a message needs it.
pub(super) struct RawType<'a> {
    written: &'a Written,
    /// Whether it stands in `frozen<>`, at any depth.
    frozen: bool,
}

impl<'a> RawType<'a> {
    pub(super) fn new(written: &'a Written) -> Self {
        match written {
            Written::Frozen(inner) => Self { frozen: true, ..Self::new(inner) },
            written => Self { written, frozen: false },
        }
    }

    /// A type within this one: what is in something frozen is frozen.
    fn inner(&self, written: &'a Written) -> RawType<'a> {
        let inner = Self::new(written);
        let frozen = inner.frozen || self.frozen || matches!(self.written, Written::Tuple(_));
        Self { frozen, ..inner }
    }

    pub(super) fn is_counter(&self) -> bool {
        matches!(self.written, Written::Native(NativeType::Counter))
    }

    fn is_duration(&self) -> bool {
        matches!(self.written, Written::Native(NativeType::Duration))
    }

    pub(super) fn is_unfrozen_user_type(&self) -> bool {
        matches!(self.written, Written::UserType(_)) && !self.frozen
    }

    fn is_unfrozen_collection(&self) -> bool {
        matches!(self.written, Written::List(_) | Written::Set(_) | Written::Map(..)) && !self.frozen
    }

    /// The type, with user types of `keyspace`.
    pub(super) fn prepare(&self, keyspace: &KeyspaceMetadata) -> Result<CqlType> {
        let ty = self.prepare_unfrozen(keyspace)?;
        Ok(if self.frozen { ty.freeze() } else { ty })
    }

    fn prepare_unfrozen(&self, keyspace: &KeyspaceMetadata) -> Result<CqlType> {
        let frozen = |raw: RawType<'_>| raw.prepare(keyspace).map(|ty| std::sync::Arc::new(ty.freeze()));
        Ok(match self.written {
            Written::Native(native) => resolve_native(*native),
            Written::Frozen(_) => return Self::new(self.written).prepare(keyspace),
            Written::List(element) => {
                let element = self.inner(element);
                self.check_value(&element, keyspace)?;
                CqlType::List { element: frozen(element)?, frozen: false }
            }
            Written::Set(element) => {
                let element = self.inner(element);
                self.check_value(&element, keyspace)?;
                if element.is_duration() {
                    let text = format!("Durations are not allowed inside sets: {}", self.text(keyspace));
                    return Err(Error::invalid(text));
                }
                CqlType::Set { element: frozen(element)?, frozen: false }
            }
            Written::Map(key, value) => {
                let (key, value) = (self.inner(key), self.inner(value));
                self.check_value(&value, keyspace)?;
                self.check_key(&key, keyspace)?;
                CqlType::Map { key: frozen(key)?, value: frozen(value)?, frozen: false }
            }
            Written::Tuple(fields) => {
                let fields = fields.iter().map(|field| {
                    let field = self.inner(field);
                    if field.is_counter() {
                        return Err(Error::invalid("Counters are not allowed inside tuples"));
                    }
                    Ok(field.prepare(keyspace)?.freeze())
                });
                CqlType::Tuple(fields.collect::<Result<Vec<_>>>()?.into())
            }
            Written::Vector(element, dimension) => {
                let element = frozen(self.inner(element))?;
                let dimension = usize::try_from(*dimension).ok().filter(|d| *d > 0).ok_or_else(|| {
                    let text = format!("vectors may only have positive dimensions; given {dimension}");
                    Error::invalid(text)
                })?;
                CqlType::Vector { element, dimension }
            }
            Written::UserType(name) => user_type(name, keyspace)?,
            Written::Custom(class) => from_class(class)?,
        })
    }

    fn check_value(&self, value: &RawType<'_>, keyspace: &KeyspaceMetadata) -> Result<()> {
        self.check_nested(value, keyspace)?;
        self.check_counter(value, keyspace)
    }

    fn check_key(&self, key: &RawType<'_>, keyspace: &KeyspaceMetadata) -> Result<()> {
        self.check_counter(key, keyspace)?;
        if key.is_duration() {
            let text = format!("Durations are not allowed as map keys: {}", self.text(keyspace));
            return Err(Error::invalid(text));
        }
        self.check_nested(key, keyspace)
    }

    fn check_counter(&self, inner: &RawType<'_>, keyspace: &KeyspaceMetadata) -> Result<()> {
        if !inner.is_counter() {
            return Ok(());
        }
        Err(Error::invalid(format!("Counters are not allowed inside collections: {}", self.text(keyspace))))
    }

    fn check_nested(&self, inner: &RawType<'_>, keyspace: &KeyspaceMetadata) -> Result<()> {
        let what = if inner.is_unfrozen_collection() {
            "collections"
        } else if inner.is_unfrozen_user_type() {
            "UDTs"
        } else {
            return Ok(());
        };
        let text = format!("Non-frozen {what} are not allowed inside collections: {}", self.text(keyspace));
        Err(Error::invalid(text))
    }

    fn text(&self, _keyspace: &KeyspaceMetadata) -> String {
        let mut out = String::new();
        self.write(&mut out, &|name| written(name));
        out
    }

    /// The text that Cassandra prints once the type was prepared: user types then have their keyspace.
    pub(super) fn prepared_text(&self, keyspace: &str) -> String {
        let mut out = String::new();
        self.write(&mut out, &|name| qualified(name, keyspace));
        out
    }

    fn write(&self, out: &mut String, name_of: &dyn Fn(&QualifiedName) -> String) {
        let is_wrapped = self.frozen
            && matches!(
                self.written,
                Written::List(_) | Written::Set(_) | Written::Map(..) | Written::UserType(_)
            );
        if is_wrapped {
            out.push_str("frozen<");
        }
        let list = |out: &mut String, name: &str, inner: &[&'a Written]| {
            let _ = write!(out, "{name}<");
            for (i, ty) in inner.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                self.inner(ty).write(out, name_of);
            }
        };
        match self.written {
            Written::Native(native) => {
                let _ = write!(out, "{}", resolve_native(*native));
            }
            Written::List(element) => list(out, "list", &[element]),
            Written::Set(element) => list(out, "set", &[element]),
            Written::Map(key, value) => list(out, "map", &[key, value]),
            Written::Tuple(fields) => list(out, "tuple", &fields.iter().collect::<Vec<_>>()),
            Written::Vector(element, dimension) => {
                list(out, "vector", &[element]);
                let _ = write!(out, ", {dimension}");
            }
            Written::Frozen(inner) => Self::new(inner).write(out, name_of),
            Written::UserType(name) => out.push_str(&name_of(name)),
            Written::Custom(class) => {
                let _ = write!(out, "'{class}'");
            }
        }
        if !matches!(
            self.written,
            Written::Native(_) | Written::UserType(_) | Written::Custom(_) | Written::Frozen(_)
        ) {
            out.push('>');
        }
        if is_wrapped {
            out.push('>');
        }
    }
}

/// The type of a class name; a wrong one is an error of syntax.
fn from_class(class: &str) -> Result<CqlType> {
    let parsed = CqlType::from_class_name(class);
    parsed
        .map(|parsed| parsed.cql_type)
        .map_err(|error| Error::syntax(format!("Error setting type {class}: {error}")))
}

/// Checks the class names in a type, which Cassandra does while it parses.
pub(super) fn check_classes(written: &Written) -> Result<()> {
    match written {
        Written::Custom(class) => from_class(class).map(drop),
        Written::List(inner) | Written::Set(inner) | Written::Vector(inner, _) | Written::Frozen(inner) => {
            check_classes(inner)
        }
        Written::Map(key, value) => check_classes(key).and_then(|()| check_classes(value)),
        Written::Tuple(fields) => fields.iter().try_for_each(check_classes),
        Written::Native(_) | Written::UserType(_) => Ok(()),
    }
}

fn qualified(name: &QualifiedName, keyspace: &str) -> String {
    let of = name.keyspace.as_ref().map_or(keyspace, |keyspace| keyspace.as_str());
    format!("{of}.{}", name.name.as_str())
}

fn user_type(name: &QualifiedName, keyspace: &KeyspaceMetadata) -> Result<CqlType> {
    if let Some(of) = name.keyspace.as_ref().filter(|of| of.as_str() != keyspace.name) {
        return Err(Error::invalid(format!(
            "Statement on keyspace {} cannot refer to a user type in keyspace {}; user types can only be used in the \
             keyspace they are defined in",
            keyspace.name,
            of.as_str()
        )));
    }
    match keyspace.types.get(name.name.as_str()) {
        Some(user_type) => Ok(CqlType::User { user_type: user_type.clone(), frozen: false }),
        None => Err(Error::invalid(format!("Unknown type {}", qualified(name, &keyspace.name)))),
    }
}

/// The text of a column's type in messages about its use in a primary key.
pub(super) fn key_type_text(written: &Written, keyspace: &str, ty: &CqlType) -> String {
    match RawType::new(written).written {
        Written::UserType(name) => maybe_quoted(&qualified(name, keyspace)),
        _ => ty.to_string(),
    }
}
