//! A service that speaks as OpenAI's does: OpenAI itself, Ollama, vLLM, and others.

mod answer;
mod attempt;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use reqwest::{Client, ClientBuilder, redirect::Policy};
use serde::Serialize;
use tokio::sync::OnceCell;
use url::Url;
use windlass_config::settings::EmbedderSettings;
use windlass_core::{ExposeSecret, SecretString, chain};
use windlass_index::Model;

use super::{EmbedError, Embedder, make::needed, vector::checked};
use crate::{SettingError, Surroundings, secrets::Secrets};

const OPENAI: &str = "https://api.openai.com/v1";
/// Texts in one request.
const TEXTS: usize = 64;
/// Characters in one request, unless one text alone has more. OpenAI counts 300,000 tokens.
const CHARACTERS: usize = 200_000;
const CONNECT: Duration = Duration::from_secs(10);
/// A model on one's own machine may have to be loaded first.
const TIMEOUT: Duration = Duration::from_secs(120);

/// See the module.
pub(super) struct OpenAi {
    endpoint: Url,
    model: String,
    dimensions: Option<usize>,
    key: Option<String>,
    secrets: Arc<dyn Secrets>,
    client: OnceCell<Client>,
    learnt: OnceCell<Model>,
}

#[derive(Serialize)]
struct Question<'a> {
    model: &'a str,
    input: &'a [&'a str],
    encoding_format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<usize>,
}

impl OpenAi {
    pub fn new(settings: &EmbedderSettings, surroundings: &Surroundings) -> Result<Self, SettingError> {
        let wrong = |why: &str| SettingError::new("url", why);
        let model = needed("model", settings.model.as_ref())?.clone();
        let mut endpoint = match &settings.url {
            Some(url) => url.clone(),
            None => Url::parse(OPENAI).map_err(|error| wrong(&error.to_string()))?,
        };
        if !matches!(endpoint.scheme(), "http" | "https") {
            return Err(wrong("it must begin with https:// or http://"));
        }
        if !endpoint.username().is_empty() || endpoint.password().is_some() {
            return Err(wrong("a key does not belong into it: use `api_key`"));
        }
        // Services of others have versions and the like behind the `?`.
        let path = endpoint.path().trim_end_matches('/').to_owned();
        if !path.ends_with("/embeddings") {
            endpoint.set_path(&format!("{path}/embeddings"));
        }
        if settings.dimensions == Some(0) {
            return Err(SettingError::new("dimensions", "a vector has at least one number"));
        }
        Ok(Self {
            endpoint,
            model,
            dimensions: settings.dimensions,
            key: settings.api_key.clone(),
            secrets: surroundings.secrets.clone(),
            client: OnceCell::new(),
            learnt: OnceCell::new(),
        })
    }

    /// Whom to blame.
    fn who(&self) -> String {
        format!("{} at {}", self.model, self.endpoint.host_str().unwrap_or_default())
    }

    async fn client(&self) -> Result<&Client, EmbedError> {
        let failed = |error: reqwest::Error| EmbedError::Unreachable(chain(&error.without_url()));
        self.client
            .get_or_try_init(|| async { windlass_cloud::web_client(|| builder(&self.endpoint)).map_err(failed) })
            .await
    }

    async fn key(&self) -> Result<Option<SecretString>, EmbedError> {
        let Some(reference) = &self.key else { return Ok(None) };
        let key = self.secrets.secret("the key of the embedder", reference).await;
        key.map(Some).map_err(|error| EmbedError::Refused(error.to_string()))
    }

    /// What one request answers; vectors of any length.
    async fn ask(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let (client, key) = (self.client().await?, self.key().await?);
        let question =
            Question { model: &self.model, input: texts, encoding_format: "float", dimensions: self.dimensions };
        let request = || {
            let request = client.post(self.endpoint.clone()).timeout(TIMEOUT).json(&question);
            match &key {
                Some(key) => request.bearer_auth(key.expose_secret()),
                None => request,
            }
        };
        let body = attempt::until_answered(&self.who(), request, key.as_ref()).await?;
        answer::vectors(&self.who(), &body, texts.len())
    }

    async fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let dimensions = self.model().await?.dimensions;
        let mut vectors = Vec::with_capacity(texts.len());
        for part in parts(texts) {
            // Services refuse a text without a character.
            let part: Vec<&str> = part.iter().map(|text| if text.is_empty() { " " } else { text }).collect();
            vectors.extend(self.ask(&part).await?);
        }
        checked(&self.who(), vectors, dimensions)
    }
}

#[async_trait]
impl Embedder for OpenAi {
    async fn model(&self) -> Result<Model, EmbedError> {
        let named = |dimensions| Model { name: format!("openai/{}", self.model), dimensions, normalised: true };
        if let Some(dimensions) = self.dimensions {
            return Ok(named(dimensions));
        }
        let learnt = self.learnt.get_or_try_init(|| async {
            let vector = self.ask(&["dimensions"]).await?.pop().unwrap_or_default();
            match vector.len() {
                0 => Err(EmbedError::Wrong(format!("{} gave a vector without a number", self.who()))),
                dimensions => Ok(named(dimensions)),
            }
        });
        learnt.await.cloned()
    }

    fn batch(&self) -> usize {
        TEXTS
    }

    async fn documents(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        self.embed(&texts).await
    }

    async fn query(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        Ok(self.embed(&[text]).await?.pop().unwrap_or_default())
    }
}

fn builder(endpoint: &Url) -> ClientBuilder {
    let builder = Client::builder()
        .user_agent(concat!("windlass/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .referer(false)
        // The key is for this address only.
        .redirect(Policy::none());
    // No proxy reaches this machine as this machine does.
    if windlass_config::is_loopback(endpoint) { builder.no_proxy() } else { builder }
}

/// Cut into what one request takes.
fn parts<'a, 'b>(texts: &'a [&'b str]) -> impl Iterator<Item = &'a [&'b str]> {
    let mut rest = texts;
    std::iter::from_fn(move || {
        let mut characters = 0;
        let fit = rest.iter().take(TEXTS).take_while(|text| {
            characters += text.len();
            characters <= CHARACTERS
        });
        let count = fit.count().max(1).min(rest.len());
        let (part, others) = rest.split_at(count);
        rest = others;
        (!part.is_empty()).then_some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_bounded_by_texts_and_by_characters() {
        let (short, long, huge) = ("x", "x".repeat(CHARACTERS / 2), "x".repeat(CHARACTERS + 1));
        let cut = |texts: &[&str]| parts(texts).map(<[&str]>::len).collect::<Vec<_>>();
        assert_eq!(cut(&[]), [] as [usize; 0]);
        assert_eq!(cut(&[short; 130]), [64, 64, 2]);
        assert_eq!(cut(&[&long, &long, short, short]), [2, 2]);
        assert_eq!(cut(&[short, &huge, &huge, short]), [1, 1, 1, 1]);
    }
}
