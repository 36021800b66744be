//! The one connector: name to checked address to TCP to TLS.

use std::{
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs as _},
    pin::Pin,
    sync::Arc,
    task,
    time::Duration,
};

use keystead_providers::{Destination, Scheme};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    address::{AddressRefused, AddressRules},
    aside::aside,
};

/// Opens connections to providers; cheap to clone.
#[derive(Clone)]
pub struct Connector {
    tls: Arc<ClientConfig>,
    rules: Arc<AddressRules>,
    timeout: Duration,
}

/// Why no connection came about. Names no address: the text may reach a client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The name did not resolve.
    #[error("the provider's name could not be resolved")]
    Resolve(#[source] io::Error),
    /// The name resolved to an address that may not be reached.
    #[error("the provider's address may not be used: {0}")]
    Refused(#[from] AddressRefused),
    /// No address answered.
    #[error("the provider could not be reached")]
    Unreachable(#[source] io::Error),
    /// TLS failed: a wrong certificate is final, there is no plain fallback.
    #[error("no trusted TLS connection to the provider came about")]
    Tls(#[source] io::Error),
    /// It all took too long.
    #[error("the provider did not accept a connection in time")]
    Timeout,
}

impl Connector {
    /// A connector that trusts the bundled web roots and nothing else.
    ///
    /// The roots are bundled, not the system's: a machine-wide interception certificate must not
    /// quietly read provider keys.
    #[must_use]
    pub fn new(rules: AddressRules, timeout: Duration) -> Self {
        let roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        Self::with_roots(roots, rules, timeout)
    }

    /// As [`new`](Self::new), trusting `roots`; tests of the TLS path bring their own.
    #[must_use]
    pub fn with_roots(roots: RootCertStore, rules: AddressRules, timeout: Duration) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("aws-lc-rs supports TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self {
            tls: Arc::new(tls),
            rules: Arc::new(rules),
            timeout,
        }
    }

    /// The same connector for a server that does not speak HTTP.
    #[must_use]
    pub fn without_protocol(mut self) -> Self {
        Arc::make_mut(&mut self.tls).alpn_protocols.clear();
        self
    }

    /// Connects to `destination`, on an address that passed the rules.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]; nothing was sent in any of its cases.
    pub async fn connect(&self, destination: &Destination) -> Result<UpstreamIo, ConnectError> {
        self.connect_as(destination, |tcp| tcp).await
    }

    /// As [`connect`](Self::connect), with what is made of the socket in its place.
    ///
    /// # Errors
    ///
    /// The same.
    pub async fn connect_as<S>(
        &self,
        destination: &Destination,
        make: impl FnOnce(TcpStream) -> S,
    ) -> Result<UpstreamIo<S>, ConnectError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let attempt = async {
            let tcp = self.dial(&destination.host, destination.port).await?;
            tcp.set_nodelay(true).map_err(ConnectError::Unreachable)?;
            let tcp = make(tcp);
            match destination.scheme {
                Scheme::Http => Ok(UpstreamIo::Plain(tcp)),
                Scheme::Https => {
                    let name = ServerName::try_from(destination.host.clone())
                        .map_err(|error| ConnectError::Tls(io::Error::other(error)))?;
                    let stream = TlsConnector::from(self.tls.clone())
                        .connect(name, tcp)
                        .await
                        .map_err(ConnectError::Tls)?;
                    Ok(UpstreamIo::Tls(Box::new(stream)))
                }
            }
        };
        tokio::time::timeout(self.timeout, attempt)
            .await
            .unwrap_or(Err(ConnectError::Timeout))
    }

    /// The addresses of a name, all of which passed the rules.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Refused`] if any of them did not.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, ConnectError> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let addresses = match bare.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => {
                let name = bare.to_owned();
                let found = aside(move || (name, port).to_socket_addrs()).await;
                found.map_err(ConnectError::Resolve)?.collect()
            }
        };
        for address in &addresses {
            self.rules.check(*address)?;
        }
        Ok(addresses)
    }

    /// Resolves once and connects to those very addresses, so that a second look-up can't differ
    /// from the one that was checked.
    async fn dial(&self, host: &str, port: u16) -> Result<TcpStream, ConnectError> {
        let addresses = self.resolve(host, port).await?;
        let mut last = io::Error::new(io::ErrorKind::NotFound, "no address");
        for address in addresses {
            #[expect(clippy::disallowed_methods, reason = "this is the one connector")]
            match TcpStream::connect(address).await {
                Ok(tcp) => {
                    self.rules
                        .check(tcp.peer_addr().map_err(ConnectError::Unreachable)?)?;
                    return Ok(tcp);
                }
                Err(error) => last = error,
            }
        }
        Err(ConnectError::Unreachable(last))
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector")
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

/// A connection to a provider, plain only where a test upstream was allowed.
#[derive(Debug)]
pub enum UpstreamIo<S = TcpStream> {
    /// Plain HTTP: `danger.allow_private_upstreams` and a loopback or private address.
    Plain(S),
    /// TLS to a provider. Boxed: its buffers would triple the size of the plain case.
    Tls(Box<TlsStream<S>>),
}

impl<S> UpstreamIo<S> {
    /// The socket below.
    pub fn socket(&self) -> &S {
        match self {
            Self::Plain(io) => io,
            Self::Tls(io) => io.get_ref().0,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for UpstreamIo<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> task::Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_read(cx, buf),
            Self::Tls(io) => Pin::new(io.as_mut()).poll_read(cx, buf),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for UpstreamIo<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        buf: &[u8],
    ) -> task::Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_write(cx, buf),
            Self::Tls(io) => Pin::new(io.as_mut()).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> task::Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_write_vectored(cx, bufs),
            Self::Tls(io) => Pin::new(io.as_mut()).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(io) => io.is_write_vectored(),
            Self::Tls(io) => io.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> task::Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_flush(cx),
            Self::Tls(io) => Pin::new(io.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(
        self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
    ) -> task::Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_shutdown(cx),
            Self::Tls(io) => Pin::new(io.as_mut()).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivatePkcs8KeyDer},
    };
    use tokio::{io::AsyncWriteExt as _, net::TcpListener};
    use tokio_rustls::TlsAcceptor;

    use super::*;

    /// The TLS of a server that calls itself `localhost`, and its certificate.
    pub(in crate::net) fn localhost() -> (TlsAcceptor, CertificateDer<'static>) {
        let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let CertifiedKey { cert, signing_key } = made;
        let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key.into())
            .unwrap();
        (TlsAcceptor::from(Arc::new(config)), cert.der().clone())
    }

    /// A server on a port, and its certificate.
    async fn tls_server() -> (u16, CertificateDer<'static>) {
        let (acceptor, certificate) = localhost();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let _ended = acceptor.accept(tcp).await;
            }
        });
        (port, certificate)
    }

    fn connector(trusted: Option<&CertificateDer<'static>>) -> Connector {
        let rules = AddressRules {
            allow_private: true,
            ..AddressRules::default()
        };
        let patience = Duration::from_secs(5);
        let Some(certificate) = trusted else {
            return Connector::new(rules, patience);
        };
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        Connector::with_roots(roots, rules, patience)
    }

    async fn outcome(connector: &Connector, host: &str, port: u16) -> &'static str {
        let destination = format!("https://{host}:{port}").parse().unwrap();
        match connector.connect(&destination).await {
            Ok(UpstreamIo::Tls(_)) => "tls",
            Ok(UpstreamIo::Plain(_)) => "plain",
            Err(ConnectError::Tls(_)) => "refused",
            Err(other) => panic!("{other}"),
        }
    }

    #[tokio::test]
    async fn a_certificate_that_is_not_trusted_or_not_the_hosts_is_refused() {
        let (port, certificate) = tls_server().await;
        let trusting = connector(Some(&certificate));

        assert_eq!(outcome(&trusting, "localhost", port).await, "tls");
        assert_eq!(outcome(&trusting, "127.0.0.1", port).await, "refused");
        assert_eq!(
            outcome(&connector(None), "localhost", port).await,
            "refused"
        );
    }

    #[tokio::test]
    async fn a_server_without_tls_is_never_spoken_to_in_the_clear() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut tcp, _) = listener.accept().await.unwrap();
            tcp.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .await
                .unwrap();
        });

        assert_eq!(
            outcome(&connector(None), "localhost", port).await,
            "refused"
        );
    }
}
