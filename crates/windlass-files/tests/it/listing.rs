use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::symlink},
    time::Duration,
};

use insta::assert_snapshot;
use serde_json::{Value, json};
use windlass_core::Deadline;

use crate::{Bench, call, data, text};

async fn list(bench: &Bench, arguments: Value) -> String {
    text(&bench.call("list_files", arguments).await.unwrap()).to_owned()
}

fn tree() -> Bench {
    let bench = Bench::new();
    for (path, size) in
        [("readme.md", 10), ("docs/a.md", 1), ("docs/deep/b.md", 2), ("docs/c.txt", 3), (".git/config", 4)]
    {
        bench.put(path, "x".repeat(size));
    }
    symlink("docs/a.md", bench.at("link.md")).unwrap();
    bench
}

#[tokio::test]
async fn what_is_there_is_listed_by_path() {
    let bench = tree();
    assert_snapshot!(list(&bench, json!({})).await, @r"
          docs/
    link  link.md
      10  readme.md
    ");
    assert_snapshot!(list(&bench, json!({ "recursive": true })).await, @r"
          docs/
       1  docs/a.md
       3  docs/c.txt
          docs/deep/
       2  docs/deep/b.md
    link  link.md
      10  readme.md
    ");
    assert_snapshot!(list(&bench, json!({ "path": "docs/" })).await, @r"
    1  docs/a.md
    3  docs/c.txt
       docs/deep/
    ");
    assert_snapshot!(list(&bench, json!({ "path": "docs/deep", "recursive": true })).await, @r"
               2  docs/deep/b.md
    ");
    assert!(list(&bench.hidden(), json!({ "recursive": true })).await.contains(".git/config"));
}

#[tokio::test]
async fn what_is_listed_can_be_read() {
    let bench = tree();
    let listed = bench.call("list_files", json!({ "path": "docs", "recursive": true })).await.unwrap();
    let files = data(&listed)["files"].as_array().unwrap();
    assert_eq!(data(&listed)["count"], json!(files.len()));
    for file in files.iter().filter(|file| file["kind"] == "file") {
        let read = bench.read(file["path"].as_str().unwrap()).await.unwrap();
        assert_eq!(data(&read)["size"], file["size"]);
        assert_eq!(data(&read)["modified"], file["modified"]);
    }
}

#[tokio::test]
async fn globs() {
    let bench = tree();
    assert_snapshot!(list(&bench, json!({ "glob": "*.md" })).await, @r"
    link  link.md
      10  readme.md
    ");
    assert_snapshot!(list(&bench, json!({ "glob": "*.md", "recursive": true })).await, @r"
       1  docs/a.md
       2  docs/deep/b.md
    link  link.md
      10  readme.md
    ");
    assert_snapshot!(list(&bench, json!({ "glob": "docs/*.md" })).await, @r"
               1  docs/a.md
    ");
    assert_snapshot!(list(&bench, json!({ "glob": "**/*.{md,txt}", "path": "docs" })).await, @r"
    1  docs/a.md
    3  docs/c.txt
    2  docs/deep/b.md
    ");
    assert_snapshot!(list(&bench, json!({ "glob": "*.pdf" })).await, @"[nothing that matches]");
    let told = [
        bench.refusal("list_files", json!({ "glob": "[" })).await,
        bench.refusal("list_files", json!({ "glob": "{a,".repeat(100) })).await,
        bench.refusal("list_files", json!({ "path": "readme.md" })).await,
        bench.refusal("list_files", json!({ "path": "nowhere" })).await,
        bench.refusal("list_files", json!({ "path": ".git" })).await,
        bench.refusal("list_files", json!({ "path": "docs/.." })).await,
    ];
    assert_snapshot!(told.join("\n"), @r"
    invalid_arguments: `glob` is no pattern: unclosed character class; missing ']'; write for example `docs/**/*.md`
    invalid_arguments: `glob` is longer than 256 bytes
    invalid_arguments: readme.md is not a directory
    hint: a name before the last one is a file; list_files shows what there is
    not_found: there is no nowhere
    hint: list_files shows what there is
    denied: .git is hidden: names that begin with a dot are not served here
    hint: the server's owner can set `files.hidden: true`
    denied: docs/.. has `..` in it, and that is not followed here
    hint: give a path below the directory, without `..`; list_files shows what there is
    ");
}

#[tokio::test]
async fn names_cannot_pass_for_something_else() {
    let bench = Bench::new();
    for name in ["a\n   12  fake.txt", "\u{1b}[2J", "x\u{202e}txt.exe", "ä b.txt"] {
        bench.put(name, "x");
    }
    fs::write(bench.at("").join(OsStr::from_bytes(b"raw\xff")), "x").unwrap();
    assert_snapshot!(list(&bench, json!({})).await, @r#"
    1  "\u001b[2J"
    1  "a\n   12  fake.txt"
    1  raw�
    1  "x\u202etxt.exe"
    1  ä b.txt
    "#);
}

#[tokio::test]
async fn a_list_says_where_it_ends() {
    let bench = Bench::new();
    for n in 0..30 {
        bench.put(&format!("{n:02}"), "");
    }
    let cut = bench.call("list_files", json!({ "limit": 3 })).await.unwrap();
    assert_eq!((data(&cut)["count"].as_u64(), data(&cut)["truncated"].as_bool()), (Some(3), Some(true)));
    assert!(
        text(&cut).ends_with("[these are the first 3; give a `glob`, a `path` further down, or a higher `limit`]\n")
    );
    let exact = bench.call("list_files", json!({ "limit": 30 })).await.unwrap();
    assert_eq!(data(&exact)["truncated"], json!(false));
}

#[tokio::test]
async fn a_deep_tree_ends_in_so_many_directories() {
    let bench = Bench::new();
    let deep = "d/".repeat(60) + "end";
    bench.put(&deep, "x");
    let listed = bench.call("list_files", json!({ "recursive": true })).await.unwrap();
    assert_eq!(data(&listed)["count"], json!(32));
    assert!(text(&listed).contains("directories deeper than 32 are not gone into"), "{}", text(&listed));
    // And goes on from there.
    let further = "d/".repeat(32);
    let listed = bench.call("list_files", json!({ "recursive": true, "path": further })).await.unwrap();
    assert_eq!((data(&listed)["count"].as_u64(), data(&listed)["truncated"].as_bool()), (Some(29), Some(false)));
    assert_eq!(text(&bench.read(&deep).await.unwrap()), "x");
}

#[tokio::test]
async fn links_are_not_followed_round_and_round() {
    let bench = Bench::new();
    bench.put("a/x", "");
    symlink("..", bench.at("a/up")).unwrap();
    symlink(".", bench.at("self")).unwrap();
    assert_snapshot!(list(&bench, json!({ "recursive": true })).await, @r"
          a/
    link  a/up
       0  a/x
    link  self
    ");
}

#[tokio::test]
async fn a_large_directory_takes_no_longer_than_there_is_time() {
    let bench = Bench::new();
    for n in 0..2000 {
        bench.put(&format!("{n}"), "");
    }
    let soon = Deadline::after(Duration::ZERO);
    let listed = call(&bench.toolset(), "list_files", json!({ "limit": 2000 }), soon).await.unwrap();
    assert_eq!(data(&listed)["reason"], json!("it took too long; give a `path` further down"));
    assert!(data(&listed)["count"].as_u64().unwrap() < 2000);
}
