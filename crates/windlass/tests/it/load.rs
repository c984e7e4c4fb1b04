//! Crowds, idlers and a stop in the middle of it all. These run alone: they measure memory.

use std::{
    collections::HashSet,
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Resource, Signal, getrlimit, setrlimit};
use serde_json::{Value, json};
use windlass_testkit::process::{rss_bytes, with_command_line};

use crate::{
    auth::new_key,
    house::{House, SHELL, eventually, long},
    wire::{Client, LEGACY, PLAIN, Wire},
};

const MIB: u64 = 1 << 20;
/// A flood may cost this much memory, whatever its length.
const GROWTH: u64 = 16 * MIB;

/// Of what the promises say, or a part that fits every run of the tests.
fn scaled(full: usize, brief: usize) -> usize {
    if long() { full } else { brief }
}

/// Memory of the server when nothing happens any more.
fn settled(house: &House) -> u64 {
    rss_bytes(house.pid).unwrap()
}

/// Asks for something real, over new connections, until told to stop; how often it was answered.
fn real_client(client: &Client, stop: &AtomicBool) -> usize {
    let mut answered = 0;
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        assert_eq!(client.call("list_commands", json!({}))["isError"], false);
        answered += 1;
        assert!(began.elapsed() < Duration::from_secs(10), "a real client waited {:?}", began.elapsed());
    }
    answered
}

fn initialize(addr: SocketAddr, revision: &'static str) -> (Client, Value) {
    let client = Client::new(addr, revision);
    let params = json!({ "protocolVersion": revision, "capabilities": { "sampling": {}, "roots": { "listChanged": true } },
                         "clientInfo": { "name": "flood", "version": "1" } });
    let (_, body) = client.request("initialize", params);
    (client, body)
}

/// `count` times initialize without a credential, each of which is answered with `status`.
fn flood(addr: SocketAddr, count: usize, status: u16) {
    const LANES: usize = 8;
    thread::scope(|scope| {
        for lane in 0..LANES {
            scope.spawn(move || {
                let (client, body) = initialize(addr, LEGACY[lane % LEGACY.len()]);
                let mut wire = Wire::connect(addr).unwrap();
                for turn in 0..count / LANES {
                    // A connection of its own now and then, as real crowds have them.
                    if turn % 16 == 0 {
                        wire = Wire::connect(addr).unwrap();
                    }
                    let answer = client.on(&mut wire, &[], &body).unwrap();
                    assert_eq!(answer.status, status, "{}", answer.text());
                    assert_eq!(answer.header("mcp-session-id"), None, "sessions are memory");
                }
            });
        }
    });
}

#[test]
fn a_flood_of_initialize_costs_no_memory_and_nobody_waits() {
    let (key, line) = new_key("real", &[]);
    let locked = format!("auth:\n  keys:\n    {line}\n{SHELL}");
    for (yaml, status) in [(SHELL, 200), (&locked, 401)] {
        let house = House::start(yaml);
        let client = house.client().bearer(&key);
        flood(house.addr(), 400, status);
        client.call("list_commands", json!({}));
        let before = settled(&house);
        let stop = AtomicBool::new(false);
        let answered = thread::scope(|scope| {
            let real = scope.spawn(|| real_client(&client, &stop));
            flood(house.addr(), scaled(20_000, 2_000), status);
            stop.store(true, Ordering::Relaxed);
            real.join().unwrap()
        });
        assert!(answered > 5, "real clients were answered {answered} times");
        let grown = settled(&house).saturating_sub(before);
        assert!(grown < GROWTH, "{status}: {} KiB more", grown >> 10);
        house.stop();
    }
}

#[test]
fn half_open_connections_cost_little_and_shut_nobody_out() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let most = usize::try_from(limit.maximum.unwrap_or(u64::MAX)).unwrap();
    let count = scaled(20_000, 2_000);
    // What this process may hold open at a time; the oldest of more are let go, which the server has done before.
    let held = count.min(most - 500);
    let house = House::start(&format!("limits: {{ header_timeout: 5s }}\n{SHELL}"));
    let client = house.client();
    // What the first calls cost is not the crowd's doing.
    for _ in 0..300 {
        client.call("list_commands", json!({}));
    }
    let before = settled(&house);
    let (stop, peak) = (AtomicBool::new(false), AtomicUsize::new(0));
    let answered = thread::scope(|scope| {
        let real = scope.spawn(|| real_client(&client, &stop));
        let mut idlers = std::collections::VecDeque::with_capacity(held);
        for number in 0..count {
            if idlers.len() == held {
                idlers.pop_front();
            }
            let mut idler = TcpStream::connect(house.addr()).unwrap();
            // A third says nothing, a third begins a line, a third a request. Some were shut out already.
            let _ = match number % 3 {
                0 => Ok(()),
                1 => idler.write_all(b"PO"),
                _ => idler
                    .write_all(b"POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nx-slow: "),
            };
            idlers.push_back(idler);
            if number % 500 == 0 {
                peak.fetch_max((rss_bytes(house.pid).unwrap() >> 10) as usize, Ordering::Relaxed);
            }
        }
        peak.fetch_max((rss_bytes(house.pid).unwrap() >> 10) as usize, Ordering::Relaxed);
        // And all of them are closed in time, without a word from their side.
        for mut idler in idlers {
            idler.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            let mut said = Vec::new();
            match idler.read_to_end(&mut said) {
                Ok(_) => {}
                Err(error) => assert_ne!(error.kind(), io::ErrorKind::WouldBlock, "an idler was never closed"),
            }
            assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&said));
        }
        stop.store(true, Ordering::Relaxed);
        real.join().unwrap()
    });
    assert!(answered > 5, "real clients were answered {answered} times");
    let (peak, after) = (peak.into_inner() as u64 * 1024, settled(&house));
    let grown = peak.max(after).saturating_sub(before);
    assert!(grown < GROWTH, "{} KiB before, {} at most, {} after", before >> 10, peak >> 10, after >> 10);
    let metrics = house.get("/metrics").text();
    let shed = metrics.lines().find_map(|line| line.strip_prefix("windlass_connections_shed_total ")).unwrap();
    assert_ne!(shed, "0", "the cap was never reached");
    house.stop();
}

#[test]
fn headers_that_drip_are_cut_off() {
    let house = House::start(&format!("limits: {{ header_timeout: 1s }}\n{SHELL}"));
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                let mut stream = TcpStream::connect(house.addr()).unwrap();
                stream.write_all(b"POST /mcp HTTP/1.1\r\nhost: localhost\r\n").unwrap();
                stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
                let began = Instant::now();
                // One more byte every tenth of a second: never idle, never done.
                let closed = loop {
                    let mut byte = [0];
                    match stream.read(&mut byte) {
                        Ok(0) => break true,
                        Ok(_) => {}
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        Err(_) => break true,
                    }
                    if stream.write_all(b"x").is_err() {
                        break true;
                    }
                    if began.elapsed() > Duration::from_secs(30) {
                        break false;
                    }
                };
                assert!(closed, "still open after {:?}", began.elapsed());
            });
        }
        assert_eq!(house.client().call("list_commands", json!({}))["isError"], false);
    });
}

#[test]
fn a_slow_tool_holds_up_nobody() {
    let (slow_count, fast_count) = (8, scaled(1_000, 200));
    let house = House::start(&format!("limits: {{ concurrency: 2000 }}\n{SHELL}"));
    let marker = "sleep 31557.0425";
    let call = |command: &str| {
        let params = json!({ "name": "run_command", "arguments": { "command": command, "timeout_seconds": 200 } });
        house.client().request("tools/call", params).1
    };
    let slow: Vec<Wire> = (0..slow_count)
        .map(|_| {
            let mut wire = Wire::connect(house.addr()).unwrap();
            let body = call(marker).to_string();
            wire.write("POST", "/mcp", &[("content-type", "application/json")], body.as_bytes()).unwrap();
            wire
        })
        .collect();
    let running = || with_command_line(marker).unwrap().iter().filter(|process| process.name == "sleep").count();
    eventually("every slow command runs", || running() == slow_count);
    let failed = AtomicUsize::new(0);
    thread::scope(|scope| {
        for number in 0..fast_count {
            let (house, failed) = (&house, &failed);
            let client = house.client();
            thread::Builder::new()
                .stack_size(256 << 10)
                .spawn_scoped(scope, move || {
                    // Most are as quick as a call can be; some start a process.
                    let result = match number % 10 {
                        0 => client.call("run_command", json!({ "command": "pwd", "timeout_seconds": 100 })),
                        _ => client.call("list_commands", json!({})),
                    };
                    failed.fetch_add(usize::from(result["isError"] != false), Ordering::Relaxed);
                })
                .unwrap();
        }
    });
    assert_eq!(failed.into_inner(), 0);
    assert_eq!(running(), slow_count, "all were answered while every slow one was still at work");
    // A client that goes takes its work with it.
    drop(slow);
    eventually("the slow commands have ended with their clients", || running() == 0);
    let gone = |line: &Value| line["tool"] == "run_command" && line["error"] == "cancelled";
    house.await_audit("the end of a slow call", gone);
    house.stop();
}

/// What came of one request.
enum End {
    Answered(Value),
    /// The connection ended before the first byte of an answer.
    Refused,
}

#[test]
fn a_stop_under_load_answers_or_refuses_every_request() {
    for round in 0..scaled(5, 2) {
        let house = House::start(&format!("limits: {{ concurrency: 2000 }}\n{SHELL}"));
        let (addr, stopped, answered) = (house.addr(), AtomicBool::new(false), AtomicUsize::new(0));
        let ends: Vec<(String, End)> = thread::scope(|scope| {
            let clients: Vec<_> = (0..scaled(64, 24))
                .map(|lane| {
                    let (stopped, answered) = (&stopped, &answered);
                    scope.spawn(move || requests(addr, lane, stopped, answered))
                })
                .collect();
            eventually("it is busy", || answered.load(Ordering::Relaxed) > scaled(1_000, 200));
            house.signal(Signal::TERM);
            assert_eq!(house.ended().code(), Some(0), "round {round}");
            stopped.store(true, Ordering::Relaxed);
            clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
        });
        let audit = house.stdout.whole();
        let lines: Vec<Value> = audit.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let executed: HashSet<&str> = lines.iter().filter_map(|line| line["arguments"]["argv"][1].as_str()).collect();
        let mut refused = 0;
        for (name, end) in &ends {
            match end {
                End::Answered(answer) => {
                    let said = &answer["result"]["structuredContent"]["stdout"];
                    assert_eq!(said, &format!("{name}\n"), "round {round}: {answer}");
                    assert!(executed.contains(name.as_str()), "{name} is not in the audit log");
                }
                End::Refused => {
                    refused += 1;
                    assert!(!executed.contains(name.as_str()), "round {round}: {name} was executed and not answered");
                }
            }
        }
        assert!(refused > 0 && ends.len() - refused > 200, "{refused} of {} refused", ends.len());
        assert!(audit.lines().last().unwrap().contains("server.stop"), "the log is whole");
    }
}

/// Sends requests, over one connection or over ever new ones, until there is nobody left to send them to.
fn requests(addr: SocketAddr, lane: usize, stopped: &AtomicBool, answered: &AtomicUsize) -> Vec<(String, End)> {
    let client = Client::new(addr, PLAIN);
    let mut ends = Vec::new();
    let mut wire = None;
    for number in 0.. {
        if lane.is_multiple_of(2) {
            wire = None;
        }
        let mut current = match wire.take().map_or_else(|| Wire::connect(addr), Ok) {
            Ok(current) => current,
            // Nobody listens any more: nothing was sent.
            Err(_) => break,
        };
        let name = format!("lane-{lane}-{number}");
        let arguments = json!({ "argv": ["echo", name], "timeout_seconds": 60 });
        let (_, body) = client.request("tools/call", json!({ "name": "run_command", "arguments": arguments }));
        match client.on(&mut current, &[], &body) {
            Ok(answer) => {
                assert_eq!(answer.status, 200, "{}", answer.text());
                answered.fetch_add(1, Ordering::Relaxed);
                ends.push((name, End::Answered(answer.json())));
                wire = Some(current);
            }
            Err(error) => {
                let clean =
                    [io::ErrorKind::ConnectionAborted, io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset];
                assert!(clean.contains(&error.kind()), "{name}: an answer broke off: {error:?}");
                ends.push((name, End::Refused));
            }
        }
        if stopped.load(Ordering::Relaxed) {
            break;
        }
    }
    ends
}
