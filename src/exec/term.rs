//! Terms: values that are known, bound or computed when a statement is executed (Cassandra: `cql3.Term`).

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use super::functions::{Function, FunctionContext};
use super::options::{Value, Values};
use crate::error::Error;
use crate::guardrails::Guard;
use crate::types::{CqlType, MarshalError, check_count, collection};

/// What terms are evaluated with.
#[derive(Clone, Copy, Debug)]
pub struct BindContext<'a> {
    /// The bound values, in the order of the statement's markers.
    pub values: &'a Values,
    /// What functions may know.
    pub functions: &'a FunctionContext,
    /// The guardrails, where the user is an ordinary one.
    pub guard: Option<Guard<'a>>,
}

/// The value of a term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound<'a> {
    /// NULL.
    Null,
    /// Leave the column as it is.
    Unset,
    /// Its serialized form.
    Bytes(Cow<'a, [u8]>),
}

impl<'a> Bound<'a> {
    /// The bytes; none for null. For places where unset was refused already, which count it as null.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Null | Self::Unset => None,
        }
    }
}

/// A term, ready to be evaluated.
#[derive(Clone, Debug)]
pub enum Term {
    /// A value known at planning; none for null.
    Value(Option<Bytes>),
    /// A bind marker.
    Marker(Marker),
    /// The value at this place behind the bound ones, which is known to be right.
    Behind(usize),
    /// A literal with parts that are known only at execution.
    Composite(Composite),
    /// A call of a scalar function.
    Call(Box<Call>),
}

/// A bind marker: which value it takes and of which type that has to be.
#[derive(Clone, Debug)]
pub struct Marker {
    /// Its index in the statement.
    pub index: usize,
    /// The type that its value must have.
    pub cql_type: CqlType,
    /// Whether a collection stays as the client sent it, in whatever order: Cassandra does not take the type of a
    /// column in descending order for one of a collection (`AbstractMarker.Raw.prepare`).
    pub is_kept_as_sent: bool,
}

/// A literal of several terms.
#[derive(Clone, Debug)]
pub struct Composite {
    /// A collection, tuple, user type or vector.
    pub cql_type: CqlType,
    /// Its elements; for a map keys and values in turn.
    pub elements: Vec<Term>,
}

/// A call of a scalar function.
#[derive(Clone, Debug)]
pub struct Call {
    /// The function.
    pub function: Arc<Function>,
    /// Its arguments.
    pub arguments: Vec<Term>,
}

impl Term {
    /// Whether it has a bind marker outside of collections, which allow none.
    pub fn contains_bind_marker(&self) -> bool {
        match self {
            Self::Value(_) => false,
            Self::Marker(_) | Self::Behind(_) => true,
            Self::Composite(literal) => literal.elements.iter().any(Term::contains_bind_marker),
            Self::Call(call) => call.arguments.iter().any(Term::contains_bind_marker),
        }
    }

    /// Whether its value is known without execution.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Value(_))
    }

    /// Evaluates it. Bound values are validated as their marker's type; errors are `Invalid`.
    pub fn bind<'a>(&'a self, context: &BindContext<'a>) -> Result<Bound<'a>, Error> {
        match self {
            Self::Value(None) => Ok(Bound::Null),
            Self::Value(Some(bytes)) => Ok(Bound::Bytes(Cow::Borrowed(bytes))),
            Self::Marker(marker) => marker.bind(context.values),
            Self::Behind(index) => Ok(match context.values.get(*index) {
                None | Some(Value::Null) => Bound::Null,
                Some(Value::Unset) => Bound::Unset,
                Some(Value::Bytes(bytes)) => Bound::Bytes(Cow::Borrowed(bytes)),
            }),
            Self::Composite(literal) => literal.bind(context),
            Self::Call(call) => call.bind(context),
        }
    }
}

impl Marker {
    fn bind<'a>(&self, values: &'a Values) -> Result<Bound<'a>, Error> {
        match values.get(self.index) {
            None => Err(Error::invalid("Invalid amount of bind variables")),
            Some(Value::Null) => Ok(Bound::Null),
            Some(Value::Unset) => Ok(Bound::Unset),
            Some(Value::Bytes(bytes)) => self.checked(bytes).map_err(|e| Error::invalid(e.to_string())),
        }
    }

    /// A valid value as it is kept.
    fn checked<'a>(&self, bytes: &'a [u8]) -> Result<Bound<'a>, MarshalError> {
        self.cql_type.validate(bytes)?;
        if self.is_kept_as_sent {
            return Ok(Bound::Bytes(Cow::Borrowed(bytes)));
        }
        check_count(&self.cql_type, bytes)?;
        Ok(Bound::Bytes(collection::normalized(&self.cql_type, bytes)))
    }
}

impl Composite {
    fn bind<'a>(&'a self, context: &BindContext<'a>) -> Result<Bound<'a>, Error> {
        let mut parts: Vec<Option<Cow<'a, [u8]>>> = Vec::with_capacity(self.elements.len());
        for (i, element) in self.elements.iter().enumerate() {
            match element.bind(context)? {
                Bound::Bytes(bytes) => parts.push(Some(bytes)),
                Bound::Null => parts.push(self.null_part()?),
                Bound::Unset if self.unset_part(i)? => return Ok(Bound::Unset),
                Bound::Unset => parts.push(None),
            }
        }
        let views: Vec<Option<&[u8]>> = parts.iter().map(Option::as_deref).collect();
        Ok(Bound::Bytes(Cow::Owned(collection::build(&self.cql_type, &views))))
    }

    /// What stands for a null element: nothing in a tuple or user type; collections and vectors refuse it.
    fn null_part<'a>(&self) -> Result<Option<Cow<'a, [u8]>>, Error> {
        match &self.cql_type {
            CqlType::Tuple(_) | CqlType::User { .. } => Ok(None),
            CqlType::Vector { .. } => Err(Error::invalid("null is not supported inside vectors")),
            _ => Err(Error::invalid("null is not supported inside collections")),
        }
    }

    /// What an unset element does: `true`, the whole value is unset; `false`, it counts as null.
    fn unset_part(&self, i: usize) -> Result<bool, Error> {
        match &self.cql_type {
            CqlType::Tuple(_) => {
                Err(Error::invalid(format!("Invalid unset value for tuple field number {i}")))
            }
            CqlType::User { frozen: false, .. } => Ok(false),
            CqlType::User { user_type, .. } => {
                let field = user_type.fields.get(i).map_or("", |(name, _)| name);
                let name = &user_type.name;
                Err(Error::invalid(format!(
                    "Invalid unset value for field '{field}' of user defined type {name}"
                )))
            }
            CqlType::Vector { .. } => Err(Error::invalid("null is not supported inside vectors")),
            CqlType::Map { .. } if i.is_multiple_of(2) => {
                Err(Error::invalid("unset value is not supported for map keys"))
            }
            _ => Ok(true),
        }
    }
}

impl Call {
    fn bind<'a>(&'a self, context: &BindContext<'a>) -> Result<Bound<'a>, Error> {
        let mut arguments = Vec::with_capacity(self.arguments.len());
        for argument in &self.arguments {
            match argument.bind(context)? {
                Bound::Unset => {
                    let name = &self.function.name;
                    return Err(Error::invalid(format!(
                        "Invalid unset value for argument in call to function {name}"
                    )));
                }
                Bound::Null => arguments.push(None),
                Bound::Bytes(bytes) => arguments.push(Some(bytes)),
            }
        }
        let views: Vec<Option<&[u8]>> = arguments.iter().map(Option::as_deref).collect();
        let result = self.function.execute(&views, context.functions)?;
        Ok(result.map_or(Bound::Null, |bytes| Bound::Bytes(Cow::Owned(bytes))))
    }
}
