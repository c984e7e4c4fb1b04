//! windlass.yaml is edited while the server runs.

use std::{fs, path::Path};

use rustix::process::Signal;
use serde_json::json;

use crate::{
    house::{House, Plan, eventually},
    wire::text,
};

const RELOADED: &str = "the configuration was reloaded";

fn yaml(commands: &str) -> String {
    format!("shell:\n  directory: .\n  commands: [{commands}]\n")
}

/// Editors replace a file rather than write into it.
fn replace(file: &Path, text: &str) {
    let new = file.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, file).unwrap();
}

#[test]
fn an_edit_takes_effect_and_a_faulty_one_changes_nothing() {
    let house = House::start(&yaml("ls"));
    let file = house.work().join("windlass.yaml");
    let allowed = |line: &str| house.call("run_command", json!({ "command": line }))["isError"] == false;
    assert!(allowed("ls") && !allowed("echo hi"));

    replace(&file, &yaml("echo"));
    house.stderr.wait_for(RELOADED);
    assert!(allowed("echo hi") && !allowed("ls"), "what was taken out is gone as well");

    for (faulty, named) in [
        ("shell: { comands: [ls] }", "did you mean `commands`"),
        ("shell: { commands: [ls]", "windlass.yaml:1"),
        ("shell: { commands: [env] }", "interpreter: true"),
        ("server: { host: 0.0.0.0, port: 1 }\nlimits: { body: 0 }", "limits.body"),
    ] {
        replace(&file, faulty);
        house.stderr.wait(named, |log| {
            log.lines().any(|line| line.contains("the former one stays") && line.contains(named)).then_some(())
        });
        assert!(allowed("echo hi") && !allowed("ls"), "{faulty}");
        assert_eq!(house.get("/health").status, 200, "{faulty}");
    }
    fs::remove_file(&file).unwrap();
    house.signal(Signal::HUP);
    eventually("it answers without its file too", || house.get("/health").status == 200);
    assert!(allowed("echo hi") || !allowed("rm -rf x"), "a file that is gone opens nothing");

    replace(&file, &yaml("ls"));
    eventually("it goes on from the next good edit", || allowed("ls"));
    assert!(!allowed("echo hi"));
    let reloads = house.audit().iter().filter(|line| line["method"] == "server.reload").count();
    assert!(reloads >= 2, "reloads are written down");
    house.stop();
}

#[test]
fn a_signal_reloads_what_no_watcher_sees() {
    // Settings of the environment's own file: named by WINDLASS_CONFIG, below a link.
    let house = House::start(&yaml("ls"));
    fs::write(house.work().join("windlass.yaml"), yaml("pwd")).unwrap();
    house.signal(Signal::HUP);
    house.stderr.wait_for(RELOADED);
    assert_eq!(house.call("run_command", json!({ "command": "pwd" }))["isError"], false);
}

#[test]
fn the_listener_stays_as_it_was_opened() {
    let house = House::start(&yaml("ls"));
    let file = house.work().join("windlass.yaml");
    // A faulty idea: the section changes, and authentication goes with it.
    replace(&file, &format!("server: {{ port: 9, console: false }}\n{}", yaml("pwd")));
    house.stderr.wait_for("take effect at the next start");
    eventually("the rest is in force", || house.call("run_command", json!({ "command": "pwd" }))["isError"] == false);

    let open = Plan::yaml(&format!("auth: {{ token: 'env:TOKEN' }}\n{}", yaml("ls")))
        .env("TOKEN", "a-token-that-is-long-enough-to-be-one")
        .args(&["serve", "--host", "0.0.0.0", "--port", "0", "--transport", "http"])
        .start();
    replace(&open.work().join("windlass.yaml"), &yaml("ls"));
    open.stderr.wait_for("the former one stays");
    assert_eq!(open.get("/metrics").status, 401, "an edit must not open a server that others reach");
}

#[test]
fn a_job_survives_a_reload() {
    let shell = "shell:\n  directory: .\n  commands: [{ program: sh, shell: true }]\n";
    let house = House::start(shell);
    let script = "echo before; while [ ! -e go ]; do sleep 0.05; done; echo after; sleep 31557.0423";
    let job = house.call("start_command", json!({ "argv": ["sh", "-c", script] }));
    let job = job["structuredContent"]["job_id"].clone();
    let output = |wait: u32| house.call("command_output", json!({ "job_id": job, "wait_seconds": wait, "offset": 7 }));
    fs::write(house.work().join("windlass.yaml"), yaml("ls")).unwrap();
    house.stderr.wait_for(RELOADED);
    let refused = house.call("start_command", json!({ "argv": ["sh", "-c", "true"] }));
    assert_eq!(refused["isError"], true, "the new rules are in force: {}", text(&refused));
    fs::write(house.work().join("go"), "").unwrap();
    let after = output(30);
    assert_eq!(after["structuredContent"]["output"], "after\n", "{after}");
    assert_eq!(after["structuredContent"]["state"], "running", "{after}");
    assert_eq!(house.call("stop_command", json!({ "job_id": job }))["structuredContent"]["state"], "stopped");
}
