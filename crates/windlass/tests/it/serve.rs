//! What `/mcp` and the pages beside it answer, in every revision.

use std::process::Command;

use serde_json::{Value, json};
use windlass_testkit::skip;

use crate::{
    house::{House, Plan, SHELL},
    wire::{Client, LEGACY, MODERN, PLAIN, REVISIONS, text},
};

#[test]
fn the_documented_curl_works_as_written() {
    if Command::new("curl").arg("--version").output().is_err() {
        return skip("the documented curl", "curl is not installed");
    }
    // What `make run` serves in a fresh checkout.
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
    let house = Plan::default().args(&["serve", "--port", "0", "--config", &format!("{root}windlass.yaml")]).start();
    for page in ["README.md", "docs/getting-started.md", "docs/http.md", "examples/laptop/README.md"] {
        let page_text = std::fs::read_to_string(format!("{root}{page}")).unwrap();
        let commands = commands(&page_text);
        assert!(!commands.is_empty(), "{page} documents no curl");
        for command in commands {
            let line = command.replace("localhost:8080", &house.addr().to_string());
            let output = Command::new("sh").args(["-c", &line]).output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            let answer: Value =
                serde_json::from_str(&said).unwrap_or_else(|error| panic!("{command}: {error}: {said}"));
            assert!(answer["error"].is_null() && answer["result"].is_object(), "{page}: {command}: {answer}");
            assert_ne!(answer["result"]["isError"], true, "{page}: {command}: {answer}");
        }
    }
}

/// The requests to `/mcp` that a page shows, each in one line.
fn commands(page: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in page.lines().map(str::trim) {
        let line = line.trim_start_matches("$ ");
        if !goes_on && !line.starts_with("curl ") {
            continue;
        }
        match commands.last_mut().filter(|_| goes_on) {
            Some(begun) => begun.push_str(line),
            None => commands.push(line.to_owned()),
        }
        let whole = commands.last_mut().unwrap();
        let broken = whole.strip_suffix('\\').map(|start| format!("{start} "));
        goes_on = broken.is_some() || whole.matches('\'').count() % 2 == 1;
        *whole = broken.unwrap_or_else(|| whole.clone());
    }
    commands.retain(|command| command.contains("/mcp"));
    commands
}

#[test]
fn every_revision_from_one_endpoint() {
    let house = House::start(SHELL);
    for revision in [PLAIN, LEGACY[0], LEGACY[1], LEGACY[2], MODERN] {
        let client = Client::new(house.addr(), revision);
        if revision != PLAIN {
            assert_eq!(client.hello()["name"], "windlass", "{revision}");
        }
        assert!(client.tools().contains(&"run_command".to_owned()), "{revision}");
        let result = client.call("run_command", json!({ "command": "echo it works" }));
        assert_eq!(result["structuredContent"]["stdout"], "it works\n", "{revision}: {result}");
        assert_eq!(result["isError"], false, "{revision}");
        let stamp = &result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"];
        assert_eq!(stamp, &(if revision == MODERN { json!("windlass") } else { Value::Null }), "{revision}");
        assert_eq!(result["resultType"], if revision == MODERN { json!("complete") } else { Value::Null });
    }
}

#[test]
fn the_current_revision_insists_on_headers_that_agree_with_the_body() {
    let house = House::start(SHELL);
    let client = Client::new(house.addr(), MODERN);
    let call = json!({ "name": "run_command", "arguments": { "command": "echo once" } });
    let (headers, body) = client.request("tools/call", call);
    assert_eq!(client.exchange(&headers, &body).unwrap().status, 200);
    for (name, value) in
        [("mcp-method", "tools/list"), ("mcp-name", "list_commands"), ("mcp-protocol-version", "2025-06-18")]
    {
        let mut wrong = headers.clone();
        wrong.iter_mut().find(|(known, _)| known == name).unwrap().1 = value.to_owned();
        let answer = client.exchange(&wrong, &body).unwrap();
        assert_eq!(answer.status, 400, "{name}: {}", answer.text());
    }
    let calls = house.audit().into_iter().filter(|line| line["method"] == "tools/call").count();
    assert!(calls <= 1, "a refused request must not run: {:?}", house.audit());
}

#[test]
fn batches_exist_in_one_revision() {
    let house = House::start(SHELL);
    let batch = json!([
        { "jsonrpc": "2.0", "id": 1, "method": "tools/list" },
        { "jsonrpc": "2.0", "method": "notifications/initialized" },
        { "jsonrpc": "2.0", "id": "two", "method": "tools/call",
          "params": { "name": "run_command", "arguments": { "command": "pwd" } } },
    ])
    .to_string();
    let answer = house.post(&batch, &[("mcp-protocol-version", "2025-03-26")]);
    let answers = answer.json();
    assert_eq!(answer.status, 200, "{answers}");
    assert_eq!(answers.as_array().unwrap().len(), 2, "a notification has no answer: {answers}");
    assert_eq!((&answers[0]["id"], &answers[1]["id"]), (&json!(1), &json!("two")));
    assert_eq!(answers[1]["result"]["structuredContent"]["exit_code"], 0, "{answers}");
    for revision in ["2025-06-18", "2025-11-25", MODERN] {
        let answer = house.post(&batch, &[("mcp-protocol-version", revision)]);
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (400, &json!(-32600)), "{revision}");
    }
}

#[test]
fn one_toolset_under_its_own_address() {
    let house = House::start(SHELL);
    let all = house.client().tools();
    let of = |scope: &str| house.client().path(&format!("/mcp/{scope}")).tools();
    let (shell, output) = (of("shell"), of("output"));
    assert_eq!(output, ["read_output", "search_output"]);
    assert!(shell.contains(&"run_command".to_owned()) && !shell.contains(&"read_output".to_owned()), "{shell:?}");
    assert_eq!(shell.len() + output.len(), all.len());
    let stranger = json!({ "name": "run_command", "arguments": { "command": "pwd" } });
    let answer = house.client().path("/mcp/output").rpc("tools/call", stranger);
    assert!(answer["error"]["message"].as_str().unwrap().contains("unknown tool"), "{answer}");
    for path in ["/mcp/nothing", "/mcp/", "/mcp/shell/run_command", "/nowhere", "/mcpx"] {
        assert_eq!(house.send("POST", path, &[("content-type", "application/json")], b"{}").status, 404, "{path}");
    }
}

#[test]
fn what_is_refused_and_how() {
    let house = House::start(&format!("limits: {{ body: 64KiB }}\n{SHELL}"));
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let check = |what: &str, method: &str, headers: &[(&str, &str)], body: &str, status: u16, code: i64| {
        let answer = house.send(method, "/mcp", headers, body.as_bytes());
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        assert_eq!(answer.json()["error"]["code"], code, "{what}: {}", answer.text());
        answer
    };
    let json = ("content-type", "application/json");
    let big = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{{"x":"{}"}}}}"#, "x".repeat(70_000));
    check("text", "POST", &[("content-type", "text/plain")], list, 415, -32600);
    check("no type", "POST", &[], list, 415, -32600);
    check("size", "POST", &[json], &big, 413, -32600);
    check("no JSON", "POST", &[json], "{", 400, -32700);
    check("nothing", "POST", &[json], "", 400, -32700);
    check("not UTF-8's twin", "POST", &[json], "\u{feff}", 400, -32700);
    check("no message", "POST", &[json], r#"{"hello":1}"#, 400, -32600);
    for method in ["GET", "DELETE", "PUT"] {
        assert_eq!(check(method, method, &[json], "", 405, -32000).header("allow"), Some("POST"));
    }
    for host in ["evil.example.com", "localhost.evil.com", "127.0.0.1.evil.com:8080", ""] {
        check(host, "POST", &[json, ("host", host)], list, 403, -32000);
    }
    check("two hosts", "POST", &[json, ("host", "localhost"), ("host", "evil.example.com")], list, 403, -32000);
    for origin in ["https://evil.example.com", "null", "http://localhost:1"] {
        let answer = check(origin, "POST", &[json, ("origin", origin)], list, 403, -32000);
        assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
        let asked = [("origin", origin), ("access-control-request-method", "POST")];
        assert_eq!(house.send("OPTIONS", "/mcp", &asked, b"").status, 403, "{origin}: preflight");
    }
    let own = format!("http://{}", house.addr());
    let answer = house.post(list, &[("origin", &own)]);
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some(own.as_str())));
    let denied = house.await_audit("a line for Host", |line| line["decision"] == "denied" && line["method"] == "/mcp");
    assert!(denied["reason"].as_str().unwrap().contains("evil.example.com"), "{denied}");
    assert_eq!(house.post(list, &[]).status, 200, "and it still serves");
}

#[test]
fn methods_and_tools_that_do_not_exist() {
    let house = House::start(SHELL);
    for revision in REVISIONS {
        let client = Client::new(house.addr(), revision);
        let answer = client.rpc("tools/dance", json!({}));
        assert_eq!(answer["error"]["code"], -32601, "{revision}: {answer}");
        let answer = client.rpc("tools/call", json!({ "name": "run_comand", "arguments": {} }));
        assert_eq!(answer["error"]["code"], -32602, "{revision}: {answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains("did you mean `run_command`?"), "{answer}");
        let result = client.call("run_command", json!({ "comand": "ls" }));
        assert_eq!(result["isError"], true, "{revision}: arguments are checked against the schema");
        assert!(text(&result).contains("comand"), "{result}");
    }
}

#[test]
fn pages_for_machines() {
    let house = House::start(SHELL);
    let health = house.get("/health");
    assert_eq!(health.status, 200);
    assert_eq!(
        health.json(),
        json!({ "status": "healthy", "server": "windlass", "version": env!("CARGO_PKG_VERSION") })
    );
    assert_eq!(house.send("HEAD", "/nowhere", &[], b"").status, 404);
    let ready = house.get("/ready").json();
    assert_eq!(ready["status"], "ready", "{ready}");
    for name in ["auth", "audit", "store", "shell.programs"] {
        let checks = ready["checks"].as_array().unwrap();
        assert!(checks.iter().any(|check| check["name"] == name && check["health"] != "failed"), "{name}: {ready}");
    }
    house.call("run_command", json!({ "command": "pwd" }));
    let metrics = house.get("/metrics");
    assert!(metrics.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    let counted = metrics.text().lines().any(|line| {
        line.starts_with("mcp_server_operation_duration_seconds_count")
            && line.contains("run_command")
            && line.contains("allowed")
            && line.ends_with(" 1")
    });
    assert!(counted, "{}", metrics.text());
    let page = house.get("/");
    assert!(page.header("content-security-policy").is_some_and(|csp| csp.contains("default-src 'none'")), "{page:?}");
}

#[test]
fn seed_4_starts_from_its_own_environment() {
    let house = Plan::default()
        .env("MCP_AUTH_TOKEN", "a-token-of-the-older-server")
        .env("MCP_ALLOWED_COMMANDS", "ls,cat,grep,echo,pwd")
        .env("MCP_BLOCKED_COMMANDS", "rm -rf /,mkfs")
        .start();
    assert_eq!(house.client().answer(&json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" })).status, 401);
    let client = house.client().header("X-MCP-Auth-Token", "a-token-of-the-older-server");
    let result = client.call("execute_command", json!({ "command": "echo hello", "timeout": "5s" }));
    assert_eq!(result["structuredContent"]["stdout"], "hello\n", "{result}");
    assert_eq!(result["structuredContent"]["exit_code"], 0);
    for line in ["ls; id", "lsof", "ls $(id)", "rm -rf /", "cat /etc/passwd"] {
        let result = client.call("execute_command", json!({ "command": line }));
        assert_eq!(result["isError"], true, "{line}: {result}");
    }
    for alias in ["list_allowed_commands", "list_blocked_commands", "get_shell_info"] {
        assert_eq!(client.call(alias, json!({}))["isError"], false, "{alias}");
    }
    house.stderr.wait_for("MCP_AUTH_TOKEN");
}

#[test]
fn petty_starts_from_its_own_environment() {
    let port = windlass_testkit::free_port().unwrap().to_string();
    let house = Plan::default().args(&[]).env("PETTY_TRANSPORT", "http").env("PETTY_HTTP_PORT", &port).start();
    assert_eq!(house.addr().port().to_string(), port);
    assert_eq!(house.get("/health").status, 200);
    house.stop();
}
