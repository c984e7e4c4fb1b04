//! A file of a web server: a mirror, or a signed address.

use std::time::Duration;

use reqwest::{
    Client, ClientBuilder, StatusCode,
    header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderName, IF_RANGE, RANGE},
    redirect,
};
use url::Url;
use windlass_config::is_loopback;
use windlass_core::chain;

use super::{
    PullProblem,
    source::{Body, Failure, Mark, Opened, content_range},
};

const CONNECT: Duration = Duration::from_secs(10);
/// Until the next byte.
const READ: Duration = Duration::from_secs(60);
const REDIRECTS: usize = 5;

pub(super) struct Page {
    url: Url,
    client: Client,
}

impl Page {
    pub fn new(url: &Url) -> Result<Self, PullProblem> {
        let local = is_loopback(url);
        let client = crate::web_client(|| builder(local)).map_err(|error| PullProblem::Failed(chain(&error)))?;
        Ok(Self { url: url.clone(), client })
    }

    pub async fn open(&self, from: Option<(u64, &str)>) -> Result<Opened, Failure> {
        // Another encoding would have other stretches.
        let mut request = self.client.get(self.url.clone()).header(ACCEPT_ENCODING, "identity");
        if let Some((at, etag)) = from {
            request = request.header(RANGE, format!("bytes={at}-")).header(IF_RANGE, etag);
        }
        let answer = request.send().await.map_err(failure)?;
        let header = |name: HeaderName| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let (start, total) = match answer.status() {
            StatusCode::OK => {
                let length = header(CONTENT_LENGTH).and_then(|length| length.parse().ok());
                (0, length.ok_or(PullProblem::NoLength)?)
            }
            StatusCode::PARTIAL_CONTENT => {
                header(CONTENT_RANGE).and_then(content_range).ok_or(PullProblem::NoLength)?
            }
            status => return Err(answered(status)),
        };
        let mark = Mark { etag: header(ETAG).map(str::to_owned), version: None };
        Ok(Opened { start, total, mark, body: Body::Web(answer) })
    }
}

fn builder(local: bool) -> ClientBuilder {
    let builder = Client::builder()
        .user_agent(concat!("windlass/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .read_timeout(READ)
        .referer(false)
        .redirect(redirect::Policy::custom(move |attempt| {
            // Plain HTTP is for this machine, and only that may send us back to it.
            let safe = attempt.url().scheme() == "https" || (local && is_loopback(attempt.url()));
            match attempt.previous().len() {
                0..=REDIRECTS if safe => attempt.follow(),
                0..=REDIRECTS => attempt.error("it leads to an address that is not https"),
                _ => attempt.error("it leads from one address to the next"),
            }
        }));
    if local { builder.no_proxy() } else { builder }
}

fn failure(error: reqwest::Error) -> Failure {
    let final_one = error.is_builder() || error.is_redirect();
    let told = chain(&error.without_url());
    if final_one { Failure::Last(PullProblem::Failed(told)) } else { Failure::Again(told) }
}

fn answered(status: StatusCode) -> Failure {
    let told = status.to_string();
    match status.as_u16() {
        404 | 410 => Failure::Last(PullProblem::Missing),
        401 | 403 => Failure::Last(PullProblem::Denied(told)),
        412 | 416 => Failure::Changed,
        408 | 429 | 500.. => Failure::Again(told),
        _ => Failure::Last(PullProblem::Failed(told)),
    }
}
