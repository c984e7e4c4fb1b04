//! A server that is killed takes its machines with it, and the next one takes away their files.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use serde_json::json;
use tokio::time::Instant;
use windlass_sandbox::{backend::Machine, firecracker::Firecracker};

use super::Standin;
use crate::place::{PATIENCE, Place, SPEC, program};

/// Not a test: the server that is killed in the next one.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a part of another test"]
async fn serve_until_killed() {
    let Some(directory) = env::var_os("SERVE_UNTIL_KILLED").map(PathBuf::from) else { return };
    let mut standin = Standin::new("serving", &json!({})).unwrap();
    standin.directory.disable_cleanup(true);
    let backend = Firecracker::open(Some(directory), program(), &standin.parts, &standin.programs, &SPEC, None);
    let place = Place { backend: Arc::new(backend.await.unwrap()), directory: standin.directory };
    let machines: Vec<Box<dyn Machine>> = vec![place.machine(&SPEC).await, place.machine(&SPEC).await];
    println!("READY {}", place.directory.path().display());
    tokio::time::sleep(PATIENCE).await;
    drop(machines);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_server_left_ends_with_it_and_is_swept() {
    let Some(standin) = Standin::new("firecracker, killed", &json!({})) else { return };
    let below = standin.directory.path().join("sandboxes");
    let arguments = ["--exact", "firecracker::killed::serve_until_killed", "--ignored", "--nocapture"];
    let mut server = Command::new(env::current_exe().unwrap());
    server.args(arguments).env("SERVE_UNTIL_KILLED", &below).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = server.spawn().unwrap();
    let mut said = BufReader::new(server.stdout.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("READY ") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "it ended");
    }
    let other = PathBuf::from(line.trim_start_matches("READY ").trim());
    let mark = format!("test-{}-", server.id());
    let alive = || {
        let lines =
            fs::read_dir("/proc").unwrap().flatten().filter_map(|one| fs::read(one.path().join("cmdline")).ok());
        lines.filter(|line| String::from_utf8_lossy(line).contains(&mark)).count()
    };
    // The launcher, the first process of its namespace, and Firecracker, twice.
    assert_eq!(alive(), 6);
    server.kill().unwrap();
    server.wait().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while alive() > 0 {
        assert!(Instant::now() < deadline, "machines live on");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let left = || fs::read_dir(&below).unwrap().flatten().filter(|entry| entry.path().is_dir()).count();
    assert_eq!(left(), 1);
    let next = standin.open(None).await.unwrap();
    assert_eq!(left(), 1, "only the next one's own is there");
    drop(next);
    fs::remove_dir_all(other).unwrap();
}
