//! What every target expects of an image, tried on a container of it.
//!
//! [`prove`] starts the image as it will be started anywhere (read-only root, user 65532, no capabilities), asks it what
//! load balancers and clients will ask, looks at it from outside through the kernel, and ends it in the middle of a
//! request. Each expectation becomes a [`Fact`] with what was measured. Facts are about what is, not about what the engine
//! was told: the root is read-only when the kernel says so.

mod drain;
mod fact;
mod logs;
mod mcp;
mod process;
mod web;

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use secrecy::SecretString;

use crate::engine::{Container, ContainerSpec, Engine, EngineError, LABEL_DEPLOY, Publish, Status};
pub use fact::{Fact, Measured, Outcome};
use web::Web;

/// The deployment that containers of proofs say they belong to, and how their names begin.
const PROOF: &str = "windlass-proof";

/// What an image is started with, and what it must keep to.
#[derive(Debug, Clone)]
pub struct Expectations {
    /// The release that `/health` must name.
    pub release: String,
    /// What the image's entry point is given.
    pub arguments: Vec<String>,
    /// Its environment.
    pub environment: BTreeMap<String, SecretString>,
    /// The port it listens on.
    pub port: u16,
    /// The token that opens `/mcp`. Without one nothing can be said of authentication.
    pub token: Option<SecretString>,
    /// How soon `/health` must answer.
    pub start_within: Duration,
    /// How soon it must have ended, once it has answered the last request.
    pub stop_within: Duration,
    /// The memory it gets, in bytes.
    pub memory: Option<u64>,
    /// Whether its audit log is expected on standard output.
    pub audit: bool,
    /// Whether a container that failed stays for a closer look.
    pub keep: bool,
}

impl Expectations {
    /// What is promised of every release.
    pub fn of(release: impl Into<String>) -> Self {
        Self {
            release: release.into(),
            arguments: Vec::new(),
            environment: BTreeMap::new(),
            port: 8080,
            token: None,
            start_within: Duration::from_secs(30),
            stop_within: Duration::from_secs(10),
            memory: Some(512 << 20),
            audit: true,
            keep: false,
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Proof {
    /// Every expectation, in the order of [`prove`].
    pub facts: Vec<Fact>,
    /// The name of the container, where it was kept.
    pub kept: Option<String>,
}

impl Proof {
    /// Whether no expectation was disappointed. One that could not be tried does not count against it.
    pub fn passed(&self) -> bool {
        self.facts.iter().all(|fact| fact.outcome != Outcome::Failed)
    }

    /// A fact by its id.
    pub fn fact(&self, id: &str) -> Option<&Fact> {
        self.facts.iter().find(|fact| fact.id == id)
    }
}

/// Runs the image and finds out. An engine that fails is a fact like others: that the image did not start.
pub async fn prove(engine: &Engine, image: &str, expected: &Expectations) -> Proof {
    let name = name();
    let mut spec = ContainerSpec::new(PROOF, &expected.release, &name, image);
    spec.arguments.clone_from(&expected.arguments);
    spec.environment.clone_from(&expected.environment);
    spec.memory = expected.memory;
    spec.publish = vec![Publish::on_loopback(expected.port)];
    spec.stop_timeout = expected.stop_within + drain::HOLD;

    let mut facts = Vec::new();
    let began = Instant::now();
    match engine.run(&spec).await {
        Ok(container) => {
            if let Some(web) = started(engine, &container, expected, began, &mut facts).await {
                ask(&container, &web, expected, &mut facts).await;
                drain::prove(engine, &container, &web, expected, &mut facts).await;
            }
            logs::prove(engine, &container, expected, &mut facts).await;
        }
        Err(error) => {
            let why = format!("{error}; {}", error.hint());
            facts.push(Fact::new("container.starts", promise(expected)).failed(why));
        }
    }
    let failed = facts.iter().any(|fact| fact.outcome == Outcome::Failed);
    let there = matches!(engine.inspect(&name).await, Ok(Some(_)));
    let kept = (failed && expected.keep && there).then(|| name.clone());
    if kept.is_none()
        && let Err(error) = engine.remove(&name).await
    {
        facts.push(Fact::new("container.removed", "nothing is left of it").failed(error.to_string()));
    }
    Proof { facts, kept }
}

fn promise(expected: &Expectations) -> String {
    format!("`/health` answers within {} s of the start", expected.start_within.as_secs())
}

/// Where it answers, once it does.
async fn started(
    engine: &Engine,
    container: &Container,
    expected: &Expectations,
    began: Instant,
    facts: &mut Vec<Fact>,
) -> Option<Web> {
    let starts = Fact::new("container.starts", promise(expected));
    let Some(address) = container.address(expected.port) else {
        facts.push(starts.failed("the engine published no port"));
        return None;
    };
    let web = Web { address, token: expected.token.clone() };
    let mut looked = Instant::now();
    let why = loop {
        let said = match web.get("/health").await {
            Ok(answer) if answer.status().is_success() => {
                facts.push(starts.passed("").measured(began.elapsed().as_secs_f64(), "s"));
                return Some(web);
            }
            Ok(answer) => format!("`/health` answers with {}", answer.status()),
            Err(problem) => problem,
        };
        if began.elapsed() > expected.start_within {
            break said;
        }
        // Asking an engine costs more than asking the server.
        if looked.elapsed() > Duration::from_millis(500) {
            looked = Instant::now();
            if let Some(ended) = ended(engine, container).await {
                break ended;
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let logs = engine.logs(&container.id).await.unwrap_or_default();
    let said = format!("{why}; it said: {}", logs::end(&format!("{}{}", logs.stdout, logs.stderr)));
    facts.push(starts.failed(said).measured(began.elapsed().as_secs_f64(), "s"));
    None
}

async fn ended(engine: &Engine, container: &Container) -> Option<String> {
    match engine.inspect(&container.id).await {
        Ok(Some(found)) if matches!(found.status, Status::Running | Status::Created) => None,
        Ok(Some(found)) => Some(format!("it ended with {}", found.exit_code.unwrap_or_default())),
        Ok(None) => Some(EngineError::NoSuchContainer { name: container.name.clone() }.to_string()),
        Err(error) => Some(error.to_string()),
    }
}

/// Everything that can be asked while it runs.
async fn ask(container: &Container, web: &Web, expected: &Expectations, facts: &mut Vec<Fact>) {
    let release = Fact::new("container.release", format!("`/health` names release {}", expected.release));
    let health = web.get("/health").await.and_then(|answer| web::json(&answer));
    facts.push(match health {
        Ok(health) if health["release"] == expected.release.as_str() => release.passed(""),
        Ok(health) => release.failed(format!("it names {}", health["release"])),
        Err(problem) => release.failed(problem),
    });
    let ready = Fact::new("container.ready", "`/ready` answers with 200");
    facts.push(match web.get("/ready").await {
        Ok(answer) if answer.status() == 200 => ready.passed(""),
        Ok(answer) => ready.failed(format!("{}: {}", answer.status(), String::from_utf8_lossy(answer.body()))),
        Err(problem) => ready.failed(problem),
    });
    mcp::prove(web, facts).await;
    process::prove(container, expected, facts);
}

/// Removes what proofs left whose process was killed. Names what it removed.
pub async fn sweep(engine: &Engine) -> Result<Vec<String>, EngineError> {
    let mut removed = Vec::new();
    for container in engine.list(LABEL_DEPLOY, PROOF).await? {
        let process = container.name.strip_prefix(PROOF).and_then(|rest| rest.split('-').nth(1)?.parse::<u32>().ok());
        let lives = process.is_some_and(|process| Path::new(&format!("/proc/{process}")).exists());
        if !lives {
            engine.remove(&container.name).await?;
            removed.push(container.name);
        }
    }
    Ok(removed)
}

/// A name that no other proof has.
fn name() -> String {
    let moment = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("{PROOF}-{}-{}", std::process::id(), moment.as_nanos())
}
