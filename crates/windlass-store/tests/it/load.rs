use serde_json::json;
use windlass_core::{Outputs, Principal};

use crate::{Bench, call, finish, keep, pages, principal, read};

const MIB: u64 = 1 << 20;

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn three_hundred_megabytes_take_no_memory() {
    let bench = Bench::new().output(32 << 10).spill(512 * MIB);
    let store = bench.open();
    let owner = Principal::local();
    let block: Vec<u8> = (0..8192).flat_map(|line| format!("{line:07}\n").into_bytes()).collect();
    let before = resident();
    let mut most = before;
    let mut sink = store.open(&owner, "stdout");
    for _ in 0..300 * MIB / block.len() as u64 {
        sink.write(&block);
        most = most.max(resident());
    }
    let captured = finish(sink);
    assert_eq!(captured.bytes, 300 * MIB);
    let handle = captured.handle.unwrap();
    let page = read(&store, &owner, json!({"handle": handle, "offset": 299 * MIB, "limit": 16})).unwrap();
    assert_eq!(page["text"], "0000000\n0000001\n");
    let page = read(&store, &owner, json!({"handle": handle, "from_line": 2 * MIB + 2, "lines": 1})).unwrap();
    assert_eq!((&page["text"], &page["offset"]), (&json!("0000001\n"), &json!(16 * MIB + 8)));
    most = most.max(resident());
    assert!(most - before < 16 * MIB, "grew by {} KiB", (most - before) / 1024);
}

#[test]
fn searching_takes_no_memory_either_even_in_one_endless_line() {
    let bench = Bench::new().spill(64 * MIB);
    let store = bench.open();
    let owner = Principal::local();
    let mut sink = store.open(&owner, "stdout");
    for _ in 0..24 {
        sink.write(&vec![b'.'; MIB as usize]);
    }
    sink.write(b"needle");
    let handle = finish(sink).handle.unwrap();
    let before = resident();
    let output = call(&store, &owner, "search_output", json!({"handle": handle, "pattern": "needle"})).unwrap();
    let found = output.structured.unwrap();
    assert_eq!((&found["matches"], &found["rows"][0]["line"]), (&json!(1), &json!(1)));
    assert_eq!(found["rows"][0]["offset"], 24 * MIB);
    assert!(resident().saturating_sub(before) < 16 * MIB);
}

#[test]
fn many_at_once_do_not_mix() {
    let bench = Bench::new().max(8 * MIB);
    let store = bench.open();
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let store = &store;
            scope.spawn(move || {
                let owner = principal(&format!("key:{thread}"));
                for round in 0..8 {
                    let text = format!("{thread} {round}\n").repeat(2000);
                    let handle = keep(store, &owner, text.as_bytes()).handle.unwrap();
                    assert_eq!(pages(store, &owner, &handle, 4096), text);
                    store.sweep();
                }
            });
        }
    });
}
