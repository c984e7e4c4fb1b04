//! What every backend does alike.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use tokio::time::Instant;
use windlass_guest::{
    client::Command,
    protocol::{ReadRequest, WriteRequest},
};
use windlass_sandbox::{backend::Spec, namespace::Namespaces};

use crate::place::{PATIENCE, SPEC, bash, places, prefix, program, text};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_is_seen_as_it_runs() {
    for place in places("streams").await {
        let machine = place.machine(&SPEC).await;
        let guest = machine.guest();
        let command =
            Command::new("bash").arg("-c").arg("echo first; read line; echo \"got $line\" >&2; exit 5").stdin();
        let mut running = guest.exec(command, PATIENCE).await.unwrap();
        let (mut input, mut output) = (running.take_stdin().unwrap(), running.take_stdout().unwrap());
        assert_eq!(output.next().await.unwrap().unwrap(), "first\n");
        assert!(input.write(Bytes::from("word\n")).await);
        let ended = running.collect(100, PATIENCE).await.unwrap();
        assert_eq!((ended.exit.code, &*ended.stderr), (Some(5), &b"got word\n"[..]));
        machine.destroy().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_timeout_the_next_call_answers_its_own_question() {
    for place in places("timeouts").await {
        let machine = place.machine(&SPEC).await;
        let guest = machine.guest();
        for round in 0..3 {
            let line = "echo slow; (setsid sleep 300 &) ; nohup sleep 300 & sleep 300; echo late";
            let slow = bash(guest, line, SECOND / 2).await;
            assert!(slow.exit.timed_out && &*slow.stdout == b"slow\n", "{slow:?}");
            let own = bash(guest, &format!("echo {round}; pgrep -c sleep"), PATIENCE).await;
            assert_eq!(text(&own), format!("{round}\n0\n"));
        }
        machine.destroy().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_any_bytes_go_both_ways() {
    for place in places("files").await {
        let machine = place.machine(&SPEC).await;
        let guest = machine.guest();
        let content: Bytes = (0..64 << 20).map(|index: u32| (index.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let path = "/home/sandbox/ein Ordner/größe\n64.bin";
        let write =
            WriteRequest { path: path.into(), mode: Default::default(), permissions: None, owner: None, parents: true };
        let mut writer = guest.write_file(write, PATIENCE).await.unwrap();
        writer.write(content.clone()).await.unwrap();
        writer.finish().await.unwrap();
        let whole = ReadRequest { path: path.into(), offset: 0, length: None };
        let back = guest.read_file(whole.clone(), PATIENCE).await.unwrap().read_all(content.len()).await.unwrap();
        assert!(back == content);
        let part = ReadRequest { offset: (64 << 20) - 5, length: Some(100), ..whole };
        let back = guest.read_file(part, PATIENCE).await.unwrap().read_all(100).await.unwrap();
        assert_eq!(back, content[content.len() - 5..]);
        machine.destroy().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_works_delays_nobody() {
    for place in places("fairness").await {
        let (busy, other) = (place.machine(&SPEC).await, place.machine(&SPEC).await);
        let long = busy.guest().exec(Command::new("sleep").arg("300"), PATIENCE).await.unwrap();
        let began = Instant::now();
        for _ in 0..20 {
            assert_eq!(text(&bash(other.guest(), "echo x", PATIENCE).await), "x\n");
            assert_eq!(text(&bash(busy.guest(), "echo y", PATIENCE).await), "y\n");
        }
        let third = place.machine(&SPEC).await;
        assert!(began.elapsed() < Duration::from_secs(200), "they waited for the one that sleeps");
        drop(long);
        for machine in [busy, other, third] {
            machine.destroy().await;
        }
    }
}

/// What of this machine is in use by sandboxes: processes of this one's children, control groups, descriptors, files.
#[derive(Debug)]
struct Used {
    children: usize,
    groups: usize,
    descriptors: usize,
    files: usize,
}

impl Used {
    fn no_more_than(&self, other: &Self) -> bool {
        let numbers = |used: &Self| [used.children, used.groups, used.descriptors, used.files];
        numbers(self).iter().zip(numbers(other)).all(|(own, other)| *own <= other)
    }
}

fn used(directory: &Path) -> Used {
    let children = std::fs::read_dir("/proc/self/task").unwrap().flatten().map(|task| {
        std::fs::read_to_string(task.path().join("children")).unwrap_or_default().split_whitespace().count()
    });
    fn count(directory: &Path, wanted: &dyn Fn(&str) -> bool) -> usize {
        let Ok(entries) = std::fs::read_dir(directory) else { return 0 };
        entries.flatten().filter(|entry| entry.file_name().to_str().is_some_and(wanted)).count()
    }
    let mut groups = 0;
    for mount in std::fs::read_to_string("/proc/self/mounts").unwrap().lines() {
        let mut fields = mount.split(' ').skip(1);
        let (Some(point), Some(kind)) = (fields.next(), fields.next()) else { continue };
        if kind.starts_with("cgroup") {
            groups += count(Path::new(point), &|name| name.starts_with(&format!("windlass-sandbox-{}-", prefix())));
        }
    }
    let servers = std::fs::read_dir(directory.join("sandboxes")).unwrap().flatten();
    Used {
        children: children.sum(),
        groups,
        descriptors: std::fs::read_dir("/proc/self/fd").unwrap().count(),
        files: servers.map(|server| count(&server.path(), &|_| true)).sum(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_sandboxes_leave_nothing() {
    for place in places("leaks").await {
        place.machine(&SPEC).await.destroy().await;
        let before = used(place.directory.path());
        for _ in 0..10 {
            let ten = (0..10).map(|_| place.machine(&SPEC));
            let mut machines = Vec::new();
            for machine in ten {
                machines.push(machine.await);
            }
            for (index, machine) in machines.into_iter().enumerate() {
                bash(
                    machine.guest(),
                    "(setsid sleep 300 >/dev/null 2>&1 &); head -c 100000 /dev/urandom > x",
                    PATIENCE,
                )
                .await;
                // Half of them are only let go.
                if index % 2 == 0 { machine.destroy().await } else { drop(machine) }
            }
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let after = used(place.directory.path());
            if after.no_more_than(&before) {
                break;
            }
            assert!(Instant::now() < deadline, "{before:?} became {after:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_start_says_why_and_leaves_nothing() {
    for place in places("failed starts").await {
        place.machine(&SPEC).await.destroy().await;
        let before = used(place.directory.path());
        // No program fits.
        let tiny = Spec { memory: 64 << 10, ..SPEC };
        let error =
            place.backend.create(&format!("{}-tiny", prefix()), &tiny).await.err().expect("it started in 64 KiB");
        assert!(!windlass_core::chain(&error).is_empty());
        let after = used(place.directory.path());
        assert!(after.no_more_than(&before), "{before:?} became {after:?}");
    }
}

#[tokio::test]
async fn a_directory_that_others_can_write_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let opened = Namespaces::open(Some(directory.path().to_owned()), None, program(), None).await;
    let error = opened.err().expect("anybody could have put something there");
    if !windlass_core::chain(&error).contains("bwrap") {
        assert!(error.to_string().contains("only this user can write"), "{error}");
    }
}
