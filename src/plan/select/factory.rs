//! Selectables made into selectors (Cassandra: `Selectable.newSelectorFactory`).

use cql_grammar::ast;

use super::selectable::{Finder, Selectable, call_name, field_index};
use crate::error::Error;
use crate::exec::functions::{Function, of_mask};
use crate::exec::select::selector::{AggregateCall, MaskedColumn, Selector};
use crate::exec::select::source::Source;
use crate::plan::assign::Receiver;
use crate::plan::function::FunctionName;
use crate::plan::markers::BindMarkers;
use crate::plan::term::{TermPlanner, key_of, text_of, value_of};
use crate::schema::{ColumnMetadata, Schema, TableMetadata};
use crate::types::CqlType;

/// A selector, and what its column in the result is called.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) selector: Selector,
    pub(super) name: String,
    pub(super) cql_type: CqlType,
}

/// Makes selectors, and notes which columns they read and which aggregates they hold.
pub(super) struct SelectorFactory<'a, 'm> {
    pub(super) table: &'a TableMetadata,
    pub(super) schema: &'m Schema,
    pub(super) key_types: &'m [CqlType],
    pub(super) markers: &'m mut BindMarkers,
    /// The columns that are read, in the order of their first mention.
    pub(super) columns: Vec<&'a ColumnMetadata>,
    pub(super) aggregates: Vec<AggregateCall>,
}

/// The selector of a column, with its mask.
fn column_selector(column: &ColumnMetadata, table: &TableMetadata) -> Result<Selector, Error> {
    let source = Source::of(column, table.partition_key.len());
    let Some(mask) = &column.mask else { return Ok(Selector::Column(source)) };
    let function = of_mask(mask, &column.cql_type)?.ok_or_else(|| {
        Error::server(format!("there is no function for the mask {mask} of {}", column.name))
    })?;
    let arguments = mask.arguments.iter().map(|(_, value)| value.clone()).collect();
    Ok(Selector::Masked(Box::new(MaskedColumn { source, function, arguments })))
}

fn cannot_infer(selectable: &Selectable<'_>) -> Error {
    Error::invalid(format!(
        "Cannot infer type for term {} in selection clause (try using a cast to force a type)",
        selectable.text()
    ))
}

impl<'a, 'm> SelectorFactory<'a, 'm> {
    /// A factory for selectors of that table.
    pub(super) fn new(
        table: &'a TableMetadata,
        schema: &'m Schema,
        key_types: &'m [CqlType],
        markers: &'m mut BindMarkers,
    ) -> Self {
        Self { table, schema, key_types, markers, columns: Vec::new(), aggregates: Vec::new() }
    }

    fn terms(&mut self) -> TermPlanner<'_> {
        TermPlanner { schema: self.schema, keyspace: &self.table.keyspace, markers: self.markers }
    }

    /// What is meant by that.
    pub(super) fn find(&mut self, written: &'a ast::Selectable) -> Result<Selectable<'a>, Error> {
        self.with_finder(|finder| finder.find(written))
    }

    /// Does something that looks for columns and functions.
    fn with_finder<T>(&mut self, body: impl FnOnce(&Finder<'a, '_>) -> Result<T, Error>) -> Result<T, Error> {
        let terms =
            TermPlanner { schema: self.schema, keyspace: &self.table.keyspace, markers: self.markers };
        body(&Finder { table: self.table, key_types: self.key_types, terms: &terms })
    }

    fn read(&mut self, column: &'a ColumnMetadata) {
        if !self.columns.iter().any(|c| c.id == column.id) {
            self.columns.push(column);
        }
    }

    /// The selector of a selectable, of which that type is expected where nothing else says one.
    pub(super) fn make(
        &mut self,
        selectable: &Selectable<'a>,
        expected: Option<&CqlType>,
    ) -> Result<Made, Error> {
        match selectable {
            Selectable::Column(column) => {
                self.read(column);
                Ok(Made {
                    selector: column_selector(column, self.table)?,
                    name: column.name.clone(),
                    cql_type: column.cql_type.clone(),
                })
            }
            Selectable::Term(term) => self.term(selectable, term, expected),
            Selectable::Timestamp { kind, column, selected } => {
                if column.is_primary_key() {
                    return Err(Error::invalid(format!(
                        "Cannot use selection function {} on PRIMARY KEY part {}",
                        kind.name(),
                        column.name
                    )));
                }
                let made = self.make(selected, expected)?;
                self.read(column);
                Ok(Made {
                    name: format!("{}({})", kind.name(), made.name),
                    cql_type: kind.return_type(made.cql_type.is_multi_cell()),
                    selector: Selector::Timestamp { kind: *kind, selected: Box::new(made.selector) },
                })
            }
            Selectable::Call { function, arguments } => {
                let mut made = Vec::with_capacity(arguments.len());
                for (i, argument) in arguments.iter().enumerate() {
                    made.push(self.make(argument, function.arg_types.get(i))?);
                }
                self.call(function.clone(), made)
            }
            Selectable::Cast { selected, to } => self.cast(selected, to),
            Selectable::Field { selected, field } => self.field(selected, field),
            Selectable::Element { selected, key } => self.element(selectable, selected, key),
            Selectable::Slice { selected, from, to } => {
                self.slice(selectable, selected, *from, *to, expected)
            }
            Selectable::TypeHint { written, to, selected } => {
                let (keyspace, table) = (&self.table.keyspace, &self.table.name);
                let receiver = Receiver::named(keyspace, table, &selectable.text(), to.clone());
                if !self.with_finder(|finder| finder.fits(selected, &receiver))? {
                    let text = selectable.text();
                    return Err(Error::invalid(format!("Cannot assign value {text} to {text} of type {to}")));
                }
                let made = self.make(selected, Some(to))?;
                let name = format!("({written}){}", made.name);
                Ok(Made { selector: made.selector, name, cql_type: to.clone() })
            }
            Selectable::ParenthesesOrTuple(parts) => self.parentheses_or_tuple(selectable, parts, expected),
            Selectable::List(parts) => self.list(selectable, parts, expected),
            Selectable::Set(parts) => self.set(selectable, parts, expected),
            Selectable::MapOrUserType(entries) => self.map_or_user_type(selectable, entries, expected),
        }
    }

    fn term(
        &mut self,
        selectable: &Selectable<'a>,
        term: &'a ast::Term,
        expected: Option<&CqlType>,
    ) -> Result<Made, Error> {
        let cql_type = expected.cloned().ok_or_else(|| cannot_infer(selectable))?;
        let (keyspace, table) = (&self.table.keyspace, &self.table.name);
        let receiver = Receiver::named(keyspace, table, "[selection]", cql_type.clone());
        let selector = Selector::Term(self.terms().prepare(term, &receiver)?);
        Ok(Made { selector, name: text_of(term), cql_type })
    }

    fn call(&mut self, function: std::sync::Arc<Function>, made: Vec<Made>) -> Result<Made, Error> {
        let names: Vec<String> = made.iter().map(|m| m.name.clone()).collect();
        let (name, cql_type) = (call_name(&function, &names), function.return_type.clone());
        let arguments: Vec<Selector> = made.into_iter().map(|m| m.selector).collect();
        if !function.is_aggregate() {
            return Ok(Made { selector: Selector::Call { function, arguments }, name, cql_type });
        }
        if arguments.iter().any(Selector::is_aggregate) {
            return Err(Error::invalid(
                "aggregate functions cannot be used as arguments of aggregate functions",
            ));
        }
        self.aggregates.push(AggregateCall { function, arguments });
        Ok(Made { selector: Selector::Aggregate(self.aggregates.len() - 1), name, cql_type })
    }

    fn cast(&mut self, selected: &Selectable<'a>, to: &CqlType) -> Result<Made, Error> {
        let made = self.make(selected, None)?;
        // A cast of a value to its own type does nothing at all, not even to its name. To Cassandra the type of a
        // column in descending order is another one.
        let is_reversed = matches!(selected, Selectable::Column(column) if column.is_reversed());
        if made.cql_type == *to && !is_reversed {
            return Ok(made);
        }
        let name = format!("cast_as_{to}");
        let arguments = std::slice::from_ref(selected);
        let found =
            self.with_finder(|finder| finder.resolve(FunctionName::Named(Some("system"), &name), arguments))?;
        match found {
            Some(function) => self.call(function, vec![made]),
            None => {
                let first = self.columns.first().map_or("", |c| c.name.as_str());
                Err(Error::invalid(format!("{first} cannot be cast to {to}")))
            }
        }
    }

    fn field(&mut self, selected: &Selectable<'a>, field: &ast::Name) -> Result<Made, Error> {
        let expected = match selected {
            Selectable::ParenthesesOrTuple(parts) => parts.first().and_then(Selectable::exact_type),
            _ => None,
        };
        let made = self.make(selected, expected.as_ref())?;
        let (text, field) = (selected.text(), field.as_str());
        let CqlType::User { user_type, .. } = &made.cql_type else {
            let of = &made.cql_type;
            return Err(Error::invalid(format!(
                "Invalid field selection: {text} of type {of} is not a user type"
            )));
        };
        let Some(index) = user_type.fields.iter().position(|(name, _)| name == field) else {
            let of = &made.cql_type;
            return Err(Error::invalid(format!("{text} of type {of} has no field {field}")));
        };
        let cql_type = user_type.fields[index].1.clone();
        let name = format!("{}.{field}", made.name);
        Ok(Made { selector: Selector::Field { selected: Box::new(made.selector), index }, name, cql_type })
    }

    /// What receives the keys of elements and slices.
    fn key_receiver(&self, made: &Made, selected: &Selectable<'a>, what: &str) -> Result<Receiver, Error> {
        let (keyspace, table) = (&self.table.keyspace, &self.table.name);
        let receiver = Receiver::named(keyspace, table, &made.name, made.cql_type.clone());
        match &made.cql_type {
            CqlType::Map { key, .. } => Ok(key_of(&receiver, key)),
            CqlType::Set { element, .. } => Ok(value_of(&receiver, element)),
            CqlType::List { .. } => Err(Error::invalid(format!(
                "{what} selection is only allowed on sets and maps, but {} is a list",
                selected.text()
            ))),
            other if what == "Element" => Err(Error::invalid(format!(
                "Invalid element selection: {} is of type {other} is not a collection",
                selected.text()
            ))),
            other => Err(Error::invalid(format!(
                "Invalid slice selection: {} of type {other} is not a collection",
                selected.text()
            ))),
        }
    }

    fn element(
        &mut self,
        selectable: &Selectable<'a>,
        selected: &Selectable<'a>,
        key: &ast::Term,
    ) -> Result<Made, Error> {
        let made = self.make(selected, None)?;
        let receiver = self.key_receiver(&made, selected, "Element")?;
        let key = self.terms().prepare(key, &receiver)?;
        let cql_type = match &made.cql_type {
            CqlType::Map { value, .. } => (**value).clone(),
            _ => receiver.cql_type,
        };
        let selector = Selector::Element {
            selected: Box::new(made.selector),
            cql_type: made.cql_type,
            key,
            name: made.name,
        };
        Ok(Made { selector, name: selectable.text(), cql_type })
    }

    fn slice(
        &mut self,
        selectable: &Selectable<'a>,
        selected: &Selectable<'a>,
        from: Option<&ast::Term>,
        to: Option<&ast::Term>,
        expected: Option<&CqlType>,
    ) -> Result<Made, Error> {
        let made = self.make(selected, expected)?;
        let receiver = self.key_receiver(&made, selected, "Slice")?;
        let from = from.map(|term| self.terms().prepare(term, &receiver)).transpose()?;
        let to = to.map(|term| self.terms().prepare(term, &receiver)).transpose()?;
        let cql_type = made.cql_type.clone();
        let selector = Selector::Slice {
            selected: Box::new(made.selector),
            cql_type: made.cql_type,
            from,
            to,
            name: made.name,
        };
        Ok(Made { selector, name: selectable.text(), cql_type })
    }

    fn all<'t>(
        &mut self,
        parts: &[Selectable<'a>],
        types: impl Fn(usize) -> Option<&'t CqlType>,
    ) -> Result<(Vec<Option<Selector>>, Vec<String>), Error> {
        let (mut selectors, mut names) = (Vec::new(), Vec::new());
        for (i, part) in parts.iter().enumerate() {
            let made = self.make(part, types(i))?;
            selectors.push(Some(made.selector));
            names.push(made.name);
        }
        Ok((selectors, names))
    }

    fn parentheses_or_tuple(
        &mut self,
        selectable: &Selectable<'a>,
        parts: &[Selectable<'a>],
        expected: Option<&CqlType>,
    ) -> Result<Made, Error> {
        let known = selectable.exact_type().or_else(|| expected.cloned());
        let cql_type = known.ok_or_else(|| cannot_infer(selectable))?;
        match (&cql_type, parts) {
            (CqlType::Tuple(types), _) => {
                if parts.len() > types.len() {
                    return Err(Error::invalid(format!(
                        "Invalid tuple literal: too many elements. Type {cql_type} expects {} but got {}",
                        types.len(),
                        parts.len()
                    )));
                }
                let (parts, names) = self.all(parts, |i| types.get(i))?;
                let name = format!("({})", names.join(", "));
                Ok(Made {
                    selector: Selector::Composite { cql_type: cql_type.clone(), parts },
                    name,
                    cql_type,
                })
            }
            (_, [only]) => {
                let made = self.make(only, expected)?;
                Ok(Made { name: format!("({})", made.name), ..made })
            }
            _ => Err(cannot_infer(selectable)),
        }
    }

    fn list(
        &mut self,
        selectable: &Selectable<'a>,
        parts: &[Selectable<'a>],
        expected: Option<&CqlType>,
    ) -> Result<Made, Error> {
        let known = match expected {
            Some(vector @ CqlType::Vector { .. }) => Some(vector.clone()),
            _ => selectable.exact_type().or_else(|| expected.cloned()),
        };
        let cql_type = known.ok_or_else(|| cannot_infer(selectable))?;
        let element = match &cql_type {
            CqlType::List { element, .. } => element,
            CqlType::Vector { element, dimension } => {
                if parts.len() != *dimension {
                    return Err(Error::invalid(format!(
                        "Unable to create a vector selector of type {cql_type} from {} elements",
                        parts.len()
                    )));
                }
                element
            }
            _ => return Err(cannot_infer(selectable)),
        };
        let (parts, names) = self.all(parts, |_| Some(element))?;
        let name = format!("[{}]", names.join(", "));
        Ok(Made { selector: Selector::Composite { cql_type: cql_type.clone(), parts }, name, cql_type })
    }

    fn set(
        &mut self,
        selectable: &Selectable<'a>,
        parts: &[Selectable<'a>],
        expected: Option<&CqlType>,
    ) -> Result<Made, Error> {
        let known = selectable.exact_type().or_else(|| expected.cloned());
        let cql_type = known.ok_or_else(|| cannot_infer(selectable))?;
        let (parts, names) = match &cql_type {
            CqlType::Map { .. } => (Vec::new(), Vec::new()),
            CqlType::Set { element, .. } if **element == CqlType::Duration => {
                return Err(Error::invalid(format!("Durations are not allowed inside sets: {cql_type}")));
            }
            CqlType::Set { element, .. } => self.all(parts, |_| Some(element))?,
            _ => return Err(cannot_infer(selectable)),
        };
        let name = format!("{{{}}}", names.join(", "));
        Ok(Made { selector: Selector::Composite { cql_type: cql_type.clone(), parts }, name, cql_type })
    }

    fn map_or_user_type(
        &mut self,
        selectable: &Selectable<'a>,
        entries: &'a [(ast::Selectable, ast::Selectable)],
        expected: Option<&CqlType>,
    ) -> Result<Made, Error> {
        let cql_type = expected.cloned().ok_or_else(|| cannot_infer(selectable))?;
        let mut names = Vec::with_capacity(entries.len());
        let parts = match &cql_type {
            CqlType::User { user_type, .. } => {
                let mut fields: Vec<Option<Selector>> = user_type.fields.iter().map(|_| None).collect();
                for (key, value) in entries {
                    let index = field_index(key, &cql_type)?;
                    let (field, field_type) = &user_type.fields[index];
                    let value = self.with_finder(|finder| finder.find(value))?;
                    let made = self.make(&value, Some(field_type))?;
                    names.push(format!("{field}: {}", made.name));
                    fields[index] = Some(made.selector);
                }
                fields
            }
            CqlType::Map { key: key_type, value: value_type, .. } => {
                if **key_type == CqlType::Duration {
                    return Err(Error::invalid(format!("Durations are not allowed as map keys: {cql_type}")));
                }
                let mut parts = Vec::with_capacity(entries.len() * 2);
                for (key, value) in entries {
                    let (key, value) =
                        self.with_finder(|finder| Ok((finder.find(key)?, finder.find(value)?)))?;
                    let (key, value) =
                        (self.make(&key, Some(key_type))?, self.make(&value, Some(value_type))?);
                    names.push(format!("{}: {}", key.name, value.name));
                    parts.extend([Some(key.selector), Some(value.selector)]);
                }
                parts
            }
            _ => return Err(cannot_infer(selectable)),
        };
        let name = format!("{{{}}}", names.join(", "));
        Ok(Made { selector: Selector::Composite { cql_type: cql_type.clone(), parts }, name, cql_type })
    }
}
