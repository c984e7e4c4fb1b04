//! The whole line on this machine.

use std::fs;

use super::{calls::Calls, here::Here, yard::Yard};

#[test]
fn a_release_is_proven_replaced_rolled_back_and_removed() {
    let Some(mut here) = Here::new("the line on this machine") else { return };
    let yard = &here.yard;
    let first = yard.git(&["rev-parse", "--short", "HEAD"]);
    let summary = yard.json(&[]);
    assert_eq!(summary["version"], first.as_str());
    let endpoint = summary["endpoint"].as_str().unwrap().to_owned();
    assert_eq!(endpoint, format!("http://127.0.0.1:{}/", here.port));
    assert_eq!(Yard::broken(&summary), Vec::<String>::new());
    // Nothing is done twice.
    let again = yard.run(&[]);
    let told = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(again.status.success() && told.matches("its receipt stands").count() == 5, "{told}");

    // A second release under a client that never stops: no call fails, and both have answered.
    let token = yard.done(&["token"]).trim().to_owned();
    let calls = Calls::start(endpoint.clone(), token.clone());
    let second = yard.commit("second");
    yard.done(&[]);
    let seen = calls.finish();
    assert!(seen.failed.is_empty(), "{:#?}", seen.failed);
    assert!(seen.releases.contains_key(&first) && seen.releases.contains_key(&second), "{seen:?}");
    assert_eq!(yard.containers().len(), 2, "the front and one release: {:?}", yard.containers());

    // One that never becomes ready here, although it was proven as an image: the former one serves throughout.
    let calls = Calls::start(endpoint.clone(), token.clone());
    let whole = here.yard.image.clone();
    here.yard.ship_what_breaks_where("FUSE");
    here.yard.set("FUSE", "unlit");
    here.configure("  secrets: { FUSE: env:FUSE }\n");
    let third = here.yard.commit("third");
    for phase in ["check", "build", "push"] {
        here.yard.done(&[phase]);
    }
    here.yard.set("FUSE", "lit");
    let told = here.yard.refused(&[]);
    let seen = calls.finish();
    here.yard.image = whole;
    let yard = &here.yard;
    assert!(seen.failed.is_empty(), "{:#?}", seen.failed);
    assert_eq!(seen.releases.keys().collect::<Vec<_>>(), [&second]);
    assert!(
        told.contains(&third) && told.contains(&format!("release {second} takes the requests, and is verified")),
        "{told}"
    );
    assert!(yard.receipt(&third, "push").exists() && !yard.receipt(&third, "deploy").exists());

    // One that is switched to and then does not keep a promise: the way back is taken by itself.
    let calls = Calls::start(endpoint.clone(), token.clone());
    here.configure("  p95: 0s\n");
    let fourth = yard.commit("fourth");
    let told = yard.refused(&[]);
    let seen = calls.finish();
    assert!(seen.failed.is_empty(), "{:#?}", seen.failed);
    assert!(seen.releases.contains_key(&fourth), "it did take requests: {seen:?}");
    assert!(told.contains(&format!("release {second} takes the requests, and is verified")), "{told}");
    assert_eq!(yard.json(&["status"])["running"]["version"], second.as_str());

    // Back by hand, named by nothing but that it was proven.
    let calls = Calls::start(endpoint, token);
    let back = yard.json(&["rollback"]);
    let seen = calls.finish();
    assert_eq!(back["version"], first.as_str());
    assert!(seen.failed.is_empty(), "{:#?}", seen.failed);
    let history = yard.done(&["history"]);
    assert!(history.lines().any(|line| line.starts_with(&first) && line.ends_with("live")), "{history}");
    assert!(yard.refused(&["rollback", &third]).contains("was never proven"));

    yard.done(&["destroy", "--yes"]);
    assert_eq!(yard.containers(), Vec::<String>::new());
    assert!(!yard.podman(&["network", "ls", "--format", "{{.Name}}"]).contains(&yard.name));
    assert!(!yard.podman(&["images", "--format", "{{.Repository}}"]).contains(&yard.name));
    assert!(!yard.project().join(".windlass").exists() && !yard.state().exists());
    assert!(fs::read_dir(yard.project()).unwrap().count() > 0, "the project itself stays");
}

#[test]
fn a_changed_secret_reaches_what_runs() {
    let Some(mut here) = Here::new("a changed secret") else { return };
    here.configure("  secrets: { WINDLASS_AUTH_TOKEN: env:ROTATED }\n");
    here.yard.commit("with a token of its own");
    here.yard.set("ROTATED", "one-7f3b9c1e5d2a8064c7e1f09b3a5d6e82");
    here.yard.done(&[]);
    let told = here.yard.run(&[]);
    assert!(String::from_utf8_lossy(&told.stderr).matches("its receipt stands").count() == 5, "{told:?}");
    // The same commit: what runs is made anew, and proven with the new token.
    here.yard.set("ROTATED", "two-c04d8e2f6a1b937550e8d2c4f6a1b39e");
    let summary = here.yard.json(&[]);
    assert_eq!(Yard::broken(&summary), Vec::<String>::new());
    assert_eq!(here.yard.containers().len(), 2, "{:?}", here.yard.containers());
    here.yard.done(&["destroy", "--yes"]);
}
