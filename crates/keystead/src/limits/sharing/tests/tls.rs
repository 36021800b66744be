//! `rediss://`: a certificate is checked, and there is no way around it.

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
};
use tokio::net::{TcpListener, TcpSocket};
use tokio_rustls::TlsAcceptor;

use super::*;

/// The run's Redis behind TLS, as `localhost`.
async fn behind_tls() -> (SharedUrl, CertificateDer<'static>) {
    let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let CertifiedKey { cert, signing_key } = made;
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())
        .unwrap();
    // One that knows no HTTP and would end a connection that asks for it.
    config.alpn_protocols = vec![b"redis".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let behind = format!("127.0.0.1:{}", place().destination.port);
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let Ok(mut near) = acceptor.accept(near).await else {
                continue;
            };
            let socket = TcpSocket::new_v4().unwrap();
            let mut far = socket.connect(behind.parse().unwrap()).await.unwrap();
            tokio::spawn(async move {
                drop(tokio::io::copy_bidirectional(&mut near, &mut far).await);
            });
        }
    });
    let url = format!("rediss://localhost:{port}").parse().unwrap();
    (url, cert.der().clone())
}

#[tokio::test]
async fn a_certificate_is_trusted_or_nothing_is_sent() {
    let (place, certificate) = behind_tls().await;
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let rules = AddressRules {
        allow_private: true,
        ..AddressRules::default()
    };
    let trusting = Connector::with_roots(roots, rules, Duration::from_secs(1));

    assert_eq!(look(&place, &trusting).await, Ok(()));
    assert_eq!(look(&place, &connector()).await, Err(Away::Tls));
}
