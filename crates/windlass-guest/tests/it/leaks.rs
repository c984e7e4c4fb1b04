//! Nothing stays.

use std::time::Duration;

use tokio::net::UnixStream;
use windlass_guest::client::{Command, GuestClient};

use crate::guest::{Guest, LONG, PLENTY, children, descriptors, eventually, sh};

#[tokio::test]
async fn two_hundred_commands_leave_nothing() {
    let guest = Guest::start().await;
    guest.sh("true").await;
    guest.client().ping(LONG).await.unwrap();
    let before = descriptors(guest.pid());
    for number in 0..200 {
        match number % 4 {
            0 => assert!(guest.sh("exit 0").await.exit.success()),
            1 => drop(guest.client().exec(sh("sleep 1000").stdin(), LONG).await.unwrap()),
            2 => assert!(guest.run(Command::new("no-such-program")).await.is_err()),
            _ => {
                let late = sh("sleep 1000 & sleep 1000").timeout(Duration::from_millis(5));
                assert!(guest.run(late).await.unwrap().exit.timed_out);
            }
        }
    }
    assert!(eventually(|| children(guest.pid()).is_empty()).await, "{:?}", children(guest.pid()));
    assert!(eventually(|| descriptors(guest.pid()) <= before).await, "{before} {}", descriptors(guest.pid()));
}

#[tokio::test]
async fn one_host_after_the_other_at_one_socket() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let mut process =
        std::process::Command::new(env!("CARGO_BIN_EXE_windlass-guest")).arg("--unix").arg(&path).spawn().unwrap();
    // Its file is there a moment before anybody listens.
    assert!(eventually(|| std::os::unix::net::UnixStream::connect(&path).is_ok()).await);
    let mut before = 0;
    for number in 0..20 {
        let stream = UnixStream::connect(&path).await.unwrap();
        let client = GuestClient::new(stream, LONG).await.unwrap();
        let running = client.exec(sh(&format!("echo {number}; sleep 1000 >/dev/null 2>&1 &")), LONG).await.unwrap();
        assert_eq!(running.collect(PLENTY, LONG).await.unwrap().stdout, format!("{number}\n"));
        let left = client.exec(Command::new("sleep").arg("1000"), LONG).await.unwrap();
        if number == 1 {
            before = descriptors(process.id());
        }
        if number > 1 {
            assert!(descriptors(process.id()) <= before);
        }
        drop((client, left));
    }
    assert!(eventually(|| children(process.id()).is_empty()).await);
    process.kill().unwrap();
    process.wait().unwrap();
}

#[tokio::test]
async fn wrong_arguments_are_told() {
    for args in [&[][..], &["--unix"], &["--vsock", "x"], &["--stdio", "--unix", "a"], &["--nonsense"]] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_windlass-guest")).args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(64));
        assert!(output.stderr.starts_with(b"usage:"));
    }
}
