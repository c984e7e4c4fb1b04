use std::{
    path::Path,
    process::{Command, Output},
};

use windlass_testkit::skip;

use crate::support::image;

/// Podman with everything it keeps in `at`.
fn podman(at: &Path, arguments: &[&str]) -> std::io::Result<Output> {
    let (root, run) = (at.join("root"), at.join("run"));
    Command::new("podman")
        .args(["--root".as_ref(), root.as_os_str(), "--runroot".as_ref(), run.as_os_str()])
        .args(["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "file"])
        .args(arguments)
        .current_dir(at)
        .output()
}

#[test]
fn podman_takes_the_layout_and_sees_the_same_image() {
    const TEST: &str = "podman takes the layout and sees the same image";
    let place = tempfile::tempdir().unwrap();
    if !podman(place.path(), &["version"]).is_ok_and(|output| output.status.success()) {
        return skip(TEST, "podman is not installed, or not usable");
    }
    let layout = image(place.path(), "v1");
    // Podman makes a name of the path, and knows no capital letters in names.
    let pulled = podman(place.path(), &["pull", "--quiet", "oci:image-v1"]).unwrap();
    assert!(pulled.status.success(), "{}", String::from_utf8_lossy(&pulled.stderr));
    let name = String::from_utf8(pulled.stdout).unwrap();
    let inspected = podman(place.path(), &["image", "inspect", name.trim()]).unwrap();
    assert!(inspected.status.success(), "{}", String::from_utf8_lossy(&inspected.stderr));
    let seen: serde_json::Value = serde_json::from_slice(&inspected.stdout).unwrap();
    let seen = &seen[0];
    assert_eq!(seen["Digest"], layout.digest().as_str());
    assert_eq!(seen["Labels"], serde_json::to_value(layout.labels()).unwrap());
    assert_eq!((&seen["Os"], &seen["Architecture"]), (&"linux".into(), &"amd64".into()));
    assert_eq!(seen["Config"]["User"], "65532:65532");
    assert_eq!(seen["Config"]["Entrypoint"], serde_json::json!(["/windlass"]));
    assert_eq!(seen["RootFS"]["Layers"], layout.config()["rootfs"]["diff_ids"]);
    // Storage of podman's has directories that cannot be removed while it thinks it uses them.
    assert!(podman(place.path(), &["rmi", "--all", "--force"]).unwrap().status.success());
}
