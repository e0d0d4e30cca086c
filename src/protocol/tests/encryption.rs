//! Encrypted connections: versions, clients' certificates, plain ones beside them, new certificates.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::super::header::Opcode;
use super::super::{Encryption, Governor, Limits, Server, ServerHandle};
use super::fake::Fake;
use super::wire::{query, request, startup};
use crate::cql::client::Tls;
use crate::tls::{Context, EncryptionOptions, Policy, Secret, Source};

const CQL: &[(&str, &str)] = &[("CQL_VERSION", "3.4.5")];

/// Signs certificates.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, PEM.
#[derive(Clone)]
struct Identity {
    certificate: String,
    key: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn sign(&self, names: &[&str]) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params(names).signed_by(&key, &self.0).unwrap().pem();
        Identity { certificate, key: key.serialize_pem() }
    }

    fn pem(&self) -> String {
        self.0.pem()
    }
}

fn params(names: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    for name in names {
        params.subject_alt_names.push(match name.parse() {
            Ok(ip) => SanType::IpAddress(ip),
            Err(_) => SanType::URI((*name).try_into().unwrap()),
        });
    }
    params
}

fn self_signed() -> Identity {
    let key = KeyPair::generate().unwrap();
    let certificate = params(&[]).self_signed(&key).unwrap().pem();
    Identity { certificate, key: key.serialize_pem() }
}

/// Options for a server with this identity, which asks for certificates where it is told whom to trust.
fn options(own: &Identity, trusted: Option<String>) -> EncryptionOptions {
    let pem = |text: String| Source::Pem { text: Secret(text), password: None };
    EncryptionOptions {
        name: "client_encryption_options",
        policy: Policy::Encrypted,
        keys: pem(format!("{}{}", own.key, own.certificate)),
        require_client_auth: trusted.is_some(),
        trust: pem(trusted.unwrap_or_default()),
        require_endpoint_verification: false,
        protocols: None,
        cipher_suites: Vec::new(),
    }
}

async fn serve(options: &EncryptionOptions) -> (ServerHandle, Arc<Fake>, Arc<Context>) {
    let context = Arc::new(Context::load(options).unwrap());
    let encryption = match options.policy {
        Policy::Optional => Encryption::Optional(context.clone()),
        _ => Encryption::Required(context.clone()),
    };
    let fake = Arc::new(Fake::default());
    let governor = Governor::new(Limits::default());
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), fake.clone(), governor, encryption);
    (server.await.unwrap(), fake, context)
}

/// A client's end, and what it says of itself.
async fn connect(
    address: SocketAddr,
    authority: &Authority,
    own: Option<&Identity>,
    versions: &[&'static SupportedProtocolVersion],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.0.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some(own) => {
            let certificate = CertificateDer::from_pem_slice(own.certificate.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap();
            builder.with_client_auth_cert(vec![certificate], key).unwrap()
        }
    };
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// What the server knows of a client's encryption.
fn facts(fake: &Fake, client: &TlsStream<TcpStream>) -> Arc<Tls> {
    let address = client.get_ref().0.local_addr().unwrap();
    let connected = fake.clients.all();
    connected.iter().find(|known| known.address == address).and_then(|known| known.tls.clone()).unwrap()
}

/// Says hello in version 4 and hears an answer; None if the server hung up.
async fn hello<S: AsyncReadExt + AsyncWriteExt + Unpin>(stream: &mut S) -> Option<u8> {
    // With TLS 1.3 a server that does not like the client's certificate says so only after the client could write.
    let _ = stream.write_all(&startup(4, CQL)).await;
    answer(stream).await.map(|(opcode, _)| opcode)
}

async fn answer<S: AsyncReadExt + Unpin>(stream: &mut S) -> Option<(u8, Vec<u8>)> {
    let mut header = [0; 9];
    let reading = async {
        stream.read_exact(&mut header).await.ok()?;
        let mut body = vec![0; u32::from_be_bytes(header[5..].try_into().unwrap()) as usize];
        stream.read_exact(&mut body).await.ok()?;
        Some((header[4], body))
    };
    tokio::time::timeout(Duration::from_secs(20), reading).await.expect("an answer, or the end")
}

const READY: Option<u8> = Some(Opcode::Ready as u8);

#[tokio::test]
async fn both_versions_carry_requests_of_any_size() {
    let authority = Authority::new();
    let (server, fake, _) = serve(&options(&authority.sign(&["127.0.0.1"]), None)).await;
    for (version, name) in [(&version::TLS12, "TLSv1.2"), (&version::TLS13, "TLSv1.3")] {
        let mut client = connect(server.local_address(), &authority, None, &[version]).await.unwrap();
        assert_eq!(hello(&mut client).await, READY);
        let tls = facts(&fake, &client);
        assert_eq!(tls.protocol, name);
        assert!(tls.cipher_suite.starts_with("TLS_") && tls.certificates.is_empty(), "{tls:?}");
        // More than the socket, TLS and the server's buffer hold, and nobody reads meanwhile.
        for stream in 0..40 {
            client.write_all(&query(4, stream, "FILL 1 500000")).await.unwrap();
        }
        client.write_all(&query(4, 40, &format!("INSERT {}", "x".repeat(500_000)))).await.unwrap();
        client.flush().await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        for _ in 0..40 {
            let (opcode, body) = answer(&mut client).await.unwrap();
            assert!(opcode == Opcode::Result as u8 && body.len() > 500_000);
        }
        assert_eq!(answer(&mut client).await.unwrap().1, [0, 0, 0, 1]);
    }
}

#[tokio::test]
async fn the_same_port_serves_plain_connections_where_encryption_is_optional() {
    let authority = Authority::new();
    let own = authority.sign(&["127.0.0.1"]);
    let optional = EncryptionOptions { policy: Policy::Optional, ..options(&own, None) };
    let (server, fake, _) = serve(&optional).await;
    let mut encrypted = connect(server.local_address(), &authority, None, &[&version::TLS13]).await.unwrap();
    assert_eq!(hello(&mut encrypted).await, READY);
    let mut plain = TcpStream::connect(server.local_address()).await.unwrap();
    // The bytes that tell come one by one.
    for byte in startup(4, CQL) {
        plain.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(answer(&mut plain).await.map(|(opcode, _)| opcode), READY);
    let encrypted: Vec<_> = fake.clients.all().iter().map(|client| client.tls.is_some()).collect();
    assert_eq!(encrypted.iter().filter(|is| **is).count(), 1, "{encrypted:?}");

    let (server, _, _) = serve(&options(&own, None)).await;
    let mut plain = TcpStream::connect(server.local_address()).await.unwrap();
    let _ = plain.write_all(&request(4, Opcode::Options, 1, &[])).await;
    let mut heard = Vec::new();
    let _ = plain.read_to_end(&mut heard).await;
    assert!(!heard.contains(&(Opcode::Supported as u8)), "{heard:?}");
}

#[tokio::test]
async fn a_client_needs_a_certificate_that_is_trusted() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let friend = self_signed();
    let trusted = authority.pem() + &friend.certificate;
    let (server, fake, _) = serve(&options(&authority.sign(&["127.0.0.1"]), Some(trusted))).await;
    let known = authority.sign(&["spiffe://cluster/known"]);
    for version in [&version::TLS12, &version::TLS13] {
        for (own, welcome) in [
            (None, false),
            (Some(&stranger.sign(&[])), false),
            (Some(&self_signed()), false),
            (Some(&known), true),
            (Some(&friend), true),
        ] {
            let heard = match connect(server.local_address(), &authority, own, &[version]).await {
                Err(_) => None,
                Ok(mut client) => {
                    let heard = hello(&mut client).await;
                    if let Some(own) = own.filter(|_| heard.is_some()) {
                        let tls = facts(&fake, &client);
                        let der = CertificateDer::from_pem_slice(own.certificate.as_bytes()).unwrap();
                        assert_eq!(tls.certificates, [der.to_vec()]);
                    }
                    heard
                }
            };
            assert_eq!(heard, READY.filter(|_| welcome), "{version:?}");
        }
    }
}

#[tokio::test]
async fn the_certificate_names_the_clients_address_where_that_is_required() {
    let authority = Authority::new();
    let options = options(&authority.sign(&["127.0.0.1"]), Some(authority.pem()));
    let (server, ..) = serve(&EncryptionOptions { require_endpoint_verification: true, ..options }).await;
    for (name, welcome) in [("127.0.0.1", true), ("127.0.0.2", false), ("spiffe://cluster/x", false)] {
        let own = authority.sign(&[name]);
        let mut client =
            connect(server.local_address(), &authority, Some(&own), &[&version::TLS13]).await.unwrap();
        assert_eq!(hello(&mut client).await, READY.filter(|_| welcome), "{name}");
    }
}

#[tokio::test]
async fn new_certificates_are_for_new_connections() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("keys.pem");
    let write = |identity: &Identity| {
        std::fs::write(&file, format!("{}{}", identity.key, identity.certificate)).unwrap();
    };
    let (old, new) = (Authority::new(), Authority::new());
    write(&old.sign(&["127.0.0.1"]));
    let mut options = options(&self_signed(), None);
    options.keys = Source::PemFile { file: file.clone(), password: None };
    let (server, _, context) = serve(&options).await;
    let connect = async |authority: &Authority| {
        connect(server.local_address(), authority, None, &[&version::TLS13]).await
    };
    let mut before = connect(&old).await.unwrap();
    assert_eq!(hello(&mut before).await, READY);

    context.reload(false);
    assert!(connect(&old).await.is_ok());
    // What cannot be used changes nothing.
    std::fs::write(&file, "nonsense").unwrap();
    touch(&file, 1);
    context.reload(false);
    assert!(connect(&old).await.is_ok());
    write(&new.sign(&["127.0.0.1"]));
    touch(&file, 2);
    context.reload(false);
    assert!(connect(&old).await.is_err());
    assert!(connect(&new).await.is_ok());
    before.write_all(&request(4, Opcode::Options, 1, &[])).await.unwrap();
    assert_eq!(answer(&mut before).await.map(|(opcode, _)| opcode), Some(Opcode::Supported as u8));

    // Written in the same instant: found only by force.
    let time = std::fs::metadata(&file).unwrap().modified().unwrap();
    write(&old.sign(&["127.0.0.1"]));
    std::fs::File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
    context.reload(false);
    assert!(connect(&new).await.is_ok());
    context.reload(true);
    assert!(connect(&old).await.is_ok());
}

/// Sets a file's time so many seconds ahead, for file systems that count in seconds.
fn touch(file: &Path, seconds: u64) {
    let time = std::time::SystemTime::now() + Duration::from_secs(seconds);
    std::fs::File::options().write(true).open(file).unwrap().set_modified(time).unwrap();
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_client_that_says_nothing() {
    let authority = Authority::new();
    let own = authority.sign(&[]);
    for policy in [Policy::Optional, Policy::Encrypted] {
        let (server, ..) = serve(&EncryptionOptions { policy, ..options(&own, None) }).await;
        let mut silent = TcpStream::connect(server.local_address()).await.unwrap();
        silent.write_all(&[22, 3, 1]).await.unwrap();
        while server.connections() == 0 {
            tokio::task::yield_now().await;
        }
        tokio::time::timeout(Duration::from_secs(5), server.stop()).await.unwrap();
    }
}
