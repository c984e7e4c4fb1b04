//! What one caller, one command or one answer may take.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use windlass_testkit::process;

use crate::{
    house::{House, SHELL, eventually, long},
    wire::text,
};

#[test]
fn a_tree_of_processes_ends_with_its_time() {
    let marker = "windlass-test-tree-9c41";
    let house = House::start(&format!("{SHELL}  environment: {{ MARKER: {marker} }}\n"));
    for script in [
        "sleep 100 & wait",
        "(sleep 100 &) ; sleep 100",
        "setsid sleep 100 & setsid -f sleep 100; echo partial; sleep 100",
        "trap '' TERM INT HUP; sleep 100 & while :; do sleep 1; done",
        "exec 1>&- 2>&-; sleep 100 & wait",
        "for i in 1 2 3 4 5 6 7 8; do (sleep 100 & (setsid -f sh -c 'sleep 100 & sleep 100')) & done; sleep 100",
    ] {
        let began = Instant::now();
        let result = house.call("run_command", json!({ "argv": ["sh", "-c", script], "timeout_seconds": 1 }));
        let took = began.elapsed();
        assert_eq!(result["structuredContent"]["timed_out"], true, "{script}: {result}");
        assert_eq!(result["isError"], true, "{script}");
        // The promise is for a machine that is not busy with other tests.
        let most = if script.starts_with("trap") { 4 } else { 2 };
        assert!(took < Duration::from_secs(most), "{script}: {took:?}");
        let left = with_environment(marker);
        assert!(left.is_empty(), "{script} left {left:?} running");
        if script.contains("partial") {
            assert_eq!(result["structuredContent"]["stdout"], "partial\n", "what it had said by then: {result}");
        }
        let next = house.call("run_command", json!({ "command": "echo next" }));
        assert_eq!(next["structuredContent"]["stdout"], "next\n", "the next call has its own answer");
    }
}

#[test]
fn what_a_command_left_behind_ends_with_it() {
    let marker = "windlass-test-tree-77ab";
    let house = House::start(&format!("{SHELL}  environment: {{ MARKER: {marker} }}\n"));
    for script in [
        "sleep 100 & setsid -f sleep 100",
        "(sleep 100 &)",
        "exec 1>&- 2>&-; setsid -f sleep 100",
        "sleep 100 & exit 3",
    ] {
        let began = Instant::now();
        let result = house.call("run_command", json!({ "argv": ["sh", "-c", script] }));
        assert_eq!(result["structuredContent"]["timed_out"], false, "{script}: {result}");
        assert!(began.elapsed() < Duration::from_secs(2), "{script} waits for what it left: {:?}", began.elapsed());
        let left = with_environment(marker);
        assert!(left.is_empty(), "{script} left {left:?} running");
    }
}

/// The processes that were given `marker` in their environment.
fn with_environment(marker: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let has = |path: &std::path::Path| {
        std::fs::read(path.join("environ")).is_ok_and(|text| String::from_utf8_lossy(&text).contains(marker))
    };
    entries
        .map(|entry| entry.path())
        .filter(|path| has(path))
        .map(|path| std::fs::read_to_string(path.join("cmdline")).unwrap_or_default().replace('\0', " "))
        .collect()
}

#[test]
fn output_without_end_is_capped_and_can_be_read() {
    let megabytes: u64 = if long() { 300 } else { 60 };
    let house = House::start(SHELL);
    let (pid, done, peak) = (house.pid, AtomicBool::new(false), AtomicU64::new(0));
    house.call("run_command", json!({ "command": "echo warm" }));
    let script = format!("yes 'all work and no play é' | head -c {megabytes}000000; echo; echo the needle is here");
    let result = thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                peak.fetch_max(process::rss_bytes(pid).unwrap(), Ordering::Relaxed);
                thread::sleep(Duration::from_millis(5));
            }
        });
        let result = house.call("run_command", json!({ "argv": ["sh", "-c", script], "timeout_seconds": 120 }));
        done.store(true, Ordering::Relaxed);
        result
    });
    let answer = &result["structuredContent"];
    assert_eq!((&answer["exit_code"], &answer["stdout_truncated"]), (&json!(0), &json!(true)), "{result}");
    assert!(answer["stdout_bytes"].as_u64().unwrap() > megabytes * 1_000_000);
    assert!(result.to_string().len() < 100 << 10, "the answer itself is small");
    assert!(answer["stdout"].as_str().unwrap().ends_with("the needle is here\n"), "the end is shown");
    let peak = peak.into_inner();
    assert!(peak < 128 << 20, "{} MiB of memory for {megabytes} MB of output", peak >> 20);

    let handle = answer["stdout_handle"].as_str().unwrap();
    let found = house.call("search_output", json!({ "handle": handle, "pattern": "needle" }));
    assert_eq!(found["structuredContent"]["matches"], 1, "{found}");
    let line = &found["structuredContent"]["rows"][0]["line"];
    let page = house.call("read_output", json!({ "handle": handle, "from_line": line }));
    assert_eq!(page["structuredContent"]["text"], "the needle is here\n", "{page}");
    let middle = house.call("read_output", json!({ "handle": handle, "offset": megabytes * 500_000, "limit": 1000 }));
    assert!(middle["structuredContent"]["text"].as_str().unwrap().contains("no play é\n"), "{middle}");
    let rss = process::rss_bytes(pid).unwrap();
    assert!(rss < 128 << 20, "{} MiB after reading it", rss >> 20);
    assert_eq!(house.get("/health").status, 200);
}

#[test]
fn the_deadline_of_the_server_binds_every_call() {
    let house = House::start(&format!("limits: {{ deadline: 2s }}\n{SHELL}"));
    let began = Instant::now();
    let result =
        house.call("run_command", json!({ "argv": ["sh", "-c", "echo begun; sleep 100"], "timeout_seconds": 60 }));
    assert_eq!(result["structuredContent"]["timed_out"], true, "{result}");
    assert_eq!(result["structuredContent"]["stdout"], "begun\n", "{result}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn too_much_at_once_is_refused_with_what_to_do() {
    let house = House::start(&format!("limits: {{ concurrency: 1 }}\n{SHELL}"));
    thread::scope(|scope| {
        let slow = scope.spawn(|| {
            house
                .call("run_command", json!({ "argv": ["sh", "-c", "while [ ! -e go ]; do sleep 0.05; done # m-5e1f"] }))
        });
        eventually("the first runs", || !process::with_command_line("# m-5e1f").unwrap().is_empty());
        let refused = house.call("run_command", json!({ "command": "pwd" }));
        assert_eq!(refused["isError"], true, "{refused}");
        insta::assert_snapshot!(text(&refused), @r"
        too many calls at once: 1 are running, and that is the limit
        hint: wait 1 s, then call again
        ");
        std::fs::write(house.work().join("go"), "").unwrap();
        assert_eq!(slow.join().unwrap()["isError"], false);
    });
    assert_eq!(house.call("run_command", json!({ "command": "pwd" }))["isError"], false);
    let line = house.await_audit("the refusal", |line| line["error"] == "limited");
    assert_eq!(line["decision"], "denied", "{line}");
}

#[test]
fn too_often_is_refused_with_how_long_to_wait() {
    let house = House::start(&format!("limits: {{ calls_per_minute: 20 }}\n{SHELL}"));
    let answers: Vec<Value> = (0..3).map(|_| house.call("list_commands", json!({}))).collect();
    assert_eq!((&answers[0]["isError"], &answers[1]["isError"]), (&json!(false), &json!(false)));
    insta::assert_snapshot!(text(&answers[2]), @r"
    too many calls: the limit is 20 a minute
    hint: wait 3 s, then call again
    ");
    assert_eq!(house.client().tools().len(), 8, "listing is no call");
}
