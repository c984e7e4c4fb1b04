//! Manifests: read, written, compared.

use oci_client::{RegistryOperation, errors::OciErrorCode};
use reqwest::{
    Method, RequestBuilder, Response, StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
};
use windlass_core::ExposeSecret;

use super::{Credentials, Registry, RegistryError, error};
use crate::{
    Digest,
    manifest::{DOCKER_INDEX, DOCKER_MANIFEST, INDEX, MANIFEST, MAX_DOCUMENT},
};

/// A manifest as the registry has it.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) media_type: String,
    pub(super) bytes: Vec<u8>,
    /// Of these bytes.
    pub(super) digest: Digest,
}

/// What came of putting a manifest.
#[derive(Debug)]
pub(super) enum Put {
    /// It is there.
    Done {
        /// The registry has entered it among the referrers of its subject.
        subject_known: bool,
    },
    /// The tag exists, and does not move.
    Immutable,
}

impl Registry {
    /// The digest `tag` stands for; `None` when there is no such tag.
    pub async fn resolve(&self, tag: &str) -> Result<Option<Digest>, RegistryError> {
        check_tag(tag)?;
        Ok(self.manifest(tag).await?.map(|stored| stored.digest))
    }

    /// The manifest under a tag or a digest.
    pub(super) async fn manifest(&self, reference: &str) -> Result<Option<Stored>, RegistryError> {
        let accept = [MANIFEST, INDEX, DOCKER_MANIFEST, DOCKER_INDEX].join(", ");
        let request = self.request(Method::GET, &format!("manifests/{reference}"), RegistryOperation::Pull).await?;
        let response = self.send(request.header(ACCEPT, accept)).await?;
        let what = format!("manifest `{reference}`");
        let (status, media_type) = (response.status(), content_type(&response));
        let bytes = self.body(response, &what).await?;
        match status {
            StatusCode::OK => {
                let digest = Digest::of(&bytes);
                if let Ok(asked) = reference.parse::<Digest>()
                    && asked != digest
                {
                    let (host, found) = (self.options.host.clone(), digest.to_string());
                    return Err(RegistryError::Corrupted { host, blob: asked, found });
                }
                Ok(Some(Stored { media_type, bytes, digest }))
            }
            status => match self.answered(&what, status, &bytes) {
                RegistryError::NotFound { .. } => Ok(None),
                error => Err(error),
            },
        }
    }

    /// Puts a manifest under a tag or its digest.
    pub(super) async fn put_manifest(
        &self,
        reference: &str,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<Put, RegistryError> {
        let request = self.request(Method::PUT, &format!("manifests/{reference}"), RegistryOperation::Push).await?;
        let response = self.send(request.header(CONTENT_TYPE, media_type).body(bytes.to_vec())).await?;
        let (status, subject_known) = (response.status(), response.headers().contains_key("oci-subject"));
        // ECR leaves out the Location the protocol asks for. It would say nothing that we do not know.
        if status == StatusCode::CREATED {
            return Ok(Put::Done { subject_known });
        }
        let what = format!("manifest `{reference}`");
        let body = self.body(response, &what).await?;
        if error::has_code(&body, &OciErrorCode::TagInvalid) || status == StatusCode::CONFLICT {
            return Ok(Put::Immutable);
        }
        if error::has_code(&body, &OciErrorCode::ManifestBlobUnknown) {
            return Err(RegistryError::Incomplete { host: self.options.host.clone() });
        }
        Err(self.answered(&what, status, &body))
    }

    /// A request to the repository, with our credentials.
    pub(super) async fn request(
        &self,
        method: Method,
        path: &str,
        operation: RegistryOperation,
    ) -> Result<RequestBuilder, RegistryError> {
        let scheme = if self.options.plain_http { "http" } else { "https" };
        let url = format!("{scheme}://{}/v2/{}/{path}", self.options.host, self.options.repository);
        let token = self.client.auth(&self.anything(), &self.auth, operation).await;
        let token = match token {
            Ok(token) => token,
            Err(error) => return Err(self.refused("the repository", error).await),
        };
        let request = self.http.request(method, url);
        Ok(match (token, &self.options.credentials) {
            (Some(token), _) => request.bearer_auth(token),
            (None, Credentials::Basic { username, password }) => {
                request.basic_auth(username, Some(password.expose_secret()))
            }
            (None, Credentials::Anonymous) => request,
        })
    }

    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, RegistryError> {
        match request.send().await {
            Ok(response) => Ok(response),
            Err(error) => Err(error::from_request(&self.options.host, &error).await),
        }
    }

    /// The body of an answer, if it is no larger than such a document is.
    pub(super) async fn body(&self, mut response: Response, what: &str) -> Result<Vec<u8>, RegistryError> {
        let mut bytes = Vec::new();
        loop {
            match response.chunk().await {
                Ok(None) => return Ok(bytes),
                Ok(Some(chunk)) if (bytes.len() + chunk.len()) as u64 > MAX_DOCUMENT => {
                    return Err(RegistryError::Unusable(format!("{what} has more than {MAX_DOCUMENT} bytes")));
                }
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                Err(error) => return Err(error::from_request(&self.options.host, &error).await),
            }
        }
    }

    pub(super) fn answered(&self, what: &str, status: StatusCode, body: &[u8]) -> RegistryError {
        error::from_answer(&self.options.host, &self.options.repository, what, status.as_u16(), body)
    }

    pub(super) async fn refused(&self, what: &str, error: oci_client::errors::OciDistributionError) -> RegistryError {
        error::from_client(&self.options.host, &self.options.repository, what, error).await
    }
}

pub(super) fn check_tag(tag: &str) -> Result<(), RegistryError> {
    if crate::spec::is_tag(tag) {
        return Ok(());
    }
    let why = "letters, digits, `_`, `.` and `-`, at most 128, make a tag".to_owned();
    Err(RegistryError::Options { what: "the tag", why })
}

fn content_type(response: &Response) -> String {
    let value = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_owned()
}
