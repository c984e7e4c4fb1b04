//! The world around a run: what is under way, what was saved, and what goes wrong.

use std::collections::BTreeMap;

use windlass_agent::{
    Effect, Event, State,
    approval::{Approval, Decision, Verdict},
    conversation::{Block, ToolUse},
    step,
};

use super::{
    chance::{Chance, offers},
    checks::Ledger,
};

/// What was begun and is not over.
enum Work {
    Ask(u64),
    Call(ToolUse),
    Approve(Approval),
    Wait(u64),
}

pub struct World {
    chance: Chance,
    now: u64,
    state: State,
    /// As JSON: what another process would read.
    saved: String,
    work: Vec<Work>,
    ledger: Ledger,
    /// The books as they were when the state was saved: a crash loses both together.
    saved_ledger: Ledger,
    /// The last thing that happened; it may happen again.
    last: Option<Event>,
    seen: BTreeMap<&'static str, u32>,
}

/// How doing the effects ended.
enum Done {
    All,
    DiskFull,
    Killed,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let state = State::new(chance.spec(seed));
        let saved = serde_json::to_string(&state).unwrap();
        let (ledger, work, seen) = (Ledger::default(), Vec::new(), BTreeMap::new());
        Self { chance, now: 1000, state, saved, work, saved_ledger: ledger.clone(), ledger, last: None, seen }
    }

    /// Two turns of a person's, each to its end.
    pub fn run(mut self) -> BTreeMap<&'static str, u32> {
        for words in ["do it", "and now the rest"] {
            self.ledger.turn_begins();
            let blocks = vec![Block::Text { text: words.into() }];
            let mut event = Some(Event::Said { blocks, tools: offers() });
            let mut steps = 0;
            while let Some(what) = event.take() {
                steps += 1;
                assert!(steps < 2000, "it does not end");
                event = self.happens(what);
            }
        }
        self.seen
    }

    fn see(&mut self, what: &'static str) {
        *self.seen.entry(what).or_insert(0) += 1;
    }

    /// One step and its effects, and what happens after them.
    fn happens(&mut self, event: Event) -> Option<Event> {
        self.ledger.before(&event, &self.state);
        let before = self.state.clone();
        let (state, effects) = step(self.state.clone(), self.now, event.clone());
        self.state = state;
        self.ledger.after(&event, &before, &self.state, &effects, &mut self.seen);
        self.last = Some(event);
        match self.perform(effects) {
            Done::Killed => Some(self.crash()),
            Done::DiskFull => Some(Event::Unsaved { message: "the disk is full".into() }),
            Done::All if self.state.is_active() => Some(self.next()),
            Done::All => None,
        }
    }

    fn perform(&mut self, effects: Vec<Effect>) -> Done {
        for effect in effects {
            if self.chance.one_in(60) {
                return Done::Killed;
            }
            match effect {
                Effect::Save if self.chance.one_in(150) => return Done::DiskFull,
                Effect::Save => {
                    self.saved = serde_json::to_string(&self.state).unwrap();
                    self.ledger.saved();
                    self.saved_ledger = self.ledger.clone();
                }
                Effect::AskModel { ask } => {
                    self.ledger.asks(&self.state);
                    self.work.push(Work::Ask(ask));
                }
                Effect::CallTool { call } => {
                    if self.ledger.calls(&call, &self.state) {
                        self.see("call again");
                    }
                    self.work.push(Work::Call(call));
                }
                Effect::AskApproval { approval } => self.work.push(Work::Approve(approval)),
                Effect::Wait { millis } => {
                    self.see("wait");
                    self.work.push(Work::Wait(millis));
                }
                Effect::Compacted { .. } => self.see("compacted"),
                Effect::End { .. } => self.work.clear(),
            }
        }
        Done::All
    }

    /// The process is killed, and another one goes on from what was saved.
    fn crash(&mut self) -> Event {
        self.see("crash");
        self.work.clear();
        self.state = serde_json::from_str(&self.saved).unwrap();
        self.ledger = self.ledger.after_crash(&self.saved_ledger);
        self.now += self.chance.below(100_000);
        match self.state.is_active() || self.state.end().is_some() {
            true => Event::Resumed { tools: offers() },
            // It was killed before the person's words were saved: they say them again.
            false => Event::Said { blocks: vec![Block::Text { text: "once more".into() }], tools: offers() },
        }
    }

    /// Something that is under way ends, or something comes between.
    fn next(&mut self) -> Event {
        self.now += self.chance.below(1500);
        if self.chance.one_in(120) {
            return Event::Cancelled;
        }
        if self.chance.one_in(120) {
            return self.crash();
        }
        if self.chance.one_in(25)
            && let Some(Event::Answered { .. } | Event::Replied { .. } | Event::Decided { .. }) = self.last
        {
            self.see("late event");
            return self.last.clone().unwrap();
        }
        if let Some(alarm) = self.state.alarm()
            && (self.work.is_empty() || self.chance.one_in(30))
        {
            self.now = self.now.max(alarm);
            return Event::Passed;
        }
        assert!(!self.work.is_empty(), "active, and nothing will ever happen: {:?}", self.state.phase);
        let at = self.chance.below(self.work.len() as u64) as usize;
        match self.work.swap_remove(at) {
            Work::Ask(ask) if self.chance.one_in(12) => Event::Failed { ask, error: self.chance.error() },
            Work::Ask(ask) => Event::Replied { ask, reply: self.chance.reply() },
            Work::Call(call) => Event::Answered { id: call.id, answer: self.chance.answer() },
            Work::Wait(millis) => {
                self.now += millis;
                Event::Waited
            }
            Work::Approve(approval) => self.decide(approval),
        }
    }

    /// A person decides; or somebody else tries to, with a word that was for another call.
    fn decide(&mut self, approval: Approval) -> Event {
        let decision = match self.chance.one_in(3) {
            true => Decision::Refuse { reason: "no".into() },
            false => Decision::Allow,
        };
        let genuine = approval.verdict(decision);
        let verdict = match self.chance.below(12) {
            0 => Verdict { digest: "another".into(), ..genuine.clone() },
            1 => Verdict { principal: "nobody".into(), ..genuine.clone() },
            2 => Verdict { approval: "run-0-1".into(), ..genuine.clone() },
            _ => genuine.clone(),
        };
        if verdict != genuine && approval.id != "run-0-1" {
            self.see("forged verdict");
            self.work.push(Work::Approve(approval));
        }
        Event::Decided { verdict }
    }
}
