//! A model with a script, tools, a person and a keeper.

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;
use windlass_agent::{
    Agent, Approver, Clock, Feed, Forget, KeepError, Keeper, Notice, Spec, State,
    approval::{Approval, Decision},
    budget::Budget,
    conversation::{Block, Message, ToolUse},
    model::{Delta, Model, ModelError, Reply, Request, Stop, ToolDefinition, Usage},
    tools::{Answer, Offer, Progress, Tools},
};

/// What the model does next.
#[derive(Clone)]
pub enum Line {
    Says(Reply),
    Fails(ModelError),
    Hangs,
}

pub fn says(words: &str) -> Line {
    reply(vec![Block::Text { text: words.into() }], Stop::End)
}

pub fn calls(tools: &[&str]) -> Line {
    reply(tools.iter().map(|tool| wish(tool)).collect(), Stop::ToolUse)
}

pub fn call(tool: &str, stop: Stop) -> Line {
    reply(vec![wish(tool)], stop)
}

fn reply(blocks: Vec<Block>, stop: Stop) -> Line {
    Line::Says(Reply { blocks, stop, usage: Usage { input: 10, output: 1, ..Usage::default() } })
}

fn wish(tool: &str) -> Block {
    Block::ToolUse(ToolUse { id: tool.into(), name: tool.into(), arguments: Map::new(), broken: None })
}

pub fn text(blocks: &[Block]) -> String {
    let words = blocks.iter().filter_map(|block| match block {
        Block::Text { text } => Some(text.as_str()),
        _ => None,
    });
    words.collect::<Vec<_>>().join("|")
}

/// All of it, and what it saw.
#[derive(Clone)]
pub struct House {
    script: Arc<Mutex<VecDeque<Line>>>,
    asked: Arc<Mutex<Vec<Vec<Message>>>>,
    called: Arc<Mutex<Vec<String>>>,
    answers: Arc<AtomicUsize>,
    running: Arc<AtomicUsize>,
    decision: Arc<Mutex<Option<bool>>>,
    told: Arc<Mutex<Vec<Notice>>>,
    pub keeper: Arc<dyn Keeper>,
}

impl House {
    pub fn new(script: Vec<Line>) -> Self {
        Self {
            script: Arc::new(Mutex::new(script.into())),
            asked: Arc::default(),
            called: Arc::default(),
            answers: Arc::default(),
            running: Arc::default(),
            decision: Arc::default(),
            told: Arc::default(),
            keeper: Arc::new(Forget),
        }
    }

    pub fn spec(&self) -> Spec {
        Spec {
            run: "run".into(),
            principal: "local".into(),
            model: "test/script".into(),
            system: "be good".into(),
            max_tokens: 100,
            window: None,
            budget: Budget::default(),
            price: Default::default(),
            approvals: Default::default(),
            patience: 60_000,
            retries: 3,
            seed: 1,
        }
    }

    /// What the person says to every question; nothing at all with `None`.
    pub fn decides(&self, decision: Option<bool>) {
        *self.decision.lock().unwrap() = decision;
    }

    fn agent(&self) -> Agent {
        let this = Arc::new(self.clone());
        let (tools, approver, keeper) = (this.clone(), this.clone(), self.keeper.clone());
        Agent { model: this, tools, approver, keeper, clock: Clock::new() }
    }

    pub async fn run(&self, state: State, words: &str) -> State {
        self.run_until(state, words, &CancellationToken::new()).await
    }

    pub async fn run_until(&self, state: State, words: &str, cancel: &CancellationToken) -> State {
        let told = self.told.clone();
        let sink = move |notice| told.lock().unwrap().push(notice);
        let blocks = vec![Block::Text { text: words.into() }];
        self.agent().say(state, blocks, cancel, &Feed::new(1, &sink)).await
    }

    pub async fn resume(&self, state: State) -> State {
        let told = self.told.clone();
        let sink = move |notice| told.lock().unwrap().push(notice);
        self.agent().resume(state, &CancellationToken::new(), &Feed::new(1, &sink)).await
    }

    pub fn told(&self) -> Vec<Notice> {
        self.told.lock().unwrap().clone()
    }

    pub fn asked(&self) -> Vec<Vec<Message>> {
        self.asked.lock().unwrap().clone()
    }

    pub fn called(&self) -> Vec<String> {
        self.called.lock().unwrap().clone()
    }

    pub fn answers(&self) -> usize {
        self.answers.load(Ordering::SeqCst)
    }

    /// Questions and calls that were begun and neither ended nor dropped.
    pub fn left_running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }

    fn begin(&self) -> Running {
        self.running.fetch_add(1, Ordering::SeqCst);
        Running(self.running.clone())
    }
}

/// Counted until it is dropped.
struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Model for House {
    fn name(&self) -> &str {
        "test/script"
    }

    async fn check(&self) -> Result<(), ModelError> {
        Ok(())
    }

    async fn ask(&self, request: Request<'_>, say: &mut (dyn FnMut(Delta) + Send)) -> Result<Reply, ModelError> {
        let _running = self.begin();
        self.asked.lock().unwrap().push(request.messages.to_vec());
        let line = self.script.lock().unwrap().pop_front();
        match line {
            Some(Line::Says(reply)) => {
                for block in &reply.blocks {
                    if let Block::Text { text } = block {
                        say(Delta::Text { text: text.clone() });
                    }
                }
                Ok(reply)
            }
            Some(Line::Fails(error)) => Err(error),
            Some(Line::Hangs) => std::future::pending().await,
            None => Err(ModelError::Unreachable("the script is over".into())),
        }
    }
}

#[async_trait]
impl Tools for House {
    async fn list(&self) -> Vec<Offer> {
        let offer = |name: &str| Offer {
            definition: ToolDefinition { name: name.into(), description: String::new(), input_schema: Map::new() },
            source: "test".into(),
            read_only: name == "look",
            destructive: name == "destroy",
        };
        ["look", "write", "destroy", "slow", "hang"].map(offer).to_vec()
    }

    async fn call(&self, name: &str, _: &Map<String, Value>, _: &(dyn Fn(Progress) + Sync)) -> Answer {
        let _running = self.begin();
        self.called.lock().unwrap().push(name.to_owned());
        match name {
            "slow" => tokio::time::sleep(Duration::from_secs(1)).await,
            "hang" => std::future::pending().await,
            _ => {}
        }
        self.answers.fetch_add(1, Ordering::SeqCst);
        Answer::text(format!("{name} answered"))
    }
}

#[async_trait]
impl Approver for House {
    async fn decide(&self, _: &Approval) -> Decision {
        let _running = self.begin();
        let decision = *self.decision.lock().unwrap();
        match decision {
            Some(true) => Decision::Allow,
            Some(false) => Decision::Refuse { reason: String::new() },
            None => std::future::pending().await,
        }
    }
}

/// A disk that is full.
pub struct Failing;

#[async_trait]
impl Keeper for Failing {
    async fn save(&self, _: &State) -> Result<(), KeepError> {
        let error = io::Error::from_raw_os_error(28);
        Err(KeepError::Place { path: "/full".into(), error })
    }
}
