use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;
use windlass_core::units::{Dollars, Span};

/// A model that uses tools: `windlass agent`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AgentSettings {
    /// The model.
    pub model: AgentModelSettings,
    /// What the model is told before everything. Default: that it has tools, and to say what it did not find out.
    pub system: Option<String>,
    /// What may be used from a question to its answer.
    pub budget: AgentBudgetSettings,
    /// What a million tokens cost, by the model's id, in which `*` stands for anything; the longest that fits counts.
    pub prices: BTreeMap<String, AgentPriceSettings>,
    /// Whose tools it has beside those of `servers`.
    pub tools: AgentTools,
    /// Further MCP servers, by a name of your own.
    pub servers: BTreeMap<String, AgentServerSettings>,
    /// Which calls wait for a person.
    pub approvals: AgentApprovalSettings,
    /// How often a model that is asked too often is asked again.
    pub retries: u32,
}

impl Default for AgentSettings {
    fn default() -> Self {
        Self {
            model: AgentModelSettings::default(),
            system: None,
            budget: AgentBudgetSettings::default(),
            prices: BTreeMap::new(),
            tools: AgentTools::default(),
            servers: BTreeMap::new(),
            approvals: AgentApprovalSettings::default(),
            retries: 6,
        }
    }
}

/// A model, and where it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AgentModelSettings {
    /// Who runs it.
    pub provider: ModelProvider,
    /// What it is called there. With Bedrock a model or an inference profile, or the ARN of either; most newer models want
    /// a profile: `us.anthropic.claude-sonnet-4-5-20250929-v1:0`.
    pub id: Option<String>,
    /// Region of Amazon Bedrock. Default: the one AWS's own programs would use.
    pub region: Option<String>,
    /// Where it is, if not at the provider's own address: `http://localhost:11434/v1` (Ollama).
    pub url: Option<Url>,
    /// Where its key is: `env:NAME`, `file:PATH`, or `secretsmanager:ARN#KEY`. Default: `ANTHROPIC_API_KEY` or
    /// `OPENAI_API_KEY` of the environment. Bedrock uses AWS credentials.
    pub api_key: Option<String>,
    /// Whether the provider is asked to keep the beginning of a conversation, which is then read for less.
    pub caching: PromptCaching,
    /// Tokens of one answer.
    pub max_tokens: u32,
    /// Tokens the model can read. Before they are full, older parts of a conversation are left out. Default: when the
    /// provider says that they are.
    pub window: Option<u64>,
}

impl Default for AgentModelSettings {
    fn default() -> Self {
        Self {
            provider: ModelProvider::default(),
            id: None,
            region: None,
            url: None,
            api_key: None,
            caching: PromptCaching::default(),
            max_tokens: 4096,
            window: None,
        }
    }
}

/// Who runs a model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModelProvider {
    /// Amazon Bedrock.
    #[default]
    Bedrock,
    /// Anthropic.
    Anthropic,
    /// OpenAI, and whatever speaks as its chat does: vLLM, Ollama, llama.cpp, gateways.
    Openai,
}

/// Whether the beginning of a conversation is kept by the provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PromptCaching {
    /// Where the model is known to have it.
    #[default]
    Auto,
    /// Always: for an inference profile of your own, whose name does not say which model it has.
    Always,
    /// Never.
    Never,
}

/// What may be used from a question to its answer. Reaching a limit is an ordinary end, which is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AgentBudgetSettings {
    /// Times the model is asked.
    pub turns: u32,
    /// Calls of tools.
    pub tool_calls: u32,
    /// Tokens read and written, from a cache or not. Default: not limited.
    pub tokens: Option<u64>,
    /// US dollars, by `agent.prices`: `0.50`. Default: not limited.
    pub dollars: Option<Dollars>,
    /// Time of work; waiting for a person is not counted.
    pub time: Span,
}

impl Default for AgentBudgetSettings {
    fn default() -> Self {
        Self {
            turns: 50,
            tool_calls: 200,
            tokens: None,
            dollars: None,
            time: Span(std::time::Duration::from_secs(1800)),
        }
    }
}

/// US dollars for a million tokens.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentPriceSettings {
    /// Read.
    pub input: Dollars,
    /// Written.
    pub output: Dollars,
    /// Found in the provider's cache. Default: as if read.
    pub cache_read: Option<Dollars>,
    /// Put there. Default: as if read.
    pub cache_write: Option<Dollars>,
}

/// Whose tools the agent has beside those of its servers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentTools {
    /// Those that `windlass serve` would serve from this file, under the same policy, limits and audit.
    #[default]
    Own,
    /// Nobody's.
    None,
}

/// An MCP server: one of `command` and `url`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AgentServerSettings {
    /// A program that speaks MCP on its standard input and output, and its arguments.
    pub command: Vec<String>,
    /// What the program finds in its environment beside `PATH`, `HOME` and their like; a value may be `env:NAME` or `file:PATH`.
    pub environment: BTreeMap<String, String>,
    /// A streamable HTTP endpoint.
    pub url: Option<Url>,
    /// Where the bearer token for it is: `env:NAME`, `file:PATH`, or `secretsmanager:ARN#KEY`.
    pub token: Option<String>,
}

/// Which calls wait for a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AgentApprovalSettings {
    /// By what tools say of themselves.
    pub ask: ApprovalRule,
    /// Tools that wait whatever they say; `*` stands for anything.
    pub require: Vec<String>,
    /// Tools that never wait, unless they are in `require`.
    pub allow: Vec<String>,
    /// How long they wait. No word by then is a no.
    pub wait: Span,
}

impl Default for AgentApprovalSettings {
    fn default() -> Self {
        Self {
            ask: ApprovalRule::default(),
            require: Vec::new(),
            allow: Vec::new(),
            wait: Span(std::time::Duration::from_secs(300)),
        }
    }
}

/// Which tools wait by what they say of themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalRule {
    /// Those that may destroy something; as MCP has it, so may one that does not say that it does not.
    #[default]
    Destructive,
    /// Every one that does not only read.
    Writing,
    /// Every one.
    Every,
    /// None.
    None,
}
