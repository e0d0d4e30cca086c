//! Plans WHERE clauses, of SELECT, UPDATE and DELETE alike (Cassandra: `StatementRestrictions`).
//!
//! For one entity: equality goes with nothing else; there is at most one lower and one upper bound; IN goes with
//! nothing else. Secondary indexes are not known here yet: whatever needs one needs ALLOW FILTERING.

mod relation;
mod set;
mod text;

use cql_grammar::ast::{Operator, Relation};

pub(super) use self::relation::list_of;
use self::relation::{RelationPlanner, Restricted};
use self::set::RestrictionSet;
use super::term::TermPlanner;
use crate::error::Error;
use crate::exec::restrictions::rows::is_handled_by_filter;
use crate::exec::restrictions::{FilterItem, Restriction, Restrictions, TermSlice, TokenRestriction};
use crate::schema::{ColumnKind, TableMetadata};

/// Why a query without ALLOW FILTERING is refused.
pub const REQUIRES_ALLOW_FILTERING: &str = "Cannot execute this query as it might involve data filtering and \
     thus may have unpredictable performance. If you want to execute this query despite the performance \
     unpredictability, use ALLOW FILTERING";

/// Why it is refused where the user may not use ALLOW FILTERING anyway.
const CANNOT_USE_ALLOW_FILTERING: &str = "Cannot execute this query as it might involve data filtering and thus may \
     have unpredictable performance. Executing this query despite the performance unpredictability with ALLOW \
     FILTERING has been disabled by the allow_filtering_enabled property in cassandra.yaml";

/// The statement that a WHERE clause belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are CQL's own statements")]
pub enum StatementKind {
    Select,
    Insert,
    Update,
    Delete,
}

impl StatementKind {
    fn name(self) -> &'static str {
        match self {
            Self::Select => "SELECT",
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }

    fn allows_clustering_slices(self) -> bool {
        matches!(self, Self::Select | Self::Delete)
    }
}

/// A WHERE clause and what it belongs to.
#[derive(Clone, Copy, Debug)]
pub struct WhereClause<'a> {
    /// The statement.
    pub kind: StatementKind,
    /// The relations.
    pub relations: &'a [Relation],
    /// Whether the statement reads or changes only static columns.
    pub only_static_columns: bool,
    /// Whether ALLOW FILTERING is written.
    pub allow_filtering: bool,
    /// Whether the user may write ALLOW FILTERING.
    pub may_allow_filtering: bool,
}

impl WhereClause<'_> {
    fn refused(&self) -> Error {
        Error::invalid(match self.may_allow_filtering {
            true => REQUIRES_ALLOW_FILTERING,
            false => CANNOT_USE_ALLOW_FILTERING,
        })
    }
}

/// Plans a WHERE clause; `Invalid` where it makes no sense, or would need filtering that is not allowed.
pub fn plan(
    table: &TableMetadata,
    clause: WhereClause<'_>,
    terms: &mut TermPlanner<'_>,
) -> Result<Restrictions, Error> {
    let mut builder = Builder::new(table, clause);
    for relation in clause.relations {
        if let Relation::Column { op: op @ (Operator::Contains | Operator::ContainsKey), .. } = relation
            && matches!(clause.kind, StatementKind::Update | StatementKind::Delete)
        {
            let (kind, op) = (clause.kind.name(), text::operator_text(*op));
            return Err(Error::invalid(format!("Cannot use {kind} with {op}")));
        }
        let restricted = RelationPlanner { table, terms }.restriction(relation)?;
        builder.add(restricted)?;
    }
    builder.finish()
}

struct Builder<'a> {
    table: &'a TableMetadata,
    clause: WhereClause<'a>,
    partition_key: RestrictionSet,
    token: Option<TokenRestriction>,
    clustering: RestrictionSet,
    other: RestrictionSet,
}

impl<'a> Builder<'a> {
    fn new(table: &'a TableMetadata, clause: WhereClause<'a>) -> Self {
        Self {
            table,
            clause,
            partition_key: RestrictionSet::default(),
            token: None,
            clustering: RestrictionSet::default(),
            other: RestrictionSet::default(),
        }
    }

    fn add(&mut self, restricted: Restricted) -> Result<(), Error> {
        match restricted {
            Restricted::Token(token) => {
                self.token = Some(match self.token.take() {
                    None => token,
                    Some(existing) => self.merge_tokens(existing, token)?,
                });
                Ok(())
            }
            Restricted::Columns(restriction) => match restriction.first_column().kind {
                ColumnKind::PartitionKey => self.partition_key.add(restriction),
                ColumnKind::Clustering => self.add_clustering(restriction),
                ColumnKind::Static | ColumnKind::Regular => self.other.add(restriction),
            },
        }
    }

    fn merge_tokens(
        &self,
        existing: TokenRestriction,
        other: TokenRestriction,
    ) -> Result<TokenRestriction, Error> {
        let names: Vec<_> = self.table.partition_key.iter().map(|c| c.name.as_str()).collect();
        let names = names.join(", ");
        match (existing, other) {
            (TokenRestriction::Eq(_), _) => Err(Error::invalid(format!(
                "{names} cannot be restricted by more than one relation if it includes an Equal"
            ))),
            (_, TokenRestriction::Eq(_)) => Err(Error::invalid(format!(
                "Columns \"{names}\" cannot be restricted by both an equality and an inequality relation"
            ))),
            (TokenRestriction::Slice(a), TokenRestriction::Slice(b)) => {
                for (both, side) in [
                    (a.start.is_some() && b.start.is_some(), "start"),
                    (a.end.is_some() && b.end.is_some(), "end"),
                ] {
                    if both {
                        return Err(Error::invalid(format!(
                            "More than one restriction was found for the {side} bound on {names}"
                        )));
                    }
                }
                Ok(TokenRestriction::Slice(TermSlice { start: a.start.or(b.start), end: a.end.or(b.end) }))
            }
        }
    }

    /// Adds a restriction on clustering columns; after one that is not an equality no further column may be
    /// restricted (Cassandra: `ClusteringColumnRestrictions.mergeWith`).
    fn add_clustering(&mut self, restriction: Restriction) -> Result<(), Error> {
        let (last, is_slice) = (self.clustering.last().cloned(), restriction.is_slice());
        let new_start = restriction.first_column().clone();
        let next = self.clustering.next_column(&new_start).map(|c| c.name.clone());
        self.clustering.add(restriction)?;
        let Some(last) = last.filter(|_| !self.clause.allow_filtering) else { return Ok(()) };
        let last_start = last.first_column();
        if last.is_slice() && new_start.position > last_start.position {
            return Err(Error::invalid(format!(
                "Clustering column \"{}\" cannot be restricted (preceding column \"{}\" is restricted by a non-EQ relation)",
                new_start.name, last_start.name
            )));
        }
        if new_start.position < last_start.position && is_slice {
            return Err(Error::invalid(format!(
                "PRIMARY KEY column \"{}\" cannot be restricted (preceding column \"{}\" is restricted by a non-EQ relation)",
                next.unwrap_or_default(),
                new_start.name
            )));
        }
        Ok(())
    }

    fn requires_allow_filtering(&self) -> bool {
        !self.clause.allow_filtering && !self.table.filters_implicitly()
    }

    /// Whether some of the partition key's columns are not restricted, by themselves or by the token.
    fn has_unrestricted_key_components(&self) -> bool {
        let by_token_alone = self.token.is_some() && self.partition_key.is_empty();
        !by_token_alone && self.partition_key.len() < self.table.partition_key.len()
    }

    fn filters_partition_key(&self) -> bool {
        !self.partition_key.is_empty()
            && (self.partition_key.len() < self.table.partition_key.len()
                || self.partition_key.any(|r| r.is_slice() || r.is_contains()))
    }

    /// Whether the token decides which partitions are read; where the keys themselves are known, it only filters
    /// them.
    fn is_on_token(&self) -> bool {
        self.token.is_some()
            && (self.filters_partition_key() || self.partition_key.len() < self.table.partition_key.len())
    }

    fn clustering_needs_filtering(&self) -> bool {
        let mut position = 0;
        for restriction in self.clustering.restrictions() {
            if is_handled_by_filter(&restriction, position) {
                return true;
            }
            if !restriction.is_slice() {
                position = restriction.last_column().position + 1;
            }
        }
        false
    }

    fn finish(self) -> Result<Restrictions, Error> {
        let is_key_range = self.check_partition_key()?;
        self.check_only_static()?;
        self.check_clustering()?;
        if !self.other.is_empty() {
            if self.clause.kind != StatementKind::Select {
                let names: Vec<_> = self.other.columns().map(|c| c.name.as_str()).collect();
                return Err(Error::invalid(format!(
                    "Non PRIMARY KEY columns found in where clause: {} ",
                    names.join(", ")
                )));
            }
            if self.requires_allow_filtering() {
                return Err(self.clause.refused());
            }
        }
        let clustering_columns = self.table.clustering.len();
        let is_equality = |r: &Restriction| r.is_eq() || r.is_in();
        Ok(Restrictions {
            filter: self.filter(),
            is_key_range,
            is_on_token: self.is_on_token(),
            filters_partition_key: self.filters_partition_key(),
            is_column_range: self.clustering.len() < clustering_columns || !self.clustering.all(is_equality),
            restricts_regular_columns: self.other.columns().any(|c| c.kind == ColumnKind::Regular),
            partition_key: self.partition_key.restrictions(),
            clustering: self.clustering.restrictions(),
            other: self.other.restrictions(),
            token: self.token,
            ..Restrictions::none(self.table)
        })
    }

    /// Checks what is asked of the partition key, and says whether partitions are found by range
    /// (Cassandra: `processPartitionKeyRestrictions`).
    fn check_partition_key(&self) -> Result<bool, Error> {
        let kind = self.clause.kind;
        if kind != StatementKind::Select {
            let name = kind.name();
            if self.is_on_token() {
                return Err(Error::invalid(format!(
                    "The token function cannot be used in WHERE clauses for {name} statements"
                )));
            }
            if self.has_unrestricted_key_components() {
                let is_restricted = |id| self.partition_key.columns().any(|c| c.id == id);
                let missing = self.table.partition_key.iter().filter(|c| !is_restricted(c.id));
                let missing: Vec<_> = missing.map(|c| c.name.as_str()).collect();
                return Err(Error::invalid(format!(
                    "Some partition key parts are missing: {}",
                    missing.join(", ")
                )));
            }
            if self.partition_key.any(Restriction::is_slice) {
                return Err(Error::invalid(format!(
                    "Only EQ and IN relation are supported on the partition key (unless you use the token() function) for {name} statements"
                )));
            }
            return Ok(false);
        }
        let filters = self.filters_partition_key();
        if filters && self.requires_allow_filtering() {
            return Err(self.clause.refused());
        }
        let unrestricted = self.partition_key.is_empty() && self.token.is_none();
        Ok(filters || unrestricted || self.is_on_token())
    }

    fn check_only_static(&self) -> Result<(), Error> {
        if !self.clause.only_static_columns || self.clustering.is_empty() {
            return Ok(());
        }
        match self.clause.kind {
            StatementKind::Update | StatementKind::Delete => Err(Error::invalid(format!(
                "Invalid restrictions on clustering columns since the {} statement modifies only static columns",
                self.clause.kind.name()
            ))),
            StatementKind::Select => {
                Err(Error::invalid("Cannot restrict clustering columns when selecting only static columns"))
            }
            StatementKind::Insert => Ok(()),
        }
    }

    /// Cassandra: `processClusteringColumnsRestrictions`.
    fn check_clustering(&self) -> Result<(), Error> {
        let kind = self.clause.kind;
        if !kind.allows_clustering_slices() && self.clustering.any(Restriction::is_slice) {
            return Err(Error::invalid(format!(
                "Slice restrictions are not supported on the clustering columns in {} statements",
                kind.name()
            )));
        }
        // The rows of compact tables may give the first columns only.
        let may_be_short = self.table.is_compact() && !self.clustering.is_empty();
        if !kind.allows_clustering_slices() && !may_be_short {
            if !self.clause.only_static_columns && self.clustering.len() < self.table.clustering.len() {
                let is_restricted = |id| self.clustering.columns().any(|c| c.id == id);
                let missing = self.table.clustering.iter().filter(|c| !is_restricted(c.id));
                let missing: Vec<_> = missing.map(|c| c.name.as_str()).collect();
                return Err(Error::invalid(format!(
                    "Some clustering keys are missing: {}",
                    missing.join(", ")
                )));
            }
            return Ok(());
        }
        if self.clause.allow_filtering {
            return Ok(());
        }
        if self.clustering.any(Restriction::is_contains) {
            return Err(Error::invalid(
                "Clustering columns can only be restricted with CONTAINS with a secondary index or filtering",
            ));
        }
        if self.clustering_needs_filtering() {
            for (column, restricted) in self.table.clustering.iter().zip(self.clustering.columns()) {
                if column.id != restricted.id {
                    return Err(Error::invalid(format!(
                        "PRIMARY KEY column \"{}\" cannot be restricted as preceding column \"{}\" is not restricted",
                        restricted.name, column.name
                    )));
                }
            }
        }
        Ok(())
    }

    fn filter(&self) -> Vec<FilterItem> {
        let mut items = Vec::new();
        if self.filters_partition_key() {
            items.extend(self.partition_key.restrictions().iter().flat_map(FilterItem::of));
        }
        let mut position = 0;
        for restriction in self.clustering.restrictions() {
            if is_handled_by_filter(&restriction, position) {
                items.extend(FilterItem::of(&restriction));
            } else if !restriction.is_slice() {
                position = restriction.last_column().position + 1;
            }
        }
        items.extend(self.other.restrictions().iter().flat_map(FilterItem::of));
        items
    }
}

/// Whether a planned SELECT needs ALLOW FILTERING (Cassandra: `checkNeedsFiltering`).
pub fn needs_filtering(table: &TableMetadata, restrictions: &Restrictions) -> bool {
    restrictions.is_key_range
        && !table.filters_implicitly()
        && (!restrictions.filter.is_empty() || !restrictions.clustering.is_empty())
}
