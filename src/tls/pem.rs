//! PEM (RFC 7468), as Cassandra's `PEMReader` reads it: the certificates and the private key among its sections.

use pkcs8::EncryptedPrivateKeyInfoRef;
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};
use x509_parser::pem::Pem;

use super::TlsError;

/// The certificates, in their order.
pub(super) fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let mut certificates = Vec::new();
    for section in sections(text)? {
        if section.label.ends_with("CERTIFICATE") {
            certificates.push(CertificateDer::from(section.contents));
        }
    }
    if certificates.is_empty() {
        return Err(TlsError("it holds no certificate (-----BEGIN CERTIFICATE-----)".to_owned()));
    }
    Ok(certificates)
}

/// The first private key, decrypted with the password if there is one.
pub(super) fn private_key(text: &[u8], password: Option<&str>) -> Result<PrivateKeyDer<'static>, TlsError> {
    let section = sections(text)?
        .into_iter()
        .find(|section| section.label.ends_with("PRIVATE KEY"))
        .ok_or_else(|| TlsError("it holds no private key (-----BEGIN PRIVATE KEY-----)".to_owned()))?;
    let encrypted = section.label == "ENCRYPTED PRIVATE KEY";
    match (section.label.as_str(), password.filter(|password| !password.is_empty())) {
        (_, Some(password)) if encrypted => decrypt(&section.contents, password),
        (_, None) if encrypted => {
            Err(TlsError("the private key is encrypted: set private_key_password".to_owned()))
        }
        (_, Some(_)) => Err(TlsError("a password is given, but the private key is not encrypted".to_owned())),
        ("PRIVATE KEY", None) => Ok(PrivatePkcs8KeyDer::from(section.contents).into()),
        ("RSA PRIVATE KEY", None) => Ok(PrivatePkcs1KeyDer::from(section.contents).into()),
        ("EC PRIVATE KEY", None) => Ok(PrivateSec1KeyDer::from(section.contents).into()),
        (label, None) => Err(TlsError(format!("it holds a private key of another kind: {label}"))),
    }
}

fn sections(text: &[u8]) -> Result<Vec<Pem>, TlsError> {
    Pem::iter_from_buffer(text)
        .collect::<Result<_, _>>()
        .map_err(|error| TlsError(format!("it is not in PEM format: {error}")))
}

fn decrypt(encrypted: &[u8], password: &str) -> Result<PrivateKeyDer<'static>, TlsError> {
    let info = EncryptedPrivateKeyInfoRef::try_from(encrypted).map_err(|error| {
        TlsError(format!(
            "the private key's encryption is not known here ({error}); encrypt it anew with: openssl pkcs8 -topk8 -v2 \
             aes-256-cbc -in OLD -out NEW"
        ))
    })?;
    let key = info.decrypt(password).map_err(|error| {
        TlsError(format!(
            "the private key cannot be decrypted: its password is wrong, or it is damaged ({error})"
        ))
    })?;
    Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into())
}
