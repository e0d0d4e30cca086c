//! Finds the function that a call means (Cassandra: `FunctionResolver`).

use std::sync::Arc;

use cql_grammar::ast;

use super::assign::{Receiver, TestResult};
use super::literal;
use super::term::{TermPlanner, test_type, text_of};
use super::text;
use crate::error::Error;
use crate::exec::functions::{CallShape, Function, candidates};
use crate::exec::term::{Call, Term};
use crate::types::CqlType;

/// An argument of a call, as a term or as a selectable.
pub trait Argument {
    /// How well it fits.
    fn test(&self, receiver: &Receiver) -> Result<TestResult, Error>;
    /// Its type, where it can have no other, or else the type that it has for preference.
    fn known_type(&self) -> Option<CqlType>;
    /// As messages have it.
    fn text(&self) -> String;
    /// Whether it is a bind marker.
    fn is_marker(&self) -> bool;
    /// How many elements it has, where it is `[a, b]` in a selection.
    fn array_size(&self) -> Option<usize> {
        None
    }
    /// Whether it is a clustering column in descending order.
    fn is_descending(&self) -> bool {
        false
    }
}

/// The name of a function, and whether it is an operator (`+`) or the negation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionName<'a> {
    /// A function by its name, with the keyspace where one is written.
    Named(Option<&'a str>, &'a str),
    /// An operator: its internal name and its character.
    Operator(&'a str, char),
    /// `-x`
    Negation,
}

impl FunctionName<'_> {
    fn display(&self) -> String {
        match self {
            Self::Named(Some(keyspace), name) => format!("{keyspace}.{name}"),
            Self::Named(None, name) => (*name).to_owned(),
            Self::Operator(name, _) => format!("system.{name}"),
            Self::Negation => "system._negate".to_owned(),
        }
    }

    fn native_name(&self) -> Option<&str> {
        match self {
            Self::Named(None | Some("system"), name) | Self::Operator(name, _) => Some(name),
            Self::Named(Some(_), _) => None,
            Self::Negation => Some("_negate"),
        }
    }
}

/// The internal name of an operator's function (Cassandra: `OperationFcts`).
pub fn operator_name(op: ast::ArithmeticOperator) -> FunctionName<'static> {
    match op {
        ast::ArithmeticOperator::Add => FunctionName::Operator("_add", '+'),
        ast::ArithmeticOperator::Subtract => FunctionName::Operator("_substract", '-'),
        ast::ArithmeticOperator::Multiply => FunctionName::Operator("_multiply", '*'),
        ast::ArithmeticOperator::Divide => FunctionName::Operator("_divide", '/'),
        ast::ArithmeticOperator::Modulo => FunctionName::Operator("_modulo", '%'),
    }
}

/// Where a call stands.
#[derive(Clone, Copy, Debug)]
pub struct CallSite<'a> {
    /// The keyspace of the table.
    pub keyspace: &'a str,
    /// The table.
    pub table: &'a str,
    /// The types of the table's partition key.
    pub partition_key: &'a [CqlType],
    /// The type of what receives the result, where known.
    pub receiver: Option<&'a CqlType>,
}

/// The function that a call means; none where there is no function of that name.
pub fn resolve(
    name: FunctionName<'_>,
    arguments: &[&dyn Argument],
    site: CallSite<'_>,
) -> Result<Option<Arc<Function>>, Error> {
    let arg_types: Vec<_> = arguments.iter().map(|a| a.known_type()).collect();
    let shape = CallShape {
        arg_types: &arg_types,
        text: &|i| arguments.get(i).map(|a| a.text()).unwrap_or_default(),
        array_size: &|i| arguments.get(i).and_then(|a| a.array_size()),
        is_descending: &|i| arguments.get(i).is_some_and(|a| a.is_descending()),
        receiver: site.receiver,
        partition_key: site.partition_key,
    };
    let found = match name.native_name() {
        Some(native) => candidates(native, &shape)?,
        None => Vec::new(),
    };
    match &found[..] {
        [] => Ok(None),
        [only] => {
            check_arguments(only, name, arguments, site)?;
            Ok(Some(only.clone()))
        }
        _ => best_match(found, name, arguments, site).map(Some),
    }
}

/// What receives argument `i` of a function.
pub fn argument_of(site: CallSite<'_>, function: &Function, i: usize) -> Receiver {
    let name = format!("arg{i}({})", function.name().to_lowercase());
    let cql_type = function.arg_types.get(i).cloned().unwrap_or(CqlType::Blob);
    Receiver::named(site.keyspace, site.table, &name, cql_type)
}

fn check_arguments(
    function: &Function,
    _name: FunctionName<'_>,
    arguments: &[&dyn Argument],
    site: CallSite<'_>,
) -> Result<(), Error> {
    let (name, wanted) = (function.name(), function.arg_types.len());
    if arguments.len() != wanted {
        let given = arguments.len();
        return Err(Error::invalid(format!(
            "Invalid number of arguments in call to function {name}: {wanted} required but {given} provided"
        )));
    }
    for (i, argument) in arguments.iter().enumerate() {
        let receiver = argument_of(site, function, i);
        if !argument.test(&receiver)?.is_assignable() {
            let (text, to) = (argument.text(), &receiver.cql_type);
            return Err(Error::invalid(format!(
                "Type error: {text} cannot be passed as argument {i} of function {name} of type {to}"
            )));
        }
    }
    Ok(())
}

fn best_match(
    found: Vec<Arc<Function>>,
    name: FunctionName<'_>,
    arguments: &[&dyn Argument],
    site: CallSite<'_>,
) -> Result<Arc<Function>, Error> {
    let mut compatible: Vec<Arc<Function>> = Vec::new();
    for function in &found {
        if !site.receiver.is_none_or(|to| test_type(to, &function.return_type).is_assignable()) {
            continue;
        }
        match match_arguments(function, arguments, site)? {
            TestResult::Exact => return Ok(function.clone()),
            TestResult::Weak => compatible.push(function.clone()),
            TestResult::No => {}
        }
    }
    let text = |i: usize| arguments.get(i).map(|a| a.text()).unwrap_or_default();
    match (&compatible[..], name) {
        ([only], _) => Ok(only.clone()),
        ([], FunctionName::Operator(_, op)) => Err(Error::invalid(format!(
            "the '{op}' operation is not supported between {} and {}",
            text(0),
            text(1)
        ))),
        ([], _) => Err(Error::invalid(format!(
            "Invalid call to function {}, none of its type signatures match (known type signatures: {})",
            name.display(),
            signatures(&found)
        ))),
        (_, FunctionName::Operator(_, op)) => {
            let no_markers = arguments.iter().all(|a| !a.is_marker());
            if let (Some(to), true) = (site.receiver, no_markers)
                && let Some(same) = compatible.iter().find(|f| f.arg_types.iter().all(|t| t == to))
            {
                return Ok(same.clone());
            }
            Err(Error::invalid(format!(
                "Ambiguous '{op}' operation with args {} and {}: use type hint to disambiguate, example '(int) ?'",
                text(0),
                text(1)
            )))
        }
        (_, FunctionName::Negation) => {
            Err(Error::invalid("Ambiguous negation: use type casts to disambiguate"))
        }
        _ => Err(Error::invalid(format!(
            "Ambiguous call to function {} (can be matched by following signatures: {}): use type casts to disambiguate",
            name.display(),
            signatures(&compatible)
        ))),
    }
}

fn match_arguments(
    function: &Function,
    arguments: &[&dyn Argument],
    site: CallSite<'_>,
) -> Result<TestResult, Error> {
    if arguments.len() != function.arg_types.len() {
        return Ok(TestResult::No);
    }
    let mut worst = TestResult::Exact;
    for (i, argument) in arguments.iter().enumerate() {
        worst = worst.max(argument.test(&argument_of(site, function, i))?);
    }
    Ok(worst)
}

fn signatures(functions: &[Arc<Function>]) -> String {
    functions.iter().map(|f| f.to_string()).collect::<Vec<_>>().join(", ")
}

/// An argument that is a term.
pub(super) struct TermArgument<'a, 'p>(pub(super) &'a ast::Term, pub(super) &'a TermPlanner<'p>);

impl Argument for TermArgument<'_, '_> {
    fn test(&self, receiver: &Receiver) -> Result<TestResult, Error> {
        self.1.test(self.0, receiver)
    }

    fn known_type(&self) -> Option<CqlType> {
        known_type(self.0, self.1)
    }

    fn text(&self) -> String {
        text_of(self.0)
    }

    fn is_marker(&self) -> bool {
        matches!(self.0, ast::Term::BindMarker(_))
    }
}

/// The type of a term without a receiver, where it has one: of constants, the preferred one.
pub fn known_type(term: &ast::Term, planner: &TermPlanner<'_>) -> Option<CqlType> {
    match term {
        ast::Term::Constant(constant) => literal::preferred_type(constant),
        ast::Term::TypeCast { ty, .. } => super::cql_type::resolve(ty, planner.schema, planner.keyspace).ok(),
        ast::Term::List(elements) => {
            let element = elements.iter().find_map(|e| known_type(e, planner))?;
            Some(CqlType::List { element: Arc::new(element), frozen: true })
        }
        ast::Term::Set(elements) => {
            let element = elements.iter().find_map(|e| known_type(e, planner))?;
            Some(CqlType::Set { element: Arc::new(element), frozen: true })
        }
        ast::Term::Map(entries) => {
            let key = entries.iter().find_map(|(k, _)| known_type(k, planner))?;
            let value = entries.iter().find_map(|(_, v)| known_type(v, planner))?;
            Some(CqlType::Map { key: Arc::new(key), value: Arc::new(value), frozen: true })
        }
        ast::Term::Tuple(elements) => match &elements[..] {
            [only] => known_type(only, planner),
            _ => {
                let types: Option<Vec<_>> = elements.iter().map(|e| known_type(e, planner)).collect();
                Some(CqlType::Tuple(types?.into()))
            }
        },
        ast::Term::Null | ast::Term::BindMarker(_) | ast::Term::UserType(_) => None,
        _ => find(planner, term, None).ok().flatten().map(|(function, _)| function.return_type.clone()),
    }
}

type Found<'t> = (Arc<Function>, Vec<&'t ast::Term>);

/// The function that a call term means, and its arguments.
fn find<'t>(
    planner: &TermPlanner<'_>,
    term: &'t ast::Term,
    receiver: Option<&Receiver>,
) -> Result<Option<Found<'t>>, Error> {
    let cast_name;
    let (name, terms): (FunctionName<'_>, Vec<&ast::Term>) = match term {
        ast::Term::FunctionCall { name, args } => {
            let keyspace = name.keyspace.as_ref().map(|k| k.as_str());
            (FunctionName::Named(keyspace, name.name.as_str()), args.iter().collect())
        }
        ast::Term::Cast { term, ty } => {
            cast_name = format!("cast_as_{}", super::cql_type::resolve_native(*ty));
            (FunctionName::Named(Some("system"), &cast_name), vec![term])
        }
        ast::Term::BinaryOp { op, left, right } => (operator_name(*op), vec![left, right]),
        ast::Term::Negate(inner) => (FunctionName::Negation, vec![inner]),
        _ => return Ok(None),
    };
    let arguments: Vec<TermArgument<'_, '_>> = terms.iter().map(|t| TermArgument(t, planner)).collect();
    let arguments: Vec<&dyn Argument> = arguments.iter().map(|a| a as &dyn Argument).collect();
    let table = receiver.map_or("", |r| &r.table);
    let key_types = partition_key_types(planner, table);
    let site = CallSite {
        keyspace: planner.keyspace,
        table,
        partition_key: &key_types,
        receiver: receiver.map(|r| &r.cql_type),
    };
    Ok(resolve(name, &arguments, site)?.map(|function| (function, terms)))
}

fn partition_key_types(planner: &TermPlanner<'_>, table: &str) -> Vec<CqlType> {
    let table = planner.schema.table(planner.keyspace, table);
    table.map_or_else(Vec::new, |t| t.partition_key.iter().map(|c| c.cql_type.clone()).collect())
}

/// A call as a term for its receiver.
pub(super) fn prepare_call(
    planner: &mut TermPlanner<'_>,
    term: &ast::Term,
    receiver: &Receiver,
) -> Result<Term, Error> {
    let Some((function, terms)) = find(planner, term, Some(receiver))? else {
        let name = match term {
            ast::Term::FunctionCall { name, .. } => text::qualified(name),
            other => text_of(other),
        };
        return Err(Error::invalid(format!("Unknown function {name} called")));
    };
    if function.is_aggregate() {
        return Err(Error::invalid("Aggregation function are not supported in the where clause"));
    }
    let (name, to) = (&receiver.name, &receiver.cql_type);
    if !test_type(to, &function.return_type).is_assignable() {
        let (what, from) = match term {
            ast::Term::BinaryOp { op, .. } => {
                (format!("operation {}", text::operator(*op)), &function.return_type)
            }
            _ => (format!("function {}", function.name()), &function.return_type),
        };
        return Err(Error::invalid(format!(
            "Type error: cannot assign result of {what} (type {from}) to {name} (type {to})"
        )));
    }
    let table = receiver.table.clone();
    let site = CallSite { keyspace: &receiver.keyspace, table: &table, partition_key: &[], receiver: None };
    let mut arguments = Vec::with_capacity(terms.len());
    for (i, argument) in terms.into_iter().enumerate() {
        arguments.push(planner.prepare(argument, &argument_of(site, &function, i))?);
    }
    Ok(Term::Call(Box::new(Call { function, arguments })))
}

/// How well the result of a call fits; a call that cannot be resolved fits, since preparing it says why it cannot.
pub(super) fn test_call(
    planner: &TermPlanner<'_>,
    term: &ast::Term,
    receiver: &Receiver,
) -> Result<TestResult, Error> {
    match find(planner, term, Some(receiver)) {
        Ok(Some((function, _))) => Ok(match test_type(&receiver.cql_type, &function.return_type) {
            TestResult::No => TestResult::No,
            fits => fits,
        }),
        Ok(None) | Err(_) => Ok(TestResult::Weak),
    }
}
