//! One commit, built in two places.

use std::{path::Path, process::Command};

use serde_json::Value;

use crate::house::WINDLASS;

#[test]
#[ignore = "compiles the release twice: most of an hour"]
fn two_builds_of_one_commit_are_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    // Products beside the checkout, and in it.
    let built =
        [("one", "products"), ("another/deeper/place", "another/deeper/place/target")].map(|(name, products)| {
            let clone = folder.path().join(name);
            run(Command::new("git").args(["clone", "--quiet"]).arg(&checkout).arg(&clone));
            for phase in ["check", "build"] {
                let mut command = Command::new(WINDLASS);
                command.args(["deploy", "--set", "deploy.name=same", phase]).current_dir(&clone);
                // Each compiles everything by itself.
                command.env("CARGO_TARGET_DIR", folder.path().join(products)).env("XDG_STATE_HOME", folder.path());
                run(&mut command);
            }
            let version = run(Command::new("git").args(["rev-parse", "--short", "HEAD"]).current_dir(&clone));
            let receipt = clone.join(format!(".windlass/receipts/{}/build.json", version.trim()));
            let receipt: Value = serde_json::from_slice(&std::fs::read(receipt).unwrap()).unwrap();
            let output = receipt["receipt"]["output"].clone();
            std::fs::remove_dir_all(clone).unwrap();
            output
        });
    assert_eq!(built[0], built[1]);
    assert!(built[0]["image"].as_str().unwrap().starts_with("sha256:"), "{}", built[0]);
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
