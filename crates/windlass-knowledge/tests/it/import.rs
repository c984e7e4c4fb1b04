//! What becomes of a configuration of Thoth.

use std::fmt::Write as _;

use windlass_config::{Loaded, Sources, Variables, load};
use windlass_knowledge::import::{ImportError, Imported, thoth};

/// The new file and the notes.
fn import(text: &str, name: &str) -> String {
    let Imported { yaml, notes } = thoth(text, name).expect("it can be imported");
    let mut shown = yaml;
    shown.push_str("---\n");
    for note in notes {
        writeln!(shown, "{}: {}", note.line, note.message).expect("text takes text");
    }
    shown
}

/// The new file, loaded.
fn loaded(yaml: &str) -> Result<Loaded, String> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("windlass.yaml"), yaml).unwrap();
    load(&Sources::new(directory.path(), Variables::default()))
        .map_err(|errors| errors.to_string().replace(&format!("{}/", directory.path().display()), ""))
}

#[test]
fn the_configuration_of_seed_3() {
    let text = include_str!("import/seed3.yaml");
    insta::assert_snapshot!("import_seed3", import(text, "config.yaml"));
    let yaml = thoth(text, "config.yaml").unwrap().yaml;
    // It does not load before somebody has said where the documents are.
    insta::assert_snapshot!(loaded(&yaml).err().unwrap(), @r"
    windlass.yaml:11:16: knowledge.collections.handbook.sources[0].git: nobody has said yet which repository it is
      11 |           git: SET_THIS
         |                ^
      hint: write `https://gitlab.example.com/team/handbook.git`, or a path
    ");
    let settled = yaml.replace("SET_THIS", "https://gitlab.example.com/team/handbook.git");
    let settings = loaded(&settled).unwrap().settings;
    let knowledge = settings.knowledge.unwrap();
    assert_eq!(knowledge.index.bucket.as_deref(), Some("thoth-storage-bucket"));
    assert_eq!(knowledge.collections.keys().collect::<Vec<_>>(), ["handbook"]);
    let files = settings.files.unwrap();
    assert_eq!((files.directory.to_str(), files.writable), (Some("/tmp/files"), false));
    // What is commented out is as good as what is not.
    let all = settled.replace("# token:", "token:").replace("# writable:", "writable:");
    let settings = loaded(&all).unwrap().settings;
    assert!(settings.files.unwrap().writable);
    assert!(settings.knowledge.unwrap().collections["handbook"].sources[0].token.is_some());
}

#[test]
fn what_cannot_be_carried_over_is_named_line_by_line() {
    let text = include_str!("import/several.json");
    let shown = import(text, "config.json");
    assert!(!shown.contains("hunter2"), "a secret was written");
    insta::assert_snapshot!("import_several", shown);
    let yaml = thoth(text, "config.json").unwrap().yaml.replace("SET_THIS", "https://example.com/x.git");
    let knowledge = loaded(&yaml).unwrap().settings.knowledge.unwrap();
    assert_eq!(knowledge.collections.len(), 3);
}

#[test]
fn what_is_left_out_is_as_it_was_in_thoth() {
    insta::assert_snapshot!(import("plugins:\n  file_operations:\n", "c.yaml"), @r"
    # From c.yaml of Thoth. `windlass knowledge refresh` makes the index; nothing of a Chroma database is used.
    # Search without an embedder that knows meaning goes by words: docs/toolsets/knowledge.md.
    knowledge:
      collections:
        handbook:
          # Say what is in it: a model chooses by this.
          description: handbook
          sources:
            - # Set this: Thoth's configuration does not say where documents come from. Without being told, it cloned
              # https://gitlab.com/gitlab-com/content-sites/handbook.git. A `folder` or `s3: s3://BUCKET/PREFIX/` will do as well.
              git: SET_THIS
              # For a repository that not everybody may read.
              # token: env:GITLAB_TOKEN
    ---
    1: there are no setups, and Thoth then had one called `handbook`: so there is here
    1: where the documents of `handbook` come from was not in this file: set `git`, or a `folder` or `s3`
    2: `file_operations` is not carried over: without `base_path` Thoth's file tools had the whole machine; name a directory under `files` to have them
    ");
    insta::assert_snapshot!(import("rag:\n  setups: handbook\n", "c\u{1b}.yaml"), @r"
    # From c.yaml of Thoth. `windlass knowledge refresh` makes the index; nothing of a Chroma database is used.
    # Search without an embedder that knows meaning goes by words: docs/toolsets/knowledge.md.
    knowledge:
      collections:
        handbook:
          # Say what is in it: a model chooses by this.
          description: handbook
          sources:
            - # Set this: Thoth's configuration does not say where documents come from. Without being told, it cloned
              # https://gitlab.com/gitlab-com/content-sites/handbook.git. A `folder` or `s3: s3://BUCKET/PREFIX/` will do as well.
              git: SET_THIS
              # For a repository that not everybody may read.
              # token: env:GITLAB_TOKEN
    ---
    1: there are no setups, and Thoth then had one called `handbook`: so there is here
    1: where the documents of `handbook` come from was not in this file: set `git`, or a `folder` or `s3`
    2: `setups` is not a list: left out
    ");
}

#[test]
fn what_is_no_configuration_is_said_with_its_line() {
    let wrong = |text| match thoth(text, "x.yaml") {
        Err(ImportError { line, message, .. }) => format!("{line}: {message}"),
        Ok(imported) => panic!("{imported:?}"),
    };
    let all = ["", "- a", "a: [", "server:\n  port: 80\n", "rag: 1\nrag: 2\n", "rag: {}\n---\nrag: {}\n"];
    insta::assert_snapshot!(all.map(wrong).join("\n"), @r"
    1: there is nothing in it
    1: this is not a configuration of Thoth: it is no map
    1: not valid YAML: unclosed bracket '['
    1: this is not a configuration of Thoth: it has neither `rag` nor `plugins`
    2: `rag` stands here a second time
    3: a configuration of Thoth is one document
    ");
}

proptest::proptest! {
    /// No text makes it panic, and whatever it makes of one is YAML with the sections it should have.
    #[test]
    fn no_text_makes_it_panic(lines in proptest::collection::vec(line(), 0..30)) {
        if let Ok(imported) = thoth(&lines.concat(), "x.yaml") {
            let yaml = imported.yaml.replace("SET_THIS", "https://example.com/x.git");
            if let Err(errors) = loaded(&yaml) {
                // Only what was written there can be wrong with it: the name of a bucket, a directory.
                for error in errors.split("\n\n").filter(|error| error.starts_with("windlass.yaml:")) {
                    proptest::prop_assert!(error.contains("bucket") || error.contains("files."), "{error}\n{yaml}");
                }
            }
        }
    }
}

fn line() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    const LINES: &[&str] = &[
        "rag:\n",
        "  setups:\n",
        "    - name: a\n",
        "    - name: \"\\u0000: x\"\n",
        "      plugin_type: handbook\n",
        "      config:\n",
        "        s3_bucket_name: bucket\n",
        "        s3_bucket_name: [1]\n",
        "        persist_directory: ~\n",
        "plugins:\n",
        "  file_operations:\n",
        "    base_path: \"a: b\\n#\"\n",
        "  handbook_tools: { default_rag_setup: a }\n",
        "---\n",
    ];
    prop_oneof![9 => prop::sample::select(LINES).prop_map(str::to_owned), 1 => "\\PC{0,12}\n"]
}
