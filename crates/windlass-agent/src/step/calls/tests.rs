use serde_json::json;

use super::*;
use crate::{
    model::Stop,
    step::{
        Event, step,
        tests::{answer, asked, offers, reply, results, said, shown, text, tool_use, uses},
    },
};

fn approval(state: &State) -> Approval {
    let pending = state.jobs().iter().find_map(|job| match &job.stage {
        Stage::Asked { approval } => Some(approval.clone()),
        _ => None,
    });
    pending.unwrap()
}

fn decide(state: State, at: u64, verdict: Verdict) -> (State, Vec<Effect>) {
    step(state, at, Event::Decided { verdict })
}

#[test]
fn what_the_model_is_told_of_calls_that_are_not_made() {
    let broken = ToolUse { broken: Some("{\"of\": ".into()), ..tool_use("broken") };
    let blocks = vec![Block::ToolUse(broken), uses("unknown", "reed"), uses("cut", "read")];
    let (state, effects) = reply(asked(|_| {}), blocks, Stop::MaxTokens);
    assert_eq!(shown(&effects), "save, ask 2");
    insta::assert_snapshot!(results(&state), @r#"
    broken: error: not called: the arguments are no JSON object; write them as one. They were: {"of": 
    unknown: error: there is no tool `reed`; there is read, write, drop
    cut: error: not called: your answer was cut off at 1000 tokens, in the middle of this call; write less at once, or split it into several calls
    "#);
    assert_eq!(state.spent.calls, 0);
}

#[test]
fn only_the_last_call_of_a_cut_answer_was_cut() {
    let (_, effects) = reply(asked(|_| {}), vec![uses("a", "read"), text("and then I")], Stop::MaxTokens);
    assert_eq!(shown(&effects), "save, call read a");
}

#[test]
fn an_empty_answer_is_told_as_such() {
    let (state, _) = reply(asked(|_| {}), vec![uses("a", "read")], Stop::ToolUse);
    let (state, _) = answer(state, "a", " ");
    assert_eq!(results(&state), "a: (the tool answered nothing)\n");
}

#[test]
fn an_approval_is_used_once() {
    let (state, effects) = reply(asked(|_| {}), vec![uses("a", "drop"), uses("b", "read")], Stop::ToolUse);
    assert_eq!(shown(&effects), "save, approve drop a, call read b");
    let verdict = approval(&state).verdict(Decision::Allow);
    let (state, effects) = decide(state, 1, verdict.clone());
    assert_eq!(shown(&effects), "save, call drop a");
    let (state, effects) = decide(state, 2, verdict.clone());
    assert_eq!(effects, []);
    // The next call with the very same arguments needs a word of its own.
    let (state, _) = answer(state, "a", "dropped");
    let (state, _) = answer(state, "b", "read");
    let (state, _) = reply(state, vec![uses("a", "drop")], Stop::ToolUse);
    let (state, effects) = decide(state, 3, verdict);
    assert_eq!(effects, []);
    assert_eq!(approval(&state).arguments, json!({ "of": "a" }).as_object().cloned().unwrap());
}

#[test]
fn a_refused_call_is_told_with_its_reason() {
    let (state, _) = reply(asked(|_| {}), vec![uses("a", "drop")], Stop::ToolUse);
    let verdict = approval(&state).verdict(Decision::Refuse { reason: "not on a Friday".into() });
    let (state, effects) = decide(state, 1, verdict);
    assert_eq!(shown(&effects), "save, ask 3");
    assert_eq!(results(&state), "a: error: not called: a person refused this call: not on a Friday\n");
    assert_eq!(state.spent.calls, 0);
}

#[test]
fn a_refused_call_is_not_one_of_the_budget() {
    let (state, _) =
        reply(asked(|spec| spec.budget.calls = Some(1)), vec![uses("a", "drop"), uses("b", "read")], Stop::ToolUse);
    let verdict = approval(&state).verdict(Decision::Refuse { reason: String::new() });
    let (state, effects) = decide(state, 1, verdict);
    assert_eq!(shown(&effects), "save, ask 3", "one call is left");
    let (_, effects) = reply(state, vec![uses("c", "read")], Stop::ToolUse);
    assert_eq!(shown(&effects), "save, call read c");
}

#[test]
fn an_approval_expires() {
    let (state, _) = reply(asked(|_| {}), vec![uses("a", "drop")], Stop::ToolUse);
    let verdict = approval(&state).verdict(Decision::Allow);
    assert_eq!(state.alarm(), Some(60_000));
    let (late, effects) = decide(state.clone(), 60_000, verdict);
    assert_eq!((effects, late.is_active()), (vec![], true));
    let (state, effects) = step(state, 60_000, Event::Passed);
    assert_eq!(shown(&effects), "save, ask 3");
    insta::assert_snapshot!(results(&state), @"a: error: not called: this needs a person's approval, and nobody gave it within 60 s");
}

#[test]
fn cancelled_in_the_middle_every_call_is_answered() {
    let blocks = vec![uses("a", "read"), uses("b", "drop"), uses("c", "write")];
    let (state, _) = reply(asked(|_| {}), blocks, Stop::ToolUse);
    let (state, _) = answer(state, "c", "written");
    let (state, effects) = step(state, 1, Event::Cancelled);
    assert_eq!(shown(&effects), "save, end Cancelled");
    insta::assert_snapshot!(results(&state), @r"
    a: error: interrupted while it ran, and whether it took effect is not known (not called: the person cancelled)
    b: error: not called: the person cancelled
    c: written
    ");
    assert_eq!(state.spent.calls, 2);
    let (state, effects) = said(state, "go on");
    assert_eq!(shown(&effects), "save, ask 3");
    assert_eq!(state.messages.len(), 3, "the words joined the answers");
}

#[test]
fn after_a_crash_only_harmless_calls_are_made_again() {
    let blocks = vec![uses("a", "read"), uses("b", "write"), uses("c", "drop"), uses("d", "drop")];
    let (state, _) = reply(asked(|_| {}), blocks, Stop::ToolUse);
    let allowed = approval(&state);
    let (state, effects) = decide(state, 1, allowed.verdict(Decision::Allow));
    assert_eq!(shown(&effects), "save, call drop c");
    let (state, effects) = step(state, 2, Event::Resumed { tools: offers() });
    assert_eq!(shown(&effects), "save, call read a, approve drop d");
    // The word that was given before the crash is used up.
    let (state, effects) = decide(state, 3, allowed.verdict(Decision::Allow));
    assert_eq!(effects, []);
    let (state, _) = step(state, 4, Event::Cancelled);
    let told = results(&state);
    assert!(told.contains("b: error: interrupted: the agent was restarted"), "{told}");
    assert!(told.contains("c: error: interrupted: the agent was restarted"), "{told}");
}
