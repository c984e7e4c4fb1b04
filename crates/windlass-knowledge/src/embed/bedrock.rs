//! Models of Amazon Bedrock.

mod cohere;
mod failure;
mod titan;

use async_trait::async_trait;
use aws_sdk_bedrockruntime::{
    Client,
    config::{Builder, Region, retry::RetryConfig},
    primitives::Blob,
};
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::OnceCell;
use windlass_cloud::SdkConfig;
use windlass_config::settings::EmbedderSettings;
use windlass_index::Model;

use super::{EmbedError, Embedder, make::needed, vector::checked};
use crate::{SettingError, Surroundings};

/// The SDK waits between them, and longer each time.
const ATTEMPTS: u32 = 8;
/// Requests at the same time, where one takes one text.
const PARALLEL: usize = 8;
/// Texts that are asked for at once, where one request takes one.
const TITAN_BATCH: usize = 64;

/// See the module.
pub(super) struct Bedrock {
    model: String,
    kind: Kind,
    region: Option<String>,
    config: Option<SdkConfig>,
    client: OnceCell<Client>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Titan { dimensions: usize },
    Cohere,
    Unknown,
}

/// What a text is: Cohere's models make another vector of it.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Text {
    SearchDocument,
    SearchQuery,
}

impl Bedrock {
    pub fn new(settings: &EmbedderSettings, surroundings: &Surroundings) -> Result<Self, SettingError> {
        let model = needed("model", settings.model.as_ref())?.clone();
        let kind = Kind::of(&model, settings.dimensions)?;
        let (region, config) = (settings.region.clone(), surroundings.aws.clone());
        Ok(Self { model, kind, region, config, client: OnceCell::new() })
    }

    async fn client(&self) -> &Client {
        let client = self.client.get_or_init(|| async {
            let config = match (&self.config, &self.region) {
                (Some(config), _) => config.clone(),
                (None, Some(region)) => windlass_cloud::config_in(region.clone()).await,
                (None, None) => windlass_cloud::config().await,
            };
            let builder = Builder::from(&config).retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS));
            let region = self.region.clone().map(Region::new).or_else(|| config.region().cloned());
            Client::from_conf(builder.region(region).build())
        });
        client.await
    }

    async fn invoke<A: DeserializeOwned>(&self, question: &impl Serialize) -> Result<A, EmbedError> {
        let wrong = |error: serde_json::Error| {
            EmbedError::Wrong(format!("{} answers with something else: {error}", self.model))
        };
        let question = serde_json::to_vec(question).map_err(wrong)?;
        let request = self.client().await.invoke_model().model_id(&self.model);
        let request = request.content_type("application/json").accept("application/json").body(Blob::new(question));
        let answer = request.send().await.map_err(|error| failure::of(&self.model, &error))?;
        serde_json::from_slice(answer.body().as_ref()).map_err(wrong)
    }

    async fn titan(&self, text: &str, dimensions: usize) -> Result<Vec<f32>, EmbedError> {
        let answer: titan::Answer = self.invoke(&titan::question(text, dimensions)).await?;
        Ok(answer.embedding)
    }

    async fn embed(&self, texts: &[&str], kind: Text) -> Result<Vec<Vec<f32>>, EmbedError> {
        let dimensions = self.model().await?.dimensions;
        let vectors = match self.kind {
            Kind::Titan { dimensions } => {
                let asked: Vec<_> = texts.iter().map(|text| self.titan(text, dimensions)).collect();
                stream::iter(asked).buffered(PARALLEL).try_collect().await?
            }
            _ => {
                let mut vectors = Vec::with_capacity(texts.len());
                for part in texts.chunks(cohere::TEXTS) {
                    let answer: cohere::Answer = self.invoke(&cohere::question(part, kind)).await?;
                    if answer.embeddings.len() != part.len() {
                        let (given, asked) = (answer.embeddings.len(), part.len());
                        let told = format!("{} gave {given} vectors for {asked} texts", self.model);
                        return Err(EmbedError::Wrong(told));
                    }
                    vectors.extend(answer.embeddings);
                }
                vectors
            }
        };
        checked(&self.model, vectors, dimensions)
    }
}

impl Kind {
    fn of(model: &str, dimensions: Option<usize>) -> Result<Self, SettingError> {
        let wrong = |why: String| Err(SettingError::new("dimensions", why));
        match model {
            titan::MODEL => match dimensions {
                None => Ok(Self::Titan { dimensions: titan::DIMENSIONS[0] }),
                Some(dimensions) if titan::DIMENSIONS.contains(&dimensions) => Ok(Self::Titan { dimensions }),
                Some(_) => wrong(format!("{model} has 1024, 512 or 256")),
            },
            _ if cohere::MODELS.contains(&model) => match dimensions {
                None | Some(cohere::DIMENSIONS) => Ok(Self::Cohere),
                Some(_) => wrong(format!("{model} has {} always", cohere::DIMENSIONS)),
            },
            _ => Ok(Self::Unknown),
        }
    }
}

#[async_trait]
impl Embedder for Bedrock {
    async fn model(&self) -> Result<Model, EmbedError> {
        let dimensions = match self.kind {
            Kind::Titan { dimensions } => dimensions,
            Kind::Cohere => cohere::DIMENSIONS,
            Kind::Unknown => {
                let known: Vec<&str> = std::iter::once(titan::MODEL).chain(cohere::MODELS).collect();
                return Err(EmbedError::Refused(format!(
                    "windlass does not know how to ask {} of Bedrock for vectors; it knows {}",
                    self.model,
                    known.join(", ")
                )));
            }
        };
        Ok(Model { name: format!("bedrock/{}", self.model), dimensions, normalised: true })
    }

    fn batch(&self) -> usize {
        match self.kind {
            Kind::Cohere => cohere::TEXTS,
            _ => TITAN_BATCH,
        }
    }

    async fn documents(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        self.embed(&texts, Text::SearchDocument).await
    }

    async fn query(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        Ok(self.embed(&[text], Text::SearchQuery).await?.pop().unwrap_or_default())
    }
}

/// The beginning of a text, as long as a model takes it. It counts as JavaScript does.
fn beginning(text: &str, longest: usize) -> &str {
    let mut length = 0;
    let end = text.char_indices().find(|(_, character)| {
        length += character.len_utf16();
        length > longest
    });
    // They refuse a text without a character.
    if text.is_empty() { " " } else { end.map_or(text, |(at, _)| &text[..at]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(beginning("", 3), " ");
        assert_eq!(beginning("abc", 3), "abc");
        assert_eq!(beginning("abcd", 3), "abc");
        assert_eq!(beginning("ab🦀", 3), "ab");
        assert_eq!(beginning("äöü", 2), "äö");
    }
}
