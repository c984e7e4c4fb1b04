use crate::{
    budget::Budget,
    conversation::Block,
    keep::Forget,
    model::{Reply, Stop, Usage},
    step::Spec,
    tools::Answer,
};

use super::*;

fn spec() -> Spec {
    Spec {
        run: "run".into(),
        principal: "local".into(),
        model: "test/model".into(),
        system: String::new(),
        max_tokens: 1000,
        window: None,
        budget: Budget { turns: Some(5), ..Budget::default() },
        price: Default::default(),
        approvals: Default::default(),
        patience: 1000,
        retries: 1,
        seed: 7,
    }
}

/// Writes down a run of one question and its answer.
async fn written(directory: &Path) -> String {
    let path = directory.join("run.jsonl");
    let mut state = State::new(spec());
    let recorder = Recorder::begin(&path, &state, Forget).unwrap();
    let words = |text: &str| vec![Block::Text { text: text.into() }];
    let reply = Reply { blocks: words("it is 4"), stop: Stop::End, usage: Usage::default() };
    for (at, event) in [
        (10, Event::Said { blocks: words("2 + 2?"), tools: Vec::new() }),
        (20, Event::Answered { id: "nobody".into(), answer: Answer::text("late") }),
        (30, Event::Replied { ask: 1, reply }),
    ] {
        let (after, effects) = step(state, at, event.clone());
        recorder.hear(at, &event, &effects, &after).await.unwrap();
        state = after;
    }
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test]
async fn what_was_written_down_runs_again() {
    let directory = tempfile::tempdir().unwrap();
    let text = written(directory.path()).await;
    let replayed = replay(text.as_bytes()).unwrap();
    assert_eq!((replayed.steps, replayed.state.answer().as_str()), (3, "it is 4"));
}

#[tokio::test]
async fn the_first_difference_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let text = written(directory.path()).await;
    let check = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        replay(text.replace(from, to).as_bytes()).unwrap_err().to_string()
    };
    insta::assert_snapshot!(check("{\"effect\":\"ask_model\",\"ask\":1}", "{\"effect\":\"ask_model\",\"ask\":9}"), @r#"
    line 2: the loop goes another way than it went
      event  {"event":"said","blocks":[{"type":"text","text":"2 + 2?"}],"tools":[]}
      then   {"effect":"ask_model","ask":9}
      now    {"effect":"ask_model","ask":1}
    "#);
    insta::assert_snapshot!(check("it is 4", "it is 5"), @r#"
    line 4: the loop goes another way than it went
      event  {"event":"replied","ask":1,"reply":{"blocks":[{"type":"text","text":"it is 5"}],"stop":"end","usage":{"input":0,"output":0,"cache_read":0,"cache_write":0}}}
      it does the same, and leaves the conversation in another state
    "#);
    insta::assert_snapshot!(check("\"windlass_transcript\":1", "\"windlass_transcript\":2"), @"the transcript is of version 2, and this program reads version 1");
    assert!(matches!(replay(&b"{}"[..]), Err(ReplayError::NoTranscript(_))));
    assert!(matches!(replay(&b""[..]), Err(ReplayError::NoTranscript(_))));
    let cut = &text[..text.len() - 20];
    assert!(matches!(replay(cut.as_bytes()), Err(ReplayError::Line { line: 4, .. })));
}
