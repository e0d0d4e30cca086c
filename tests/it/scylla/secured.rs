//! TLS: a server that shows its certificate, and one that wants the client's too.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use scylla::client::session_builder::SessionBuilder;

use super::Client;
use crate::clients::secured::Secured;

fn certificate(file: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(file).expect("a certificate")
}

/// What trusts the certificates of this file, and shows that of the client, if it is to.
pub(super) fn trusting(directory: &Path, trusted: &str, own: bool) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate(&directory.join(trusted))).expect("a certificate that can be trusted");
    let builder = ClientConfig::builder().with_root_certificates(roots);
    Arc::new(if own {
        let key = PrivateKeyDer::from_pem_file(directory.join("client.key")).expect("a key");
        builder
            .with_client_auth_cert(vec![certificate(&directory.join("client.pem"))], key)
            .expect("they fit")
    } else {
        builder.with_no_client_auth()
    })
}

async fn connect(address: SocketAddr, encryption: Option<Arc<ClientConfig>>) -> Option<Client> {
    let builder = SessionBuilder::new().known_node_addr(address).tls_context(encryption);
    builder.build().await.ok().map(Client)
}

#[test]
fn connections_are_encrypted() {
    let secured = Secured::start();
    let path = secured.directory.path();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    runtime.block_on(async {
        let (encrypted, mutual) = (secured.encrypted.address(), secured.mutual.address());
        for (address, own) in [(encrypted, false), (mutual, true)] {
            let client = connect(address, Some(trusting(path, "authority.pem", own))).await.expect("welcome");
            let text = "SELECT ssl_enabled, ssl_protocol FROM system_views.clients";
            let found = client.rows::<(bool, String)>(text, ()).await;
            assert!(!found.is_empty());
            assert!(found.iter().all(|row| *row == (true, "TLSv1.3".to_owned())), "{found:?}");
        }
        for (address, encryption) in [
            (encrypted, None),
            (encrypted, Some(trusting(path, "client.pem", false))),
            (mutual, None),
            (mutual, Some(trusting(path, "authority.pem", false))),
        ] {
            assert!(connect(address, encryption).await.is_none());
        }
    });
}
