//! Chat as OpenAI has it, and as vLLM, Ollama, llama.cpp, and many gateways took it over.
//!
//! They differ in what is not written down, and a client that keeps to OpenAI's own documentation stumbles: ids that are
//! missing, calls that all have the number 0, arguments as one piece, no usage, `stop` where calls are meant. See [`calls`].

mod calls;
mod request;
mod stream;

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use serde_json::Value;
use url::Url;
use windlass_core::ExposeSecret;

use super::{
    choice::{Choice, ChoiceError},
    draft::Draft,
    failure::{self, Refusal},
    http::{Events, Failure, Http},
};
use crate::model::{Delta, Model, ModelError, Reply, Request};

const OPENAI: &str = "https://api.openai.com";
const HOST: &str = "api.openai.com";
const VERSION: &str = "/v1";
/// Names of other models that an error tells.
const TOLD: usize = 12;

/// See the module.
pub(super) struct OpenAi {
    name: String,
    id: String,
    chat: Url,
    models: Url,
    http: Http,
    /// OpenAI's newer models want `max_completion_tokens`; many others know `max_tokens` alone.
    newer: AtomicBool,
}

impl OpenAi {
    pub fn open(choice: &Choice) -> Result<Self, ChoiceError> {
        let chat = choice.address(OPENAI, VERSION, "chat/completions")?;
        let own = chat.host_str() == Some(HOST);
        if own && choice.key.is_none() {
            let why = "OpenAI answers nobody without one: https://platform.openai.com/api-keys has yours";
            return Err(ChoiceError::new("key", why));
        }
        Ok(Self {
            name: choice.name(),
            id: choice.id.clone(),
            models: choice.address(OPENAI, VERSION, "models")?,
            http: Http::new("the service", &chat, choice.key.clone())?,
            chat,
            newer: AtomicBool::new(own),
        })
    }

    async fn begin(&self, request: &Request<'_>) -> Result<Events<'_>, Failure> {
        let body = request::body(&self.id, request, self.newer.load(Ordering::Relaxed));
        let answer = self.http.send(self.signed(self.http.post(&self.chat, &body))).await?;
        self.http.events(answer).map_err(Failure::Other)
    }

    fn signed(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match self.http.key() {
            Some(key) => request.bearer_auth(key.expose_secret()),
            None => request,
        }
    }

    fn told(&self, failure: Failure) -> ModelError {
        failure.told(&self.http.who, &self.id)
    }
}

/// Whether it refuses the name of the limit and nothing else: then it was not asked yet.
fn wants_newer(refusal: &Refusal) -> bool {
    refusal.code == "unsupported_parameter" && refusal.param == "max_tokens"
}

#[async_trait]
impl Model for OpenAi {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self) -> Result<(), ModelError> {
        let answer = match self.http.send(self.signed(self.http.get(&self.models))).await {
            Ok(answer) => answer,
            // Some gateways have no list: then the first question shows.
            Err(Failure::Refused(Refusal { status: 404 | 405 | 501, .. })) => return Ok(()),
            Err(failure) => return Err(self.told(failure)),
        };
        let list = self.http.json(answer).await?;
        let Some(models) = list.get("data").and_then(Value::as_array) else { return Ok(()) };
        let ids: Vec<&str> = models.iter().filter_map(|model| model.get("id")?.as_str()).collect();
        // Ollama takes a name without its tag.
        let latest = format!("{}:latest", self.id);
        if ids.contains(&self.id.as_str()) || ids.contains(&latest.as_str()) {
            return Ok(());
        }
        let mut some: Vec<&str> = ids.iter().copied().take(TOLD).collect();
        if ids.len() > TOLD {
            some.push("...");
        }
        let has = if some.is_empty() { "it has none".to_owned() } else { format!("it has {}", some.join(", ")) };
        let told = format!("{} has no model {}: {}", self.http.who, self.id, failure::clean(&has, self.http.key()));
        Err(ModelError::Refused(told))
    }

    async fn ask(&self, request: Request<'_>, say: &mut (dyn FnMut(Delta) + Send)) -> Result<Reply, ModelError> {
        let mut begun = self.begin(&request).await;
        if let Err(Failure::Refused(refusal)) = &begun
            && wants_newer(refusal)
            && !self.newer.swap(true, Ordering::Relaxed)
        {
            begun = self.begin(&request).await;
        }
        let mut events = begun.map_err(|failure| self.told(failure))?;
        let mut draft = Draft::new(&request, say);
        let mut calls = calls::Calls::default();
        while let Some(event) = events.next().await? {
            if event.data == stream::DONE {
                break;
            }
            let chunk: stream::Chunk = events.parsed(&event)?;
            if let Some(error) = chunk.error {
                return Err(self.http.said(&error).told(&self.http.who, &self.id));
            }
            stream::take(chunk, &mut draft, &mut calls)?;
        }
        draft.finish()
    }
}
