//! Thousands of runs with a model and tools that do whatever such things have been seen to do, and with a mishap at every
//! effect: the model refuses, the tool fails, somebody cancels, the disk is full, the process is killed and another one goes
//! on from what was saved. After every step all that must always hold is checked.
//!
//! A failure prints its seed. `WINDLASS_SIMULATION_SEED=n` runs that one alone, `WINDLASS_SIMULATION_RUNS=n` as many.

mod chance;
mod checks;
mod world;

use std::{collections::BTreeMap, panic};

use world::World;

#[test]
fn no_invariant_is_broken() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let seeds = match number("WINDLASS_SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("WINDLASS_SIMULATION_RUNS").unwrap_or(10_000),
    };
    let single = seeds.end - seeds.start == 1;
    // Two at once: the machine that tests has at least two processors.
    let middle = seeds.start + (seeds.end - seeds.start) / 2;
    let seen = std::thread::scope(|scope| {
        let first = scope.spawn(move || many(seeds.start..middle));
        let second = scope.spawn(move || many(middle..seeds.end));
        let mut seen = BTreeMap::new();
        for half in [first, second] {
            for (what, count) in half.join().unwrap_or_else(|cause| panic::resume_unwind(cause)) {
                *seen.entry(what).or_insert(0) += count;
            }
        }
        seen
    });
    eprintln!("{seen:#?}");
    // A simulation that does not meet a case proves nothing about it.
    let cases = [
        "end finished",
        "end cut_off",
        "end refused",
        "end cancelled",
        "end context_full",
        "end model",
        "end unsaved",
        "end turns",
        "end tool_calls",
        "end tokens",
        "end dollars",
        "end seconds",
        "crash",
        "call again",
        "compacted",
        "wait",
        "approved",
        "refused",
        "expired",
        "forged verdict",
        "late event",
    ];
    let missing: Vec<&str> = cases.into_iter().filter(|case| !seen.contains_key(case)).collect();
    assert!(single || missing.is_empty(), "never happened: {missing:?}");
}

/// Runs `seeds`, and counts what happened.
fn many(seeds: std::ops::Range<u64>) -> BTreeMap<&'static str, u32> {
    let mut seen = BTreeMap::new();
    for seed in seeds {
        let run = panic::catch_unwind(|| World::new(seed).run());
        let of_this = run.unwrap_or_else(|cause| {
            eprintln!("the seed is {seed}: WINDLASS_SIMULATION_SEED={seed} runs it alone");
            panic::resume_unwind(cause)
        });
        for (what, count) in of_this {
            *seen.entry(what).or_insert(0) += count;
        }
    }
    seen
}
