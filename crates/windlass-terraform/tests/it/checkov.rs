//! Checkov's rules hold for everything in `infra/`; an exception is argued where it is made.

use std::process::Command;

use serde_json::Value;

use crate::support::checkout;

#[test]
fn no_check_fails() {
    let installed = Command::new(checkout().join("tests/aws/checkov.sh")).output().unwrap();
    if !installed.status.success() {
        let why = String::from_utf8_lossy(&installed.stderr);
        return windlass_testkit::skip("checkov on infra/", &format!("it cannot be installed: {why}"));
    }
    let program = String::from_utf8(installed.stdout).unwrap();
    let output = Command::new(program.trim())
        .args([
            "--framework",
            "terraform",
            "--skip-download",
            "--quiet",
            "--compact",
            "--output",
            "json",
            "--directory",
        ])
        .arg(checkout().join("infra"))
        // Modules are local; nothing is asked for over the network.
        .args(["--download-external-modules", "false"])
        .env_remove("BC_API_KEY")
        .env("LOG_LEVEL", "ERROR")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let report: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
    let results = &report["results"];
    let failed = results["failed_checks"].as_array().unwrap();
    let line = |check: &Value| {
        format!("{} {} {}\n  {}", check["check_id"], check["resource"], check["file_path"], check["check_name"])
    };
    let failed: Vec<String> = failed.iter().map(line).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert_eq!(report["summary"]["parsing_errors"], 0, "{said}");
    let passed = report["summary"]["passed"].as_u64().unwrap();
    assert!(passed > 100, "only {passed} checks were made");
}
