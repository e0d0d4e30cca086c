//! `WITH name = value AND …` (Cassandra: `PropertyDefinitions`, `KeyspaceAttributes`, `TableAttributes`).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cql_grammar::ast::Property;
use parking_lot::Mutex;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::guardrails::Guard;
use crate::schema::options::{OptionMap, TABLE_OPTIONS, parse_double};
use crate::schema::{Caching, CompactionParams, CompressionParams, SpeculativeRetry, TableId, TableParams};

#[derive(Clone)]
enum Value {
    Text(String),
    Map(OptionMap),
}

/// The properties of a statement, each given once.
#[derive(Clone)]
pub(super) struct Attributes(BTreeMap<String, Value>);

/// The properties of a statement, which lose those that guardrails leave out when an ordinary user prepares it
/// (Cassandra: `PropertyDefinitions.removeProperty`).
pub(super) struct KeptAttributes(Mutex<Arc<Attributes>>);

impl KeptAttributes {
    pub(super) fn new(attributes: Attributes) -> Self {
        Self(Mutex::new(Arc::new(attributes)))
    }

    /// Those that there are now.
    pub(super) fn now(&self) -> Arc<Attributes> {
        Arc::clone(&self.0.lock())
    }

    /// Only these are left.
    pub(super) fn keep(&self, left: Attributes) {
        *self.0.lock() = Arc::new(left);
    }
}

impl Attributes {
    pub(super) fn new(properties: &[Property]) -> Result<Self> {
        let mut all = BTreeMap::new();
        for Property { name, value } in properties {
            let parsed = match (value.as_text(), value.as_map()) {
                (Some(text), _) => Value::Text(text.to_owned()),
                (None, map) => {
                    let entries = map.into_iter().flatten();
                    Value::Map(entries.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
                }
            };
            if all.insert(name.as_str().to_owned(), parsed).is_some() {
                let text = format!("Multiple definitions for property '{}'", name.as_str());
                return Err(Error::syntax(text));
            }
        }
        Ok(Self(all))
    }

    /// Holds the properties against guardrails; gives them without those that are to be left out.
    pub(super) fn guarded(&self, guard: Guard<'_>) -> Result<Cow<'_, Self>> {
        let names: Vec<String> = self.0.keys().cloned().collect();
        let ignored = guard.rails.table_properties.check(&names, guard)?;
        if ignored.is_empty() {
            return Ok(Cow::Borrowed(self));
        }
        let mut left = self.clone();
        left.0.retain(|name, _| !ignored.contains(&name));
        Ok(Cow::Owned(left))
    }

    /// Refuses properties of other names.
    pub(super) fn check_names(&self, known: &[&str]) -> Result<()> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(Error::syntax(format!("Unknown property '{name}'"))),
            None => Ok(()),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&str>> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Map(_)) => {
                Err(Error::syntax(format!("Invalid value for property '{name}'. It should be a string")))
            }
        }
    }

    pub(super) fn map(&self, name: &str) -> Result<Option<&OptionMap>> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Map(map)) => Ok(Some(map)),
            Some(Value::Text(_)) => {
                Err(Error::syntax(format!("Invalid value for property '{name}'. It should be a map.")))
            }
        }
    }

    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        match text.to_lowercase().as_str() {
            "1" | "true" | "yes" => Ok(Some(true)),
            "0" | "false" | "no" => Ok(Some(false)),
            _ => Err(Error::syntax(format!(
                "Invalid boolean value {text} for '{name}'. Positive values can be '1', 'true' or 'yes'. Negative values \
                 can be '0', 'false' or 'no'."
            ))),
        }
    }

    fn int(&self, name: &str) -> Result<Option<i32>> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let invalid = || Error::syntax(format!("Invalid integer value {text} for '{name}'"));
        text.parse().map(Some).map_err(|_| invalid())
    }

    fn double(&self, name: &str) -> Result<Option<f64>> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let invalid = || Error::syntax(format!("Invalid double value {text} for '{name}'"));
        parse_double(text).map(Some).ok_or_else(invalid)
    }
}

impl Attributes {
    /// Refuses unknown properties, and values that would be wrong for a new table.
    pub(super) fn check_table(&self, memtables: &BTreeSet<String>) -> Result<()> {
        self.check_names(&TABLE_OPTIONS)?;
        self.new_table_params(memtables)?.validate()
    }

    /// The id that a table is to get.
    pub(super) fn table_id(&self) -> Result<Option<TableId>> {
        let Some(text) = self.text("id")? else { return Ok(None) };
        let is_uuid = text.split('-').count() == 5;
        let id = Uuid::parse_str(text).ok().filter(|_| is_uuid);
        id.map(|id| Some(TableId(id))).ok_or_else(|| Error::config("Invalid table id"))
    }

    /// The options of a new table.
    pub(super) fn new_table_params(&self, memtables: &BTreeSet<String>) -> Result<TableParams> {
        let mut params = self.apply_to(TableParams::default(), memtables)?;
        if !self.has("bloom_filter_fp_chance") {
            params.bloom_filter_fp_chance = params.compaction.default_bloom_filter_fp_chance();
        }
        Ok(params)
    }

    /// The options of a table that had others before.
    pub(super) fn altered_table_params(
        &self,
        previous: &TableParams,
        memtables: &BTreeSet<String>,
    ) -> Result<TableParams> {
        if self.table_id()?.is_some() {
            return Err(Error::config("Cannot alter table id."));
        }
        self.apply_to(previous.clone(), memtables)
    }

    /// `extensions` is known but cannot be set by a statement, as in Cassandra.
    fn apply_to(&self, mut params: TableParams, memtables: &BTreeSet<String>) -> Result<TableParams> {
        set(&mut params.allow_auto_snapshot, self.boolean("allow_auto_snapshot")?);
        set(&mut params.bloom_filter_fp_chance, self.double("bloom_filter_fp_chance")?);
        set(&mut params.caching, self.map("caching")?.map(Caching::from_map).transpose()?);
        set(&mut params.comment, self.text("comment")?.map(str::to_owned));
        set(&mut params.compaction, self.map("compaction")?.map(CompactionParams::from_map).transpose()?);
        set(&mut params.compression, self.compression()?);
        set(&mut params.memtable, self.memtable(memtables)?);
        set(&mut params.default_time_to_live, self.int("default_time_to_live")?);
        set(&mut params.gc_grace_seconds, self.int("gc_grace_seconds")?);
        set(&mut params.incremental_backups, self.boolean("incremental_backups")?);
        set(&mut params.max_index_interval, self.int("max_index_interval")?);
        set(&mut params.memtable_flush_period_in_ms, self.int("memtable_flush_period_in_ms")?);
        set(&mut params.min_index_interval, self.int("min_index_interval")?);
        set(&mut params.speculative_retry, self.policy("speculative_retry")?);
        set(&mut params.additional_write_policy, self.policy("additional_write_policy")?);
        set(&mut params.crc_check_chance, self.double("crc_check_chance")?);
        set(&mut params.cdc, self.boolean("cdc")?);
        set(&mut params.read_repair, self.read_repair()?);
        Ok(params)
    }

    fn compression(&self) -> Result<Option<CompressionParams>> {
        self.map("compression")?.map(CompressionParams::from_map).transpose()
    }

    fn policy(&self, name: &str) -> Result<Option<SpeculativeRetry>> {
        self.text(name)?.map(SpeculativeRetry::parse).transpose()
    }

    fn memtable(&self, memtables: &BTreeSet<String>) -> Result<Option<String>> {
        match self.text("memtable")? {
            Some(name) if name != "default" && !memtables.contains(name) => {
                Err(Error::config(format!("Memtable configuration \"{name}\" not found.")))
            }
            name => Ok(name.map(str::to_owned)),
        }
    }

    /// Cassandra answers a wrong value with an internal error; here the request is what is wrong.
    fn read_repair(&self) -> Result<Option<String>> {
        let Some(text) = self.text("read_repair")? else { return Ok(None) };
        let upper = text.to_uppercase();
        if ["NONE", "BLOCKING"].contains(&upper.as_str()) {
            return Ok(Some(upper));
        }
        Err(Error::config(format!(
            "No enum constant org.apache.cassandra.service.reads.repair.ReadRepairStrategy.{upper}"
        )))
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}
