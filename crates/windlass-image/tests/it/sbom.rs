use std::{collections::BTreeSet, process::Command};

use serde_json::Value;
use windlass_image::sbom;

#[test]
fn everything_cargo_builds_is_listed() {
    let cargo = Command::new(env!("CARGO"))
        .args(["tree", "-p", "windlass", "-e", "normal,build", "--prefix", "none", "--locked", "--offline"])
        .args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml")])
        .output()
        .unwrap();
    assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
    let bill: Value = serde_json::from_str(&sbom("v1", 0)).unwrap();
    let listed: BTreeSet<(String, String)> = bill["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|component| (component["name"].as_str().unwrap().into(), component["version"].as_str().unwrap().into()))
        .collect();
    let tree = String::from_utf8(cargo.stdout).unwrap();
    let built: BTreeSet<(String, String)> = tree
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.split_once(" v")?;
            Some((name.to_owned(), rest.split(' ').next()?.to_owned()))
        })
        .filter(|(name, _)| name != "windlass")
        .collect();
    assert!(built.len() > 100, "{}", built.len());
    let missing: Vec<_> = built.difference(&listed).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
