//! What new connections use: made of the options, and made again when the files change (Cassandra: `SSLFactory`).

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, SupportedCipherSuite, SupportedProtocolVersion, version};
use tracing::{error, info, warn};
use x509_parser::parse_x509_certificate;

use super::TlsError;
use super::keys::{KeyEntry, private_keys, trusted_certificates};
use super::options::EncryptionOptions;
use super::verifier::ClientVerifier;

/// Versions that Java knows and that nobody should speak any more.
const OLD_PROTOCOLS: [&str; 4] = ["TLSv1.1", "TLSv1", "SSLv3", "SSLv2Hello"];

/// What new connections use.
pub struct Context {
    options: EncryptionOptions,
    current: ArcSwap<ServerConfig>,
    /// The files that were read, with when they were written.
    files: Mutex<Vec<(PathBuf, Option<SystemTime>)>>,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Context {
    /// Reads the files that the options name. Blocks.
    pub fn load(options: &EncryptionOptions) -> Result<Self, TlsError> {
        let files = written(options);
        let config = build(options).map_err(|error| TlsError(format!("{}: {error}", options.name)))?;
        Ok(Self {
            options: options.clone(),
            current: ArcSwap::from_pointee(config),
            files: Mutex::new(files),
        })
    }

    /// What it was made of.
    pub fn options(&self) -> &EncryptionOptions {
        &self.options
    }

    /// For a connection that begins now.
    pub fn server_config(&self) -> Arc<ServerConfig> {
        self.current.load_full()
    }

    /// Reads the files again if one was written since, or if `force` says so. Connections that are there stay as they
    /// are, and so does everything if the files cannot be used. Blocks.
    pub fn reload(&self, force: bool) {
        let mut files = self.files.lock();
        let now = written(&self.options);
        if !force && *files == now {
            return;
        }
        let name = self.options.name;
        match build(&self.options) {
            Ok(config) => {
                self.current.store(Arc::new(config));
                info!("SSL certificates have been updated for {name}. New connections use them.");
            }
            Err(error) => {
                error!(
                    "Failed to hot reload the SSL Certificates! Please check the certificate files for {name}: {error}"
                );
            }
        }
        *files = now;
    }
}

/// The files that count, with when they were written.
fn written(options: &EncryptionOptions) -> Vec<(PathBuf, Option<SystemTime>)> {
    let trust = options.require_client_auth.then_some(&options.trust);
    let files = [Some(&options.keys), trust].into_iter().flatten().filter_map(|source| source.file());
    let time = |file: &std::path::Path| file.metadata().and_then(|found| found.modified()).ok();
    files.map(|file| (file.to_owned(), time(file))).collect()
}

fn build(options: &EncryptionOptions) -> Result<ServerConfig, TlsError> {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites = cipher_suites(options, provider.cipher_suites)?;
    let provider = Arc::new(provider);
    let unusable = |error: rustls::Error| TlsError(error.to_string());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&protocols(options)?)
        .map_err(unusable)?;
    let verifier = if options.require_client_auth {
        Arc::new(ClientVerifier::new(trusted_certificates(&options.trust)?, &provider)?)
    } else {
        WebPkiClientVerifier::no_client_auth()
    };
    let keys = private_keys(&options.keys)?
        .into_iter()
        .map(|entry| certified(entry, &provider).map(Arc::new))
        .collect::<Result<_, _>>()?;
    Ok(builder.with_client_cert_verifier(verifier).with_cert_resolver(Arc::new(Keys(keys))))
}

fn protocols(options: &EncryptionOptions) -> Result<Vec<&'static SupportedProtocolVersion>, TlsError> {
    let Some(names) = &options.protocols else { return Ok(vec![&version::TLS13, &version::TLS12]) };
    let mut versions = Vec::new();
    for name in names {
        match name.as_str() {
            "TLSv1.3" => versions.push(&version::TLS13),
            "TLSv1.2" => versions.push(&version::TLS12),
            old if OLD_PROTOCOLS.contains(&old) => {
                warn!("{}: {old} is not spoken any more, only TLSv1.2 and TLSv1.3 are", options.name);
            }
            other => return Err(TlsError(format!("Unsupported protocol: {other}"))),
        }
    }
    if versions.is_empty() {
        let names = names.join(", ");
        return Err(TlsError(format!(
            "none of the protocols is spoken here: {names} (TLSv1.2 and TLSv1.3 are)"
        )));
    }
    Ok(versions)
}

fn cipher_suites(
    options: &EncryptionOptions,
    offered: Vec<SupportedCipherSuite>,
) -> Result<Vec<SupportedCipherSuite>, TlsError> {
    if options.cipher_suites.is_empty() {
        return Ok(offered);
    }
    let mut chosen = Vec::new();
    for name in &options.cipher_suites {
        match offered.iter().find(|suite| suite_name(**suite) == *name) {
            Some(suite) => chosen.push(*suite),
            None => warn!("Dropping unsupported cipher_suite {name} from {} configuration", options.name),
        }
    }
    if chosen.is_empty() {
        let names: Vec<_> = offered.into_iter().map(suite_name).collect();
        return Err(TlsError(format!(
            "No ciphers left after filtering supported cipher suite: there are {}",
            names.join(", ")
        )));
    }
    Ok(chosen)
}

/// Java's name of a cipher suite.
pub fn suite_name(suite: SupportedCipherSuite) -> String {
    let name = format!("{:?}", suite.suite());
    match name.strip_prefix("TLS13_") {
        Some(rest) => format!("TLS_{rest}"),
        None => name,
    }
}

/// The key, ready for use, once it is seen to be that of its certificate.
fn certified(entry: KeyEntry, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let alias = entry.alias;
    let key = provider
        .key_provider
        .load_private_key(entry.key)
        .map_err(|error| TlsError(format!("the private key {alias} cannot be used: {error}")))?;
    let own = entry.chain.first().map(|der| parse_x509_certificate(der));
    let Some(Ok((_, certificate))) = own else {
        return Err(TlsError(format!("the certificate of the private key {alias} cannot be read")));
    };
    if key.public_key().is_some_and(|public| public.as_ref() != certificate.public_key().raw) {
        return Err(TlsError(format!("the certificate of {alias} is not that of its private key")));
    }
    Ok(CertifiedKey::new(entry.chain.clone(), key))
}

/// Several keys, such as an RSA and an EC one: a client gets the first that it can check.
#[derive(Debug)]
struct Keys(Vec<Arc<CertifiedKey>>);

impl ResolvesServerCert for Keys {
    fn resolve(&self, client: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let fits = |key: &&Arc<CertifiedKey>| key.key.choose_scheme(client.signature_schemes()).is_some();
        self.0.iter().find(fits).or(self.0.first()).cloned()
    }
}
