//! Names written to be read as Cedar.

use std::path::Path;

use windlass_config::settings::{GrantSettings, PolicySettings};
use windlass_policy::Policy;

use crate::{tool, who};

const NAMES: &[&str] = &[
    r#"x", action, resource); permit(principal, action, resource); //"#,
    r#"x" || true || principal == Principal::"y"#,
    "x\"};\npermit(principal, action, resource);",
    "\\",
    "\\\"",
    "a\\u{22}b",
    "\u{202e}nimda",
    "аdmin", // a Cyrillic а
    "\0",
    "a\nb",
    "// nothing",
    "@id(\"default\")",
    "{{",
    "?principal",
    "🦀",
];

fn grant(to: String, tools: &str) -> PolicySettings {
    PolicySettings {
        grants: vec![GrantSettings { to: vec![to], tools: vec![tools.into()], read_only: false }],
        ..PolicySettings::default()
    }
}

#[test]
fn a_name_in_a_grant_stays_a_name() {
    for name in NAMES {
        for prefix in ["key:", "group:", "scope:", "jwt:https://idp#"] {
            let settings = grant(format!("{prefix}{name}"), "shell/*");
            let policy = Policy::compile(Some(&settings), Path::new(".")).unwrap_or_else(|e| panic!("{name:?}: {e}"));
            let mut named = who("key:somebody");
            let mut stranger = named.clone();
            match prefix {
                "group:" => drop(named.groups.insert((*name).into())),
                "scope:" => drop(named.scopes.insert((*name).into())),
                _ => named.id = format!("{prefix}{name}"),
            }
            stranger.groups.insert("x".into());
            stranger.scopes.insert("admin".into());
            let run = tool("shell/run_command");
            assert!(policy.decide(&named, &run, "http").allowed, "{prefix}{name:?}");
            assert!(!policy.decide(&stranger, &run, "http").allowed, "{prefix}{name:?}");
            assert!(!policy.decide(&named, &tool("sql/query"), "http").allowed, "{prefix}{name:?}");

            // What `config show` prints says the same, and is one policy, not two.
            let printed = PolicySettings { cedar: Some(policy.cedar().into()), ..PolicySettings::default() };
            let again = Policy::compile(Some(&printed), Path::new("."))
                .unwrap_or_else(|e| panic!("{name:?}: {e}\n{}", policy.cedar()));
            assert!(again.decide(&named, &run, "http").allowed, "{}", policy.cedar());
            assert!(!again.decide(&stranger, &run, "http").allowed, "{}", policy.cedar());
        }
    }
}

#[test]
fn a_callers_name_is_never_read_as_cedar() {
    let policy = Policy::compile(Some(&grant("key:ci".into(), "run_command")), Path::new(".")).unwrap();
    for name in NAMES {
        let mut caller = who("key:nobody");
        caller.id = format!("key:{name}");
        caller.groups.insert((*name).into());
        caller.scopes.insert((*name).into());
        let mut called = tool("shell/run_command");
        assert!(!policy.decide(&caller, &called, name).allowed, "{name:?}");
        called.name = (*name).into();
        called.toolset = (*name).into();
        assert!(!policy.decide(&who("key:ci"), &called, "http").allowed, "{name:?}");
    }
}

#[test]
fn a_tool_in_a_grant_must_look_like_a_tool() {
    for name in NAMES {
        for tools in [(*name).to_owned(), format!("{name}/*")] {
            let compiled = Policy::compile(Some(&grant("*".into(), &tools)), Path::new("."));
            assert!(compiled.is_err(), "{tools:?}");
        }
    }
}
