use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
};

use insta::assert_snapshot;
use serde_json::json;

use crate::{Bench, data, text};

#[tokio::test]
async fn a_file_is_made_and_replaced() {
    let bench = Bench::writable();
    let made = bench.call("write_file", json!({ "path": "a/b/c.txt", "content": "one" })).await.unwrap();
    assert_eq!(text(&made), "made a/b/c.txt: 3 bytes");
    assert_eq!(fs::metadata(bench.at("a/b/c.txt")).unwrap().permissions().mode() & 0o777, 0o644);
    fs::set_permissions(bench.at("a/b/c.txt"), fs::Permissions::from_mode(0o600)).unwrap();
    let replaced = bench.call("write_file", json!({ "path": "a/b/c.txt", "content_base64": "AP8=" })).await.unwrap();
    assert_eq!((data(&replaced)["created"].as_bool(), data(&replaced)["size"].as_u64()), (Some(false), Some(2)));
    assert_eq!(fs::read(bench.at("a/b/c.txt")).unwrap(), b"\0\xff");
    assert_eq!(fs::metadata(bench.at("a/b/c.txt")).unwrap().permissions().mode() & 0o777, 0o600, "as it was");
    // What a read says is what a write takes.
    let sum = data(&bench.read("a/b/c.txt").await.unwrap())["sha256"].clone();
    assert_eq!(data(&replaced)["sha256"], sum);
    assert_eq!(fs::read_dir(bench.at("a/b")).unwrap().count(), 1, "nothing is left behind");
}

#[tokio::test]
async fn the_directory_itself_is_made_too() {
    let mut bench = Bench::writable();
    bench.settings.directory = bench.at("new/one");
    bench.call("write_file", json!({ "path": "a", "content": "x" })).await.unwrap();
    assert_eq!(fs::read(bench.at("a")).unwrap(), b"x");
}

#[tokio::test]
async fn what_was_there_decides() {
    let bench = Bench::writable();
    bench.put("a", "one");
    let sum = data(&bench.read("a").await.unwrap())["sha256"].as_str().unwrap().to_owned();
    bench.put("a", "two");
    let given = |path: &str, mode: &str| json!({ "path": path, "content": "x", "mode": mode });
    let told = [
        bench.refusal("write_file", given("a", "create")).await,
        bench.refusal("write_file", given("b", "replace")).await,
        bench.refusal("write_file", json!({ "path": "a", "content": "x", "expected_sha256": sum })).await,
        bench.refusal("write_file", json!({ "path": "b", "content": "x", "expected_sha256": sum })).await,
    ];
    assert_snapshot!(told.join("\n"), @r"
    failed: a is there already
    hint: leave out `mode: create` to replace it
    not_found: there is no b
    hint: list_files shows what there is
    failed: a has been changed since it was read
    hint: read it again, and write what it should be now with its new `sha256`
    not_found: there is no b
    hint: list_files shows what there is
    ");
    assert_eq!(fs::read(bench.at("a")).unwrap(), b"two");
    assert!(!bench.at("b").exists());

    let sum = data(&bench.read("a").await.unwrap())["sha256"].as_str().unwrap().to_uppercase();
    bench.call("write_file", json!({ "path": "a", "content": "x", "expected_sha256": sum })).await.unwrap();
    bench.call("write_file", given("b", "create")).await.unwrap();
    bench.call("write_file", given("b", "replace")).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_written_says_why() {
    let bench = Bench::writable().most(10);
    bench.put("dir/file", "x");
    fs::write(bench.at("big"), "x".repeat(11)).unwrap();
    symlink("dir/file", bench.at("link")).unwrap();
    let given = |path: &str, content: &str| json!({ "path": path, "content": content });
    let told = [
        bench.refusal("write_file", given("a", &"x".repeat(11))).await,
        bench.refusal("write_file", json!({ "path": "a" })).await,
        bench.refusal("write_file", json!({ "path": "a", "content": "x", "content_base64": "eA==" })).await,
        bench.refusal("write_file", json!({ "path": "a", "content_base64": "%" })).await,
        bench.refusal("write_file", given("dir", "x")).await,
        bench.refusal("write_file", given("new/", "x")).await,
        bench.refusal("write_file", given("new/.", "x")).await,
        bench.refusal("write_file", given(".", "x")).await,
        bench.refusal("write_file", given("dir/file/x", "x")).await,
        bench.refusal("write_file", given("link", "x")).await,
        bench.refusal("write_file", given(".bashrc", "x")).await,
        bench.refusal("write_file", given("../x", "x")).await,
        bench.refusal("write_file", given(&format!("{}/x", "d".repeat(256)), "x")).await,
        bench.refusal("write_file", json!({ "path": "big", "content": "x", "expected_sha256": "0" })).await,
    ];
    assert_snapshot!(told.join("\n"), @r"
    invalid_arguments: the content has 11 bytes, and a file may have 10B
    hint: write less, or several files
    invalid_arguments: give exactly one of `content` and `content_base64`; an empty file is an empty `content`
    invalid_arguments: give exactly one of `content` and `content_base64`; an empty file is an empty `content`
    invalid_arguments: `content_base64` is not base64: Invalid symbol 37, offset 0; text goes into `content`
    invalid_arguments: dir is a directory
    hint: list_files shows what is in it
    invalid_arguments: new/ is a directory
    hint: list_files shows what is in it
    invalid_arguments: new/. is a directory
    hint: list_files shows what is in it
    invalid_arguments: . is a directory
    hint: list_files shows what is in it
    invalid_arguments: dir/file/x is not a directory
    hint: a name before the last one is a file; list_files shows what there is
    denied: link is a link, and would be replaced by a file
    hint: name the file that the link leads to
    denied: .bashrc is hidden: names that begin with a dot are not served here
    hint: the server's owner can set `files.hidden: true`
    denied: ../x has `..` in it, and that is not followed here
    hint: give a path below the directory, without `..`; list_files shows what there is
    invalid_arguments: `dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd…` is no path: a name in it is longer than one can be
    hint: give a path below the directory, as list_files shows it
    invalid_arguments: big is too large to be compared with `expected_sha256`: leave it out
    ");
    assert_eq!(fs::read(bench.at("dir/file")).unwrap(), b"x");
    assert!(!bench.at("new").exists());
}

#[tokio::test]
async fn another_name_of_a_file_keeps_what_it_had() {
    let bench = Bench::writable();
    let outside = bench.outside.path().join("secret.txt");
    fs::hard_link(&outside, bench.at("linked")).unwrap();
    bench.call("write_file", json!({ "path": "linked", "content": "mine" })).await.unwrap();
    assert_eq!(fs::read_to_string(&outside).unwrap(), crate::SECRET);
    assert_eq!(fs::metadata(&outside).unwrap().nlink(), 1);
}

#[tokio::test]
async fn whoever_runs_first_makes_it_and_nobody_makes_it_twice() {
    let bench = Bench::writable();
    let toolset = bench.toolset();
    let wanted = (0..20).map(|n| {
        let toolset = toolset.clone();
        tokio::spawn(async move {
            let given = json!({ "path": "one", "content": n.to_string(), "mode": "create" });
            let deadline = windlass_core::Deadline::after(std::time::Duration::from_secs(60));
            crate::call(&toolset, "write_file", given, deadline).await.map(|_| n)
        })
    });
    let mut won = Vec::new();
    for one in wanted.collect::<Vec<_>>() {
        won.extend(one.await.unwrap().ok());
    }
    assert_eq!(won.len(), 1);
    assert_eq!(fs::read_to_string(bench.at("one")).unwrap(), won[0].to_string());
    assert_eq!(fs::read_dir(bench.at("")).unwrap().count(), 1, "nothing is left behind");
}

#[tokio::test]
async fn of_many_who_change_what_they_read_one_does() {
    let bench = Bench::writable();
    bench.put("one", "before");
    let sum = data(&bench.read("one").await.unwrap())["sha256"].clone();
    let toolset = bench.toolset();
    let wanted = (0..20).map(|n| {
        let (toolset, sum) = (toolset.clone(), sum.clone());
        tokio::spawn(async move {
            let given = json!({ "path": "one", "content": n.to_string(), "expected_sha256": sum });
            let deadline = windlass_core::Deadline::after(std::time::Duration::from_secs(60));
            crate::call(&toolset, "write_file", given, deadline).await.map(|_| n)
        })
    });
    let mut won = Vec::new();
    for one in wanted.collect::<Vec<_>>() {
        won.extend(one.await.unwrap().ok());
    }
    assert_eq!(won.len(), 1);
    assert_eq!(fs::read_to_string(bench.at("one")).unwrap(), won[0].to_string());
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_changes_nothing() {
    use windlass_core::{CancellationToken, Deadline, ErrorKind};
    let bench = Bench::writable();
    bench.put("old", "before");
    let cancel = CancellationToken::new();
    cancel.cancel();
    for (tool, given) in [
        ("write_file", json!({ "path": "new/file", "content": "x" })),
        ("write_file", json!({ "path": "old", "content": "x" })),
        ("read_file", json!({ "path": "old" })),
        ("list_files", json!({})),
    ] {
        let deadline = Deadline::after(std::time::Duration::from_secs(60));
        let ended = crate::call_until(&bench.toolset(), tool, given, deadline, cancel.clone()).await;
        assert_eq!(ended.unwrap_err().kind, ErrorKind::Cancelled, "{tool}");
    }
    assert_eq!(fs::read(bench.at("old")).unwrap(), b"before");
    assert_eq!(
        fs::read_dir(bench.at("")).unwrap().count(),
        2,
        "`old`, and the directory that was made for the new one"
    );
    assert_eq!(fs::read_dir(bench.at("new")).unwrap().count(), 0, "nothing is left behind");
}
