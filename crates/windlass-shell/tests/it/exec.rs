//! Running plans: results, trees of processes, output.

use std::{
    cell::Cell,
    io::Write,
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use windlass_core::{Captured, Sink};
use windlass_shell::{
    exec::{RunError, RunIo},
    plan::{Plan, Redirect, Step, When},
};

use crate::runs::{command, executor, io, new_mark, plan, redirected, run, running, shell, step, until_running};

#[tokio::test]
async fn a_run_tells_how_it_ended() {
    let result = run(&shell("echo out; echo err >&2; exit 7")).await;
    assert_eq!((result.exit_code, result.signal.as_deref()), (Some(7), None));
    assert_eq!((result.stdout.text.as_str(), result.stderr.text.as_str()), ("out\n", "err\n"));
    assert!(result.max_rss_kib > 0);

    let result = run(&shell("kill -SEGV $$")).await;
    assert_eq!((result.exit_code, result.signal.as_deref()), (None, Some("SIGSEGV")));
}

#[tokio::test]
async fn steps_run_when_their_operator_says_so() {
    use When::{Always, IfFailed, IfSucceeded};
    let check = async |steps: &[(When, bool, &str)], output: &str, code: i32| {
        let steps = steps
            .iter()
            .map(|(when, negated, script)| Step {
                negated: *negated,
                ..step(*when, vec![command(&["sh", "-c", script])])
            })
            .collect();
        let result = run(&Plan { steps }).await;
        assert_eq!((result.stdout.text.as_str(), result.exit_code), (output, Some(code)));
    };
    check(&[(Always, false, "exit 3"), (IfSucceeded, false, "echo no")], "", 3).await;
    check(&[(Always, false, "exit 3"), (IfFailed, false, "echo yes")], "yes\n", 0).await;
    check(&[(Always, false, "exit 3"), (Always, false, "echo yes")], "yes\n", 0).await;
    check(&[(Always, true, "exit 3"), (IfSucceeded, false, "echo yes")], "yes\n", 0).await;
    check(&[(Always, true, "exit 0"), (IfFailed, false, "exit 5")], "", 5).await;
    // `a && b || c` where a fails: b is left out and c runs.
    check(&[(Always, false, "exit 1"), (IfSucceeded, false, "echo b"), (IfFailed, false, "echo c")], "c\n", 0).await;
    // A command killed by a signal has failed.
    check(&[(Always, false, "kill -9 $$"), (IfFailed, false, "echo c")], "c\n", 0).await;
}

#[tokio::test]
async fn a_pipeline_ends_with_its_reader() {
    let result = run(&plan(vec![command(&["yes"]), command(&["head", "-n", "2"])])).await;
    assert_eq!((result.stdout.text.as_str(), result.exit_code), ("y\ny\n", Some(0)));

    let result = run(&plan(vec![command(&["sh", "-c", "exit 4"]), command(&["cat"])])).await;
    assert_eq!(result.exit_code, Some(0));
    let result = run(&plan(vec![command(&["echo", "x"]), command(&["sh", "-c", "cat; exit 4"])])).await;
    assert_eq!((result.stdout.text.as_str(), result.exit_code), ("x\n", Some(4)));
}

#[tokio::test]
async fn input_arrives_whole() {
    let bytes = "Grüße\n".repeat(200_000);
    let io = RunIo { stdin: bytes.clone().into(), ..io(&new_mark()) };
    let result = executor(&[]).run(&plan(vec![command(&["wc", "-c"])]), io).await.unwrap();
    assert_eq!(result.stdout.text.trim(), bytes.len().to_string());

    // Nobody has to read it, and without any there is an end at once.
    let io = RunIo { stdin: bytes.into(), ..crate::runs::io(&new_mark()) };
    assert_eq!(executor(&[]).run(&plan(vec![command(&["true"])]), io).await.unwrap().exit_code, Some(0));
    assert_eq!(run(&plan(vec![command(&["cat"])])).await.stdout.text, "");
}

#[tokio::test]
async fn redirections() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().canonicalize().unwrap();
    let file = root.join("file");
    let write = |append| Redirect::Write { fd: 1, path: file.clone(), append };
    let steps = vec![
        step(When::Always, vec![redirected(&["echo", "one"], vec![write(false)])]),
        step(
            When::Always,
            vec![redirected(&["sh", "-c", "echo two >&2"], vec![write(true), Redirect::Duplicate { fd: 2, from: 1 }])],
        ),
        step(When::Always, vec![redirected(&["cat"], vec![Redirect::Read { path: file.clone() }])]),
        step(When::Always, vec![redirected(&["echo", "gone"], vec![Redirect::Null { fd: 1 }])]),
    ];
    let mark = new_mark();
    let result = executor(&[&root]).run(&Plan { steps }, io(&mark)).await.unwrap();
    assert_eq!(result.stdout.text, "one\ntwo\n");

    // A link that somebody put there after the rules looked, and a pipe that would block.
    let link = root.join("link");
    std::os::unix::fs::symlink("/etc/hostname", &link).unwrap();
    let pipe = root.join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in [link, pipe, root.clone(), root.join("absent")] {
        let stolen = plan(vec![redirected(&["cat"], vec![Redirect::Read { path }])]);
        let result = executor(&[&root]).run(&stolen, io(&mark)).await.unwrap();
        assert_eq!((result.exit_code, result.stdout.text.as_str()), (Some(1), ""));
        assert!(result.stderr.text.starts_with("windlass: cannot open "), "{}", result.stderr.text);
    }
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let mut absent = command(&["absent"]);
    absent.program = "/usr/bin/absent-program".into();
    let result = run(&plan(vec![absent])).await;
    assert_eq!(result.exit_code, Some(127));
    insta::assert_snapshot!(result.stderr.text, @"windlass: cannot start /usr/bin/absent-program: no such program, or its interpreter is missing");

    let io = RunIo { directory: "/absent".into(), ..io(&new_mark()) };
    let result = executor(&[]).run(&plan(vec![command(&["true"])]), io).await.unwrap();
    insta::assert_snapshot!(result.stderr.text.replace("/bin/", "/usr/bin/").replace("/usr/usr", "/usr"), @"windlass: cannot start /usr/bin/true: the working directory /absent does not exist");
}

/// Runs `script` under a limit of one second; everything must be over within two, with `output` brought home.
async fn ends_in_time(script: &str, output: &str) {
    let mark = new_mark();
    let start = Instant::now();
    let io = RunIo { timeout: Some(Duration::from_secs(1)), ..io(&mark) };
    let result = executor(&[]).run(&shell(script), io).await.unwrap();
    let took = start.elapsed();
    assert!(result.timed_out, "{script}");
    assert_eq!(result.stdout.text, output, "{script}");
    assert_eq!(running(&mark), [0; 0], "{script}");
    assert!(took < Duration::from_secs(2), "{script}: {took:?}");
}

#[tokio::test]
async fn a_timeout_ends_the_whole_tree() {
    ends_in_time("echo before; sleep 100 & wait", "before\n").await;
    ends_in_time("sleep 100 & sleep 100 | sleep 100 & sh -c 'sleep 100 & wait' & wait", "").await;
    ends_in_time("sleep 100", "").await;
}

#[tokio::test]
async fn a_timeout_ends_those_who_do_not_listen() {
    ends_in_time("trap '' TERM INT HUP; echo deaf; while :; do sleep 100; done", "deaf\n").await;
    ends_in_time("kill -STOP $$", "").await;
    // Each one starts another before it goes.
    ends_in_time("f() { trap 'f & exit' TERM; sleep 100 & wait; }; f", "").await;
}

#[tokio::test]
async fn daemons_do_not_survive_their_run() {
    for script in [
        "setsid sleep 300 & echo ok",
        "(setsid sh -c 'setsid sleep 300 >/dev/null 2>&1 </dev/null & exit' &) ; echo ok",
        "nohup sleep 300 >/dev/null 2>&1 & echo ok",
        // Holds the pipe open.
        "(sleep 300 &) ; echo ok",
        "(trap '' TERM; setsid sleep 300 &) ; echo ok",
    ] {
        let mark = new_mark();
        let start = Instant::now();
        let result = executor(&[]).run(&shell(script), io(&mark)).await.unwrap();
        assert_eq!((result.stdout.text.as_str(), result.exit_code), ("ok\n", Some(0)), "{script}");
        assert_eq!(running(&mark), [0; 0], "{script}");
        assert!(start.elapsed() < Duration::from_secs(5), "{script}");
    }
}

#[tokio::test]
async fn after_a_timeout_the_next_run_answers_its_own() {
    let executor = executor(&[]);
    let slow = RunIo { timeout: Some(Duration::from_millis(200)), ..io(&new_mark()) };
    assert!(executor.run(&shell("echo mine; sleep 100"), slow).await.unwrap().timed_out);
    let next = executor.run(&shell("echo yours"), io(&new_mark())).await.unwrap();
    assert_eq!((next.stdout.text.as_str(), next.exit_code, next.timed_out), ("yours\n", Some(0), false));
}

#[tokio::test]
async fn cancelling_ends_the_tree() {
    let mark = new_mark();
    let io = io(&mark);
    let cancel = io.cancel.clone();
    let executor = executor(&[]);
    let plan = shell("echo before; sleep 100 & sleep 100 & wait");
    let (result, ()) = tokio::join!(executor.run(&plan, io), async {
        until_running(&mark, |count| count == 3).await;
        cancel.cancel();
    });
    let result = result.unwrap();
    assert!(result.cancelled && !result.timed_out);
    assert_eq!((result.stdout.text.as_str(), result.signal.as_deref()), ("before\n", Some("SIGTERM")));
    assert_eq!(running(&mark), [0; 0]);
}

#[tokio::test]
async fn dropping_ends_the_tree() {
    let mark = new_mark();
    let (executor, plan) = (executor(&[]), shell("setsid sleep 100 & sleep 100 & wait"));
    tokio::select! {
        result = executor.run(&plan, io(&mark)) => panic!("{result:?}"),
        _ = until_running(&mark, |count| count == 3) => {}
    }
    until_running(&mark, |count| count == 0).await;
}

#[tokio::test]
async fn a_killed_supervisor_leaves_nothing() {
    let mark = new_mark();
    let supervisor = Cell::new(0);
    let (executor, plan) = (executor(&[]), shell("sleep 100 & sleep 100 & wait"));
    let (result, ()) = tokio::join!(executor.run(&plan, io(&mark)), async {
        let commands = until_running(&mark, |count| count == 3).await;
        let supervisors = commands.iter().map(|pid| parent(*pid)).find(|parent| !commands.contains(parent));
        supervisor.set(supervisors.unwrap());
        kill(supervisor.get());
    });
    assert!(matches!(result, Err(RunError::SupervisorDied)), "{result:?}");
    until_running(&mark, |count| count == 0).await;
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    for mount in mounts.lines().filter(|line| line.contains(" cgroup")) {
        let groups = Path::new(mount.split(' ').nth(1).unwrap());
        assert!(!groups.join(format!("windlass-{}", supervisor.get())).exists(), "{mount}");
    }
}

#[tokio::test]
async fn a_killed_server_leaves_nothing() {
    let mark = new_mark();
    let mut server = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "exec::a_server_to_be_killed"])
        .env(SERVER_MARK, &mark)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until_running(&mark, |count| count == 3).await;
    server.kill().unwrap();
    server.wait().unwrap();
    until_running(&mark, |count| count == 0).await;
}

const SERVER_MARK: &str = "WINDLASS_TEST_SERVER";

#[tokio::test]
#[ignore = "the process that `a_killed_server_leaves_nothing` starts and kills"]
async fn a_server_to_be_killed() {
    let mark = std::env::var(SERVER_MARK).unwrap();
    let plan = shell("setsid sleep 100 & trap '' TERM; sleep 100 & wait");
    executor(&[]).run(&plan, io(&mark)).await.unwrap();
}

#[tokio::test]
async fn a_hundred_at_once() {
    let executor = executor(&[]);
    let runs = (0..100).map(|number| {
        let executor = executor.clone();
        tokio::spawn(async move {
            let plan = plan(vec![command(&["echo", &number.to_string()]), command(&["cat"])]);
            let result = executor.run(&plan, io(&new_mark())).await.unwrap();
            assert_eq!(result.stdout.text.trim(), number.to_string());
        })
    });
    for run in runs.collect::<Vec<_>>() {
        run.await.unwrap();
    }
}

/// Keeps a little and counts the rest, as the real store does in memory.
struct Capped {
    kept: Vec<u8>,
    bytes: u64,
    largest: Arc<Mutex<usize>>,
}

#[async_trait::async_trait]
impl Sink for Capped {
    fn write(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        let room = 1024 - self.kept.len();
        self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        let mut largest = self.largest.lock().unwrap();
        *largest = bytes.len().max(*largest);
    }

    async fn finish(self: Box<Self>) -> Captured {
        let text = String::from_utf8_lossy(&self.kept).into_owned();
        Captured { text, bytes: self.bytes, truncated: self.bytes > 1024, handle: None }
    }
}

#[tokio::test]
async fn a_flood_is_not_kept_in_memory() {
    let largest = Arc::new(Mutex::new(0));
    let sink = Capped { kept: Vec::new(), bytes: 0, largest: largest.clone() };
    let before = resident_kib();
    let io = RunIo { stdout: Box::new(sink), ..io(&new_mark()) };
    let flood = plan(vec![command(&["head", "-c", "300000000", "/dev/zero"])]);
    let result = executor(&[]).run(&flood, io).await.unwrap();
    assert_eq!((result.stdout.bytes, result.exit_code), (300_000_000, Some(0)));
    assert!(*largest.lock().unwrap() <= 64 * 1024);
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < 64 * 1024, "grew by {grown} KiB");
}

#[tokio::test]
async fn characters_are_not_cut_where_pieces_meet() {
    // Three bytes each, so that no power of two is a boundary.
    let script = "yes '\u{20ac}' | head -n 100000 | tr -d '\\n'";
    let result = run(&shell(script)).await;
    assert_eq!(result.stdout.text, "\u{20ac}".repeat(100_000));
}

#[tokio::test]
async fn output_is_seen_while_it_comes() {
    let mark = new_mark();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (writer, cancel) = (seen.clone(), io(&mark).cancel);
    let stop = cancel.clone();
    let on_output = Arc::new(move |bytes: &[u8]| {
        writer.lock().unwrap().write_all(bytes).unwrap();
        stop.cancel();
    });
    let io = RunIo { on_output: Some(on_output), cancel, ..io(&mark) };
    // Ends only because the piece was seen before the end.
    let result = executor(&[]).run(&shell("echo now; sleep 100"), io).await.unwrap();
    assert!(result.cancelled);
    assert_eq!(*seen.lock().unwrap(), b"now\n");
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn parent(pid: i32) -> i32 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("PPid:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}
