//! How the process starts, listens and ends.

use std::{io::Write, path::PathBuf, process::Command};

use rustix::process::Signal;
use serde_json::json;
use windlass_testkit::{process, skip};

use crate::{
    house::{House, Plan, SHELL, WINDLASS, eventually, run},
    wire::Wire,
};

const HELLO: &str = concat!(
    r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"#,
    r#""clientInfo":{"name":"it","version":"1"}}}"#,
    "\n",
    r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
    "\n",
    r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"run_command","arguments":{"command":"pwd"}}}"#,
    "\n"
);

#[test]
fn the_end_of_input_ends_a_server_of_standard_input_alone() {
    let mut house = Plan::yaml(SHELL).args(&["serve", "--transport", "stdio"]).piped().spawn();
    house.stdin.as_mut().unwrap().write_all(HELLO.as_bytes()).unwrap();
    house.stdout.wait_for(r#""id":2"#);
    house.stdin.take();
    assert_eq!(house.ended().code(), Some(0), "{}", house.stderr.text());
    let said = house.stdout.whole();
    assert_eq!(said.lines().count(), 2, "standard output belongs to the protocol:\n{said}");
    assert!(house.stderr.whole().contains(r#""method":"tools/call""#), "the audit log is on standard error");
}

#[test]
fn both_transports_serve_and_the_end_of_input_leaves_http() {
    let mut house = Plan::yaml(SHELL).piped().start();
    house.stdin.as_mut().unwrap().write_all(HELLO.as_bytes()).unwrap();
    house.stdout.wait_for(r#""id":2"#);
    assert!(house.client().tools().contains(&"run_command".to_owned()));
    house.stdin.take();
    // The pipe's other end sees the end before the process could do anything about it: ask more than once.
    for _ in 0..20 {
        assert_eq!(house.get("/health").status, 200);
    }
    assert!(house.is_running());
    house.stop();
}

#[test]
fn with_nobody_at_standard_input_http_serves_and_the_audit_log_is_on_standard_output() {
    let house = Plan::yaml(SHELL).start();
    house.call("run_command", json!({ "command": "pwd" }));
    assert!(house.is_running());
    house.await_audit("the call", |line| line["tool"] == "run_command");
    house.stop();
}

#[test]
fn a_taken_port_ends_it_at_once_with_what_to_do() {
    let taken = House::start(SHELL);
    let port = taken.addr().port().to_string();
    let dir = tempfile::tempdir().unwrap();
    let (code, said, error) = run(dir.path(), &["serve", "--port", &port], &[]);
    assert_eq!((code, said.as_str()), (1, ""), "{error}");
    assert!(error.contains(&format!("cannot listen on 127.0.0.1:{port}")) && error.contains("--port"), "{error}");
}

#[test]
fn others_are_not_let_near_without_authentication() {
    let dir = tempfile::tempdir().unwrap();
    for host in ["0.0.0.0", "::", "192.0.2.1"] {
        let (code, said, error) = run(dir.path(), &["serve", "--host", host, "--port", "0"], &[]);
        assert_eq!((code, said.as_str()), (2, ""), "{host}: {error}");
        assert!(error.contains("windlass key new --name me"), "{host}: the line that fixes it is missing: {error}");
    }
    let command = ["key", "new", "--name", "me"];
    assert_eq!(run(dir.path(), &command, &[]).0, 0, "and that line works");
    let house = Plan::yaml(SHELL)
        .args(&["serve", "--host", "0.0.0.0", "--port", "0"])
        .env("WINDLASS_AUTH_TOKEN", "with-a-token-it-does")
        .start();
    assert_eq!(house.get("/metrics").status, 401);
}

#[test]
fn the_second_signal_ends_it_at_once_and_nothing_is_left_running() {
    let house = House::start(SHELL);
    let mut wire = Wire::connect(house.addr()).unwrap();
    let marker = "31557.0421";
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
                       "params": { "name": "run_command", "arguments": { "command": format!("sleep {marker}") } } });
    wire.write("POST", "/mcp", &[("content-type", "application/json")], call.to_string().as_bytes()).unwrap();
    let running = || process::with_command_line(&format!("sleep {marker}")).unwrap();
    eventually("the command runs", || !running().is_empty());
    house.signal(Signal::INT);
    house.stderr.wait_for("a second signal ends at once");
    assert!(house.is_running(), "the call it accepted is not finished");
    house.signal(Signal::TERM);
    assert_eq!(house.ended().code(), Some(143));
    eventually("the command has gone with its server", || running().is_empty());
}

#[test]
fn an_interrupt_drains_like_a_termination() {
    let house = House::start(SHELL);
    house.signal(Signal::INT);
    assert_eq!(house.ended().code(), Some(0));
    let audit = house.stdout.whole();
    assert!(audit.lines().last().unwrap().contains("server.stop"), "{audit}");
}

#[test]
fn a_read_only_root_another_uid_and_no_home() {
    let dir = tempfile::tempdir().unwrap();
    // The binary may lie where nobody else can go.
    let binary = dir.path().join("windlass");
    std::fs::hard_link(WINDLASS, &binary).or_else(|_| std::fs::copy(WINDLASS, &binary).map(|_| ())).unwrap();
    std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let root = rustix::process::getuid().is_root();
    let namespace: &[&str] = if root { &["--mount"] } else { &["--mount", "--user", "--map-root-user"] };
    let drop = if root { "setpriv --reuid=65534 --regid=65534 --clear-groups --" } else { "" };
    // Every mount that lets itself be made read-only becomes it; the two that programs cannot do without stay.
    let script = format!(
        "cut -d' ' -f2 /proc/mounts | grep -vE '^/(proc|dev|sys)(/|$)' | while read -r m; do \
         mount -o remount,bind,ro \"$m\" 2>/dev/null; done; ! touch x 2>/dev/null && exec {drop} \"$@\""
    );
    let wrapper: Vec<String> = ["unshare"]
        .iter()
        .chain(namespace)
        .chain(&["sh", "-c", &script, "sh"])
        .map(|word| (*word).to_owned())
        .collect();
    let possible = Command::new(&wrapper[0]).args(&wrapper[1..]).arg("true").output();
    match possible {
        Ok(output) if output.status.success() => {}
        other => return skip("a read-only root", &format!("no mount namespace here: {other:?}")),
    }
    let plan = Plan { wrapper, binary: PathBuf::from(&binary), ..Plan::yaml(SHELL) };
    let mut house = plan.env("WINDLASS_TRANSPORT", "http").env("XDG_STATE_HOME", "").spawn_in(dir);
    house.await_banner();
    let result = house.call("run_command", json!({ "command": "sh -c 'id -u; touch x'" }));
    let uid = if root { "65534\n" } else { "0\n" };
    assert_eq!(result["structuredContent"]["stdout"], uid, "{result}");
    assert_ne!(result["structuredContent"]["exit_code"], 0, "it could write: {result}");
    let long = house.call("run_command", json!({ "argv": ["sh", "-c", "seq 1 30000"] }));
    let handle = long["structuredContent"]["stdout_handle"].as_str().unwrap_or_else(|| panic!("{long}"));
    let page = house.call("read_output", json!({ "handle": handle, "from_line": 29999 }));
    assert_eq!(page["structuredContent"]["text"], "29999\n30000\n", "{page}");
    let ready = house.get("/ready");
    assert_eq!(ready.status, 200, "{}", ready.text());
    let store = ready.json()["checks"].as_array().unwrap().iter().find(|check| check["name"] == "store").cloned();
    assert_eq!(store.unwrap()["health"], "degraded", "{}", ready.text());
    house.signal(Signal::TERM);
    assert_eq!(house.ended().code(), Some(0));
}
