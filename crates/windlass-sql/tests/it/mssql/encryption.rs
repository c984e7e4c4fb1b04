use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, copy, duplex, split},
    net::TcpStream,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use windlass_config::settings::TlsMode;
use windlass_sql::engine::{Access, Address, Connection, Engine, EngineError, Tls, mssql::Mssql};

use super::{
    address, ask,
    standin::{Answer, Request, StandIn, welcome},
    tokens,
};

/// The handshake travels inside packets of the prelogin; what comes after it does not.
pub async fn accept(stream: TcpStream, tls: TlsAcceptor) -> Option<TlsStream<DuplexStream>> {
    let (ours, theirs) = duplex(1 << 16);
    let done = Arc::new(AtomicBool::new(false));
    let (mut from_client, mut to_client) = stream.into_split();
    let (mut from_server, mut to_server) = split(theirs);
    tokio::spawn(async move {
        let mut header = [0; 8];
        while from_client.read_exact(&mut header[..1]).await.is_ok() {
            if header[0] != 0x12 {
                to_server.write_all(&header[..1]).await?;
                copy(&mut from_client, &mut to_server).await?;
                break;
            }
            from_client.read_exact(&mut header[1..]).await?;
            let mut body = vec![0; usize::from(u16::from_be_bytes([header[2], header[3]])) - 8];
            from_client.read_exact(&mut body).await?;
            to_server.write_all(&body).await?;
        }
        to_server.shutdown().await
    });
    let plain = Arc::clone(&done);
    tokio::spawn(async move {
        let mut bytes = [0; 4000];
        loop {
            let count = from_server.read(&mut bytes).await?;
            if count == 0 {
                return to_client.shutdown().await;
            }
            if !plain.load(Ordering::SeqCst) {
                let length = (count as u16 + 8).to_be_bytes();
                to_client.write_all(&[0x12, 1, length[0], length[1], 0, 0, 0, 0]).await?;
            }
            to_client.write_all(&bytes[..count]).await?;
        }
    });
    let stream = tls.accept(ours).await.ok()?;
    done.store(true, Ordering::SeqCst);
    Some(stream)
}

/// Encryption with a certificate for that name, whose authority is written to that file.
fn certified(name: &str, authority_file: &Path) -> TlsAcceptor {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    std::fs::write(authority_file, authority.pem()).unwrap();
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    // Of TLS 1.3 the client speaks last in the handshake, so that nothing of it is left when it is over here.
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap();
    config.send_tls13_tickets = 0;
    TlsAcceptor::from(Arc::new(config))
}

async fn connect(server: &StandIn, tls: Tls) -> Result<Box<dyn Connection>, EngineError> {
    let address = Address { tls, ..address(server.port) };
    Mssql::new(address).unwrap().connect(Some(&"s3crèt".into()), Access::Read).await
}

fn script(request: &Request) -> Answer {
    Answer::Tokens(match request {
        Request::Login(_) => welcome(),
        _ => tokens::number("n", 42),
    })
}

#[tokio::test]
async fn a_login_goes_encrypted_to_who_the_certificate_says() {
    let folder = tempfile::tempdir().unwrap();
    let (right, wrong) = (folder.path().join("right.pem"), folder.path().join("wrong.pem"));
    certified("127.0.0.1", &wrong);
    let here = certified("127.0.0.1", &right);
    let server = StandIn::listen(Some(here), script).await;
    let tls = |mode, ca: Option<&Path>| Tls { mode, ca: ca.map(Path::to_owned) };
    let let_in = [
        tls(Some(TlsMode::VerifyFull), Some(&right)),
        tls(Some(TlsMode::VerifyCa), Some(&right)),
        tls(Some(TlsMode::Require), None),
        tls(Some(TlsMode::Prefer), None),
        // This machine.
        tls(None, None),
    ];
    for (times, tls) in (1..).zip(let_in) {
        let mut connection = connect(&server, tls).await.unwrap();
        let (_, taken) = ask(connection.as_mut(), "SELECT 42").await.unwrap();
        assert_eq!(taken.rows, [[serde_json::json!(42)]]);
        assert_eq!(server.requests().len(), 2 * times);
    }
    for tls in [tls(Some(TlsMode::VerifyFull), Some(&wrong)), tls(Some(TlsMode::VerifyFull), None)] {
        let found = connect(&server, tls).await.err();
        assert!(matches!(found, Some(EngineError::Unreachable(_))), "{found:?}");
    }
    assert_eq!(server.requests().len(), 10, "nobody who is not trusted hears of a login");
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("ca.pem");
    let server = StandIn::listen(Some(certified("db.example.com", &authority)), script).await;
    for mode in [TlsMode::VerifyFull, TlsMode::VerifyCa] {
        let found = connect(&server, Tls { mode: Some(mode), ca: Some(authority.clone()) }).await.err();
        assert!(matches!(found, Some(EngineError::Unreachable(_))), "{found:?}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn nothing_goes_unencrypted_unless_that_was_asked_for() {
    // The server has no encryption to offer; that nothing more is said, it checks itself.
    let server = StandIn::with_logins(script).await;
    for mode in [TlsMode::Require, TlsMode::VerifyCa, TlsMode::VerifyFull] {
        let found = connect(&server, Tls { mode: Some(mode), ca: None }).await.err();
        assert!(matches!(found, Some(EngineError::Unreachable(_))), "{mode:?}: {found:?}");
    }
    assert!(server.requests().is_empty());
    connect(&server, Tls { mode: Some(TlsMode::Prefer), ca: None }).await.unwrap();
    assert_eq!(server.requests().len(), 1);
}
