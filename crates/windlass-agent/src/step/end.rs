//! Why a run is over.

use serde::{Deserialize, Serialize};

use crate::{
    budget::{Budget, Limit},
    model::ModelError,
};

/// Why a run is over. All but the last two are ordinary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum End {
    /// The model said all it wanted.
    Finished,
    /// Its answer was longer than an answer may be.
    CutOff,
    /// It, or who runs it, refuses to answer.
    Refused,
    /// A limit of the budget was reached.
    Budget {
        /// Which.
        limit: Limit,
    },
    /// Somebody ended it.
    Cancelled,
    /// What was said does not fit what the model can read, and nothing more can be left out.
    ContextFull,
    /// The model gives no answer.
    Model {
        /// Why.
        error: ModelError,
    },
    /// The run could not be kept.
    Unsaved {
        /// Why.
        message: String,
    },
}

impl End {
    /// What to tell a person, with what to do where something can be done.
    pub fn explain(&self, budget: &Budget) -> String {
        match self {
            Self::Finished => "the model has answered".into(),
            Self::CutOff => "the answer was cut off at its greatest length; `agent.model.max_tokens` allows more".into(),
            Self::Refused => "the model, or its provider, refuses to answer this".into(),
            Self::Budget { limit } => {
                let key = match limit {
                    Limit::Turns => "turns",
                    Limit::ToolCalls => "tool_calls",
                    Limit::Tokens => "tokens",
                    Limit::Dollars => "dollars",
                    Limit::Seconds => "time",
                };
                format!("the budget of {} is used up; `agent.budget.{key}` allows more", budget.shown(*limit))
            }
            Self::Cancelled => "it was cancelled".into(),
            Self::ContextFull => {
                "the conversation does not fit what the model can read, even without its older parts; begin a new one, or \
                 ask for less at once"
                    .into()
            }
            Self::Model { error: ModelError::Throttled(_) } => {
                "the model's provider is asked too often, again and again; wait, or have the quota raised".into()
            }
            Self::Model { error } => error.to_string(),
            Self::Unsaved { message } => format!("the run could not be saved, so it was ended: {message}"),
        }
    }

    /// What the model is told of a call that was never finished because of this.
    pub(super) fn excuse(&self, budget: &Budget) -> String {
        match self {
            Self::Budget { limit } => format!("not called: the budget of {} is used up", budget.shown(*limit)),
            Self::Cancelled => "not called: the person cancelled".into(),
            Self::Refused => "not called: the answer was refused".into(),
            _ => "not called: the run ended before".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_reads() {
        let budget = Budget {
            turns: Some(3),
            calls: Some(0),
            tokens: Some(1000),
            dollars: Some("0.5".parse().unwrap()),
            millis: Some(90_000),
        };
        let limits = [Limit::Turns, Limit::ToolCalls, Limit::Tokens, Limit::Dollars, Limit::Seconds];
        let said: Vec<String> = limits.map(|limit| End::Budget { limit }.explain(&budget)).to_vec();
        insta::assert_snapshot!(said.join("\n"), @r"
        the budget of 3 turns is used up; `agent.budget.turns` allows more
        the budget of 0 tool calls is used up; `agent.budget.tool_calls` allows more
        the budget of 1000 tokens is used up; `agent.budget.tokens` allows more
        the budget of $0.50 is used up; `agent.budget.dollars` allows more
        the budget of 90 seconds is used up; `agent.budget.time` allows more
        ");
    }
}
