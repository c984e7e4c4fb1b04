use std::{error::Error, io};

use oci_client::errors::{DigestError, OciDistributionError, OciEnvelope, OciErrorCode};
use reqwest::StatusCode;
use windlass_core::chain;

use crate::{Digest, ImageError};

/// Remarks of a registry are quoted, and cut.
const MAX_REMARK: usize = 300;

/// Why a registry did not do what was asked. The message says what was wrong, [`hint`](Self::hint) what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The options cannot be used.
    #[error("{what} of the registry: {why}")]
    Options {
        /// Which.
        what: &'static str,
        /// Why not.
        why: String,
    },
    /// The registry does not take our credentials, or not for this.
    #[error("{host} refuses: {status}{}", remark(.says))]
    Unauthorized {
        /// The registry.
        host: String,
        /// 401: it does not know us. 403: it does, and that is not enough; ECR says so of an expired token as well.
        status: u16,
        /// What it says about it; may be empty.
        says: String,
    },
    /// No answer was had.
    #[error("{host} cannot be reached: {why}")]
    Unreachable {
        /// The registry.
        host: String,
        /// What stands in the way.
        why: Unreachable,
    },
    /// What was asked for is not there.
    #[error("{host} has no {what}")]
    NotFound {
        /// The registry.
        host: String,
        /// What was asked for.
        what: String,
    },
    /// There is no such repository, and the registry does not make them by itself.
    #[error("{host} has no repository `{repository}`")]
    RepositoryMissing {
        /// The registry.
        host: String,
        /// The repository.
        repository: String,
    },
    /// The tag names another image already.
    #[error("the tag `{tag}` names {there} already, not {here}")]
    TagTaken {
        /// The tag.
        tag: String,
        /// What it names.
        there: Digest,
        /// What it should have named.
        here: Digest,
    },
    /// Bytes came that are not those that were asked for.
    #[error("{host} has other bytes under {blob}: {found}")]
    Corrupted {
        /// The registry.
        host: String,
        /// What was asked for.
        blob: Digest,
        /// What its bytes are; or, where they were too many to go on reading, that.
        found: String,
    },
    /// A blob that was pushed is not found when the manifest that names it is.
    #[error("{host} does not find a blob it was given a moment ago")]
    Incomplete {
        /// The registry.
        host: String,
    },
    /// The registry has something there that is no image for us.
    #[error("{0}")]
    Unusable(String),
    /// The image on this machine.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The registry answered with something else.
    #[error("{host} answered {status}{}", remark(.says))]
    Other {
        /// The registry.
        host: String,
        /// The status it answered with; 0 where there was none that counts.
        status: u16,
        /// What it says about it; may be empty.
        says: String,
    },
}

/// What stands between us and a registry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unreachable {
    /// The name of the host has no address.
    #[error("its name has no address ({0})")]
    Name(String),
    /// Nobody listens there.
    #[error("nobody listens there")]
    Refused,
    /// Nothing came in time.
    #[error("it did not answer in time")]
    Timeout,
    /// The connection cannot be trusted.
    #[error("TLS: {0}")]
    Tls(rustls::Error),
    /// Something else.
    #[error("{0}")]
    Other(String),
}

impl RegistryError {
    /// Whether the same may succeed in a moment.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Incomplete { .. } | Self::Other { status: 429 | 500.., .. })
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Options { .. } => "change the setting",
            Self::Unauthorized { status: 403, .. } => {
                "get a new token (one of ECR lasts 12 hours), or have the identity allowed to do this"
            }
            Self::Unauthorized { .. } => "check name and password, or get a new token",
            Self::Unreachable { why: Unreachable::Tls(_), .. } => {
                "name the authority that signed the registry's certificate, if it is the right registry"
            }
            Self::Unreachable { why: Unreachable::Name(_), .. } => "check how the host is spelt, and the network",
            Self::Unreachable { .. } => "check host and port, and the network between",
            Self::NotFound { .. } => "push it first, or check the digest or tag",
            Self::RepositoryMissing { .. } => "create the repository, or check how it is spelt",
            Self::TagTaken { .. } => "a version names one image for ever: commit, so that there is a new version",
            Self::Corrupted { .. } => "do not use this image; push it again, under a new version",
            Self::Incomplete { .. } => "push again; if it stays, ask who runs the registry",
            Self::Unusable(_) => "name an image for one platform, made of tar layers",
            Self::Image(error) => error.hint(),
            Self::Other { status: 429, .. } => "wait a while, then try again",
            Self::Other { status: 500.., .. } => "try again; if it stays, ask who runs the registry",
            Self::Other { .. } => "see what the registry says",
        }
    }
}

fn remark(says: &str) -> String {
    if says.is_empty() { String::new() } else { format!(": {says}") }
}

/// What an answer that is not the hoped-for one means. `what` was asked for.
pub(super) fn from_answer(host: &str, repository: &str, what: &str, status: u16, body: &[u8]) -> RegistryError {
    let (host, says) = (host.to_owned(), says(body));
    match StatusCode::from_u16(status) {
        Ok(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => RegistryError::Unauthorized { host, status, says },
        Ok(StatusCode::NOT_FOUND) if has_code(body, &OciErrorCode::NameUnknown) => {
            RegistryError::RepositoryMissing { host, repository: repository.to_owned() }
        }
        Ok(StatusCode::NOT_FOUND) => RegistryError::NotFound { host, what: what.to_owned() },
        _ => RegistryError::Other { host, status, says },
    }
}

/// Whether the registry's own code for what went wrong is `code`.
pub(super) fn has_code(body: &[u8], code: &OciErrorCode) -> bool {
    let envelope: Option<OciEnvelope> = serde_json::from_slice(body).ok();
    envelope.is_some_and(|envelope| envelope.errors.iter().any(|error| error.code == *code))
}

fn says(body: &[u8]) -> String {
    let text = match serde_json::from_slice::<OciEnvelope>(body) {
        Ok(envelope) => envelope.errors.into_iter().map(|error| error.message).collect::<Vec<_>>().join("; "),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    // It ends up on a terminal.
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).take(MAX_REMARK).collect()
}

/// What oci-client's error means.
pub(super) async fn from_client(
    host: &str,
    repository: &str,
    what: &str,
    error: OciDistributionError,
) -> RegistryError {
    let answer = |status, body: &[u8]| from_answer(host, repository, what, status, body);
    match error {
        OciDistributionError::RequestError(error) => match error.status() {
            Some(status) => answer(status.as_u16(), &[]),
            None => from_request(host, &error).await,
        },
        OciDistributionError::UnauthorizedError { .. } => answer(401, &[]),
        OciDistributionError::AuthenticationFailure(text) => answer(401, text.as_bytes()),
        OciDistributionError::ServerError { code, message, .. } => answer(code, message.as_bytes()),
        OciDistributionError::RegistryError { envelope, .. } => {
            let status = match envelope.errors.first().map(|error| &error.code) {
                Some(OciErrorCode::Unauthorized) => 401,
                Some(OciErrorCode::Denied) => 403,
                Some(OciErrorCode::Toomanyrequests) => 429,
                Some(
                    OciErrorCode::NameUnknown
                    | OciErrorCode::NotFound
                    | OciErrorCode::BlobUnknown
                    | OciErrorCode::ManifestUnknown,
                ) => 404,
                _ => 400,
            };
            answer(status, &serde_json::to_vec(&envelope).unwrap_or_default())
        }
        error => RegistryError::Other { host: host.to_owned(), status: 0, says: chain(&error) },
    }
}

/// What it means that a request had no answer.
pub(super) async fn from_request(host: &str, error: &reqwest::Error) -> RegistryError {
    let why = match cause::<rustls::Error>(error) {
        Some(tls) => Unreachable::Tls(tls.clone()),
        None if error.is_timeout() => Unreachable::Timeout,
        None => match cause::<io::Error>(error).map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionRefused) => Unreachable::Refused,
            Some(io::ErrorKind::TimedOut) => Unreachable::Timeout,
            _ if error.is_connect() => match lookup(host).await {
                Err(error) => Unreachable::Name(error.to_string()),
                Ok(()) => Unreachable::Other(chain(error)),
            },
            _ => Unreachable::Other(chain(error)),
        },
    };
    RegistryError::Unreachable { host: host.to_owned(), why }
}

/// The client does not say by a kind that it was the name, so it is looked up once more.
async fn lookup(host: &str) -> io::Result<()> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    tokio::net::lookup_host((name.trim_matches(['[', ']']), 443)).await.map(drop)
}

/// The innermost error of a kind. An `io::Error` may wrap another one, which is not among its sources.
fn cause<'error, E: Error + 'static>(error: &'error (dyn Error + 'static)) -> Option<&'error E> {
    let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    let next = inside.map(|inside| inside as &(dyn Error + 'static)).or_else(|| error.source());
    next.and_then(cause).or_else(|| error.downcast_ref())
}

/// The digest that bytes had, where an error of a download says that it was another one.
pub(super) fn found_digest(error: &io::Error) -> Option<String> {
    match cause::<DigestError>(error)? {
        DigestError::VerificationError { actual, .. } => Some(actual.clone()),
        _ => None,
    }
}
