//! Documents, from files on a disk to an answer over MCP, and what a refresh may and may not do to it.

mod embeddings;
mod races;

use std::{fs, path::Path};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    house::{House, Plan, eventually, run},
    wire::{Client, LEGACY, MODERN, text},
};

/// The checkout's own documents.
const OURS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");

pub const HANDBOOK: &str = "
knowledge:
  collections:
    handbook:
      description: How we work
      sources: [{ folder: docs }]
";

/// A directory whose `work/docs` has these documents.
pub fn with_documents(documents: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in documents {
        write(&dir.path().join("work"), path, text);
    }
    dir
}

/// Writes a document below `docs`.
pub fn write(work: &Path, path: &str, text: &str) {
    let path = work.join("docs").join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

pub fn first() -> Vec<(&'static str, &'static str)> {
    vec![
        ("holidays.md", "# Holidays\n\nEveryone has thirty days of holiday a year.\nAsk for them two weeks before.\n"),
        ("guides/vpn.md", "# VPN\n\n## Connecting\n\nInstall wireguard and import the profile of your office.\n"),
        ("notes.txt", "The coffee machine on the second floor takes only beans.\n"),
    ]
}

/// A server whose index is made.
pub fn start(yaml: &str, documents: &[(&str, &str)], env: &[(&str, &str)]) -> House {
    let plan = Plan::yaml(yaml).env("WINDLASS_TRANSPORT", "http");
    let plan = env.iter().fold(plan, |plan, (name, value)| plan.env(name, value));
    let mut house = plan.spawn_in(with_documents(documents));
    house.await_banner();
    eventually("the index is there", || is_made(&house));
    assert_eq!(house.get("/ready").status, 200, "{}", house.get("/ready").text());
    house
}

fn is_made(house: &House) -> bool {
    let listed = house.call("list_collections", json!({}));
    listed["structuredContent"]["collections"].as_array().unwrap().iter().all(|one| one["state"] == "ready")
}

/// `windlass knowledge ...` beside the server, with the same settings and the same state directory.
pub fn command(house: &House, args: &[&str], env: &[(&str, &str)]) -> (i32, String, String) {
    let state = house.dir.path().join("state");
    let env = [&[("XDG_STATE_HOME", state.to_str().unwrap())], env].concat();
    run(&house.work(), &[&["knowledge"], args].concat(), &env)
}

pub fn search(house: &House, query: &str) -> String {
    let found = house.call("search_documents", json!({ "query": query }));
    assert_eq!(found["isError"], false, "{found}");
    text(&found).to_owned()
}

pub fn status(house: &House) -> Value {
    let (_, out, err) = command(house, &["status", "--json"], &[]);
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"))
}

pub fn generation(house: &House) -> u64 {
    status(house)["collections"][0]["current"]["number"].as_u64().unwrap()
}

#[test]
fn the_first_search_answers_from_real_files() {
    let yaml = HANDBOOK.replace("folder: docs", &format!("folder: {OURS}"));
    let house = start(&yaml, &[], &[]);
    for revision in LEGACY.into_iter().chain([MODERN]) {
        let client = Client::new(house.addr(), revision);
        let found = client.call("search_documents", json!({ "query": "go back to a release that was proven" }));
        assert_eq!(found["isError"], false, "{found}");
        assert!(text(&found).contains("deploy.md#L"), "with a place to read on at: {}", text(&found));
    }
    let house_rules = house.call("read_document", json!({ "path": "toolsets/sql.md" }));
    assert!(text(&house_rules).contains("What keeps it from writing"), "{house_rules}");
    let listed = house.call("list_collections", json!({}));
    assert!(text(&listed).contains("handbook") && text(&listed).contains("How we work"), "{listed}");
    house.stop();
}

#[test]
fn a_refresh_by_hand_is_seen_by_the_server_that_runs() {
    let house = start(HANDBOOK, &first(), &[]);
    assert!(search(&house, "thirty days of holiday").contains("holidays.md"));
    write(&house.work(), "bicycles.md", "# Bicycles\n\nThe company lends bicycles; ask at the front desk.\n");
    write(&house.work(), "holidays.md", "# Holidays\n\nEveryone has thirtyfive days of holiday a year.\n");
    fs::rename(house.work().join("docs/notes.txt"), house.work().join("docs/coffee.txt")).unwrap();
    fs::remove_file(house.work().join("docs/guides/vpn.md")).unwrap();
    write(&house.work(), "archive.zip", "PK\u{3}\u{4}");

    let (code, out, err) = command(&house, &["refresh"], &[]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(
        out.starts_with("handbook: generation 2 with 3 documents: 1 added, 1 changed, 1 moved, 1 removed"),
        "{out}"
    );
    for line in ["added    bicycles.md", "changed  holidays.md", "notes.txt to coffee.txt", "removed  guides/vpn.md"] {
        assert!(out.contains(line), "{line}: {out}");
    }
    assert!(out.contains("zip"), "what was passed over is named: {out}");
    eventually("the server sees it", || search(&house, "who lends bicycles").contains("bicycles.md"));
    assert!(!search(&house, "wireguard profile office").contains("vpn.md"), "what is gone is not found");

    let (code, out, _) = command(&house, &["refresh", "handbook"], &[]);
    assert!(code == 0 && out.starts_with("handbook: nothing changed, 3 documents"), "{out}");
    assert_eq!(generation(&house), 2, "nothing changed, nothing is published");
    house.stop();
}

#[test]
fn a_rollback_is_seen_too_and_the_next_refresh_goes_on_from_it() {
    let house = start(HANDBOOK, &first(), &[]);
    write(&house.work(), "bicycles.md", "# Bicycles\n\nThe company lends bicycles; ask at the front desk.\n");
    assert_eq!(command(&house, &["refresh"], &[]).0, 0);
    eventually("the new one is found", || search(&house, "who lends bicycles").contains("bicycles.md"));

    let (code, out, err) = command(&house, &["rollback", "handbook"], &[]);
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with("handbook: generation 3, which is generation 1 again, with 3 documents"), "{out}");
    eventually("it is gone again", || !search(&house, "who lends bicycles").contains("bicycles.md"));
    let (code, _, err) = command(&house, &["rollback", "handbook", "--to", "77"], &[]);
    assert!(code == 2 && err.contains("no generation 77") && err.contains("hint: "), "{err}");

    let (_, out, _) = command(&house, &["refresh"], &[]);
    assert!(out.contains("generation 4") && out.contains("1 added"), "{out}");
    let (code, out, _) = command(&house, &["status"], &[]);
    assert_eq!(code, 0);
    for line in ["* generation 4", "  generation 3", "generation 1 again", "documents   4", "work/docs"] {
        assert!(out.contains(line), "{line}: {out}");
    }
}

#[test]
fn a_source_that_vanished_and_one_that_shrank_leave_what_there_is() {
    let house = start(HANDBOOK, &first(), &[]);
    let (docs, aside) = (house.work().join("docs"), house.work().join("aside"));
    fs::rename(&docs, &aside).unwrap();
    let (code, _, err) = command(&house, &["refresh"], &[]);
    assert!(code == 1 && err.contains("is not there") && err.contains("what was searched before still is"), "{err}");
    fs::create_dir(&docs).unwrap();
    fs::copy(aside.join("notes.txt"), docs.join("notes.txt")).unwrap();
    let (code, _, err) = command(&house, &["refresh"], &[]);
    assert!(code == 1 && err.contains("only 1 of 3 documents would be left"), "{err}");
    assert_eq!(generation(&house), 1);
    assert!(search(&house, "thirty days of holiday").contains("holidays.md"));
    let (code, out, err) = command(&house, &["refresh", "--force"], &[]);
    assert!(code == 0 && out.contains("2 removed"), "{out}{err}");
}

#[test]
fn a_reload_adds_a_collection_and_keeps_the_other() {
    let house = start(HANDBOOK, &first(), &[]);
    write(&house.work(), "bicycles.md", "# Bicycles\n\nThe company lends bicycles; ask at the front desk.\n");
    fs::create_dir(house.work().join("papers")).unwrap();
    fs::write(house.work().join("papers/tides.md"), "# Tides\n\nThe moon pulls the sea twice a day.\n").unwrap();
    let file = house.work().join("windlass.yaml");
    let both = format!("{HANDBOOK}    papers:\n      description: Papers\n      sources: [{{ folder: papers }}]\n");
    fs::write(&file, &both).unwrap();
    house.stderr.wait_for("the configuration was reloaded");
    eventually("the new one is there", || search(&house, "what pulls the sea").contains("tides.md"));
    assert_eq!(generation(&house), 1, "the other one has an index already and is not made again");

    fs::write(&file, both.replace("folder: papers", "folder: papers, branch: main")).unwrap();
    house.stderr.wait_for("the former one stays");
    assert!(search(&house, "what pulls the sea").contains("tides.md"), "a mistake changes nothing");
    fs::write(&file, HANDBOOK).unwrap();
    eventually("what is taken out is gone", || !search(&house, "what pulls the sea").contains("tides.md"));
    house.stop();
}

#[test]
fn mistakes_are_told_with_their_place() {
    let dir = with_documents(&first());
    let work = dir.path().join("work");
    let told = |yaml: &str, args: &[&str]| {
        fs::write(work.join("windlass.yaml"), yaml).unwrap();
        run(&work, args, &[])
    };
    let (code, _, err) = told("shell: { commands: [ls] }", &["knowledge", "refresh"]);
    assert!(code == 2 && err.contains("no collections") && err.contains("hint: "), "{err}");
    let (code, _, err) = told(HANDBOOK, &["knowledge", "refresh", "handbok"]);
    assert!(code == 2 && err.contains("no collection `handbok`") && err.contains("handbook"), "{err}");
    let (code, out, _) = told(HANDBOOK, &["knowledge", "status"]);
    assert!(code == 1 && out.contains("no index yet"), "{out}");
    let wrong = HANDBOOK.replace("folder: docs", "folder: docs, token: 'env:X'");
    for args in [&["config", "check"][..], &["knowledge", "refresh"]] {
        let (code, _, err) = told(&wrong, args);
        assert!(code == 2 && err.contains("windlass.yaml:6") && err.contains("sources"), "{args:?}: {err}");
    }
    let (code, out, _) = told(HANDBOOK, &["config", "check"]);
    assert!(code == 0 && out.contains("1 collections of documents are named"), "{out}");
}

#[test]
fn doctor_looks_at_the_sources_and_the_embedder() {
    let house = start(HANDBOOK, &first(), &[]);
    let doctor = |house: &House| {
        let state = house.dir.path().join("state");
        run(&house.work(), &["doctor"], &[("XDG_STATE_HOME", state.to_str().unwrap())])
    };
    let (_, out, _) = doctor(&house);
    let line = |out: &str, name: &str| {
        out.lines().find(|line| line.split_whitespace().nth(1) == Some(name)).unwrap_or_default().to_owned()
    };
    for (name, said) in [
        ("knowledge.index", "state/windlass/knowledge"),
        ("knowledge.embedder", "hashed"),
        ("knowledge.handbook", "3 documents"),
        ("knowledge.handbook.source", "work/docs: 3 files"),
    ] {
        assert!(line(&out, name).starts_with("ok") && line(&out, name).contains(said), "{name}: {out}");
    }
    fs::rename(house.work().join("docs"), house.work().join("aside")).unwrap();
    let (code, out, _) = doctor(&house);
    assert_eq!(code, 1);
    assert!(line(&out, "knowledge.handbook.source").starts_with("FAIL"), "{out}");
    assert!(line(&out, "knowledge.handbook").starts_with("ok"), "search goes on: {out}");
    assert_eq!(generation(&house), 1, "looking changes nothing");
}

#[test]
fn what_this_checkout_serves_finds_its_own_pages() {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let settings = fs::read_to_string(checkout.join("windlass.yaml")).unwrap();
    let section = settings.find("\nknowledge:").map(|at| &settings[at..]).unwrap();
    let yaml = section.replace("folder: .", &format!("folder: {}", checkout.display()));
    assert!(yaml != section, "it reads the checkout: {section}");
    let house = start(&yaml, &[], &[]);
    let found = search(&house, "go back to a release that was proven");
    assert!(found.contains("docs/deploy.md#L"), "{found}");
    assert!(search(&house, "how the code is laid out, what always holds").contains("ARCHITECTURE.md#L"));
    house.stop();
}
