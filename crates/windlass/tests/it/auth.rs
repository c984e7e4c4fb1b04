//! Keys as a person makes them, and what each may do with them.

use std::fs;

use serde_json::{Value, json};
use windlass_testkit::process;

use crate::{
    house::{House, SHELL, eventually, run},
    wire::{Client, REVISIONS, Wire, text},
};

/// A key as `windlass key new` makes it: the key itself, and its line for windlass.yaml.
pub fn new_key(name: &str, options: &[&str]) -> (String, String) {
    let dir = tempfile::tempdir().unwrap();
    let (code, key, said) = run(dir.path(), &[&["key", "new", name], options].concat(), &[]);
    assert_eq!(code, 0, "{said}");
    let line = said.lines().find_map(|line| line.trim().strip_prefix("- {")).unwrap_or_else(|| panic!("{said}"));
    (key.trim().to_owned(), format!("- {{{line}"))
}

fn with_keys(keys: &[&str]) -> String {
    format!("auth:\n  keys:\n    {}\n{SHELL}", keys.join("\n    "))
}

const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;

#[test]
fn a_new_key_opens_the_door_and_nothing_else_does() {
    let (key, line) = new_key("ci", &["--expires", "90d"]);
    let (other, _) = new_key("ci", &[]);
    let (old, old_line) = new_key("old", &["--expires", "90d"]);
    let at = old_line.find("expires: \"").unwrap() + "expires: \"".len();
    let expired = format!("{}2020{}", &old_line[..at], &old_line[at + 4..]);
    let house = House::start(&with_keys(&[&line, &expired]));
    house.stderr.wait_for("auth      required");

    for revision in REVISIONS {
        let client = Client::new(house.addr(), revision).bearer(&key);
        client.hello();
        assert_eq!(client.call("run_command", json!({ "command": "pwd" }))["isError"], false, "{revision}");
    }
    assert_eq!(house.post(LIST, &[("x-mcp-auth-token", &key)]).status, 200);

    let mut mistyped = key.clone().into_bytes();
    mistyped[20] = if mistyped[20] == b'a' { b'b' } else { b'a' };
    let mistyped = String::from_utf8(mistyped).unwrap();
    let lower = key.to_lowercase();
    let refused = ["", "wdl_", &other, &mistyped, &old, &lower, &key[..key.len() - 1], "eyJhbGciOiJub25lIn0.e30."];
    let check = |what: &str, headers: &[(&str, &str)], status: u16| {
        let answer = house.post(LIST, headers);
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        assert_eq!(answer.json()["error"]["code"], -32001, "{what}: {}", answer.text());
        let challenge = answer.header("www-authenticate").unwrap_or_else(|| panic!("{what}: {answer:?}"));
        assert!(challenge.starts_with("Bearer"), "{what}: {challenge}");
        assert!(!answer.text().contains(&key[8..]), "{what}: {}", answer.text());
    };
    check("nothing", &[], 401);
    for wrong in refused {
        check(wrong, &[("authorization", &format!("Bearer {wrong}"))], 401);
    }
    check("no scheme", &[("authorization", &key)], 401);
    check("basic", &[("authorization", &format!("Basic {key}"))], 401);
    for path in ["/metrics", "/console/events"] {
        assert_eq!(house.get(path).status, 401, "{path}");
    }
    assert_eq!(house.get("/health").status, 200, "a load balancer has no key");
    let ready = house.get("/ready").json();
    assert!(ready["checks"][0].get("detail").is_none(), "strangers see no details: {ready}");
    let unknown: Vec<Value> = house.audit().into_iter().filter(|line| line["decision"] == "unauthenticated").collect();
    assert!(unknown.len() >= refused.len() + 5, "each is written down: {unknown:?}");
    let (audit, said) = house.stop();
    for secret in [&key, &other, &old, &mistyped] {
        assert!(!audit.contains(secret.as_str()) && !said.contains(secret.as_str()), "{secret} was written down");
    }
}

#[test]
fn two_keys_of_one_name_until_the_old_one_is_taken_out() {
    let ((old, old_line), (new, new_line)) = (new_key("ci", &[]), new_key("ci", &[]));
    let house = House::start(&with_keys(&[&old_line, &new_line]));
    let works = |key: &str| house.post(LIST, &[("authorization", &format!("Bearer {key}"))]).status == 200;
    assert!(works(&old) && works(&new));
    fs::write(house.work().join("windlass.yaml"), with_keys(&[&new_line])).unwrap();
    house.stderr.wait_for("the configuration was reloaded");
    assert!(!works(&old) && works(&new));
}

#[test]
fn a_keys_file_is_followed() {
    let (first, line) = new_key("first", &[]);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("keys.yaml");
    fs::write(&file, format!("{line}\n")).unwrap();
    let house = House::start(&format!("auth: {{ keys_file: {} }}\n{SHELL}", file.display()));
    let status = |key: &str| house.post(LIST, &[("authorization", &format!("Bearer {key}"))]).status;
    assert_eq!(status(&first), 200);
    let (code, second, said) = run(dir.path(), &["key", "new", "second", "--file", "keys.yaml"], &[]);
    assert_eq!(code, 0, "{said}");
    eventually("the second key works", || status(second.trim()) == 200);
    fs::write(&file, "- { name: broken, hash: md5:1 }\n").unwrap();
    house.stderr.wait_for("the former one stays");
    assert_eq!(status(&first), 200, "a file with a mistake changes nothing");
    fs::write(&file, "").unwrap();
    eventually("an emptied file lets nobody in", || status(&first) == 401 && status(second.trim()) == 401);
    assert_eq!(house.post(LIST, &[]).status, 401, "and does not open the server");
}

#[test]
fn everybody_sees_and_calls_what_the_policy_grants() {
    let (reader, reader_line) = new_key("reader", &[]);
    let (developer, developer_line) = new_key("ada", &["--group", "developers"]);
    let (stranger, stranger_line) = new_key("stranger", &[]);
    let policy = "
policy:
  grants:
    - { to: ['key:reader'], tools: ['*'], read_only: true }
    - { to: ['group:developers'], tools: ['shell/*', read_output] }
";
    let house = House::start(&format!("{}{policy}", with_keys(&[&reader_line, &developer_line, &stranger_line])));
    for revision in REVISIONS {
        let client = |key: &str| Client::new(house.addr(), revision).bearer(key);
        let reads = client(&reader).tools();
        assert!(reads.contains(&"list_commands".to_owned()) && !reads.contains(&"run_command".to_owned()), "{reads:?}");
        let develops = client(&developer).tools();
        assert!(develops.contains(&"run_command".to_owned()) && !develops.contains(&"search_output".to_owned()));
        assert_eq!(client(&stranger).tools(), Vec::<String>::new());
        let ran = client(&developer).call("run_command", json!({ "command": "pwd" }));
        assert_eq!(ran["isError"], false, "{ran}");
        for (key, tool) in [(&reader, "run_command"), (&reader, "execute_command"), (&stranger, "list_commands")] {
            let denied = client(key).call(tool, json!({ "command": "pwd" }));
            assert_eq!(denied["isError"], true, "{revision} {tool}: {denied}");
            let said = text(&denied);
            assert!(said.contains("the policy does not let") && said.contains("hint: tools/list shows"), "{said}");
        }
    }
    let denied = house.await_audit("the denial", |line| {
        line["decision"] == "denied" && line["principal"] == "key:reader" && line["tool"] == "run_command"
    });
    assert_eq!(denied["error"], "denied", "{denied}");
    assert!(denied["reason"].as_str().unwrap().contains("(nothing matched)"), "it says by what: {denied}");
    let ran = || -> Vec<Value> {
        let lines = house.audit().into_iter();
        lines.filter(|line| line["tool"] == "run_command" && line["decision"] == "allowed").collect()
    };
    eventually("every call is written down", || ran().len() >= REVISIONS.len());
    let ran = ran();
    assert_eq!(ran.len(), REVISIONS.len());
    assert!(ran.iter().all(|line| line["principal"] == "key:ada"), "{ran:?}");
}

#[test]
fn one_callers_jobs_and_outputs_do_not_exist_for_another() {
    let ((ada, ada_line), (eve, eve_line)) = (new_key("ada", &[]), new_key("eve", &[]));
    let house = House::start(&with_keys(&[&ada_line, &eve_line]));
    let (ada, eve) = (house.client().bearer(&ada), house.client().bearer(&eve));
    let long = ada.call("run_command", json!({ "argv": ["sh", "-c", "seq 1 30000"] }));
    let handle = json!({ "handle": long["structuredContent"]["stdout_handle"] });
    let job = ada.call("start_command", json!({ "command": "sleep 31557.0422" }));
    let job = json!({ "job_id": job["structuredContent"]["job_id"] });
    // A job is known before its program is: on a busy machine the supervisor takes a moment.
    let runs = || !process::with_command_line("sleep 31557.0422").unwrap().is_empty();
    eventually("it runs", runs);
    assert_eq!(ada.call("read_output", handle.clone())["isError"], false);
    for (tool, arguments, invented) in [
        ("read_output", handle, json!({ "handle": format!("out_{}", "0".repeat(32)) })),
        ("command_output", job.clone(), json!({ "job_id": format!("job_{}", "0".repeat(32)) })),
        ("stop_command", job.clone(), json!({ "job_id": format!("job_{}", "0".repeat(32)) })),
    ] {
        let (hers, none) = (eve.call(tool, arguments), eve.call(tool, invented));
        assert_eq!(hers["isError"], true, "{tool}: {hers}");
        assert_eq!(text(&hers), text(&none), "{tool}: a stranger's looks like none");
    }
    assert!(runs(), "it runs on");
    assert_eq!(ada.call("stop_command", job)["structuredContent"]["state"], "stopped");
}

#[test]
fn a_request_may_not_carry_two_credentials() {
    let ((one, one_line), (two, two_line)) = (new_key("one", &[]), new_key("two", &[]));
    let house = House::start(&with_keys(&[&one_line, &two_line]));
    let bearer = format!("Bearer {one}");
    let answer = house.post(LIST, &[("authorization", &bearer), ("x-mcp-auth-token", &two)]);
    assert!((400..402).contains(&answer.status), "{answer:?}");
    // A header that a proxy would fold, or a smuggler add.
    let mut wire = Wire::connect(house.addr()).unwrap();
    let other = format!("Bearer {two}");
    let headers = [("content-type", "application/json"), ("authorization", &*bearer), ("authorization", &*other)];
    let answer = wire.send("POST", "/mcp", &headers, LIST.as_bytes()).unwrap();
    assert!((400..402).contains(&answer.status), "{answer:?}");
}

#[test]
fn a_refused_request_leaves_the_connection_for_the_next() {
    let (key, line) = new_key("late", &[]);
    let house = House::start(&format!("limits: {{ body: 64KiB }}\n{}", with_keys(&[&line])));
    let bearer = format!("Bearer {key}");
    let json = ("content-type", "application/json");
    let mut tcp = std::net::TcpStream::connect(house.addr()).unwrap();
    // The head alone: the refusal may come before the body does.
    let head = format!("POST /mcp HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", LIST.len());
    std::io::Write::write_all(&mut tcp, head.as_bytes()).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(50));
    std::io::Write::write_all(&mut tcp, LIST.as_bytes()).unwrap();
    let mut wire = Wire::over(tcp).unwrap();
    assert_eq!(wire.read().unwrap().status, 401);
    for path in ["/mcp/nothing", "/mcp"] {
        let answer = wire.send("POST", path, &[json, ("authorization", &bearer)], LIST.as_bytes()).unwrap();
        assert_eq!(answer.status, if path == "/mcp" { 200 } else { 404 });
    }
    let big = vec![b' '; 1 << 20];
    let answer = wire.send("POST", "/mcp", &[json, ("authorization", &bearer)], &big);
    // A close with bytes unread can overtake the answer; where it came, it said so.
    if let Ok(answer) = answer {
        assert_eq!((answer.status, answer.header("connection")), (413, Some("close")));
    }
}
