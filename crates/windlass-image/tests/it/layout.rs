use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use windlass_image::{Digest, ImageError, Layout};

use crate::support::image;

/// Writes a layout of these tars, by hand.
pub fn write_layout(at: &Path, tars: &[Vec<u8>]) -> Layout {
    write_raw(at, tars, |_, _, _| ());
    Layout::open(at).unwrap()
}

/// The same, with everything changed before it is written. What comes out is consistent as far as digests go.
fn write_raw(at: &Path, tars: &[Vec<u8>], change: impl Fn(&mut Value, &mut Value, &mut Value)) {
    let blobs = at.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let store = |media_type: &str, bytes: &[u8]| {
        let digest = Digest::of(bytes);
        fs::write(blobs.join(digest.hex()), bytes).unwrap();
        json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
    };
    let packed: Vec<Value> = tars
        .iter()
        .map(|tar| {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
            gzip.write_all(tar).unwrap();
            store("application/vnd.docker.image.rootfs.diff.tar.gzip", &gzip.finish().unwrap())
        })
        .collect();
    let diff_ids: Vec<Digest> = tars.iter().map(|tar| Digest::of(tar)).collect();
    let mut config = json!({
        "architecture": "amd64", "os": "linux",
        "config": { "Env": ["PATH=/usr/bin:/bin"] },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    let mut manifest = json!({ "schemaVersion": 2, "layers": packed });
    let mut index = json!({ "schemaVersion": 2 });
    change(&mut config, &mut manifest, &mut index);
    manifest["config"] = store("application/vnd.oci.image.config.v1+json", config.to_string().as_bytes());
    let entry = store("application/vnd.oci.image.manifest.v1+json", manifest.to_string().as_bytes());
    if index.get("manifests").is_none() {
        index["manifests"] = json!([entry]);
    }
    fs::write(at.join("index.json"), index.to_string()).unwrap();
    fs::write(at.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
}

fn blob(layout: &Layout, digest: &Digest) -> PathBuf {
    layout.path().join("blobs/sha256").join(digest.hex())
}

#[test]
fn one_changed_byte_of_any_blob_is_noticed_and_named() {
    let place = tempfile::tempdir().unwrap();
    let layout = image(place.path(), "v1");
    let blobs = fs::read_dir(layout.path().join("blobs/sha256")).unwrap();
    let blobs: Vec<PathBuf> = blobs.map(|entry| entry.unwrap().path()).collect();
    // Three layers, the configuration, the manifest.
    assert_eq!(blobs.len(), 5);
    for path in blobs {
        let good = fs::read(&path).unwrap();
        let name: Digest = format!("sha256:{}", path.file_name().unwrap().to_str().unwrap()).parse().unwrap();
        let mut bad = good.clone();
        *bad.last_mut().unwrap() ^= 1;
        fs::write(&path, &bad).unwrap();
        match Layout::open(layout.path()).unwrap_err() {
            ImageError::Corrupted { blob, found, .. } => assert_eq!((blob, found), (name.clone(), Digest::of(&bad))),
            error => panic!("{error}"),
        }
        fs::write(&path, &good[..good.len() - 1]).unwrap();
        assert!(matches!(Layout::open(layout.path()), Err(ImageError::Corrupted { blob, .. }) if blob == name));
        fs::remove_file(&path).unwrap();
        assert!(matches!(Layout::open(layout.path()), Err(ImageError::Missing { blob, .. }) if blob == name));
        fs::write(&path, &good).unwrap();
    }
    assert_eq!(Layout::open(layout.path()).unwrap().digest(), layout.digest());
}

#[test]
fn what_is_no_single_image_is_refused() {
    let place = tempfile::tempdir().unwrap();
    type Change = fn(&mut Value, &mut Value, &mut Value);
    let changes: [(&str, Change); 6] = [
        ("two images", |_, _, index| index["manifests"] = json!([entry(), entry()])),
        ("none", |_, _, index| index["manifests"] = json!([])),
        ("an index", |_, manifest, _| manifest["mediaType"] = "application/vnd.oci.image.index.v1+json".into()),
        ("version 1", |_, manifest, _| manifest["schemaVersion"] = 1.into()),
        ("zstd", |_, manifest, _| {
            manifest["layers"][0]["mediaType"] = "application/vnd.oci.image.layer.v1.tar+zstd".into();
        }),
        ("a path for a digest", |_, manifest, _| manifest["layers"][0]["digest"] = "sha256:../../../etc/passwd".into()),
    ];
    for (number, (what, change)) in changes.into_iter().enumerate() {
        let at = place.path().join(number.to_string());
        write_raw(&at, &[vec![0; 1024]], change);
        let error = Layout::open(&at).unwrap_err();
        assert!(matches!(error, ImageError::Layout { .. }), "{what}: {error}");
    }
    assert!(matches!(Layout::open(place.path().join("nowhere")), Err(ImageError::Io { .. })));
}

fn header() -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header
}

fn entry() -> Value {
    json!({ "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": Digest::of(b"x"), "size": 1 })
}

#[test]
fn a_size_that_is_a_lie_is_refused() {
    let place = tempfile::tempdir().unwrap();
    write_raw(place.path(), &[vec![0; 1024]], |_, manifest, _| manifest["layers"][0]["size"] = 7.into());
    assert!(matches!(Layout::open(place.path()), Err(ImageError::Layout { .. })));
}

#[test]
fn a_layer_that_unpacks_to_something_else_is_noticed() {
    let place = tempfile::tempdir().unwrap();
    write_raw(place.path(), &[vec![0; 1024]], |config, _, _| config["rootfs"]["diff_ids"][0] = json!(Digest::of(b"x")));
    let layout = Layout::open(place.path()).unwrap();
    assert!(matches!(layout.uncompressed_size(), Err(ImageError::Corrupted { blob, .. }) if blob == Digest::of(b"x")));

    let other = place.path().join("other");
    write_raw(&other, &[vec![0; 1024]], |config, _, _| config["rootfs"]["diff_ids"] = json!([]));
    assert!(matches!(Layout::open(&other).unwrap().uncompressed_size(), Err(ImageError::Layout { .. })));
}

#[test]
fn what_a_higher_layer_removes_is_not_seen_but_shown() {
    let place = tempfile::tempdir().unwrap();
    let tar = |paths: &[&str]| {
        let mut tar = tar::Builder::new(Vec::new());
        for path in paths {
            let mut header = header();
            header.set_size(path.len() as u64);
            tar.append_data(&mut header, path, path.as_bytes()).unwrap();
        }
        tar.into_inner().unwrap()
    };
    let layout = write_layout(
        place.path(),
        &[tar(&["a/one", "a/two", "b/one"]), tar(&["a/.wh.one", "b/.wh..wh..opq", "b/two"])],
    );
    assert_eq!(layout.entry("a/one").unwrap(), None);
    assert_eq!(layout.entry("b/one").unwrap(), None);
    assert_eq!(layout.entry("a/two").unwrap().unwrap(), b"a/two");
    assert_eq!(layout.entry("b/two").unwrap().unwrap(), b"b/two");
    let mut shown = 0;
    layout
        .files(|_, _| {
            shown += 1;
            Ok(())
        })
        .unwrap();
    assert_eq!(shown, 6);
}

#[test]
fn a_layer_that_ends_early_is_an_error_not_fewer_files() {
    let place = tempfile::tempdir().unwrap();
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = header();
    header.set_size(4096);
    tar.append_data(&mut header, "x", &[1; 4096][..]).unwrap();
    let tar = tar.into_inner().unwrap();
    let layout = write_layout(place.path(), &[tar[..2048].to_vec()]);
    assert!(layout.entry("x").is_err());
    assert!(blob(&layout, layout.digest()).exists());
}
