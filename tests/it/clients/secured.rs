//! Unmodified clients over TLS: a server that shows its certificate, and one that wants theirs too.
//!
//! ```text
//! client HOST PORT [DATA] DIRECTORY PORT-OF-THE-OTHER
//! ```
//!
//! In the directory: `authority.pem`, which signed all certificates; `client.pem` and `client.key`; the same for Java,
//! `authority.p12` and `client.p12`, with the password "cassandra".

use std::fs;
use std::path::Path;

use helenus::config::Config;
use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use tempfile::TempDir;

use super::toolchain::{self, Program};
use super::{TestServer, data, run_on};

const PASSWORD: &str = "cassandra";

/// Two servers of this process and what their clients need.
pub(crate) struct Secured {
    pub encrypted: TestServer,
    /// Wants a certificate of the client.
    pub mutual: TestServer,
    pub directory: TempDir,
}

impl Secured {
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path();
        certificates(path);
        let server = |more: &str| Self::server(path, more);
        Self { encrypted: server(""), mutual: server("  require_client_auth: true\n"), directory }
    }

    /// A server that shows its certificate, with more options for TLS, or other keys.
    pub(crate) fn server(path: &Path, more: &str) -> TestServer {
        let yaml = format!(
            "client_encryption_options:\n  enabled: true\n  keystore: {0}/server.p12\n  keystore_password: {PASSWORD}\n  \
             truststore: {0}/authority.p12\n  truststore_password: {PASSWORD}\n{more}",
            path.display()
        );
        let config = Config::parse(&yaml, None, path).and_then(Config::into_ephemeral);
        TestServer::start_with(config.expect("a valid configuration"))
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().expect("text").to_owned()
    }
}

/// Writes the files.
pub(super) fn certificates(directory: &Path) {
    let write = |name: &str, content: &[u8]| fs::write(directory.join(name), content).expect("written");
    let mut params = named("authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority =
        CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("signed");
    write("authority.pem", authority.pem().as_bytes());
    let mut store = KeyStore::new();
    let trusted = Certificate::from_der(authority.der()).expect("a certificate");
    store.add_entry("authority", KeyStoreEntry::Certificate(trusted.clone()));
    write("authority.p12", &store.writer(PASSWORD).write().expect("a truststore"));
    let localhost = SanType::DnsName("localhost".try_into().expect("a name"));
    for (name, identities) in [
        ("server", vec![SanType::IpAddress([127, 0, 0, 1].into()), localhost]),
        ("client", vec![SanType::URI("spiffe://cluster/client".try_into().expect("a URI"))]),
    ] {
        let key = KeyPair::generate().expect("a key");
        let mut params = named(name);
        params.subject_alt_names = identities;
        let certificate = params.signed_by(&key, &authority).expect("signed");
        write(&format!("{name}.pem"), certificate.pem().as_bytes());
        write(&format!("{name}.key"), key.serialize_pem().as_bytes());
        let chain = PrivateKeyChain::new(
            name,
            PrivateKey::from_der(&key.serialize_der()).expect("a key"),
            [Certificate::from_der(certificate.der()).expect("a certificate"), trusted.clone()],
        );
        let mut store = KeyStore::new();
        store.add_entry(name, KeyStoreEntry::PrivateKeyChain(chain));
        write(&format!("{name}.p12"), &store.writer(PASSWORD).write().expect("a keystore"));
    }
}

/// A certificate of this name, which is not that of its issuer: else OpenSSL takes it for a self-signed one.
fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// Runs a client, if there is a server of this process to run it on.
fn run(name: &str, program: Result<Program, String>, arguments: &[&str]) {
    if std::env::var_os("CASSANDRA").is_some() {
        return;
    }
    let mut secured = Secured::start();
    let directory = secured.file("");
    let other = secured.mutual.address().port().to_string();
    let arguments = [arguments, &[&directory, &other]].concat();
    run_on(&mut secured.encrypted, name, program, &arguments);
}

one_test_for_each_client!(run, "secured.py");
