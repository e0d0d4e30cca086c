//! JKS, the keystore of Java before version 9 (`sun.security.provider.JavaKeyStore`, version 2; its keys protected by
//! `sun.security.provider.KeyProtector`).
//!
//! ```text
//! store:  FEEDFEED | version u32 | count u32 | entry … | SHA-1 of password, "Mighty Aphrodite" and all before
//! entry:  1 | alias | date u64 | length u32, protected key | count u32, certificate …        a key
//!         2 | alias | date u64 | certificate                                                 a trusted certificate
//! certificate:  type | length u32 | DER          alias, type: length u16, modified UTF-8
//! protected key (EncryptedPrivateKeyInfo):  salt (20) | key XOR stream | SHA-1 of password and key (20)
//! stream:  SHA-1 of password and salt | SHA-1 of password and the 20 bytes before | …
//! ```
//!
//! The password counts as UTF-16, high byte first.

use pkcs8::der::asn1::OctetStringRef;
use pkcs8::der::{Decode, Reader, SliceReader};
use pkcs8::spki::AlgorithmIdentifierRef;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use sha1::{Digest, Sha1};

use super::TlsError;
use super::keys::{Entry, KeyEntry};

/// The first bytes of a store.
pub(super) const MAGIC: [u8; 4] = [0xFE, 0xED, 0xFE, 0xED];
/// Salt, digest and step of the stream, bytes.
const DIGEST_BYTES: usize = 20;

/// The entries of a store. Without a password its digest is not checked and keys cannot be read, as in Java.
pub(super) fn entries(data: &[u8], password: Option<&str>) -> Result<Vec<Entry>, TlsError> {
    let damaged = || TlsError("it is a damaged JKS store".to_owned());
    let password: Option<Vec<u8>> =
        password.map(|password| password.encode_utf16().flat_map(u16::to_be_bytes).collect());
    let (content, digest) = data.split_last_chunk::<DIGEST_BYTES>().ok_or_else(damaged)?;
    if let Some(password) = &password
        && digest[..] != sha1(&[password, b"Mighty Aphrodite", content])
    {
        return Err(TlsError("its password is wrong, or it is damaged".to_owned()));
    }
    let mut input = Input(content.get(MAGIC.len()..).ok_or_else(damaged)?);
    let version = input.number().ok_or_else(damaged)?;
    if !(1..=2).contains(&version) {
        return Err(TlsError(format!("it is a JKS store of version {version}, which is not known")));
    }
    let count = input.number().ok_or_else(damaged)?;
    let mut entries = Vec::new();
    for _ in 0..count {
        let tag = input.number().ok_or_else(damaged)?;
        let alias = input.text().ok_or_else(damaged)?;
        input.take(8).ok_or_else(damaged)?;
        entries.push(match tag {
            1 => {
                let protected = input.block().ok_or_else(damaged)?;
                let certificates = input.number().ok_or_else(damaged)?;
                let chain = (0..certificates)
                    .map(|_| input.certificate(version))
                    .collect::<Option<Vec<_>>>()
                    .ok_or_else(damaged)?;
                let password = password.as_ref().ok_or_else(|| {
                    TlsError(format!("the private key {alias} cannot be read without a password"))
                })?;
                let key = unprotect(protected, password).ok_or_else(|| {
                    TlsError(format!("the password of the private key {alias} is not that of the store"))
                })?;
                Entry::Key(KeyEntry { alias, key: PrivatePkcs8KeyDer::from(key).into(), chain })
            }
            2 => Entry::Trusted(input.certificate(version).ok_or_else(damaged)?),
            _ => return Err(damaged()),
        });
    }
    Ok(entries)
}

fn sha1(parts: &[&[u8]]) -> [u8; DIGEST_BYTES] {
    let mut hash = Sha1::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// The key in PKCS#8 form; None if the password is wrong.
fn unprotect(protected: &[u8], password: &[u8]) -> Option<Vec<u8>> {
    let mut reader = SliceReader::new(protected).ok()?;
    let data = reader
        .sequence(|inner| {
            AlgorithmIdentifierRef::decode(inner)?;
            <&OctetStringRef>::decode(inner)
        })
        .ok()?
        .as_bytes();
    let (salt, rest) = data.split_first_chunk::<DIGEST_BYTES>()?;
    let (encrypted, digest) = rest.split_last_chunk::<DIGEST_BYTES>()?;
    let mut key = encrypted.to_vec();
    let mut stream = *salt;
    for step in key.chunks_mut(DIGEST_BYTES) {
        stream = sha1(&[password, &stream]);
        for (byte, mask) in step.iter_mut().zip(stream) {
            *byte ^= mask;
        }
    }
    (sha1(&[password, &key]) == *digest).then_some(key)
}

/// What is left to be read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        self.take(4)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
    }

    fn block(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(usize::try_from(length).ok()?)
    }

    fn text(&mut self) -> Option<String> {
        let length = self.take(2)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))?;
        self.take(usize::from(length)).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    fn certificate(&mut self, version: u32) -> Option<CertificateDer<'static>> {
        if version == 2 {
            self.text()?;
        }
        self.block().map(|der| CertificateDer::from(der.to_vec()))
    }
}
