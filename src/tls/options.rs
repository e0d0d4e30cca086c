//! What is asked for: Cassandra's `EncryptionOptions`.

use std::fmt;
use std::path::{Path, PathBuf};

/// Whether connections are encrypted (Cassandra: `EncryptionOptions.TlsEncryptionPolicy`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Policy {
    /// None is.
    #[default]
    Unencrypted,
    /// As the client likes, on the same port.
    Optional,
    /// All are.
    Encrypted,
}

impl Policy {
    /// As the log names it.
    pub fn description(self) -> &'static str {
        match self {
            Policy::Unencrypted => "unencrypted",
            Policy::Optional => "optionally encrypted",
            Policy::Encrypted => "encrypted",
        }
    }
}

/// A password or a private key: not to be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<REDACTED>")
    }
}

/// Where keys or trusted certificates come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A keystore as Java's keytool and openssl make them: PKCS#12 or JKS, whichever it is.
    Store {
        /// The file.
        file: PathBuf,
        /// Protects the file and the keys in it.
        password: Option<Secret>,
    },
    /// A file of PEM sections.
    PemFile {
        /// The file.
        file: PathBuf,
        /// Protects the private key in it.
        password: Option<Secret>,
    },
    /// The PEM sections themselves, in the configuration.
    Pem {
        /// The sections.
        text: Secret,
        /// Protects the private key among them.
        password: Option<Secret>,
    },
}

impl Source {
    /// The file, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Source::Store { file, .. } | Source::PemFile { file, .. } => Some(file),
            Source::Pem { .. } => None,
        }
    }
}

/// How connections are encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptionOptions {
    /// The key of the configuration that holds the options, for messages.
    pub name: &'static str,
    /// Whether they are.
    pub policy: Policy,
    /// The private key and its certificates.
    pub keys: Source,
    /// The certificates that are trusted.
    pub trust: Source,
    /// Whether a client needs a certificate that is trusted.
    pub require_client_auth: bool,
    /// Whether that certificate has to name the client's address.
    pub require_endpoint_verification: bool,
    /// The versions of the protocol, by Java's names; None for all that are offered.
    pub protocols: Option<Vec<String>>,
    /// The cipher suites, by Java's names; empty for all that are offered.
    pub cipher_suites: Vec<String>,
}
