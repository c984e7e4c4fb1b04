//! HTTP clients that trust somebody wherever they run.

use reqwest::{Certificate, Client, ClientBuilder};

/// A client from `builder`. It trusts the machine's own authorities (`SSL_CERT_FILE`, `SSL_CERT_DIR`, else where the system
/// has them), which are the operator's choice. An image made from scratch has none, and no client can even be built there:
/// then those of Mozilla, as compiled in.
pub fn client(builder: impl Fn() -> ClientBuilder) -> reqwest::Result<Client> {
    // The first one in a process wins, and the binary may have chosen already: either way there is one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    builder().build().or_else(|_| builder().tls_certs_only(bundled()).build())
}

fn bundled() -> impl Iterator<Item = Certificate> {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().filter_map(|der| Certificate::from_der(der).ok())
}
