//! Types as written, resolved against the schema (Cassandra: `CQL3Type.Raw.prepare`).

use std::sync::Arc;

use cql_grammar::ast;

use crate::error::Error;
use crate::schema::Schema;
use crate::types::CqlType;

/// The type that is meant within `keyspace`; `Invalid` where a user type is unknown.
pub fn resolve(written: &ast::CqlType, schema: &Schema, keyspace: &str) -> Result<CqlType, Error> {
    let inner = |t: &ast::CqlType| resolve(t, schema, keyspace).map(|t| Arc::new(t.freeze()));
    Ok(match written {
        ast::CqlType::Native(native) => resolve_native(*native),
        ast::CqlType::List(element) => CqlType::List { element: inner(element)?, frozen: false },
        ast::CqlType::Set(element) => CqlType::Set { element: inner(element)?, frozen: false },
        ast::CqlType::Map(key, value) => {
            CqlType::Map { key: inner(key)?, value: inner(value)?, frozen: false }
        }
        ast::CqlType::Tuple(types) => {
            let types: Result<Vec<_>, _> =
                types.iter().map(|t| resolve(t, schema, keyspace).map(|t| t.freeze())).collect();
            CqlType::Tuple(types?.into())
        }
        ast::CqlType::Vector(element, dimension) => {
            let dimension = usize::try_from(*dimension).ok().filter(|d| *d > 0).ok_or_else(|| {
                Error::invalid(format!("vectors may only have positive dimensions; given {dimension}"))
            })?;
            CqlType::Vector { element: inner(element)?, dimension }
        }
        ast::CqlType::Frozen(of) => resolve(of, schema, keyspace)?.freeze(),
        ast::CqlType::UserType(name) => user_type(name, schema, keyspace)?,
        ast::CqlType::Custom(class) => CqlType::Custom(class.as_str().into()),
    })
}

fn user_type(name: &ast::QualifiedName, schema: &Schema, keyspace: &str) -> Result<CqlType, Error> {
    let of = name.keyspace.as_ref().map_or(keyspace, |k| k.as_str());
    if of != keyspace {
        return Err(Error::invalid(format!(
            "Statement on keyspace {keyspace} cannot refer to a user type in keyspace {of}; user types can only be used in the keyspace they are defined in"
        )));
    }
    let Some(metadata) = schema.keyspace(keyspace) else {
        return Err(Error::Config(format!("Keyspace {keyspace} doesn't exist")));
    };
    match metadata.types.get(name.name.as_str()) {
        Some(user_type) => Ok(CqlType::User { user_type: user_type.clone(), frozen: false }),
        None => Err(Error::invalid(format!("Unknown type {keyspace}.{}", name.name.as_str()))),
    }
}

/// A native type.
pub fn resolve_native(native: ast::NativeType) -> CqlType {
    use ast::NativeType as N;
    match native {
        N::Ascii => CqlType::Ascii,
        N::Bigint => CqlType::Bigint,
        N::Blob => CqlType::Blob,
        N::Boolean => CqlType::Boolean,
        N::Counter => CqlType::Counter,
        N::Date => CqlType::Date,
        N::Decimal => CqlType::Decimal,
        N::Double => CqlType::Double,
        N::Duration => CqlType::Duration,
        N::Float => CqlType::Float,
        N::Inet => CqlType::Inet,
        N::Int => CqlType::Int,
        N::Smallint => CqlType::Smallint,
        N::Text | N::Varchar => CqlType::Text,
        N::Time => CqlType::Time,
        N::Timestamp => CqlType::Timestamp,
        N::Timeuuid => CqlType::Timeuuid,
        N::Tinyint => CqlType::Tinyint,
        N::Uuid => CqlType::Uuid,
        N::Varint => CqlType::Varint,
    }
}
