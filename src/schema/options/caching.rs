//! `caching` (Cassandra: `CachingParams`).

use super::{OptionMap, is_numeric, keys};
use crate::error::{Error, Result};
use crate::schema::Caching;

impl Caching {
    /// Reads the sub-options of `caching`.
    pub fn from_map(map: &OptionMap) -> Result<Caching> {
        let mut rest = map.clone();
        let keys_cached = match rest.remove("keys") {
            None => false,
            Some(value) => keys_from(&value)?,
        };
        let rows_per_partition = match rest.remove("rows_per_partition") {
            None => "NONE".to_owned(),
            Some(value) => rows_from(&value)?,
        };
        if !rest.is_empty() {
            return Err(Error::config(format!(
                "Invalid caching sub-options {}: only 'keys' and 'rows_per_partition' are allowed",
                keys(&rest)
            )));
        }
        Ok(Caching { keys: keys_cached, rows_per_partition })
    }

    /// The sub-options as `system_schema` holds them.
    pub fn as_map(&self) -> OptionMap {
        let keys = if self.keys { "ALL" } else { "NONE" };
        OptionMap::from([
            ("keys".to_owned(), keys.to_owned()),
            ("rows_per_partition".to_owned(), self.rows_per_partition.clone()),
        ])
    }
}

fn keys_from(value: &str) -> Result<bool> {
    if value.eq_ignore_ascii_case("ALL") {
        return Ok(true);
    }
    if value.eq_ignore_ascii_case("NONE") {
        return Ok(false);
    }
    Err(Error::config(format!(
        "Invalid value '{value}' for caching sub-option 'keys': only 'ALL' and 'NONE' are allowed"
    )))
}

fn rows_from(value: &str) -> Result<String> {
    let rows = if value.eq_ignore_ascii_case("ALL") {
        Some(i32::MAX)
    } else if value.eq_ignore_ascii_case("NONE") {
        Some(0)
    } else if is_numeric(value) {
        value.parse().ok()
    } else {
        None
    };
    match rows {
        Some(0) => Ok("NONE".to_owned()),
        Some(i32::MAX) => Ok("ALL".to_owned()),
        Some(rows) => Ok(rows.to_string()),
        None => Err(Error::config(format!(
            "Invalid value '{value}' for caching sub-option 'rows_per_partition': only 'ALL', 'NONE', and integer \
             values are allowed"
        ))),
    }
}
