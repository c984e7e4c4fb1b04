//! What answers: S3, or a server of the web.

use aws_config::SdkConfig;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use reqwest::Response;
use serde::{Deserialize, Serialize};
use windlass_config::{ObjectUrl, Sha256Sum};
use windlass_core::chain;

use super::{PullProblem, s3::Bucket, web::Page};

/// Which version of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// Its entity tag, with quotes.
    pub etag: Option<String>,
    /// The bucket's name for the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// An answer whose body was not read yet.
pub(super) struct Opened {
    /// Where in the whole it begins.
    pub start: u64,
    /// Bytes of the whole.
    pub total: u64,
    pub mark: Mark,
    pub body: Body,
}

pub(super) enum Body {
    S3(ByteStream),
    Web(Response),
}

/// Why there are no bytes, or no more.
#[derive(Debug)]
pub(super) enum Failure {
    /// The connection: another one may do.
    Again(String),
    /// It is another object now.
    Changed,
    /// It would be the same again.
    Last(PullProblem),
}

pub(super) enum Source {
    S3(Box<Bucket>),
    Web(Page),
}

impl Source {
    pub async fn of(url: &ObjectUrl, config: Option<&SdkConfig>) -> Result<Self, PullProblem> {
        Ok(match url {
            ObjectUrl::S3 { bucket, key } => Self::S3(Box::new(Bucket::connect(bucket, key, config).await)),
            ObjectUrl::Web(url) => Self::Web(Page::new(url)?),
        })
    }

    /// The object from `at` on, as long as it is the one of `mark`. May be the whole of it nevertheless.
    pub async fn open(&self, at: u64, mark: Option<&Mark>) -> Result<Opened, Failure> {
        let etag = mark.and_then(Mark::strong).filter(|_| at > 0);
        match self {
            Self::S3(bucket) => bucket.open(etag.map(|etag| (at, etag))).await,
            Self::Web(page) => page.open(etag.map(|etag| (at, etag))).await,
        }
    }

    /// The sum of the whole, where one is known that was computed by more than the uploader.
    pub async fn sum(&self) -> Result<Option<Sha256Sum>, Failure> {
        match self {
            Self::S3(bucket) => bucket.sum().await,
            Self::Web(_) => Ok(None),
        }
    }
}

impl Body {
    /// The next bytes; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, String> {
        match self {
            Self::S3(stream) => stream.try_next().await.map_err(|error| chain(&error)),
            Self::Web(response) => response.chunk().await.map_err(|error| chain(&error.without_url())),
        }
    }
}

impl Mark {
    /// The tag, if it stands for every byte.
    fn strong(&self) -> Option<&str> {
        self.etag.as_deref().filter(|etag| etag.starts_with('"'))
    }

    /// Whether both may be of the same version: what one of them does not say is no difference.
    pub fn may_be(&self, other: &Self) -> bool {
        let same = |one: &Option<String>, other: &Option<String>| one.is_none() || other.is_none() || one == other;
        same(&self.etag, &other.etag) && same(&self.version, &other.version)
    }
}

impl Failure {
    /// As the end of it, where nothing is tried again.
    pub fn last(self) -> PullProblem {
        match self {
            Self::Again(why) => PullProblem::Broken { why, done: 0, total: 0 },
            Self::Changed => PullProblem::Restless,
            Self::Last(problem) => problem,
        }
    }
}

impl From<PullProblem> for Failure {
    fn from(problem: PullProblem) -> Self {
        Self::Last(problem)
    }
}

/// What `bytes 5-9/10` says: from where, and of how many.
pub(super) fn content_range(text: &str) -> Option<(u64, u64)> {
    let (range, total) = text.trim().strip_prefix("bytes")?.trim_start().split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.trim().parse().ok()?, total.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5, 10)));
        for other in ["bytes 5-9/*", "bytes */10", "items 5-9/10", "bytes 5/10", "", "bytes -9/10"] {
            assert_eq!(content_range(other), None, "{other}");
        }
    }

    #[test]
    fn versions() {
        let mark = |etag: &str, version: Option<&str>| Mark {
            etag: Some(etag.to_owned()).filter(|etag| !etag.is_empty()),
            version: version.map(str::to_owned),
        };
        assert!(mark("\"a\"", None).may_be(&mark("\"a\"", Some("1"))));
        assert!(mark("", None).may_be(&mark("\"a\"", Some("1"))));
        assert!(!mark("\"a\"", Some("2")).may_be(&mark("\"a\"", Some("1"))));
        assert!(!mark("\"a\"", None).may_be(&mark("\"b\"", None)));
        assert_eq!(mark("W/\"a\"", None).strong(), None);
        assert_eq!(mark("\"a\"", None).strong(), Some("\"a\""));
    }
}
