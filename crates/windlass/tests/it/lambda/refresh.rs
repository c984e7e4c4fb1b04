//! The function that refreshes the index when a schedule asks, and the server that searches what it made.

use std::{fs, path::Path};

use serde_json::{Value, json};
use windlass_testkit::{aws::StandIn, lambda::Lambda};

use super::plan;
use crate::{
    auth::new_key,
    house::{House, Plan, eventually},
    wire::{Client, MODERN, text},
};

/// What a rule of EventBridge sends.
fn scheduled() -> Value {
    json!({ "version": "0", "id": "1", "source": "aws.events", "detail-type": "Scheduled Event",
            "account": "123456789012", "time": "2026-01-01T02:00:00Z", "region": "eu-west-1", "resources": [],
            "detail": {} })
}

fn yaml(documents: &Path, index: &str) -> String {
    let documents = documents.display();
    format!(
        "knowledge:\n{index}  collections:\n    handbook: {{ sources: [{{ folder: {documents}/handbook }}] }}\n    papers: {{ \
         sources: [{{ folder: {documents}/papers }}] }}\n"
    )
}

fn documents() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (collection, text) in
        [("handbook", "Everyone has thirty days of holiday."), ("papers", "The moon pulls the sea.")]
    {
        fs::create_dir(dir.path().join(collection)).unwrap();
        fs::write(dir.path().join(collection).join("one.md"), format!("# One\n\n{text}\n")).unwrap();
    }
    dir
}

fn refreshing(lambda: &Lambda, yaml: &str) -> Plan {
    plan(lambda, yaml).env("WINDLASS_LAMBDA_RUNS", "refresh")
}

/// A function that serves: it needs a key, and never refreshes.
fn serving(lambda: &Lambda, yaml: &str, env: &[(String, String)]) -> (House, String) {
    let (key, line) = new_key("ci", &[]);
    let mut plan = plan(lambda, &format!("auth:\n  keys:\n    {line}\n{yaml}"));
    plan.env.extend(env.iter().cloned());
    (plan.spawn(), key)
}

#[test]
fn a_schedule_makes_the_index_that_a_server_searches() {
    let documents = documents();
    let index = documents.path().join("index");
    let yaml = yaml(documents.path(), &format!("  index: {{ directory: {} }}\n", index.display()));
    let (lambda, server) = (Lambda::start().unwrap(), Lambda::start().unwrap());
    let (house, key) = serving(&server, &yaml, &[]);
    let client = Client::new(server.http_api, MODERN).bearer(&key);
    let none = client.call("search_documents", json!({ "query": "holiday" }));
    assert!(!text(&none).contains("thirty"), "a function that serves refreshes nothing: {none}");
    assert!(!index.exists(), "nor does it write");

    let refresh = refreshing(&lambda, &yaml).spawn();
    let told = lambda.invoke(scheduled()).unwrap();
    let reports = told["collections"].as_array().unwrap();
    assert_eq!(reports.len(), 2, "{told}");
    assert!(reports.iter().all(|one| one["report"]["published"] == 1 && one["report"]["added"] == 1), "{told}");
    eventually("the server sees it", || {
        text(&client.call("search_documents", json!({ "query": "days of holiday" }))).contains("one.md")
    });
    let again = lambda.invoke(json!({ "windlass": "refresh", "collections": ["papers"] })).unwrap();
    let reports = again["collections"].as_array().unwrap();
    assert!(reports.len() == 1 && reports[0]["report"]["published"].is_null(), "{again}");
    for (lambda, house) in [(lambda, refresh), (server, house)] {
        assert_eq!(lambda.problems(), Vec::<String>::new());
        house.stop();
    }
}

#[test]
fn a_refresh_that_fails_fails_the_invocation_and_leaves_the_others_done() {
    let documents = documents();
    let index = documents.path().join("index");
    let yaml = yaml(documents.path(), &format!("  index: {{ directory: {} }}\n", index.display()));
    let lambda = Lambda::start().unwrap();
    let house = refreshing(&lambda, &yaml).spawn();
    lambda.invoke(scheduled()).unwrap();
    fs::rename(documents.path().join("handbook"), documents.path().join("aside")).unwrap();
    fs::write(documents.path().join("papers/two.md"), "# Two\n\nSalt makes it heavy.\n").unwrap();
    let error = lambda.invoke(scheduled()).unwrap_err();
    assert_eq!(error["errorType"], "RefreshFailed", "{error}");
    let said = error["errorMessage"].as_str().unwrap();
    assert!(said.starts_with("handbook: ") && said.contains("is not there") && !said.contains("papers:"), "{said}");
    fs::rename(documents.path().join("aside"), documents.path().join("handbook")).unwrap();
    let told = lambda.invoke(scheduled()).unwrap();
    assert!(told["collections"].as_array().unwrap().iter().all(|one| one["report"]["published"].is_null()), "{told}");

    let unknown = lambda.invoke(json!({ "windlass": "refresh", "collections": ["nonsense"] })).unwrap_err();
    assert!(unknown["errorMessage"].as_str().unwrap().contains("no collection `nonsense`"), "{unknown}");
    let request = json!({ "version": "2.0", "rawPath": "/mcp", "headers": {},
                          "requestContext": { "http": { "method": "POST" } } });
    for event in [json!({}), request] {
        assert_eq!(lambda.invoke(event.clone()).unwrap_err()["errorType"], "NotRefresh", "{event}");
    }
    assert_eq!(lambda.problems(), Vec::<String>::new());
    house.stop();
}

#[test]
fn a_purpose_that_is_none_and_a_refresh_of_nothing_do_not_start() {
    let lambda = Lambda::start().unwrap();
    let documents = documents();
    for (runs, yaml, said) in [
        ("refreshh", yaml(documents.path(), ""), "is not `refresh`"),
        ("refresh", "shell: { commands: [ls] }".to_owned(), "names no collection"),
    ] {
        let house = plan(&lambda, &yaml).env("WINDLASS_LAMBDA_RUNS", runs).spawn();
        assert_eq!(house.ended().code(), Some(2), "{runs}");
        assert!(house.stderr.whole().contains(said), "{}", house.stderr.whole());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_place_of_its_own_the_index_is_in_the_bucket_of_the_store() {
    let Some(aws) = StandIn::moto().await else { return };
    aws.create_bucket("kept").await;
    tokio::task::spawn_blocking(move || in_a_bucket(&aws)).await.unwrap();
}

fn in_a_bucket(aws: &StandIn) {
    let documents = documents();
    let yaml = format!("store: {{ bucket: kept, table: handles }}\n{}", yaml(documents.path(), ""));
    let (lambda, server) = (Lambda::start().unwrap(), Lambda::start().unwrap());
    let mut plan = refreshing(&lambda, &yaml);
    plan.env.extend(aws.environment());
    let house = plan.spawn();
    let told = lambda.invoke(scheduled()).unwrap();
    assert_eq!(told["collections"][0]["report"]["published"], 1, "{told}");
    // On another machine, so to say: all they have in common is the bucket.
    let (served, key) = serving(&server, &yaml, &aws.environment());
    let client = Client::new(server.http_api, MODERN).bearer(&key);
    let found = client.call("search_documents", json!({ "query": "days of holiday" }));
    assert!(text(&found).contains("one.md"), "{found}");
    for house in [house, served] {
        house.stop();
    }
}
