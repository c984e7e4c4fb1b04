//! What every backend does alike.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use windlass_guest::{
    client::Command,
    protocol::{ReadRequest, WriteRequest},
};
use windlass_sandbox::{
    backend::{BackendError, Isolation, Spec},
    namespace::Namespaces,
};

use crate::{
    place::{PATIENCE, SPEC, all_places, bash, namespaces, prefix, program, text},
    used::{giving_way, settled, used},
};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_is_seen_as_it_runs() {
    for place in all_places("streams").await {
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
    for place in all_places("timeouts").await {
        let machine = place.machine(&SPEC).await;
        let guest = machine.guest();
        // An emulated machine takes its time to say anything.
        let limit = if place.backend.about().isolation == Isolation::Vm { SECOND * 8 } else { SECOND };
        for round in 0..3 {
            let line = "echo slow; (setsid sleep 300 &) ; nohup sleep 300 & sleep 300; echo late";
            let slow = bash(guest, line, limit).await;
            assert!(slow.exit.timed_out && &*slow.stdout == b"slow\n", "{slow:?}");
            let own = bash(guest, &format!("echo {round}; pgrep -c sleep"), PATIENCE).await;
            assert_eq!(text(&own), format!("{round}\n0\n"));
        }
        machine.destroy().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn text_is_whole_wherever_it_is_cut() {
    // One of each length that a character has, and one that is two.
    let sample = "aß日😀e\u{301}";
    for place in all_places("unicode").await {
        let machine = place.machine(&SPEC).await;
        let guest = machine.guest();
        for cut in 0..=sample.len() {
            let (first, second) = sample.as_bytes().split_at(cut);
            let mut running = guest.exec(Command::new("cat").stdin(), PATIENCE).await.unwrap();
            let (mut input, mut output) = (running.take_stdin().unwrap(), running.take_stdout().unwrap());
            let mut back = Vec::new();
            for piece in [first, second] {
                assert!(input.write(Bytes::copy_from_slice(piece)).await);
                // So that it comes in two pieces too.
                let until = back.len() + piece.len();
                while back.len() < until {
                    back.extend_from_slice(&output.next().await.unwrap().unwrap());
                }
            }
            drop(input);
            assert_eq!((back.as_slice(), output.next().await.unwrap()), (sample.as_bytes(), None), "cut at {cut}");
            assert_eq!(running.wait(PATIENCE).await.unwrap().code, Some(0));
        }
        // And where a frame ends, one byte further each time.
        for shift in 0..4 {
            let line = format!("printf '%{shift}s'; yes 😀 | head -n 30000 | tr -d '\\n'");
            let long = bash(guest, &line, PATIENCE).await;
            assert!(text(&long) == format!("{}{}", " ".repeat(shift), "😀".repeat(30_000)), "shift {shift}");
        }
        machine.destroy().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_can_be_killed() {
    for place in all_places("kills").await {
        let machine = place.machine(&SPEC).await;
        let guest = machine.guest();
        let line = "trap '' TERM; setsid sleep 300 & echo begun; while :; do sleep 1; done";
        let mut running = guest.exec(Command::new("bash").arg("-c").arg(line), PATIENCE).await.unwrap();
        let mut output = running.take_stdout().unwrap();
        assert_eq!(output.next().await.unwrap().unwrap(), "begun\n");
        running.signal("KILL").unwrap();
        assert_eq!(running.wait(PATIENCE).await.unwrap().signal, Some(9));
        assert_eq!(text(&bash(guest, "pgrep -c sleep; echo here", PATIENCE).await), "0\nhere\n");
        machine.destroy().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_any_bytes_go_both_ways() {
    for place in all_places("files").await {
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
    for place in all_places("fairness").await {
        let (busy, other) = (place.machine(&SPEC).await, place.machine(&SPEC).await);
        let (mut creates, mut execs) = (Vec::new(), Vec::new());
        let mut long = None;
        for works in [false, true] {
            if works {
                let command = Command::new("bash").arg("-c").arg("while :; do :; done");
                long = Some(busy.guest().exec(command, PATIENCE).await.unwrap());
            }
            let (mut create, mut exec) = (Duration::ZERO, Duration::ZERO);
            for round in 0..20 {
                for machine in [&other, &busy] {
                    let asked = Instant::now();
                    assert_eq!(text(&bash(machine.guest(), "echo x", PATIENCE).await), "x\n");
                    exec = exec.max(asked.elapsed());
                }
                if round % 4 == 0 {
                    let asked = Instant::now();
                    let third = place.machine(&SPEC).await;
                    create = create.max(asked.elapsed());
                    third.destroy().await;
                }
            }
            creates.push(create);
            execs.push(exec);
        }
        // What works takes a processor, but nobody waits for it to end.
        for (what, slowest) in [("create", creates), ("exec", execs)] {
            println!("{}: the slowest {what} took {slowest:?}, alone and beside it", place.backend.about().name);
            assert!(slowest[1] < slowest[0] * 10 + SECOND * 5, "{what} waits: {slowest:?}");
        }
        assert!(long.is_some_and(|long| long.signal("KILL").is_ok()));
        for machine in [busy, other] {
            machine.destroy().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_computes_lets_others_go_first_for_as_long_as_it_does() {
    let Some(place) = namespaces("courtesy", None).await else { return };
    let machine = place.machine(&SPEC).await;
    if giving_way().is_none() {
        windlass_testkit::skip("the order of processors", "no control group here has cpu.idle");
        return machine.destroy().await;
    }
    let until = async |giving: usize| {
        let deadline = Instant::now() + PATIENCE;
        while giving_way() != Some(giving) {
            assert!(Instant::now() < deadline, "{:?} sandboxes let others go first", giving_way());
            tokio::time::sleep(SECOND / 50).await;
        }
    };
    until(0).await;
    let command = Command::new("bash").arg("-c").arg("while :; do :; done");
    let long = machine.guest().exec(command, PATIENCE).await.unwrap();
    until(1).await;
    assert_eq!(text(&bash(machine.guest(), "echo x", PATIENCE).await), "x\n");
    assert!(long.signal("KILL").is_ok());
    until(0).await;
    machine.destroy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_sandboxes_leave_nothing() {
    for place in all_places("leaks").await {
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
        settled(place.directory.path(), &before).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_start_says_why_and_leaves_nothing() {
    for place in all_places("failed starts").await {
        place.machine(&SPEC).await.destroy().await;
        let before = used(place.directory.path());
        // No program fits.
        let tiny = Spec { memory: 64 << 10, ..SPEC };
        let error =
            place.backend.create(&format!("{}-tiny", prefix()), &tiny).await.err().expect("it started in 64 KiB");
        assert!(!windlass_core::chain(&error).is_empty());
        settled(place.directory.path(), &before).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_goes_on_where_it_was() {
    for place in all_places("snapshots").await {
        let machine = place.machine(&SPEC).await;
        bash(machine.guest(), "echo before > kept; sleep 300 &", PATIENCE).await;
        let stored = match machine.store().await {
            Err(BackendError::Unable) if place.backend.about().name != "qemu" => continue,
            stored => stored.unwrap_or_else(|error| panic!("{}", windlass_core::chain(&error))),
        };
        assert!(stored.bytes() > 0);
        assert_eq!(
            text(&bash(machine.guest(), "cat kept; echo after > kept; cat kept", PATIENCE).await),
            "before\nafter\n"
        );
        let wake = async || {
            let id = format!("{}-{:016x}", prefix(), rand::random::<u64>());
            stored.wake(&id).await.unwrap_or_else(|error| panic!("{}", windlass_core::chain(&error)))
        };
        let mut told = Vec::new();
        for _ in 0..2 {
            let copy = wake().await;
            let line = "cat kept; date +%s; head -c 16 /dev/urandom | base64; echo own > kept; pgrep -c sleep";
            let said = text(&bash(copy.guest(), line, PATIENCE).await);
            let lines: Vec<String> = said.lines().map(str::to_owned).collect();
            assert_eq!((lines[0].as_str(), lines[3].as_str()), ("before", "0"), "{said}");
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
            let clock: u64 = lines[1].parse().unwrap();
            assert!(now.abs_diff(clock) < 10, "its clock is {clock}, and it is {now}");
            told.push(lines[2].clone());
            copy.destroy().await;
        }
        assert_ne!(told[0], told[1], "two copies have the same randomness");
        machine.destroy().await;
        // The copy needs nothing of the one that it was taken from.
        let late = wake().await;
        assert_eq!(text(&bash(late.guest(), "cat kept", PATIENCE).await), "before\n");
        late.destroy().await;
    }
}
