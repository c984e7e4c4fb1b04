use std::{net::SocketAddr, sync::Arc};

use base64::Engine;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use windlass_client::{HttpTarget, Status, Target, check, install_tls};

use crate::serve::{echo_router, quick};

/// A TCP listener that hands out encrypted connections.
struct Encrypted(TcpListener, TlsAcceptor);

impl axum::serve::Listener for Encrypted {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, address)) = self.0.accept().await else { continue };
            // A client that does not trust us hangs up during the handshake.
            if let Ok(stream) = self.1.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// The echo server over TLS: its URL and the certificate authority to trust, which is its own certificate.
async fn encrypted() -> (String, Vec<u8>) {
    install_tls();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap().self_signed(&key).unwrap();
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/mcp", listener.local_addr().unwrap().port());
    let listener = Encrypted(listener, TlsAcceptor::from(Arc::new(config)));
    tokio::spawn(async move { axum::serve(listener, echo_router(true, false)).await.unwrap() });
    let body = base64::engine::general_purpose::STANDARD.encode(certificate.der());
    (url, format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n").into_bytes())
}

#[tokio::test]
async fn a_trusted_certificate_passes() {
    let (url, authority) = encrypted().await;
    let mut target = HttpTarget::new(&url).unwrap();
    target.authority = Some(authority);
    let report = check(&Target::Http(target), &quick()).await.unwrap();
    let tls = report.finding("tls").unwrap();
    assert_eq!(tls.status, Status::Pass, "{}", tls.detail);
    assert!(tls.detail.starts_with("certificate valid for"), "{}", tls.detail);
    assert_eq!(report.exit_code(), 0);
}

#[tokio::test]
async fn an_unknown_certificate_is_no_connection() {
    let (url, _) = encrypted().await;
    let report = check(&Target::http(&url).unwrap(), &quick()).await.unwrap();
    assert_eq!(report.exit_code(), 4);
    let reach = report.finding("reach").unwrap();
    assert!(reach.detail.contains("certificate"), "{}", reach.detail);
}
