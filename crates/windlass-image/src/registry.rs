//! A repository of images, on any registry that speaks the OCI distribution protocol.
//!
//! oci-client does what is laborious: challenges, tokens, uploads, downloads. Manifests are exchanged in `manifests`,
//! because there three things count that it does not give: a cap on what is read, the headers of the answer, and pushing
//! by digest to a registry that does not say where it put it.

mod attach;
mod error;
mod manifests;
mod options;
mod pull;
mod push;

use std::{path::Path, time::Duration};

use oci_client::{
    Client, Reference,
    client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol},
    secrets::RegistryAuth,
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use windlass_core::ExposeSecret;

use crate::Digest;
pub use attach::{Attached, Referrer};
pub use error::{RegistryError, Unreachable};
pub use options::{Credentials, RegistryOptions};
pub use push::Progress;

const USER_AGENT: &str = concat!("windlass/", env!("CARGO_PKG_VERSION"));
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Between two reads: a registry that says nothing for so long says nothing any more.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// A repository on a registry.
#[derive(Clone)]
pub struct Registry {
    options: RegistryOptions,
    auth: RegistryAuth,
    /// Tokens and blobs.
    client: Client,
    /// Manifests.
    http: reqwest::Client,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Registry").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Registry {
    /// A client for the repository in `options`. Nothing is asked of the registry yet.
    pub fn new(options: RegistryOptions) -> Result<Self, RegistryError> {
        options.check()?;
        // A second installation is an error that means "somebody did it before": what we want.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let authorities = match &options.ca {
            Some(path) => read_authorities(path)?,
            None => Vec::new(),
        };
        let unusable = |why: String| RegistryError::Options { what: "the certificate authorities", why };
        let mut http = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .referer(false)
            .https_only(!options.plain_http);
        if !authorities.is_empty() {
            let read = authorities.iter().map(|der| reqwest::Certificate::from_der(der));
            let read = read.collect::<Result<Vec<_>, _>>().map_err(|error| unusable(error.to_string()))?;
            http = http.tls_certs_only(read);
        }
        let client = Client::try_from(ClientConfig {
            protocol: if options.plain_http { ClientProtocol::Http } else { ClientProtocol::Https },
            // ECR drops every chunk after the first, and says that it took it.
            use_monolithic_push: true,
            tls_certs_only: authorities
                .iter()
                .map(|der| Certificate { encoding: CertificateEncoding::Der, data: der.to_vec() })
                .collect(),
            platform_resolver: None,
            connect_timeout: Some(CONNECT_TIMEOUT),
            read_timeout: Some(READ_TIMEOUT),
            user_agent: USER_AGENT,
            ..ClientConfig::default()
        });
        let auth = match &options.credentials {
            Credentials::Anonymous => RegistryAuth::Anonymous,
            Credentials::Basic { username, password } => {
                RegistryAuth::Basic(username.clone(), password.expose_secret().to_owned())
            }
        };
        Ok(Self {
            client: client.map_err(|error| unusable(error.to_string()))?,
            http: http.build().map_err(|error| unusable(windlass_core::chain(&error)))?,
            options,
            auth,
        })
    }

    /// The image of `digest` as other tools take it: `host/repository@sha256:...`.
    pub fn reference(&self, digest: &Digest) -> String {
        format!("{}/{}@{digest}", self.options.host, self.options.repository)
    }

    /// For oci-client, which wants one also where only the repository matters.
    fn anything(&self) -> Reference {
        Reference::with_tag(self.options.host.clone(), self.options.repository.clone(), "latest".into())
    }
}

fn read_authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, RegistryError> {
    let unusable = |why: String| RegistryError::Options { what: "ca", why: format!("`{}`: {why}", path.display()) };
    let read = CertificateDer::pem_file_iter(path).map_err(|error| unusable(error.to_string()))?;
    let read = read.collect::<Result<Vec<_>, _>>().map_err(|error| unusable(error.to_string()))?;
    if read.is_empty() {
        return Err(unusable("there is no certificate in it".into()));
    }
    Ok(read)
}
