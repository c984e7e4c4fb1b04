use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    time::{Duration, SystemTime},
};

use windlass_image::{Architecture, FileKind, ImageError, ImageFile, ImageSpec, Source, build};

use crate::support::{CREATED, file, program, spec};

/// Every entry of every layer, one a line.
fn listing(layout: &windlass_image::Layout) -> String {
    let mut lines = Vec::new();
    layout
        .files(|file, _| {
            let kind = if file.kind == FileKind::Directory { "/" } else { "" };
            lines.push(format!("{} {:04o} {:?} {}{kind}", file.layer, file.mode, file.owner, file.path));
            Ok(())
        })
        .unwrap();
    lines.join("\n")
}

#[test]
fn an_image_is_what_the_specification_says() {
    let place = tempfile::tempdir().unwrap();
    let built = build(&spec(&program(place.path()), "a1b2c3d"), &place.path().join("image")).unwrap();
    assert_eq!(built.architecture, Architecture::Amd64);
    let layout = built.layout;
    insta::assert_snapshot!(listing(&layout), @"
    0 0755 (0, 0) etc/
    0 0755 (0, 0) etc/ssl/
    0 0755 (0, 0) etc/ssl/certs/
    0 0755 (0, 0) srv/
    0 1777 (0, 0) tmp/
    0 0644 (0, 0) etc/group
    0 0644 (0, 0) etc/nsswitch.conf
    0 0644 (0, 0) etc/passwd
    0 0644 (0, 0) etc/ssl/certs/ca-certificates.crt
    1 0755 (0, 0) windlass
    2 0755 (0, 0) srv/policies/
    2 0644 (0, 0) srv/policies/a.cedar
    2 0644 (0, 0) srv/windlass.yaml
    ");
    let mut config = layout.config().clone();
    config["rootfs"]["diff_ids"] = "(3)".into();
    insta::assert_snapshot!(serde_json::to_string_pretty(&config).unwrap(), @r#"
    {
      "architecture": "amd64",
      "config": {
        "Cmd": [
          "serve"
        ],
        "Entrypoint": [
          "/windlass"
        ],
        "Env": [
          "WINDLASS_LISTEN=0.0.0.0:8080"
        ],
        "ExposedPorts": {
          "8080/tcp": {}
        },
        "Labels": {
          "org.opencontainers.image.created": "2025-10-09T08:53:20Z",
          "org.opencontainers.image.licenses": "Apache-2.0",
          "org.opencontainers.image.revision": "a1b2c3d",
          "org.opencontainers.image.title": "windlass",
          "org.opencontainers.image.version": "a1b2c3d"
        },
        "StopSignal": "SIGTERM",
        "User": "65532:65532",
        "Volumes": {
          "/tmp": {}
        },
        "WorkingDir": "/srv"
      },
      "created": "2025-10-09T08:53:20Z",
      "history": [
        {
          "created": "2025-10-09T08:53:20Z",
          "created_by": "windlass: system files"
        },
        {
          "created": "2025-10-09T08:53:20Z",
          "created_by": "windlass: the program"
        },
        {
          "created": "2025-10-09T08:53:20Z",
          "created_by": "windlass: project files"
        }
      ],
      "os": "linux",
      "rootfs": {
        "diff_ids": "(3)",
        "type": "layers"
      }
    }
    "#);
    assert_eq!(layout.entry("/etc/nsswitch.conf").unwrap().unwrap(), b"hosts: files dns\n");
    assert_eq!(layout.entry("srv/windlass.yaml").unwrap().unwrap(), b"server: {}\n");
    assert_eq!(layout.entry("windlass").unwrap().unwrap(), crate::support::tiny_program());
    assert_eq!(layout.entry("nothing").unwrap(), None);
    assert!(layout.uncompressed_size().unwrap() > layout.compressed_size());
}

#[test]
fn two_builds_in_two_places_at_two_times_are_the_same_bytes() {
    let places = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for (place, (day, mode)) in places.iter().zip([(1, 0o600), (20_000, 0o640)]) {
        let source = place.path().join(if day == 1 { "one" } else { "a/longer/other" });
        fs::create_dir_all(&source).unwrap();
        let settings = source.join("settings");
        fs::write(&settings, "server: {}\n").unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(day * 86_400);
        fs::File::options().write(true).open(&settings).unwrap().set_modified(time).unwrap();
        fs::set_permissions(&settings, fs::Permissions::from_mode(mode)).unwrap();
        let mut spec = spec(&program(&source), "v1");
        let file = ImageFile { path: "x.yaml".into(), mode, source: Source::Path(settings) };
        // In another order as well.
        spec.files.insert(if day == 1 { 0 } else { 2 }, file);
        for key in if day == 1 { ["b", "a", "c"] } else { ["c", "b", "a"] } {
            spec.labels.insert(format!("example.{key}"), key.into());
        }
        build(&spec, &place.path().join("image")).unwrap();
    }
    let images = places.each_ref().map(|place| place.path().join("image"));
    let diff = Command::new("diff").arg("-r").args(&images).output().unwrap();
    assert!(diff.status.success() && diff.stdout.is_empty(), "{}", String::from_utf8_lossy(&diff.stdout));
}

#[test]
fn layers_do_not_depend_on_what_is_not_in_them() {
    let place = tempfile::tempdir().unwrap();
    let binary = program(place.path());
    let one = build(&spec(&binary, "v1"), &place.path().join("one")).unwrap().layout;
    let mut other = spec(&binary, "v2");
    other.created += 1;
    other.files = vec![file("windlass.yaml", "server: {drain: 1s}\n")];
    let other = build(&other, &place.path().join("other")).unwrap().layout;
    assert_ne!(one.digest(), other.digest());
    assert_eq!(one.layers()[..2], other.layers()[..2]);
    assert_ne!(one.layers()[2], other.layers()[2]);
    // And without files there is no layer for them.
    let bare = build(&ImageSpec::new(&binary, "v3", CREATED), &place.path().join("bare")).unwrap().layout;
    assert_eq!(bare.layers(), &one.layers()[..2]);
}

#[test]
fn a_program_that_could_not_start_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let into = place.path().join("image");
    // This test itself asks for a loader.
    let own = std::env::current_exe().unwrap();
    let error = build(&ImageSpec::new(&own, "v1", CREATED), &into).unwrap_err();
    assert!(matches!(&error, ImageError::Dynamic { loader, .. } if loader.contains("ld-")), "{error}");
    assert!(error.hint().contains("musl"), "{}", error.hint());

    let write = |name: &str, bytes: &[u8]| {
        let path = place.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let tiny = crate::support::tiny_program();
    let with = |at: usize, byte: u8| {
        let mut bytes = tiny.clone();
        bytes[at] = byte;
        bytes
    };
    let others = [
        ("script", b"#!/bin/sh\nexec true\n".to_vec()),
        ("empty", Vec::new()),
        ("short", tiny[..80].to_vec()),
        ("of 32 bits", with(4, 1)),
        ("big-endian", with(5, 2)),
        ("an object file", with(16, 1)),
        ("for RISC-V", with(18, 243)),
        ("without segments", with(56, 0)),
    ];
    for (name, bytes) in others {
        let error = build(&ImageSpec::new(write(name, &bytes), "v1", CREATED), &into).unwrap_err();
        assert!(matches!(error, ImageError::NotAProgram { .. }), "{name}: {error}");
    }
    assert!(matches!(
        build(&ImageSpec::new(place.path().join("none"), "v1", CREATED), &into),
        Err(ImageError::Io { .. })
    ));
    assert!(!into.exists());

    let arm = build(&ImageSpec::new(write("arm", &with(18, 183)), "v1", CREATED), &into).unwrap();
    assert_eq!((arm.architecture, arm.layout.platform().as_str()), (Architecture::Arm64, "linux/arm64"));
}

#[test]
fn a_program_rust_linked_for_musl_is_taken() {
    let place = tempfile::tempdir().unwrap();
    let (source, binary) = (place.path().join("main.rs"), place.path().join("main"));
    fs::write(&source, "fn main() { println!(\"{}\", std::process::id()) }").unwrap();
    let target = "x86_64-unknown-linux-musl";
    let run = Command::new("rustc").args(["--target", target, "-o"]).arg(&binary).arg(&source).output();
    if !run.is_ok_and(|output| output.status.success()) {
        windlass_testkit::skip("a program rust linked for musl is taken", "rustc cannot build for the musl target");
        return;
    }
    let built = build(&ImageSpec::new(&binary, "v1", CREATED), &place.path().join("image")).unwrap();
    assert_eq!(built.layout.entry("windlass").unwrap().unwrap(), fs::read(&binary).unwrap());
}

#[test]
fn nothing_half_made_is_left_and_nothing_is_overwritten() {
    let place = tempfile::tempdir().unwrap();
    let binary = program(place.path());
    let into = place.path().join("deep/image");
    let mut spec = spec(&binary, "v1");
    spec.files.push(ImageFile { path: "x".into(), mode: 0, source: Source::Path(place.path().join("none")) });
    assert!(matches!(build(&spec, &into), Err(ImageError::Io { .. })));
    assert_eq!(fs::read_dir(place.path().join("deep")).unwrap().count(), 0);
    spec.files.pop();

    fs::create_dir_all(&into).unwrap();
    build(&spec, &into).unwrap();
    assert!(matches!(build(&spec, &into), Err(ImageError::Occupied { .. })));
    assert!(matches!(build(&spec, &binary), Err(ImageError::Occupied { .. })));
    assert_eq!(fs::read_dir(place.path().join("deep")).unwrap().count(), 1);
}

#[test]
fn what_a_registry_or_a_shell_would_choke_on_is_refused_first() {
    let place = tempfile::tempdir().unwrap();
    let binary = program(place.path());
    let into = place.path().join("image");
    let mut wrong = spec(&binary, "feature/x");
    assert!(matches!(build(&wrong, &into), Err(ImageError::Value { what: "the version", .. })));
    wrong = spec(&binary, "v1");
    wrong.environment.insert("A=B".into(), "c".into());
    assert!(matches!(build(&wrong, &into), Err(ImageError::Value { .. })));
    wrong = spec(&binary, "v1");
    wrong.created = u64::MAX;
    assert!(matches!(build(&wrong, &into), Err(ImageError::Value { .. })));
    wrong = spec(&binary, "v1");
    std::os::unix::fs::symlink("/etc/shadow", place.path().join("innocent.yaml")).unwrap();
    let innocent = Source::Path(place.path().join("innocent.yaml"));
    wrong.files.push(ImageFile { path: "innocent.yaml".into(), mode: 0o644, source: innocent });
    assert!(matches!(build(&wrong, &into), Err(ImageError::Place { .. })));
    assert!(!into.exists());
}

/// A base as people have them: an image built here, whose own layers are replaced by one from a tar.
fn base(place: &Path, entries: &[(&str, tar::EntryType, &str)]) -> windlass_image::Layout {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, kind, content) in entries {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(*kind);
        header.set_mode(0o755);
        header.set_uid(0);
        header.set_gid(0);
        if *kind == tar::EntryType::Symlink {
            header.set_size(0);
            tar.append_link(&mut header, path, content).unwrap();
        } else {
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, path, content.as_bytes()).unwrap();
        }
    }
    crate::layout::write_layout(place, &[tar.into_inner().unwrap()])
}

#[test]
fn a_base_lies_below_and_its_own_files_stay() {
    use tar::EntryType::{Directory, Regular, Symlink};
    let place = tempfile::tempdir().unwrap();
    let base = base(
        &place.path().join("base"),
        &[
            ("./etc/", Directory, ""),
            ("./etc/passwd", Regular, "root:x:0:0::/root:/bin/sh\n"),
            ("./etc/ssl", Symlink, "../usr/ssl"),
            ("./tmp/", Directory, ""),
            ("./bin/sh", Regular, "a shell"),
        ],
    );
    let mut spec = spec(&program(place.path()), "v1");
    spec.base = Some(base.clone());
    let layout = build(&spec, &place.path().join("image")).unwrap().layout;
    assert_eq!(layout.layers().len(), 4);
    assert_eq!(layout.layers()[0].digest, base.layers()[0].digest);
    let own: Vec<String> = listing(&layout).lines().filter(|line| line.starts_with('1')).map(str::to_owned).collect();
    insta::assert_snapshot!(own.join("\n"), @"
    1 0755 (0, 0) srv/
    1 0644 (0, 0) etc/group
    1 0644 (0, 0) etc/nsswitch.conf
    ");
    assert_eq!(layout.entry("etc/passwd").unwrap().unwrap(), b"root:x:0:0::/root:/bin/sh\n");
    assert_eq!(layout.entry("bin/sh").unwrap().unwrap(), b"a shell");
    assert_eq!(layout.labels()["org.opencontainers.image.base.digest"], base.digest().to_string());
    let environment = layout.config()["config"]["Env"].to_string();
    assert_eq!(environment, r#"["PATH=/usr/bin:/bin","WINDLASS_LISTEN=0.0.0.0:8080"]"#);
    assert_eq!(layout.config()["rootfs"]["diff_ids"].as_array().unwrap().len(), 4);

    let mut arm = crate::support::tiny_program();
    arm[18] = 183;
    fs::write(&spec.binary, arm).unwrap();
    let error = build(&spec, &place.path().join("other")).unwrap_err();
    assert!(matches!(error, ImageError::Platforms { .. }), "{error}");
}

#[test]
fn every_layer_is_shown_to_who_looks_for_secrets() {
    use tar::EntryType::Regular;
    let place = tempfile::tempdir().unwrap();
    // In one layer, and removed by the next: still in the image.
    let base = base(&place.path().join("base"), &[("root/.aws/credentials", Regular, "AKIASECRET")]);
    let mut spec = spec(&program(place.path()), "v1");
    spec.base = Some(base);
    let layout = build(&spec, &place.path().join("image")).unwrap().layout;
    let mut found = Vec::new();
    layout
        .files(|file, content| {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes)?;
            if bytes.windows(10).any(|window| window == b"AKIASECRET") {
                found.push(file.path.clone());
            }
            Ok(())
        })
        .unwrap();
    assert_eq!(found, ["root/.aws/credentials"]);
}
