//! A command ends with everything it started.

use std::{path::Path, time::Duration};

use windlass_guest::client::Command;

use crate::guest::{Guest, LONG, children, eventually, lives, sh, text};

/// Leaves four processes: a child, one in another session, a daemon forked twice, one that ignores signals. Each writes
/// its number into a file.
const DAEMONS: &str = r#"
    sleep 1000 & echo $! > a
    setsid sh -c 'echo $$ > b; exec sleep 1000' &
    sh -c "setsid sh -c 'echo \$\$ > c; exec sleep 1000' >/dev/null 2>&1 </dev/null & exit" &
    sh -c "trap '' TERM HUP INT; echo \$\$ > d; while :; do sleep 1; done" &
    while ! [ -s a -a -s b -a -s c -a -s d ]; do sleep 0.01; done
    echo ready
"#;

fn pids(dir: &Path) -> Vec<String> {
    ["a", "b", "c", "d"].map(|name| std::fs::read_to_string(dir.join(name)).unwrap().trim().to_owned()).into()
}

async fn all_gone(dir: &Path) -> bool {
    eventually(|| !pids(dir).iter().any(|pid| lives(pid))).await
}

fn daemons(dir: &Path, then: &str) -> Command {
    sh(&format!("{DAEMONS}{then}")).cwd(dir)
}

#[tokio::test]
async fn a_timeout_kills_whatever_hides() {
    let guest = Guest::start().await;
    let dir = tempfile::tempdir().unwrap();
    let command = daemons(dir.path(), "sleep 1000").timeout(Duration::from_millis(1500));
    let done = guest.run(command).await.unwrap();
    assert_eq!(text(&done.stdout), "ready");
    assert!(done.exit.timed_out);
    assert!(pids(dir.path()).iter().all(|pid| !lives(pid)), "gone before the answer");
    assert_eq!(guest.sh("echo next").await.stdout, "next\n");
    assert!(eventually(|| children(guest.pid()).is_empty()).await, "and reaped");
}

#[tokio::test]
async fn dropping_a_command_kills_whatever_hides() {
    let guest = Guest::start().await;
    let dir = tempfile::tempdir().unwrap();
    let mut running = guest.client().exec(daemons(dir.path(), "sleep 1000"), LONG).await.unwrap();
    let mut stdout = running.take_stdout().unwrap();
    assert_eq!(stdout.next().await.unwrap().unwrap(), "ready\n");
    drop(running);
    assert!(all_gone(dir.path()).await);
    assert_eq!(guest.sh("echo next").await.stdout, "next\n");
}

#[tokio::test]
async fn when_the_host_goes_everything_goes() {
    let mut guest = Guest::start().await;
    let dir = tempfile::tempdir().unwrap();
    let mut running = guest.client().exec(daemons(dir.path(), "sleep 1000"), LONG).await.unwrap();
    let mut stdout = running.take_stdout().unwrap();
    assert_eq!(stdout.next().await.unwrap().unwrap(), "ready\n");
    drop((running, stdout));
    guest.leave().await;
    assert!(all_gone(dir.path()).await);
}

#[tokio::test]
async fn what_stays_in_the_background_does_not_hold_the_answer() {
    let guest = Guest::start().await;
    let dir = tempfile::tempdir().unwrap();
    let done = guest.run(daemons(dir.path(), "exit 5").drain(Duration::from_millis(100))).await.unwrap();
    assert_eq!((text(&done.stdout), done.exit.code), ("ready", Some(5)));
    assert!(done.exit.killed_background && !done.exit.timed_out);
    assert!(pids(dir.path()).iter().all(|pid| !lives(pid)), "gone before the answer");
}

#[tokio::test]
async fn what_is_to_stay_stays_until_the_host_goes() {
    let mut guest = Guest::start().await;
    let dir = tempfile::tempdir().unwrap();
    let command = daemons(dir.path(), "exit 5").drain(Duration::from_millis(50)).keep_background();
    let done = guest.run(command).await.unwrap();
    assert!(!done.exit.killed_background);
    assert!(pids(dir.path()).iter().all(|pid| lives(pid)));
    // Its output is nobody's now, and still it may write.
    let chatty = sh("(while :; do echo noise; sleep 0.01; done) & echo $! > e; echo said").cwd(dir.path());
    let done = guest.run(chatty.drain(Duration::from_millis(50)).keep_background()).await.unwrap();
    assert!(text(&done.stdout).starts_with("said") || text(&done.stdout).starts_with("noise"));
    tokio::time::sleep(Duration::from_millis(200)).await;
    let chatty = std::fs::read_to_string(dir.path().join("e")).unwrap();
    assert!(lives(chatty.trim()));
    guest.leave().await;
    assert!(all_gone(dir.path()).await);
    assert!(eventually(|| !lives(chatty.trim())).await);
}

#[tokio::test]
async fn killing_the_keeper_frees_nobody() {
    let guest = Guest::start().await;
    let dir = tempfile::tempdir().unwrap();
    let done = guest.run(daemons(dir.path(), "kill -9 $PPID; sleep 1000")).await.unwrap();
    assert_eq!(done.exit.signal, Some(9));
    assert!(all_gone(dir.path()).await);
    assert_eq!(guest.sh("echo next").await.stdout, "next\n");
}

#[tokio::test]
async fn a_term_comes_before_the_kill_where_asked_for() {
    let guest = Guest::start().await;
    let script = "trap 'echo bye; exit 9' TERM; while :; do sleep 0.02; done";
    let command = sh(script).timeout(Duration::from_secs(30)).term_before_kill(Duration::from_millis(29_800));
    let done = guest.run(command).await.unwrap();
    assert_eq!((text(&done.stdout), done.exit.code), ("bye", Some(9)));
}

#[tokio::test]
async fn being_told_to_end_ends_everything_and_well() {
    let mut guest = Guest::start().await;
    let dir = tempfile::tempdir().unwrap();
    let mut running = guest.client().exec(daemons(dir.path(), "sleep 1000"), LONG).await.unwrap();
    assert_eq!(running.take_stdout().unwrap().next().await.unwrap().unwrap(), "ready\n");
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(guest.pid().cast_signed()).unwrap(),
        rustix::process::Signal::TERM,
    )
    .unwrap();
    assert!(eventually(|| guest.process.try_wait().unwrap().is_some_and(|status| status.success())).await);
    assert!(all_gone(dir.path()).await);
}

#[tokio::test]
async fn orphans_are_reaped() {
    let guest = Guest::start().await;
    guest.sh("for i in 1 2 3 4 5 6 7 8; do (sleep 0.01 &) ; done; sleep 0.1").await;
    assert!(eventually(|| children(guest.pid()).is_empty()).await);
}
