//! What the tests of execution share: plans made by hand, so that nothing here depends on the rules.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use windlass_config::settings::ShellSettings;
use windlass_core::{CancellationToken, NoOutputs, Outputs, Principal};
use windlass_shell::{
    exec::{Executor, Reach, RunIo, RunResult},
    launch::Launcher,
    plan::{Command, Plan, Redirect, Step, When},
};

/// Variable that marks every process of one test's run.
pub const MARK: &str = "WINDLASS_TEST_MARK";

/// Variable that says where another user finds the launcher.
pub const LAUNCHER: &str = "WINDLASS_TEST_LAUNCHER";

pub fn launcher() -> Launcher {
    let program = std::env::var_os(LAUNCHER).unwrap_or_else(|| env!("CARGO_BIN_EXE_windlass-launch").into());
    Launcher { program: program.into(), args: Vec::new() }
}

/// An executor that may read and write below `roots`.
pub fn executor(roots: &[&Path]) -> Executor {
    let roots: Vec<PathBuf> = roots.iter().map(|root| root.to_path_buf()).collect();
    Executor::new(
        launcher(),
        &ShellSettings::default(),
        Reach { read: roots.clone(), write: roots, unchecked: Vec::new() },
    )
}

pub fn command(argv: &[&str]) -> Command {
    let program = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"]
        .iter()
        .map(|directory| Path::new(directory).join(argv[0]))
        .find(|path| path.exists())
        .unwrap_or_else(|| argv[0].into());
    Command {
        program,
        argv: argv.iter().map(|argument| argument.to_string()).collect(),
        redirects: Vec::new(),
        environment: Vec::new(),
        rule: "test".into(),
    }
}

pub fn redirected(argv: &[&str], redirects: Vec<Redirect>) -> Command {
    Command { redirects, ..command(argv) }
}

pub fn step(when: When, pipeline: Vec<Command>) -> Step {
    Step { when, negated: false, pipeline }
}

pub fn plan(pipeline: Vec<Command>) -> Plan {
    Plan { steps: vec![step(When::Always, pipeline)] }
}

/// `sh -c SCRIPT`: the explicit grant of shell strings, which is where trees of processes come from.
pub fn shell(script: &str) -> Plan {
    plan(vec![command(&["sh", "-c", script])])
}

/// A mark no other run has.
pub fn new_mark() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("mark-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

pub fn io(mark: &str) -> RunIo {
    let sink = |label| NoOutputs.open(&Principal::local(), label);
    RunIo {
        stdin: Vec::new(),
        directory: "/".into(),
        environment: BTreeMap::from([
            ("PATH".to_owned(), "/usr/bin:/bin:/usr/sbin:/sbin".to_owned()),
            (MARK.to_owned(), mark.to_owned()),
        ]),
        timeout: Some(Duration::from_secs(60)),
        cancel: CancellationToken::new(),
        stdout: sink("stdout"),
        stderr: sink("stderr"),
        on_output: None,
    }
}

/// Runs with everything ordinary, and fails the test when a process is left.
pub async fn run(plan: &Plan) -> RunResult {
    let mark = new_mark();
    let result = executor(&[]).run(plan, io(&mark)).await.unwrap();
    assert_eq!(running(&mark), [0; 0], "left by {plan:?}");
    result
}

/// The processes that carry `mark`.
pub fn running(mark: &str) -> Vec<i32> {
    let wanted = format!("{MARK}={mark}");
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
        })
        .collect()
}

/// Waits until `count` processes carry `mark`.
pub async fn until_running(mark: &str, count: impl Fn(usize) -> bool) -> Vec<i32> {
    let start = Instant::now();
    loop {
        let found = running(mark);
        if count(found.len()) {
            return found;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{} processes carry {mark}", found.len());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub use windlass_testkit::skip as skipped;
