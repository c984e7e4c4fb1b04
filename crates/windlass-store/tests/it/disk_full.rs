//! A full disk, played by a limit on file size: the same failed write, and no privilege needed.

use std::process::Command;

use serde_json::json;
use windlass_core::Principal;

use crate::{Bench, keep, read};

#[test]
fn what_fits_is_kept_and_the_rest_is_counted() {
    let limited = "trap '' XFSZ; ulimit -f 200; exec \"$0\" --ignored --exact disk_full::with_little_room --nocapture";
    let output = Command::new("sh").args(["-c", limited]).arg(std::env::current_exe().unwrap()).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "runs under a file size limit, started by the test above"]
fn with_little_room() {
    let bench = Bench::new();
    let store = bench.open();
    let captured = keep(&store, &Principal::local(), &[b'x'; 1_000_000]);
    assert_eq!(captured.bytes, 1_000_000);
    assert!(captured.text.contains("were kept)"), "{}", captured.text);
    let page = read(&store, &Principal::local(), json!({"handle": captured.handle.unwrap()})).unwrap();
    let kept = page["kept_bytes"].as_u64().unwrap();
    // `ulimit -f` counts 512 or 1024 bytes, as the shell sees fit.
    assert!((100_000..=204_800).contains(&kept), "{kept}");
    assert_eq!(kept + 512, bench.files()[0].metadata().unwrap().len());
}
