//! Amazon Bedrock's Converse: every model that it has, by one form of request.
//!
//! The SDK signs, finds credentials and endpoints, and reads the frames of the answer. The body of a request is written here
//! and put in before it is signed: the SDK keeps JSON in maps without an order, so the schemas of tools and the arguments of
//! calls would come in another order with each request, and nothing would ever be found in the prompt's cache.

mod capped;
mod family;
mod place;
mod refusal;
mod request;
mod stream;

use async_trait::async_trait;
use aws_sdk_bedrockruntime::{
    Client,
    config::{Builder, Region, StalledStreamProtectionConfig, Token, retry::RetryConfig, timeout::TimeoutConfig},
    operation::converse_stream::ConverseStreamOutput,
};
use aws_smithy_runtime_api::client::auth::http::HTTP_BEARER_AUTH_SCHEME_ID;
use aws_smithy_types::body::SdkBody;
use windlass_core::ExposeSecret;

use self::{family::Family, place::Place};
use super::{
    CONNECT, SILENCE,
    choice::{Choice, ChoiceError},
    draft::Draft,
};
use crate::{
    conversation::{Block, Message, Role},
    model::{Delta, Model, ModelError, Reply, Request},
};

/// See the module.
pub(super) struct Bedrock {
    name: String,
    place: Place,
    family: Family,
    client: Client,
}

impl Bedrock {
    pub async fn open(choice: Choice) -> Result<Self, ChoiceError> {
        let name = choice.name();
        let family = Family::of(&choice.id, choice.caching);
        // An ARN says where it is, whatever the environment says.
        let region = choice.region.or_else(|| place::region_of(&choice.id));
        let config = match (choice.aws, &region) {
            (Some(config), _) => config,
            (None, Some(region)) => windlass_cloud::config_in(region.clone()).await,
            (None, None) => windlass_cloud::config().await,
        };
        let Some(region) = region.or_else(|| config.region().map(ToString::to_string)) else {
            let why = "Bedrock is asked in a region: set it here, or as AWS_REGION, such as us-east-1";
            return Err(ChoiceError::new("region", why));
        };
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(SILENCE).build();
        let mut builder = Builder::from(&config)
            .region(Region::new(region.clone()))
            // When to ask again is the loop's to know, which counts and tells it.
            .retry_config(RetryConfig::disabled())
            // A model that thinks is no line that stalls.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .timeout_config(timeouts)
            .interceptor(capped::Capped);
        if let Some(url) = &choice.base_url {
            builder = builder.endpoint_url(url.as_str().trim_end_matches('/'));
        }
        if let Some(key) = &choice.key {
            builder = builder.bearer_token(Token::new(key.expose_secret(), None));
            builder.set_auth_scheme_preference(Some([HTTP_BEARER_AUTH_SCHEME_ID].into()));
        }
        let place = Place { id: choice.id, region, key: choice.key };
        Ok(Self { name, place, family, client: Client::from_conf(builder.build()) })
    }

    async fn begin(&self, request: &Request<'_>) -> Result<ConverseStreamOutput, ModelError> {
        let body = request::body(request, self.family).to_string().into_bytes();
        let put_in = move |http: &mut aws_sdk_bedrockruntime::config::http::HttpRequest| {
            http.headers_mut().insert("content-length", body.len().to_string());
            *http.body_mut() = SdkBody::from(body.clone());
        };
        let asked = self.client.converse_stream().model_id(&self.place.id).customize().mutate_request(put_in);
        asked.send().await.map_err(|error| refusal::before(&self.place, &error))
    }
}

#[async_trait]
impl Model for Bedrock {
    fn name(&self) -> &str {
        &self.name
    }

    /// Asks the model for a word. Nothing less says whether IAM, the region, the profile and the account's access to the
    /// model are all as they have to be; it costs some twenty tokens.
    async fn check(&self) -> Result<(), ModelError> {
        let text = "Answer with the word yes.".to_owned();
        let messages = [Message { role: Role::User, blocks: vec![Block::Text { text }] }];
        let request = Request { system: "", messages: &messages, tools: &[], max_tokens: 16 };
        self.ask(request, &mut |_| {}).await.map(drop)
    }

    async fn ask(&self, request: Request<'_>, say: &mut (dyn FnMut(Delta) + Send)) -> Result<Reply, ModelError> {
        let mut answer = self.begin(&request).await?;
        let mut draft = Draft::new(&request, say);
        let mut thoughts = stream::Thoughts::default();
        loop {
            let event = tokio::time::timeout(SILENCE, answer.stream.recv()).await;
            let event = event.map_err(|_| self.place.unreachable("it says nothing any more"))?;
            match event.map_err(|error| refusal::during(&self.place, &error))? {
                Some(event) => stream::take(event, &mut draft, &mut thoughts)?,
                None => return draft.finish(),
            }
        }
    }
}
