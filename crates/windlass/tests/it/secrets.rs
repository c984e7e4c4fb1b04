//! Canaries are planted wherever the server keeps or is handed a secret; everything that leaves it is searched.

use serde_json::{Value, json};

use crate::{
    auth::new_key,
    house::{Plan, SHELL},
    wire::{Client, MODERN, PLAIN},
};

const ENVIRONMENT: [(&str, &str); 4] = [
    ("AWS_SECRET_ACCESS_KEY", "canary-of-aws-4f1c"),
    ("DATABASE_URL", "postgres://app:canary-of-the-database-77aa@db/app"),
    ("SOMETHING_HARMLESS", "canary-of-no-telling-name-09d3"),
    ("MCP_AUTH_TOKEN", "canary-of-the-shared-token-b52e"),
];

/// Where a child could look for its server's environment, with the most generous grant there is.
const LOOKING: [&str; 8] = [
    "env",
    "export -p",
    "cat /proc/self/environ",
    "cat /proc/$PPID/environ",
    "for p in /proc/[0-9]*; do cat $p/environ; done",
    "for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline; done",
    "for p in /proc/[0-9]*; do ls -l $p/fd; head -c 4096 $p/maps; done",
    "cat /proc/SERVER/environ; grep -a canary /proc/SERVER/mem; ls -la /proc/SERVER/cwd/; cat /proc/SERVER/root/etc/shadow",
];

#[test]
fn no_secret_of_the_server_ever_leaves_it() {
    let (key, line) = new_key("ci", &[]);
    let yaml = format!("telemetry: {{ log: trace }}\nauth:\n  keys:\n    {line}\n{SHELL}");
    let mut plan = Plan::yaml(&yaml).env("WINDLASS_TRANSPORT", "http");
    for (name, value) in ENVIRONMENT {
        plan = plan.env(name, value);
    }
    let house = plan.start();
    let mut left: Vec<(String, String)> = Vec::new();
    let mut note = |from: &str, what: String| left.push((from.to_owned(), what));
    for revision in [PLAIN, MODERN] {
        let client = Client::new(house.addr(), revision).bearer(&key);
        note("tools/list", client.rpc("tools/list", json!({})).to_string());
        for script in LOOKING {
            let script = script.replace("SERVER", &house.pid.to_string());
            let ran = client.call("run_command", json!({ "argv": ["sh", "-c", script] }));
            assert!(ran["structuredContent"]["duration_ms"].is_u64(), "it did run: {ran}");
            note(&script, ran.to_string());
            let refused = client.call("run_command", json!({ "command": script }));
            note(&format!("{script}, as a line"), refused.to_string());
        }
        let environment = client.call("run_command", json!({ "argv": ["sh", "-c", "env"] }));
        let environment = environment["structuredContent"]["stdout"].as_str().unwrap();
        let names: Vec<_> = environment.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
        assert!(
            names.iter().all(|name| ["PATH", "HOME", "LANG", "TERM", "PWD", "SHLVL", "_", "OLDPWD"].contains(name))
        );
        for line in ["echo $AWS_SECRET_ACCESS_KEY", "echo ${MCP_AUTH_TOKEN}", "cat /proc/self/environ", "env"] {
            let refused = client.call("run_command", json!({ "command": line }));
            assert_eq!(refused["isError"], true, "{line}: {refused}");
            note(line, refused.to_string());
        }
        note("an unknown tool", client.rpc("tools/call", json!({ "name": format!("run {key}") })).to_string());
    }
    let bearer = format!("Bearer {key}");
    let headers = [("authorization", bearer.as_str())];
    for path in ["/health", "/ready", "/metrics", "/", "/nowhere", "/.well-known/oauth-protected-resource"] {
        note(path, format!("{:?}", house.send("GET", path, &headers, b"").text()));
    }
    for body in ["{", "[]", "{}", r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#] {
        note(body, house.post(body, &headers).text());
    }
    note("401", house.post("{}", &[("authorization", "Bearer canary")]).text());
    let (audit, log) = house.stop();
    note("the audit log", audit);
    note("the log", log);
    let secrets =
        ENVIRONMENT.iter().map(|(_, value)| value.split(['@', ':']).find(|part| part.contains("canary")).unwrap());
    for secret in secrets.chain([&key[4..]]) {
        for (from, what) in &left {
            // The caller itself wrote its key into a tool's name, and may read it back.
            if from == "an unknown tool" {
                continue;
            }
            assert!(!what.contains(secret), "{from} gave away {secret}:\n{}", near(what, secret));
        }
    }
}

#[test]
fn a_callers_secrets_are_not_written_down() {
    let yaml = "
telemetry: { log: trace }
shell:
  commands: [echo, cat]
  allow_environment: [DB_PASSWORD]
audit: { redact: [codeword] }
";
    let house = Plan::yaml(yaml).env("WINDLASS_TRANSPORT", "http").start();
    let calls: [Value; 7] = [
        json!({ "command": "echo hi", "environment": { "DB_PASSWORD": "canary-1" } }),
        json!({ "command": "echo --password=canary-2 x" }),
        json!({ "argv": ["echo", "--token", "canary-3"] }),
        json!({ "command": "echo 'Authorization: Bearer canary-4-0123456789abcdef'" }),
        json!({ "command": "echo https://user:canary-5@example.com/" }),
        json!({ "command": "echo hi", "environment": { "api_key": "canary-6" } }),
        json!({ "argv": ["echo", "codeword=canary-7"] }),
    ];
    for arguments in &calls {
        house.call("run_command", arguments.clone());
        house.call("start_command", arguments.clone());
        house.call("explain_command", arguments.clone());
        house.client().rpc("tools/call", json!({ "name": "no_such_tool", "arguments": arguments }));
    }
    let metrics = house.get("/metrics").text();
    let (audit, log) = house.stop();
    assert!(audit.matches("[redacted]").count() >= calls.len(), "{audit}");
    for (from, what) in [("the audit log", audit), ("the log", log), ("metrics", metrics)] {
        assert!(!what.contains("canary-"), "{from}:\n{}", near(&what, "canary-"));
    }
}

fn near<'a>(text: &'a str, part: &str) -> &'a str {
    let at = text.find(part).unwrap_or(0);
    &text[text.floor_char_boundary(at.saturating_sub(300))..text.ceil_char_boundary((at + 200).min(text.len()))]
}
