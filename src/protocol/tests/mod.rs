//! The protocol over real sockets, against a fake service.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod codecs;
mod encryption;
mod fake;
mod recorded;
mod serving;
mod wire;
