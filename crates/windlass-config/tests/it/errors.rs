use insta::assert_snapshot;

use crate::Bench;

#[test]
fn every_mistake_is_reported_at_once_each_with_its_place() {
    let bench = Bench::new(
        "server:\n  prot: 80\n  host: localhost\n  drain: 30\nlimits:\n  body: 4 lots\n  colour: red\n  concurrency: -1\n\
         auth:\n  keys:\n    - name: ci\n    - nmae: ada\n      hash: 5\nserveer: {}\ntelemetry:\n  log_format: jsn\n",
    );
    assert_snapshot!(bench.errors(), @r#"
    windlass.yaml:2:3: server.prot: `prot` is not a setting here
      2 |   prot: 80
        |   ^
      hint: did you mean `port`?

    windlass.yaml:3:9: server.host: invalid IP address syntax
      3 |   host: localhost
        |         ^
      hint: write an address: 127.0.0.1 for this machine alone, 0.0.0.0 for every one

    windlass.yaml:4:10: server.drain: expected text, found `30`
      4 |   drain: 30
        |          ^
      hint: write a number and a unit: 500ms, 30s, 1m30s, 2h

    windlass.yaml:6:9: limits.body: `4 lots` is not a size, write for example 512KiB or 10MiB
      6 |   body: 4 lots
        |         ^
      hint: write a number and a unit: 512KiB, 10MiB

    windlass.yaml:7:3: limits.colour: `colour` is not a setting here
      7 |   colour: red
        |   ^
      hint: here you can set `body`, `calls_per_minute`, `concurrency`, `deadline`, `output`, `spill`, `sessions`, `connections` and `header_timeout`

    windlass.yaml:8:16: limits.concurrency: expected a whole number, 0 or more, found `-1`
      8 |   concurrency: -1
        |                ^

    windlass.yaml:11:7: auth.keys[0]: `hash` is missing here
      11 |     - name: ci
         |       ^
      hint: add `hash: ...`

    windlass.yaml:12:7: auth.keys[1].nmae: `nmae` is not a setting here
      12 |     - nmae: ada
         |       ^
      hint: did you mean `name`?

    windlass.yaml:13:13: auth.keys[1].hash: expected text, found a number
      13 |       hash: ********
         |             ^
      hint: quote it if it is meant as text: "..."

    windlass.yaml:14:1: serveer: `serveer` is not a setting here
      14 | serveer: {}
         | ^
      hint: did you mean `server`?

    windlass.yaml:16:15: telemetry.log_format: `jsn` is not one of the choices
      16 |   log_format: jsn
         |               ^
      hint: choose one of `auto`, `text` and `json`
    
    "#);
}

#[test]
fn broken_yaml() {
    let documents = [
        "server:\n  port: 80\n  port: 81\n",
        "server:\n\tport: 80\n",
        "server: [1, 2\nauth: {}\n",
        "server: *nobody\n",
        "server: {}\n---\nserver: {}\n",
        "just text\n",
        "- a\n- b\n",
    ];
    let errors = documents.map(|yaml| Bench::new(yaml).errors());
    assert_snapshot!(errors.join("\n\n"), @r"
    windlass.yaml:3:3: `port` stands here a second time
      3 |   port: 81
        |   ^
      hint: keep one of the two

    windlass.yaml:2:2: not valid YAML: tabs disallowed within this context (block indentation)
      2 | 	port: 80
        |  ^
      hint: check indentation, colons and quotes around here

    windlass.yaml:2:5: not valid YAML: illegal placement of ':' indicator
      2 | auth: {}
        |     ^
      hint: check indentation, colons and quotes around here

    windlass.yaml:1:9: not valid YAML: alias references unknown anchor
      1 | server: *nobody
        |         ^
      hint: check indentation, colons and quotes around here

    windlass.yaml:3:1: a second document starts here
      3 | server: {}
        | ^
      hint: take out the `---`; one file is one document

    windlass.yaml:1:1: expected a section of keys, found `just text`
      1 | just text
        | ^

    windlass.yaml:1:1: expected a section of keys, found a list
      1 | - a
        | ^
    
    ");
}

#[test]
fn wrong_kinds_of_values() {
    let bench = Bench::new(
        "server:\n  port: 99999\n  console: 'no'\n  allowed_hosts: mcp.example.com\n  transport: carrier\n  public_url: example\n\
         audit: [1]\npolicy:\n  cedar: 7\nshell:\n  commands:\n    - program: git\n      subcomands: [log]\n    - 7\n    - {}\n",
    );
    assert_snapshot!(bench.errors(), @r#"
    windlass.yaml:2:9: server.port: expected a whole number from 0 to 65535, found `99999`
      2 |   port: 99999
        |         ^

    windlass.yaml:3:12: server.console: expected `true` or `false`, found `no`
      3 |   console: 'no'
        |            ^

    windlass.yaml:4:18: server.allowed_hosts: expected a list, found `mcp.example.com`
      4 |   allowed_hosts: mcp.example.com
        |                  ^
      hint: write it as a list: [one, two]

    windlass.yaml:5:14: server.transport: `carrier` is not one of the choices
      5 |   transport: carrier
        |              ^
      hint: choose one of `stdio`, `http` and `both`

    windlass.yaml:6:15: server.public_url: relative URL without a base: "example"
      6 |   public_url: example
        |               ^
      hint: write the whole of it: https://mcp.example.com

    windlass.yaml:7:8: audit: expected a section of keys, found a list
      7 | audit: [1]
        |        ^

    windlass.yaml:9:10: policy.cedar: expected text, found `7`
      9 |   cedar: 7
        |          ^
      hint: quote it if it is meant as text: "..."

    windlass.yaml:13:7: shell.commands[0].subcomands: `subcomands` is not a setting here
      13 |       subcomands: [log]
         |       ^
      hint: did you mean `subcommands`?

    windlass.yaml:14:7: shell.commands[1]: expected a command such as `git status`, or a section with `program`, found `7`
      14 |     - 7
         |       ^

    windlass.yaml:15:7: shell.commands[2]: `program` is missing here
      15 |     - {}
         |       ^
      hint: add `program: ...`
    
    "#);
}

#[test]
fn variables_and_options_are_named() {
    let bench = Bench::bare()
        .set("WINDLASS_PORT", "eighty")
        .set("WINDLASS_SERVER_HSOT", "::1")
        .set("WINDLASS_NONSENSE_ALTOGETHER", "1")
        .set("WINDLASS_LIMITS_DEADLINE", "5");
    assert_snapshot!(bench.errors(), @r"
    WINDLASS_NONSENSE_ALTOGETHER: no setting has this variable
      hint: `windlass config show` lists every setting; lists of sections can only stand in windlass.yaml

    WINDLASS_SERVER_HSOT: no setting has this variable
      hint: did you mean WINDLASS_SERVER_HOST?

    WINDLASS_LIMITS_DEADLINE: limits.deadline: `5` is not a duration, write for example 30s or 1m30s
      hint: write a number and a unit: 500ms, 30s, 1m30s, 2h

    WINDLASS_PORT: server.port: expected a whole number from 0 to 65535, found `eighty`
    
    ");

    let mut sources = Bench::bare().sources();
    sources.overrides.push(windlass_config::Override {
        option: "--port".into(),
        setting: "server.port".into(),
        value: "x".into(),
    });
    assert_snapshot!(windlass_config::load(&sources).map(drop).unwrap_err(), @"--port: server.port: expected a whole number from 0 to 65535, found `x`");
}

#[test]
fn a_named_file_must_be_there() {
    let mut sources = Bench::bare().sources();
    sources.file = Some("/nowhere/windlass.yaml".into());
    assert_snapshot!(windlass_config::load(&sources).map(drop).unwrap_err(), @r"
    cannot read /nowhere/windlass.yaml: No such file or directory (os error 2)
      hint: `windlass init` writes one to start from
    
    ");
    let bench = Bench::bare().set("WINDLASS_CONFIG", "/nowhere/windlass.yaml");
    assert_snapshot!(bench.errors(), @r"
    WINDLASS_CONFIG: cannot read /nowhere/windlass.yaml: No such file or directory (os error 2)
      hint: `windlass init` writes one to start from
    
    ");
}

#[test]
fn a_file_that_cannot_be_read_is_no_missing_file() {
    let bench = Bench::bare();
    std::fs::create_dir(bench.folder.path().join("windlass.yaml")).unwrap();
    assert!(bench.errors().contains("cannot read"));
    let bench = Bench::bare();
    std::fs::write(bench.folder.path().join("windlass.yaml"), b"server: \xff").unwrap();
    assert!(bench.errors().contains("UTF-8"));
}

#[test]
fn secrets_in_the_wrong_place_are_not_repeated() {
    const CANARY: &str = "wl-canary-7f3a";
    for yaml in [
        "auth:\n  token: wl-canary-7f3a\n",
        "auth:\n  token: [wl-canary-7f3a]\n",
        "auth: { token: wl-canary-7f3a, colour: red }\n",
        "auth:\n  keys:\n    - name: ci\n      hash: wl-canary-7f3a\n",
        "auth:\n  keys: [{name: ci, hash: sha256:wl-canary-7f3a}]\n",
        "auth:\n  token:\n    env: wl-canary-7f3a\n    colour: 1\n",
        "auth:\n  token: wl-canary-7f3a\n  token: wl-canary-7f3a\n",
        "auth:\n  token: \"wl-canary-7f3a\n",
        "telemetry:\n  otlp_endpoint: http://me:wl-canary-7f3a@localhost\n",
        "telemetry:\n  otlp_endpoint: http//me:wl-canary-7f3a@://x:wl-canary-7f3a@y\n  api_key: wl-canary-7f3a\n",
        "auth:\n  oidc:\n    - issuer: https://me:wl-canary-7f3a@idp\n      audience: [x]\n",
        "auth:\n  oidc:\n    - issuer: https://idp\n      audience: []\n      client_secret: wl-canary-7f3a\n",
        "auth:\n  token: |\n    wl-canary-7f3a\n",
        "auth:\n  token:\n    wl-canary-7f3a: [\n",
        "auth:\n  keys:\n    - name: ci\n      hash:\n        - wl-canary-7f3a\n",
        "auth:\n  password: wl-canary-7f3a\n",
    ] {
        let errors = Bench::new(yaml).errors();
        assert!(!errors.contains(CANARY), "{yaml}\n{errors}");
    }
    for name in ["WINDLASS_AUTH_TOKN", "WINDLASS_TELEMETRY_OTLP_ENDPOINT", "WINDLASS_SERVER_PUBLIC_URL"] {
        let errors = Bench::bare().set(name, "http://me:wl-canary-7f3a@[").errors();
        assert!(!errors.contains(CANARY), "{errors}");
    }
}
