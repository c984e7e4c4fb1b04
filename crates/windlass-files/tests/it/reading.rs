use base64::{Engine, prelude::BASE64_STANDARD};
use insta::assert_snapshot;
use serde_json::json;

use crate::{Bench, data, text};

#[tokio::test]
async fn a_text_and_lines_of_it() {
    let bench = Bench::new();
    bench.put("docs/a.md", "one\ntwo\nthree\n");
    let whole = bench.read("docs/a.md").await.unwrap();
    assert_eq!(text(&whole), "one\ntwo\nthree\n");
    let told = data(&whole);
    assert_eq!((&told["path"], &told["size"], &told["lines"]), (&json!("docs/a.md"), &json!(14), &json!(3)));
    assert_eq!(told["sha256"], json!("b6285c57e8797db5d4c51c80d6f11938afda9b11c6a003549709189e9b4b92a2"));
}

#[tokio::test]
async fn lines_are_counted_from_1() {
    let bench = Bench::new();
    bench.put("a", "one\r\ntwo\nthree");
    let lines = async |first: Option<u32>, last: Option<u32>| {
        let given = json!({ "path": "a", "first_line": first, "last_line": last });
        let given = given.as_object().unwrap().iter().filter(|(_, value)| !value.is_null());
        let given = given.map(|(key, value)| (key.clone(), value.clone())).collect::<serde_json::Map<_, _>>();
        bench.call("read_file", given.into()).await.map(|output| text(&output).to_owned())
    };
    assert_eq!(lines(Some(1), Some(1)).await.unwrap(), "one\r\n[lines 1 to 1 of 3]");
    assert_eq!(lines(Some(2), None).await.unwrap(), "two\nthree\n[lines 2 to 3 of 3]");
    assert_eq!(lines(None, Some(2)).await.unwrap(), "one\r\ntwo\n[lines 1 to 2 of 3]");
    assert_eq!(lines(Some(3), Some(99)).await.unwrap(), "three\n[lines 3 to 3 of 3]");
    assert_snapshot!(lines(Some(4), None).await.unwrap_err().for_model(), @r"
    there is no line 4: a has 3
    hint: ask for lines that are there
    ");
    assert_snapshot!(lines(Some(3), Some(2)).await.unwrap_err().for_model(), @r"
    `first_line` is behind `last_line`
    hint: swap them
    ");
}

#[tokio::test]
async fn what_is_no_text_is_base64_or_an_image() {
    let bench = Bench::new();
    bench.put("a.bin", b"\x00\x01\xff");
    let binary = bench.read("a.bin").await.unwrap();
    assert_eq!(text(&binary), "[3 of 3 bytes, as base64]\nAAH/");
    assert_eq!(data(&binary)["content_base64"], json!("AAH/"));

    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    bench.put("a.png", png);
    let image = bench.read("a.png").await.unwrap();
    assert_eq!(text(&image), "[a.png: image/png, 16 bytes]");
    let shown = image.content[1].as_image().unwrap();
    assert_eq!((shown.data.as_str(), shown.mime_type.as_str()), (BASE64_STANDARD.encode(png).as_str(), "image/png"));
    // Its name does not make it one.
    bench.put("b.png", "no image");
    assert_eq!(text(&bench.read("b.png").await.unwrap()), "no image");

    let as_text = bench.call("read_file", json!({ "path": "a.bin", "encoding": "text" })).await.unwrap();
    assert_eq!(data(&as_text)["content"], json!("\u{0}\u{1}\u{fffd}"));
    let as_base64 = bench.call("read_file", json!({ "path": "b.png", "encoding": "base64" })).await.unwrap();
    assert_eq!(data(&as_base64)["content_base64"], json!("bm8gaW1hZ2U="));
    assert_snapshot!(bench.refusal("read_file", json!({ "path": "a.bin", "first_line": 1 })).await, @r"
    invalid_arguments: a.bin is no text, so it has no lines
    hint: leave out `first_line` and `last_line`; `encoding: text` makes text of it
    ");
    assert_snapshot!(
        bench.refusal("read_file", json!({ "path": "b.png", "first_line": 1, "encoding": "base64" })).await, @r"
    invalid_arguments: only text has lines
    hint: leave out `encoding`, or give `offset` in place of lines
    ");
}

#[tokio::test]
async fn a_long_file_is_read_part_by_part_and_nothing_is_lost() {
    let whole: String = (0..500).map(|n| format!("{n} ä€😀\n")).collect();
    let bench = Bench::new().most(1000);
    bench.put("long.txt", &whole);
    let (mut offset, mut read, mut parts) = (0, String::new(), 0);
    loop {
        let part = bench.call("read_file", json!({ "path": "long.txt", "offset": offset })).await.unwrap();
        let told = data(&part);
        assert!(told["sha256"].is_null(), "not all of it was seen");
        let content = told["content"].as_str().unwrap();
        assert!(content.len() <= 1000 && content.ends_with('\n'));
        read.push_str(content);
        parts += 1;
        match told["next_offset"].as_u64() {
            Some(next) => {
                assert!(text(&part).ends_with(&format!("bytes; go on at offset {next}]")), "{}", text(&part));
                offset = next;
            }
            None => break,
        }
    }
    assert_eq!(read, whole);
    assert!(parts > 5);
    let line = bench.call("read_file", json!({ "path": "long.txt", "first_line": 3, "last_line": 4 })).await.unwrap();
    assert!(text(&line).starts_with("2 ä€😀\n3 ä€😀\n[lines 3 to 4 of "), "{}", text(&line));
    assert!(data(&line)["next_offset"].is_null());
    assert_snapshot!(bench.refusal("read_file", json!({ "path": "long.txt", "first_line": 400 })).await, @r"
    invalid_arguments: line 400 is not within the 1000B that are read at once: 77 lines are
    hint: go on at `offset: 991`, and count lines from there
    ");
    assert_snapshot!(bench.refusal("read_file", json!({ "path": "long.txt", "offset": 99999 })).await, @"invalid_arguments: `offset` is behind the end: long.txt has 6890 bytes");
}

#[tokio::test]
async fn one_line_longer_than_all_that_is_read_is_cut_between_characters() {
    let bench = Bench::new().most(10);
    let line = "€".repeat(10);
    bench.put("line", &line);
    let (mut offset, mut read) = (0, String::new());
    loop {
        let part = bench.call("read_file", json!({ "path": "line", "offset": offset })).await.unwrap();
        read.push_str(data(&part)["content"].as_str().unwrap());
        let Some(next) = data(&part)["next_offset"].as_u64() else { break };
        assert!(next > offset);
        offset = next;
    }
    assert_eq!(read, line);
}

#[tokio::test]
async fn long_binaries_come_in_parts() {
    let bench = Bench::new();
    let bytes: Vec<u8> = (0..60_000_u32).map(|n| (n % 251) as u8).collect();
    bench.put("b", &bytes);
    let (mut offset, mut read) = (0, Vec::new());
    loop {
        let part = bench.call("read_file", json!({ "path": "b", "offset": offset })).await.unwrap();
        assert!(text(&part).len() < 34 << 10);
        read.extend(BASE64_STANDARD.decode(data(&part)["content_base64"].as_str().unwrap()).unwrap());
        match data(&part)["next_offset"].as_u64() {
            Some(next) => offset = next,
            None => break,
        }
    }
    assert!(read == bytes);
}

#[tokio::test]
async fn an_empty_file_is_said_to_be_one() {
    let bench = Bench::new();
    bench.put("empty", "");
    let read = bench.read("empty").await.unwrap();
    assert_eq!((text(&read), &data(&read)["content"]), ("[the file is empty]", &json!("")));
}

#[tokio::test]
async fn what_cannot_be_read_says_why() {
    let bench = Bench::new();
    bench.put("a/b.txt", "x");
    bench.put(".env", "x");
    let mut told = Vec::new();
    for path in ["nowhere.txt", "a", "a/b.txt/c", "", ".env", "a/../a/b.txt", "/etc/passwd", "a\nb", "x\0y"] {
        told.push(bench.refusal("read_file", json!({ "path": path })).await);
    }
    assert_snapshot!(told.join("\n"), @r#"
    not_found: there is no nowhere.txt
    hint: list_files shows what there is
    invalid_arguments: a is a directory
    hint: list_files shows what is in it
    invalid_arguments: a/b.txt/c is not a directory
    hint: a name before the last one is a file; list_files shows what there is
    invalid_arguments: . is a directory
    hint: list_files shows what is in it
    denied: .env is hidden: names that begin with a dot are not served here
    hint: the server's owner can set `files.hidden: true`
    denied: a/../a/b.txt has `..` in it, and that is not followed here
    hint: give a path below the directory, without `..`; list_files shows what there is
    denied: /etc/passwd is outside of the directory that is served
    hint: give a path below the directory, without `..`; list_files shows what there is
    not_found: there is no "a\nb"
    hint: list_files shows what there is
    invalid_arguments: `"x\u0000y"` is no path: it has a NUL in it, as no name can
    hint: give a path below the directory, as list_files shows it
    "#);
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_the_owners_business() {
    use windlass_core::{Health, Toolset};
    let mut bench = Bench::new();
    bench.settings.directory = bench.at("gone");
    assert_snapshot!(bench.refusal("read_file", json!({ "path": "a" })).await, @r"
    unavailable: the directory of files cannot be opened now
    hint: the server's owner finds the reason in its log and under /ready
    ");
    assert_eq!(bench.toolset().ready().await[0].health, Health::Failed);
    assert_eq!(Bench::new().toolset().ready().await[0].health, Health::Ok);
}
