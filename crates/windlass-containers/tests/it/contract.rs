//! The contract, kept and broken.

use std::{path::PathBuf, time::Duration};

use windlass_containers::{
    contract::{Expectations, Outcome, Proof, prove},
    engine::LABEL_DEPLOY,
};
use windlass_testkit::skip;

use crate::real::{IMAGE, Real};

const TOKEN: &str = "a-token-of-the-tests";

pub fn expected(broken: &str) -> Expectations {
    let mut expected = Expectations::of("abc1234");
    expected.token = Some(TOKEN.to_owned().into());
    for (name, value) in [("RELEASE", "abc1234"), ("TOKEN", TOKEN), ("BREAK", broken)] {
        expected.environment.insert(name.into(), value.to_owned().into());
    }
    expected
}

fn failed(proof: &Proof) -> Vec<&'static str> {
    let failed = proof.facts.iter().filter(|fact| fact.outcome == Outcome::Failed);
    failed.map(|fact| fact.id).collect()
}

fn shown(proof: &Proof) -> String {
    let line = |fact: &windlass_containers::contract::Fact| {
        let figure = fact.measured.map(|measured| format!(" [{:.3} {}]", measured.value, measured.unit));
        format!("{:?} {}{}: {} ({})\n", fact.outcome, fact.id, figure.unwrap_or_default(), fact.promise, fact.detail)
    };
    proof.facts.iter().map(line).collect()
}

#[tokio::test]
async fn an_image_that_keeps_the_contract_is_proved() {
    let Some(real) = Real::new().await else { return };
    let proof = prove(&real.engine, IMAGE, &expected("")).await;
    eprintln!("{}", shown(&proof));
    assert!(proof.facts.iter().all(|fact| fact.outcome == Outcome::Passed), "{}", shown(&proof));
    let ids: Vec<_> = proof.facts.iter().map(|fact| fact.id.trim_start_matches("container.")).collect();
    insta::assert_snapshot!(ids.join(" "), @"starts release ready mcp tools refuses root user capabilities privileges seccomp separate memory drains exits stops logs audit discreet");
    let seconds = proof.fact("container.starts").unwrap().measured.unwrap();
    assert!(seconds.unit == "s" && seconds.value > 0.0 && seconds.value < 30.0);
    assert!(proof.fact("container.drains").unwrap().detail.contains("turned away"), "the signal had arrived");
    assert!(real.engine.list(LABEL_DEPLOY, "windlass-proof").await.unwrap().is_empty(), "nothing is left");
    assert!(!serde_json::to_string(&proof).unwrap().contains(TOKEN));
}

#[tokio::test]
async fn each_broken_promise_is_named_and_no_other() {
    let Some(real) = Real::new().await else { return };
    let engine = &real.engine;
    let proof = prove(engine, IMAGE, &expected("ready,auth,audit,drain,exit")).await;
    insta::assert_snapshot!(failed(&proof).join(" "), @"container.ready container.refuses container.drains container.exits container.audit");
    assert_eq!(proof.fact("container.exits").unwrap().detail, "exit code 7");

    let mut deaf = expected("term,logs");
    deaf.stop_within = Duration::from_secs(1);
    deaf.audit = false;
    deaf.release = "other".into();
    deaf.keep = true;
    let proof = prove(engine, IMAGE, &deaf).await;
    insta::assert_snapshot!(failed(&proof).join(" "), @"container.release container.exits container.stops container.logs");
    let kept = proof.kept.unwrap();
    assert!(engine.inspect(&kept).await.unwrap().is_some());
    engine.remove(&kept).await.unwrap();
}

#[tokio::test]
async fn an_image_that_does_not_start_says_why() {
    let Some(real) = Real::new().await else { return };
    let proof = prove(&real.engine, IMAGE, &expected("start")).await;
    assert_eq!(failed(&proof)[0], "container.starts");
    let detail = &proof.fact("container.starts").unwrap().detail;
    assert!(detail.contains("it ended with 3") && detail.contains("no configuration"), "{detail}");
    assert!(!proof.passed() && proof.kept.is_none());
    let proof = prove(&real.engine, "localhost/windlass-test:none", &expected("")).await;
    assert_eq!(failed(&proof), ["container.starts"]);
    assert!(real.engine.list(LABEL_DEPLOY, "windlass-proof").await.unwrap().is_empty());
}

/// The server itself, where somebody names a static build of it.
#[tokio::test]
async fn the_server_keeps_the_contract() {
    let Some(binary) = std::env::var_os("WINDLASS_TEST_BINARY").map(PathBuf::from) else {
        skip("the container contract of the server", "WINDLASS_TEST_BINARY names no static build of it");
        return;
    };
    let Some(real) = Real::new().await else { return };
    let place = real.directory.path().join("windlass");
    std::fs::create_dir(&place).unwrap();
    let layout = crate::layout::pack(&place, &binary);
    let image = "localhost/windlass-test:server";
    real.engine.load(&layout, image).await.unwrap();
    let mut expected = expected("");
    expected.environment.clear();
    for (name, value) in [
        ("WINDLASS_HOST", "0.0.0.0"),
        ("WINDLASS_TRANSPORT", "http"),
        ("WINDLASS_SERVER_RELEASE", "abc1234"),
        ("WINDLASS_AUTH_TOKEN", TOKEN),
    ] {
        expected.environment.insert(name.into(), value.to_owned().into());
    }
    expected.arguments = vec!["serve".into()];
    let proof = prove(&real.engine, image, &expected).await;
    eprintln!("{}", shown(&proof));
    assert!(proof.passed(), "{}", shown(&proof));
}
