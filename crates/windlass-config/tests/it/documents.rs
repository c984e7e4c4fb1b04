use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use windlass_config::{Sources, Variables, load, reference, schema, template};

use crate::Bench;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn the_committed_documents_are_the_generated_ones() {
    let generated = [("configuration.md", reference()), ("windlass.schema.json", format!("{:#}\n", schema()))];
    for (name, text) in generated {
        let committed = fs::read_to_string(root().join("docs/reference").join(name)).unwrap_or_default();
        assert!(committed == text, "{name} is stale: cargo run -p windlass-config --example generate");
    }
}

#[test]
fn the_template_loads() {
    let loaded = Bench::new(template()).load().unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(loaded.notices, []);
}

#[test]
fn so_does_everything_commented_out_in_it() {
    let full: String = template()
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if !setting.starts_with(' ') || setting.starts_with("  ") => format!("{setting}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let settings = Bench::new(&full).load().unwrap_or_else(|errors| panic!("{errors}")).settings;
    assert_eq!(settings.auth.keys[0].name, "me");
    assert_eq!(settings.policy.unwrap().grants.len(), 2);
    assert!(settings.fetch.is_some());
}

#[test]
fn every_example_loads() {
    let mut seen = BTreeSet::new();
    for entry in fs::read_dir(root().join("examples")).unwrap() {
        let folder = entry.unwrap().path();
        let environment = fs::read_to_string(folder.join("env")).unwrap_or_default();
        let variables =
            environment.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
        if folder.join("windlass.yaml").exists() || !environment.is_empty() {
            let sources = Sources::new(&folder, Variables::from_iter(variables));
            load(&sources).unwrap_or_else(|errors| panic!("{}:\n{errors}", folder.display()));
            assert!(folder.join("README.md").exists(), "{}", folder.display());
            seen.insert(folder.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    for expected in ["laptop", "team-http", "seed-4"] {
        assert!(seen.contains(expected), "{expected}");
    }
}

#[test]
fn the_environment_of_seed_4_is_enough() {
    let environment = fs::read_to_string(root().join("examples/seed-4/env")).unwrap();
    // Read as a shell would: the page says to source the file.
    let variables = environment.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    let variables = variables.map(|(name, value)| (name, value.trim_matches('\'')));
    let loaded = load(&Sources::new(root().join("examples/seed-4"), Variables::from_iter(variables))).unwrap();
    let commands = loaded.seed_commands.unwrap();
    assert_eq!(commands.allowed, ["ls", "cat", "grep", "echo", "pwd"]);
    assert_eq!(commands.blocked, ["rm -rf /", "mkfs", "shutdown"]);
    assert_eq!(loaded.settings.auth.token.as_deref(), Some("env:MCP_AUTH_TOKEN"));
    assert_eq!(loaded.settings.server.port, 3000);
}
