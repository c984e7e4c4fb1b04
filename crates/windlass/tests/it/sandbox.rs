//! Sandboxes, from a client of MCP to code that runs in one.

mod answers;
mod seed;

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use rustix::process::Signal;
use serde_json::{Value, json};
use windlass_testkit::skip;

use crate::{
    auth::new_key,
    house::{House, SHELL, WINDLASS, eventually},
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

/// The program that launches sandboxes and serves in them is the small one, where there is one.
#[test]
fn the_small_program_is_what_waits_inside() {
    let guest = guest();
    if !bubblewrap("the small program") || !guest.exists() {
        return skip("the small program", "no static guest was built");
    }
    let size = std::fs::metadata(&guest).unwrap().len();
    let named = format!("sandbox: {{ guest: {guest:?}, backend: namespace, pool: {{ enabled: false }} }}\n");
    for (yaml, small) in [(named.as_str(), true), (ALONE, false)] {
        let house = House::start(yaml);
        let client = Client::new(house.addr(), MODERN);
        let id = client.call("create_sandbox", json!({}))["structuredContent"]["sandbox_id"].clone();
        let ran = client.call("run_command", json!({ "sandbox_id": id, "command": "echo 42" }));
        assert_eq!(ran["structuredContent"]["stdout"], "42\n", "{ran}");
        let (mut todo, mut sizes) = (children_of(house.pid), Vec::new());
        while let Some(pid) = todo.pop() {
            sizes.extend(std::fs::metadata(format!("/proc/{pid}/exe")).map(|program| program.len()));
            todo.extend(children_of(pid));
        }
        assert_eq!(sizes.contains(&size), small, "{sizes:?}");
    }
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
    for tool in [
        "run_command",
        "read_file",
        "write_file",
        "list_directory",
        "destroy_sandbox",
        "run_code",
        "snapshot_sandbox",
        "fork_sandbox",
    ] {
        let mut arguments = json!({ "sandbox_id": id });
        let more = match tool {
            "run_command" => json!({ "command": "true" }),
            "run_code" => json!({ "language": "bash", "code": "true" }),
            "write_file" => json!({ "path": "x", "content": "x" }),
            "destroy_sandbox" | "snapshot_sandbox" | "fork_sandbox" => json!({}),
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
fn a_call_that_takes_long_holds_up_nobody() {
    if !bubblewrap("fairness") {
        return;
    }
    let house = House::start("sandbox: { pool: { min: 2, max: 2 } }\n");
    let client = Client::new(house.addr(), MODERN);
    let busy = client.call("create_sandbox", json!({}))["structuredContent"]["sandbox_id"].clone();
    let long = std::thread::spawn({
        let (client, busy) = (client.clone(), busy.clone());
        let code = "while True: pass";
        let arguments = json!({ "sandbox_id": busy, "language": "python", "code": code, "timeout_seconds": 15 });
        move || client.call("run_code", arguments)["structuredContent"].clone()
    });
    let (mut slowest, mut rounds) = (std::time::Duration::ZERO, 0);
    let mut timed = |tool: &str, arguments: Value| {
        let asked = std::time::Instant::now();
        let answer = client.call(tool, arguments)["structuredContent"].clone();
        slowest = slowest.max(asked.elapsed());
        answer
    };
    while !long.is_finished() {
        let made = timed("create_sandbox", json!({}))["sandbox_id"].clone();
        for sandbox in [&made, &busy] {
            let ran = timed("run_command", json!({ "sandbox_id": sandbox, "command": "echo x" }));
            assert_eq!(ran["stdout"], "x\n", "{ran}");
        }
        timed("destroy_sandbox", json!({ "sandbox_id": made }));
        rounds += 1;
    }
    assert_eq!(long.join().unwrap()["timed_out"], true);
    assert!(rounds >= 5 && slowest.as_secs() < 8, "{rounds} rounds, and the slowest call took {slowest:?}");
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
    assert!(ready.text().contains("make one with `windlass sandbox image build`"), "{ready:?}");
    let contradiction = House::start("sandbox: { isolation: vm, backend: namespace }\n");
    assert!(contradiction.get("/ready").text().contains("set `sandbox.backend: auto`"));
}

#[test]
fn those_that_wait_give_way_to_those_who_ask() {
    if !bubblewrap("a full pool") {
        return;
    }
    // Some wait; or they are still being made.
    for full in [true, false] {
        let house = House::start("sandbox: { max_sandboxes: 3, pool: { min: 3 } }\n");
        let client = Client::new(house.addr(), MODERN);
        let create = |arguments| text(&client.call("create_sandbox", arguments)).to_owned();
        if full {
            eventually("a full pool", || {
                client.call("run_code", json!({ "language": "bash", "code": "exit 0" }))["isError"] == false
            });
        }
        for arguments in [json!({}), json!({ "memory_mib": 64 }), json!({})] {
            let made = create(arguments);
            assert!(made.starts_with("sbx_"), "{made}");
        }
        assert!(create(json!({})).starts_with("all 3 sandboxes of this server are in use"));
    }
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

#[test]
fn a_session_keeps_what_code_leaves_in_it() {
    if !bubblewrap("sessions") {
        return;
    }
    let house = House::start(ALONE);
    let client = Client::new(house.addr(), MODERN);
    let made = client.call("create_sandbox", json!({}));
    let id = made["structuredContent"]["sandbox_id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    let run = |language: &str, code: &str, seconds: f64| {
        let arguments = json!({
            "sandbox_id": id, "language": language, "code": code, "session": true, "timeout_seconds": seconds
        });
        client.call("run_code", arguments)["structuredContent"].clone()
    };
    let python = |code: &str| run("python", code, 30.0);
    assert_eq!(python("import math\nx = 20\ndef f(y):\n    return y + x")["session_kept"], true);
    let value = python("print('grüß')\nf(22)");
    assert_eq!((&value["stdout"], &value["exit_code"]), (&json!("grüß\n42\n"), &json!(0)), "{value}");
    let failed = python("print('before')\n1 / 0");
    assert_eq!((&failed["stdout"], &failed["exit_code"]), (&json!("before\n"), &json!(1)), "{failed}");
    let told = failed["stderr"].as_str().unwrap();
    assert!(told.contains("File \"<3>\", line 2") && told.contains("1 / 0") && !told.contains("driver"), "{told}");
    assert_eq!(python("input()")["exit_code"], 1, "it has no input");
    // Code that is too slow is interrupted, and the rest is still there.
    let slow = run("python", "import time\nx = 21\nprint('slow', flush=True)\ntime.sleep(60)", 0.5);
    assert_eq!(
        (&slow["timed_out"], &slow["stdout"], &slow["session_kept"]),
        (&json!(true), &json!("slow\n"), &json!(true)),
        "{slow}"
    );
    assert_eq!(python("f(21)")["stdout"], "42\n");
    // Code that does not heed that ends with its interpreter.
    let deaf = run("python", "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\ntime.sleep(60)", 0.5);
    assert_eq!((&deaf["timed_out"], &deaf["session_kept"]), (&json!(true), &json!(false)), "{deaf}");
    assert_eq!(python("f(21)")["exit_code"], 1, "it is a new interpreter");
    let left = python("import os\nprint('bye', flush=True)\nos._exit(7)");
    assert_eq!(
        (&left["exit_code"], &left["stdout"], &left["session_kept"]),
        (&json!(7), &json!("bye\n"), &json!(false)),
        "{left}"
    );
    // Much output, and what looks like the end of it.
    let much = python("import sys\nsys.stdout.write('\\x1e' + '0' * 32 + ':0\\n' + 'x' * 3000000)\nlen('after')");
    assert_eq!((&much["exit_code"], &much["stdout_bytes"]), (&json!(0), &json!(3_000_038)), "{}", much["exit_code"]);

    assert_eq!(run("bash", "cd /tmp; n=5; f() { echo $((n * $1)); }", 30.0)["exit_code"], 0);
    let bash = run("bash", "f 4; pwd; read line || echo none; false", 30.0);
    assert_eq!((&bash["stdout"], &bash["exit_code"]), (&json!("20\n/tmp\nnone\n"), &json!(1)), "{bash}");
    let slow = run("bash", "echo a; sleep 60; n=6", 0.5);
    assert_eq!((&slow["timed_out"], &slow["session_kept"]), (&json!(true), &json!(true)), "{slow}");
    if std::process::Command::new("node").arg("--version").output().is_ok() {
        assert_eq!(run("node", "const a = 20; let f = async (x) => x + a;", 30.0)["exit_code"], 0);
        assert_eq!(run("node", "f(22)", 30.0)["stdout"], "42\n");
        assert_eq!(run("node", "require('os').missing.x", 30.0)["exit_code"], 1);
        let slow = run("node", "while (true) {}", 0.5);
        assert_eq!((&slow["timed_out"], &slow["session_kept"]), (&json!(true), &json!(true)), "{slow}");
        let slow = run("node", "new Promise(() => {})", 0.5);
        assert_eq!((&slow["timed_out"], &slow["session_kept"]), (&json!(true), &json!(true)), "{slow}");
        assert_eq!(run("node", "a", 30.0)["stdout"], "20\n");
    } else {
        skip("sessions of JavaScript", "node is not installed");
    }
    let homeless = client.call("run_code", json!({ "language": "python", "code": "1", "session": true }));
    insta::assert_snapshot!(text(&homeless), @r"
    a session needs a sandbox to stay in
    hint: make one with create_sandbox and give its sandbox_id; or leave out session
    ");
}

/// An image, made once on this machine by the command that its users have.
fn image(test: &str) -> Option<PathBuf> {
    use rustix::fs::{FlockOperation, flock};
    let missing = |what: &str| {
        skip(test, &format!("there are no virtual machines here: {what}"));
        None
    };
    for program in ["qemu-system-x86_64", "qemu-img", "mmdebstrap"] {
        if std::process::Command::new(program).arg("--version").output().is_err() {
            return missing(&format!("{program} is not installed"));
        }
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    let images = cache.join("windlass/test-images");
    std::fs::create_dir_all(&images).unwrap();
    let lock = std::fs::File::create(images.join("by-command.lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let image = images.join("by-command");
    let run = |args: &[&str]| {
        let mut command = std::process::Command::new(WINDLASS);
        command.args(["sandbox", "image"]).args(args).output().unwrap()
    };
    let path = image.to_str().unwrap();
    if !run(&["show", path, "--verify"]).status.success() {
        let built = run(&["build", "--minimal", "--out", path]);
        if !built.status.success() {
            return missing(&String::from_utf8_lossy(&built.stderr));
        }
    }
    Some(image)
}

fn guest() -> PathBuf {
    let built = Path::new(WINDLASS).ancestors().nth(2).unwrap();
    built.join("x86_64-unknown-linux-musl/guest/windlass-guest")
}

#[test]
fn a_virtual_machine_runs_code_and_can_be_kept_and_copied() {
    let (guest, Some(image)) = (guest(), image("virtual machines")) else { return };
    if !bubblewrap("virtual machines") || !guest.exists() {
        return skip("virtual machines", "no static guest was built");
    }
    let place = tempfile::tempdir().unwrap();
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
    let directory = place.path().join("sandboxes");
    let ((alice, hers), (bob, his)) = (new_key("alice", &[]), new_key("bob", &[]));
    let yaml = format!(
        "auth:\n  keys:\n    {hers}\n    {his}\nsandbox: {{ image: {image:?}, guest: {guest:?}, directory: {directory:?}, isolation: vm, memory: 192MiB, \
         disk: 64MiB, pool: {{ min: 1, max: 1 }}, per_principal: {{ snapshots: 1 }} }}\n"
    );
    let house = House::start(&yaml);
    let client = Client::new(house.addr(), MODERN).bearer(&alice);
    let stranger = Client::new(house.addr(), MODERN).bearer(&bob);
    let kernel = client.call("run_code", json!({ "language": "bash", "code": "uname -r" }));
    let own = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    assert_eq!(kernel["structuredContent"]["exit_code"], 0, "{kernel}");
    assert_ne!(kernel["structuredContent"]["stdout"], own.as_str(), "it is this machine's kernel");

    let id = |result: &Value, name: &str| {
        result["structuredContent"][name].as_str().unwrap_or_else(|| panic!("{result}")).to_owned()
    };
    let made = client.call("create_sandbox", json!({ "labels": { "for": "copies" } }));
    let made_by = (&made["structuredContent"]["backend"], &made["structuredContent"]["isolation"]);
    assert_eq!(made_by, (&json!("qemu"), &json!("vm")), "{made}");
    let first = id(&made, "sandbox_id");
    let bash = |sandbox: &str, line: &str| {
        client.call("run_command", json!({ "sandbox_id": sandbox, "command": line }))["structuredContent"]["stdout"]
            .clone()
    };
    bash(&first, "echo one > story; mkdir -p deep/er");
    let snapshot = id(&client.call("snapshot_sandbox", json!({ "sandbox_id": first })), "snapshot_id");
    let more = client.call("snapshot_sandbox", json!({ "sandbox_id": first }));
    assert!(text(&more).starts_with("this caller has 1 of at most 1 snapshots"), "{more}");
    for (tool, arguments) in [
        ("create_sandbox", json!({ "snapshot_id": snapshot })),
        ("destroy_sandbox", json!({ "sandbox_id": snapshot })),
        ("fork_sandbox", json!({ "sandbox_id": first })),
        ("snapshot_sandbox", json!({ "sandbox_id": first })),
    ] {
        let refused = stranger.call(tool, arguments);
        assert!(text(&refused).starts_with("there is no "), "{tool}: {refused}");
    }
    assert_eq!(stranger.call("list_sandboxes", json!({}))["structuredContent"]["snapshots"], json!([]));
    bash(&first, "echo two >> story");
    let fork = id(&client.call("fork_sandbox", json!({ "sandbox_id": first })), "sandbox_id");
    bash(&first, "echo three >> story");
    assert_eq!(bash(&fork, "cat story"), "one\ntwo\n");
    client.call("destroy_sandbox", json!({ "sandbox_id": first }));
    let woken = id(&client.call("create_sandbox", json!({ "snapshot_id": snapshot })), "sandbox_id");
    assert_eq!(bash(&woken, "cat story; ls -d deep/er; echo four > story"), "one\ndeep/er\n");
    assert_eq!(bash(&fork, "cat story"), "one\ntwo\n", "they do not share what they write");
    let sized = client.call("create_sandbox", json!({ "snapshot_id": snapshot, "memory_mib": 512 }));
    assert!(text(&sized).starts_with("a sandbox that is made from another has its size"), "{sized}");
    let listed = client.call("list_sandboxes", json!({}));
    assert_eq!(listed["structuredContent"]["snapshots"][0]["snapshot_id"], snapshot, "{listed}");
    client.call("destroy_sandbox", json!({ "sandbox_id": snapshot }));
    let gone = client.call("create_sandbox", json!({ "snapshot_id": snapshot }));
    assert!(text(&gone).starts_with(&format!("there is no snapshot `{snapshot}`")), "{gone}");

    // A killed server takes its machines with it, and the next one takes away the rest.
    let machines = children_of(house.pid);
    assert!(machines.len() >= 2, "{machines:?}");
    house.signal(Signal::KILL);
    house.ended();
    let next = House::start(&yaml);
    let client = Client::new(next.addr(), MODERN).bearer(&alice);
    assert_eq!(client.call("list_sandboxes", json!({}))["structuredContent"]["sandboxes"], json!([]));
    let servers = std::fs::read_dir(&directory).unwrap().flatten().filter(|entry| entry.path().is_dir()).count();
    assert_eq!(servers, 1, "the killed server's directory is still there");
    eventually("the end of every machine", || machines.iter().all(|pid| !Path::new(&format!("/proc/{pid}")).exists()));
}

fn children_of(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let children = tasks.map(|task| std::fs::read_to_string(task.path().join("children")).unwrap_or_default());
    children.flat_map(|line| line.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()).collect()
}
