use serde_json::{Value, json};
use windlass_core::{Principal, Toolset, mcp::ContentBlock};
use windlass_store::OutputToolset;

use crate::{Bench, call, keep};

/// Calls `tool` on a log of a thousand lines and returns what the model reads.
#[track_caller]
fn ask(tool: &str, mut arguments: Value) -> String {
    let bench = Bench::new();
    let store = bench.open();
    let log: String = (1..=1000)
        .map(|line| if line % 300 == 0 { format!("{line} error: disk €{line}\n") } else { format!("{line} fine\n") })
        .collect();
    let handle = keep(&store, &Principal::local(), log.as_bytes()).handle.unwrap();
    arguments["handle"] = json!(handle);
    match call(&store, &Principal::local(), tool, arguments) {
        Ok(output) => match &output.content[0] {
            ContentBlock::Text(text) => text.text.clone(),
            other => panic!("{other:?}"),
        },
        Err(error) => format!("{:?}: {}", error.kind, error.for_model()),
    }
}

#[test]
fn pages() {
    insta::assert_snapshot!(ask("read_output", json!({"from_line": 299, "lines": 2})), @r#"
    299 fine
    300 error: disk €300
    [bytes 2,574 to 2,606 of 8,935; go on with offset=2606]
    "#);
    insta::assert_snapshot!(ask("read_output", json!({"offset": 20, "limit": 16})), @r#"

    4 fine
    5 fine
    6
    [bytes 20 to 36 of 8,935; go on with offset=36]
    "#);
    insta::assert_snapshot!(ask("read_output", json!({"from_line": 1000})), @r#"
    1000 fine
    [bytes 8,925 to 8,935 of 8,935; this is the end]
    "#);
    insta::assert_snapshot!(ask("read_output", json!({"from_line": 1001})), @r#"
    InvalidArguments: the output has only 1000 lines
    hint: ask for an earlier from_line
    "#);
    insta::assert_snapshot!(ask("read_output", json!({"from_line": 5000})), @r#"
    InvalidArguments: the output has only 1000 lines
    hint: ask for an earlier from_line
    "#);
    insta::assert_snapshot!(ask("read_output", json!({"offset": 99_999_999})), @r#"

    [bytes 8,935 to 8,935 of 8,935; this is the end]
    "#);
    insta::assert_snapshot!(ask("read_output", json!({"offset": 1, "from_line": 1})), @r#"
    InvalidArguments: offset and from_line exclude each other
    hint: give one of them
    "#);
}

#[test]
fn searches() {
    insta::assert_snapshot!(ask("search_output", json!({"pattern": "error"})), @r#"
    300:300 error: disk €300
    600:600 error: disk €600
    900:900 error: disk €900
    [3 matches in 8,935 bytes]
    "#);
    insta::assert_snapshot!(ask("search_output", json!({"pattern": "ERROR"})), @r#"[0 matches in 8,935 bytes]"#);
    insta::assert_snapshot!(ask("search_output", json!({"pattern": "(?i)ERROR.*€", "context_lines": 1})), @r#"
    299-299 fine
    300:300 error: disk €300
    301-301 fine
    --
    599-599 fine
    600:600 error: disk €600
    601-601 fine
    --
    899-899 fine
    900:900 error: disk €900
    901-901 fine
    [3 matches in 8,935 bytes]
    "#);
    insta::assert_snapshot!(ask("search_output", json!({"pattern": "^99. fine$", "max_matches": 2})), @r#"
    990:990 fine
    991:991 fine
    [2 matches in 8,935 bytes; there are more, narrow the pattern or read on from a line]
    "#);
    insta::assert_snapshot!(ask("search_output", json!({"pattern": "(a"})), @r#"
    InvalidArguments: the pattern cannot be used: regex parse error:
        (a
        ^
    error: unclosed group
    hint: patterns are regular expressions without look-around and back-references; escape . ( [ * + ? to find them
    "#);
    insta::assert_snapshot!(ask("search_output", json!({"pattern": "(a{1000}){1000}"})), @r#"
    InvalidArguments: the pattern is too large once compiled
    hint: use smaller repetition counts
    "#);
}

#[test]
fn a_pattern_made_to_hang_does_not() {
    let bench = Bench::new().spill(1 << 20);
    let store = bench.open();
    let handle = keep(&store, &Principal::local(), &[b'a'; 100_000]).handle.unwrap();
    let arguments = json!({"handle": handle, "pattern": "(a+)+(a*)*$b"});
    let output = call(&store, &Principal::local(), "search_output", arguments).unwrap();
    assert_eq!(output.structured.unwrap()["matches"], 0);
}

#[test]
fn a_match_on_the_seam_of_a_long_line_is_found_once() {
    let bench = Bench::new();
    let store = bench.open();
    for at in [131_072 - 4096 - 3, 131_072 - 4096, 131_072 - 3, 131_072, 126_975] {
        let mut text = vec![b'.'; 400_000];
        text[at..at + 6].copy_from_slice(b"needle");
        let handle = keep(&store, &Principal::local(), &text).handle.unwrap();
        let arguments = json!({"handle": handle, "pattern": "needle"});
        let found = call(&store, &Principal::local(), "search_output", arguments).unwrap().structured.unwrap();
        assert_eq!((&found["matches"], &found["rows"][0]["offset"]), (&json!(1), &json!(at)));
    }
}

#[test]
fn definitions() {
    let tools = OutputToolset::new(Bench::new().open()).tools();
    let shown: Vec<Value> = tools.iter().map(|spec| serde_json::to_value(&spec.tool).unwrap()).collect();
    let text = serde_json::to_string(&shown).unwrap();
    for word in ["$ref", "$defs", "anyOf", "oneOf", "allOf", "uint", "$schema", "\"default\":null"] {
        assert!(!text.contains(word), "{word} in {text}");
    }
    for tool in &shown {
        assert_eq!(tool["annotations"]["readOnlyHint"], true);
        assert_eq!(tool["inputSchema"]["type"], "object");
        assert_eq!(tool["outputSchema"]["type"], "object");
        for (name, property) in tool["inputSchema"]["properties"].as_object().unwrap() {
            assert!(property["description"].as_str().is_some_and(|text| text.len() > 15), "{name}");
            assert!(property["type"].is_string(), "{name}: {property}");
        }
    }
    insta::assert_json_snapshot!(shown[0]["inputSchema"], @r#"
    {
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "handle": {
          "type": "string",
          "description": "The handle, as the answer with the cut output gave it: out_ and 32 digits."
        },
        "offset": {
          "type": "integer",
          "description": "Byte to begin at, counted from 0. Default 0.",
          "minimum": 0
        },
        "limit": {
          "type": "integer",
          "description": "Most bytes of text to return. Default and maximum: as much as fits an answer.",
          "minimum": 0
        },
        "from_line": {
          "type": "integer",
          "description": "Line to begin at, counted from 1, instead of offset.",
          "minimum": 0
        },
        "lines": {
          "type": "integer",
          "description": "Most lines to return.",
          "minimum": 0
        }
      },
      "required": [
        "handle"
      ]
    }
    "#);
}
