use std::path::Path;

use windlass_core::mcp;
use windlass_policy::{Policy, ToolFacts};

use crate::{allowed, policy, tool, who};

const GRANTS: &str = r#"
grants:
  - { to: ["key:ci"], tools: [run_command] }
  - { to: ["group:dev", "scope:tools:all"], tools: ["shell/*", fetch_url] }
  - { to: ["*"], tools: ["*"], read_only: true }
  - { to: [local], tools: ["*"] }
"#;

#[test]
fn grants_allow_what_they_say_and_nothing_else() {
    let policy = policy(GRANTS);
    for (principal, called, expected) in [
        ("key:ci", "shell/run_command", true),
        ("key:ci", "shell/start_command", false),
        ("key:ci2", "shell/run_command", false),
        ("key:x +dev", "shell/start_command", true),
        ("key:x +dev", "fetch/fetch_url", true),
        ("key:x +dev", "sql/query", false),
        ("key:x +de", "shell/start_command", false),
        // A scope is no group and a group no scope.
        ("key:x @dev", "shell/start_command", false),
        ("jwt:https://idp#a @tools:all", "shell/start_command", true),
        ("jwt:https://idp#a +tools:all", "shell/start_command", false),
        // A principal whose id reads like a group is not in it.
        ("group:dev", "shell/start_command", false),
        ("key:x", "shell/list_commands r", true),
        ("key:x", "shell/run_command", false),
        ("local", "sql/drop", true),
    ] {
        assert_eq!(allowed(&policy, principal, called), expected, "{principal} {called}");
    }
}

#[test]
fn resources_and_prompts_come_with_a_whole_toolset() {
    let policy = policy(
        r#"
grants:
  - { to: ["key:one"], tools: [run_command] }
  - { to: ["key:set"], tools: ["shell/*"] }
  - { to: ["key:reader"], tools: ["*"], read_only: true }
"#,
    );
    for (principal, toolset, expected) in [
        ("key:one", "shell", false),
        ("key:set", "shell", true),
        ("key:set", "sql", false),
        ("key:reader", "sql", true),
        ("key:nobody", "sql", false),
    ] {
        assert_eq!(policy.decide_read(&who(principal), toolset, "http").allowed, expected, "{principal} {toolset}");
    }
}

#[test]
fn without_a_policy_section_one_named_policy_allows_all() {
    let policy = Policy::compile(None, Path::new(".")).unwrap();
    let verdict = policy.decide(&who("key:anyone"), &tool("shell/run_command"), "http");
    assert!(verdict.allowed);
    assert_eq!(&*verdict.by, "default");
    assert!(policy.warnings().is_empty(), "{:?}", policy.warnings());
}

#[test]
fn an_empty_policy_section_denies_all_and_says_so() {
    let policy = policy("{}");
    let verdict = policy.decide(&who("local"), &tool("shell/run_command"), "stdio");
    assert!(!verdict.allowed);
    assert_eq!(&*verdict.by, "nothing matched");
    assert_eq!(policy.warnings().len(), 1, "{:?}", policy.warnings());
}

#[test]
fn two_callers_with_one_id_do_not_share_a_verdict() {
    let policy = policy(r#"grants: [{ to: ["group:admin", "scope:admin"], tools: ["*"] }]"#);
    // Asked twice each, in both orders, so that every answer also comes from memory.
    for _ in 0..2 {
        assert!(allowed(&policy, "key:ci +admin", "shell/run_command"));
        assert!(!allowed(&policy, "key:ci", "shell/run_command"));
        assert!(!allowed(&policy, "key:ci +admi", "shell/run_command"));
        assert!(allowed(&policy, "key:ci @admin", "shell/run_command"));
        assert!(!allowed(&policy, "key:ci +adm +in", "shell/run_command"));
    }
}

#[test]
fn a_tool_that_changed_its_annotations_is_decided_anew() {
    let policy = policy(r#"grants: [{ to: ["*"], tools: [query], read_only: true }]"#);
    assert!(allowed(&policy, "key:a", "sql/query r"));
    assert!(!allowed(&policy, "key:a", "sql/query"));
    assert!(allowed(&policy, "key:a", "sql/query r"));
}

#[test]
fn the_transport_is_part_of_the_question() {
    let policy = policy(
        r#"
cedar: |
  @id("stdio-only")
  permit (principal, action == Action::"call", resource) when { context.transport == "stdio" };
"#,
    );
    for (transport, expected) in [("stdio", true), ("http", false), ("stdio", true)] {
        let verdict = policy.decide(&who("local"), &tool("shell/run_command"), transport);
        assert_eq!(verdict.allowed, expected, "{transport}");
    }
}

#[test]
fn annotations_left_out_are_taken_for_the_worse() {
    let facts = |annotations: Option<mcp::ToolAnnotations>| {
        let mut tool = mcp::Tool::new("t", "a tool", serde_json::Map::new());
        tool.annotations = annotations;
        let facts = ToolFacts::of("set", &tool);
        (facts.read_only, facts.destructive, facts.open_world)
    };
    assert_eq!(facts(None), (false, true, true));
    assert_eq!(facts(Some(mcp::ToolAnnotations::new().read_only(true))), (true, false, true));
    assert_eq!(facts(Some(mcp::ToolAnnotations::new().destructive(false).open_world(false))), (false, false, false));
}

/// Not a benchmark: an alarm for the day somebody puts an evaluation, a lock or a copy on every call.
#[test]
fn a_decision_from_memory_is_far_cheaper_than_an_evaluation() {
    let policy = policy(GRANTS);
    let (principal, facts) = (who("key:x +dev +ops @a @b"), tool("shell/start_command"));
    let time = |policy: &Policy, rounds: u32| {
        let start = std::time::Instant::now();
        for _ in 0..rounds {
            assert!(policy.decide(&principal, &facts, "http").allowed);
        }
        start.elapsed() / rounds
    };
    let first = time(&policy, 1);
    let again = time(&policy, 2000);
    assert!(again * 5 < first, "first {first:?}, from memory {again:?}");
}
