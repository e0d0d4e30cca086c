//! Private keys and trusted certificates out of where they are kept.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::parse_x509_certificate;

use super::options::{Secret, Source};
use super::{TlsError, jks, pem, pkcs12};

/// An entry of a keystore.
pub(super) enum Entry {
    Key(KeyEntry),
    Trusted(CertificateDer<'static>),
}

/// A private key and its certificates, its own first.
pub(super) struct KeyEntry {
    pub alias: String,
    pub key: PrivateKeyDer<'static>,
    pub chain: Vec<CertificateDer<'static>>,
}

/// The keys, at least one.
pub(super) fn private_keys(source: &Source) -> Result<Vec<KeyEntry>, TlsError> {
    let pem = |text: &[u8], password: &Option<Secret>| {
        let chain = pem::certificates(text)?;
        let key = pem::private_key(text, password.as_ref().map(|password| password.0.as_str()))?;
        Ok(vec![KeyEntry { alias: "cassandra-ssl-keystore".to_owned(), key, chain }])
    };
    let keys = match source {
        Source::Pem { text, password } => {
            pem(text.0.as_bytes(), password).map_err(|error| TlsError(format!("private_key: {error}")))?
        }
        Source::PemFile { file, password } => {
            let text = read("keystore", file)?;
            pem(&text, password).map_err(|error| within("keystore", file, &error))?
        }
        Source::Store { file, password } => {
            let Some(Secret(password)) = password else {
                return Err(TlsError("'keystore_password' must be specified".to_owned()));
            };
            let data = read("keystore", file)?;
            let keys: Vec<_> = entries(&data, Some(password))
                .map_err(|error| within("keystore", file, &error))?
                .into_iter()
                .filter_map(|entry| match entry {
                    Entry::Key(key) if !key.chain.is_empty() => Some(key),
                    _ => None,
                })
                .collect();
            if keys.is_empty() {
                let error = TlsError("it holds no private key with a certificate".to_owned());
                return Err(within("keystore", file, &error));
            }
            keys
        }
    };
    for key in &keys {
        warn_if_expired(&key.alias, key.chain.first());
    }
    Ok(keys)
}

/// The trusted certificates, at least one.
pub(super) fn trusted_certificates(source: &Source) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let none = || TlsError("it holds no trusted certificate".to_owned());
    match source {
        Source::Pem { text, .. } => pem::certificates(text.0.as_bytes())
            .map_err(|error| TlsError(format!("trusted_certificates: {error}"))),
        Source::PemFile { file, .. } => {
            let text = read("truststore", file)?;
            pem::certificates(&text).map_err(|error| within("truststore", file, &error))
        }
        Source::Store { file, password } => {
            let data = read("truststore", file)?;
            let password = password.as_ref().map(|password| password.0.as_str());
            let trusted: Vec<_> = entries(&data, password.filter(|password| !password.is_empty()))
                .map_err(|error| within("truststore", file, &error))?
                .into_iter()
                .filter_map(|entry| match entry {
                    Entry::Trusted(certificate) => Some(certificate),
                    // As for Java's trust managers: one file may be both keystore and truststore.
                    Entry::Key(key) => key.chain.into_iter().next(),
                })
                .collect();
            if trusted.is_empty() { Err(within("truststore", file, &none())) } else { Ok(trusted) }
        }
    }
}

/// Java reads JKS and PKCS#12 under either name, so do we.
fn entries(data: &[u8], password: Option<&str>) -> Result<Vec<Entry>, TlsError> {
    if data.starts_with(&jks::MAGIC) {
        return jks::entries(data, password);
    }
    pkcs12::entries(data, password.unwrap_or(""))
}

fn read(what: &str, file: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(file).map_err(|error| TlsError(format!("cannot read {what} {}: {error}", file.display())))
}

fn within(what: &str, file: &Path, error: &TlsError) -> TlsError {
    TlsError(format!("cannot use {what} {}: {error}", file.display()))
}

fn warn_if_expired(alias: &str, certificate: Option<&CertificateDer<'_>>) {
    let Some((_, parsed)) = certificate.and_then(|der| parse_x509_certificate(der).ok()) else { return };
    let expires = parsed.validity().not_after;
    if expires.timestamp() < seconds_now() {
        tracing::warn!("Certificate for {alias} expired on {expires}");
    }
}

/// Seconds since 1970 by the system's clock, which is what certificates are valid by.
pub(super) fn seconds_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
