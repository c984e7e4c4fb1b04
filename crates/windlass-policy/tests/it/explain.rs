use crate::{policy, tool, who};

#[test]
fn a_verdict_is_explained_with_the_facts_and_the_policy() {
    let policy = policy(
        r#"
grants: [{ to: ["group:dev"], tools: ["shell/*"] }]
cedar: |
  @id("no-stop")
  forbid (principal, action, resource)
  when { resource is Tool && resource.name like "stop_*" };
"#,
    );
    let explain = |principal: &str, called: &str| policy.explain(&who(principal), &tool(called), "http");
    insta::assert_snapshot!(explain("key:ci +dev", "shell/run_command"), @r#"
    key:ci may call run_command over http: permitted by grant#1
      caller: groups `dev`; scopes none
      run_command: toolset shell, destructive
      grant#1:
        permit(
          principal in Group::"dev",
          action in [Action::"call",Action::"read"],
          resource in Toolset::"shell"
        );
    "#);
    insta::assert_snapshot!(explain("key:ci +dev", "shell/stop_command"), @r#"
    key:ci may not call stop_command over http: forbidden by no-stop
      caller: groups `dev`; scopes none
      stop_command: toolset shell, destructive
      no-stop:
        @id("no-stop")
        forbid (principal, action, resource)
        when { resource is Tool && resource.name like "stop_*" };
    "#);
    insta::assert_snapshot!(explain("jwt:https://idp#a @mcp", "shell/list_commands r"), @r#"
    jwt:https://idp#a may not call list_commands over http: no policy permits it
      caller: groups none; scopes `mcp`
      list_commands: toolset shell, read-only
    "#);
}
