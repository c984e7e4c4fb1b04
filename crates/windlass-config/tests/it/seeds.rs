use insta::assert_snapshot;

use crate::Bench;

#[test]
fn petty() {
    let bench = Bench::bare()
        .set("PETTY_TRANSPORT", "remote")
        .set("PETTY_HTTP_PORT", "9090")
        .set("PETTY_KERNEL", "/var/lib/petty/vmlinux")
        .set("PETTY_ROOTFS_S3_URL", "s3://images/debian.ext4")
        .set("PETTY_ROOTFS_URL", "https://mirror.example/debian.ext4")
        .set("PETTY_ROOTFS_SHA256", &"5e".repeat(32))
        .set("PETTY_CHROOT", "/var/lib/petty/vms")
        .set("PETTY_POOL_ENABLED", "0")
        .set("PETTY_POOL_MIN_SIZE", "3")
        .set("PETTY_POOL_MAX_BOOTS", "1")
        .set("RUST_LOG", "debug");
    assert_snapshot!(bench.notices(), @r"
    PETTY_TRANSPORT: read as `server.transport`
    PETTY_HTTP_PORT: read as `server.port`
    RUST_LOG: read as `telemetry.log`
    PETTY_CHROOT: read as `sandbox.directory`
    PETTY_KERNEL: read as `sandbox.kernel`
    PETTY_ROOTFS_S3_URL: read as `sandbox.rootfs_url`
    PETTY_ROOTFS_URL: not used, because PETTY_ROOTFS_S3_URL sets `sandbox.rootfs_url`
    PETTY_ROOTFS_SHA256: read as `sandbox.rootfs_sha256`
    PETTY_POOL_ENABLED: read as `sandbox.pool.enabled`
    PETTY_POOL_MIN_SIZE: read as `sandbox.pool.min`
    PETTY_POOL_MAX_BOOTS: read as `sandbox.pool.boots`
    PETTY_HTTP_HOST: unset, which meant 0.0.0.0 there; here only this machine is served, on 127.0.0.1
    
    ");
    let settings = bench.load().unwrap().settings;
    assert_eq!(settings.server.port, 9090);
    assert!(settings.server.host.is_loopback());
    assert_eq!(settings.telemetry.log, "debug");
    let sandbox = settings.sandbox.unwrap();
    assert_eq!(sandbox.directory, Some("/var/lib/petty/vms".into()));
    assert_eq!(sandbox.rootfs_url.as_deref(), Some("s3://images/debian.ext4"));
    assert_eq!((sandbox.pool.enabled, sandbox.pool.min, sandbox.pool.boots), (false, 3, 1));
}

/// The project was called Bouvet before.
#[test]
fn every_variable_of_petty_has_its_former_name_too() {
    for (name, value, setting) in [
        ("KERNEL", "/k", "sandbox.kernel"),
        ("ROOTFS", "/r", "sandbox.rootfs"),
        ("ROOTFS_S3_URL", "s3://images/r", "sandbox.rootfs_url"),
        ("ROOTFS_URL", "s3://images/r", "sandbox.rootfs_url"),
        ("ROOTFS_SHA256", "5e", "sandbox.rootfs_sha256"),
        ("FIRECRACKER", "/f", "sandbox.firecracker"),
        ("CHROOT", "/c", "sandbox.directory"),
        ("POOL_ENABLED", "0", "sandbox.pool.enabled"),
        ("POOL_MIN_SIZE", "2", "sandbox.pool.min"),
        ("POOL_MAX_BOOTS", "1", "sandbox.pool.boots"),
        ("TRANSPORT", "http", "server.transport"),
        ("HTTP_HOST", "127.0.0.1", "server.host"),
        ("HTTP_PORT", "9090", "server.port"),
    ] {
        for prefix in ["PETTY", "BOUVET"] {
            let name = format!("{prefix}_{name}");
            let mut bench = Bench::bare().set(&name, &if value == "5e" { "5e".repeat(32) } else { value.to_owned() });
            if setting == "sandbox.rootfs_url" {
                bench = bench.set("PETTY_ROOTFS_SHA256", &"5e".repeat(32));
            }
            let notices = bench.notices();
            assert!(notices.contains(&format!("{name}: read as `{setting}`")), "{notices}");
        }
    }
}

#[test]
fn a_root_file_system_without_a_sum_is_refused() {
    assert_snapshot!(Bench::bare().set("PETTY_ROOTFS_S3_URL", "s3://images/debian.ext4").errors(), @r"
    PETTY_ROOTFS_S3_URL: sandbox.rootfs_url: nothing says what the file from there has to be
      hint: set `sandbox.rootfs_sha256` (or PETTY_ROOTFS_SHA256) to what `sha256sum FILE` printed where the file was made; `windlass sandbox image show` prints it for an image of its own, and `windlass sandbox image pull URL` the one that S3 verified, where it did
    
    ");
}

#[test]
fn commander() {
    let bench = Bench::bare()
        .set("MCP_AUTH_TOKEN", "a-token-of-good-length")
        .set("MCP_ALLOWED_COMMANDS", "ls, cat,,git status")
        .set("MCP_BLOCKED_COMMANDS", "rm -rf /")
        .set("MCP_DEFAULT_TIMEOUT", "1m30.5s")
        .set("MCP_SHELL", "/bin/bash")
        .set("MCP_LOG_LEVEL", "access")
        .set("MCP_LOG_DIR", "/logs");
    assert_snapshot!(bench.notices(), @r"
    MCP_AUTH_TOKEN: read as `auth.token`
    MCP_ALLOWED_COMMANDS: read for the `shell` toolset
    MCP_BLOCKED_COMMANDS: read for the `shell` toolset
    MCP_DEFAULT_TIMEOUT: read for the `shell` toolset
    MCP_SHELL: read for the `shell` toolset
    MCP_LOG_LEVEL: read as `telemetry.log`
    MCP_LOG_DIR: not used: logs go to stderr, the audit log to stdout or `audit.file`
    WINDLASS_PORT: unset, so HTTP is on port 8080; the guide of that system has 3000
    
    ");
    let commands = bench.load().unwrap().seed_commands.unwrap();
    assert_eq!(commands.allowed, ["ls", "cat", "git status"]);
    assert_eq!(commands.timeout.unwrap().to_string(), "1m30s500ms");
    assert_eq!(commands.shell.as_deref(), Some("/bin/bash"));
}

#[test]
fn without_an_allow_list_nothing_is_allowed() {
    let bench = Bench::bare().set("MCP_BLOCKED_COMMANDS", "rm");
    assert!(bench.load().unwrap().seed_commands.unwrap().allowed.is_empty());
    assert!(bench.notices().contains("which meant every command there; here it means none"));
}

#[test]
fn the_others() {
    let bench = Bench::bare()
        .set("FASTMCP_TRANSPORT", "pigeon")
        .set("FASTMCP_HOST", "127.0.0.1")
        .set("LOG_LEVEL", "LOUD")
        .set("S3_BUCKET_NAME", "thoth")
        .set("QUILT_CATALOG_URL", "https://x")
        .set("MSSQL_PASSWORD", "hunter2");
    assert_snapshot!(bench.notices(), @r"
    FASTMCP_TRANSPORT: `pigeon` is no transport; both are opened, as there
    FASTMCP_TRANSPORT: read as `server.transport`
    FASTMCP_HOST: read as `server.host`
    LOG_LEVEL: `LOUD` is no log level, so not used
    MSSQL_PASSWORD: not used, because MSSQL_HOST or SQLCMDSERVER is not set
    S3_BUCKET_NAME: not used by this version, which has no document search
    QUILT_CATALOG_URL: not used by this version, which has no S3 packages
    
    ");
}

#[test]
fn databases_of_other_systems() {
    let bench = Bench::bare()
        .set("POSTGRES_HOST", "db.example.com")
        .set("POSTGRES_USER", "reader")
        .set("POSTGRES_PASSWORD", "hunter2")
        .set("SQLCMDSERVER", "sql.example.com")
        .set("SQLCMDDBNAME", "shop")
        .set("SQLITE_DATABASE", "shop.db");
    let sources = bench.load().unwrap().settings.sql.unwrap().sources;
    let names: Vec<&String> = sources.keys().collect();
    assert_eq!(names, ["mssql", "postgres", "sqlite"]);
    let postgres = &sources["postgres"];
    assert_eq!(postgres.password.as_deref(), Some("env:POSTGRES_PASSWORD"), "the password itself stands nowhere");
    assert!(postgres.read_only && postgres.tools.len() == 5);
    assert_eq!(
        (sources["mssql"].host.as_deref(), sources["mssql"].database.as_deref()),
        (Some("sql.example.com"), Some("shop"))
    );
    assert!(sources["sqlite"].file.as_ref().unwrap().ends_with("shop.db"));
    // Who wrote databases down has all that are wanted.
    let written =
        Bench::new("sql: { sources: { mine: { kind: sqlite, file: a.db } } }").set("POSTGRES_HOST", "db.example.com");
    let sources = written.load().unwrap().settings.sql.unwrap().sources;
    assert_eq!(sources.len(), 1);
}

#[test]
fn log_directives_of_other_programs_stop_nothing() {
    let level = |value: &str| Bench::bare().set("RUST_LOG", value).load().unwrap().settings.telemetry.log;
    assert_eq!(level("warn,hyper=off"), "warn,hyper=off");
    assert_eq!(level("my_crate"), "info");
}

#[test]
fn an_empty_section_does_not_undo_a_variable() {
    let loaded = Bench::new("server:\n  # port: 1\n").set("PETTY_HTTP_PORT", "9090").load().unwrap();
    assert_eq!(loaded.settings.server.port, 9090);
}

#[test]
fn whoever_has_a_file_has_moved() {
    let bench = Bench::new("server: { port: 7000 }\nauth: { keys: [] }\nshell: { commands: [ls] }\n")
        .set("PETTY_HTTP_PORT", "9090")
        .set("MCP_AUTH_TOKEN", "a-token-of-good-length")
        .set("MCP_ALLOWED_COMMANDS", "rm");
    let loaded = bench.load().unwrap();
    assert_eq!(loaded.settings.server.port, 7000);
    assert_eq!(loaded.settings.auth.token, None, "a token from nowhere must not open a server that has its own keys");
    assert_eq!(loaded.seed_commands, None);
    assert_snapshot!(bench.notices(), @r"
    PETTY_HTTP_PORT: not used, because windlass.yaml:1:17 sets `server.port`
    MCP_AUTH_TOKEN: not used, because windlass.yaml:2:7 configures authentication
    MCP_ALLOWED_COMMANDS: not used, because windlass.yaml:3:8 has a `shell` section
    PETTY_HTTP_HOST: unset, which meant 0.0.0.0 there; here only this machine is served, on 127.0.0.1
    
    ");
}

#[test]
fn a_bad_duration_is_an_error() {
    assert_snapshot!(Bench::bare().set("MCP_DEFAULT_TIMEOUT", "30").errors(), @r"
    MCP_DEFAULT_TIMEOUT: `30` is not a duration
      hint: write for example 30s or 1m30s
    
    ");
}
