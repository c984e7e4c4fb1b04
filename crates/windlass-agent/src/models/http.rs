//! How Anthropic's and OpenAI's clients speak HTTP: the one client of all crates, and an end to everything that is read.

use std::time::Duration;

use reqwest::{Client, ClientBuilder, RequestBuilder, Response, StatusCode, header::CONTENT_TYPE, redirect::Policy};
use serde_json::Value;
use url::Url;
use windlass_core::{SecretString, chain};

use super::{
    CONNECT, MAX_ANSWER, MAX_EVENT, SILENCE,
    choice::ChoiceError,
    failure::{self, Refusal},
    sse::{Decoder, Event},
};
use crate::model::ModelError;

/// For a list of models, and for what a service says of an error.
const MAX_BODY: usize = 8 << 20;
/// For what is no conversation.
const SMALL_ANSWER: Duration = Duration::from_secs(30);

/// A service.
pub(super) struct Http {
    client: Client,
    /// Whom we ask, in errors.
    pub who: String,
    key: Option<SecretString>,
}

/// Why there is no answer.
pub(super) enum Failure {
    /// It said why.
    Refused(Refusal),
    Other(ModelError),
}

impl Http {
    pub fn new(name: &str, address: &Url, key: Option<SecretString>) -> Result<Self, ChoiceError> {
        let failed = |error: reqwest::Error| ChoiceError::new("base_url", chain(&error.without_url()));
        let client = windlass_cloud::web_client(|| builder(address)).map_err(failed)?;
        let who = match address.host_str() {
            Some(host) => format!("{name} at {host}"),
            None => name.to_owned(),
        };
        Ok(Self { client, who, key })
    }

    pub fn post(&self, address: &Url, body: &Value) -> RequestBuilder {
        self.client.post(address.clone()).json(body)
    }

    pub fn get(&self, address: &Url) -> RequestBuilder {
        self.client.get(address.clone()).timeout(SMALL_ANSWER)
    }

    /// The key, for whoever puts it into a header.
    pub fn key(&self) -> Option<&SecretString> {
        self.key.as_ref()
    }

    /// An answer with success, or why not.
    pub async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) if error.is_builder() => {
                let told = format!("{} cannot be asked so: {}", self.who, chain(&error.without_url()));
                return Err(Failure::Other(ModelError::Refused(told)));
            }
            Err(error) => return Err(Failure::Other(self.lost(error))),
        };
        if answer.status() == StatusCode::OK {
            return Ok(answer);
        }
        let (status, retry_after) = (answer.status().as_u16(), failure::retry_after(answer.headers()));
        // What an error says beyond that is lost with the connection; the error is not.
        let body = self.json(answer).await.unwrap_or_default();
        Err(Failure::Refused(Refusal { retry_after, ..Refusal::read(status, &body, self.key()) }))
    }

    /// The stream of an answer.
    pub fn events(&self, answer: Response) -> Result<Events<'_>, ModelError> {
        let kind = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        // Who sends none at all gets the benefit of the doubt.
        if !kind.is_empty() && !kind.starts_with("text/event-stream") {
            let kind = failure::clean(kind, self.key());
            let told = format!("{} answers with {kind} and not with a stream of events: check the url", self.who);
            return Err(ModelError::Refused(told));
        }
        Ok(Events { http: self, answer, decoder: Decoder::new(MAX_EVENT), read: 0 })
    }

    /// The body as JSON; nothing where it is something else.
    pub async fn json(&self, mut answer: Response) -> Result<Value, ModelError> {
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|error| self.lost(error))? {
            body.extend_from_slice(&part);
            if body.len() > MAX_BODY {
                return Err(self.endless(MAX_BODY));
            }
        }
        Ok(serde_json::from_slice(&body).unwrap_or_default())
    }

    /// What was said of an error, in the middle of an answer.
    pub fn said(&self, body: &Value) -> Refusal {
        Refusal::read(0, body, self.key())
    }

    fn lost(&self, error: reqwest::Error) -> ModelError {
        let told = failure::clean(&chain(&error.without_url()), self.key());
        ModelError::Unreachable(format!("{}: {told}", self.who))
    }

    fn endless(&self, bytes: usize) -> ModelError {
        ModelError::Protocol(format!("{} answers with more than {bytes} bytes", self.who))
    }
}

impl Failure {
    pub fn told(self, who: &str, model: &str) -> ModelError {
        match self {
            Self::Refused(refusal) => refusal.told(who, model),
            Self::Other(error) => error,
        }
    }
}

/// The events of an answer. The connection is closed when this is dropped before the last.
pub(super) struct Events<'a> {
    http: &'a Http,
    answer: Response,
    decoder: Decoder,
    read: usize,
}

impl Events<'_> {
    /// The next; none where the answer has ended.
    pub async fn next(&mut self) -> Result<Option<Event>, ModelError> {
        let http = self.http;
        let broken = |error: super::sse::Broken| ModelError::Protocol(format!("{} sends {error}", http.who));
        loop {
            if let Some(event) = self.decoder.next().map_err(broken)? {
                return Ok(Some(event));
            }
            let Some(part) = self.answer.chunk().await.map_err(|error| http.lost(error))? else { return Ok(None) };
            self.read += part.len();
            if self.read > MAX_ANSWER {
                return Err(http.endless(MAX_ANSWER));
            }
            self.decoder.push(&part).map_err(broken)?;
        }
    }

    /// What an event has as JSON.
    pub fn parsed<T: serde::de::DeserializeOwned>(&self, event: &Event) -> Result<T, ModelError> {
        serde_json::from_str(&event.data).map_err(|error| {
            // What the data are is nobody's business: they are the conversation.
            let place = format!("line {} column {}", error.line(), error.column());
            ModelError::Protocol(format!("{} sends an event that is not what it should be ({place})", self.http.who))
        })
    }
}

fn builder(address: &Url) -> ClientBuilder {
    let builder = Client::builder()
        .user_agent(concat!("windlass/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .referer(false)
        // The key is for this address only.
        .redirect(Policy::none());
    // No proxy reaches this machine as this machine does.
    if windlass_config::is_loopback(address) { builder.no_proxy() } else { builder }
}
