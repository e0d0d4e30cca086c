//! What Helenus is measured against: Apache Cassandra itself, its tools, and unmodified clients.
//!
//! This crate knows nothing of Helenus but its executable. [`wire`] is a client that hides nothing, and [`golden`] runs
//! the golden scripts over it. [`cassandra`] gets Apache Cassandra 5.0.6 from Maven and runs
//! it on loopback addresses; [`helenus`] runs ours. Tests use the library; the program `compat-suite` has a command for
//! what is too slow for `cargo test`.

pub mod bench;
pub mod cassandra;
pub mod differential;
pub mod golden;
pub mod helenus;
pub mod process;
pub mod target;
pub mod wire;

use std::io::Write as _;

/// Why something outside of this crate does not run.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// What it takes is not on this machine: a JDK, Maven, a toolchain. A test that needs it is skipped.
    #[error("{0}")]
    Missing(String),
    /// It is there, but did not do what it should.
    #[error("{0}")]
    Failed(String),
}

impl Error {
    /// A failure, with what was being done.
    pub fn failed(what: impl std::fmt::Display, error: impl std::fmt::Display) -> Self {
        Self::Failed(format!("{what}: {error}"))
    }
}

/// The result of running what is outside of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What a test asked for; nothing, after a line that lists the test as skipped, where this machine lacks what it takes.
///
/// # Panics
///
/// If it is there but failed; and if it is missing while `CI=true`, where nothing may be skipped.
pub fn available<T>(test: &str, asked: Result<T>) -> Option<T> {
    match asked {
        Ok(there) => Some(there),
        Err(Error::Missing(reason)) => {
            let must = std::env::var_os("CI").is_some_and(|value| value == "true");
            assert!(!must, "{test} cannot be skipped where CI=true: {reason}");
            // Not by a macro, whose output of a passing test nobody sees. Nobody minds if it cannot be written.
            let _ = writeln!(std::io::stderr(), "skipped: {test}: {reason}");
            None
        }
        Err(error) => fail(test, &error),
    }
}

#[expect(clippy::panic, reason = "a test that cannot go on fails")]
fn fail(test: &str, error: &Error) -> ! {
    panic!("{test}: {error}")
}
