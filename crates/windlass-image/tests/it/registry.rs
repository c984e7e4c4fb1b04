use std::{fs, path::Path, sync::Mutex};

use windlass_image::{
    Credentials, Digest, ImageError, Progress, Registry, RegistryError, RegistryOptions, SBOM_MEDIA_TYPE, Unreachable,
    build,
};
use windlass_testkit::registry::TestRegistry;

use crate::support::{basic, client, image, options, program, silent, spec};

#[tokio::test]
async fn an_image_goes_there_and_comes_back_the_same() {
    let Some(server) = TestRegistry::secure("an image goes there and comes back the same") else { return };
    let registry = client(&server);
    let place = tempfile::tempdir().unwrap();
    let layout = image(place.path(), "v1");
    assert_eq!(registry.resolve("v1").await.unwrap(), None);

    let said = Mutex::new(Vec::new());
    let progress = |progress: Progress| said.lock().unwrap().push(progress);
    assert_eq!(registry.push(&layout, "v1", &progress).await.unwrap(), *layout.digest());
    let first = std::mem::take(&mut *said.lock().unwrap());
    // Configuration and three layers, each from nothing to all of it.
    assert_eq!(first.iter().filter(|progress| progress.moved == 0).count(), 4);
    assert_eq!(first.iter().filter(|progress| progress.moved == progress.size).count(), 4, "{first:?}");
    assert!(first.iter().all(|progress| !progress.present));
    assert_eq!(registry.resolve("v1").await.unwrap().as_ref(), Some(layout.digest()));

    // Again: nothing to do. Under another name: nothing to move.
    assert_eq!(registry.push(&layout, "v1", &progress).await.unwrap(), *layout.digest());
    assert!(said.lock().unwrap().is_empty());
    registry.push(&layout, "also-v1", &progress).await.unwrap();
    assert_eq!(said.lock().unwrap().iter().filter(|progress| progress.present).count(), 4);

    // Both can run as tasks of their own.
    let (pulling, digest, into) = (registry.clone(), layout.digest().clone(), place.path().join("back"));
    let back = tokio::spawn(async move { pulling.pull(&digest, &into, &silent).await }).await.unwrap().unwrap();
    let (pushing, pushed) = (registry.clone(), layout.clone());
    tokio::spawn(async move { pushing.push(&pushed, "again", &silent).await }).await.unwrap().unwrap();
    assert_eq!(back.digest(), layout.digest());
    let blobs = [layout.path(), back.path()].map(|layout| layout.join("blobs"));
    let diff = std::process::Command::new("diff").arg("-r").args(blobs).output().unwrap();
    assert!(diff.status.success(), "{}", String::from_utf8_lossy(&diff.stdout));
    assert_eq!(registry.reference(back.digest()), format!("{}/team/windlass@{}", server.host, back.digest()));
}

#[tokio::test]
async fn a_tag_that_names_another_image_is_not_moved() {
    let Some(server) = TestRegistry::secure("a tag that names another image is not moved") else { return };
    let registry = client(&server);
    let place = tempfile::tempdir().unwrap();
    let (one, other) = (image(place.path(), "v1"), image(place.path(), "v2"));
    registry.push(&one, "v1", &silent).await.unwrap();
    let error = registry.push(&other, "v1", &silent).await.unwrap_err();
    match &error {
        RegistryError::TagTaken { tag, there, here } => {
            assert_eq!((tag.as_str(), there, here), ("v1", one.digest(), other.digest()));
        }
        error => panic!("{error}"),
    }
    assert_eq!(registry.resolve("v1").await.unwrap().as_ref(), Some(one.digest()));
}

#[tokio::test]
async fn wrong_names_and_passwords_are_refused_as_such() {
    let Some(server) = TestRegistry::secure("wrong names and passwords are refused as such") else { return };
    let place = tempfile::tempdir().unwrap();
    let layout = image(place.path(), "v1");
    for credentials in [
        basic(&server.username, "wrong"),
        basic("nobody", &server.password),
        basic(&server.username, ""),
        Credentials::Anonymous,
    ] {
        let registry = Registry::new(RegistryOptions { credentials, ..options(&server) }).unwrap();
        let unauthorized = |error: RegistryError| {
            assert!(matches!(error, RegistryError::Unauthorized { status: 401, .. }), "{error}");
            assert!(!format!("{error} {error:?} {registry:?}").contains(&server.password));
        };
        unauthorized(registry.resolve("v1").await.unwrap_err());
        unauthorized(registry.push(&layout, "v1", &silent).await.unwrap_err());
        unauthorized(registry.pull(layout.digest(), &place.path().join("back"), &silent).await.unwrap_err());
        unauthorized(registry.attach(layout.digest(), SBOM_MEDIA_TYPE, SBOM_MEDIA_TYPE, b"{}").await.unwrap_err());
        unauthorized(registry.referrers(layout.digest(), SBOM_MEDIA_TYPE).await.unwrap_err());
    }
    assert!(!place.path().join("back").exists());
}

#[tokio::test]
async fn an_authority_nobody_named_is_not_trusted() {
    let Some(server) = TestRegistry::secure("an authority nobody named is not trusted") else { return };
    let other = TestRegistry::secure("an authority nobody named is not trusted").unwrap();
    // The system's authorities do not know it, and neither does that of another registry.
    for ca in [None, other.ca.clone()] {
        let registry = Registry::new(RegistryOptions { ca, ..options(&server) }).unwrap();
        let error = registry.resolve("v1").await.unwrap_err();
        assert!(matches!(&error, RegistryError::Unreachable { why: Unreachable::Tls(_), .. }), "{error}");
        assert!(error.hint().contains("authority"));
    }
    let empty = server.storage.join("../htpasswd");
    for ca in [empty, server.storage.join("ca.pem")] {
        let error = Registry::new(RegistryOptions { ca: Some(ca), ..options(&server) }).unwrap_err();
        assert!(matches!(error, RegistryError::Options { what: "ca", .. }), "{error}");
    }
}

#[tokio::test]
async fn what_cannot_be_reached_says_why() {
    let closed = windlass_testkit::free_port().unwrap();
    let with = |host: String| {
        let plain_http = host.starts_with("127.");
        let (repository, credentials) = ("team/windlass".into(), Credentials::Anonymous);
        Registry::new(RegistryOptions { host, repository, credentials, ca: None, plain_http }).unwrap()
    };
    let error = with(format!("127.0.0.1:{closed}")).resolve("v1").await.unwrap_err();
    assert!(matches!(error, RegistryError::Unreachable { why: Unreachable::Refused, .. }), "{error}");
    let error = with("registry.invalid".into()).resolve("v1").await.unwrap_err();
    assert!(matches!(error, RegistryError::Unreachable { why: Unreachable::Name(_), .. }), "{error}");
}

#[tokio::test]
async fn what_is_not_there_is_said_not_to_be() {
    let Some(server) = TestRegistry::secure("what is not there is said not to be") else { return };
    let registry = client(&server);
    let place = tempfile::tempdir().unwrap();
    let unknown = Digest::of(b"unknown");
    let error = registry.pull(&unknown, &place.path().join("back"), &silent).await.unwrap_err();
    assert!(matches!(error, RegistryError::NotFound { .. }), "{error}");
    let error = registry.attach(&unknown, SBOM_MEDIA_TYPE, SBOM_MEDIA_TYPE, b"{}").await.unwrap_err();
    assert!(matches!(error, RegistryError::NotFound { .. }), "{error}");
    assert_eq!(registry.referrers(&unknown, SBOM_MEDIA_TYPE).await.unwrap(), []);
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    for tag in ["", "../v1", "v1/x", "v1?x", "sha256:abc"] {
        assert!(matches!(registry.resolve(tag).await, Err(RegistryError::Options { .. })), "{tag}");
    }
}

#[tokio::test]
async fn a_byte_that_changed_in_the_registry_is_refused() {
    let Some(server) = TestRegistry::secure("a byte that changed in the registry is refused") else { return };
    let registry = client(&server);
    let place = tempfile::tempdir().unwrap();
    let layout = image(place.path(), "v1");
    registry.push(&layout, "v1", &silent).await.unwrap();
    let layers = layout.layers().iter().map(|layer| layer.digest.clone());
    for blob in layers.chain([layout.digest().clone()]) {
        let path = server.blob(blob.hex());
        let good = fs::read(&path).unwrap();
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        fs::write(&path, &bad).unwrap();
        let into = place.path().join("back");
        match registry.pull(layout.digest(), &into, &silent).await.unwrap_err() {
            RegistryError::Corrupted { blob: named, found, .. } => {
                assert_eq!((named, found), (blob, Digest::of(&bad).to_string()));
            }
            // The registry reads manifests itself, and notices.
            error if blob == *layout.digest() => assert!(matches!(error, RegistryError::Other { .. }), "{error}"),
            error => panic!("{error}"),
        }
        assert!(!into.exists());
        fs::write(&path, &good).unwrap();
    }
    registry.pull(layout.digest(), &place.path().join("back"), &silent).await.unwrap();
}

#[tokio::test]
async fn a_blob_that_vanished_is_named() {
    let Some(server) = TestRegistry::secure("a blob that vanished is named") else { return };
    let registry = client(&server);
    let place = tempfile::tempdir().unwrap();
    let layout = image(place.path(), "v1");
    registry.push(&layout, "v1", &silent).await.unwrap();
    let layer = &layout.layers()[0].digest;
    fs::remove_file(server.blob(layer.hex())).unwrap();
    let error = registry.pull(layout.digest(), &place.path().join("back"), &silent).await.unwrap_err();
    assert!(matches!(&error, RegistryError::NotFound { what, .. } if what.contains(layer.hex())), "{error}");
}

#[tokio::test]
async fn a_bill_can_be_attached_and_found() {
    let Some(server) = TestRegistry::secure("a bill can be attached and found") else { return };
    let registry = client(&server);
    let place = tempfile::tempdir().unwrap();
    let layout = image(place.path(), "v1");
    registry.push(&layout, "v1", &silent).await.unwrap();
    let (bill, remark) = (br#"{"bomFormat":"CycloneDX"}"#, b"a remark");
    let attached = registry.attach(layout.digest(), SBOM_MEDIA_TYPE, SBOM_MEDIA_TYPE, bill).await.unwrap();
    assert!(attached.listed);
    // Twice is once, and another document stands beside it.
    assert_eq!(registry.attach(layout.digest(), SBOM_MEDIA_TYPE, SBOM_MEDIA_TYPE, bill).await.unwrap(), attached);
    registry.attach(layout.digest(), "text/x-remark", "text/plain", remark).await.unwrap();

    let found = registry.referrers(layout.digest(), SBOM_MEDIA_TYPE).await.unwrap();
    assert_eq!(found.iter().map(|found| &found.digest).collect::<Vec<_>>(), [&attached.digest]);
    assert_eq!(registry.attached(&found[0].digest).await.unwrap(), bill);
    assert_eq!(registry.referrers(layout.digest(), "text/x-remark").await.unwrap().len(), 1);
    // The image is what it was.
    assert_eq!(registry.resolve("v1").await.unwrap().as_ref(), Some(layout.digest()));
    assert_foreign_tool_finds(&server, layout.digest());
}

/// Skopeo reads the list under the tag the specification gives it.
fn assert_foreign_tool_finds(server: &TestRegistry, subject: &Digest) {
    let certificates = server.ca.as_deref().and_then(Path::parent).unwrap();
    let directory = certificates.join("trusted");
    fs::create_dir_all(&directory).unwrap();
    fs::copy(certificates.join("ca.pem"), directory.join("ca.crt")).unwrap();
    let run = std::process::Command::new("skopeo")
        .args(["inspect", "--raw", "--creds", &format!("{}:{}", server.username, server.password), "--cert-dir"])
        .arg(&directory)
        .arg(format!("docker://{}/team/windlass:sha256-{}", server.host, subject.hex()))
        .output();
    let Ok(output) = run else {
        return windlass_testkit::skip("a bill can be found by another tool", "skopeo is not installed");
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let index: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(index["manifests"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_large_image_moves_whole() {
    let Some(server) = TestRegistry::secure("a large image moves whole") else { return };
    let registry = client(&server);
    let place = tempfile::tempdir().unwrap();
    let mut spec = spec(&program(place.path()), "v1");
    // Bytes gzip cannot make fewer, more than any buffer on the way.
    let mut state = 1_u64;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    });
    let bytes: Vec<u8> = noise.take(6 << 20).collect();
    spec.files[0].source = windlass_image::Source::Bytes(bytes.clone());
    let layout = build(&spec, &place.path().join("image")).unwrap().layout;
    assert!(layout.compressed_size() > 6 << 20);
    let steps = Mutex::new(Vec::new());
    registry.push(&layout, "v1", &|progress| steps.lock().unwrap().push(progress.moved)).await.unwrap();
    let steps = steps.into_inner().unwrap();
    assert!(steps.len() > 10, "{steps:?}");
    let back = registry.pull(layout.digest(), &place.path().join("back"), &silent).await.unwrap();
    assert_eq!(back.entry("srv/windlass.yaml").unwrap().unwrap(), bytes);
}

#[tokio::test]
async fn nothing_is_pulled_over_what_is_there() {
    let Some(server) = TestRegistry::secure("nothing is pulled over what is there") else { return };
    let registry = client(&server);
    let place = tempfile::tempdir().unwrap();
    let layout = image(place.path(), "v1");
    registry.push(&layout, "v1", &silent).await.unwrap();
    let error = registry.pull(layout.digest(), layout.path(), &silent).await.unwrap_err();
    assert!(matches!(error, RegistryError::Image(ImageError::Occupied { .. })), "{error}");
}
