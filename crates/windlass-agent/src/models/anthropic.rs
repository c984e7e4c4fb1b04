//! Anthropic's Messages, also where a gateway has them.

mod request;
mod stream;

use async_trait::async_trait;
use reqwest::RequestBuilder;
use url::Url;
use windlass_core::ExposeSecret;

use super::{
    choice::{Caching, Choice, ChoiceError},
    draft::Draft,
    http::{Failure, Http},
};
use crate::model::{Delta, Model, ModelError, Reply, Request};

const ANTHROPIC: &str = "https://api.anthropic.com";
const HOST: &str = "api.anthropic.com";
const PATH: &str = "/v1";
/// The only one there is; what is new comes as new fields and events.
const VERSION: &str = "2023-06-01";

/// See the module.
pub(super) struct Anthropic {
    name: String,
    id: String,
    messages: Url,
    model: Url,
    http: Http,
    caches: bool,
}

impl Anthropic {
    pub fn open(choice: &Choice) -> Result<Self, ChoiceError> {
        let messages = choice.address(ANTHROPIC, PATH, "messages")?;
        if choice.key.is_none() && messages.host_str() == Some(HOST) {
            let why = "Anthropic answers nobody without one: https://console.anthropic.com/settings/keys has yours";
            return Err(ChoiceError::new("key", why));
        }
        let mut model = choice.address(ANTHROPIC, PATH, "models")?;
        if let Ok(mut path) = model.path_segments_mut() {
            path.push(&choice.id);
        }
        Ok(Self {
            name: choice.name(),
            id: choice.id.clone(),
            model,
            http: Http::new("the service", &messages, choice.key.clone())?,
            messages,
            // Every model has it, and passes it over where there is too little to keep.
            caches: choice.caching != Caching::Never,
        })
    }

    fn signed(&self, request: RequestBuilder) -> RequestBuilder {
        let request = request.header("anthropic-version", VERSION);
        match self.http.key() {
            Some(key) => request.header("x-api-key", key.expose_secret()),
            None => request,
        }
    }

    fn told(&self, failure: Failure) -> ModelError {
        failure.told(&self.http.who, &self.id)
    }
}

#[async_trait]
impl Model for Anthropic {
    fn name(&self) -> &str {
        &self.name
    }

    /// Looks the model up, which costs nothing and needs the same key.
    async fn check(&self) -> Result<(), ModelError> {
        let sent = self.http.send(self.signed(self.http.get(&self.model))).await;
        sent.map(drop).map_err(|failure| self.told(failure))
    }

    async fn ask(&self, request: Request<'_>, say: &mut (dyn FnMut(Delta) + Send)) -> Result<Reply, ModelError> {
        let body = request::body(&self.id, &request, self.caches);
        let sent = self.http.send(self.signed(self.http.post(&self.messages, &body))).await;
        let mut events = self.http.events(sent.map_err(|failure| self.told(failure))?)?;
        let mut draft = Draft::new(&request, say);
        let mut thoughts = stream::Thoughts::default();
        while let Some(event) = events.next().await? {
            match events.parsed(&event)? {
                stream::Event::Error(error) => {
                    return Err(self.http.said(&error).told(&self.http.who, &self.id));
                }
                stream::Event::MessageStop {} => break,
                event => stream::take(event, &mut draft, &mut thoughts)?,
            }
        }
        draft.finish()
    }
}
