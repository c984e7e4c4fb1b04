//! What a person at a terminal sees.

use std::{fs, path::Path};

use insta::assert_snapshot;
use regex::Regex;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    auth::new_key,
    house::{House, Plan, SHELL, run},
};

fn empty() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// What a command said, with its exit code, and without what is different each time.
fn said(dir: &Path, args: &[&str], env: &[(&str, &str)]) -> String {
    let (code, out, error) = run(dir, args, env);
    let mut text = format!("{out}{error}[exit code {code}]");
    text = text.replace(&dir.canonicalize().unwrap().display().to_string(), "DIR");
    for (pattern, to) in [
        (r"wdl_[A-Za-z0-9_-]{48}", "wdl_KEY"),
        (r"[0-9a-f]{64}", "HASH"),
        (r"127\.0\.0\.1:\d+", "ADDR"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
        (r"windlass \d+\.\d+\.\d+", "windlass VERSION"),
        (r"\d+\.\d s\b", "N s"),
    ] {
        text = Regex::new(pattern).unwrap().replace_all(&text, to).into_owned();
    }
    text
}

#[test]
fn help() {
    let dir = empty();
    assert_snapshot!(said(dir.path(), &["--help"], &[]), @r"
    Gives AI agents real tools inside their owner's machines and AWS account

    Usage: windlass [OPTIONS] [COMMAND]

    Commands:
      serve      Serve tools over MCP: standard input and output, HTTP, or both
      init       Write a commented windlass.yaml
      doctor     Say what is missing before a user finds out
      import     Turn another system's configuration into a windlass.yaml
      key        Make and inspect API keys
      config     Check, show and document the configuration
      audit      Verify an audit log
      connect    Print or write an MCP client's configuration for this server
      call       Call a tool: `windlass call list_commands`, `windlass call run_command command='ls -l'`
      tools      List the tools of a server
      check      Prove any MCP server, ours or not
      deploy     Ship a release and prove it: check, build, push, deploy, verify; and go back
      sandbox    Make what sandboxes are made of
      knowledge  Keep the documents of the section `knowledge` searchable: refresh, look, go back
      agent      Let a model use the tools of this configuration, and of other servers, within budgets
      help       Print this message or the help of the given subcommand(s)

    Options:
      -c, --config <FILE>    The configuration file [default: ./windlass.yaml, then the user's
                             configuration directory] [env: WINDLASS_CONFIG=]
          --set <KEY=VALUE>  Overrides one setting, e.g. `--set server.port=9000`
      -h, --help             Print help
      -V, --version          Print version

    Exit codes: 0 done; 1 it failed; 2 wrong usage or configuration; 3 not authenticated; 4 unreachable.
    [exit code 0]
    ");
    assert_snapshot!(said(dir.path(), &["--version"], &[]), @r"
    windlass VERSION
    [exit code 0]
    ");
    assert_snapshot!(said(dir.path(), &["frobnicate"], &[]), @r"
    error: unrecognized subcommand 'frobnicate'

    Usage: windlass [OPTIONS] [COMMAND]

    For more information, try '--help'.
    [exit code 2]
    ");
}

#[test]
fn mistakes_in_the_configuration_name_their_place_and_what_was_meant() {
    let dir = empty();
    let yaml = "server: { prot: 8080 }\nshel: {}\nlimits: { concurrency: many }\n";
    fs::write(dir.path().join("windlass.yaml"), yaml).unwrap();
    assert_snapshot!(said(dir.path(), &["config", "check"], &[]), @r"
    windlass: DIR/windlass.yaml:1:11: server.prot: `prot` is not a setting here
      1 | server: { prot: 8080 }
        |           ^
      hint: did you mean `port`?

    DIR/windlass.yaml:2:1: shel: `shel` is not a setting here
      2 | shel: {}
        | ^
      hint: did you mean `shell`?

    DIR/windlass.yaml:3:24: limits.concurrency: expected a whole number, 0 or more, found `many`
      3 | limits: { concurrency: many }
        |                        ^
    [exit code 2]
    ");
    let (code, out, error) = run(dir.path(), &["serve", "--port", "0"], &[]);
    assert_eq!((code, out.as_str()), (2, ""), "serve says the same before a port opens");
    assert!(error.contains("did you mean `port`"), "{error}");
    assert_snapshot!(said(dir.path(), &["-c", "nowhere.yaml", "config", "check"], &[]), @r"
    windlass: cannot read DIR/nowhere.yaml: No such file or directory (os error 2)
      hint: `windlass init` writes one to start from
    [exit code 2]
    ");
    let other = empty();
    assert_snapshot!(said(other.path(), &["--set", "server.prot=1", "config", "check"], &[]), @r"
    windlass: --set server.prot: server.prot: `prot` is not a setting here
      hint: did you mean `port`?
    [exit code 2]
    ");
    assert_snapshot!(said(other.path(), &["config", "check"], &[("WINDLASS_PROT", "1")]), @r"
    windlass: WINDLASS_PROT: no setting has this variable
      hint: did you mean WINDLASS_PORT?
    [exit code 2]
    ");
}

#[test]
fn init_writes_what_check_passes_and_takes_nothing_away() {
    let dir = empty();
    assert_snapshot!(said(dir.path(), &["init"], &[]), @r"
    wrote windlass.yaml
    next: `windlass config check`, then `windlass serve`
    [exit code 0]
    ");
    assert_snapshot!(said(dir.path(), &["config", "check"], &[]), @r"
    DIR/windlass.yaml is good
    14 commands are approved
    [exit code 0]
    ");
    fs::write(dir.path().join("windlass.yaml"), "shell: {}\n").unwrap();
    assert_snapshot!(said(dir.path(), &["init"], &[]), @r"
    windlass: cannot write windlass.yaml: File exists (os error 17)
    hint: it exists already: --force replaces it
    [exit code 1]
    ");
    assert_eq!(fs::read_to_string(dir.path().join("windlass.yaml")).unwrap(), "shell: {}\n");
    assert_eq!(run(dir.path(), &["init", "--force"], &[]).0, 0);
    assert_eq!(run(dir.path(), &["config", "check"], &[]).0, 0);
}

#[test]
fn a_key_is_shown_once_and_only_its_hash_is_kept() {
    let dir = empty();
    assert_snapshot!(said(dir.path(), &["key", "new", "ci", "--expires", "90d", "--group", "deploy"], &[]), @r#"
    wdl_KEY
    Put this into windlass.yaml; it holds only the key's hash:

    auth:
      keys:
        - { name: "ci", hash: "sha256:HASH", expires: "TIME", groups: ["deploy"] }

    The key itself, shown this once. Clients send it as `Authorization: Bearer KEY`:

    [exit code 0]
    "#);
    assert_snapshot!(said(dir.path(), &["key", "new", "a b"], &[]), @r"
    windlass: --name: `a b` is no name for a key
    hint: use 1 to 64 letters, digits, `.`, `_` or `-`
    [exit code 2]
    ");
    assert_snapshot!(said(dir.path(), &["key", "new", "ci", "--file", "keys.yaml"], &[]), @r"
    wdl_KEY
    added key:ci to keys.yaml
    The key itself, shown this once. Clients send it as `Authorization: Bearer KEY`:

    [exit code 0]
    ");
    let (_, key, _) = run(dir.path(), &["key", "new", "ci", "--file", "keys.yaml"], &[]);
    let file = dir.path().join("keys.yaml");
    let kept = fs::read_to_string(&file).unwrap();
    assert!(kept.lines().count() == 2 && !kept.contains(&key.trim()[8..]), "{kept}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn doctor_says_what_is_missing() {
    let dir = empty();
    let doctor = |yaml: &str| {
        fs::write(dir.path().join("windlass.yaml"), yaml).unwrap();
        run(dir.path(), &["doctor", "--json"], &[])
    };
    let (code, out, error) = doctor("server: { port: 0 }\nshell: { commands: [ls] }\n");
    assert_eq!(code, 0, "{out}{error}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["ready"], true, "{report}");
    let names: Vec<&str> =
        report["checks"].as_array().unwrap().iter().map(|check| check["name"].as_str().unwrap()).collect();
    for name in
        ["config", "server.exposure", "server.port", "auth", "audit", "store", "shell.landlock", "shell.seccomp"]
    {
        assert_eq!(names.iter().filter(|known| **known == name).count(), 1, "{name}: {names:?}");
    }
    let taken = House::start(SHELL);
    let port = taken.addr().port();
    let (code, out, _) = doctor(&format!("server: {{ port: {port} }}\nshell: {{ commands: [ls, no-such-program] }}\n"));
    assert!(out.contains("is a server running already?") && out.contains("no-such-program"), "{code}: {out}");
    // What it cannot do without.
    let (code, out, error) = doctor("store: { directory: /proc/nowhere }\nshell: { commands: [ls] }\n");
    assert_ne!(code, 0, "{out}{error}");
    assert!(format!("{out}{error}").contains("/proc/nowhere"), "{out}{error}");
    let (code, _, error) = doctor("server: { host: 0.0.0.0 }\n");
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("windlass key new"), "{error}");
}

#[test]
fn call_and_tools_without_a_server() {
    let dir = empty();
    fs::write(dir.path().join("windlass.yaml"), "shell: { commands: [ls, cat] }\n").unwrap();
    assert_snapshot!(said(dir.path(), &["call", "run_command", "command=ls"], &[]), @r"
    windlass.yaml
    [exit code 0, N s]
    [exit code 0]
    ");
    assert_snapshot!(said(dir.path(), &["call", "run_command", "command=ls; id"], &[]), @r"
    `;` or a new line between commands is not granted together with `ls`
    hint: run the commands one by one, each in its own call
    [exit code 1]
    ");
    assert_snapshot!(said(dir.path(), &["call", "run_command", "command=cat nothing"], &[]), @r"
    [stderr]
    cat: nothing: No such file or directory
    [exit code 1, N s]
    [exit code 1]
    ");
    assert_snapshot!(said(dir.path(), &["call", "run_comand", "command=ls"], &[]), @r"
    windlass: there is no tool `run_comand`
    hint: there is run_command
    [exit code 2]
    ");
    let (code, out, _) = run(dir.path(), &["tools", "--json"], &[]);
    let tools: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, tools.as_array().map(Vec::len)), (0, Some(8)), "{out}");
}

#[test]
fn call_a_server_that_wants_a_token() {
    let (key, line) = new_key("me", &[]);
    let house = House::start(&format!("auth:\n  keys:\n    {line}\n{SHELL}"));
    let (dir, url) = (empty(), format!("http://{}/mcp", house.addr()));
    let call = ["call", "--url", &url, "run_command", "command=echo hello"];
    assert_snapshot!(said(dir.path(), &call, &[]), @r"
    windlass: the server wants a token
    hint: put it into the variable WINDLASS_TOKEN, or name another with `--token-env`
    [exit code 3]
    ");
    assert_snapshot!(said(dir.path(), &call, &[("WINDLASS_TOKEN", "wdl_wrong")]), @r"
    windlass: the server refuses the token
    hint: is it for this server, and not expired?
    [exit code 3]
    ");
    assert_snapshot!(said(dir.path(), &call, &[("WINDLASS_TOKEN", &key)]), @r"
    hello
    [exit code 0, N s]
    [exit code 0]
    ");
    let gone = format!("http://127.0.0.1:{}/mcp", windlass_testkit::free_port().unwrap());
    assert_snapshot!(said(dir.path(), &["call", "--url", &gone, "list_commands"], &[]), @r"
    windlass: cannot reach http://ADDR/mcp
    hint: is the server running, and is the address right? `windlass check` says more
    [exit code 4]
    ");
}

#[test]
fn connect_prints_what_a_client_reads() {
    let dir = empty();
    let home = dir.path().canonicalize().unwrap().display().to_string();
    let connect = |args: &[&str]| said(dir.path(), &[&["connect"], args].concat(), &[("HOME", &home)]);
    assert_snapshot!(connect(&["claude", "--url", "http://127.0.0.1:8080/mcp"]), @r#"
    Claude Code reads DIR/.mcp.json:

    {
      "mcpServers": {
        "windlass": {
          "type": "http",
          "url": "http://ADDR/mcp"
        }
      }
    }

    or let it do that itself:

      claude mcp add --scope project --transport http windlass http://ADDR/mcp
    [exit code 0]
    "#);
    assert_snapshot!(connect(&["cursor", "--url", "http://127.0.0.1:8080/mcp", "--token-env", "WINDLASS_TOKEN"]), @r#"
    Cursor reads DIR/.cursor/mcp.json:

    {
      "mcpServers": {
        "windlass": {
          "url": "http://ADDR/mcp",
          "headers": {
            "Authorization": "Bearer ${env:WINDLASS_TOKEN}"
          }
        }
      }
    }

    Set WINDLASS_TOKEN where Cursor starts; the file only refers to it.
    [exit code 0]
    "#);
    assert_snapshot!(connect(&["emacs"]), @r"
    windlass: there is no client `emacs`
    hint: there is claude, claude-desktop, cline, codex, cursor, gemini, vscode, windsurf, zed
    [exit code 2]
    ");
}

#[test]
fn an_audit_log_that_was_touched_does_not_verify() {
    let house = Plan::yaml(SHELL).start();
    for _ in 0..3 {
        house.call("list_commands", serde_json::json!({}));
    }
    let (log, _) = house.stop();
    let dir = empty();
    let verify = |log: &str, more: &[&str]| {
        fs::write(dir.path().join("log"), log).unwrap();
        said(dir.path(), &[&["audit", "verify", "log"], more].concat(), &[])
    };
    assert_snapshot!(verify(&log, &[]), @r"
    intact: 6 lines of 1 runs; last hash HASH
    whether lines are missing at the end only --expect HASH can tell
    [exit code 0]
    ");
    assert_snapshot!(verify(&log.replacen("\"allowed\"", "\"denied\"", 1), &[]), @r"
    line 3: was changed after it was written
    [exit code 1]
    ");
    let lines: Vec<&str> = log.lines().collect();
    let without_third = [&lines[..2], &lines[3..]].concat().join("\n");
    assert_snapshot!(verify(&without_third, &[]), @r"
    line 3: does not follow the line before it: lines were removed, inserted or moved here
    [exit code 1]
    ");
    let cut = lines[..3].join("\n");
    assert!(verify(&cut, &[]).contains("intact: 3 lines"), "a cut-off end shows only against a known hash");
    let last: Value = serde_json::from_str(lines.last().unwrap()).unwrap();
    let last = last["hash"].as_str().unwrap();
    assert_snapshot!(verify(&cut, &["--expect", last]), @r"
    line 4: the expected hash does not occur: lines at the end are missing
    [exit code 1]
    ");
    assert!(verify(&log, &["--expect", last]).ends_with("[exit code 0]"));
    assert_snapshot!(verify("", &[]), @r"
    there is no audit line in it
    [exit code 1]
    ");
    assert_snapshot!(said(dir.path(), &["audit", "verify", "-"], &[]), @r"
    there is no audit line in it
    [exit code 1]
    ");
    assert_snapshot!(said(dir.path(), &["audit", "verify", "nothing"], &[]), @r"
    windlass: cannot read nothing: No such file or directory (os error 2)
    [exit code 2]
    ");
}

#[test]
fn check_passes_our_own_server() {
    let (key, line) = new_key("me", &[]);
    let open = House::start(SHELL);
    let locked = House::start(&format!("auth:\n  keys:\n    {line}\n{SHELL}"));
    let dir = empty();
    let check = |house: &House, require: &str, token: &str| {
        let url = format!("http://{}/mcp", house.addr());
        let args = ["check", &url, "--thorough", "--require", require, "--json", "--samples", "5"];
        let (code, out, error) = run(dir.path(), &args, &[("WINDLASS_TOKEN", token)]);
        (code, serde_json::from_str::<Value>(&out).unwrap_or_else(|_| panic!("{out}{error}")))
    };
    for (house, require, token, expected) in [
        (&open, "plain", "", 0),
        (&locked, "auth.missing", key.as_str(), 0),
        // What is demanded and was not proved is a failure.
        (&open, "auth.missing", "", 1),
        // A token that nobody asks for protects nothing.
        (&open, "plain", key.as_str(), 1),
    ] {
        let (code, report) = check(house, require, token);
        assert_eq!(code, expected, "{require}: {report:#}");
    }
    let url = format!("http://{}/mcp", locked.addr());
    let (code, out, error) = run(dir.path(), &["check", &url], &[]);
    assert_eq!(code, 1, "one check failed, which is what 1 is for: {out}{error}");
    assert!(out.contains("the server wants a token"), "{out}");
    let gone = format!("http://127.0.0.1:{}/mcp", windlass_testkit::free_port().unwrap());
    let (code, out, error) = run(dir.path(), &["check", &gone], &[]);
    assert_eq!(code, 4, "{out}{error}");
}

#[test]
fn an_image_of_sandboxes_that_cannot_be_made_or_used() {
    let dir = empty();
    fs::write(dir.path().join("letter"), "dear").unwrap();
    let build = ["sandbox", "image", "build", "--out", "image", "--package", "./own.deb"];
    assert_snapshot!(said(dir.path(), &build, &[]), @r"
    windlass: the package `./own.deb` cannot be used: it is neither a package's name nor NAME=VERSION
    hint: change the value
    [exit code 2]
    ");
    assert_snapshot!(said(dir.path(), &["sandbox", "image", "show", "."], &[]), @r"
    windlass: `.` is no image of a sandbox that can be used: image.json: No such file or directory (os error 2)
    hint: make it again: windlass sandbox image build
    [exit code 1]
    ");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}
