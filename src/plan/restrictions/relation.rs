//! Relations as written, made into restrictions (Cassandra: `Relation.toRestriction`).

use cql_grammar::ast::{self, InValues, Relation};

use super::text::{operator_text, relation_text};
use crate::error::Error;
use crate::exec::restrictions::{
    Contains, Restriction, RestrictionKind, Side, TermSlice, TokenRestriction, TupleTerm,
};
use crate::exec::term::Term;
use crate::plan::assign::Receiver;
use crate::plan::table::existing_column;
use crate::plan::term::{TermPlanner, key_of, text_of, value_of};
use crate::schema::{ColumnKind, ColumnMetadata, TableMetadata};
use crate::types::{CqlType, maybe_quoted as quoted};

/// What a relation restricts.
pub(super) enum Restricted {
    /// Columns.
    Columns(Restriction),
    /// The token of the partition key.
    Token(TokenRestriction),
}

/// Makes restrictions of relations.
pub(super) struct RelationPlanner<'p, 's> {
    pub(super) table: &'p TableMetadata,
    pub(super) terms: &'p mut TermPlanner<'s>,
}

impl RelationPlanner<'_, '_> {
    pub(super) fn restriction(&mut self, relation: &Relation) -> Result<Restricted, Error> {
        let restriction = match relation {
            Relation::Column { column, op, value } => self.column(relation, column, *op, value)?,
            Relation::IsNotNull { .. } => {
                return Err(Error::invalid(format!("Unsupported restriction: {}", relation_text(relation))));
            }
            Relation::In { column, values } => self.column_in(column, values)?,
            Relation::Element { column, key, op, value } => {
                self.element(relation, column, key, *op, value)?
            }
            Relation::Token { columns, op, value } => {
                return self.token(relation, columns, *op, value).map(Restricted::Token);
            }
            Relation::Tuple { columns, op, value } => self.tuple(relation, columns, *op, value)?,
            Relation::TupleIn { columns, values } => self.tuple_in(relation, columns, values)?,
            Relation::Expression { index, .. } => {
                return Err(Error::invalid(format!(
                    "Invalid index expression, index {} not found for {}.{}",
                    index.as_str(),
                    quoted(&self.table.keyspace),
                    quoted(&self.table.name)
                )));
            }
        };
        Ok(Restricted::Columns(restriction))
    }

    fn column(
        &mut self,
        relation: &Relation,
        name: &ast::Name,
        op: ast::Operator,
        value: &ast::Term,
    ) -> Result<Restriction, Error> {
        if op == ast::Operator::Neq {
            return Err(Error::invalid(format!("Unsupported \"!=\" relation: {}", relation_text(relation))));
        }
        let column = existing_column(self.table, name)?;
        let receiver = Receiver::column(self.table, column);
        let kind = match op {
            ast::Operator::Contains | ast::Operator::ContainsKey => {
                let is_key = op == ast::Operator::ContainsKey;
                let part = contained(column, &receiver, is_key)?;
                let term = self.terms.prepare(value, &part)?;
                let mut contains = Contains::default();
                if is_key { &mut contains.keys } else { &mut contains.values }.push(term);
                RestrictionKind::Contains(contains)
            }
            ast::Operator::Like => {
                check_whole(column, "LIKE")?;
                self.terms.prepare(value, &receiver)?;
                return Err(Error::invalid(format!(
                    "LIKE restriction is only supported on properly indexed columns. {} is not valid.",
                    relation_text(relation)
                )));
            }
            _ => {
                if let Some(bound) = bound(op) {
                    check_no_duration(column)?;
                    check_whole(column, operator_text(op))?;
                    let term = self.terms.prepare(value, &receiver)?;
                    RestrictionKind::Slice(slice(bound, TupleTerm::One(term)))
                } else {
                    check_whole(column, operator_text(op))?;
                    RestrictionKind::Eq(TupleTerm::One(self.terms.prepare(value, &receiver)?))
                }
            }
        };
        Ok(Restriction { columns: vec![column.clone()], is_multi: false, kind })
    }

    fn column_in(&mut self, name: &ast::Name, values: &InValues) -> Result<Restriction, Error> {
        let column = existing_column(self.table, name)?;
        check_whole(column, "IN")?;
        let receiver = Receiver::column(self.table, column);
        let kind = match values {
            InValues::Marker(marker) => {
                let mut list =
                    receiver.part(format!("in({})", column.name), list_of(column.cql_type.clone()));
                list.partition_key_position = None;
                RestrictionKind::InMarker(self.terms.marker(marker.index, &list))
            }
            InValues::List(values) => {
                let mut terms = Vec::with_capacity(values.len());
                for value in values {
                    terms.push(TupleTerm::One(self.terms.prepare(value, &receiver)?));
                }
                in_or_eq(terms)
            }
        };
        Ok(Restriction { columns: vec![column.clone()], is_multi: false, kind })
    }

    fn element(
        &mut self,
        relation: &Relation,
        name: &ast::Name,
        key: &ast::Term,
        op: ast::Operator,
        value: &ast::Term,
    ) -> Result<Restriction, Error> {
        if op == ast::Operator::Neq {
            return Err(Error::invalid(format!("Unsupported \"!=\" relation: {}", relation_text(relation))));
        }
        let column = existing_column(self.table, name)?;
        let receiver = Receiver::column(self.table, column);
        let name = &column.name;
        let (key_type, value_type) = match &column.cql_type {
            // To Cassandra the type of a column in descending order is no collection.
            _ if column.is_reversed() => {
                return Err(Error::invalid(format!("Column {name} cannot be used as a map")));
            }
            CqlType::List { .. } => {
                return Err(Error::invalid(format!(
                    "Indexes on list entries ({name}[index] = value) are not currently supported."
                )));
            }
            CqlType::Map { frozen: true, .. } => {
                return Err(Error::invalid(format!(
                    "Map-entry equality predicates on frozen map column {name} are not supported"
                )));
            }
            CqlType::Map { key, value, .. } => (key, value),
            _ => return Err(Error::invalid(format!("Column {name} cannot be used as a map"))),
        };
        if op != ast::Operator::Eq {
            return Err(Error::invalid("Only EQ relations are supported on map entries"));
        }
        let key = self.terms.prepare(key, &key_of(&receiver, key_type))?;
        let value = self.terms.prepare(value, &value_of(&receiver, value_type))?;
        let kind = RestrictionKind::Contains(Contains { entries: vec![(key, value)], ..Contains::default() });
        Ok(Restriction { columns: vec![column.clone()], is_multi: false, kind })
    }

    fn token(
        &mut self,
        relation: &Relation,
        names: &[ast::Name],
        op: ast::Operator,
        value: &ast::Term,
    ) -> Result<TokenRestriction, Error> {
        if op == ast::Operator::Neq {
            return Err(Error::invalid(format!("Unsupported \"!=\" relation: {}", relation_text(relation))));
        }
        let mut columns = Vec::with_capacity(names.len());
        for name in names {
            columns.push(existing_column(self.table, name)?);
        }
        check_token_columns(self.table, &columns)?;
        let (keyspace, table) = (&self.table.keyspace, &self.table.name);
        let receiver = Receiver::named(keyspace, table, "partition key token", CqlType::Bigint);
        match bound(op) {
            Some(bound) => {
                let term = self.terms.prepare(value, &receiver)?;
                Ok(TokenRestriction::Slice(slice(bound, TupleTerm::One(term))))
            }
            None if op == ast::Operator::Eq => {
                Ok(TokenRestriction::Eq(self.terms.prepare(value, &receiver)?))
            }
            None => {
                Err(Error::invalid(format!("{} cannot be used with the token function", operator_text(op))))
            }
        }
    }

    fn tuple(
        &mut self,
        relation: &Relation,
        names: &[ast::Name],
        op: ast::Operator,
        value: &ast::Term,
    ) -> Result<Restriction, Error> {
        if op == ast::Operator::Neq {
            return Err(Error::invalid(format!("Unsupported \"!=\" relation: {}", relation_text(relation))));
        }
        let bound = bound(op);
        if bound.is_none() && op != ast::Operator::Eq {
            let op = operator_text(op);
            return Err(Error::invalid(format!("{op} cannot be used for multi-column relations")));
        }
        let columns = self.tuple_columns(relation, names)?;
        let value = self.tuple_term(&columns, value)?;
        let kind = match bound {
            Some(bound) => RestrictionKind::Slice(slice(bound, value)),
            None => RestrictionKind::Eq(value),
        };
        Ok(Restriction { columns, is_multi: true, kind })
    }

    fn tuple_in(
        &mut self,
        relation: &Relation,
        names: &[ast::Name],
        values: &InValues,
    ) -> Result<Restriction, Error> {
        let columns = self.tuple_columns(relation, names)?;
        let kind = match values {
            InValues::Marker(marker) => {
                if columns.iter().any(|c| c.cql_type.is_collection() && c.cql_type.is_multi_cell()) {
                    return Err(Error::invalid("Non-frozen collection columns do not support IN relations"));
                }
                let (keyspace, table) = (&self.table.keyspace, &self.table.name);
                let name = format!("in({})", names_of(&columns).join(","));
                let receiver = Receiver::named(keyspace, table, &name, list_of(tuple_type(&columns)));
                RestrictionKind::InMarker(self.terms.marker(marker.index, &receiver))
            }
            InValues::List(values) => {
                let mut terms = Vec::with_capacity(values.len());
                for value in values {
                    terms.push(self.tuple_term(&columns, value)?);
                }
                in_or_eq(terms)
            }
        };
        Ok(Restriction { columns, is_multi: true, kind })
    }

    fn tuple_columns(&self, relation: &Relation, names: &[ast::Name]) -> Result<Vec<ColumnMetadata>, Error> {
        let mut columns: Vec<ColumnMetadata> = Vec::with_capacity(names.len());
        for name in names {
            let column = existing_column(self.table, name)?;
            if column.kind != ColumnKind::Clustering {
                return Err(Error::invalid(format!(
                    "Multi-column relations can only be applied to clustering columns but was applied to: {}",
                    column.name
                )));
            }
            if columns.iter().any(|c| c.id == column.id) {
                return Err(Error::invalid(format!(
                    "Column \"{}\" appeared twice in a relation: {}",
                    column.name,
                    relation_text(relation)
                )));
            }
            if columns.last().is_some_and(|last| column.position != last.position + 1) {
                return Err(Error::invalid(format!(
                    "Clustering columns must appear in the PRIMARY KEY order in multi-column relations: {}",
                    relation_text(relation)
                )));
            }
            columns.push(column.clone());
        }
        Ok(columns)
    }

    fn tuple_term(&mut self, columns: &[ColumnMetadata], value: &ast::Term) -> Result<TupleTerm, Error> {
        match value {
            ast::Term::Tuple(elements) => {
                if elements.len() != columns.len() {
                    return Err(Error::invalid(format!(
                        "Expected {} elements in value tuple, but got {}: {}",
                        columns.len(),
                        elements.len(),
                        text_of(value)
                    )));
                }
                let mut terms: Vec<Term> = Vec::with_capacity(elements.len());
                for (column, element) in columns.iter().zip(elements) {
                    terms.push(self.terms.prepare(element, &Receiver::column(self.table, column))?);
                }
                Ok(TupleTerm::Elements(terms))
            }
            other => {
                let (keyspace, table) = (&self.table.keyspace, &self.table.name);
                let name = format!("({})", names_of(columns).join(","));
                let receiver = Receiver::named(keyspace, table, &name, tuple_type(columns));
                Ok(TupleTerm::Packed(self.terms.prepare(other, &receiver)?, name))
            }
        }
    }
}

fn names_of(columns: &[ColumnMetadata]) -> Vec<&str> {
    columns.iter().map(|c| c.name.as_str()).collect()
}

fn tuple_type(columns: &[ColumnMetadata]) -> CqlType {
    CqlType::Tuple(columns.iter().map(|c| c.cql_type.clone()).collect())
}

pub(in crate::plan) fn list_of(element: CqlType) -> CqlType {
    CqlType::List { element: element.into(), frozen: true }
}

/// IN with a single value is an equality.
fn in_or_eq(terms: Vec<TupleTerm>) -> RestrictionKind {
    match <[TupleTerm; 1]>::try_from(terms) {
        Ok([only]) => RestrictionKind::Eq(only),
        Err(terms) => RestrictionKind::In(terms),
    }
}

fn bound(op: ast::Operator) -> Option<(Side, bool)> {
    match op {
        ast::Operator::Lt => Some((Side::End, false)),
        ast::Operator::Lte => Some((Side::End, true)),
        ast::Operator::Gt => Some((Side::Start, false)),
        ast::Operator::Gte => Some((Side::Start, true)),
        _ => None,
    }
}

fn slice((side, inclusive): (Side, bool), term: TupleTerm) -> TermSlice {
    match side {
        Side::Start => TermSlice { start: Some((term, inclusive)), end: None },
        Side::End => TermSlice { start: None, end: Some((term, inclusive)) },
    }
}

/// Refuses relations on whole values that consist of several cells.
fn check_whole(column: &ColumnMetadata, operator: &str) -> Result<(), Error> {
    let (name, cql_type) = (&column.name, &column.cql_type);
    if !cql_type.is_multi_cell() {
        return Ok(());
    }
    Err(Error::invalid(match cql_type {
        CqlType::User { .. } => {
            format!("Non-frozen UDT column '{name}' ({cql_type}) cannot be restricted by any relation")
        }
        _ => {
            format!("Collection column '{name}' ({cql_type}) cannot be restricted by a '{operator}' relation")
        }
    }))
}

fn contained(column: &ColumnMetadata, receiver: &Receiver, is_key: bool) -> Result<Receiver, Error> {
    let name = &column.name;
    // To Cassandra the type of a column in descending order is no collection.
    match (&column.cql_type, is_key) {
        _ if column.is_reversed() && !is_key => {
            Err(Error::invalid(format!("Cannot use CONTAINS on non-collection column {name}")))
        }
        (_, true) if column.is_reversed() => {
            Err(Error::invalid(format!("Cannot use CONTAINS KEY on non-map column {name}")))
        }
        (CqlType::Map { key, .. }, true) => Ok(key_of(receiver, key)),
        (_, true) => Err(Error::invalid(format!("Cannot use CONTAINS KEY on non-map column {name}"))),
        (CqlType::Map { value, .. }, false) => Ok(value_of(receiver, value)),
        (CqlType::List { element, .. } | CqlType::Set { element, .. }, false) => {
            Ok(value_of(receiver, element))
        }
        _ => Err(Error::invalid(format!("Cannot use CONTAINS on non-collection column {name}"))),
    }
}

fn check_no_duration(column: &ColumnMetadata) -> Result<(), Error> {
    // Cassandra does not look into the types of columns in descending order.
    if column.is_reversed() || !references_duration(&column.cql_type) {
        return Ok(());
    }
    Err(Error::invalid(match &column.cql_type {
        t if t.is_collection() => "Slice restrictions are not supported on collections containing durations",
        CqlType::Tuple(_) => "Slice restrictions are not supported on tuples containing durations",
        CqlType::User { .. } => "Slice restrictions are not supported on UDTs containing durations",
        _ => "Slice restrictions are not supported on duration columns",
    }))
}

fn references_duration(cql_type: &CqlType) -> bool {
    match cql_type {
        CqlType::Duration => true,
        CqlType::List { element, .. } | CqlType::Set { element, .. } | CqlType::Vector { element, .. } => {
            references_duration(element)
        }
        CqlType::Map { key, value, .. } => references_duration(key) || references_duration(value),
        CqlType::Tuple(types) => types.iter().any(references_duration),
        CqlType::User { user_type, .. } => user_type.fields.iter().any(|(_, t)| references_duration(t)),
        _ => false,
    }
}

fn check_token_columns(table: &TableMetadata, columns: &[&ColumnMetadata]) -> Result<(), Error> {
    let is = |a: &ColumnMetadata, b: &ColumnMetadata| a.id == b.id;
    let key = &table.partition_key;
    if columns.len() == key.len() && columns.iter().zip(key).all(|(a, b)| is(a, b)) {
        return Ok(());
    }
    if !key.iter().all(|k| columns.iter().any(|c| is(c, k))) {
        return Err(Error::invalid(
            "The token() function must be applied to all partition key components or none of them",
        ));
    }
    if columns.iter().enumerate().any(|(i, c)| columns.iter().take(i).any(|before| is(c, before))) {
        return Err(Error::invalid("The token() function contains duplicate partition key components"));
    }
    if !columns.iter().all(|c| key.iter().any(|k| is(c, k))) {
        return Err(Error::invalid("The token() function must contains only partition key components"));
    }
    Err(Error::invalid(format!(
        "The token function arguments must be in the partition key order: {}",
        names_of(key).join(", ")
    )))
}
