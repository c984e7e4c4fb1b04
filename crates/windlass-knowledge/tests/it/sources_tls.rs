//! A repository over TLS: which authorities are trusted, on a machine that has some and in an image that has none.

use std::{path::Path, process::Stdio, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio_rustls::TlsAcceptor;
use windlass_config::settings::KnowledgeSourceSettings;

use crate::{
    bench::{Bench, TOKEN, paths},
    repository::{Host, Repository},
};

/// An authority, as PEM, and a server it vouches for.
fn certified() -> (String, TlsAcceptor) {
    let mut authority = CertificateParams::new([]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (authority.pem(), TlsAcceptor::from(Arc::new(config)))
}

const URL: &str = "WINDLASS_TEST_REPOSITORY";

/// Variables of a process are for all its threads: so each case is a process.
async fn in_a_process_of_its_own(url: &str, roots: &Path) -> String {
    let output = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sources_tls::opens_it", "--ignored", "--nocapture"])
        .env(URL, url)
        .env("SSL_CERT_FILE", roots)
        .env("SSL_CERT_DIR", "/nonexistent")
        .stderr(Stdio::inherit())
        .output()
        .await
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let told = printed.lines().find_map(|line| line.split_once("opened: "));
    told.unwrap_or_else(|| panic!("{printed}")).1.to_owned()
}

#[tokio::test]
#[ignore = "a part of the other test"]
async fn opens_it() {
    let url = std::env::var(URL).unwrap();
    let settings = KnowledgeSourceSettings {
        git: Some(url),
        token: Some("env:TOKEN".to_owned()),
        ..KnowledgeSourceSettings::default()
    };
    match Bench::new().source(&settings).open().await {
        Ok(opened) => println!("opened: {}", paths(&*opened).join(" ")),
        Err(error) => println!("opened: {error:?}"),
    }
}

#[tokio::test]
async fn the_authorities_of_the_machine_and_those_that_are_compiled_in() {
    let Some(repository) = Repository::new("the_authorities_of_the_machine") else { return };
    repository.write("a.md", "x");
    repository.publish();
    let (authority, tls) = certified();
    let host = Host::with_tls(&repository, Some(&format!("oauth2:{TOKEN}")), tls).await;
    let url = format!("https://localhost:{}/served.git", host.server.port);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authorities.pem");
    std::fs::write(&file, authority).unwrap();
    assert_eq!(in_a_process_of_its_own(&url, &file).await, "a.md");
    assert!(host.server.asked().iter().all(|asked| asked.header("authorization").is_some()));

    // Another authority's word does not count, and no token is sent to whom nobody vouches for.
    let asked = host.server.asked().len();
    std::fs::write(&file, certified().0).unwrap();
    let told = in_a_process_of_its_own(&url, &file).await;
    assert!(told.contains("certificate") && told.starts_with("Unreachable"), "{told}");
    // An image from scratch: there is a client all the same, and it trusts those that are compiled in.
    let told = in_a_process_of_its_own(&url, Path::new("/nonexistent")).await;
    assert!(told.contains("UnknownIssuer"), "{told}");
    assert_eq!(host.server.asked().len(), asked);
}
