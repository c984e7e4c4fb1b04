use insta::assert_snapshot;

use crate::Bench;

#[test]
fn an_open_door_is_refused() {
    let yaml = "server:\n  host: 0.0.0.0\n";
    assert_snapshot!(Bench::new(yaml).errors(), @r"
    windlass.yaml:2:9: server.host: 0.0.0.0 can be reached by other machines, and nobody would have to prove who they are
      2 |   host: 0.0.0.0
        |         ^
      hint: make a key with `windlass key new --name me` and put it under `auth.keys`, or set WINDLASS_AUTH_TOKEN, or configure `auth.oidc`; or stay on 127.0.0.1
    
    ");
    assert!(Bench::new(yaml).set("WINDLASS_AUTH_TOKEN", "long-enough-to-be-a-token").load().is_ok());
    assert!(Bench::new(yaml).set("WINDLASS_TRANSPORT", "stdio").load().is_ok());
    // An empty or blank token is none.
    assert!(Bench::new(yaml).set("WINDLASS_AUTH_TOKEN", "").load().is_err());
    assert!(Bench::new(yaml).set("WINDLASS_AUTH_TOKEN", "  ").load().is_err());
    assert!(Bench::new(yaml).set("MCP_AUTH_TOKEN", " ").load().is_err());
    assert!(Bench::bare().set("PETTY_HTTP_HOST", "0.0.0.0").load().is_err());
}

#[test]
fn authentication() {
    let hash = "a".repeat(64);
    let yaml = format!(
        "auth:\n  token: hunter2\n  keys_file: keys\n  keys:\n    - name: \"c i\"\n      hash: sha256:{hash}\n      expires: tomorrow\n\
         \x20   - name: ada\n      hash: sha256:{hash}\n  oidc:\n    - issuer: http://idp.example\n      audience: []\n\
         \x20   - issuer: idp\n      audience: [x]\n      jwks_url: ftp://idp.example/keys\n      jwks_ttl: 1s\n",
    );
    assert_snapshot!(Bench::new(&yaml).errors(), @r#"
    windlass.yaml:5:13: auth.keys[0].name: a key's name is 1 to 64 letters, digits or `-_.@`
      5 |     - name: "c i"
        |             ^
      hint: it becomes the principal `key:NAME` in policies and the audit log

    windlass.yaml:7:16: auth.keys[0].expires: `tomorrow` is not a time
      7 |       expires: tomorrow
        |                ^
      hint: write it as RFC 3339 has it: 2027-01-31T00:00:00Z

    windlass.yaml:9:13: auth.keys[1].hash: the same key stands in `auth.keys[0]`
      9 |       hash: ********
        |             ^
      hint: a second key needs a hash of its own: `windlass key new`

    windlass.yaml:3:14: auth.keys_file: cannot read keys: No such file or directory (os error 2)
      3 |   keys_file: keys
        |              ^
      hint: relative paths start from the directory of windlass.yaml

    windlass.yaml:2:10: auth.token: this must name a secret, not be one: write `env:NAME` or `file:PATH`
      2 |   token: ********
        |          ^
      hint: put the secret into a variable or a file of the server; better, use `windlass key new` and `auth.keys`

    windlass.yaml:12:17: auth.oidc[0].audience: without an audience a token made for any other service would open this one
      12 |       audience: []
         |                 ^
      hint: name what your identity provider puts into `aud` for this server

    windlass.yaml:11:15: auth.oidc[0].issuer: anyone on the way could change what comes from here
      11 |     - issuer: http://idp.example
         |               ^
      hint: write https://...

    windlass.yaml:13:15: auth.oidc[1].issuer: `idp` is not a URL: relative URL without a base
      13 |     - issuer: idp
         |               ^
      hint: write it as the issuer's tokens have it in `iss`

    windlass.yaml:15:17: auth.oidc[1].jwks_url: `ftp:` is not a web address
      15 |       jwks_url: ftp://idp.example/keys
         |                 ^
      hint: write https://...

    windlass.yaml:16:17: auth.oidc[1].jwks_ttl: 1s would ask the issuer for its keys all the time
      16 |       jwks_ttl: 1s
         |                 ^
      hint: 10s or more; 10m is usual
    
    "#);
}

#[test]
fn addresses() {
    let bench = Bench::new(
        "server:\n  allowed_hosts: [\"https://mcp.example.com\", \"*\", \"a b\", \"ok.example:80\", \"[::1]:8080\"]\n  allowed_origins:\n\
         \x20   - \"*\"\n    - https://app.example.com/\n    - app.example.com\n    - https://ok.example\n    - vscode-webview://panel\n\
         \x20 public_url: https://mcp.example.com?x=1\nfetch:\n  allowed_hosts: [\"*\", \"http://x\", \"*.example.org\"]\n  allowed_private: [\"10.0.0.0/99\"]\n",
    );
    assert_snapshot!(bench.errors(), @r#"
    windlass.yaml:2:19: server.allowed_hosts[0]: `https://mcp.example.com` is not a host
      2 |   allowed_hosts: ["https://mcp.example.com", "*", "a b", "ok.example:80", "[::1]:8080"]
        |                   ^
      hint: only the host: `mcp.example.com`

    windlass.yaml:2:46: server.allowed_hosts[1]: `*` is not a host
      2 |   allowed_hosts: ["https://mcp.example.com", "*", "a b", "ok.example:80", "[::1]:8080"]
        |                                              ^
      hint: name each host; there are no patterns here

    windlass.yaml:2:51: server.allowed_hosts[2]: `a b` is not a host
      2 |   allowed_hosts: ["https://mcp.example.com", "*", "a b", "ok.example:80", "[::1]:8080"]
        |                                                   ^
      hint: write for example `mcp.example.com` or `mcp.example.com:8080`

    windlass.yaml:4:7: server.allowed_origins[0]: `*` would let any web page in
      4 |     - "*"
        |       ^
      hint: name the origins: `https://app.example.com`

    windlass.yaml:5:7: server.allowed_origins[1]: `https://app.example.com/` is more than an origin
      5 |     - https://app.example.com/
        |       ^
      hint: write `https://app.example.com`

    windlass.yaml:6:7: server.allowed_origins[2]: `app.example.com` is not an origin
      6 |     - app.example.com
        |       ^
      hint: write for example `https://app.example.com`

    windlass.yaml:9:15: server.public_url: nothing may follow `?` or `#` here
      9 |   public_url: https://mcp.example.com?x=1
        |               ^
      hint: write the address alone

    windlass.yaml:11:19: fetch.allowed_hosts[0]: `*` is not a host
      11 |   allowed_hosts: ["*", "http://x", "*.example.org"]
         |                   ^
      hint: write `docs.example.com`, `*.example.com` for every subdomain, or either with `:8443` behind it

    windlass.yaml:11:24: fetch.allowed_hosts[1]: `http://x` is not a host
      11 |   allowed_hosts: ["*", "http://x", "*.example.org"]
         |                        ^
      hint: write `docs.example.com`, `*.example.com` for every subdomain, or either with `:8443` behind it

    windlass.yaml:12:21: fetch.allowed_private[0]: `10.0.0.0/99` is not a range of addresses
      12 |   allowed_private: ["10.0.0.0/99"]
         |                     ^
      hint: write for example `10.20.0.0/16`

    windlass.yaml:9:15: server.public_url: a server known as https://mcp.example.com/?x=1 is reached by others, and nobody would have to prove who they are
      9 |   public_url: https://mcp.example.com?x=1
        |               ^
      hint: make a key with `windlass key new --name me` and put it under `auth.keys`, or set WINDLASS_AUTH_TOKEN, or configure `auth.oidc`
    
    "#);
}

#[test]
fn policies() {
    let bench = Bench::new(
        "policy:\n  grants:\n    - to: [ci]\n      tools: [run_*]\n    - to: []\n      tools: []\n  cedar_files: [gone.cedar]\n",
    );
    assert_snapshot!(bench.errors(), @r"
    windlass.yaml:3:12: policy.grants[0].to[0]: `ci` names no caller
      3 |     - to: [ci]
        |            ^
      hint: write `key:ci`, `group:ci`, `scope:ci`, `local`, or `*` for anyone authenticated

    windlass.yaml:4:15: policy.grants[0].tools[0]: `run_*` names no tool
      4 |       tools: [run_*]
        |               ^
      hint: write a tool (`run_command`), a toolset (`shell/*`), or `*`

    windlass.yaml:5:11: policy.grants[1].to: this grants to nobody
      5 |     - to: []
        |           ^
      hint: name callers, or take the grant out

    windlass.yaml:6:14: policy.grants[1].tools: this grants nothing
      6 |       tools: []
        |              ^
      hint: name tools, or take the grant out

    windlass.yaml:7:17: policy.cedar_files[0]: cannot read gone.cedar: No such file or directory (os error 2)
      7 |   cedar_files: [gone.cedar]
        |                 ^
      hint: relative paths start from the directory of windlass.yaml
    
    ");
    assert_snapshot!(Bench::new("policy:\n").errors(), @r"
    windlass.yaml:1:7: policy: an empty `policy:` could mean everything or nothing
      1 | policy:
        |       ^
      hint: take the line out to let every authenticated caller use every tool, or write `policy: {}` to let nobody
    
    ");
    // Said clearly, both are possible.
    assert!(Bench::new("policy: {}\n").load().unwrap().settings.policy.is_some());
    assert!(Bench::new("{}").load().unwrap().settings.policy.is_none());
}

#[test]
fn ranges_and_places() {
    let bench = Bench::new(
        "limits:\n  body: 1B\n  deadline: 0s\n  concurrency: 0\n  spill: 4GiB\nstore:\n  max_bytes: 1GiB\n  directory: windlass.yaml\n\
         audit:\n  file: gone/audit.jsonl\ntelemetry:\n  log: verbose,windlass=debgu\nshell:\n  directory: gone\n  timeout: 10m\n  path: [bin]\n",
    );
    assert_snapshot!(bench.errors(), @r"
    windlass.yaml:14:14: shell.directory: there is no directory gone
      14 |   directory: gone
         |              ^
      hint: make it first; relative paths start from the directory of windlass.yaml

    windlass.yaml:16:10: shell.path[0]: programs looked up from a relative directory depend on where the server was started
      16 |   path: [bin]
         |          ^
      hint: write an absolute path

    windlass.yaml:15:12: shell.timeout: 10m is more than `max_timeout`, 5m
      15 |   timeout: 10m
         |            ^
      hint: raise `max_timeout` or lower `timeout`

    windlass.yaml:3:13: limits.deadline: 0s is out of range
      3 |   deadline: 0s
        |             ^
      hint: 100ms to 7d

    windlass.yaml:2:9: limits.body: 1B is out of range
      2 |   body: 1B
        |         ^
      hint: 1KiB to 1GiB

    windlass.yaml:4:16: limits.concurrency: 0 is out of range
      4 |   concurrency: 0
        |                ^
      hint: 1 to 1000000

    windlass.yaml:5:10: limits.spill: one stream may take 4GiB, the whole store only 1GiB
      5 |   spill: 4GiB
        |          ^
      hint: raise `store.max_bytes` or lower `limits.spill`

    windlass.yaml:10:9: audit.file: there is no directory for gone/audit.jsonl
      10 |   file: gone/audit.jsonl
         |         ^
      hint: make it first

    windlass.yaml:12:8: telemetry.log: `verbose` is no log level
      12 |   log: verbose,windlass=debgu
         |        ^
      hint: levels are `off`, `error`, `warn`, `info`, `debug` and `trace`; for one part write `info,windlass_shell=debug`

    windlass.yaml:8:14: store.directory: windlass.yaml is a file
      8 |   directory: windlass.yaml
        |              ^
      hint: name a directory
    ");
}

#[test]
fn paths_start_from_the_file() {
    let bench = Bench::new("auth: { keys_file: keys }\naudit: { file: audit.jsonl }\nstore: { directory: state }\n");
    std::fs::write(bench.folder.path().join("keys"), "").unwrap();
    let loaded = bench.load().unwrap();
    assert_eq!(loaded.settings.auth.keys_file.unwrap(), bench.folder.path().join("keys"));
    assert_eq!(loaded.settings.store.directory.unwrap(), bench.folder.path().join("state"));
    assert!(loaded.files.contains(&bench.folder.path().join("keys")));
}

#[test]
fn what_may_surprise_is_said() {
    let hash = "b".repeat(64);
    let yaml = format!(
        "server: {{ host: 0.0.0.0 }}\nauth:\n  token: env:SHORT\n  keys:\n    - {{ name: old, hash: 'sha256:{hash}', expires: 2020-01-01T00:00:00Z }}\n\
         shell:\n  environment: {{ API_TOKEN: x }}\n",
    );
    assert_snapshot!(Bench::new(&yaml).set("SHORT", "hunter2").notices(), @r"
    auth.keys[0].expires: the key `old` has expired and is refused
    auth.token: the token has fewer than 16 characters and can be guessed
    policy: there is none, so every authenticated caller may use every enabled tool
    shell.commands: none are approved, so no command runs
    shell.environment.API_TOKEN: looks like a secret; whoever may run a command can print it
    
    ");
}

#[test]
fn where_a_root_file_system_comes_from() {
    let yaml =
        "sandbox:\n  rootfs_url: https://images.example/root.ext4?X-Amz-Signature=hunter2\n  rootfs_sha256: beef\n";
    assert_snapshot!(Bench::new(yaml).errors(), @r"
    windlass.yaml:3:18: sandbox.rootfs_sha256: this is not a SHA-256 sum, 64 hexadecimal digits
      3 |   rootfs_sha256: beef
        |                  ^
      hint: `sha256sum FILE` prints it
    
    ");
    let yaml = format!("sandbox: {{ rootfs_url: \"s3://images\", rootfs_sha256: {} }}\n", "5e".repeat(32));
    assert_snapshot!(Bench::new(&yaml).errors(), @r#"
    windlass.yaml:1:24: sandbox.rootfs_url: no object is named in the bucket images
      1 | sandbox: { rootfs_url: "s3://images", rootfs_sha256: 5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e }
        |                        ^
      hint: write s3://BUCKET/KEY
    
    "#);
    let yaml = format!("sandbox: {{ rootfs_sha256: {} }}\n", "5e".repeat(32));
    assert!(Bench::new(&yaml).notices().contains("no `sandbox.rootfs_url` is set"));
    let yaml = format!(
        "sandbox: {{ rootfs_url: \"https://images.example/x?sig=hunter2\", rootfs_sha256: {} }}\n",
        "5e".repeat(32)
    );
    let shown = windlass_config::show(&Bench::new(&yaml).load().unwrap(), windlass_config::Format::Yaml);
    assert!(shown.contains("https://images.example/x?********") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn encryption_of_a_database_is_what_it_says() {
    let bench = |source: &str| Bench::new(&format!("sql: {{ sources: {{ shop: {{ user: reader, {source} }} }} }}"));
    for (source, wanted) in [
        ("kind: postgres, host: db.example.com, tls: { mode: require, ca: ca.pem }", "nobody's certificate is checked"),
        ("kind: postgres, url: 'postgres://localhost/shop', tls: { ca: ca.pem }", "nobody's certificate is checked"),
        ("kind: mysql, host: db.example.com, login: rds_iam, tls: { mode: require }", "proves who it is"),
        ("kind: mysql, host: db.example.com, login: rds_iam, tls: { mode: prefer }", "in the open"),
        ("kind: postgres, host: '127.0.0.1', login: rds_iam", "in the open"),
        ("kind: postgres, url: 'postgres://%2Frun%2Fpostgresql/shop', login: rds_iam", "in the open"),
    ] {
        let errors = bench(source).errors();
        assert!(errors.contains(wanted), "{source}: {errors}");
    }
    for source in [
        "kind: mysql, host: db.example.com, login: rds_iam",
        "kind: postgres, host: db.example.com, login: rds_iam, tls: { mode: require }",
        "kind: postgres, host: localhost, tls: { mode: require }",
    ] {
        assert!(bench(source).load().is_ok(), "{source}");
    }
}
