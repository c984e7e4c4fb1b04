use std::{fs, io::Read, process::Command};

use windlass_image::{Architecture, Digest, ImageError, LAMBDA_AUTHORITIES, lambda_zip};

use crate::support::{file, program, spec};

#[test]
fn a_zip_is_what_lambda_takes_and_the_same_each_time() {
    let places = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let zips = places.each_ref().map(|place| {
        let mut spec = spec(&program(place.path()), "v1");
        // What only an image has does not change the zip.
        spec.created += place.path().as_os_str().len() as u64;
        lambda_zip(&spec, &place.path().join("out/function.zip")).unwrap()
    });
    assert_eq!((&zips[0].sha256, zips[0].size), (&zips[1].sha256, zips[1].size));
    let bytes = fs::read(&zips[0].path).unwrap();
    assert_eq!(bytes, fs::read(&zips[1].path).unwrap());
    assert_eq!(zips[0].sha256, Digest::of(&bytes).hex());
    assert_eq!(zips[0].size, bytes.len() as u64);
    assert_eq!(zips[0].architecture, Architecture::Amd64);
    // As `openssl dgst -sha256 -binary | base64` has it: 44 characters, as AWS answers.
    assert_eq!(zips[0].code_sha256.len(), 44);

    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut lines = Vec::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        lines.push(format!("{:o} {} {}", file.unix_mode().unwrap(), file.last_modified().unwrap(), file.name()));
    }
    insta::assert_snapshot!(lines.join("\n"), @"
    100755 1980-01-01 00:00:00 bootstrap
    100644 1980-01-01 00:00:00 ca-certificates.crt
    100644 1980-01-01 00:00:00 policies/a.cedar
    100644 1980-01-01 00:00:00 windlass.yaml
    ");
    let authorities = LAMBDA_AUTHORITIES.strip_prefix("/var/task/").unwrap();
    assert!(archive.by_name(authorities).is_ok());
}

#[test]
fn another_program_reads_the_zip() {
    let place = tempfile::tempdir().unwrap();
    let zip = lambda_zip(&spec(&program(place.path()), "v1"), &place.path().join("function.zip")).unwrap();
    let into = place.path().join("task");
    let script = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; \
                  assert all(i.create_system == 3 for i in z.infolist()); z.extractall(sys.argv[2])";
    let run = Command::new("python3").args(["-c", script]).arg(&zip.path).arg(&into).output();
    let Ok(output) = run else {
        windlass_testkit::skip("another program reads the zip", "no python3");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(fs::read(into.join("bootstrap")).unwrap(), crate::support::tiny_program());
    assert_eq!(fs::read_to_string(into.join("windlass.yaml")).unwrap(), "server: {}\n");
}

#[test]
fn a_zip_cannot_write_elsewhere_or_replace_the_program() {
    let place = tempfile::tempdir().unwrap();
    let into = place.path().join("function.zip");
    for path in ["../x", "/etc/passwd", "bootstrap", "bootstrap/x", "ca-certificates.crt", "a\\b"] {
        let mut spec = spec(&program(place.path()), "v1");
        spec.files = vec![file(path, "")];
        assert!(matches!(lambda_zip(&spec, &into), Err(ImageError::Place { .. })), "{path}");
    }
    let mut spec = spec(&program(place.path()), "v1");
    spec.binary = std::env::current_exe().unwrap();
    assert!(matches!(lambda_zip(&spec, &into), Err(ImageError::Dynamic { .. })));
    assert!(!into.exists());
}
