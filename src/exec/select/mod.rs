//! SELECT (Cassandra: `cql3.statements.SelectStatement`).
//!
//! A [`SelectPlan`] binds its restrictions into a [`Query`], reads it whole or page by page, and writes what is
//! selected of each row straight into the response.
//!
//! - [`columns`]: which columns are read.
//! - [`plain`]: columns that are copied as they stand.
//! - [`source`]: where the value of a plain column comes from.
//! - [`selector`]: selected expressions.
//! - [`timestamps`]: `WRITETIME` and `TTL`.
//! - [`output`]: makes rows of the result.
//! - [`read_size`]: how much is returned.
//! - [`group`]: GROUP BY and aggregates.
//! - [`masks`]: who may see what masks hide.

pub mod columns;
pub mod group;
pub mod masks;
pub mod output;
pub mod plain;
pub mod read_size;
pub mod selector;
pub mod source;
pub mod timestamps;

use std::sync::Arc;

use self::columns::ReadColumns;
use self::group::{GroupBy, GroupCounts};
use self::masks::Masks;
use self::output::Output;
use self::plain::SelectedColumns;
use self::read_size::ReadSizeLimit;
use self::selector::{AggregateCall, Selector};
use self::source::Source;
use super::ExecutionContext;
use super::functions::FunctionContext;
use super::options::{ProtocolVersion, QueryOptions, Values};
use super::pager::{Pager, Query, Reader};
use super::paging::{NO_LIMIT, PagingState};
use super::restrictions::Restrictions;
use super::restrictions::keys::is_of_length;
use super::result::{Columns, ResultMetadata, Rows};
use super::term::{BindContext, Bound, Term};
use crate::consistency::Consistency;
use crate::error::Error;
use crate::guardrails::Guard;
use crate::schema::{TableMetadata, system};
use crate::storage::model::{ClusteringIndexFilter, DataRange, PartitionResult, ReadCommand};
use crate::types::CqlType;

/// The rows of a page where an aggregate reads on by itself (Cassandra: `DEFAULT_PAGE_SIZE`).
const DEFAULT_PAGE_SIZE: i32 = 10_000;

/// What is selected.
#[derive(Clone, Debug)]
pub enum Selection {
    /// Columns as they are.
    Columns(SelectedColumns),
    /// Expressions.
    Expressions(Vec<Selector>),
}

/// Rows of several partitions in one order (IN on the partition key, and ORDER BY).
#[derive(Clone, Debug)]
pub struct PostOrdering {
    /// By these columns: where their values come from, their type, whether their clustering order is descending.
    pub by: Vec<(Source, CqlType, bool)>,
    /// Whether the order is reversed as a whole.
    pub reversed: bool,
}

/// A planned SELECT.
#[derive(Clone, Debug)]
pub struct SelectPlan {
    /// The table.
    pub table: Arc<TableMetadata>,
    /// The columns of the result.
    pub columns: Arc<Columns>,
    /// `JSON`: the names and types of what goes into each row's object.
    pub json: Option<Vec<(String, CqlType)>>,
    /// What is selected.
    pub selection: Selection,
    /// The columns that are read.
    pub read_columns: ReadColumns,
    /// The aggregates in it.
    pub aggregates: Vec<AggregateCall>,
    /// The WHERE clause.
    pub restrictions: Restrictions,
    /// `GROUP BY`
    pub group_by: Option<GroupBy>,
    /// `LIMIT`
    pub limit: Option<Term>,
    /// `PER PARTITION LIMIT`
    pub per_partition_limit: Option<Term>,
    /// What is masked; none where the table has no masks.
    pub masks: Option<Masks>,
    /// `ALLOW FILTERING`
    pub allow_filtering: bool,
    /// `DISTINCT`
    pub distinct: bool,
    /// Whether rows come in reversed clustering order.
    pub is_reversed: bool,
    /// The order of rows of several partitions.
    pub post_ordering: Option<PostOrdering>,
}

/// What a SELECT is run with.
#[derive(Clone, Copy)]
pub struct SelectContext<'a> {
    /// The request's parameters; the bound values are in `values`.
    pub options: &'a QueryOptions,
    /// The bound values, one for each marker.
    pub values: &'a Values,
    /// The client's protocol, which decides over the form of paging states.
    pub version: ProtocolVersion,
    /// Against which TTLs are held.
    pub now_in_seconds: i64,
    /// What functions may know.
    pub functions: &'a FunctionContext,
    /// Who answers reads.
    pub reader: &'a dyn Reader,
    /// Whether the user may see what masks hide.
    pub unmask: bool,
    /// The guardrails, where the user is an ordinary one.
    pub guard: Option<Guard<'a>>,
    /// How much may be returned; none where that is not looked at (`read_thresholds_enabled`).
    pub read_size: Option<ReadSizeLimit>,
    /// Warns the client.
    pub warn: &'a dyn Fn(String),
}

impl SelectPlan {
    /// The columns of the result.
    pub fn columns(&self) -> &Arc<Columns> {
        &self.columns
    }

    /// The table.
    pub fn table(&self) -> &TableMetadata {
        &self.table
    }

    /// Whether the result is one row, of aggregates.
    pub fn is_aggregate(&self) -> bool {
        !self.aggregates.is_empty()
    }

    /// Runs it at the request's consistency level.
    pub fn execute(&self, context: &ExecutionContext<'_>, values: &Values) -> Result<Rows, Error> {
        self.masks.as_ref().map_or(Ok(()), |masks| masks.authorize(&self.table, context))?;
        if let Some(guard) = context.guard() {
            self.guard(guard)?;
            self.guard_levels(context, guard)?;
        }
        let coordinator = context.coordinator;
        let read_size = coordinator
            .settings()
            .read_size
            .map(|thresholds| ReadSizeLimit { thresholds, node: coordinator.node().address() });
        self.run(&SelectContext {
            options: context.options,
            values,
            version: context.version,
            now_in_seconds: context.now_in_seconds,
            functions: &context.functions,
            reader: context,
            unmask: self.may_unmask(context)?,
            guard: context.guard(),
            read_size,
            warn: &|warning| context.warn(warning),
        })
    }

    /// Holds against guardrails what is known before anything is bound.
    pub fn guard(&self, guard: Guard<'_>) -> Result<(), Error> {
        match self.allow_filtering && !system::is_system_keyspace(&self.table.keyspace) {
            true => guard.check(guard.rails.allow_filtering.check()),
            false => Ok(()),
        }
    }

    /// Holds the level against guardrails, and a filter that asks several replicas for what each knows a part of.
    fn guard_levels(&self, context: &ExecutionContext<'_>, guard: Guard<'_>) -> Result<(), Error> {
        let (rails, level) = (guard.rails, context.options.consistency);
        // A level that is for writes only is refused as such.
        if level != Consistency::Any {
            rails.read_consistency_levels.check(&[level], guard)?;
        }
        if level.needs_reconciliation() && self.restrictions.is_mutable_intersection() {
            let schema = context.coordinator.schema();
            let keyspace = schema.keyspace(&self.table.keyspace);
            if !self.table.is_virtual() && keyspace.is_some_and(|k| k.params.replication.factor() > 1) {
                guard.check(rails.intersect_filtering_query.check())?;
            }
        }
        Ok(())
    }

    /// Whether the user may see what masks hide.
    fn may_unmask(&self, context: &ExecutionContext<'_>) -> Result<bool, Error> {
        match self.masks {
            None => Ok(true),
            Some(_) => masks::may_unmask(&self.table, context),
        }
    }

    /// Holds the size of a page against its guardrail.
    fn guard_page(&self, context: &SelectContext<'_>, page_size: Option<i32>) -> Result<(), Error> {
        match (context.guard, page_size) {
            (Some(guard), Some(size)) => {
                guard.check(guard.rails.page_size.check(size.into(), &self.table.name))
            }
            _ => Ok(()),
        }
    }

    /// Runs it.
    pub fn run(&self, context: &SelectContext<'_>) -> Result<Rows, Error> {
        let state = match &context.options.paging_state {
            Some(bytes) => Some(PagingState::decode(bytes, context.version)?),
            None => None,
        };
        let bind = BindContext { values: context.values, functions: context.functions, guard: context.guard };
        let limit = row_limit(self.limit.as_ref(), &bind)?;
        let per_partition_limit = row_limit(self.per_partition_limit.as_ref(), &bind)?;
        if let Selection::Expressions(selectors) = &self.selection {
            selectors.iter().try_for_each(|selector| selector.check_keys(&bind))?;
        }
        let page_size = context.options.page_size.filter(|size| *size > 0);
        let query = self.query(context, &bind, (limit, per_partition_limit))?;
        if self.is_aggregate() || self.group_by.is_some() {
            self.guard_page(context, page_size)?;
            self.warn_of_aggregation(context.warn);
            self.check_pageable(page_size)?;
            return match &self.group_by {
                None => self.aggregate(context, query.as_ref(), state, page_size),
                Some(group_by) => {
                    // Groups of DISTINCT partitions are not paged.
                    let page = page_size.filter(|_| !self.distinct).unwrap_or(NO_LIMIT);
                    let counts = GroupCounts { remaining: limit, in_partition: per_partition_limit, page };
                    self.group(context, group_by, query.as_ref(), state, counts)
                }
            };
        }
        let mut output = Output::new(self, *context, limit);
        let mut metadata = ResultMetadata::new(self.columns.clone());
        let Some(query) = query else {
            return Ok(Rows { metadata, content: output.finish()? });
        };
        match page_size.filter(|size| query.limit > *size) {
            None => {
                let command = query.into_command();
                check_serial(&command, context.options.consistency)?;
                output.add_all(&context.reader.read(&command)?.partitions)?;
            }
            Some(size) => {
                self.guard_page(context, page_size)?;
                self.check_pageable(page_size)?;
                let mut pager = Pager::new(&query, state, context.version);
                output.add_all(&pager.fetch_page(size, context.reader)?)?;
                metadata.paging_state = pager.state().map(|state| state.encode(context.version));
            }
        }
        Ok(Rows { metadata, content: output.finish()? })
    }

    fn warn_of_aggregation(&self, warn: &dyn Fn(String)) {
        if !self.restrictions.has_partition_key_restrictions() {
            warn("Aggregation query used without partition key".to_owned());
        } else if self.restrictions.key_is_in_relation() {
            warn("Aggregation query used on multiple partition keys (IN restriction)".to_owned());
        }
    }

    fn check_pageable(&self, page_size: Option<i32>) -> Result<(), Error> {
        if page_size.is_some() && self.post_ordering.is_some() {
            return Err(Error::invalid(
                "Cannot page queries with both ORDER BY and a IN restriction on the partition key; you must either \
                 remove the ORDER BY or the IN and sort client side, or disable paging for this query",
            ));
        }
        Ok(())
    }

    /// What is to be read; none where nothing can match.
    fn query<'a>(
        &'a self,
        context: &SelectContext<'_>,
        bind: &BindContext<'a>,
        (limit, per_partition_limit): (i32, i32),
    ) -> Result<Option<Query>, Error> {
        let restrictions = &self.restrictions;
        let row_filter = restrictions.row_filter(bind)?;
        let (range, clustering) = if restrictions.is_key_range {
            let Some(clustering) = self.clustering_filter(bind)? else { return Ok(None) };
            let Some((start, end)) = restrictions.key_range(bind)? else { return Ok(None) };
            (DataRange::Range { start, end }, clustering)
        } else {
            let keys = match restrictions.partition_keys(bind) {
                // Where no row can match, no key is looked at.
                Err(refused) if is_of_length(&refused) && self.clustering_filter(bind)?.is_none() => {
                    return Ok(None);
                }
                keys => keys?,
            };
            if keys.is_empty() {
                return Ok(None);
            }
            if let Some(guard) = context.guard
                && restrictions.key_is_in_relation()
            {
                let threshold = guard.rails.partition_keys_in_select;
                guard.check(threshold.check_count(keys.len(), &self.table.name))?;
            }
            let Some(clustering) = self.clustering_filter(bind)? else { return Ok(None) };
            (DataRange::Keys(keys), clustering)
        };
        let counts_static_only = restrictions.returns_static_only_partitions();
        let groups = self.is_aggregate() || self.group_by.is_some();
        let unlimited = groups || self.post_ordering.is_some();
        Ok(Some(Query {
            table: self.table.clone(),
            now_in_seconds: context.now_in_seconds,
            columns: self.read_columns.bind(bind)?,
            range,
            clustering,
            row_filter,
            limit: if unlimited { NO_LIMIT } else { limit },
            per_partition_limit: match () {
                () if self.distinct => 1,
                () if groups => NO_LIMIT,
                () => per_partition_limit,
            },
            distinct: self.distinct,
            counts_static_only,
            comparator: restrictions.comparator.clone(),
            tracks_warnings: context.read_size.is_some(),
            is_internal: self.is_aggregate()
                && self.group_by.is_none()
                && context.options.page_size.is_none(),
        }))
    }

    /// Which rows of each partition; none where no row can match (Cassandra: `makeClusteringIndexFilter`).
    fn clustering_filter<'a>(
        &'a self,
        bind: &BindContext<'a>,
    ) -> Result<Option<ClusteringIndexFilter>, Error> {
        if self.distinct {
            return Ok(Some(ClusteringIndexFilter::all()));
        }
        let reversed = self.is_reversed;
        if self.restrictions.is_column_range {
            let slices = self.restrictions.slices(bind)?;
            return Ok((!slices.is_empty()).then_some(ClusteringIndexFilter::Slices { slices, reversed }));
        }
        let clusterings = self.restrictions.clusterings(bind)?;
        Ok((!clusterings.is_empty()).then_some(ClusteringIndexFilter::Names { clusterings, reversed }))
    }

    /// Whether a partition of which only the static row is left makes a row of the result.
    fn returns(&self, partition: &PartitionResult) -> bool {
        !partition.rows.is_empty()
            || (partition.static_row.is_some() && self.restrictions.returns_static_only_partitions())
    }
}

/// Serial levels are for one partition at a time.
fn check_serial(command: &ReadCommand, consistency: Consistency) -> Result<(), Error> {
    match &command.range {
        DataRange::Keys(keys) if consistency.is_serial() && keys.len() > 1 => Err(Error::invalid(
            "SERIAL/LOCAL_SERIAL consistency may only be requested for one partition at a time",
        )),
        _ => Ok(()),
    }
}

/// The value of a limit; unset means none (Cassandra: `getLimit`).
fn row_limit<'a>(limit: Option<&'a Term>, bind: &BindContext<'a>) -> Result<i32, Error> {
    let Some(limit) = limit else { return Ok(NO_LIMIT) };
    match limit.bind(bind)? {
        Bound::Unset => Ok(NO_LIMIT),
        Bound::Null => Err(Error::invalid("Invalid null value of limit")),
        Bound::Bytes(bytes) => match <[u8; 4]>::try_from(&*bytes).map(i32::from_be_bytes) {
            Ok(limit) if limit > 0 => Ok(limit),
            Ok(_) => Err(Error::invalid("LIMIT must be strictly positive")),
            Err(_) => Err(Error::invalid("Invalid limit value")),
        },
    }
}
