//! Keystores that keytool and openssl made (tests/data/tls), and what is wrong with others.

#![allow(clippy::unwrap_used, reason = "test")]

use std::path::{Path, PathBuf};

use super::keys::{private_keys, trusted_certificates};
use super::{Context, EncryptionOptions, Policy, Secret, Source};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls").join(name)
}

fn secret(text: &str) -> Option<Secret> {
    Some(Secret(text.to_owned()))
}

fn store(name: &str) -> Source {
    Source::Store { file: file(name), password: secret("cassandra") }
}

fn pem(name: &str, password: Option<Secret>) -> Source {
    Source::PemFile { file: file(name), password }
}

fn options(keys: Source, trust: Option<Source>) -> EncryptionOptions {
    EncryptionOptions {
        name: "client_encryption_options",
        policy: Policy::Encrypted,
        require_client_auth: trust.is_some(),
        trust: trust.unwrap_or(Source::Pem { text: Secret(String::new()), password: None }),
        keys,
        require_endpoint_verification: false,
        protocols: None,
        cipher_suites: Vec::new(),
    }
}

fn refused(options: &EncryptionOptions, why: &str) {
    let error = Context::load(options).map(|_| ()).unwrap_err().to_string();
    assert!(error.starts_with("client_encryption_options: ") && error.contains(why), "{error}");
}

#[test]
fn stores_of_keytool_and_openssl_are_read() {
    for (source, chain, trusted) in [
        (store("keytool.jks"), 1, 2),
        (store("keytool.p12"), 1, 2),
        (store("openssl.p12"), 2, 1),
        (store("openssl-legacy.p12"), 2, 1),
        (pem("plain.pem", None), 2, 2),
        (pem("aes.pem", secret("cassandra")), 1, 1),
        (pem("des3.pem", secret("cassandra")), 1, 1),
    ] {
        let keys = private_keys(&source).unwrap();
        assert_eq!(keys.iter().map(|key| key.chain.len()).collect::<Vec<_>>(), [chain], "{source:?}");
        assert_eq!(trusted_certificates(&source).unwrap().len(), trusted, "{source:?}");
        Context::load(&options(source.clone(), Some(source))).unwrap();
    }
}

#[test]
fn the_same_key_comes_out_of_every_form() {
    let key = |source| private_keys(&source).unwrap().remove(0).key.secret_der().to_vec();
    let plain = key(pem("plain.pem", None));
    for source in [
        store("openssl.p12"),
        store("openssl-legacy.p12"),
        pem("aes.pem", secret("cassandra")),
        pem("des3.pem", secret("cassandra")),
    ] {
        assert_eq!(key(source.clone()), plain, "{source:?}");
    }
    let text = Secret(std::fs::read_to_string(file("plain.pem")).unwrap());
    assert_eq!(key(Source::Pem { text, password: None }), plain);
}

#[test]
fn wrong_passwords_are_refused() {
    for name in ["keytool.jks", "keytool.p12", "openssl.p12", "openssl-legacy.p12"] {
        let wrong = Source::Store { file: file(name), password: secret("cassandr") };
        refused(&options(wrong.clone(), None), "its password is wrong, or it is damaged");
        refused(&options(store(name), Some(wrong)), "cannot use truststore");
        let none = Source::Store { file: file(name), password: None };
        refused(&options(none, None), "'keystore_password' must be specified");
    }
    for (name, password, why) in [
        ("aes.pem", secret("cassandr"), "its password is wrong"),
        ("aes.pem", None, "the private key is encrypted"),
        ("plain.pem", secret("cassandra"), "the private key is not encrypted"),
        ("pbes1.pem", secret("cassandra"), "openssl pkcs8 -topk8 -v2 aes-256-cbc"),
    ] {
        refused(&options(pem(name, password), None), why);
    }
}

#[test]
fn what_is_missing_or_damaged_is_refused() {
    refused(&options(store("nowhere"), None), "cannot read keystore");
    refused(&options(store("keytool.jks"), Some(store("nowhere"))), "cannot read truststore");
    refused(&options(store("plain.pem"), None), "it is not a PKCS#12 store");
    refused(&options(pem("keytool.p12", None), None), "it holds no certificate");
    let certificates = Secret("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned());
    refused(
        &options(Source::Pem { text: certificates.clone(), password: None }, None),
        "it holds no private key",
    );
    refused(
        &options(store("keytool.jks"), Some(Source::Pem { text: certificates, password: None })),
        "a trusted certificate cannot be used",
    );
    let directory = tempfile::tempdir().unwrap();
    for name in ["keytool.jks", "keytool.p12"] {
        let whole = std::fs::read(file(name)).unwrap();
        for length in [0, 1, 3, 4, 20, 24, 30, whole.len() / 2, whole.len() - 1] {
            let cut = directory.path().join("cut");
            std::fs::write(&cut, &whole[..length]).unwrap();
            for password in [secret("cassandra"), None] {
                let source = Source::Store { file: cut.clone(), password };
                assert!(trusted_certificates(&source).is_err(), "{name} cut after {length}");
            }
        }
    }
}

#[test]
fn a_key_needs_its_own_certificate() {
    let text = |name| std::fs::read_to_string(file(name)).unwrap();
    let (plain, other) = (text("plain.pem"), rcgen::KeyPair::generate().unwrap().serialize_pem());
    let start = plain.find("-----BEGIN CERTIFICATE").unwrap();
    let mixed = Source::Pem { text: Secret(other + &plain[start..]), password: None };
    refused(&options(mixed, None), "is not that of its private key");
}

#[test]
fn protocols_and_cipher_suites_go_by_javas_names() {
    let with = |protocols: &[&str], suites: &[&str]| EncryptionOptions {
        protocols: Some(protocols.iter().map(|&name| name.to_owned()).collect()),
        cipher_suites: suites.iter().map(|&name| name.to_owned()).collect(),
        ..options(store("keytool.jks"), None)
    };
    for (protocols, suites) in [
        (&["TLSv1.2"][..], &["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_RSA_WITH_AES_128_CBC_SHA"][..]),
        (&["TLSv1.3", "TLSv1.1"], &["TLS_AES_128_GCM_SHA256"]),
        (&["TLSv1.3", "TLSv1.2"], &["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"]),
    ] {
        Context::load(&with(protocols, suites)).unwrap();
    }
    refused(&with(&["TLSv1.1", "TLSv1"], &[]), "none of the protocols is spoken here: TLSv1.1, TLSv1");
    refused(&with(&["TLS13"], &[]), "Unsupported protocol: TLS13");
    refused(&with(&["TLSv1.2"], &["TLS_RSA_WITH_AES_128_CBC_SHA"]), "No ciphers left after filtering");
    refused(&with(&["TLSv1.3"], &["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"]), "no usable cipher suites");
}
