//! The differential fuzzer: random schemas and statements, on Apache Cassandra and on Helenus, with every answer compared.
//!
//! A seed decides everything: the statements of a round are made before the first of them runs, and no statement
//! depends on an answer. What would depend on the clock is told with each request: the default timestamp and
//! `now_in_seconds` (version 5 of the protocol), so that `writetime`, `ttl` and expiry agree to the microsecond.
//!
//! ```text
//! random -> schema (tables, a user type) -> rounds of steps (statement | flush | compact)
//!                                                 |                    |
//!                                             Cassandra             Helenus
//!                                                 `------ compare -----'  -> report
//! ```

mod known;
mod outcome;
mod random;
mod read;
mod report;
mod round;
mod schema;
mod side;
mod text;
mod types;
mod value;
mod write;

pub use report::Report;
pub use round::{Settings, run};
pub use side::{Nodes, Side};
