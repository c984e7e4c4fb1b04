//! What becomes of a tools.yaml.

use std::fmt::Write as _;

use windlass_config::{Settings, Sources, Variables, load};
use windlass_sql::import::{ImportError, Imported, toolbox};

/// The new file and the notes; the new file loads.
fn import(text: &str) -> (String, Settings) {
    let Imported { yaml, notes } = toolbox(text, "tools.yaml").expect("it can be imported");
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("windlass.yaml"), &yaml).expect("it can be written");
    let sources = Sources::new(directory.path(), Variables::default());
    let loaded = load(&sources).unwrap_or_else(|errors| panic!("{errors}\n{yaml}"));
    let mut shown = yaml;
    shown.push_str("---\n");
    for note in notes {
        writeln!(shown, "{}: {}", note.line, note.message).expect("text takes text");
    }
    (shown, loaded.settings)
}

#[test]
fn the_two_broken_tools_of_seed_5_are_refused_and_the_others_work() {
    let (shown, settings) = import(include_str!("import/seed5.yaml"));
    insta::assert_snapshot!("seed5", shown);
    let sql = settings.sql.expect("the section is there");
    assert_eq!(sql.tools.keys().collect::<Vec<_>>(), ["describe-table", "list-tables"]);
    assert_eq!(sql.sources["sqlserver"].password.as_deref(), Some("env:SQLCMDPASSWORD"));
}

#[test]
fn what_cannot_be_carried_over_is_named_line_by_line() {
    let text = include_str!("import/hotels.yaml");
    let (shown, settings) = import(text);
    insta::assert_snapshot!("hotels", shown);
    assert!(!shown.contains("hunter2"), "a secret was written");
    let sql = settings.sql.expect("the section is there");
    assert!(sql.sources.values().all(|source| source.read_only && !source.allow_writable_login));
    assert!(!sql.tools.contains_key("book-hotel"), "what writes is not there until somebody wants it");
}

#[test]
fn the_newer_layout_is_read_as_well() {
    let (shown, _) = import(include_str!("import/flat.yaml"));
    insta::assert_snapshot!("flat", shown);
}

#[test]
fn what_was_left_out_is_filled_in_or_named() {
    let (shown, settings) = import(include_str!("import/edge.yaml"));
    insta::assert_snapshot!("edge", shown);
    assert!(!shown.contains("secret123"), "a secret was written");
    let sql = settings.sql.expect("the section is there");
    let names: Vec<_> = sql.tools["twice"].parameters.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["hotel_id", "hotel_id_2"]);
    assert!(sql.tools["twice"].statement.contains(":hotel_id::int as x, 'a:b' || :hotel_id_2"));
}

#[test]
fn what_is_no_tools_yaml_is_said_with_its_line() {
    let wrong = |text| match toolbox(text, "x.yaml") {
        Err(ImportError { line, message, .. }) => format!("{line}: {message}"),
        Ok(imported) => panic!("{imported:?}"),
    };
    let all = ["", "- a", "a: [", "server:\n  port: 80\n", "sources:\n  a: 1\n  a: 2\n", "kind: prompt\nname: x\n"];
    insta::assert_snapshot!(all.map(wrong).join("\n"), @r"
    1: there are neither sources nor tools in it
    1: this is not a tools.yaml: it is no map
    1: not valid YAML: unclosed bracket '['
    1: there are neither sources nor tools in it
    3: `a` stands here a second time
    1: there are neither sources nor tools in it
    ");
}

proptest::proptest! {
    /// No text makes it panic, and whatever it makes of one loads as YAML.
    #[test]
    fn no_text_makes_it_panic(lines in proptest::collection::vec(line(), 0..30)) {
        let _ = toolbox(&lines.concat(), "x.yaml");
    }
}

fn line() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    const LINES: &[&str] = &[
        "sources:\n",
        "tools:\n",
        "  a:\n",
        "  b:\n",
        "    kind: postgres\n",
        "    kind: postgres-sql\n",
        "    source: a\n",
        "    statement: SELECT $1\n",
        "    statement: {{.x}}\n",
        "    parameters:\n",
        "      - name: x\n",
        "        type: string\n",
        "        allowedValues: ['(']\n",
        "---\n",
        "kind: tool\n",
        "name: x\n",
        "type: mysql-sql\n",
        "    password: ${X:\n",
        "    host: ${A}${B}\n",
        "    description: \"\\u0000\"\n",
        "toolsets:\n",
        "  t: [b]\n",
    ];
    prop_oneof![9 => prop::sample::select(LINES).prop_map(str::to_owned), 1 => "\\PC{0,12}\n"]
}

#[test]
fn a_built_in_tool_leaves_its_toolset_and_that_is_said() {
    let yaml = "sources: { shop: { kind: sqlite, database: shop.db } }
tools: { look: { kind: sqlite-execute-sql, source: shop, description: Looks } }
toolsets: { mine: [look] }
";
    let imported = toolbox(yaml, "tools.yaml").unwrap();
    let said = "`execute_sql` is in the toolset `sql`, as all built-in tools, and not in `mine`";
    assert!(imported.notes.iter().any(|note| note.message == said), "{:?}", imported.notes);
}
