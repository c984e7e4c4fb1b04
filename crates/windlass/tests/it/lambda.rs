//! The binary as a Lambda function: events in, answers out, and what must not happen between two of them.

mod refresh;
mod secrets;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::Command,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::{Value, json};
use windlass_testkit::{
    lambda::{Lambda, PEER},
    skip,
};

use crate::{
    auth::new_key,
    house::{House, Plan, SHELL, WINDLASS},
    wire::{Client, LEGACY, MODERN, PLAIN, Wire, text},
};

/// A function, and the service that runs it.
struct Function {
    house: House,
    lambda: Lambda,
    key: String,
}

fn plan(lambda: &Lambda, yaml: &str) -> Plan {
    let mut plan = Plan::yaml(yaml).args(&[]);
    plan.env = lambda.environment();
    plan
}

impl Function {
    fn start(more: &str) -> Self {
        let (key, line) = new_key("ci", &[]);
        let lambda = Lambda::start().unwrap();
        let house = plan(&lambda, &format!("auth:\n  keys:\n    {line}\n{more}")).spawn();
        Self { house, lambda, key }
    }

    fn doors(&self) -> [std::net::SocketAddr; 2] {
        [self.lambda.http_api, self.lambda.function_url]
    }

    fn client(&self, door: std::net::SocketAddr, revision: &'static str) -> Client {
        Client::new(door, revision).bearer(&self.key)
    }

    /// Ends it, and holds that it kept the rules.
    fn end(self) -> (String, String) {
        assert_eq!(self.lambda.problems(), Vec::<String>::new());
        self.house.stop()
    }
}

#[test]
fn every_revision_is_served_through_both_doors() {
    let function = Function::start(SHELL);
    for door in function.doors() {
        for revision in LEGACY.into_iter().chain([MODERN]) {
            let client = function.client(door, revision);
            assert_eq!(client.hello()["name"], "windlass");
            assert!(client.tools().contains(&"run_command".to_owned()));
            let ran = client.call("run_command", json!({ "command": "echo it works" }));
            assert!(text(&ran).contains("it works"), "{ran}");
        }
        let health = Wire::connect(door).unwrap().send("GET", "/health", &[], b"").unwrap();
        assert_eq!(health.json()["status"], "healthy");
        let page = Wire::connect(door).unwrap().send("GET", "/nowhere", &[], b"").unwrap();
        assert_eq!(page.status, 404);
    }
    assert_eq!(function.lambda.extensions(), ["windlass"], "to be told of the end");
    let (audit, log) = function.end();
    assert!(audit.contains(&format!("\"peer\":\"{PEER}\"")), "{audit}");
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
fn nobody_gets_in_without_a_token() {
    let function = Function::start(SHELL);
    for door in function.doors() {
        let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
        for client in [Client::new(door, PLAIN), Client::new(door, PLAIN).bearer("wrong")] {
            let answer = client.answer(&list);
            assert_eq!(answer.status, 401, "{answer:?}");
            assert!(answer.header("www-authenticate").is_some());
        }
        // What only a proxy would say of its client is a client's word here.
        let spoofed = Client::new(door, PLAIN).header("x-forwarded-for", "127.0.0.1").header("host", "localhost");
        assert_eq!(spoofed.answer(&list).status, 401);
        let page = function.client(door, PLAIN).header("origin", "https://evil.example.com").answer(&list);
        assert_eq!(page.status, 403, "a page on the web that knows the key is none the wiser");
    }
    let (audit, _) = function.end();
    let refused: Vec<Value> = audit.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let refused = refused.iter().filter(|line| line["decision"] == "unauthenticated");
    assert_eq!(refused.filter(|line| line["peer"] == PEER).count(), 6);
}

#[test]
fn it_does_not_start_where_anybody_could_call() {
    let lambda = Lambda::start().unwrap();
    for (yaml, args) in [
        (SHELL.to_owned(), vec![]),
        (format!("server: {{ host: 127.0.0.1, transport: stdio }}\n{SHELL}"), vec!["serve"]),
        (SHELL.to_owned(), vec!["serve", "--host", "127.0.0.1"]),
    ] {
        let house = plan(&lambda, &yaml).args(&args).spawn();
        assert_eq!(house.ended().code(), Some(2), "{args:?}");
        let said = house.stderr.whole();
        assert!(said.contains("nobody would have to prove who they are") && said.contains("hint: "), "{said}");
    }
    assert_eq!(lambda.problems(), Vec::<String>::new(), "no event was asked for");
}

#[test]
fn a_named_stage_is_no_part_of_the_path() {
    let function = Function::start(SHELL);
    function.lambda.set_stage("prod");
    let client = function.client(function.lambda.http_api, MODERN);
    assert_eq!(client.hello()["name"], "windlass");
    let shell = client.clone().path("/mcp/shell");
    assert!(shell.tools().contains(&"run_command".to_owned()));
    function.end();
}

#[test]
fn bodies_come_as_they_were_sent() {
    let function = Function::start(SHELL);
    let list = br#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let bearer = format!("Bearer {}", function.key);
    for door in function.doors() {
        let send = |kind: &str, body: &[u8]| {
            let headers = [("authorization", bearer.as_str()), ("content-type", kind)];
            Wire::connect(door).unwrap().send("POST", "/mcp", &headers, body).unwrap()
        };
        assert_eq!(send("application/json", list).status, 200);
        // Comes as base64, since the type is not one of text, and is refused for its type alone.
        assert_eq!(send("application/octet-stream", list).status, 415);
        assert_eq!(send("application/json", b"\xff\xfe{").status, 400, "base64 of what is no text");
        assert_eq!(send("application/json", b"").status, 400);
    }
    function.end();
}

#[test]
fn the_function_url_streams_and_the_http_api_cannot() {
    let function = Function::start(SHELL);
    let client =
        function.client(function.lambda.function_url, MODERN).header("accept", "application/json, text/event-stream");
    let (headers, mut body) = client.request(
        "tools/call",
        json!({
            "name": "run_command", "arguments": { "argv": ["sh", "-c", "echo first; sleep 2; echo second"] },
        }),
    );
    body["params"]["_meta"]["progressToken"] = "p".into();
    let answer = client.exchange(&headers, &body).unwrap();
    assert_eq!(answer.header("content-type"), Some("text/event-stream"), "{answer:?}");
    assert!(answer.text().contains("notifications/progress"), "{}", answer.text());
    assert!(text(&answer.json()["result"]).contains("second"));
    // The same where AWS buffers: all of it at the end, and still a stream's text.
    let gateway =
        function.client(function.lambda.http_api, MODERN).header("accept", "application/json, text/event-stream");
    let answer = gateway.exchange(&headers, &body).unwrap();
    assert!(text(&answer.json()["result"]).contains("second"));
    function.end();
}

#[test]
fn a_buffered_function_url_is_answered_whole() {
    let (key, line) = new_key("ci", &[]);
    let lambda = Lambda::start().unwrap();
    lambda.set_streams(false);
    let plan = plan(&lambda, &format!("auth:\n  keys:\n    {line}\n{SHELL}"));
    let house = plan.env("WINDLASS_LAMBDA_INVOKE_MODE", "BUFFERED").spawn();
    let client = Client::new(lambda.function_url, MODERN).bearer(&key);
    assert!(client.tools().contains(&"run_command".to_owned()));
    assert_eq!(lambda.problems(), Vec::<String>::new());
    house.stop();
}

#[test]
fn what_there_is_comes_before_the_functions_time_is_over() {
    let function = Function::start(SHELL);
    // The first event waits for the start; a function's time does not run then.
    function.client(function.lambda.http_api, PLAIN).tools();
    function.lambda.set_timeout(Duration::from_secs(8));
    for door in function.doors() {
        let asked = Instant::now();
        let ran = function.client(door, MODERN).call(
            "run_command",
            json!({ "argv": ["sh", "-c", "echo half; sleep 60; echo whole"], "timeout_seconds": 60 }),
        );
        assert!(asked.elapsed() < Duration::from_secs(8), "Lambda would have killed it: {:?}", asked.elapsed());
        assert!(text(&ran).contains("half") && !text(&ran).contains("whole"), "{ran}");
        assert_eq!(ran["isError"], true, "{ran}");
    }
    // A standing stream ends as well, and the next event is served.
    let client = function.client(function.lambda.function_url, MODERN);
    let asked = Instant::now();
    let (headers, body) =
        client.request("subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } }));
    let answer = client.header("accept", "application/json, text/event-stream").exchange(&headers, &body).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
    function.client(function.lambda.http_api, PLAIN).tools();
    function.end();
}

#[test]
fn the_audit_line_is_out_before_the_answer_is() {
    let function = Function::start(SHELL);
    for (at, door) in function.doors().into_iter().enumerate() {
        let command = format!("echo {at}-frozen");
        function.client(door, PLAIN).call("run_command", json!({ "command": command }));
        // What Lambda does once an event is answered.
        function.house.signal(Signal::STOP);
        function.house.stdout.wait_for(&format!("{at}-frozen"));
        function.house.signal(Signal::CONT);
    }
    function.end();
}

#[test]
fn nothing_is_offered_that_would_go_on_between_two_events() {
    let function = Function::start(SHELL);
    let client = function.client(function.lambda.http_api, MODERN);
    let tools = client.tools();
    for tool in ["start_command", "command_output", "stop_command"] {
        assert!(!tools.contains(&tool.to_owned()), "{tools:?}");
        let answer = client.rpc("tools/call", json!({ "name": tool, "arguments": { "command": "sleep 100" } }));
        assert!(answer["error"]["message"].as_str().is_some_and(|said| said.contains("unknown tool")), "{answer}");
    }
    let listed = client.rpc("tools/list", json!({})).to_string() + &client.call("list_commands", json!({})).to_string();
    assert!(!listed.contains("start_command"), "a model would look for it: {listed}");
    let ready = Wire::connect(function.lambda.http_api).unwrap().send("GET", "/ready", &[], b"").unwrap();
    assert!(!ready.text().contains("shell.jobs"), "{}", ready.text());
    function.end();
}

#[test]
fn an_event_that_is_no_request_is_an_error_and_the_next_one_is_served() {
    let function = Function::start(SHELL);
    for event in
        [json!({}), json!({ "source": "aws.events" }), json!([1]), json!({ "rawPath": "/mcp", "requestContext": {} })]
    {
        let error = function.lambda.invoke(event.clone()).unwrap_err();
        assert_eq!(error["errorType"], "NotHttp", "{event}: {error}");
    }
    let request = |path: &str, body: &str| {
        json!({ "version": "2.0", "rawPath": path, "headers": {}, "body": body, "isBase64Encoded": true,
                "requestContext": { "http": { "method": "POST", "sourceIp": "x" } } })
    };
    for event in [request("/mcp", "not base64!"), request("mcp", ""), request("/a b", "")] {
        let answer = function.lambda.invoke(event).unwrap();
        assert_eq!(answer["statusCode"], 400, "{answer}");
    }
    function.client(function.lambda.http_api, PLAIN).tools();
    function.end();
}

#[test]
fn it_starts_where_nothing_but_tmp_can_be_written() {
    let (key, line) = new_key("ci", &[]);
    let lambda = Lambda::start().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let [task, temp] = ["task", "tmp"].map(|name| dir.path().join(name));
    for directory in [&task, &temp] {
        fs::create_dir(directory).unwrap();
    }
    fs::write(task.join("windlass.yaml"), format!("auth:\n  keys:\n    {line}\n{SHELL}")).unwrap();
    // The binary may lie where nobody else can go.
    let binary = task.join("bootstrap");
    fs::hard_link(WINDLASS, &binary).or_else(|_| fs::copy(WINDLASS, &binary).map(|_| ())).unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let root = rustix::process::getuid().is_root();
    let namespace: &[&str] = if root { &["--mount"] } else { &["--mount", "--user", "--map-root-user"] };
    let drop = if root { "setpriv --reuid=65534 --regid=65534 --clear-groups --" } else { "" };
    let script = format!(
        "cut -d' ' -f2 /proc/mounts | grep -vE '^/(proc|dev|sys)(/|$)' | while read -r m; do \
         mount -o remount,bind,ro \"$m\" 2>/dev/null; done; ! touch x 2>/dev/null && \
         mount -t tmpfs -o mode=1777 none {} && exec {drop} \"$@\"",
        temp.display()
    );
    let words = [&["unshare"], namespace, &["sh", "-c", &script, "sh"]].concat();
    let wrapper: Vec<String> = words.into_iter().map(str::to_owned).collect();
    match Command::new(&wrapper[0]).args(&wrapper[1..]).arg("true").output() {
        Ok(output) if output.status.success() => {}
        other => return skip("a read-only root", &format!("no mount namespace here: {other:?}")),
    }
    // No home, and settings in the folder of the code, whatever the working directory is.
    let plan = Plan { wrapper, binary, args: Vec::new(), env: lambda.environment(), ..Plan::default() };
    let plan = plan.env("XDG_STATE_HOME", "").env("HOME", "/home/sbx_user1051").env("TMPDIR", temp.to_str().unwrap());
    let house = plan.env("LAMBDA_TASK_ROOT", task.to_str().unwrap()).spawn_in(dir);
    let client = Client::new(lambda.http_api, MODERN).bearer(&key);
    let ran = client.call("run_command", json!({ "argv": ["sh", "-c", "touch x; seq 1 30000"] }));
    assert_eq!(ran["structuredContent"]["stderr"].as_str().map(|said| said.contains("touch")), Some(true), "{ran}");
    let handle = ran["structuredContent"]["stdout_handle"].as_str().unwrap_or_else(|| panic!("{ran}"));
    let page = client.call("read_output", json!({ "handle": handle, "from_line": 29999 }));
    assert_eq!(page["structuredContent"]["text"], "29999\n30000\n", "{page}");
    let ready = Wire::connect(lambda.http_api).unwrap().send("GET", "/ready", &[], b"").unwrap();
    assert_eq!(ready.status, 200, "{}", ready.text());
    let store = ready.json()["checks"].as_array().unwrap().iter().find(|check| check["name"] == "store").cloned();
    assert_eq!(store.unwrap()["health"], "ok", "/tmp is for that: {}", ready.text());
    assert_eq!(lambda.problems(), Vec::<String>::new());
    house.stop();
}

#[test]
fn the_end_is_heard_and_everything_written_down() {
    let function = Function::start(SHELL);
    function.client(function.lambda.http_api, PLAIN).tools();
    let (audit, log) = function.end();
    let last: Value = serde_json::from_str(audit.lines().last().unwrap()).unwrap();
    assert_eq!(last["method"], "server.stop", "{audit}");
    assert!(!log.contains("ERROR"), "{log}");
}

/// Printed, not promised: a test runs a debug build, and not alone.
#[test]
fn a_cold_start_is_measured() {
    let function = Function::start(SHELL);
    let started = Instant::now();
    function.client(function.lambda.http_api, PLAIN).tools();
    println!("from the process's start to its first answer: {:?}", started.elapsed());
    for (name, door) in ["an HTTP API", "a Function URL"].into_iter().zip(function.doors()) {
        let mut took: Vec<_> = (0..20)
            .map(|_| {
                let asked = Instant::now();
                function.client(door, PLAIN).tools();
                asked.elapsed()
            })
            .collect();
        took.sort();
        println!("tools/list through {name}, warm: {:?}", took[took.len() / 2]);
        // Answers that wait for acknowledgements of their own pieces take 40 ms, each.
        assert!(took[0] < Duration::from_millis(35), "{took:?}");
    }
    function.end();
}
