//! Encrypted connections: what `client_encryption_options` says, as settings of rustls.
//!
//! ```text
//! EncryptionOptions -> keys (keystore, truststore: PKCS#12, JKS or PEM) -> rustls::ServerConfig <- Context, reloaded
//! ```
//!
//! - [`options`]: what is asked for; [`Context`]: what new connections use, until the files change.
//! - [`keys`], [`jks`], [`pkcs12`], [`pem`]: private keys and certificates out of files.
//! - [`verifier`]: which certificates of clients are trusted.

mod context;
mod jks;
mod keys;
mod options;
mod pem;
mod pkcs12;
mod verifier;

#[cfg(test)]
mod tests;

pub use context::{Context, suite_name};
pub use options::{EncryptionOptions, Policy, Secret, Source};

/// TLS cannot be set up as configured; the text says why and is meant for the user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TlsError(pub(crate) String);
