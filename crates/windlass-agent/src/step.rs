//! The loop, as a function: what is, and what happened, to what is then, and what to do.
//!
//! Nothing here waits, asks, calls or looks at a clock. So a run can be stored after every step and gone on with by another
//! process, a transcript can be replayed, and ten thousand runs with every kind of mishap are a test of seconds.

mod calls;
mod compact;
mod end;
mod reply;
mod retry;
mod state;

use serde::{Deserialize, Serialize};

use crate::{
    approval::{Approval, Verdict},
    conversation::{Block, Message, Role, ToolUse},
    model::{ModelError, Reply},
    tools::{Answer, Offer},
};

pub use compact::Compacted;
pub use end::End;
pub use state::{Job, Phase, Spec, Stage, State};

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A person said something, and these are the tools there are.
    Said {
        /// What.
        blocks: Vec<Block>,
        /// What may be called from now on.
        tools: Vec<Offer>,
    },
    /// The model answered.
    Replied {
        /// [`Effect::AskModel`].
        ask: u64,
        /// What.
        reply: Reply,
    },
    /// It did not.
    Failed {
        /// [`Effect::AskModel`].
        ask: u64,
        /// Why.
        error: ModelError,
    },
    /// The time of an [`Effect::Wait`] is over.
    Waited,
    /// A tool answered.
    Answered {
        /// Of the tool use.
        id: String,
        /// What.
        answer: Answer,
    },
    /// A person decided.
    Decided {
        /// What, and on which call.
        verdict: Verdict,
    },
    /// Time passed: to be sent when [`State::alarm`] is due.
    Passed,
    /// Somebody wants it to end.
    Cancelled,
    /// The state was read from where it was saved; whoever went on with it before is gone.
    Resumed {
        /// What may be called from now on.
        tools: Vec<Offer>,
    },
    /// The state could not be saved.
    Unsaved {
        /// Why.
        message: String,
    },
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// Save the state before anything that follows is begun.
    Save,
    /// Ask the model what the state's messages say.
    AskModel {
        /// For the answer to name.
        ask: u64,
    },
    /// Call a tool.
    CallTool {
        /// Which, and with what.
        call: ToolUse,
    },
    /// Ask a person.
    AskApproval {
        /// Whether this may be called.
        approval: Approval,
    },
    /// Wait before the model is asked again.
    Wait {
        /// So many milliseconds.
        millis: u64,
    },
    /// Tell whoever watches that older parts of the conversation were left out.
    Compacted {
        /// What.
        what: Compacted,
    },
    /// Let go of everything that is under way: it is over.
    End {
        /// Why.
        end: End,
    },
}

/// What is then, and what to do, in this order. `at` is when it happened, in milliseconds since 1970.
///
/// What comes too late, or twice, changes nothing: the same answer can be given again after a crash.
pub fn step(mut state: State, at: u64, event: Event) -> (State, Vec<Effect>) {
    let mut effects = Vec::new();
    // What passed while nobody worked on the run is nobody's time.
    let gone = matches!(event, Event::Resumed { .. });
    if state.is_working() && !gone {
        state.spent.millis = state.spent.millis.saturating_add(at.saturating_sub(state.at));
    }
    state.at = state.at.max(at);
    match event {
        Event::Said { blocks, tools } => state.said(blocks, tools, &mut effects),
        Event::Replied { ask, reply } if state.waits_for(ask) => state.replied(reply, &mut effects),
        Event::Failed { ask, error } if state.waits_for(ask) => state.failed(error, &mut effects),
        Event::Waited if matches!(state.phase, Phase::Waiting { .. }) => state.ask_again(&mut effects),
        Event::Answered { id, answer } => state.answered(&id, answer, &mut effects),
        Event::Decided { verdict } => state.decided(&verdict, &mut effects),
        Event::Passed => state.expire(&mut effects),
        Event::Cancelled if state.is_active() => state.stop(End::Cancelled, &mut effects),
        Event::Resumed { tools } => state.resumed(tools, &mut effects),
        Event::Unsaved { message } => {
            // Also where it had ended already: it did not end well.
            state.stop(End::Unsaved { message }, &mut effects);
            // It would fail again, and be told again.
            effects.retain(|effect| *effect != Effect::Save);
        }
        Event::Replied { .. } | Event::Failed { .. } | Event::Waited | Event::Cancelled => {}
    }
    state.stop_in_time(&mut effects);
    (state, effects)
}

impl State {
    fn waits_for(&self, asked: u64) -> bool {
        matches!(self.phase, Phase::Asking { ask, .. } if ask == asked)
    }

    /// A person's turn. Where the last one has no answer yet, it is the same turn still: roles alternate.
    fn said(&mut self, mut blocks: Vec<Block>, tools: Vec<Offer>, effects: &mut Vec<Effect>) {
        blocks.retain(|block| match block {
            Block::Text { text } => !text.trim().is_empty(),
            Block::Image(_) => true,
            Block::ToolUse(_) | Block::ToolResult(_) | Block::Opaque { .. } => false,
        });
        if self.is_active() || blocks.is_empty() {
            return;
        }
        match self.messages.last_mut() {
            Some(last) if last.role == Role::User => last.blocks.extend(blocks),
            _ => self.messages.push(Message { role: Role::User, blocks }),
        }
        self.tools = tools;
        self.before = self.total();
        self.spent = Default::default();
        self.ask(effects);
    }

    /// Asks the model, where the budget allows.
    fn ask(&mut self, effects: &mut Vec<Effect>) {
        if let Some(limit) = self.spec.budget.forbids_turn(&self.spent) {
            return self.stop(End::Budget { limit }, effects);
        }
        self.make_room(effects);
        self.spent.turns = self.spent.turns.saturating_add(1);
        self.put(0, effects);
    }

    /// Puts the question to the model. Saved first: so a crash is not a free turn.
    fn put(&mut self, refusals: u32, effects: &mut Vec<Effect>) {
        self.counter += 1;
        self.phase = Phase::Asking { ask: self.counter, refusals };
        effects.push(Effect::Save);
        effects.push(Effect::AskModel { ask: self.counter });
    }

    /// Goes on where another process stopped.
    fn resumed(&mut self, tools: Vec<Offer>, effects: &mut Vec<Effect>) {
        self.tools = tools;
        match &self.phase {
            Phase::Idle => {}
            Phase::Asking { refusals, .. } | Phase::Waiting { refusals } => self.put(*refusals, effects),
            Phase::Working { .. } => self.resume_calls(effects),
            Phase::Ended { end } => effects.push(Effect::End { end: end.clone() }),
        }
    }

    /// Ends it. Whatever was under way is answered, so that the conversation can go on.
    fn stop(&mut self, end: End, effects: &mut Vec<Effect>) {
        self.close_calls(&end);
        self.phase = Phase::Ended { end: end.clone() };
        effects.push(Effect::Save);
        effects.push(Effect::End { end });
    }

    /// Ends what takes longer than it may.
    fn stop_in_time(&mut self, effects: &mut Vec<Effect>) {
        let over = self.spec.budget.millis.is_some_and(|limit| self.spent.millis >= limit);
        if over && self.is_working() {
            // What was to be begun by this very step is not.
            effects.retain(|effect| matches!(effect, Effect::Compacted { .. }));
            self.stop(End::Budget { limit: crate::budget::Limit::Seconds }, effects);
        }
    }
}

#[cfg(test)]
mod tests;
