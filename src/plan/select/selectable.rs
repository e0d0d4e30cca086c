//! What may be selected, with its columns and functions found (Cassandra: `cql3.selection.Selectable`).

use std::sync::Arc;

use cql_grammar::ast::{self, WritetimeKind};

use crate::error::Error;
use crate::exec::functions::Function;
use crate::exec::select::timestamps::Kind;
use crate::plan::assign::{Receiver, TestResult};
use crate::plan::cql_type;
use crate::plan::function::{self, Argument, CallSite, FunctionName, known_type, operator_name};
use crate::plan::table::existing_column;
use crate::plan::term::{TermPlanner, key_of, test_type, text_of, value_of};
use crate::plan::text;
use crate::schema::{ColumnMetadata, TableMetadata};
use crate::types::CqlType;

/// Something to select.
#[derive(Debug)]
pub(super) enum Selectable<'a> {
    Column(&'a ColumnMetadata),
    Term(&'a ast::Term),
    Timestamp {
        kind: Kind,
        column: &'a ColumnMetadata,
        selected: Box<Selectable<'a>>,
    },
    Call {
        function: Arc<Function>,
        arguments: Vec<Selectable<'a>>,
    },
    Cast {
        selected: Box<Selectable<'a>>,
        to: CqlType,
    },
    Field {
        selected: Box<Selectable<'a>>,
        field: &'a ast::Name,
    },
    Element {
        selected: Box<Selectable<'a>>,
        key: &'a ast::Term,
    },
    Slice {
        selected: Box<Selectable<'a>>,
        from: Option<&'a ast::Term>,
        to: Option<&'a ast::Term>,
    },
    TypeHint {
        written: String,
        to: CqlType,
        selected: Box<Selectable<'a>>,
    },
    ParenthesesOrTuple(Vec<Selectable<'a>>),
    List(Vec<Selectable<'a>>),
    Set(Vec<Selectable<'a>>),
    /// The keys are looked at only once the type is known: they may be the names of fields.
    MapOrUserType(&'a [(ast::Selectable, ast::Selectable)]),
}

/// Finds columns and functions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finder<'a, 'p> {
    pub(super) table: &'a TableMetadata,
    pub(super) key_types: &'p [CqlType],
    pub(super) terms: &'p TermPlanner<'p>,
}

impl Selectable<'_> {
    /// The name of Cassandra's class for it.
    pub(super) fn java_class(&self) -> &'static str {
        match self {
            Self::Column(_) => "org.apache.cassandra.schema.ColumnMetadata",
            Self::Term(_) => "org.apache.cassandra.cql3.selection.Selectable$WithTerm",
            Self::Timestamp { .. } => "org.apache.cassandra.cql3.selection.Selectable$WritetimeOrTTL",
            Self::Call { .. } => "org.apache.cassandra.cql3.selection.Selectable$WithFunction",
            Self::Cast { .. } => "org.apache.cassandra.cql3.selection.Selectable$WithCast",
            Self::Field { .. } => "org.apache.cassandra.cql3.selection.Selectable$WithFieldSelection",
            Self::Element { .. } => "org.apache.cassandra.cql3.selection.Selectable$WithElementSelection",
            Self::Slice { .. } => "org.apache.cassandra.cql3.selection.Selectable$WithSliceSelection",
            Self::TypeHint { .. } => "org.apache.cassandra.cql3.selection.Selectable$WithTypeHint",
            Self::ParenthesesOrTuple(_) => {
                "org.apache.cassandra.cql3.selection.Selectable$BetweenParenthesesOrWithTuple"
            }
            Self::List(_) => "org.apache.cassandra.cql3.selection.Selectable$WithArrayLiteral",
            Self::Set(_) => "org.apache.cassandra.cql3.selection.Selectable$WithSet",
            Self::MapOrUserType(_) => "org.apache.cassandra.cql3.selection.Selectable$WithMapOrUdt",
        }
    }
}

impl<'a> Finder<'a, '_> {
    /// What is meant by that; `Invalid` where the table has no such column or there is no such function.
    pub(super) fn find(&self, written: &'a ast::Selectable) -> Result<Selectable<'a>, Error> {
        let boxed = |s: &'a ast::Selectable| self.find(s).map(Box::new);
        let all =
            |list: &'a [ast::Selectable]| list.iter().map(|s| self.find(s)).collect::<Result<Vec<_>, _>>();
        Ok(match written {
            ast::Selectable::Column(name) => Selectable::Column(existing_column(self.table, name)?),
            ast::Selectable::Term(term) => Selectable::Term(term),
            ast::Selectable::CountRows => {
                self.call(FunctionName::Named(Some("system"), "countRows"), "count", Vec::new())?
            }
            ast::Selectable::WritetimeOrTtl { kind, selected } => {
                let selected = boxed(selected)?;
                let kind = match kind {
                    WritetimeKind::Writetime => Kind::Writetime,
                    WritetimeKind::MaxWritetime => Kind::MaxWritetime,
                    WritetimeKind::Ttl => Kind::Ttl,
                };
                let Some(column) = selected.root_column() else {
                    return Err(Error::invalid(format!(
                        "Cannot use selection function {} here",
                        kind.name()
                    )));
                };
                Selectable::Timestamp { kind, column, selected }
            }
            ast::Selectable::Cast { selectable, ty } => {
                Selectable::Cast { selected: boxed(selectable)?, to: cql_type::resolve_native(*ty) }
            }
            ast::Selectable::FunctionCall { name, args } => self.function(name, all(args)?)?,
            ast::Selectable::BinaryOp { op, left, right } => {
                let arguments = vec![self.find(left)?, self.find(right)?];
                self.call(operator_name(*op), "", arguments)?
            }
            ast::Selectable::Negate(inner) => {
                self.call(FunctionName::Negation, "_negate", vec![self.find(inner)?])?
            }
            ast::Selectable::Field { receiver, field } => {
                Selectable::Field { selected: boxed(receiver)?, field }
            }
            ast::Selectable::Element { receiver, key } => {
                Selectable::Element { selected: boxed(receiver)?, key }
            }
            ast::Selectable::Slice { receiver, from, to } => {
                Selectable::Slice { selected: boxed(receiver)?, from: from.as_ref(), to: to.as_ref() }
            }
            ast::Selectable::TypeHint { ty, selectable } => {
                let selected = boxed(selectable)?;
                let to = cql_type::resolve(ty, self.terms.schema, self.terms.keyspace)?.freeze();
                Selectable::TypeHint {
                    written: text::cql_type(&in_keyspace(ty, self.terms.keyspace)),
                    to,
                    selected,
                }
            }
            ast::Selectable::ParenthesesOrTuple(list) => Selectable::ParenthesesOrTuple(all(list)?),
            ast::Selectable::List(list) => Selectable::List(all(list)?),
            ast::Selectable::Set(list) => Selectable::Set(all(list)?),
            ast::Selectable::MapOrUserType(entries) => Selectable::MapOrUserType(entries),
        })
    }

    fn function(
        &self,
        name: &ast::QualifiedName,
        arguments: Vec<Selectable<'a>>,
    ) -> Result<Selectable<'a>, Error> {
        let keyspace = name.keyspace.as_ref().map(|k| k.as_str());
        let is_native = keyspace.is_none_or(|k| k == "system");
        // COUNT of a constant counts rows, as COUNT(*) does.
        if let [Selectable::Term(ast::Term::Constant(_))] = &arguments[..]
            && is_native
            && name.name.as_str() == "count"
        {
            return self.call(FunctionName::Named(Some("system"), "countRows"), "count", Vec::new());
        }
        let written = text::qualified(name);
        self.call(FunctionName::Named(keyspace, name.name.as_str()), &written, arguments)
    }

    fn call(
        &self,
        name: FunctionName<'_>,
        written: &str,
        arguments: Vec<Selectable<'a>>,
    ) -> Result<Selectable<'a>, Error> {
        match self.resolve(name, &arguments)? {
            Some(function) => Ok(Selectable::Call { function, arguments }),
            None if matches!(written, "from_json" | "fromjson") => Err(Error::invalid(format!(
                "{written}() cannot be used in the selection clause of a SELECT statement"
            ))),
            None => Err(Error::invalid(format!("Unknown function '{written}'"))),
        }
    }

    /// The function that is meant with these arguments, if there is one of that name.
    pub(super) fn resolve(
        &self,
        name: FunctionName<'_>,
        arguments: &[Selectable<'a>],
    ) -> Result<Option<Arc<Function>>, Error> {
        let arguments: Vec<FoundArgument<'_, '_, '_>> =
            arguments.iter().map(|selectable| FoundArgument { selectable, finder: *self }).collect();
        let arguments: Vec<&dyn Argument> = arguments.iter().map(|a| a as &dyn Argument).collect();
        let site = CallSite {
            keyspace: &self.table.keyspace,
            table: &self.table.name,
            partition_key: self.key_types,
            receiver: None,
        };
        function::resolve(name, &arguments, site)
    }

    /// How well it fits a receiver (Cassandra: `testAssignment`).
    fn test(&self, selectable: &Selectable<'a>, receiver: &Receiver) -> Result<TestResult, Error> {
        let to = &receiver.cql_type;
        match selectable {
            Selectable::Term(term) => self.terms.test(term, receiver),
            Selectable::TypeHint { to: hint, .. } => Ok(test_type(to, hint)),
            Selectable::ParenthesesOrTuple(parts) => self.test_tuple(parts, receiver),
            Selectable::List(parts) => match to {
                CqlType::List { element, .. } => self.test_all(parts, &value_of(receiver, element)),
                CqlType::Vector { element, dimension } if parts.len() == *dimension => {
                    self.test_all(parts, &value_of(receiver, element))
                }
                _ => Ok(TestResult::No),
            },
            Selectable::Set(parts) => match to {
                CqlType::Set { element, .. } => self.test_all(parts, &value_of(receiver, element)),
                CqlType::Map { .. } if parts.is_empty() => Ok(TestResult::Weak),
                _ => Ok(TestResult::No),
            },
            Selectable::MapOrUserType(entries) => self.test_map_or_user_type(entries, receiver),
            other => Ok(other.exact_type().map_or(TestResult::No, |from| test_type(to, &from))),
        }
    }

    /// Whether it can be taken for that type.
    pub(super) fn fits(&self, selectable: &Selectable<'a>, receiver: &Receiver) -> Result<bool, Error> {
        self.test(selectable, receiver).map(TestResult::is_assignable)
    }

    fn test_all(&self, parts: &[Selectable<'a>], receiver: &Receiver) -> Result<TestResult, Error> {
        let mut worst = if parts.is_empty() { TestResult::Weak } else { TestResult::Exact };
        for part in parts {
            worst = worst.max(self.test(part, receiver)?);
        }
        Ok(worst)
    }

    fn test_tuple(&self, parts: &[Selectable<'a>], receiver: &Receiver) -> Result<TestResult, Error> {
        match (&receiver.cql_type, parts) {
            (CqlType::Tuple(types), _) => {
                if parts.len() > types.len() {
                    return Ok(TestResult::No);
                }
                for (part, cql_type) in parts.iter().zip(types.iter()) {
                    let component = receiver.part(receiver.name.clone(), cql_type.clone());
                    if !self.fits(part, &component)? {
                        return Ok(TestResult::No);
                    }
                }
                Ok(TestResult::Weak)
            }
            (_, [only]) => self.test(only, receiver),
            _ => Ok(TestResult::No),
        }
    }

    fn test_map_or_user_type(
        &self,
        entries: &'a [(ast::Selectable, ast::Selectable)],
        receiver: &Receiver,
    ) -> Result<TestResult, Error> {
        match &receiver.cql_type {
            CqlType::User { user_type, .. } => {
                for (key, value) in entries {
                    let index = field_index(key, &receiver.cql_type)?;
                    let Some((_, field_type)) = user_type.fields.get(index) else {
                        return Ok(TestResult::No);
                    };
                    let field = receiver.part(receiver.name.clone(), field_type.clone());
                    if !self.fits(&self.find(value)?, &field)? {
                        return Ok(TestResult::No);
                    }
                }
                Ok(TestResult::Weak)
            }
            CqlType::Map { key: key_type, value: value_type, .. } => {
                let mut worst = TestResult::Exact;
                for (key, value) in entries {
                    worst = worst.max(self.test(&self.find(key)?, &key_of(receiver, key_type))?);
                    worst = worst.max(self.test(&self.find(value)?, &value_of(receiver, value_type))?);
                }
                Ok(worst)
            }
            _ => Ok(TestResult::No),
        }
    }

    /// Whether it reads a column for which `test` holds.
    pub(super) fn reads(&self, selectable: &Selectable<'a>, test: &dyn Fn(&ColumnMetadata) -> bool) -> bool {
        let any = |parts: &[Selectable<'a>]| parts.iter().any(|part| self.reads(part, test));
        match selectable {
            Selectable::Column(column) => test(column),
            Selectable::Term(_) => false,
            Selectable::Call { arguments, .. } => any(arguments),
            Selectable::Timestamp { selected, .. }
            | Selectable::Cast { selected, .. }
            | Selectable::Field { selected, .. }
            | Selectable::Element { selected, .. }
            | Selectable::Slice { selected, .. }
            | Selectable::TypeHint { selected, .. } => self.reads(selected, test),
            Selectable::ParenthesesOrTuple(parts) | Selectable::List(parts) | Selectable::Set(parts) => {
                any(parts)
            }
            // That a value does not read such a column counts too: an oversight of Cassandra's.
            Selectable::MapOrUserType(entries) => entries.iter().any(|(key, value)| {
                let reads = |s: &'a ast::Selectable| self.find(s).is_ok_and(|s| self.reads(&s, test));
                (!matches!(key, ast::Selectable::Column(_)) && reads(key)) || !reads(value)
            }),
        }
    }
}

/// Which field of a user type is meant by that key; `Invalid` where it is none.
pub(super) fn field_index(key: &ast::Selectable, cql_type: &CqlType) -> Result<usize, Error> {
    let CqlType::User { user_type, .. } = cql_type else {
        return Err(Error::server("a user type is expected here"));
    };
    let ast::Selectable::Column(name) = key else {
        return Err(Error::invalid(format!(
            "A key is not a valid field identifier of type {} ",
            user_type.name
        )));
    };
    let index = user_type.fields.iter().position(|(field, _)| field == name.as_str());
    index.ok_or_else(|| {
        Error::invalid(format!(
            "Unknown field '{}' in value of user defined type {}",
            name.as_str(),
            user_type.name
        ))
    })
}

fn list_of(element: CqlType) -> CqlType {
    CqlType::List { element: element.into(), frozen: true }
}

fn set_of(element: CqlType) -> CqlType {
    CqlType::Set { element: element.into(), frozen: true }
}

impl<'a> Selectable<'a> {
    /// The column of which it is, or selects a part.
    fn root_column(&self) -> Option<&'a ColumnMetadata> {
        match self {
            Self::Column(column) => Some(column),
            Self::Field { selected, .. } | Self::Element { selected, .. } | Self::Slice { selected, .. } => {
                selected.root_column()
            }
            _ => None,
        }
    }

    /// Its type, where it can have no other (Cassandra: `getExactTypeIfKnown`).
    pub(super) fn exact_type(&self) -> Option<CqlType> {
        match self {
            Self::Column(column) => Some(column.cql_type.clone()),
            Self::Term(ast::Term::Constant(_) | ast::Term::Null | ast::Term::BindMarker(_)) => None,
            Self::Term(_) | Self::MapOrUserType(_) => None,
            Self::Timestamp { kind, column, .. } => Some(kind.return_type(column.cql_type.is_multi_cell())),
            Self::Call { function, .. } => Some(function.return_type.clone()),
            Self::Cast { to, .. } | Self::TypeHint { to, .. } => Some(to.clone()),
            Self::Field { selected, field } => match selected.exact_type()? {
                CqlType::User { user_type, .. } => {
                    user_type.fields.iter().find(|(name, _)| name == field.as_str()).map(|(_, t)| t.clone())
                }
                _ => None,
            },
            Self::Element { selected, .. } => match selected.exact_type()? {
                CqlType::Map { value, .. } => Some((*value).clone()),
                CqlType::Set { element, .. } | CqlType::List { element, .. } => Some((*element).clone()),
                _ => None,
            },
            Self::Slice { selected, .. } => selected.exact_type().filter(CqlType::is_collection),
            Self::ParenthesesOrTuple(parts) if parts.len() > 1 => parts
                .iter()
                .map(Self::exact_type)
                .collect::<Option<Vec<_>>>()
                .map(|t| CqlType::Tuple(t.into())),
            Self::ParenthesesOrTuple(_) => None,
            Self::List(parts) => parts.iter().find_map(Self::exact_type).map(list_of),
            Self::Set(parts) => parts.iter().find_map(Self::exact_type).map(set_of),
        }
    }

    /// Its type, or that which it has for preference (Cassandra: `getCompatibleTypeIfKnown`).
    fn compatible_type(&self, terms: &TermPlanner<'_>) -> Option<CqlType> {
        let common = |parts: &[Self]| {
            let types: Vec<_> = parts.iter().filter_map(|part| part.compatible_type(terms)).collect();
            let fits_all = |to: &&CqlType| types.iter().all(|from| test_type(to, from).is_assignable());
            types.iter().find(fits_all).cloned()
        };
        match self {
            Self::Term(term) => known_type(term, terms),
            Self::ParenthesesOrTuple(parts) if parts.len() > 1 => parts
                .iter()
                .map(|part| part.compatible_type(terms))
                .collect::<Option<Vec<_>>>()
                .map(|types| CqlType::Tuple(types.into())),
            Self::List(parts) => common(parts).map(list_of),
            Self::Set(parts) => common(parts).map(set_of),
            other => other.exact_type(),
        }
    }

    /// As messages have it.
    pub(super) fn text(&self) -> String {
        let join = |parts: &[Self]| parts.iter().map(Self::text).collect::<Vec<_>>().join(", ");
        match self {
            Self::Column(column) => column.name.clone(),
            Self::Term(term) => text_of(term),
            Self::Timestamp { kind, selected, .. } => format!("{}({})", kind.name(), selected.text()),
            Self::Call { function, arguments } => {
                call_name(function, &arguments.iter().map(Self::text).collect::<Vec<_>>())
            }
            Self::Cast { selected, to } => format!("cast({} as {to})", selected.text()),
            Self::Field { selected, field } => format!("{}.{}", selected.text(), field.as_str()),
            Self::Element { selected, key } => format!("{}[{}]", selected.text(), text_of(key)),
            Self::Slice { selected, from, to } => {
                let text = |term: &Option<&ast::Term>| term.map(text_of).unwrap_or_default();
                format!("{}[{}..{}]", selected.text(), text(from), text(to))
            }
            Self::TypeHint { written, selected, .. } => format!("({written}){}", selected.text()),
            Self::ParenthesesOrTuple(parts) => format!("({})", join(parts)),
            Self::List(parts) => format!("[{}]", join(parts)),
            Self::Set(parts) => format!("{{{}}}", join(parts)),
            Self::MapOrUserType(entries) => {
                let entries: Vec<_> = entries
                    .iter()
                    .map(|(key, value)| format!("{}: {}", written(key), written(value)))
                    .collect();
                format!("{{{}}}", entries.join(", "))
            }
        }
    }
}

/// A type with the keyspace of its user types, as Cassandra names it once it was looked up.
fn in_keyspace(ty: &ast::CqlType, keyspace: &str) -> ast::CqlType {
    let inner = |ty: &ast::CqlType| Box::new(in_keyspace(ty, keyspace));
    match ty {
        ast::CqlType::List(element) => ast::CqlType::List(inner(element)),
        ast::CqlType::Set(element) => ast::CqlType::Set(inner(element)),
        ast::CqlType::Map(key, value) => ast::CqlType::Map(inner(key), inner(value)),
        ast::CqlType::Tuple(types) => {
            ast::CqlType::Tuple(types.iter().map(|t| in_keyspace(t, keyspace)).collect())
        }
        ast::CqlType::Vector(element, dimension) => ast::CqlType::Vector(inner(element), *dimension),
        ast::CqlType::Frozen(of) => ast::CqlType::Frozen(inner(of)),
        ast::CqlType::UserType(name) => ast::CqlType::UserType(ast::QualifiedName {
            keyspace: name.keyspace.clone().or_else(|| Some(keyspace.into())),
            name: name.name.clone(),
        }),
        other => other.clone(),
    }
}

/// A part of a map or user type, as messages have it.
fn written(selectable: &ast::Selectable) -> String {
    match selectable {
        ast::Selectable::Column(name) => name.as_str().to_owned(),
        ast::Selectable::Term(term) => text_of(term),
        other => other.to_string(),
    }
}

/// The name of a call in results (Cassandra: `Function.columnName`).
pub(super) fn call_name(function: &Function, arguments: &[String]) -> String {
    let operator = match function.name.as_str() {
        "countRows" => return "count".to_owned(),
        "_negate" => return format!("-{}", arguments.concat()),
        "_add" => '+',
        "_substract" => '-',
        "_multiply" => '*',
        "_divide" => '/',
        "_modulo" => '%',
        name => {
            return match name.strip_prefix("cast_as_") {
                Some(_) => format!("cast({} as {})", arguments.concat(), function.return_type),
                None => format!("{}({})", function.name(), arguments.join(", ")),
            };
        }
    };
    arguments.join(&format!(" {operator} "))
}

struct FoundArgument<'s, 'a, 'p> {
    selectable: &'s Selectable<'a>,
    finder: Finder<'a, 'p>,
}

impl Argument for FoundArgument<'_, '_, '_> {
    fn test(&self, receiver: &Receiver) -> Result<TestResult, Error> {
        self.finder.test(self.selectable, receiver)
    }

    fn known_type(&self) -> Option<CqlType> {
        self.selectable.compatible_type(self.finder.terms)
    }

    fn text(&self) -> String {
        self.selectable.text()
    }

    fn is_marker(&self) -> bool {
        matches!(self.selectable, Selectable::Term(ast::Term::BindMarker(_)))
    }

    fn array_size(&self) -> Option<usize> {
        match self.selectable {
            Selectable::List(elements) => Some(elements.len()),
            _ => None,
        }
    }

    fn is_descending(&self) -> bool {
        matches!(self.selectable, Selectable::Column(column) if column.is_reversed())
    }
}
