//! Holds the size of what a SELECT returns against thresholds (Cassandra: `SelectStatement.maybeWarn` and `maybeFail`).

use std::net::SocketAddr;

use super::{SelectContext, SelectPlan};
use crate::cluster::settings::ReadSizeThresholds;
use crate::consistency::RequestFailureReason;
use crate::error::Error;
use crate::exec::term::BindContext;
use crate::storage::model::KeyBound;

/// The thresholds, and what an error says where the last one is passed.
#[derive(Clone, Copy, Debug)]
pub struct ReadSizeLimit {
    /// In bytes of values.
    pub thresholds: ReadSizeThresholds,
    /// This node, as other nodes know it.
    pub node: SocketAddr,
}

impl SelectPlan {
    /// Refuses to return more where too much is to be returned already. A row that alone is too large is returned.
    #[inline]
    pub(super) fn check_read_size(&self, context: &SelectContext<'_>, size: u64) -> Result<(), Error> {
        let Some(limit) = &context.read_size else { return Ok(()) };
        let Some(fail) = limit.thresholds.fail.filter(|fail| size > *fail) else { return Ok(()) };
        let message = self.read_size_message(context, "failure", fail)?;
        (context.warn)(message.clone());
        Err(Error::ReadFailure {
            consistency: context.options.consistency,
            received: 0,
            block_for: 1,
            data_present: true,
            failures: vec![(limit.node, RequestFailureReason::ReadSize)],
            detail: Some(message),
        })
    }

    /// Warns of what is returned, if it is much.
    pub(super) fn warn_of_read_size(&self, context: &SelectContext<'_>, size: u64) -> Result<(), Error> {
        let Some(limit) = &context.read_size else { return Ok(()) };
        if let Some(warn) = limit.thresholds.warn.filter(|warn| size > *warn) {
            (context.warn)(self.read_size_message(context, "warning", warn)?);
        }
        Ok(())
    }

    fn read_size_message(
        &self,
        context: &SelectContext<'_>,
        kind: &str,
        threshold: u64,
    ) -> Result<String, Error> {
        let (keyspace, table) = (&self.table.keyspace, &self.table.name);
        let message = format!(
            "Read on table {keyspace}.{table} has exceeded the size {kind} threshold of {} bytes with {}",
            grouped(threshold),
            self.tokens_text(context)?
        );
        tracing::warn!("{message}");
        Ok(message)
    }

    /// The tokens that it looks at (Cassandra: `SelectStatement.loggableTokens`).
    fn tokens_text(&self, context: &SelectContext<'_>) -> Result<String, Error> {
        let bind = BindContext { values: context.values, functions: context.functions, guard: None };
        let restrictions = &self.restrictions;
        if !restrictions.is_key_range {
            let keys = restrictions.partition_keys(&bind)?;
            let tokens: Vec<String> = keys.iter().map(|key| key.token.0.to_string()).collect();
            return Ok(match &tokens[..] {
                [only] => format!("token: {only}"),
                several => format!("tokens: [{}]", several.join(", ")),
            });
        }
        let (start, end) = match restrictions.key_range(&bind)? {
            Some((start, end)) => (token(&start), token(&end)),
            None => (i64::MIN, i64::MIN),
        };
        let close = if restrictions.has_partition_key_restrictions() { ']' } else { ')' };
        Ok(format!("token range: ({start}, {end}{close}"))
    }
}

fn token(bound: &KeyBound) -> i64 {
    match bound {
        KeyBound::Unbounded => i64::MIN,
        KeyBound::Token(token, _) => token.0,
        KeyBound::Key(key, _) => key.token.0,
    }
}

/// A number with commas between groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn digits_are_grouped_by_three() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
