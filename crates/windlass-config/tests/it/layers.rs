use windlass_config::{Origin, Override, load};

use crate::Bench;

#[test]
fn each_layer_lies_over_the_one_before() {
    let bench = Bench::new("server:\n  port: 1000\n  host: 127.0.0.2\n  drain: 1s\n")
        .set("WINDLASS_SERVER_PORT", "2000")
        .set("WINDLASS_HOST", "127.0.0.3")
        .set("PETTY_HTTP_PORT", "4000");
    let mut sources = bench.sources();
    let option = |value: &str| Override { option: "--port".into(), setting: "server.port".into(), value: value.into() };
    sources.overrides.push(option("3000"));
    let loaded = load(&sources).unwrap();
    assert_eq!(loaded.settings.server.port, 3000);
    assert_eq!(loaded.settings.server.host.to_string(), "127.0.0.3");
    assert_eq!(loaded.settings.server.drain.to_string(), "1s");
    assert_eq!(loaded.origin("server.port"), Origin::Option("--port".into()));
    assert_eq!(loaded.origin("server.host"), Origin::Variable("WINDLASS_HOST".into()));
    assert!(
        matches!(loaded.origin("server.drain"), Origin::File { line: 4, column: 10, .. }),
        "{:?}",
        loaded.origin("server.drain")
    );
    assert_eq!(loaded.origin("limits.body"), Origin::Default);
}

#[test]
fn variables_take_every_kind_of_value() {
    let loaded = Bench::bare()
        .set("WINDLASS_SERVER_ALLOWED_HOSTS", "a.example, b.example:8080,")
        .set("WINDLASS_SERVER_CONSOLE", "off")
        .set("WINDLASS_TRANSPORT", "http")
        .set("WINDLASS_LIMITS_BODY", "1MiB")
        .set("WINDLASS_STORE_TTL", "10m")
        .set("WINDLASS_FETCH_ALLOWED_HOSTS", "docs.example.com")
        .set("WINDLASS_SERVER_DRAIN", "")
        .load()
        .unwrap();
    let settings = loaded.settings;
    assert_eq!(settings.server.allowed_hosts, ["a.example", "b.example:8080"]);
    assert!(!settings.server.console);
    assert_eq!(settings.limits.body.0, 1 << 20);
    assert_eq!(settings.fetch.unwrap().allowed_hosts, ["docs.example.com"]);
    assert_eq!(settings.server.drain.to_string(), "25s");
}

#[test]
fn two_names_of_one_setting_must_agree() {
    let both = |short: &str| Bench::bare().set("WINDLASS_PORT", short).set("WINDLASS_SERVER_PORT", "81");
    assert_eq!(both("81").load().unwrap().settings.server.port, 81);
    assert!(both("82").errors().contains("WINDLASS_SERVER_PORT says otherwise"));
}

#[test]
fn the_token_variable_holds_the_token() {
    let loaded = Bench::bare().set("WINDLASS_AUTH_TOKEN", "long-enough-to-be-a-token").load().unwrap();
    assert_eq!(loaded.settings.auth.token.as_deref(), Some("env:WINDLASS_AUTH_TOKEN"));
    assert_eq!(loaded.notices, []);
    let bench = Bench::bare().set("WINDLASS_AUTH_TOKEN", "file:token");
    assert!(bench.errors().contains("cannot be read"));
    std::fs::write(bench.folder.path().join("token"), "long-enough-to-be-a-token\n").unwrap();
    let loaded = bench.load().unwrap();
    assert!(loaded.files.contains(&bench.folder.path().join("token")));
}

#[test]
fn variables_that_are_not_settings() {
    // Named in the file, known to the binary, or put there by Kubernetes.
    let bench = Bench::new("auth: { token: 'env:WINDLASS_MINE' }")
        .set("WINDLASS_MINE", "long-enough-to-be-a-token")
        .set("WINDLASS_URL", "http://localhost")
        .set("WINDLASS_PORT", "tcp://10.0.0.1:80")
        .set("WINDLASS_SERVICE_HOST", "10.0.0.1")
        .set("WINDLASS_PORT_8080_TCP_ADDR", "10.0.0.1");
    let mut sources = bench.sources();
    assert!(load(&sources).is_err());
    sources.other_variables = vec!["WINDLASS_URL".into()];
    let loaded = load(&sources).unwrap();
    assert_eq!(loaded.settings.server.port, 8080);
    assert_eq!(loaded.notices.len(), 1);
}

#[test]
fn the_file_is_found_in_order() {
    let bench = Bench::bare();
    let put = |path: &str, port: u16| {
        let path = bench.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("server: {{ port: {port} }}")).unwrap();
        path.to_string_lossy().into_owned()
    };
    let home = bench.folder.path().join("home").to_string_lossy().into_owned();
    put("home/.config/windlass/windlass.yaml", 1);
    let port = |bench: &Bench| bench.load().unwrap().settings.server.port;
    let Bench { folder, .. } = &bench;
    let _ = folder;
    let named = put("elsewhere/mine.yaml", 3);
    let bench = Bench { variables: vec![("HOME".into(), home)], ..bench };
    assert_eq!(port(&bench), 1);
    std::fs::write(bench.folder.path().join("windlass.yaml"), "server: { port: 2 }").unwrap();
    assert_eq!(port(&bench), 2);
    let bench = bench.set("WINDLASS_CONFIG", &named);
    assert_eq!(port(&bench), 3);
    let loaded = bench.load().unwrap();
    assert_eq!(loaded.base, bench.folder.path().join("elsewhere"));
}

#[test]
fn no_file_an_empty_file_and_empty_sections_are_the_defaults() {
    let port = |bench: Bench| bench.load().unwrap_or_else(|errors| panic!("{errors}")).settings.server.port;
    assert_eq!(port(Bench::bare()), 8080);
    for yaml in ["", "\n# nothing\n", "{}", "server:\n  # port: 1\n", "---\n", "\u{feff}server: {}\n"] {
        assert_eq!(port(Bench::new(yaml)), 8080, "{yaml:?}");
    }
}

#[test]
fn anchors_and_merges_work() {
    let loaded = Bench::new("server: { host: &here 127.0.0.9, allowed_hosts: [*here] }").load().unwrap();
    assert_eq!(loaded.settings.server.allowed_hosts, ["127.0.0.9"]);
}
