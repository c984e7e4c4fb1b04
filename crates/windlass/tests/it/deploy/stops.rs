//! What stops the line, and how it goes on.

use std::{
    fs,
    time::{Duration, Instant},
};

use super::{here::Here, yard::wait_for};

#[test]
fn killed_at_any_phase_it_goes_on_where_it_stopped() {
    let Some(here) = Here::new("deploys that are killed") else { return };
    let yard = &here.yard;
    let version = yard.git(&["rev-parse", "--short", "HEAD"]);
    for phase in ["check", "build", "push", "deploy", "verify"] {
        let mut child = yard.start(&[]);
        // In the middle of it: after the first thing it says it does.
        wait_for(&mut child, &format!("{phase:<7} "));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!yard.receipt(&version, phase).exists(), "{phase} was not done");
    }
    let told = String::from_utf8(yard.run(&[]).stderr).unwrap();
    assert!(told.contains("check   its receipt stands") && told.contains("took over the lock"), "{told}");
    assert_eq!(yard.json(&["status"])["running"]["version"], version.as_str());
    assert_eq!(yard.containers().len(), 2, "{:?}", yard.containers());
}

#[test]
fn of_two_at_once_one_is_told_who_the_other_is_or_waits() {
    let Some(here) = Here::new("two deploys at once") else { return };
    let yard = &here.yard;
    let version = yard.git(&["rev-parse", "--short", "HEAD"]);
    let mut first = yard.start(&[]);
    wait_for(&mut first, "check ");
    let told = yard.refused(&[]);
    assert!(
        told.contains(&format!("(process {})", first.id())) && told.contains(&format!("deploy {version} to local")),
        "{told}"
    );
    assert!(told.contains("--wait"), "{told}");
    let waited = yard.run(&["--wait", "5m"]);
    assert!(waited.status.success(), "{}", String::from_utf8_lossy(&waited.stderr));
    assert!(first.wait().unwrap().success());
}

#[test]
fn what_was_tampered_with_is_refused() {
    let Some(here) = Here::new("tampering") else { return };
    let yard = &here.yard;
    let version = yard.git(&["rev-parse", "--short", "HEAD"]);
    for phase in ["check", "build", "push"] {
        yard.done(&[phase]);
    }
    // A receipt.
    let path = yard.receipt(&version, "push");
    let text = fs::read_to_string(&path).unwrap();
    let at = text.find("@sha256:").unwrap() + 8;
    let mut other = text.clone();
    other.replace_range(at..at + 4, if &text[at..at + 4] == "0000" { "1111" } else { "0000" });
    fs::write(&path, other).unwrap();
    let told = yard.refused(&["deploy"]);
    assert!(told.contains("is not as windlass wrote it") && told.contains("hint:"), "{told}");
    fs::write(&path, text).unwrap();

    // A blob in the registry.
    let pulled = yard.project().join(format!(".windlass/artifacts/{version}/image/blobs/sha256"));
    let layer = fs::read_dir(&pulled)
        .unwrap()
        .map(|entry| entry.unwrap())
        .max_by_key(|entry| entry.metadata().unwrap().len())
        .unwrap();
    let name = layer.file_name().into_string().unwrap();
    let stored = here.registry.storage.join(format!("docker/registry/v2/blobs/sha256/{}/{name}/data", &name[..2]));
    let good = fs::read(&stored).unwrap();
    let mut bytes = good.clone();
    bytes[1000] ^= 1;
    fs::write(&stored, bytes).unwrap();
    let told = yard.refused(&["push"]);
    assert!(told.contains(&name) && told.contains("hint:"), "{told}");
    fs::write(&stored, good).unwrap();

    // The tag, moved to what else is in the repository: the bill of materials.
    let repository = here.registry.storage.join(format!("docker/registry/v2/repositories/{}/_manifests", yard.name));
    let link = repository.join(format!("tags/{version}/current/link"));
    let good = fs::read_to_string(&link).unwrap();
    let revisions = fs::read_dir(repository.join("revisions/sha256")).unwrap();
    let mut names = revisions.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let other = names.find(|name| !good.ends_with(name.as_str())).unwrap();
    fs::write(&link, format!("sha256:{other}")).unwrap();
    let told = yard.refused(&["push"]);
    assert!(told.contains(&version) && told.contains(&other) && told.contains("hint:"), "{told}");
    fs::write(&link, good).unwrap();

    // An artifact.
    let mut bytes = fs::read(layer.path()).unwrap();
    bytes[1000] ^= 1;
    fs::write(layer.path(), bytes).unwrap();
    let told = yard.refused(&["push"]);
    assert!(told.contains(&name), "{told}");
}

#[test]
fn each_missing_part_has_a_next_step() {
    let Some(here) = Here::new("missing parts") else { return };
    let yard = &here.yard;
    yard.done(&["check"]);
    yard.done(&["build"]);
    let refused = |change: &dyn Fn(&mut std::process::Command), arguments: &[&str]| {
        let mut command = yard.command(arguments);
        change(&mut command);
        let output = command.output().unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains("hint:"), "{told}");
        told
    };
    let told = refused(&|command| _ = command.env("REGISTRY_PASSWORD", "wrong"), &["push"]);
    assert!(told.contains("password"), "{told}");
    let told = refused(&|command| _ = command.env_remove("REGISTRY_PASSWORD"), &["push"]);
    assert!(told.contains("REGISTRY_PASSWORD is not set"), "{told}");
    let told = refused(&|command| _ = command.args(["--set", "deploy.registry.host=127.0.0.1:1"]), &["push"]);
    assert!(told.contains("127.0.0.1:1"), "{told}");
    let told = refused(&|command| _ = command.args(["--set", "deploy.local.engine=nowhere"]), &["push"]);
    assert!(told.contains("nowhere"), "{told}");
    let told = refused(&|_| (), &["verify"]);
    assert!(told.contains("verify needs the receipt of push"), "{told}");
    let begun = Instant::now();
    here.configure("  environment: { API_TOKEN: hunter2hunter2 }\n");
    let told = refused(&|_| (), &["check"]);
    assert!(
        told.contains("looks like a secret") && told.contains("deploy.secrets") && !told.contains("hunter2"),
        "{told}"
    );
    assert!(begun.elapsed() < Duration::from_secs(30));
}
