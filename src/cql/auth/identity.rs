//! The identity in a client's certificate (Cassandra: `auth.SpiffeCertificateValidator`).

use bytes::Bytes;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

use crate::error::Error;

/// The first `spiffe://` URI among the alternative names of the client's own certificate.
pub(super) fn spiffe(certificates: &[Bytes]) -> Result<String, Error> {
    let refused = |text: &str| Error::BadCredentials(text.to_owned());
    let certificate = certificates.first().ok_or_else(|| refused("Invalid or not supported certificate"))?;
    let unreadable = |_| refused("Invalid or not supported certificate");
    let (_, certificate) = parse_x509_certificate(certificate).map_err(unreadable)?;
    let names = certificate.subject_alternative_name().ok().flatten();
    let names = names.iter().flat_map(|names| &names.value.general_names);
    let spiffe = names.filter_map(|name| match name {
        GeneralName::URI(uri) if uri.starts_with("spiffe://") => Some((*uri).to_owned()),
        _ => None,
    });
    spiffe.into_iter().next().ok_or_else(|| refused("Unable to extract Spiffe from the certificate"))
}
