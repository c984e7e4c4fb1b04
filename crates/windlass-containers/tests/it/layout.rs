//! An image made by hand.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use windlass_testkit::skip;

/// The test server, static; `None` (and a loud skip) where nothing can build it.
pub fn server(directory: &Path) -> Option<PathBuf> {
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/program/server.rs");
    let program = directory.join("server");
    let built = Command::new("rustc")
        .args(["--edition=2024", "-Copt-level=1", "-Cstrip=symbols", "--target", &target])
        .arg(&source)
        .arg("-o")
        .arg(&program)
        .output();
    match built {
        Ok(output) if output.status.success() => Some(program),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(said.contains("may not be installed"), "the test server does not compile: {said}");
            skip("containers", &format!("the target {target} is not installed"));
            None
        }
        Err(error) => {
            skip("containers", &format!("rustc does not start: {error}"));
            None
        }
    }
}

/// An OCI layout with one program and nothing else.
pub fn pack(directory: &Path, program: &Path) -> PathBuf {
    let layout = directory.join("Layout.with-Capitals");
    fs::create_dir_all(layout.join("blobs/sha256")).unwrap();
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    let bytes = fs::read(program).unwrap();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o755);
    tar.append_data(&mut header, "server", bytes.as_slice()).unwrap();
    let tar = tar.into_inner().unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&tar).unwrap();
    let architecture = if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" };
    let config = json!({
        "architecture": architecture, "os": "linux",
        "config": { "Entrypoint": ["/server"], "User": "65532:65532", "Labels": { "made": "by hand" } },
        "rootfs": { "type": "layers", "diff_ids": [digest(&tar)] },
    });
    let layer = blob(&layout, "application/vnd.oci.image.layer.v1.tar+gzip", &gzip.finish().unwrap());
    let config = blob(&layout, "application/vnd.oci.image.config.v1+json", config.to_string().as_bytes());
    let manifest = json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config, "layers": [layer] });
    let manifest = blob(&layout, "application/vnd.oci.image.manifest.v1+json", manifest.to_string().as_bytes());
    let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
    fs::write(layout.join("index.json"), index.to_string()).unwrap();
    fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    layout
}

fn blob(layout: &Path, media_type: &str, bytes: &[u8]) -> Value {
    let digest = digest(bytes);
    fs::write(layout.join("blobs/sha256").join(&digest[7..]), bytes).unwrap();
    json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
}

pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}
