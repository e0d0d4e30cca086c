//! Prepares terms for what receives them (Cassandra: `Term.Raw.prepare` and `testAssignment`).

use bytes::Bytes;
use cql_grammar::ast;

use super::assign::{Receiver, TestResult};
use super::cql_type::{self, resolve_native};
use super::function;
use super::literal;
use super::markers::BindMarkers;
use super::text;
use crate::error::Error;
use crate::exec::functions::FunctionContext;
use crate::exec::options::Values;
use crate::exec::term::{BindContext, Bound, Composite, Marker, Term};
use crate::schema::Schema;
use crate::types::{CqlType, UserType};

/// What terms are prepared with.
#[derive(Debug)]
pub struct TermPlanner<'a> {
    /// The schema, for user types and functions.
    pub schema: &'a Schema,
    /// The keyspace of the statement's table, where names without a keyspace are looked up.
    pub keyspace: &'a str,
    /// Learns what receives each marker.
    pub markers: &'a mut BindMarkers,
}

impl TermPlanner<'_> {
    /// The term for this receiver; `Invalid` where it does not fit.
    pub fn prepare(&mut self, term: &ast::Term, receiver: &Receiver) -> Result<Term, Error> {
        match term {
            ast::Term::Constant(constant) => literal::prepare(constant, receiver),
            ast::Term::Null if receiver.cql_type.is_counter() => {
                Err(Error::invalid("Invalid null value for counter increment/decrement"))
            }
            ast::Term::Null => Ok(Term::Value(None)),
            ast::Term::BindMarker(marker) => Ok(self.marker(marker.index, receiver)),
            ast::Term::List(elements) => self.list(elements, receiver),
            ast::Term::Set(elements) => self.set(elements, receiver),
            ast::Term::Map(entries) => self.map(entries, receiver),
            ast::Term::UserType(fields) => self.user_type(fields, receiver),
            ast::Term::Tuple(elements) => self.tuple(elements, receiver),
            ast::Term::TypeCast { ty, term: inner } => self.type_cast(term, ty, inner, receiver),
            ast::Term::FunctionCall { .. }
            | ast::Term::Cast { .. }
            | ast::Term::BinaryOp { .. }
            | ast::Term::Negate(_) => function::prepare_call(self, term, receiver),
        }
    }

    /// A marker for this receiver. One behind those of the statement stands for a value that no client binds.
    pub fn marker(&mut self, index: usize, receiver: &Receiver) -> Term {
        if index >= self.markers.len() {
            return Term::Behind(index);
        }
        self.markers.add(index, receiver);
        let is_kept_as_sent = receiver.is_descending;
        Term::Marker(Marker { index, cql_type: receiver.cql_type.clone(), is_kept_as_sent })
    }

    /// How well a term fits a receiver (Cassandra: `testAssignment`).
    pub fn test(&self, term: &ast::Term, receiver: &Receiver) -> Result<TestResult, Error> {
        let to = &receiver.cql_type;
        Ok(match term {
            ast::Term::Constant(constant) => literal::test(constant, to),
            ast::Term::Null if to.is_counter() => TestResult::No,
            ast::Term::Null | ast::Term::BindMarker(_) => TestResult::Weak,
            ast::Term::List(elements) => match to {
                CqlType::List { element, .. } => self.test_all(elements, &value_of(receiver, element))?,
                CqlType::Vector { element, dimension } if elements.len() == *dimension => {
                    self.test_all(elements, &value_of(receiver, element))?
                }
                CqlType::Vector { .. } => TestResult::No,
                _ => return Err(unexpected_array(to)),
            },
            ast::Term::Set(elements) => match to {
                CqlType::Set { element, .. } => self.test_all(elements, &value_of(receiver, element))?,
                CqlType::Map { .. } if elements.is_empty() => TestResult::Weak,
                _ => TestResult::No,
            },
            ast::Term::Map(entries) => self.test_map(entries, receiver)?,
            ast::Term::UserType(fields) => match self.check_user_type(fields, receiver) {
                Ok(_) => TestResult::Weak,
                Err(_) => TestResult::No,
            },
            ast::Term::Tuple(elements) => match (to, &elements[..]) {
                (CqlType::Tuple(_) | CqlType::User { .. }, _) => match self.check_tuple(elements, receiver) {
                    Ok(_) => TestResult::Weak,
                    Err(_) => TestResult::No,
                },
                (_, [only]) => self.test(only, receiver)?,
                _ => TestResult::No,
            },
            ast::Term::TypeCast { ty, .. } => {
                test_type(to, &cql_type::resolve(ty, self.schema, self.keyspace)?)
            }
            ast::Term::FunctionCall { .. }
            | ast::Term::Cast { .. }
            | ast::Term::BinaryOp { .. }
            | ast::Term::Negate(_) => function::test_call(self, term, receiver)?,
        })
    }

    fn test_all(&self, terms: &[ast::Term], receiver: &Receiver) -> Result<TestResult, Error> {
        let mut worst = if terms.is_empty() { TestResult::Weak } else { TestResult::Exact };
        for term in terms {
            worst = worst.max(self.test(term, receiver)?);
        }
        Ok(worst)
    }

    fn test_map(&self, entries: &[(ast::Term, ast::Term)], receiver: &Receiver) -> Result<TestResult, Error> {
        let CqlType::Map { key, value, .. } = &receiver.cql_type else { return Ok(TestResult::No) };
        let mut worst = TestResult::Exact;
        for (k, v) in entries {
            worst = worst.max(self.test(k, &key_of(receiver, key))?);
            worst = worst.max(self.test(v, &value_of(receiver, value))?);
        }
        Ok(worst)
    }

    fn list(&mut self, elements: &[ast::Term], receiver: &Receiver) -> Result<Term, Error> {
        let (name, to) = (&receiver.name, &receiver.cql_type);
        let element = match to {
            CqlType::List { element, .. } => element,
            CqlType::Vector { element, dimension } => {
                if elements.len() != *dimension {
                    return Err(Error::invalid(format!(
                        "Invalid vector literal for {name} of type {to}; expected {dimension} elements, but given {}",
                        elements.len()
                    )));
                }
                return self.elements("vector", elements, receiver, element);
            }
            _ => return Err(unexpected_array(to)),
        };
        self.elements("list", elements, receiver, element)
    }

    fn set(&mut self, elements: &[ast::Term], receiver: &Receiver) -> Result<Term, Error> {
        match &receiver.cql_type {
            CqlType::Set { element, .. } => self.elements("set", elements, receiver, element),
            CqlType::Map { .. } if elements.is_empty() => Ok(Term::Value(Some(Bytes::from_static(&[0; 4])))),
            other => {
                Err(Error::invalid(format!("Invalid set literal for {} of type {other}", receiver.name)))
            }
        }
    }

    fn elements(
        &mut self,
        what: &str,
        elements: &[ast::Term],
        receiver: &Receiver,
        element: &CqlType,
    ) -> Result<Term, Error> {
        let value = value_of(receiver, element);
        let name = &receiver.name;
        for term in elements {
            if !self.test(term, &value)?.is_assignable() {
                let text = text_of(term);
                return Err(Error::invalid(format!(
                    "Invalid {what} literal for {name}: value {text} is not of type {element}"
                )));
            }
        }
        let mut terms = Vec::with_capacity(elements.len());
        for term in elements {
            let term = self.prepare(term, &value)?;
            if what != "vector" {
                refuse_markers(what, &term, receiver)?;
            }
            terms.push(term);
        }
        finish(receiver.cql_type.clone(), terms)
    }

    fn map(&mut self, entries: &[(ast::Term, ast::Term)], receiver: &Receiver) -> Result<Term, Error> {
        let (name, to) = (&receiver.name, &receiver.cql_type);
        let CqlType::Map { key, value, .. } = to else {
            return Err(Error::invalid(format!("Invalid map literal for {name} of type {to}")));
        };
        let (keys, values) = (key_of(receiver, key), value_of(receiver, value));
        for (k, v) in entries {
            for (what, term, part) in [("key", k, &keys), ("value", v, &values)] {
                if !self.test(term, part)?.is_assignable() {
                    let (text, wanted) = (text_of(term), &part.cql_type);
                    return Err(Error::invalid(format!(
                        "Invalid map literal for {name}: {what} {text} is not of type {wanted}"
                    )));
                }
            }
        }
        let mut terms = Vec::with_capacity(entries.len() * 2);
        for (k, v) in entries {
            for (term, part) in [(k, &keys), (v, &values)] {
                let term = self.prepare(term, part)?;
                refuse_markers("map", &term, receiver)?;
                terms.push(term);
            }
        }
        finish(to.clone(), terms)
    }

    fn check_user_type<'t>(
        &self,
        fields: &[(ast::Name, ast::Term)],
        receiver: &'t Receiver,
    ) -> Result<&'t UserType, Error> {
        let (name, to) = (&receiver.name, &receiver.cql_type);
        let CqlType::User { user_type, .. } = to else {
            return Err(Error::invalid(format!("Invalid user type literal for {name} of type {to}")));
        };
        for (i, (field, field_type)) in user_type.fields.iter().enumerate() {
            let Some((_, term)) = fields.iter().rfind(|(n, _)| n.as_str() == field) else { continue };
            if !self.test(term, &field_of(receiver, user_type, i))?.is_assignable() {
                return Err(Error::invalid(format!(
                    "Invalid user type literal for {name}: field {field} is not of type {field_type}"
                )));
            }
        }
        Ok(user_type)
    }

    fn user_type(&mut self, fields: &[(ast::Name, ast::Term)], receiver: &Receiver) -> Result<Term, Error> {
        let user_type = self.check_user_type(fields, receiver)?;
        let mut terms = Vec::with_capacity(user_type.fields.len());
        for (i, (field, _)) in user_type.fields.iter().enumerate() {
            terms.push(match fields.iter().rfind(|(n, _)| n.as_str() == field) {
                None => Term::Value(None),
                Some((_, term)) => self.prepare(term, &field_of(receiver, user_type, i))?,
            });
        }
        let is_unknown = |field: &&str| !user_type.fields.iter().any(|(name, _)| name == field);
        let unknown = fields.iter().map(|(field, _)| field.as_str()).filter(is_unknown);
        if let Some(field) = unknown.min_by_key(|field| bucket(field, fields.len())) {
            return Err(Error::invalid(format!(
                "Unknown field '{field}' in value of user defined type {}",
                user_type.name
            )));
        }
        finish(receiver.cql_type.clone(), terms)
    }

    fn check_tuple<'t>(
        &self,
        elements: &[ast::Term],
        receiver: &'t Receiver,
    ) -> Result<Vec<&'t CqlType>, Error> {
        let (name, to) = (&receiver.name, &receiver.cql_type);
        let wrong = || Error::invalid(format!("Invalid tuple type literal for {name} of type {to}"));
        let types: Vec<&CqlType> = match to {
            CqlType::Tuple(types) => types.iter().collect(),
            CqlType::User { user_type, .. } => user_type.fields.iter().map(|(_, ty)| ty).collect(),
            _ => return Err(wrong()),
        };
        for (i, term) in elements.iter().enumerate() {
            let Some(component) = types.get(i) else {
                return Err(Error::invalid(format!(
                    "Invalid tuple literal for {name}: too many elements. Type {to} expects {} but got {}",
                    types.len(),
                    elements.len()
                )));
            };
            if !self.test(term, &component_of(receiver, component, i))?.is_assignable() {
                return Err(Error::invalid(format!(
                    "Invalid tuple literal for {name}: component {i} is not of type {component}"
                )));
            }
        }
        // Cassandra takes it, and then fails with an exception that it did not expect.
        if matches!(to, CqlType::User { frozen: false, .. }) { Err(wrong()) } else { Ok(types) }
    }

    fn tuple(&mut self, elements: &[ast::Term], receiver: &Receiver) -> Result<Term, Error> {
        if let ([only], false) =
            (elements, matches!(receiver.cql_type, CqlType::Tuple(_) | CqlType::User { .. }))
        {
            return self.prepare(only, receiver);
        }
        let types = self.check_tuple(elements, receiver)?;
        let mut terms = Vec::with_capacity(elements.len());
        for (i, (term, component)) in elements.iter().zip(types).enumerate() {
            terms.push(self.prepare(term, &component_of(receiver, component, i))?);
        }
        finish(receiver.cql_type.clone(), terms)
    }

    fn type_cast(
        &mut self,
        term: &ast::Term,
        ty: &ast::CqlType,
        inner: &ast::Term,
        receiver: &Receiver,
    ) -> Result<Term, Error> {
        let cast = cql_type::resolve(ty, self.schema, self.keyspace)?;
        let text = text_of(term);
        if !self.test(inner, &receiver.part(text.as_str(), cast.clone()))?.is_assignable() {
            return Err(Error::invalid(format!(
                "Cannot cast value {} to type {}",
                text_of(inner),
                text::cql_type(ty)
            )));
        }
        if !test_type(&receiver.cql_type, &cast).is_assignable() {
            let (name, to) = (&receiver.name, &receiver.cql_type);
            return Err(Error::invalid(format!("Cannot assign value {text} to {name} of type {to}")));
        }
        self.prepare(inner, receiver)
    }
}

/// `[a, b]` where neither a list nor a vector is wanted (Cassandra: `ArrayLiteral`).
fn unexpected_array(to: &CqlType) -> Error {
    Error::invalid(format!("Unexpected receiver type '{to}'; only list and vector are expected"))
}

/// How well a value of type `from` fits a receiver of type `to`.
pub fn test_type(to: &CqlType, from: &CqlType) -> TestResult {
    if to == from {
        TestResult::Exact
    } else if to.is_value_compatible_with(from) {
        TestResult::Weak
    } else {
        TestResult::No
    }
}

/// Where Java's `HashMap` of so many fields keeps one: of several unknown fields Cassandra names the first it finds
/// (`UserTypes.Literal.validateAssignableTo`).
fn bucket(field: &str, fields: usize) -> u32 {
    let hash = field.bytes().rev().fold(1_u32, |hash, byte| {
        let signed = i32::from(byte.cast_signed());
        hash.wrapping_mul(31).wrapping_add(signed.cast_unsigned())
    });
    let capacity = (fields * 4).div_ceil(3).next_power_of_two().max(16);
    (hash ^ (hash >> 16)) & (u32::try_from(capacity).unwrap_or(u32::MAX) - 1)
}

/// A literal of these parts: its value, where all of them are known.
fn finish(cql_type: CqlType, elements: Vec<Term>) -> Result<Term, Error> {
    let all_known = elements.iter().all(Term::is_terminal);
    let literal = Term::Composite(Composite { cql_type, elements });
    if !all_known {
        return Ok(literal);
    }
    let (values, functions) = (Values::empty(), FunctionContext::default());
    match literal.bind(&BindContext { values: &values, functions: &functions, guard: None })? {
        Bound::Bytes(bytes) => Ok(Term::Value(Some(Bytes::copy_from_slice(&bytes)))),
        Bound::Null | Bound::Unset => Ok(Term::Value(None)),
    }
}

fn refuse_markers(what: &str, term: &Term, receiver: &Receiver) -> Result<(), Error> {
    if !term.contains_bind_marker() {
        return Ok(());
    }
    let name = &receiver.name;
    Err(Error::invalid(format!(
        "Invalid {what} literal for {name}: bind variables are not supported inside collection literals"
    )))
}

/// What receives an element of a list, set or vector, or a value of a map.
pub fn value_of(receiver: &Receiver, element: &CqlType) -> Receiver {
    receiver.part(format!("value({})", receiver.name), element.clone())
}

/// What receives a key of a map.
pub fn key_of(receiver: &Receiver, key: &CqlType) -> Receiver {
    receiver.part(format!("key({})", receiver.name), key.clone())
}

/// What receives a field of a user type.
pub fn field_of(receiver: &Receiver, user_type: &UserType, i: usize) -> Receiver {
    let (field, field_type) = &user_type.fields[i];
    receiver.part(format!("{}.{field}", receiver.name), field_type.clone())
}

fn component_of(receiver: &Receiver, component: &CqlType, i: usize) -> Receiver {
    receiver.part(format!("{}[{i}]", receiver.name), component.clone())
}

/// A term as Cassandra's messages have it (`Term.Raw.getText`).
pub fn text_of(term: &ast::Term) -> String {
    let join = |terms: &[ast::Term]| terms.iter().map(text_of).collect::<Vec<_>>().join(", ");
    match term {
        ast::Term::Constant(constant) => literal::text(constant),
        ast::Term::Null => "NULL".to_owned(),
        ast::Term::BindMarker(_) => "?".to_owned(),
        ast::Term::List(elements) => format!("[{}]", join(elements)),
        ast::Term::Set(elements) => format!("{{{}}}", join(elements)),
        ast::Term::Map(entries) => {
            let entries: Vec<_> =
                entries.iter().map(|(k, v)| format!("{}: {}", text_of(k), text_of(v))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        ast::Term::UserType(fields) => {
            let fields: Vec<_> =
                fields.iter().map(|(name, term)| format!("{}: {}", name.as_str(), text_of(term))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        ast::Term::Tuple(elements) => format!("({})", join(elements)),
        ast::Term::TypeCast { ty, term } => format!("({}){}", text::cql_type(ty), text_of(term)),
        ast::Term::FunctionCall { name, args } => format!("{}({})", text::qualified(name), join(args)),
        ast::Term::Cast { term, ty } => format!("cast({} as {})", text_of(term), resolve_native(*ty)),
        ast::Term::BinaryOp { op, left, right } => {
            format!("{} {} {}", text_of(left), text::operator(*op), text_of(right))
        }
        ast::Term::Negate(term) => format!("-{}", text_of(term)),
    }
}
