//! Refreshes that are killed half-way, and two at once: the embedder waits where the test wants it to.

use rustix::process::Signal;

use super::{command, embeddings::Embeddings, first, generation, search, start, status, with_documents, write};
use crate::house::{House, Plan, eventually};

fn yaml(embeddings: &Embeddings) -> String {
    format!(
        "{}  embedder: {{ kind: openai, url: 'http://{}/v1', model: slow, dimensions: 8 }}\n",
        super::HANDBOOK,
        embeddings.address
    )
}

/// A refresh beside the server, as a process of its own that may be killed.
fn refreshing(house: &House) -> House {
    let state = house.dir.path().join("state");
    let file = house.work().join("windlass.yaml");
    let args = ["--config", file.to_str().unwrap(), "knowledge", "refresh"];
    Plan::default().args(&args).env("XDG_STATE_HOME", state.to_str().unwrap()).spawn_in(with_documents(&[]))
}

#[test]
fn a_refresh_that_is_killed_leaves_what_there_was_and_the_next_one_is_whole() {
    let embeddings = Embeddings::start();
    let house = start(&yaml(&embeddings), &first(), &[]);
    let before = status(&house);
    for number in 0..40 {
        write(
            &house.work(),
            &format!("new/{number}.md"),
            &format!("# Bicycle {number}\n\nIts lock opens with {number}.\n"),
        );
    }
    embeddings.hold("Bicycle");
    for waited in 1..=3 {
        let refresh = refreshing(&house);
        embeddings.await_waiting(waited);
        refresh.signal(Signal::KILL);
        assert!(!refresh.ended().success());
        assert_eq!(status(&house), before, "as if there had been no refresh");
        assert!(search(&house, "thirty days of holiday").contains("holidays.md"));
    }
    embeddings.release();
    let (code, out, err) = command(&house, &["refresh"], &[]);
    assert!(code == 0 && out.contains("with 43 documents: 40 added"), "{out}{err}");
    eventually("all of it is found", || search(&house, "the lock of bicycle 17").contains("new/17.md"));
    let asked = embeddings.answered("lock");
    let (_, out, _) = command(&house, &["refresh", "--all"], &[]);
    assert!(out.contains("0 embedded") || out.contains("nothing changed"), "{out}");
    assert_eq!(embeddings.answered("lock"), asked, "what did not change is not embedded again");
    house.stop();
}

#[test]
fn of_two_refreshes_one_wins_and_the_other_says_so() {
    let embeddings = Embeddings::start();
    let house = start(&yaml(&embeddings), &first(), &[]);
    write(&house.work(), "bicycles.md", "# Bicycle\n\nThe company lends bicycles; ask at the front desk.\n");
    embeddings.hold("Bicycle");
    let late = refreshing(&house);
    embeddings.await_waiting(1);
    // The late one has read what there was; what the other one reads does not wait.
    write(&house.work(), "bicycles.md", "# Tricycles\n\nThe company lends tricycles; ask at the front desk.\n");
    let (code, out, err) = command(&house, &["refresh"], &[]);
    assert!(code == 0 && out.contains("generation 2 with 4 documents: 1 added"), "{out}{err}");
    embeddings.release();
    assert_eq!(late.ended().code(), Some(1));
    let said = late.stderr.whole();
    assert!(said.contains("another refresh published generation 2 meanwhile"), "{said}");
    assert_eq!(generation(&house), 2);
    eventually("the winner's is served", || search(&house, "who lends tricycles").contains("Tricycles"));
    house.stop();
}

#[test]
fn a_refresh_that_is_asked_to_end_ends_and_says_that_nothing_changed() {
    let embeddings = Embeddings::start();
    let house = start(&yaml(&embeddings), &first(), &[]);
    write(&house.work(), "bicycles.md", "# Bicycle\n\nThe company lends bicycles.\n");
    embeddings.hold("Bicycle");
    let refresh = refreshing(&house);
    embeddings.await_waiting(1);
    refresh.signal(Signal::TERM);
    assert_eq!(refresh.ended().code(), Some(1));
    let said = refresh.stderr.whole();
    assert!(said.contains("nothing was published") && said.contains("interrupted"), "{said}");
    assert_eq!(generation(&house), 1);
    embeddings.release();
}
