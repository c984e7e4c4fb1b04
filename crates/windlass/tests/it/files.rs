//! Files of one directory, seen by a client.

use std::{fs, os::unix::fs::symlink};

use serde_json::{Value, json};

use crate::{
    house::{House, Plan},
    wire::text,
};

fn start(more: &str) -> House {
    let dir = tempfile::tempdir().unwrap();
    let shared = dir.path().join("work/shared");
    fs::create_dir_all(&shared).unwrap();
    fs::write(shared.join("a.txt"), "one\ntwo\n").unwrap();
    fs::write(dir.path().join("work/secret"), "canary-outside").unwrap();
    symlink("../secret", shared.join("link")).unwrap();
    let yaml = format!("files: {{ directory: shared{more} }}\n");
    let mut house = Plan::yaml(&yaml).env("WINDLASS_TRANSPORT", "http").spawn_in(dir);
    house.await_banner();
    house
}

fn refused(result: &Value) -> bool {
    result["isError"] == true && !result.to_string().contains("canary")
}

#[test]
fn a_directory_is_read_and_nothing_beside_it() {
    let house = start("");
    let read = house.call("read_file", json!({ "path": "a.txt" }));
    assert!(text(&read).contains("two"), "{read}");
    assert!(house.call("list_files", json!({})).to_string().contains("a.txt"));
    for path in ["../secret", "link", "/etc/passwd", "a/../../secret", "../windlass.yaml"] {
        assert!(refused(&house.call("read_file", json!({ "path": path }))), "{path}");
    }
    assert!(!house.client().tools().contains(&"write_file".to_owned()), "reading is all there is");
    assert!(house.get("/ready").text().contains("files.directory"));
    house.stop();
}

#[test]
fn writing_is_a_setting_and_stays_inside() {
    let house = start(", writable: true");
    let wrote = house.call("write_file", json!({ "path": "new/b.txt", "content": "three\n" }));
    assert_eq!(wrote["isError"], false, "{wrote}");
    assert_eq!(fs::read_to_string(house.work().join("shared/new/b.txt")).unwrap(), "three\n");
    for path in ["../secret", "/tmp/x", "../windlass.yaml"] {
        assert!(refused(&house.call("write_file", json!({ "path": path, "content": "x" }))), "{path}");
    }
    house.call("write_file", json!({ "path": "link", "content": "x" }));
    assert_eq!(fs::read_to_string(house.work().join("secret")).unwrap(), "canary-outside", "a link is not followed");
    house.stop();
}
