//! What comes before a connection's first request: TLS, or the finding that the client does not use it
//! (Cassandra: `transport.PipelineConfigurator.encryptionConfig`).

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use rustls::ServerConnection;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::cql::client::Tls;
use crate::tls;

/// How long a client may take to agree on keys.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// So many bytes tell TLS from the native protocol.
const TELLING_BYTES: usize = 5;

/// Whether a port's connections are encrypted.
#[derive(Debug, Clone)]
pub enum Encryption {
    /// None is.
    None,
    /// As the client likes.
    Optional(Arc<tls::Context>),
    /// All are.
    Required(Arc<tls::Context>),
}

impl Encryption {
    /// As the log names it.
    pub fn description(&self) -> &'static str {
        let policy = match self {
            Encryption::None => tls::Policy::Unencrypted,
            Encryption::Optional(_) => tls::Policy::Optional,
            Encryption::Required(_) => tls::Policy::Encrypted,
        };
        policy.description()
    }
}

/// A connection that is ready for its first request.
pub(super) enum Opened {
    /// Not encrypted; with what was read of it.
    Plain(TcpStream, BytesMut),
    /// Encrypted.
    Tls(Box<TlsStream<Begun>>, Tls),
}

/// Finds out whether the client uses TLS, and agrees on keys with it.
pub(super) async fn open(
    mut stream: TcpStream,
    address: SocketAddr,
    encryption: &Encryption,
) -> io::Result<Opened> {
    let mut begun = BytesMut::new();
    let context = match encryption {
        Encryption::None => return Ok(Opened::Plain(stream, begun)),
        Encryption::Required(context) => context,
        Encryption::Optional(context) => {
            while begun.len() < TELLING_BYTES {
                if stream.read_buf(&mut begun).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            if !is_tls(&begun) {
                return Ok(Opened::Plain(stream, begun));
            }
            context
        }
    };
    let begun = Begun { stream, begun: begun.freeze() };
    let accepting = TlsAcceptor::from(context.server_config()).accept(begun);
    let stream = tokio::time::timeout(HANDSHAKE_TIMEOUT, accepting).await??;
    let tls = facts(stream.get_ref().1);
    let options = context.options();
    if options.require_client_auth && options.require_endpoint_verification {
        verify_endpoint(&tls, address)?;
    }
    Ok(Opened::Tls(Box::new(stream), tls))
}

/// Whether these bytes begin a TLS record: its kind, then version 3.x.
fn is_tls(begun: &[u8]) -> bool {
    matches!(begun, [20..=24, 3, ..])
}

fn facts(connection: &ServerConnection) -> Tls {
    let protocol = match connection.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3",
        _ => "TLSv1.2",
    };
    let certificates = connection.peer_certificates().unwrap_or_default();
    Tls {
        protocol: protocol.to_owned(),
        cipher_suite: connection.negotiated_cipher_suite().map(tls::suite_name).unwrap_or_default(),
        certificates: certificates.iter().map(|der| Bytes::copy_from_slice(der)).collect(),
    }
}

/// The client's certificate has to name its address.
fn verify_endpoint(tls: &Tls, address: SocketAddr) -> io::Result<()> {
    let refused = |error: rustls::Error| io::Error::new(io::ErrorKind::PermissionDenied, error);
    let certificate = CertificateDer::from(tls.certificates.first().map_or(&[][..], |der| der));
    let certificate = ParsedCertificate::try_from(&certificate).map_err(refused)?;
    let name = ServerName::IpAddress(address.ip().into());
    rustls::client::verify_server_name(&certificate, &name).map_err(refused)
}

/// A socket of which something was read already.
#[derive(Debug)]
pub(super) struct Begun {
    stream: TcpStream,
    begun: Bytes,
}

impl AsyncRead for Begun {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.begun.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let count = self.begun.len().min(buffer.remaining());
        buffer.put_slice(self.begun.get(..count).unwrap_or_default());
        self.begun.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Begun {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
