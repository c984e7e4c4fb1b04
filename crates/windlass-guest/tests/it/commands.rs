//! Running commands: what they get, what they say, how they end.

use std::time::Duration;

use bytes::Bytes;
use windlass_guest::{
    client::{ClientError, Command},
    protocol::{ErrorKind, Limits, PtySize},
};

use crate::guest::{Guest, LONG, PLENTY, sh, text};

#[tokio::test]
async fn output_and_errors_are_separate_and_the_exit_is_told() {
    let guest = Guest::start().await;
    let done = guest.sh("echo out; echo err >&2; exit 3").await;
    assert_eq!((text(&done.stdout), text(&done.stderr)), ("out", "err"));
    assert_eq!((done.exit.code, done.exit.signal, done.exit.timed_out), (Some(3), None, false));
    assert!(done.exit.peak_rss_bytes > 0);
    assert_eq!(guest.sh("kill -9 $$").await.exit.signal, Some(9));
}

#[tokio::test]
async fn processor_time_is_that_of_the_command() {
    let guest = Guest::start().await;
    let done = guest.sh("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done").await;
    assert!(done.exit.cpu_ms > 0);
    assert!(done.exit.wall_ms > 0);
}

#[tokio::test]
async fn output_comes_while_the_command_runs() {
    let guest = Guest::start().await;
    let mut running = guest.client().exec(sh("echo one; read line; echo $line").stdin(), LONG).await.unwrap();
    let mut stdout = running.take_stdout().unwrap();
    assert_eq!(stdout.next().await.unwrap().unwrap(), "one\n");
    let mut stdin = running.take_stdin().unwrap();
    assert!(stdin.write(Bytes::from("two\n")).await);
    assert_eq!(stdout.next().await.unwrap().unwrap(), "two\n");
    assert!(stdout.next().await.unwrap().is_none());
    assert!(running.wait(LONG).await.unwrap().success());
}

#[tokio::test]
async fn input_ends_when_the_sink_is_dropped_and_is_empty_without_one() {
    let guest = Guest::start().await;
    let mut running = guest.client().exec(Command::new("cat").stdin(), LONG).await.unwrap();
    let mut stdin = running.take_stdin().unwrap();
    let sending = tokio::spawn(async move { stdin.write(Bytes::from(vec![b'x'; 900_000])).await });
    let done = running.collect(PLENTY, LONG).await.unwrap();
    assert!(sending.await.unwrap());
    assert_eq!(done.stdout.len(), 900_000);
    assert_eq!(guest.sh("cat; echo end").await.stdout, "end\n");
}

#[tokio::test]
async fn a_command_that_does_not_read_its_input_does_not_hold_the_sender() {
    let guest = Guest::start().await;
    let mut running = guest.client().exec(sh("exec <&-; sleep 0.2").stdin(), LONG).await.unwrap();
    let mut stdin = running.take_stdin().unwrap();
    while stdin.write(Bytes::from(vec![b'x'; 65536])).await {}
    assert!(running.wait(LONG).await.unwrap().success());
}

#[tokio::test]
async fn only_the_environment_that_was_asked_for_is_there() {
    let guest = Guest::start().await;
    let dir = tempfile::tempdir().unwrap();
    let done = guest.run(Command::new("env").env("A", "naïve 😀").cwd(dir.path())).await.unwrap();
    let mut lines: Vec<_> = text(&done.stdout).lines().collect();
    lines.sort();
    assert_eq!(lines[0], "A=naïve 😀");
    assert!(lines[1].starts_with("PATH="));
    assert_eq!(lines.len(), 2);
    let done = guest.run(sh("pwd").cwd(dir.path())).await.unwrap();
    assert_eq!(text(&done.stdout), dir.path().to_str().unwrap());
}

#[tokio::test]
async fn commands_get_none_of_the_guests_descriptors() {
    let guest = Guest::start().await;
    assert_eq!(text(&guest.sh("ls /proc/self/fd | wc -l").await.stdout), "4", "0, 1, 2 and the directory");
}

#[tokio::test]
async fn what_cannot_be_run_says_why_by_its_kind() {
    let guest = Guest::start().await;
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("script");
    std::fs::write(&script, "#!/no/such/interpreter\n").unwrap();
    let kind = async |command: Command| match guest.run(command).await {
        Err(ClientError::Guest(error)) => error.kind,
        other => panic!("{other:?}"),
    };
    assert_eq!(kind(Command::new("no-such-program")).await, ErrorKind::NotFound);
    assert_eq!(kind(Command::new("true").cwd("/no/such/directory")).await, ErrorKind::NotFound);
    assert_eq!(kind(Command::new("true").cwd("/etc/passwd")).await, ErrorKind::NotDirectory);
    assert_eq!(kind(Command::new(script.as_path())).await, ErrorKind::Permission);
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(kind(Command::new(script.as_path())).await, ErrorKind::NotExecutable);
    assert_eq!(kind(Command::new("a\0b")).await, ErrorKind::Invalid);
    assert_eq!(guest.sh("echo still here").await.stdout, "still here\n");
}

#[tokio::test]
async fn a_signal_reaches_the_group() {
    let guest = Guest::start().await;
    let script = "trap 'echo caught; exit 7' USR1; echo ready; while :; do sleep 0.05; done";
    let mut running = guest.client().exec(sh(script), LONG).await.unwrap();
    let mut stdout = running.take_stdout().unwrap();
    assert_eq!(stdout.next().await.unwrap().unwrap(), "ready\n");
    assert_eq!(running.signal("SIGNOTHING"), Err(ClientError::NoSuchSignal("SIGNOTHING".into())));
    running.signal("usr1").unwrap();
    let mut said = Vec::new();
    while let Some(bytes) = stdout.next().await.unwrap() {
        said.extend_from_slice(&bytes);
    }
    assert_eq!(text(&said), "caught");
    assert_eq!(running.wait(LONG).await.unwrap().code, Some(7));
}

#[tokio::test]
async fn limits_hold() {
    let guest = Guest::start().await;
    let limits = Limits { file_size: Some(1000), open_files: Some(17), ..Limits::default() };
    let dir = tempfile::tempdir().unwrap();
    let script = "ulimit -n; head -c 5000 /dev/zero > file; stat -c %s file";
    let done = guest.run(sh(script).limits(limits).cwd(dir.path())).await.unwrap();
    assert_eq!(text(&done.stdout), "17\n1000");
}

#[tokio::test]
async fn a_terminal_is_one_and_has_its_size() {
    let guest = Guest::start().await;
    let size = PtySize { rows: 33, cols: 77 };
    let script = "test -t 0 && test -t 1 && test -t 2 && stty size; read line; stty size; cat; echo over >&2";
    let mut running = guest.client().exec(sh(script).pty(size), LONG).await.unwrap();
    let mut stdout = running.take_stdout().unwrap();
    assert_eq!(stdout.next().await.unwrap().unwrap(), "33 77\r\n");
    running.resize(PtySize { rows: 20, cols: 40 });
    let mut stdin = running.take_stdin().unwrap();
    assert!(stdin.write(Bytes::from("line\nmore\n")).await);
    drop(stdin);
    let mut said = Vec::new();
    while let Some(bytes) = stdout.next().await.unwrap() {
        said.extend_from_slice(&bytes);
    }
    let said = String::from_utf8(said).unwrap();
    assert!(said.contains("20 40\r\n"), "{said:?}");
    assert!(said.ends_with("over\r\n"), "{said:?}");
    assert!(running.wait(LONG).await.unwrap().success());
}

#[tokio::test]
async fn control_c_in_a_terminal_interrupts() {
    let guest = Guest::start().await;
    // A trap, because some shells lose an interrupt that comes just before they start a child.
    let script = "trap 'exit 42' INT; echo go; while :; do sleep 0.05; done";
    let mut running = guest.client().exec(sh(script).pty(PtySize { rows: 24, cols: 80 }), LONG).await.unwrap();
    let mut stdout = running.take_stdout().unwrap();
    assert_eq!(stdout.next().await.unwrap().unwrap(), "go\r\n");
    let mut stdin = running.take_stdin().unwrap();
    assert!(stdin.write(Bytes::from("\x03")).await);
    drop(stdout);
    assert_eq!(running.wait(LONG).await.unwrap().code, Some(42));
}

#[tokio::test]
async fn unicode_is_whole_wherever_it_is_cut() {
    let guest = Guest::start().await;
    let sample = "aß日😀e\u{301}";
    for cut in 0..=sample.len() {
        let mut running = guest.client().exec(Command::new("cat").stdin(), LONG).await.unwrap();
        let mut stdin = running.take_stdin().unwrap();
        assert!(stdin.write(Bytes::copy_from_slice(&sample.as_bytes()[..cut])).await);
        assert!(stdin.write(Bytes::copy_from_slice(&sample.as_bytes()[cut..])).await);
        drop(stdin);
        assert_eq!(running.collect(PLENTY, LONG).await.unwrap().stdout, sample);
    }
    // And where a frame, or two hundred bytes, end in the middle of a character.
    for shift in 0..4 {
        let long = format!("{}{}", "x".repeat(shift), "😀".repeat(40_000));
        let mut running = guest.client().exec(Command::new("cat").stdin(), LONG).await.unwrap();
        let mut stdin = running.take_stdin().unwrap();
        let bytes = Bytes::from(long.clone());
        let sending = tokio::spawn(async move { stdin.write(bytes).await });
        assert_eq!(running.collect(PLENTY, LONG).await.unwrap().stdout, long);
        assert!(sending.await.unwrap());
    }
}

#[tokio::test]
async fn another_user_is_another_user() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let guest = Guest::start().await;
    let done = guest.run(sh("id -u; id -g; id -G").user(12345, 23456)).await.unwrap();
    assert_eq!(text(&done.stdout), "12345\n23456\n23456");
}

#[tokio::test]
async fn the_next_call_answers_its_own_question() {
    let guest = Guest::start().await;
    for round in 0..5 {
        let slow = sh("echo late; sleep 1000").timeout(Duration::from_millis(50));
        let done = guest.run(slow).await.unwrap();
        assert!(done.exit.timed_out);
        assert_eq!(done.exit.signal, Some(9));
        assert_eq!(done.stdout, "late\n");
        assert_eq!(guest.sh(&format!("echo {round}")).await.stdout, format!("{round}\n"));
    }
}
