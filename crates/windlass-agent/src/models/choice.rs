//! Which model, and where it is.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use url::Url;
use windlass_cloud::SdkConfig;
use windlass_core::SecretString;

use super::{anthropic::Anthropic, bedrock::Bedrock, openai::OpenAi};
use crate::model::Model;

/// Who runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Amazon Bedrock.
    Bedrock,
    /// Anthropic.
    Anthropic,
    /// OpenAI, and whatever speaks as its chat does: vLLM, Ollama, llama.cpp, gateways.
    Openai,
}

/// Whether the provider is asked to keep the beginning of a conversation, which it then reads at a tenth of the price.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Caching {
    /// Where the model is known to have it.
    #[default]
    Auto,
    /// Always: for an inference profile of one's own, whose name does not say which model it has.
    Always,
    /// Never: what is kept costs a quarter more to write.
    Never,
}

/// A model, and how to reach it.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Who runs it.
    pub provider: Provider,
    /// What it is called there. With Bedrock a model, an inference profile, or the ARN of either.
    pub id: String,
    /// Bedrock's region. Without it, that of the environment.
    pub region: Option<String>,
    /// Where it is, if not at the provider's own address: `http://localhost:11434/v1`.
    pub base_url: Option<Url>,
    /// The key. Bedrock needs none where there are AWS credentials; on this machine nobody may want one.
    pub key: Option<SecretString>,
    /// Whether the beginning of a conversation is kept.
    pub caching: Caching,
    /// The configuration of the AWS SDK. Without it, that of the environment.
    pub aws: Option<SdkConfig>,
}

/// A choice that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {why}")]
pub struct ChoiceError {
    /// Which of [`Choice`]'s settings.
    pub setting: &'static str,
    /// What to change.
    pub why: String,
}

impl Choice {
    /// This model, where its provider has it.
    pub fn new(provider: Provider, id: impl Into<String>) -> Self {
        let (region, base_url, key, aws) = (None, None, None, None);
        Self { provider, id: id.into(), region, base_url, key, caching: Caching::Auto, aws }
    }

    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.provider, self.id)
    }

    /// The address of this service of the provider. `own` is where the provider has it, `version` the path its services are
    /// below, `service` what comes after.
    pub(super) fn address(&self, own: &str, version: &str, service: &str) -> Result<Url, ChoiceError> {
        let wrong = |why: &str| ChoiceError::new("base_url", why);
        let mut url = match &self.base_url {
            Some(url) => url.clone(),
            None => Url::parse(own).map_err(|error| wrong(&error.to_string()))?,
        };
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("it must begin with https:// or http://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("a key does not belong into it: set it as the key of this model"));
        }
        let path = url.path().trim_end_matches('/');
        // People copy the address of one service, or that of all, or that of the machine.
        let path = path.strip_suffix("/chat/completions").or_else(|| path.strip_suffix("/messages")).unwrap_or(path);
        let path = match path {
            "" => format!("{version}/{service}"),
            path => format!("{path}/{service}"),
        };
        url.set_path(&path);
        Ok(url)
    }
}

impl ChoiceError {
    pub(super) fn new(setting: &'static str, why: impl Into<String>) -> Self {
        Self { setting, why: why.into() }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Bedrock => "bedrock",
            Self::Anthropic => "anthropic",
            Self::Openai => "openai",
        })
    }
}

/// The model of this choice. Nobody is asked yet: [`Model::check`] does that.
pub async fn open(choice: Choice) -> Result<Arc<dyn Model>, ChoiceError> {
    if choice.id.trim().is_empty() {
        return Err(ChoiceError::new("id", "it needs the name of a model"));
    }
    Ok(match choice.provider {
        Provider::Bedrock => Arc::new(Bedrock::open(choice).await?),
        Provider::Anthropic => Arc::new(Anthropic::open(&choice)?),
        Provider::Openai => Arc::new(OpenAi::open(&choice)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_completed() {
        let check = |base: Option<&str>, expected: &str| {
            let mut choice = Choice::new(Provider::Openai, "m");
            choice.base_url = base.map(|base| base.parse().unwrap());
            let address = choice.address("https://api.openai.com", "/v1", "chat/completions");
            assert_eq!(address.unwrap().as_str(), expected, "{base:?}");
        };
        check(None, "https://api.openai.com/v1/chat/completions");
        check(Some("http://localhost:11434"), "http://localhost:11434/v1/chat/completions");
        check(Some("http://localhost:11434/v1/"), "http://localhost:11434/v1/chat/completions");
        check(Some("http://localhost:8000/v1/chat/completions"), "http://localhost:8000/v1/chat/completions");
        check(Some("https://gw.example/llm/v1?version=2"), "https://gw.example/llm/v1/chat/completions?version=2");
    }

    #[tokio::test]
    async fn what_cannot_be_is_said() {
        let told = async |provider, base: Option<&str>, id: &str| {
            let mut choice = Choice::new(provider, id);
            choice.base_url = base.map(|base| base.parse().unwrap());
            open(choice).await.map(|model| model.name().to_owned()).unwrap_err().to_string()
        };
        insta::assert_snapshot!(told(Provider::Openai, None, " ").await, @"id: it needs the name of a model");
        insta::assert_snapshot!(
            told(Provider::Openai, Some("ftp://a.example"), "m").await,
            @"base_url: it must begin with https:// or http://"
        );
        insta::assert_snapshot!(
            told(Provider::Anthropic, Some("https://me:secret@a.example"), "m").await,
            @"base_url: a key does not belong into it: set it as the key of this model"
        );
        insta::assert_snapshot!(
            told(Provider::Anthropic, None, "m").await,
            @"key: Anthropic answers nobody without one: https://console.anthropic.com/settings/keys has yours"
        );
        insta::assert_snapshot!(
            told(Provider::Openai, None, "m").await,
            @"key: OpenAI answers nobody without one: https://platform.openai.com/api-keys has yours"
        );
    }
}
