//! What can be set. The doc comments here are the reference page (`docs/reference/configuration.md`) and the JSON Schema.

mod agent;
mod auth;
mod deploy;
mod fetch;
mod files;
mod knowledge;
mod limits;
mod policy;
mod sandboxes;
mod server;
mod shell;
mod short_form;
mod sql;
mod telemetry;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use windlass_core::units::{Bytes, Span};

pub use agent::{
    AgentApprovalSettings, AgentBudgetSettings, AgentModelSettings, AgentPriceSettings, AgentServerSettings,
    AgentSettings, AgentTools, ApprovalRule, ModelProvider, PromptCaching,
};
pub use auth::{AuthSettings, KeySettings, OidcSettings};
pub use deploy::{DeploySettings, ImageSettings, LocalSettings, RegistrySettings, TargetKind};
pub use fetch::FetchSettings;
pub use files::FilesSettings;
pub use knowledge::{
    CollectionSettings, EmbedderKind, EmbedderSettings, IndexSettings, KnowledgeSettings, KnowledgeSourceSettings,
};
pub use limits::LimitSettings;
pub use policy::{GrantSettings, PolicySettings};
pub use sandboxes::{
    BackendKind, EgressPreset, EgressSettings, IsolationDemand, PoolSettings, QuotaSettings, SandboxesSettings,
};
pub use server::{ServerSettings, Transport};
pub use shell::{
    CommandRule, CommandSettings, DenyRule, DenySettings, FlagSettings, KernelFeature, NetworkAccess, Operator,
    PathScope, SandboxSettings, ShellLimits, ShellSettings,
};
pub use sql::{
    BuiltinSqlTool, LoginKind, SourceKind, SourceSettings, SqlParameterKind, SqlParameterSettings, SqlPoolSettings,
    SqlSettings, SqlToolSettings, TlsMode, TlsSettings,
};
pub use telemetry::{LogFormat, TelemetrySettings};

/// Everything windlass.yaml can say. Every section may be left out.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where and how to listen.
    pub server: ServerSettings,
    /// Who may connect.
    pub auth: AuthSettings,
    /// Who may call what. Without this section every authenticated caller may call every enabled tool.
    pub policy: Option<PolicySettings>,
    /// Rates, sizes, deadlines.
    pub limits: LimitSettings,
    /// The audit log.
    pub audit: AuditSettings,
    /// Where spilled output and jobs live.
    pub store: StoreSettings,
    /// Logs, traces.
    pub telemetry: TelemetrySettings,
    /// Toolset: approved commands.
    pub shell: Option<ShellSettings>,
    /// Toolset: sandboxes for code.
    pub sandbox: Option<SandboxesSettings>,
    /// Toolset: guarded web fetch. Off unless this section names hosts.
    pub fetch: Option<FetchSettings>,
    /// Toolset: databases.
    pub sql: Option<SqlSettings>,
    /// Toolset: documents to search.
    pub knowledge: Option<KnowledgeSettings>,
    /// Toolset: files below a directory.
    pub files: Option<FilesSettings>,
    /// A model that uses tools: `windlass agent`.
    pub agent: AgentSettings,
    /// Shipping: `windlass deploy`.
    pub deploy: DeploySettings,
}

/// The audit log: one JSON line per decision, hash-chained.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AuditSettings {
    /// Also append the lines to this file. On stdout (HTTP) or stderr (stdio) they always are.
    pub file: Option<PathBuf>,
    /// Argument names whose values are never written, beside the built-in ones (password, token, secret, key, ...).
    pub redact: Vec<String>,
}

/// Where what outlives a call is kept.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSettings {
    /// Directory for spilled output and jobs, shared by replicas that should see each other's handles. Default:
    /// `$XDG_STATE_HOME/windlass`, `~/.local/state/windlass`, or a directory of this uid under the system's temporary
    /// one, whichever can be written first; in memory where none can.
    pub directory: Option<PathBuf>,
    /// S3 bucket for spilled output, for functions and replicas without a common directory. Needs `store.table`. The
    /// directory then has only jobs, and output on its way.
    pub bucket: Option<String>,
    /// DynamoDB table that says whose output a handle is and until when: hash key `handle` (text), time to live in
    /// `expires`.
    pub table: Option<String>,
    /// What the names of all objects in the bucket begin with; ends with `/`.
    pub prefix: String,
    /// How long a handle stays valid.
    pub ttl: Span,
    /// Bytes kept on disk altogether; room is made by whoever keeps most, their oldest first. With `store.bucket`: bytes
    /// waiting for their upload; how much is kept is then up to the bucket's lifecycle rules.
    pub max_bytes: Bytes,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            directory: None,
            bucket: None,
            table: None,
            prefix: "outputs/".to_owned(),
            ttl: Span(std::time::Duration::from_secs(3600)),
            max_bytes: Bytes(2 << 30),
        }
    }
}
