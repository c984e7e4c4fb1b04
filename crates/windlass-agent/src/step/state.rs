//! What a run is at a moment: all that is needed to go on with it elsewhere.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::End;
use crate::{
    approval::{Approval, Policy},
    budget::{Budget, Price, Spent},
    conversation::{Message, ToolResult},
    tools::Offer,
};

/// What does not change while a run goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// Its name; approvals are named after it.
    pub run: String,
    /// Whose it is.
    pub principal: String,
    /// The model, for people.
    pub model: String,
    /// What the model is told before everything.
    pub system: String,
    /// Tokens of one answer.
    pub max_tokens: u32,
    /// Tokens the model can read. Without it, the provider says when they are too many.
    pub window: Option<u64>,
    /// What may be used from what a person says to the answer.
    pub budget: Budget,
    /// What tokens cost.
    pub price: Price,
    /// Which calls wait for a person.
    pub approvals: Policy,
    /// How many milliseconds they wait.
    pub patience: u64,
    /// How often a model that is asked too often is asked again.
    pub retries: u32,
    /// What the random part of waiting is made from, so that a replay waits alike.
    pub seed: u64,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// What does not change.
    pub spec: Spec,
    /// What the model may call.
    pub tools: Vec<Offer>,
    /// What was said. Always fit to be sent, except for what is under way.
    pub messages: Vec<Message>,
    /// What is under way.
    pub phase: Phase,
    /// Used since a person said something.
    pub spent: Spent,
    /// Used by the whole conversation before that.
    pub before: Spent,
    /// When the last thing happened: milliseconds since 1970.
    pub at: u64,
    /// How often a model was asked or an approval wished for; makes names unique.
    pub counter: u64,
    /// The ids of all tool uses there ever were, also of those that were left out since.
    pub ids: BTreeSet<String>,
    /// Thousandths of a token that a byte was found to be.
    pub density: u64,
}

/// What is under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// Nothing was said yet.
    Idle,
    /// The model was asked.
    Asking {
        /// Which time; an answer to another one comes too late.
        ask: u64,
        /// How often it refused to answer yet.
        refusals: u32,
    },
    /// It will be asked again.
    Waiting {
        /// How often it refused to answer yet.
        refusals: u32,
    },
    /// Tools are called.
    Working {
        /// One for each tool use of the last message, in its order.
        jobs: Vec<Job>,
        /// Whether some were answered for, because the budget has no more calls.
        starved: bool,
    },
    /// It is over, until somebody says something more.
    Ended {
        /// Why.
        end: End,
    },
}

/// A call on its way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Of the tool use.
    pub id: String,
    /// The tool.
    pub tool: String,
    /// What it is called with.
    pub arguments: Map<String, Value>,
    /// How far it is.
    pub stage: Stage,
}

/// How far a call is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum Stage {
    /// A person has to say yes.
    Asked {
        /// To this.
        approval: Approval,
    },
    /// The tool was called; where a crash came between, it may not have been.
    Called,
    /// It answered, or was answered for.
    Answered {
        /// What the model is told.
        result: ToolResult,
    },
}

impl State {
    /// A run in which nothing has happened yet.
    pub fn new(spec: Spec) -> Self {
        let (tools, messages) = (Vec::new(), Vec::new());
        let (spent, before) = (Spent::default(), Spent::default());
        let ids = BTreeSet::new();
        // What English is; the first answer says better.
        let density = 285;
        Self { spec, tools, messages, phase: Phase::Idle, spent, before, at: 0, counter: 0, ids, density }
    }

    /// Whether something is under way.
    pub fn is_active(&self) -> bool {
        !matches!(self.phase, Phase::Idle | Phase::Ended { .. })
    }

    /// How it ended, if it has.
    pub fn end(&self) -> Option<&End> {
        match &self.phase {
            Phase::Ended { end } => Some(end),
            _ => None,
        }
    }

    /// What the whole conversation used.
    pub fn total(&self) -> Spent {
        let mut total = self.before;
        total.add(self.spent.usage, &Price::default());
        total.cost = total.cost + self.spent.cost;
        total.turns = total.turns.saturating_add(self.spent.turns);
        total.calls = total.calls.saturating_add(self.spent.calls);
        total.millis = total.millis.saturating_add(self.spent.millis);
        total
    }

    /// Whether time is spent: not while there is nothing to wait for but a person.
    pub(super) fn is_working(&self) -> bool {
        match &self.phase {
            Phase::Asking { .. } | Phase::Waiting { .. } => true,
            Phase::Working { jobs, .. } => jobs.iter().any(|job| job.stage == Stage::Called),
            Phase::Idle | Phase::Ended { .. } => false,
        }
    }

    /// When [`super::Event::Passed`] is due, if nothing else happens before: milliseconds since 1970.
    pub fn alarm(&self) -> Option<u64> {
        let left = self.spec.budget.millis.map(|limit| limit.saturating_sub(self.spent.millis));
        let time = left.filter(|_| self.is_working()).map(|left| self.at.saturating_add(left));
        let approvals = self.jobs().iter().filter_map(|job| match &job.stage {
            Stage::Asked { approval } => Some(approval.expires),
            _ => None,
        });
        approvals.chain(time).min()
    }

    /// The calls on their way.
    pub fn jobs(&self) -> &[Job] {
        match &self.phase {
            Phase::Working { jobs, .. } => jobs,
            _ => &[],
        }
    }

    pub(super) fn offer(&self, name: &str) -> Option<&Offer> {
        self.tools.iter().find(|offer| offer.definition.name == name)
    }
}
