use insta::assert_snapshot;
use windlass_config::{Format, show};

use crate::Bench;

#[test]
fn settings_are_shown_with_their_origins_and_can_be_read_again() {
    let bench = Bench::new(
        "server:\n  port: 9000\npolicy:\n  grants:\n    - to: [\"*\"]\n      tools: [run_command, \"shell/*\"]\nshell:\n  commands: [ls, git status]\n  environment: { LANG: \"no\" }\n",
    )
    .set("WINDLASS_SERVER_ALLOWED_HOSTS", "mcp.example.com")
    .set("RUST_LOG", "warn");
    let loaded = bench.load().unwrap();
    let shown = show(&loaded, Format::Yaml);
    assert_snapshot!(bench.plain(&shown), @r#"
    server:
      transport: both  # default
      host: "127.0.0.1"  # default
      port: 9000  # windlass.yaml:2:9
      allowed_hosts: [mcp.example.com]  # WINDLASS_SERVER_ALLOWED_HOSTS
      allowed_origins: []  # default
      drain: "25s"  # default
      console: true  # default
    auth:
      keys: []  # default
      oidc: []  # default
    policy:
      grants:
        -
          to: ["*"]  # windlass.yaml:5:11
          tools: [run_command, "shell/*"]  # windlass.yaml:6:14
          read_only: false  # default
      cedar_files: []  # default
    limits:
      body: "4MiB"  # default
      calls_per_minute: 0  # default
      concurrency: 256  # default
      deadline: "5m"  # default
      output: "32KiB"  # default
      spill: "512MiB"  # default
      sessions: 128  # default
      connections: 2048  # default
      header_timeout: "10s"  # default
    audit:
      redact: []  # default
    store:
      prefix: outputs/  # default
      ttl: "1h"  # default
      max_bytes: "2GiB"  # default
    telemetry:
      log: warn  # RUST_LOG
      log_format: auto  # default
    shell:
      directory: "."  # default
      roots: []  # default
      commands: [ls, "git status"]  # windlass.yaml:8:13
      deny: []  # default
      path: [/usr/local/bin, /usr/bin, /bin]  # default
      operators: []  # default
      redirects: false  # default
      variables: []  # default
      globs: false  # default
      environment:
        LANG: "no"  # windlass.yaml:9:24
      allow_environment: []  # default
      timeout: "30s"  # default
      max_timeout: "5m"  # default
      max_job_time: "1h"  # default
      max_jobs: 8  # default
      limits:
        memory: "1GiB"  # default
        processes: 256  # default
        file_size: "1GiB"  # default
        cpu: "5m"  # default
        open_files: 1024  # default
      sandbox:
        landlock: auto  # default
        seccomp: auto  # default
        network: deny  # default
    agent:
      model:
        provider: bedrock  # default
        caching: auto  # default
        max_tokens: 4096  # default
      budget:
        turns: 50  # default
        tool_calls: 200  # default
        time: "30m"  # default
      prices: {}  # default
      tools: own  # default
      servers: {}  # default
      approvals:
        ask: destructive  # default
        require: []  # default
        allow: []  # default
        wait: "5m"  # default
      retries: 6  # default
    deploy:
      name: windlass  # default
      target: local  # default
      test: []  # default
      registry:
        plain_http: false  # default
      image:
        include: []  # default
        limit: "30MiB"  # default
      environment: {}  # default
      secrets: {}  # default
      local:
        host: "127.0.0.1"  # default
        port: 8080  # default
        memory: "512MiB"  # default
      variables: {}  # default
      patience: "15m"  # default
      p95: "2s"  # default
    "#);
    let again = Bench::new(&shown).load().unwrap_or_else(|errors| panic!("{errors}\n{shown}"));
    let value = |settings| serde_json::to_value::<windlass_config::Settings>(settings).unwrap();
    let mut first = value(loaded.settings);
    first["shell"]["directory"] = value(again.settings.clone())["shell"]["directory"].clone();
    assert_eq!(first, value(again.settings));
}

#[test]
fn json_names_only_what_was_set() {
    let loaded = Bench::bare().set("WINDLASS_PORT", "81").load().unwrap();
    let shown: serde_json::Value = serde_json::from_str(&show(&loaded, Format::Json)).unwrap();
    assert_eq!(shown["origins"], serde_json::json!({ "server.port": "WINDLASS_PORT" }));
    assert_eq!(shown["settings"]["server"]["port"], 81);
}

#[test]
fn no_secret_is_shown() {
    const CANARY: &str = "wl-canary-7f3a";
    let hash = format!("{CANARY}{}", "c".repeat(50)).bytes().map(|b| format!("{b:02x}")).collect::<String>();
    let yaml = format!(
        "auth:\n  token: env:CANARY\n  keys: [{{ name: ci, hash: 'sha256:{}' }}]\nshell:\n  environment: {{ DB_PASSWORD: {CANARY} }}\n  \
         commands: [{{ program: ls, environment: {{ API_TOKEN: {CANARY}, URL: 'pg://me:{CANARY}@db/x' }} }}]\n",
        &hash[..64],
    );
    let bench = Bench::new(&yaml).set("CANARY", &format!("{CANARY}-long-enough")).set("MSSQL_PASSWORD", CANARY);
    let loaded = bench.load().unwrap_or_else(|errors| panic!("{errors}"));
    for format in [Format::Yaml, Format::Json] {
        let shown = show(&loaded, format);
        assert!(!shown.contains(CANARY) && !shown.contains(&hash[..64]), "{shown}");
        assert!(shown.contains("env:CANARY") && shown.contains(&hash[..8]), "{shown}");
    }
    assert!(!bench.notices().contains(CANARY));
    assert!(!format!("{:?}", loaded.settings.auth).contains(CANARY));
}
