use std::{fs, path::Path};

use windlass_policy::Policy;

use crate::{allowed, compile, policy, settings, tool, who};

#[test]
fn a_forbid_beats_every_permit_and_is_named() {
    let policy = policy(
        r#"
grants: [{ to: ["*"], tools: ["*"] }]
cedar: |
  @id("nothing-destructive-by-key")
  forbid (principal, action == Action::"call", resource)
  when { principal.source == "key" && resource.destructive };
"#,
    );
    assert!(!allowed(&policy, "key:ci", "sql/drop"));
    assert!(allowed(&policy, "jwt:https://idp#a", "sql/drop"));
    assert!(allowed(&policy, "key:ci", "sql/query r"));
    let verdict = policy.decide(&who("key:ci"), &tool("sql/drop"), "http");
    assert_eq!(&*verdict.by, "nothing-destructive-by-key");
}

#[test]
fn a_policy_that_cannot_be_evaluated_denies_even_beside_a_permit() {
    let policy = policy(
        r#"
grants: [{ to: ["*"], tools: ["*"] }]
cedar: |
  forbid (principal, action, resource) when { 9223372036854775807 + 1 == 0 };
"#,
    );
    let verdict = policy.decide(&who("key:ci"), &tool("sql/query"), "http");
    assert!(!verdict.allowed, "Cedar alone skips the forbid and allows");
    assert_eq!(&*verdict.by, "cedar#1");
    assert_eq!(verdict.errors.len(), 1);
}

#[test]
fn files_are_read_from_the_base_and_named_in_ids() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("team.cedar"),
        "permit (principal in Group::\"dev\", action, resource in Toolset::\"sql\");\n\
         @id(\"no-drop\") forbid (principal, action, resource == Tool::\"drop\");\n",
    )
    .unwrap();
    let policy = Policy::compile(Some(&settings("cedar_files: [team.cedar]")), dir.path()).unwrap();
    let by = |called: &str| policy.decide(&who("key:a +dev"), &tool(called), "http").by.to_string();
    assert_eq!(by("sql/query"), "team.cedar#1");
    assert_eq!(by("sql/drop"), "no-drop");
    assert_eq!(by("shell/run_command"), "nothing matched");
}

fn errors(yaml: &str) -> String {
    compile(yaml).expect_err("must not compile").to_string()
}

#[test]
fn a_wrong_grant_says_which_and_what_to_write() {
    insta::assert_snapshot!(errors(r#"
grants:
  - { to: ["key:ci", alice, "key:*", "group:"], tools: ["shell/run_command", "list_*", ""] }
  - { to: [], tools: ["*"] }
  - { to: ["jwt:https://idp.example"], tools: ["a b"] }
"#), @r#"
    policy.grants[0].to[1]: `alice` is no caller
      hint: write a principal's id (`key:ci`, `jwt:ISSUER#SUBJECT`, `local`), `group:NAME`, `scope:NAME`, or `*`
    policy.grants[0].to[2]: `key:*` is a pattern, and grants take whole names
      hint: put the callers into a group, or say it in `policy.cedar` with `principal.id like "key:*"`
    policy.grants[0].to[3]: `group:` names nobody
      hint: write a principal's id (`key:ci`, `jwt:ISSUER#SUBJECT`, `local`), `group:NAME`, `scope:NAME`, or `*`
    policy.grants[0].tools[0]: `shell/run_command` is no tool
      hint: write the tool's name alone: it is unique across toolsets
    policy.grants[0].tools[1]: `list_*` is a pattern, and grants take whole names
      hint: name the tools, or say it in `policy.cedar` with `resource.name like "list_*"`
    policy.grants[0].tools[2]: `` is no tool
      hint: write a tool's name (`run_command`), a whole toolset (`shell/*`), or `*`
    policy.grants[1].to: names no callers, so the grant could never apply
      hint: use `*` for all
    policy.grants[2].to[0]: `jwt:https://idp.example` has no subject
      hint: write `jwt:ISSUER#SUBJECT`, as the audit log shows it
    policy.grants[2].tools[0]: `a b` is no tool
      hint: write a tool's name (`run_command`), a whole toolset (`shell/*`), or `*`
    "#);
}

#[test]
fn wrong_cedar_says_where() {
    insta::assert_snapshot!(errors(r#"
cedar: |
  permit (principal, action, resource);
  permit (principal, action, resource
"#), @r#"policy.cedar:2:36: unexpected end of input"#);
    insta::assert_snapshot!(errors(r#"
cedar: |
  permit (principal, action, resource);

  forbid (principal, action == Action::"call", resource) when { resource.readonly };
  forbid (principal in Team::"a", action, resource);
  forbid (principal, action == Action::"write", resource);
"#), @r#"
    policy.cedar:3:63: for policy `cedar#2`, attribute `readonly` on entity type `Tool` not found
      hint: did you mean `read_only`?
    policy.cedar:4:22: for policy `cedar#3`, unrecognized entity type `Team`
      hint: did you mean `Tool`?
    policy.cedar:5:30: for policy `cedar#4`, unrecognized action `Action::"write"`
      hint: did you mean `Action::"read"`?
    "#);
}

#[test]
fn what_cannot_be_told_apart_or_filled_is_refused() {
    insta::assert_snapshot!(errors(r#"
cedar: |
  @id("grant#1")
  permit (principal, action, resource);
  permit (principal == ?principal, action, resource);
grants: [{ to: ["*"], tools: ["*"] }]
cedar_files: [missing.cedar]
"#), @r#"
    policy.cedar: holds a template (a policy with a `?slot`), and nothing would fill it
      hint: write the principal or resource itself
    policy.cedar: a second policy is called `grant#1`; the first is in policy.grants[0]
      hint: give each policy an @id("...") of its own
    missing.cedar: cannot be read: No such file or directory (os error 2)
    "#);
}

#[test]
fn a_policy_that_never_applies_is_worth_a_warning() {
    let policy = policy(
        r#"
cedar: |
  permit (principal, action == Action::"read", resource is Tool);
"#,
    );
    assert!(!policy.warnings().is_empty());
}

#[test]
fn the_policies_in_force_are_printed_with_their_ids() {
    let policy = policy(
        r#"
grants:
  - { to: ["key:ci"], tools: [run_command] }
  - { to: ["group:dev", local], tools: ["shell/*", query], read_only: true }
cedar: |
  // Why this is here.
  @id("no-drop")
  forbid (principal, action, resource == Tool::"drop");
"#,
    );
    insta::assert_snapshot!(policy.cedar(), @r#"
    // grant#1
    permit(
      principal == Principal::"key:ci",
      action == Action::"call",
      resource == Tool::"run_command"
    );

    // grant#2
    permit(
      principal,
      action in [Action::"call",Action::"read"],
      resource
    ) when {
      ((principal in Group::"dev") || (principal == Principal::"local")) && (((resource in Toolset::"shell") || (resource == Tool::"query")) && ((resource is Toolset) || resource.read_only))
    };

    // no-drop
    @id("no-drop")
    forbid (principal, action, resource == Tool::"drop");
    "#);
    let again = format!("cedar: |\n  {}", policy.cedar().replace('\n', "\n  "));
    let again = Policy::compile(Some(&settings(&again)), Path::new(".")).unwrap();
    assert!(allowed(&again, "key:x +dev", "shell/list_commands r"));
    assert!(!allowed(&again, "key:x +dev", "shell/run_command"));
}
