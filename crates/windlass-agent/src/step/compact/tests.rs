use super::*;
use crate::{
    conversation::{Image, Role},
    model::{ModelError, Stop},
    step::{
        Event, Phase, step,
        tests::{answer, asked, reply, said, shown, text, uses},
    },
};

/// A run of `exchanges` calls with long answers, in which the model was asked once more.
fn long(exchanges: usize, window: Option<u64>) -> State {
    let mut state = asked(|spec| spec.window = window);
    for at in 0..exchanges {
        let id = format!("call-{at}");
        state = reply(state, vec![uses(&id, "read")], Stop::ToolUse).0;
        state = answer(state, &id, &"word ".repeat(1000)).0;
    }
    state
}

fn overflow(state: State) -> (State, Vec<Effect>) {
    let Phase::Asking { ask, .. } = state.phase else { panic!("{:?}", state.phase) };
    step(state, 0, Event::Failed { ask, error: ModelError::ContextFull })
}

fn is_alternating(state: &State) -> bool {
    state.messages.iter().enumerate().all(|(at, message)| (message.role == Role::User) == (at % 2 == 0))
}

#[test]
fn old_answers_go_before_exchanges_do() {
    let state = long(10, None);
    let (state, effects) = overflow(state);
    assert_eq!(shown(&effects), "compacted 5/0, save, ask 12");
    let short = serde_json::to_string(&state.messages[2]).unwrap();
    assert!(short.contains("bytes left out to make room; call again if you need it]"), "{short}");
    assert_eq!(state.messages.len(), 21);
    let (mut state, mut dropped) = (state, 0);
    while state.is_active() {
        let effects;
        (state, effects) = overflow(state);
        if let Some(Effect::Compacted { what }) = effects.first() {
            dropped += what.dropped;
        }
        assert!(is_alternating(&state));
        assert_eq!(state.messages[0].blocks[0], text("do it"), "the task stays");
    }
    assert_eq!(state.end(), Some(&End::ContextFull));
    assert_eq!((dropped, state.messages.len()), (9, 3));
    insta::assert_debug_snapshot!(state.messages[0].blocks[1], @r#"
    Text {
        text: "[Left out here to make room: 9 earlier exchanges with their tool calls. Nothing is known of them any more.]",
    }
    "#);
}

#[test]
fn room_is_made_before_the_window_is_full() {
    // By what the provider counts, a byte is a tenth of a token here, so that 2,000 tokens are 20,000 bytes.
    let state = long(12, Some(3105));
    assert!(state.weight() < 20_000, "{}", state.weight());
    assert!(is_alternating(&state));
    assert_eq!((state.messages[0].blocks[0].clone(), state.is_active()), (text("do it"), true));
    assert!(serde_json::to_string(&state.messages).unwrap().contains("left out to make room"));
}

#[test]
fn what_a_person_said_last_stays() {
    let (state, _) = reply(long(3, None), vec![text("done")], Stop::End);
    let (mut state, _) = said(state, "and the other one");
    for at in 0..3 {
        let id = format!("more-{at}");
        state = reply(state, vec![uses(&id, "read")], Stop::ToolUse).0;
        state = answer(state, &id, &"word ".repeat(1000)).0;
    }
    while state.is_active() {
        state = overflow(state).0;
    }
    let said: Vec<&Block> = state.messages[0].blocks.iter().collect();
    assert_eq!((said[0], said.last()), (&text("do it"), Some(&&text("and the other one"))));
}

#[test]
fn one_enormous_answer_is_shortened_in_its_middle() {
    let (state, _) = reply(asked(|_| {}), vec![uses("a", "read")], Stop::ToolUse);
    let rows: String = (0..20_000).map(|row| format!("zeile-ü {row}\n")).collect();
    let (state, _) = answer(state, "a", &rows);
    let before = state.weight();
    let (state, effects) = overflow(state);
    assert_eq!(shown(&effects), "compacted 1/0, save, ask 3");
    let after = state.weight();
    assert!(after > before / 2 && after < before * 2 / 3, "{before} to {after}");
    let shown = serde_json::to_string(&state.messages[2]).unwrap();
    assert!(
        shown.contains("zeile-ü 0\\n") && shown.contains("zeile-ü 19999") && shown.contains("ask for less at once")
    );
}

#[test]
fn pictures_are_told() {
    let mut result = ToolResult {
        id: "a".into(),
        content: vec![
            Content::Text { text: "before".into() },
            Content::Image(Image { media_type: "image/png".into(), data: "AAAA".into() }),
        ],
        is_error: false,
    };
    assert!(shorten(&mut result, OLD, "call again") > 0);
    insta::assert_debug_snapshot!(result.content, @r#"
    [
        Text {
            text: "before\n[1 pictures left out to make room; call again]",
        },
    ]
    "#);
}
