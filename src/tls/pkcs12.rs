//! PKCS#12 keystores and truststores, as keytool (since Java 9) and openssl make them.

use p12_keystore::error::Error;
use p12_keystore::{KeyStore, KeyStoreEntry, Pkcs12ImportPolicy};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use super::TlsError;
use super::keys::{Entry, KeyEntry};

/// The entries of a store.
pub(super) fn entries(data: &[u8], password: &str) -> Result<Vec<Entry>, TlsError> {
    let store =
        KeyStore::from_pkcs12(data, password, Pkcs12ImportPolicy::Strict).map_err(|error| match error {
            Error::MacError(_) => TlsError("its password is wrong, or it is damaged".to_owned()),
            other => TlsError(format!("it is not a PKCS#12 store that can be read: {other}")),
        })?;
    let certificate =
        |certificate: &p12_keystore::Certificate| CertificateDer::from(certificate.as_der().to_vec());
    let entry = |(alias, entry): (&String, &KeyStoreEntry)| match entry {
        KeyStoreEntry::PrivateKeyChain(chain) => Some(Entry::Key(KeyEntry {
            alias: alias.clone(),
            key: PrivatePkcs8KeyDer::from(chain.key().as_der().to_vec()).into(),
            chain: chain.certs().iter().map(certificate).collect(),
        })),
        KeyStoreEntry::Certificate(trusted) => Some(Entry::Trusted(certificate(trusted))),
        KeyStoreEntry::Secret(_) => None,
    };
    Ok(store.entries().filter_map(entry).collect())
}
