//! From settings to an agent.

use std::{sync::Arc, time::SystemTime};

use anyhow::anyhow;
use windlass_agent::{
    Agent, Approver, Clock, End, Keeper, Spec,
    approval::{Asking, Policy, matches},
    budget::{Budget, Money, Price},
    models::{self, Caching, Choice, Provider},
    tools::{Many, Server},
};
use windlass_client::{HttpTarget, Inherits, StdioTarget, Target};
use windlass_config::{
    Loaded, Override,
    settings::{
        AgentServerSettings, AgentSettings, AgentTools, ApprovalRule, ModelProvider, PromptCaching, TelemetrySettings,
    },
};
use windlass_core::SecretString;
use windlass_sql::source::{Freshness, Passwords};

use super::own::Own;
use crate::{
    cli::{AgentArgs, ConfigArgs},
    exit::Failure,
    passwords::Logins,
    telemetry::{self, Telemetry},
    wiring,
};

/// What a model is told where nothing else is configured.
const SYSTEM: &str = "You are an agent with tools. Use them to find out what you do not know, and to do what is asked. When \
                      a tool fails, read its message: it says what to change. Output may have been cut, and says so: never \
                      answer as if you had seen the rest. Say plainly what you could not find out or do.";

/// Everything an agent of this configuration is made of.
pub struct Setup {
    /// What a new run begins with.
    pub spec: Spec,
    /// Its tools.
    pub tools: Arc<Many>,
    model: Arc<dyn windlass_agent::model::Model>,
    own: Option<Own>,
    _telemetry: Telemetry,
}

impl Setup {
    /// Reads the configuration, and starts and connects what it names.
    pub async fn new(config: &ConfigArgs, args: &AgentArgs) -> Result<Self, Failure> {
        let loaded = wiring::load(&wiring::sources(config, overrides(args))?)?;
        let telemetry = telemetry::start(&quiet(&loaded.settings.telemetry)).map_err(Failure::usage)?;
        let settings = &loaded.settings.agent;
        let secrets = Secrets(Logins::new(loaded.env.clone(), loaded.base.clone()));
        let choice = choice(&loaded, &secrets).await?;
        let spec = spec(settings, &choice.id)?;
        let model = models::open(choice).await.map_err(|error| {
            Failure::usage(anyhow!("agent.model.{}: {}", error.setting.replace("base_url", "url"), error.why))
        })?;
        let (mut own, mut servers) = (None, Vec::new());
        if settings.tools == AgentTools::Own {
            let (started, server) = Own::start(&loaded).await?;
            own = Some(started);
            servers.push(server);
        }
        for (name, server) in &settings.servers {
            servers.push(Server::new(name.clone(), target(name, server, &secrets).await?));
        }
        let spec = Spec { model: model.name().to_owned(), ..spec };
        Ok(Self { spec, tools: Arc::new(Many::new(servers)), model, own, _telemetry: telemetry })
    }

    /// The agent, with who approves and where runs are kept.
    pub fn agent(&self, approver: Arc<dyn Approver>, keeper: Arc<dyn Keeper>) -> Agent {
        Agent { model: self.model.clone(), tools: self.tools.clone(), approver, keeper, clock: Clock::new() }
    }

    /// Asks whether the model may be asked.
    pub async fn check(&self) -> Result<(), Failure> {
        let Err(error) = self.model.check().await else { return Ok(()) };
        let exit = super::exit(Some(&End::Model { error: error.clone() }));
        Err(Failure::with(exit, anyhow!("{}: {error}", self.model.name())))
    }

    /// A name of its own for each run.
    pub fn new_spec(&self) -> Spec {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let seed = u64::try_from(since.as_nanos()).unwrap_or_default();
        Spec { run: format!("{seed:x}-{:x}", std::process::id()), seed, ..self.spec.clone() }
    }

    /// Ends what was started.
    pub async fn close(self) {
        self.tools.close().await;
        if let Some(own) = self.own {
            own.close().await;
        }
    }
}

fn overrides(args: &AgentArgs) -> Vec<Override> {
    let one = |option: &str, setting: &str, value: &Option<String>| {
        let value = value.clone()?;
        Some(Override { option: format!("--{option}"), setting: setting.to_owned(), value })
    };
    [one("model", "agent.model.id", &args.model), one("provider", "agent.model.provider", &args.provider)]
        .into_iter()
        .flatten()
        .collect()
}

/// What a server tells of its work would stand in the middle of what the model says. Who asks for more gets it.
fn quiet(settings: &TelemetrySettings) -> TelemetrySettings {
    let usual = settings.log == TelemetrySettings::default().log;
    let log = if usual { "warn".to_owned() } else { settings.log.clone() };
    TelemetrySettings { log, ..settings.clone() }
}

/// Secrets by their references.
struct Secrets(Logins);

impl Secrets {
    /// The secret that `reference` names, which is the setting `setting`.
    async fn get(&self, setting: &str, reference: &str) -> Result<String, Failure> {
        let found = self.0.resolve(reference, Freshness::Remembered).await;
        found.map_err(|error| Failure::usage(anyhow!("{setting}: {}", error.message)))
    }
}

async fn choice(loaded: &Loaded, secrets: &Secrets) -> Result<Choice, Failure> {
    let model = &loaded.settings.agent.model;
    let Some(id) = model.id.clone() else {
        return Err(Failure::usage(anyhow!("no model is configured")).hint(
            "set `agent.model.id` in windlass.yaml, or give `--model ID`; with Bedrock, BEDROCK_MODEL_ID is read too",
        ));
    };
    let (provider, variable) = match model.provider {
        ModelProvider::Bedrock => (Provider::Bedrock, None),
        ModelProvider::Anthropic => (Provider::Anthropic, Some("ANTHROPIC_API_KEY")),
        ModelProvider::Openai => (Provider::Openai, Some("OPENAI_API_KEY")),
    };
    let key = match &model.api_key {
        Some(reference) => Some(secrets.get("agent.model.api_key", reference).await?),
        // A key for the provider itself goes nowhere else.
        None if model.url.is_some() => None,
        None => variable.and_then(|name| loaded.env.get(name)).filter(|key| !key.trim().is_empty()),
    };
    let caching = match model.caching {
        PromptCaching::Auto => Caching::Auto,
        PromptCaching::Always => Caching::Always,
        PromptCaching::Never => Caching::Never,
    };
    let (region, base_url) = (model.region.clone(), model.url.clone());
    Ok(Choice { region, base_url, key: key.map(SecretString::from), caching, ..Choice::new(provider, id) })
}

fn spec(settings: &AgentSettings, id: &str) -> Result<Spec, Failure> {
    let millis = |span: windlass_core::units::Span| u64::try_from(span.0.as_millis()).unwrap_or(u64::MAX);
    let price = price(settings, id);
    if settings.budget.dollars.is_some() && price.is_none() {
        let error =
            anyhow!("agent.budget.dollars: nothing says what the tokens of `{id}` cost, so none would be counted");
        return Err(Failure::usage(error).hint("add it to `agent.prices`"));
    }
    let ask = match settings.approvals.ask {
        ApprovalRule::Destructive => Asking::Destructive,
        ApprovalRule::Writing => Asking::Writing,
        ApprovalRule::Every => Asking::Every,
        ApprovalRule::None => Asking::None,
    };
    Ok(Spec {
        run: String::new(),
        principal: windlass_core::Principal::local().id,
        model: String::new(),
        system: settings.system.clone().unwrap_or_else(|| SYSTEM.to_owned()),
        max_tokens: settings.model.max_tokens,
        window: settings.model.window,
        budget: Budget {
            turns: Some(settings.budget.turns),
            calls: Some(settings.budget.tool_calls),
            tokens: settings.budget.tokens,
            dollars: settings.budget.dollars.map(|dollars| Money::from_micros(dollars.0)),
            millis: Some(millis(settings.budget.time)),
        },
        price: price.unwrap_or_default(),
        approvals: Policy { ask, require: settings.approvals.require.clone(), allow: settings.approvals.allow.clone() },
        patience: millis(settings.approvals.wait),
        retries: settings.retries,
        seed: 0,
    })
}

/// What the tokens of the model cost, by the longest pattern that fits its id.
fn price(settings: &AgentSettings, id: &str) -> Option<Price> {
    let fitting = settings.prices.iter().filter(|(pattern, _)| matches(pattern, id));
    let (_, price) = fitting.max_by_key(|(pattern, _)| pattern.len())?;
    let money = |dollars: windlass_core::units::Dollars| Money::from_micros(dollars.0);
    Some(Price {
        input: money(price.input),
        output: money(price.output),
        cache_read: money(price.cache_read.unwrap_or(price.input)),
        cache_write: money(price.cache_write.unwrap_or(price.input)),
    })
}

async fn target(name: &str, server: &AgentServerSettings, secrets: &Secrets) -> Result<Target, Failure> {
    let setting = |key: &str| format!("agent.servers.{name}.{key}");
    let Some(url) = &server.url else {
        let mut env = Vec::with_capacity(server.environment.len());
        for (variable, value) in &server.environment {
            env.push((variable.clone(), secrets.get(&setting("environment"), value).await?));
        }
        return Ok(Target::Stdio(StdioTarget { argv: server.command.clone(), env, inherits: Inherits::Basics }));
    };
    let mut target = HttpTarget::new(url.as_str()).map_err(Failure::client)?;
    if let Some(token) = &server.token {
        target.bearer = Some(secrets.get(&setting("token"), token).await?.into());
    }
    Ok(Target::Http(target))
}
