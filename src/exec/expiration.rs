//! Expiration dates too far away (Cassandra: `ExpirationDateOverflowHandling`).

use super::ExecutionContext;
use crate::cluster::settings::OverflowPolicy;
use crate::error::Error;
use crate::schema::TableMetadata;

/// The latest local expiration time, in seconds since 1970: unsigned 32 bits, less the values that mean something
/// else (Cassandra: `Cell.MAX_DELETION_TIME` with the storage compatibility of 5.0's defaults: signed 32 bits).
pub const EXPIRATION_MAX_SECONDS: i64 = i32::MAX as i64 - 1;

/// When something written now expires: never later than the latest.
pub fn local_expiration_time(now_in_seconds: i64, ttl: i32) -> i64 {
    (now_in_seconds + i64::from(ttl)).min(EXPIRATION_MAX_SECONDS)
}

/// Applies the policy to a TTL, given or the table's own; 0 always passes.
pub fn check_overflow(
    table: &TableMetadata,
    ttl: i32,
    is_default: bool,
    context: &ExecutionContext<'_>,
) -> Result<(), Error> {
    // By the server's clock, whatever time the client tells.
    let now_in_seconds = context.functions.now_us.div_euclid(1_000_000);
    if ttl == 0 || now_in_seconds + i64::from(ttl) <= EXPIRATION_MAX_SECONDS {
        return Ok(());
    }
    let default = if is_default { "default " } else { "" };
    let (keyspace, name) = (&table.keyspace, &table.name);
    let date = "2038-01-19T03:14:06+00:00";
    match context.coordinator.settings().expiration_overflow {
        OverflowPolicy::Reject => Err(Error::invalid(format!(
            "Request on table {keyspace}.{name} with {default}ttl of {ttl} seconds exceeds maximum supported expiration \
             date of {date}. In order to avoid this use a lower TTL, change the expiration date overflow policy or \
             upgrade to a version where this limitation is fixed. See CASSANDRA-14092 and CASSANDRA-14227 for more \
             details."
        ))),
        OverflowPolicy::Cap => {
            context.warn(format!(
                "Request on table {keyspace}.{name} with {default}ttl of {ttl} seconds exceeds maximum supported \
                 expiration date of {date} and will have its expiration capped to that date. In order to avoid this \
                 use a lower TTL or upgrade to a version where this limitation is fixed. See CASSANDRA-14092 and \
                 CASSANDRA-14227 for more details."
            ));
            Ok(())
        }
        OverflowPolicy::CapNoWarn => Ok(()),
    }
}
