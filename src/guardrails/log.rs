//! What guardrails say in the log (Cassandra: `NoSpamLogger`).

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The same message is logged once in this time.
const INTERVAL: Duration = Duration::from_secs(10 * 60);
/// More messages than this are not remembered.
const MESSAGES_MAX: usize = 1000;

static LOGGED: LazyLock<Mutex<HashMap<String, Instant>>> = LazyLock::new(Mutex::default);

/// Logs that a guardrail failed or warned, unless it said the same only just.
pub fn log(is_failure: bool, message: &str) {
    let now = Instant::now();
    {
        let mut logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.get(message).is_some_and(|at| now.duration_since(*at) < INTERVAL) {
            return;
        }
        if logged.len() >= MESSAGES_MAX {
            logged.retain(|_, at| now.duration_since(*at) < INTERVAL);
        }
        if logged.len() < MESSAGES_MAX {
            logged.insert(message.to_owned(), now);
        }
    }
    if is_failure {
        tracing::error!("{message}");
    } else {
        tracing::warn!("{message}");
    }
}
