//! Sandboxes, from a client of MCP to code that runs in one.

use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;
use serde_json::{Value, json};
use windlass_testkit::skip;

use crate::{
    auth::new_key,
    house::{House, SHELL, eventually},
    wire::{Client, LEGACY, MODERN, text},
};

const ALONE: &str = "sandbox: { pool: { enabled: false } }\n";

fn bubblewrap(test: &str) -> bool {
    let there = std::process::Command::new("bwrap").arg("--version").output().is_ok();
    if !there {
        skip(test, "bubblewrap is not installed");
    }
    there
}

#[test]
fn code_runs_in_a_place_of_its_own() {
    if !bubblewrap("code in a sandbox") {
        return;
    }
    let house = House::start(ALONE);
    let client = Client::new(house.addr(), MODERN);
    let result = client.call(
        "run_code",
        json!({ "language": "python", "code": "import os\nprint(6 * 7, os.getuid(), os.listdir('/home'))" }),
    );
    assert_eq!(result["structuredContent"]["stdout"], "42 1000 ['sandbox']\n", "{result}");

    let made = client.call("create_sandbox", json!({ "labels": { "for": "a test" } }));
    let id = made["structuredContent"]["sandbox_id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    let call = |tool: &str, mut arguments: Value| {
        arguments["sandbox_id"] = id.as_str().into();
        client.call(tool, arguments)
    };
    let written = call("write_file", json!({ "path": "data/a.txt", "content": "grüß\n" }));
    assert_eq!(written["structuredContent"]["bytes"], 7, "{written}");
    let ran = call("run_command", json!({ "command": "cat data/a.txt; echo oops >&2; exit 3" }));
    assert_eq!(text(&ran), "grüß\n[stderr]\noops\n[exit code 3, 0.0 s]", "{ran}");
    assert_eq!(ran["isError"], true);
    let read = call("read_file", json!({ "path": "data/a.txt" }));
    assert_eq!(read["structuredContent"]["content"], "grüß\n", "{read}");
    let listed = call("list_directory", json!({}));
    assert_eq!(listed["structuredContent"]["entries"][0]["name"], "data", "{listed}");
    assert!(text(&client.call("list_sandboxes", json!({}))).contains("for=a test"));
    assert_eq!(call("destroy_sandbox", json!({}))["structuredContent"]["success"], true);
    let gone = call("run_command", json!({ "command": "true" }));
    assert!(text(&gone).starts_with(&format!("there is no sandbox `{id}`")), "{gone}");
}

#[test]
fn a_line_of_commands_goes_where_its_arguments_say() {
    if !bubblewrap("two tools of one name") {
        return;
    }
    let house = House::start(&format!("{ALONE}{SHELL}"));
    let client = Client::new(house.addr(), MODERN);
    let tools = client.tools();
    assert!(tools.contains(&"run_command".into()) && tools.contains(&"run_in_sandbox".into()), "{tools:?}");
    assert!(text(&client.call("run_command", json!({ "command": "pwd" }))).contains("/work"));
    let id = client.call("create_sandbox", json!({}))["structuredContent"]["sandbox_id"].clone();
    for tool in ["run_command", "run_in_sandbox"] {
        let ran = client.call(tool, json!({ "sandbox_id": id, "command": "pwd" }));
        assert_eq!(ran["structuredContent"]["stdout"], "/home/sandbox\n", "{tool}: {ran}");
    }
}

#[test]
fn nobody_finds_or_fills_up_what_is_anothers() {
    if !bubblewrap("owners") {
        return;
    }
    let ((alice, hers), (bob, his)) = (new_key("alice", &[]), new_key("bob", &[]));
    let quota = "sandbox: { pool: { enabled: false }, per_principal: { count: 2 }, max_memory: 1GiB }\n";
    let house = House::start(&format!("auth:\n  keys:\n    {hers}\n    {his}\n{quota}"));
    let (alice, bob) =
        (Client::new(house.addr(), MODERN).bearer(&alice), Client::new(house.addr(), MODERN).bearer(&bob));
    let id = alice.call("create_sandbox", json!({}))["structuredContent"]["sandbox_id"].clone();
    for tool in ["run_command", "read_file", "write_file", "list_directory", "destroy_sandbox", "run_code"] {
        let mut arguments = json!({ "sandbox_id": id });
        let more = match tool {
            "run_command" => json!({ "command": "true" }),
            "run_code" => json!({ "language": "bash", "code": "true" }),
            "write_file" => json!({ "path": "x", "content": "x" }),
            "destroy_sandbox" => json!({}),
            _ => json!({ "path": "/tmp" }),
        };
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let refused = bob.call(tool, arguments);
        assert!(text(&refused).starts_with("there is no sandbox"), "{tool}: {refused}");
    }
    assert_eq!(bob.call("list_sandboxes", json!({}))["structuredContent"]["sandboxes"], json!([]));
    let asked = |arguments| text(&alice.call("create_sandbox", arguments)).to_owned();
    assert!(asked(json!({ "memory_mib": 2048 })).starts_with("a sandbox may have at most 1GiB memory"));
    asked(json!({}));
    insta::assert_snapshot!(asked(json!({})), @"
    this caller has 2 of at most 2 sandboxes in sandboxes
    hint: destroy_sandbox those that are not needed; list_sandboxes shows them
    ");
    assert!(text(&bob.call("create_sandbox", json!({}))).starts_with("sbx_"));
}

#[test]
fn warm_ones_wait_and_time_runs_out() {
    if !bubblewrap("a pool") {
        return;
    }
    let house = House::start("sandbox: { pool: { min: 2, max: 2 }, idle: 2s }\n");
    let client = Client::new(house.addr(), MODERN);
    let create = |arguments| client.call("create_sandbox", arguments)["structuredContent"].clone();
    eventually("a warm sandbox", || create(json!({}))["warm"] == true);
    // What the pool does not have is made, and is what was asked for.
    let own = create(json!({ "memory_mib": 100, "disk_mib": 5, "vcpus": 2, "environment": { "OWN": "yes" } }));
    assert_eq!((&own["warm"], &own["memory_mib"], &own["vcpus"]), (&json!(false), &json!(100), &json!(2)));
    let line = "echo $OWN; head -c 10M /dev/zero > x; stat -c %s x";
    let ran = client.call("run_command", json!({ "sandbox_id": own["sandbox_id"], "command": line }));
    assert_eq!(ran["structuredContent"]["stdout"], format!("yes\n{}\n", 5 << 20), "{ran}");
    // Somebody who works in one keeps it.
    let short = create(json!({ "ttl_seconds": 3 }));
    let ran = client.call("run_command", json!({ "sandbox_id": short["sandbox_id"], "command": "sleep 30" }));
    assert!(ran["structuredContent"]["duration_ms"].as_u64().is_some_and(|ms| ms < 10_000), "{ran}");
    eventually("the end of all of them", || {
        client.call("list_sandboxes", json!({}))["structuredContent"]["sandboxes"] == json!([])
    });
}

#[test]
fn a_killed_server_leaves_nothing_that_the_next_does_not_free() {
    if !bubblewrap("a killed server") {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
    let directory = place.path().join("sandboxes");
    let yaml = format!("sandbox: {{ pool: {{ enabled: false }}, directory: {directory:?} }}\n");
    let house = House::start(&yaml);
    let client = Client::new(house.addr(), MODERN);
    let mark = format!("{}.25", 100_000 + std::process::id());
    for _ in 0..20 {
        let id = client.call("create_sandbox", json!({}))["structuredContent"]["sandbox_id"].clone();
        assert!(id.is_string());
        let line = format!("setsid sleep {mark} >/dev/null 2>&1 & exit 0");
        client.call("run_command", json!({ "sandbox_id": id, "command": line }));
    }
    let servers = || {
        let entries = std::fs::read_dir(&directory).unwrap().flatten().map(|entry| entry.path());
        entries.filter(|path| path.is_dir()).collect::<Vec<_>>()
    };
    let [old] = servers().try_into().unwrap();
    let records = || {
        std::fs::read_dir(&old).map_or(0, |all| all.flatten().filter(|one| one.path().extension().is_some()).count())
    };
    assert_eq!(records(), 20 + 1, "20 sandboxes and nsswitch.conf");
    let json = |path: std::path::PathBuf| path.extension().is_some_and(|end| end == "json").then_some(path);
    let groups: Vec<std::path::PathBuf> = std::fs::read_dir(&old)
        .unwrap()
        .filter_map(|entry| json(entry.unwrap().path()))
        .map(|path| serde_json::from_slice::<Value>(&std::fs::read(path).unwrap()).unwrap())
        .flat_map(|record| serde_json::from_value::<Vec<_>>(record["directories"].clone()).unwrap())
        .collect();
    let unlimited = house.get("/ready").text().contains("no control group");
    house.signal(Signal::KILL);
    house.ended();
    assert!(old.exists());
    let next = House::start(&yaml);
    let client = Client::new(next.addr(), MODERN);
    assert_eq!(client.call("list_sandboxes", json!({}))["structuredContent"]["sandboxes"], json!([]));
    assert!(!old.exists() && servers().len() == 1);
    eventually("the end of every process", || {
        let found = std::process::Command::new("pgrep").args(["-f", &mark]).output().unwrap();
        found.stdout.is_empty()
    });
    assert!(!groups.is_empty() || unlimited, "the records name no control group");
    for group in groups {
        assert!(!group.exists(), "{} was left", group.display());
    }
}

#[test]
fn a_demand_for_a_kernel_of_its_own_is_not_overheard() {
    if !bubblewrap("isolation") {
        return;
    }
    let house = House::start("sandbox: { isolation: vm }\n");
    let client = Client::new(house.addr(), MODERN);
    let refused = client.call("run_code", json!({ "language": "bash", "code": "true" }));
    assert!(text(&refused).starts_with("this server cannot make sandboxes"), "{refused}");
    let ready = house.get("/ready");
    assert_eq!(ready.status, 503);
    assert!(String::from_utf8_lossy(&ready.body).contains("a kernel of its own"), "{ready:?}");
}

#[test]
fn those_that_wait_give_way_to_those_who_ask() {
    if !bubblewrap("a full pool") {
        return;
    }
    let house = House::start("sandbox: { max_sandboxes: 3, pool: { min: 3 } }\n");
    let client = Client::new(house.addr(), MODERN);
    let create = |arguments| text(&client.call("create_sandbox", arguments)).to_owned();
    eventually("a full pool", || {
        client.call("run_code", json!({ "language": "bash", "code": "exit 0" }))["isError"] == false
    });
    for arguments in [json!({}), json!({ "memory_mib": 64 }), json!({})] {
        let made = create(arguments);
        assert!(made.starts_with("sbx_"), "{made}");
    }
    assert!(create(json!({})).starts_with("all 3 sandboxes of this server are in use"));
}

#[test]
fn files_are_resources_and_reading_them_is_limited_like_calls() {
    if !bubblewrap("resources") {
        return;
    }
    let house = House::start(&format!("{ALONE}limits: {{ calls_per_minute: 60 }}\n"));
    let client = Client::new(house.addr(), LEGACY[2]);
    let id = client.call("create_sandbox", json!({}))["structuredContent"]["sandbox_id"].clone();
    let bytes = json!({ "sandbox_id": id, "path": "a b.bin", "content_base64": "AP/+" });
    assert_eq!(client.call("write_file", bytes)["structuredContent"]["bytes"], 3);
    let read = |path: &str| {
        let uri = format!("sandbox://{}{path}", id.as_str().unwrap());
        client.rpc("resources/read", json!({ "uri": uri }))
    };
    let found = read("/home/sandbox/a%20b.bin");
    assert_eq!(found["result"]["contents"][0]["blob"], "AP/+", "{found}");
    assert!(read("/home/sandbox/none")["error"].is_object());
    let said: Vec<_> = (0..20).map(|_| read("/home/sandbox/none").to_string()).collect();
    assert!(said.iter().any(|said| said.contains("too many calls")), "{said:?}");
}
