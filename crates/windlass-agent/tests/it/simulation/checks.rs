//! What must hold whatever happens, checked against books of our own.

use std::collections::{BTreeMap, BTreeSet};

use windlass_agent::{
    Effect, End, Event, Phase, Stage, State,
    approval::{Decision, digest},
    budget::{Limit, Money},
    conversation::ToolUse,
    model::{ModelError, Stop},
    sound,
};

/// The books.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// Whether the state was saved as it is.
    is_saved: bool,
    /// Calls that were really made, by tool use, and in which life of the process.
    called: BTreeMap<String, u32>,
    /// Answers that were heard and saved.
    answered: BTreeSet<String>,
    /// Words that were given and not yet acted on: tool use and digest.
    granted: BTreeSet<(String, String)>,
    /// Which process it is.
    life: u32,
    /// Of this turn.
    calls: u32,
    tokens: u64,
    cost: Money,
    largest_reply: u64,
    largest_cost: Money,
    largest_pause: u64,
}

impl Ledger {
    pub fn turn_begins(&mut self) {
        let (called, answered, life) = (self.called.clone(), self.answered.clone(), self.life);
        *self = Self { called, answered, life, ..Self::default() };
    }

    pub fn saved(&mut self) {
        self.is_saved = true;
    }

    /// What a new process knows, and what really happened all the same.
    pub fn after_crash(&self, saved: &Self) -> Self {
        Self {
            life: self.life + 1,
            // Calls were made, whoever remembers; and a word that was not acted on is gone.
            called: self.called.clone(),
            calls: self.calls,
            granted: BTreeSet::new(),
            is_saved: true,
            ..saved.clone()
        }
    }

    pub fn before(&mut self, event: &Event, state: &State) {
        match event {
            Event::Replied { ask, reply } if matches!(state.phase, Phase::Asking { ask: asked, .. } if asked == *ask) =>
            {
                let cost = state.spec.price.of(reply.usage);
                self.tokens += reply.usage.tokens();
                self.cost = self.cost + cost;
                self.largest_reply = self.largest_reply.max(reply.usage.tokens());
                self.largest_cost = self.largest_cost.max(cost);
            }
            Event::Decided { verdict } => {
                let asked = state.jobs().iter().filter_map(|job| match &job.stage {
                    Stage::Asked { approval } => Some(approval),
                    _ => None,
                });
                for approval in asked {
                    let genuine = approval.id == verdict.approval
                        && approval.digest == verdict.digest
                        && verdict.principal == state.spec.principal;
                    if genuine && verdict.decision == Decision::Allow {
                        self.granted.insert((approval.call.clone(), approval.digest.clone()));
                    }
                }
            }
            _ => {}
        }
    }

    pub fn after(
        &mut self,
        event: &Event,
        before: &State,
        state: &State,
        effects: &[Effect],
        seen: &mut BTreeMap<&'static str, u32>,
    ) {
        if state != before {
            self.is_saved = false;
        }
        let mut see = |what| *seen.entry(what).or_insert(0) += 1;
        self.largest_pause = self.largest_pause.max(state.at - before.at);
        // An answer counts as heard when the state that has it is saved, which is what a crash goes back to.
        if let Event::Answered { id, .. } = event {
            self.answered.insert(id.clone());
        }
        match event {
            Event::Decided { .. } if effects.iter().any(|effect| matches!(effect, Effect::CallTool { .. })) => {
                see("approved");
            }
            Event::Decided { verdict } if verdict.decision != Decision::Allow && state != before => see("refused"),
            Event::Passed if state.messages != before.messages && state.is_active() => see("expired"),
            _ => {}
        }
        self.budgets(state);
        match effects.last() {
            Some(Effect::End { end }) => {
                assert_eq!(state.end(), Some(end));
                assert!(caused(end, event, before, state), "{end:?} by {event:?}");
                see(name(end));
                // The next thing a person says must find a conversation that can be sent.
                let mut messages = state.messages.clone();
                if messages.last().is_some_and(|last| last.role == windlass_agent::conversation::Role::Assistant) {
                    messages.pop();
                }
                assert_eq!(sound(&messages), Ok(()));
            }
            _ => assert!(state.is_active(), "over, and nobody was told"),
        }
        if matches!(event, Event::Cancelled) && before.is_active() {
            assert_eq!(state.end(), Some(&End::Cancelled));
        }
    }

    /// No more than the step that was under way is over.
    fn budgets(&self, state: &State) {
        let (budget, spent) = (&state.spec.budget, &state.spent);
        assert!(budget.turns.is_none_or(|limit| spent.turns <= limit), "turns: {spent:?}");
        assert!(budget.calls.is_none_or(|limit| spent.calls <= limit && self.calls <= limit), "calls: {self:?}");
        assert_eq!((spent.usage.tokens(), spent.cost), (self.tokens, self.cost), "the sums");
        assert!(budget.tokens.is_none_or(|limit| self.tokens <= limit + self.largest_reply), "tokens: {spent:?}");
        assert!(budget.dollars.is_none_or(|limit| self.cost <= limit + self.largest_cost), "dollars: {spent:?}");
        assert!(budget.millis.is_none_or(|limit| spent.millis <= limit + self.largest_pause), "time: {spent:?}");
    }

    /// The model is asked.
    pub fn asks(&self, state: &State) {
        assert!(self.is_saved, "asked before it was saved");
        assert_eq!(sound(&state.messages), Ok(()), "{:#?}", state.messages);
    }

    /// A tool is called. Says whether it is called again.
    pub fn calls(&mut self, call: &ToolUse, state: &State) -> bool {
        assert!(self.is_saved, "called before it was saved");
        self.calls += 1;
        let again = self.called.insert(call.id.clone(), self.life);
        if let Some(life) = again {
            assert!(life < self.life, "called twice by one process: {call:?}");
            assert!(!self.answered.contains(&call.id), "called after it had answered: {call:?}");
            assert_eq!(call.name, "read", "only what does no harm is called again");
        }
        if call.name == "drop" {
            let word = (call.id.clone(), digest(&call.name, &call.arguments));
            assert!(self.granted.remove(&word), "nobody allowed {call:?}");
        }
        assert!(state.tools.iter().any(|offer| offer.definition.name == call.name), "there is no such tool: {call:?}");
        assert!(call.broken.is_none());
        again.is_some()
    }
}

/// Whether `event` is a reason to end like this.
fn caused(end: &End, event: &Event, before: &State, state: &State) -> bool {
    if matches!(event, Event::Resumed { .. }) && before.end() == Some(end) {
        return true;
    }
    let (budget, spent) = (&state.spec.budget, &state.spent);
    let stopped = |wanted: &[Stop]| matches!(event, Event::Replied { reply, .. } if wanted.contains(&reply.stop));
    match end {
        End::Finished => stopped(&[Stop::End, Stop::ToolUse]),
        End::CutOff => stopped(&[Stop::MaxTokens]),
        End::Refused => stopped(&[Stop::Refusal]),
        End::Cancelled => *event == Event::Cancelled,
        End::ContextFull => {
            stopped(&[Stop::ContextFull]) || matches!(event, Event::Failed { error: ModelError::ContextFull, .. })
        }
        End::Model { error } => matches!(event, Event::Failed { error: failed, .. } if failed == error),
        End::Unsaved { .. } => matches!(event, Event::Unsaved { .. }),
        End::Budget { limit } => match limit {
            Limit::Turns => budget.turns == Some(spent.turns),
            Limit::ToolCalls => budget.calls == Some(spent.calls),
            Limit::Tokens => budget.tokens.is_some_and(|limit| spent.usage.tokens() >= limit),
            Limit::Dollars => budget.dollars.is_some_and(|limit| spent.cost >= limit),
            Limit::Seconds => budget.millis.is_some_and(|limit| spent.millis >= limit),
        },
    }
}

fn name(end: &End) -> &'static str {
    match end {
        End::Finished => "end finished",
        End::CutOff => "end cut_off",
        End::Refused => "end refused",
        End::Cancelled => "end cancelled",
        End::ContextFull => "end context_full",
        End::Model { .. } => "end model",
        End::Unsaved { .. } => "end unsaved",
        End::Budget { limit: Limit::Turns } => "end turns",
        End::Budget { limit: Limit::ToolCalls } => "end tool_calls",
        End::Budget { limit: Limit::Tokens } => "end tokens",
        End::Budget { limit: Limit::Dollars } => "end dollars",
        End::Budget { limit: Limit::Seconds } => "end seconds",
    }
}
