//! What the tests of the steps have in common, and the order of a whole run.

use serde_json::{Map, json};

use super::*;
use crate::{
    approval::Policy,
    budget::Budget,
    conversation::{Content, ToolResult},
    model::{Stop, ToolDefinition, Usage},
};

pub(super) fn spec() -> Spec {
    Spec {
        run: "run".into(),
        principal: "local".into(),
        model: "test/model".into(),
        system: String::new(),
        max_tokens: 1000,
        window: None,
        budget: Budget::default(),
        price: Default::default(),
        approvals: Policy::default(),
        patience: 60_000,
        retries: 3,
        seed: 0,
    }
}

/// A tool that reads, one that writes, and one that destroys.
pub(super) fn offers() -> Vec<Offer> {
    let offer = |name: &str, read_only, destructive| Offer {
        definition: ToolDefinition { name: name.into(), description: String::new(), input_schema: Map::new() },
        source: "test".into(),
        read_only,
        destructive,
    };
    vec![offer("read", true, false), offer("write", false, false), offer("drop", false, true)]
}

pub(super) fn text(text: &str) -> Block {
    Block::Text { text: text.into() }
}

pub(super) fn said(state: State, words: &str) -> (State, Vec<Effect>) {
    step(state, 0, Event::Said { blocks: vec![text(words)], tools: offers() })
}

/// A run in which the model has been asked.
pub(super) fn asked(change: impl FnOnce(&mut Spec)) -> State {
    let mut spec = spec();
    change(&mut spec);
    said(State::new(spec), "do it").0
}

pub(super) fn tool_use(id: &str) -> ToolUse {
    let arguments = json!({ "of": id }).as_object().cloned().unwrap();
    ToolUse { id: id.into(), name: "read".into(), arguments, broken: None }
}

/// A use of `tool`.
pub(super) fn uses(id: &str, tool: &str) -> Block {
    Block::ToolUse(ToolUse { name: tool.into(), ..tool_use(id) })
}

pub(super) fn reply(state: State, blocks: Vec<Block>, stop: Stop) -> (State, Vec<Effect>) {
    let Phase::Asking { ask, .. } = state.phase else { panic!("nobody was asked: {:?}", state.phase) };
    let at = state.at;
    let usage = Usage { input: 100, output: 10, ..Usage::default() };
    step(state, at, Event::Replied { ask, reply: Reply { blocks, stop, usage } })
}

pub(super) fn answer(state: State, id: &str, words: &str) -> (State, Vec<Effect>) {
    let at = state.at;
    step(state, at, Event::Answered { id: id.into(), answer: Answer::text(words) })
}

/// What tools are said to have answered, one to a line.
pub(super) fn results(state: &State) -> String {
    let line = |result: &ToolResult| {
        let words = result.content.iter().map(|part| match part {
            Content::Text { text } => text.as_str(),
            Content::Image(_) => "<picture>",
        });
        let words: Vec<&str> = words.collect();
        format!("{}: {}{}\n", result.id, if result.is_error { "error: " } else { "" }, words.join(" | "))
    };
    let blocks = state.messages.iter().flat_map(|message| &message.blocks);
    blocks.filter_map(|block| if let Block::ToolResult(result) = block { Some(line(result)) } else { None }).collect()
}

/// What is to be done, one word each.
pub(super) fn shown(effects: &[Effect]) -> String {
    let one = |effect: &Effect| match effect {
        Effect::Save => "save".to_owned(),
        Effect::AskModel { ask } => format!("ask {ask}"),
        Effect::CallTool { call } => format!("call {} {}", call.name, call.id),
        Effect::AskApproval { approval } => format!("approve {} {}", approval.tool, approval.call),
        Effect::Wait { .. } => "wait".to_owned(),
        Effect::Compacted { what } => format!("compacted {}/{}", what.shortened, what.dropped),
        Effect::End { end } => format!("end {end:?}"),
    };
    effects.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[test]
fn a_whole_run() {
    let mut log = Vec::new();
    let mut note = |(state, effects): (State, Vec<Effect>)| {
        log.push(shown(&effects));
        state
    };
    let state = note(said(State::new(spec()), "do it"));
    let state = note(reply(state, vec![text("two at once"), uses("a", "read"), uses("b", "write")], Stop::ToolUse));
    let state = note(answer(state, "b", "written"));
    let state = note(answer(state, "a", "read"));
    let state = note(reply(state, vec![text("done")], Stop::End));
    insta::assert_snapshot!(log.join("\n"), @r"
    save, ask 1
    save, call read a, call write b
    save
    save, ask 2
    save, end Finished
    ");
    // Answered in the order they were asked for, whichever came first.
    insta::assert_snapshot!(results(&state), @r"
    a: read
    b: written
    ");
    assert_eq!((state.spent.turns, state.spent.calls, state.spent.usage.tokens()), (2, 2, 220));
}

#[test]
fn a_state_is_stored_and_read_alike() {
    let (state, _) = reply(asked(|_| {}), vec![uses("a", "read"), uses("b", "drop")], Stop::ToolUse);
    let json = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<State>(&json).unwrap(), state);
}

#[test]
fn what_comes_too_late_changes_nothing() {
    let (state, _) = reply(asked(|_| {}), vec![text("done")], Stop::End);
    let late = Reply { blocks: vec![text("again")], stop: Stop::End, usage: Usage::default() };
    for event in [
        Event::Replied { ask: 1, reply: late },
        Event::Failed { ask: 1, error: ModelError::ContextFull },
        Event::Waited,
        Event::Answered { id: "a".into(), answer: Answer::text("x") },
        Event::Passed,
        Event::Cancelled,
    ] {
        let (after, effects) = step(state.clone(), 0, event.clone());
        assert_eq!((&after, effects.len()), (&state, 0), "{event:?}");
    }
}

#[test]
fn each_budget_ends_a_run_with_its_own_reason() {
    use crate::budget::Limit;
    let dollar = |text: &str| text.parse().unwrap();
    let price = crate::budget::Price { input: dollar("1000"), ..Default::default() };
    for (budget, limit) in [
        (Budget { turns: Some(1), ..Budget::default() }, Limit::Turns),
        (Budget { calls: Some(1), ..Budget::default() }, Limit::ToolCalls),
        (Budget { tokens: Some(110), ..Budget::default() }, Limit::Tokens),
        (Budget { dollars: Some(dollar("0.1")), ..Budget::default() }, Limit::Dollars),
        (Budget { millis: Some(5), ..Budget::default() }, Limit::Seconds),
    ] {
        let mut state = asked(|spec| (spec.budget, spec.price) = (budget, price));
        // Two calls, the first of which is answered, a little later.
        let mut effects;
        (state, effects) = reply(state, vec![uses("a", "read"), uses("b", "read")], Stop::ToolUse);
        for id in ["a", "b"] {
            if state.is_active() {
                (state, effects) =
                    step(state, 10, Event::Answered { id: id.into(), answer: Answer::text("something") });
            }
        }
        assert_eq!(effects.last(), Some(&Effect::End { end: End::Budget { limit } }), "{limit:?}");
        assert_eq!(results(&state).lines().count(), 2, "{limit:?}");
    }
}

#[test]
fn time_is_not_spent_waiting_for_a_person_nor_while_nobody_worked() {
    let (state, _) = reply(asked(|spec| spec.budget.millis = Some(1000)), vec![uses("a", "drop")], Stop::ToolUse);
    assert_eq!(state.alarm(), Some(60_000), "when the approval expires");
    let Some(Stage::Asked { approval }) = state.jobs().first().map(|job| job.stage.clone()) else { panic!() };
    let verdict = approval.verdict(crate::approval::Decision::Allow);
    let (state, _) = step(state, 50_000, Event::Decided { verdict });
    assert_eq!((state.spent.millis, state.alarm()), (0, Some(51_000)));
    let (state, _) = step(state, 50_400, Event::Passed);
    let (state, _) = step(state, 90_000, Event::Resumed { tools: offers() });
    assert_eq!((state.is_active(), state.spent.millis), (true, 400));
}
