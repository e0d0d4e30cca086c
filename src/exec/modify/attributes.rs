//! `USING TIMESTAMP` and `USING TTL` (Cassandra: `cql3.Attributes`).

use super::row_update::WriteTime;
use crate::error::Error;
use crate::exec::ExecutionContext;
use crate::exec::expiration;
use crate::exec::term::{BindContext, Bound, Term};
use crate::schema::TableMetadata;
use crate::storage::model::NO_EXPIRATION;

/// The longest TTL: 20 years, in seconds.
pub const TTL_MAX: i32 = 20 * 365 * 24 * 60 * 60;

/// The attributes of a modification or batch.
#[derive(Clone, Debug, Default)]
pub struct Attributes {
    /// A `bigint`, in microseconds.
    pub timestamp: Option<Term>,
    /// An `int`, in seconds.
    pub ttl: Option<Term>,
}

impl Attributes {
    /// The timestamp; `default` where none is given.
    pub fn timestamp(&self, bind: &BindContext<'_>, default: i64) -> Result<i64, Error> {
        let Some(term) = &self.timestamp else { return Ok(default) };
        match term.bind(bind)? {
            Bound::Unset => Ok(default),
            Bound::Null => Err(Error::invalid("Invalid null value of timestamp")),
            Bound::Bytes(bytes) => match <[u8; 8]>::try_from(&*bytes) {
                Ok(bytes) => Ok(i64::from_be_bytes(bytes)),
                Err(_) => Err(Error::invalid("Invalid null value of timestamp")),
            },
        }
    }

    /// The time and life of what a statement writes.
    pub fn write_time(
        &self,
        bind: &BindContext<'_>,
        table: &TableMetadata,
        default_timestamp: i64,
        context: &ExecutionContext<'_>,
    ) -> Result<WriteTime, Error> {
        let ttl = self.ttl(bind, table, context)?;
        let timestamp = self.timestamp(bind, default_timestamp)?;
        if timestamp == i64::MIN {
            return Err(Error::invalid(format!(
                "Out of bound timestamp, must be in [{}, {}]",
                i64::MIN + 1,
                i64::MAX
            )));
        }
        let now_in_seconds = context.now_in_seconds;
        let local_expiration_time =
            if ttl == 0 { NO_EXPIRATION } else { expiration::local_expiration_time(now_in_seconds, ttl) };
        Ok(WriteTime { timestamp, ttl, local_expiration_time, now_in_seconds })
    }

    fn ttl(
        &self,
        bind: &BindContext<'_>,
        table: &TableMetadata,
        context: &ExecutionContext<'_>,
    ) -> Result<i32, Error> {
        let default = table.params.default_time_to_live;
        let Some(term) = &self.ttl else {
            expiration::check_overflow(table, default, true, context)?;
            return Ok(default);
        };
        let bytes = match term.bind(bind)? {
            Bound::Null => return Ok(0),
            Bound::Unset => return Ok(default),
            Bound::Bytes(bytes) => bytes,
        };
        let Ok(bytes) = <[u8; 4]>::try_from(&*bytes) else { return Ok(0) };
        let ttl = i32::from_be_bytes(bytes);
        if ttl < 0 {
            return Err(Error::invalid(format!("A TTL must be greater or equal to 0, but was {ttl}")));
        }
        if ttl > TTL_MAX {
            return Err(Error::invalid(format!("ttl is too large. requested ({ttl}) maximum ({TTL_MAX})")));
        }
        if ttl > 0 {
            expiration::check_overflow(table, ttl, false, context)?;
        }
        Ok(ttl)
    }
}
