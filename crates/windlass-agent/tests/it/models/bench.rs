//! What the tests share: a model of each wire, and a conversation with it.

use std::sync::Arc;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_bedrockruntime::config::Credentials;
use serde_json::json;
use windlass_agent::{
    conversation::{Block, Content, Message, Role, ToolResult},
    model::{Delta, Model, ModelError, Reply, Request, ToolDefinition},
    models::{Choice, Provider, open},
};
use windlass_core::SecretString;
use windlass_testkit::models::{ModelStandin, Script};

pub const PROVIDERS: [Provider; 3] = [Provider::Bedrock, Provider::Anthropic, Provider::Openai];
/// In the error of a wrong key, if anywhere.
pub const KEY: &str = "sk-5ecr3t-only-this-test-knows";
pub const PROFILE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

/// A model of this provider, which `standin` is.
pub async fn model(provider: Provider, standin: &ModelStandin, change: impl FnOnce(&mut Choice)) -> Arc<dyn Model> {
    let id = if provider == Provider::Bedrock { PROFILE } else { "m-1" };
    let mut choice = Choice::new(provider, id);
    choice.base_url = Some(standin.url().parse().unwrap());
    match provider {
        Provider::Bedrock => choice.aws = Some(aws().await),
        _ => choice.key = Some(SecretString::from(KEY)),
    }
    change(&mut choice);
    open(choice).await.unwrap()
}

pub async fn aws() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("test", KEY, None, None, "test"))
        .load()
        .await
}

/// A stand-in and a model that it is.
pub async fn started(provider: Provider, script: impl Into<Script>) -> (ModelStandin, Arc<dyn Model>) {
    let standin = ModelStandin::start(script).await.unwrap();
    let model = model(provider, &standin, |_| {}).await;
    (standin, model)
}

pub fn user(blocks: Vec<Block>) -> Message {
    Message { role: Role::User, blocks }
}

pub fn text(text: &str) -> Block {
    Block::Text { text: text.to_owned() }
}

pub fn tools() -> Vec<ToolDefinition> {
    let schema = json!({
        "type": "object",
        "properties": { "zone": { "type": "string" }, "at": { "type": "integer" } },
        "required": ["zone"],
        "additionalProperties": false,
    });
    let tool = |name: &str| ToolDefinition {
        name: name.to_owned(),
        description: format!("Knows the {name}."),
        input_schema: schema.as_object().cloned().unwrap(),
    };
    vec![tool("weather"), tool("time")]
}

/// What the model answers, and what it said meanwhile.
pub async fn ask(model: &dyn Model, messages: &[Message]) -> (Result<Reply, ModelError>, Vec<Delta>) {
    let mut said = Vec::new();
    let tools = tools();
    let request = Request { system: "Be brief.", messages, tools: &tools, max_tokens: 1000 };
    let reply = model.ask(request, &mut |delta| said.push(delta)).await;
    (reply, said)
}

/// The same with one question.
pub async fn asked(model: &dyn Model) -> Result<Reply, ModelError> {
    ask(model, &[user(vec![text("How is it?")])]).await.0
}

/// A whole conversation: each call is answered with what `answer` makes of its name, until there are no more.
pub async fn talk(
    model: &dyn Model,
    answer: impl Fn(&str) -> (Vec<Content>, bool),
) -> (Vec<Reply>, Vec<Delta>, Vec<Message>) {
    let mut messages = vec![user(vec![text("How is it in Zürich?")])];
    let (mut replies, mut deltas) = (Vec::new(), Vec::new());
    loop {
        let (reply, said) = ask(model, &messages).await;
        let reply = reply.unwrap();
        deltas.extend(said);
        messages.push(Message { role: Role::Assistant, blocks: reply.blocks.clone() });
        let results = reply.blocks.iter().filter_map(|block| {
            let Block::ToolUse(call) = block else { return None };
            let (content, is_error) = answer(&call.name);
            Some(Block::ToolResult(ToolResult { id: call.id.clone(), content, is_error }))
        });
        let results: Vec<Block> = results.collect();
        replies.push(reply);
        if results.is_empty() {
            return (replies, deltas, messages);
        }
        messages.push(user(results));
    }
}

pub fn plain(text: &str) -> (Vec<Content>, bool) {
    (vec![Content::Text { text: text.to_owned() }], false)
}

/// What is the same for all providers: not their thoughts.
pub fn without_thoughts(mut replies: Vec<Reply>) -> Vec<Reply> {
    for reply in &mut replies {
        reply.blocks.retain(|block| !matches!(block, Block::Opaque { .. }));
    }
    replies
}

/// An error as text, the same in each run.
pub fn told(error: &ModelError) -> String {
    format!("{error:?}").replace(KEY, "THE KEY ITSELF")
}
