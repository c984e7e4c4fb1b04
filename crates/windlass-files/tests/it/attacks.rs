//! Ways out that need nobody else.

use std::{
    fs::{self, File},
    os::unix::{fs::symlink, net::UnixListener},
    process::Command,
    time::{Duration, Instant},
};

use serde_json::json;
use windlass_core::ErrorKind;

use crate::{Bench, SECRET, data};

/// Ways to write `secret.txt` of the directory above, and of other places.
fn ways_out(bench: &Bench) -> Vec<String> {
    let outside = bench.outside.path().display().to_string();
    let root = bench.settings.directory.display().to_string();
    let mut ways: Vec<String> = [
        "../secret.txt",
        "./../secret.txt",
        "sub/../../secret.txt",
        "sub/../../../../../../../../etc/passwd",
        "..//secret.txt",
        "../secret.txt/",
        "..\\secret.txt",
        "%2e%2e/secret.txt",
        "%2e%2e%2fsecret.txt",
        "..%2fsecret.txt",
        "..%c0%afsecret.txt",
        "%252e%252e/secret.txt",
        "．．/secret.txt",
        "‥/secret.txt",
        "..\u{2215}secret.txt",
        ".\u{200b}./secret.txt",
        "..;/secret.txt",
        "....//secret.txt",
        "../secret.txt\0",
        "secret.txt\0.md",
        "~/secret.txt",
        "~root/.ssh/id_rsa",
        "$HOME/secret.txt",
        "file:///etc/passwd",
        "/etc/passwd",
        "//etc/passwd",
        "/proc/self/environ",
        "/proc/self/root/etc/passwd",
        "/dev/zero",
        "/dev/stdin",
        "C:\\Windows\\win.ini",
        "\\\\?\\C:\\x",
        "..",
        "../",
        "/",
        "-",
        "escape/secret.txt",
        "escape-file",
        "escape-absolute/passwd",
        "escape-proc/root/etc/passwd",
        "escape-fd",
        "chain/secret.txt",
        "loop",
    ]
    .map(str::to_owned)
    .to_vec();
    ways.extend([
        format!("{outside}/secret.txt"),
        format!("{root}/../secret.txt"),
        format!("{root}/../../{root}/../secret.txt"),
        format!("{root}secret.txt"),
        "../".repeat(500) + "etc/passwd",
        "a/".repeat(2000),
        "x".repeat(100_000),
        "é".repeat(200),
    ]);
    ways
}

fn with_links(bench: &Bench) {
    fs::create_dir(bench.at("sub")).unwrap();
    symlink("..", bench.at("escape")).unwrap();
    symlink("../secret.txt", bench.at("escape-file")).unwrap();
    symlink("/etc", bench.at("escape-absolute")).unwrap();
    symlink("/proc/self", bench.at("escape-proc")).unwrap();
    symlink("/proc/self/fd/0", bench.at("escape-fd")).unwrap();
    symlink("sub/up", bench.at("chain")).unwrap();
    symlink("../..", bench.at("sub/up")).unwrap();
    symlink("loop", bench.at("loop")).unwrap();
}

#[tokio::test]
async fn no_way_leads_out() {
    let bench = Bench::writable().hidden();
    with_links(&bench);
    let ways = ways_out(&bench);
    for way in &ways {
        let read = bench.read(way).await;
        let error = read.expect_err(way);
        let expected = [ErrorKind::Denied, ErrorKind::NotFound, ErrorKind::InvalidArguments];
        assert!(expected.contains(&error.kind), "{way}: {error}");
        assert!(error.message.len() < 2000, "{way}");
        let directory = bench.call("list_files", json!({ "path": way, "recursive": true })).await;
        assert!(directory.is_err(), "{way}: {directory:?}");
    }
    // To write is refused, or makes a file in the directory that is only called so.
    for way in &ways {
        let _ = bench.call("write_file", json!({ "path": way, "content": "mine" })).await;
    }
    assert_eq!(fs::read_to_string(bench.outside.path().join("secret.txt")).unwrap(), SECRET);
    let beside: Vec<_> = fs::read_dir(bench.outside.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(beside.len(), 2, "{beside:?}");
}

#[tokio::test]
async fn a_link_inside_is_followed_and_one_to_what_is_hidden_is_not() {
    let bench = Bench::new();
    bench.put("docs/a.md", "inside");
    bench.put(".env", SECRET);
    bench.put(".git/config", SECRET);
    symlink("docs/a.md", bench.at("link")).unwrap();
    symlink("docs", bench.at("folder")).unwrap();
    symlink(".env", bench.at("plain")).unwrap();
    symlink(".git", bench.at("repo")).unwrap();
    for way in ["link", "folder/a.md"] {
        assert_eq!(data(&bench.read(way).await.unwrap())["content"], json!("inside"), "{way}");
    }
    for way in ["plain", "repo/config", ".env"] {
        assert_eq!(bench.read(way).await.unwrap_err().kind, ErrorKind::Denied, "{way}");
    }
    assert_eq!(bench.call("list_files", json!({ "path": "repo" })).await.unwrap_err().kind, ErrorKind::Denied);
}

#[tokio::test]
async fn what_is_no_file_is_neither_waited_for_nor_read() {
    let bench = Bench::writable();
    assert!(Command::new("mkfifo").arg(bench.at("pipe")).status().unwrap().success());
    let _socket = UnixListener::bind(bench.at("socket")).unwrap();
    symlink("pipe", bench.at("to-pipe")).unwrap();
    let began = Instant::now();
    for name in ["pipe", "socket", "to-pipe"] {
        let error = bench.read(name).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Denied, "{name}: {error}");
        assert!(bench.call("write_file", json!({ "path": name, "content": "x" })).await.is_err(), "{name}");
        assert!(bench.call("list_files", json!({ "path": name })).await.is_err(), "{name}");
    }
    assert!(began.elapsed() < Duration::from_secs(5));
    // Only root can make one of these; then it is tried.
    if Command::new("mknod").arg(bench.at("zero")).args(["c", "1", "5"]).status().is_ok_and(|made| made.success()) {
        assert_eq!(bench.read("zero").await.unwrap_err().kind, ErrorKind::Denied);
    }
}

#[tokio::test]
async fn a_file_of_a_terabyte_that_is_not_there_costs_what_is_read() {
    let bench = Bench::new().most(1 << 20);
    File::create(bench.at("sparse")).unwrap().set_len(1 << 40).unwrap();
    let began = Instant::now();
    let read = bench.read("sparse").await.unwrap();
    assert_eq!(data(&read)["size"], json!(1_u64 << 40));
    assert_eq!(data(&read)["next_offset"], json!(24 << 10));
    let last = bench.call("read_file", json!({ "path": "sparse", "offset": (1_u64 << 40) - 3 })).await.unwrap();
    assert_eq!(data(&last)["content_base64"], json!("AAAA"));
    let lossy = bench.call("read_file", json!({ "path": "sparse", "encoding": "text", "first_line": 2 })).await;
    assert_eq!(lossy.unwrap_err().kind, ErrorKind::InvalidArguments);
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn what_was_not_finished_is_nobodys() {
    let bench = Bench::writable().hidden();
    bench.put(".windlass-unfinished-0123", "half");
    assert_eq!(bench.read(".windlass-unfinished-0123").await.unwrap_err().kind, ErrorKind::Denied);
    let listed = bench.call("list_files", json!({})).await.unwrap();
    assert_eq!(data(&listed)["count"], json!(0));
}
