//! One audit line for each decision, whichever way the call came.

use std::io::Write;

use serde_json::{Value, json};

use crate::house::{House, Plan, SHELL};

/// What is called, and the decision and error its one line must name.
fn calls() -> [(Value, &'static str, Option<&'static str>); 5] {
    let run = |command: &str| json!({ "name": "run_command", "arguments": { "command": command } });
    [
        (run("echo allowed"), "allowed", None),
        (run("rm denied"), "denied", Some("denied")),
        (run("cat missing"), "failed", Some("failed")),
        (json!({ "name": "run_command", "arguments": { "colour": "red" } }), "failed", Some("invalid_arguments")),
        (json!({ "name": "no_such_tool", "arguments": {} }), "denied", Some("not_found")),
    ]
}

fn message(id: usize, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params }).to_string()
}

/// The decisions on calls among the lines of `text`, in order.
fn decided(text: &str) -> Vec<(String, Option<String>)> {
    let field = |line: &Value, name: &str| line[name].as_str().map(str::to_owned);
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let calls = lines.filter(|line| line["audit"] == 1 && line["method"] == "tools/call");
    calls.map(|line| (field(&line, "decision").unwrap(), field(&line, "error"))).collect()
}

fn expected() -> Vec<(String, Option<String>)> {
    calls().map(|(_, decision, error)| (decision.to_owned(), error.map(str::to_owned))).to_vec()
}

#[test]
fn every_call_over_http_leaves_one_line() {
    let house = House::start(SHELL);
    for (id, (params, ..)) in calls().iter().enumerate() {
        assert_eq!(house.post(&message(id, params), &[]).status, 200, "{params}");
    }
    let (stdout, _) = house.stop();
    assert_eq!(decided(&stdout), expected());
}

#[test]
fn every_call_over_stdio_leaves_one_line() {
    let mut house = Plan::yaml(SHELL).args(&["serve", "--transport", "stdio"]).piped().spawn();
    let mut stdin = house.stdin.take().unwrap();
    let hello = json!({ "jsonrpc": "2.0", "id": "hello", "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } } });
    writeln!(stdin, "{hello}").unwrap();
    writeln!(stdin, "{}", json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).unwrap();
    for (id, (params, ..)) in calls().iter().enumerate() {
        writeln!(stdin, "{}", message(id, params)).unwrap();
        // One after the other, so that the lines have an order.
        house.stdout.wait("the answer", |text| text.contains(&format!("\"id\":{id}")).then_some(()));
    }
    drop(stdin);
    assert!(house.ended().success());
    // Standard output is the protocol's, so the log is on standard error.
    assert_eq!(decided(&house.stderr.whole()), expected());
    assert_eq!(decided(&house.stdout.whole()), []);
}
