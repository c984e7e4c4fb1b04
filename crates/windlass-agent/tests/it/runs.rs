//! Whole runs, with a model and tools that do as they are told.

mod parts;

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use windlass_agent::{
    End, Forget, Phase, Stage, State, StateFile, What,
    budget::Limit,
    model::{ModelError, Stop},
    read_state, sound,
    transcript::{Recorder, replay},
};

use parts::{Failing, House, Line, call, calls, says, text};

/// On a clock that stands still while there is anything to do; timers are exact to some milliseconds.
fn took(begun: tokio::time::Instant, seconds: u64) {
    assert_eq!((begun.elapsed() + Duration::from_millis(5)).as_secs(), seconds, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn calls_run_beside_each_other_and_everything_is_told_in_order() {
    // Each takes a second; one after the other they would take three.
    let house = House::new(vec![calls(&["slow", "slow", "slow"]), says("done")]);
    let begun = tokio::time::Instant::now();
    let state = house.run(State::new(house.spec()), "do it").await;
    took(begun, 1);
    assert_eq!((state.end(), state.answer().as_str()), (Some(&End::Finished), "done"));
    let told = house.told();
    assert!(told.iter().enumerate().all(|(at, notice)| notice.number == at as u64 + 1));
    let kinds: Vec<String> =
        told.iter().map(|notice| serde_json::to_value(notice).unwrap()["type"].as_str().unwrap().to_owned()).collect();
    insta::assert_snapshot!(kinds.join(" "), @"asking replied calling calling calling called called called asking text replied ended");
    assert!(house.asked().iter().all(|messages| sound(messages) == Ok(())));
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_asked_too_often_is_asked_again_after_a_while() {
    let lines = vec![Line::Fails(ModelError::Throttled(Some(Duration::from_secs(7)))), says("done")];
    let house = House::new(lines);
    let begun = tokio::time::Instant::now();
    let state = house.run(State::new(house.spec()), "do it").await;
    assert_eq!((state.end(), state.spent.turns), (Some(&End::Finished), 1));
    took(begun, 7);
}

#[tokio::test(start_paused = true)]
async fn a_run_is_cancelled_wherever_it_is() {
    for lines in [vec![Line::Hangs], vec![calls(&["hang"])], vec![calls(&["destroy"])]] {
        let house = House::new(lines);
        let cancel = CancellationToken::new();
        let later = cancel.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            later.cancel();
        });
        let state = house.run_until(State::new(house.spec()), "do it", &cancel).await;
        assert_eq!(state.end(), Some(&End::Cancelled));
        assert_eq!(house.left_running(), 0, "nothing goes on behind its back");
        assert!(matches!(house.told().last().unwrap().what, What::Ended { end: End::Cancelled, .. }));
    }
}

#[tokio::test(start_paused = true)]
async fn time_that_is_used_up_ends_what_is_under_way() {
    for lines in [vec![Line::Hangs], vec![calls(&["hang", "slow"])]] {
        let house = House::new(lines);
        let mut spec = house.spec();
        spec.budget.millis = Some(5000);
        let begun = tokio::time::Instant::now();
        let state = house.run(State::new(spec), "do it").await;
        assert_eq!(state.end(), Some(&End::Budget { limit: Limit::Seconds }));
        assert_eq!(house.left_running(), 0);
        took(begun, 5);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_destroyed_without_a_word() {
    let house = House::new(vec![calls(&["destroy"]), says("sorry")]);
    house.decides(Some(false));
    house.run(State::new(house.spec()), "do it").await;
    assert_eq!(house.called(), Vec::<String>::new());

    let house = House::new(vec![calls(&["destroy"]), says("done")]);
    house.decides(Some(true));
    house.run(State::new(house.spec()), "do it").await;
    assert_eq!(house.called(), ["destroy"]);

    // Nobody comes: it is refused when the time is over, and the model hears of it.
    let house = House::new(vec![calls(&["destroy"]), says("sorry")]);
    let state = house.run(State::new(house.spec()), "do it").await;
    assert_eq!((house.called().len(), state.end()), (0, Some(&End::Finished)));
    let told = serde_json::to_string(&state.messages).unwrap();
    assert!(told.contains("nobody gave it within 60 s"), "{told}");
}

#[tokio::test]
async fn a_run_that_was_killed_goes_on_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.json");
    let mut house = House::new(vec![calls(&["hang", "write", "look"])]);
    house.keeper = Arc::new(StateFile::new(&path));
    let cancel = CancellationToken::new();
    let (run, state) = (house.clone(), State::new(house.spec()));
    let killed = tokio::spawn(async move { run.run_until(state, "do it", &cancel).await });
    // `write` and `look` have answered, `hang` has not.
    while house.answers() < 2 {
        tokio::task::yield_now().await;
    }
    let kept = loop {
        let kept = read_state(&path).unwrap().unwrap();
        let answered = kept.jobs().iter().filter(|job| matches!(job.stage, Stage::Answered { .. })).count();
        if answered == 2 {
            break kept;
        }
        tokio::task::yield_now().await;
    };
    killed.abort();
    let _ = killed.await;
    assert!(matches!(kept.phase, Phase::Working { .. }));

    let mut next = House::new(vec![says("done")]);
    next.keeper = Arc::new(StateFile::new(&path));
    let state = next.resume(kept).await;
    assert_eq!((state.end(), state.answer().as_str()), (Some(&End::Finished), "done"));
    assert_eq!(next.called(), Vec::<String>::new(), "nobody knows what the first one did");
    let sent = next.asked().remove(0);
    assert_eq!(sound(&sent), Ok(()));
    let told = serde_json::to_string(&sent).unwrap();
    assert!(told.contains("interrupted: the agent was restarted") && told.contains("write answered"), "{told}");
    assert_eq!(read_state(&path).unwrap().unwrap(), state);
}

#[tokio::test]
async fn a_run_that_cannot_be_kept_does_not_go_on() {
    let mut house = House::new(vec![calls(&["write"]), says("done")]);
    house.keeper = Arc::new(Failing);
    let state = house.run(State::new(house.spec()), "do it").await;
    assert!(matches!(state.end(), Some(End::Unsaved { .. })), "{:?}", state.end());
    assert_eq!((house.asked().len(), house.called().len()), (0, 0));
    let What::Ended { explanation, .. } = house.told().pop().unwrap().what else { panic!("nobody was told") };
    insta::assert_snapshot!(explanation, @"the run could not be saved, so it was ended: /full: No space left on device (os error 28)");
}

#[tokio::test]
async fn a_transcript_of_a_whole_run_runs_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.jsonl");
    let mut house =
        House::new(vec![calls(&["look", "destroy", "nothing"]), call("write", Stop::MaxTokens), says("done")]);
    house.decides(Some(true));
    let state = State::new(house.spec());
    house.keeper = Arc::new(Recorder::begin(&path, &state, Forget).unwrap());
    let state = house.run(state, "do it").await;
    let state = house.run(state, "and more").await;
    let replayed = replay(&std::fs::read(&path).unwrap()[..]).unwrap();
    assert_eq!(replayed.state, state);
    assert_eq!(house.called(), ["look", "destroy"]);
    // The script is over: what is said without it is what the model's failure is called.
    assert!(matches!(state.end(), Some(End::Model { .. })));
    assert_eq!(text(&state.messages.last().unwrap().blocks), "and more");
}
