use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    time::{Duration, SystemTime},
};

use serde_json::json;
use windlass_core::{ErrorKind, Outputs, Principal};

use crate::{Bench, call, finish, keep, pages, principal, read};

fn refusal(bench: &Bench, who: &str, handle: &str) -> String {
    let error = read(&bench.open(), &principal(who), json!({"handle": handle})).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    format!("{} {:?} {:?}", error.for_model(), error.detail, error.data)
}

#[test]
fn a_stranger_learns_nothing() {
    let bench = Bench::new();
    let handle = keep(&bench.open(), &principal("key:alice"), &[b'x'; 10_000]).handle.unwrap();
    let invented = format!("out_{}", "0".repeat(32));
    assert_eq!(refusal(&bench, "key:mallory", &handle), refusal(&bench, "key:mallory", &invented));
    assert_eq!(refusal(&bench, "key:mallory", &handle), refusal(&bench, "key:mallory", "../../etc/passwd"));
    assert!(read(&bench.open(), &principal("key:alice"), json!({"handle": handle})).is_ok());
    let search = json!({"handle": handle, "pattern": "x"});
    assert_eq!(
        call(&bench.open(), &principal("key:mallory"), "search_output", search).unwrap_err().kind,
        ErrorKind::NotFound
    );
}

#[test]
fn an_expired_handle_is_an_unknown_one_and_is_swept() {
    for bench in [Bench::new().ttl(Duration::ZERO), Bench::new().ttl(Duration::ZERO).nowhere()] {
        let store = bench.open();
        let handle = keep(&store, &Principal::local(), &[b'x'; 10_000]).handle.unwrap();
        let error = read(&store, &Principal::local(), json!({"handle": handle})).unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotFound);
        if bench.settings.directory.is_some() {
            assert_eq!(bench.files().len(), 1);
            store.sweep();
            assert!(bench.files().is_empty());
        }
    }
}

#[test]
fn a_replica_serves_the_others_handles() {
    let bench = Bench::new();
    let text = "line of text\n".repeat(2000);
    let (one, other) = (bench.open(), bench.open());
    let handle = keep(&one, &Principal::local(), text.as_bytes()).handle.unwrap();
    assert_eq!(pages(&other, &Principal::local(), &handle, 4096), text);
}

#[test]
fn an_unfinished_output_is_nobodys_yet() {
    let bench = Bench::new();
    let store = bench.open();
    let mut sink = store.open(&Principal::local(), "stdout");
    sink.write(&[b'x'; 200_000]);
    let name = bench.files()[0].file_name().unwrap().to_str().unwrap().to_owned();
    assert!(read(&store, &Principal::local(), json!({"handle": name})).is_err());
    let handle = finish(sink).handle.unwrap();
    assert_eq!(handle, name);
    assert!(read(&store, &Principal::local(), json!({"handle": name})).is_ok());
}

#[test]
fn the_oldest_make_room() {
    for bench in [Bench::new().max(250_000), Bench::new().nowhere()] {
        let store = bench.open();
        let size = if bench.settings.directory.is_some() { 60_000 } else { 3 << 20 };
        let handles: Vec<_> = (0..12)
            .map(|_| {
                // Ages are in milliseconds; wait for the clock, not for a guess of how long that is.
                let now = SystemTime::now();
                while now.elapsed().unwrap() < Duration::from_millis(2) {
                    std::hint::spin_loop();
                }
                keep(&store, &Principal::local(), &vec![b'x'; size]).handle.unwrap()
            })
            .collect();
        let found: Vec<_> =
            handles.iter().map(|handle| read(&store, &Principal::local(), json!({"handle": handle})).is_ok()).collect();
        assert!(!found[0] && found[11], "{found:?}");
        assert!(found.is_sorted(), "not the oldest went first: {found:?}");
        if bench.settings.directory.is_some() {
            let used: u64 = bench.files().iter().map(|file| file.metadata().unwrap().len()).sum();
            assert!(used <= 250_000, "{used}");
        }
    }
}

#[test]
fn one_output_larger_than_everything_is_cut_not_fatal() {
    let bench = Bench::new().max(200_000);
    let store = bench.open();
    let captured = keep(&store, &Principal::local(), &[b'x'; 1_000_000]);
    assert_eq!(captured.bytes, 1_000_000);
    let page = read(&store, &Principal::local(), json!({"handle": captured.handle.unwrap()})).unwrap();
    let kept = page["kept_bytes"].as_u64().unwrap();
    assert!((1..=200_000).contains(&kept), "{kept}");
    assert!(captured.text.contains("were kept)"));
}

#[test]
fn what_a_dead_process_left_is_swept_and_a_living_ones_is_not() {
    let bench = Bench::new();
    let store = bench.open();
    let mut living = store.open(&Principal::local(), "stdout");
    living.write(&[b'x'; 200_000]);
    let living_file = bench.files().remove(0);
    let dead = bench.directory.path().join(format!("outputs/out_{}", "a".repeat(32)));
    fs::copy(&living_file, &dead).unwrap();
    let garbage = bench.directory.path().join(format!("outputs/out_{}", "b".repeat(32)));
    fs::write(&garbage, "no entry").unwrap();
    let foreign = bench.directory.path().join("outputs/README");
    fs::write(&foreign, "not ours").unwrap();
    let long_ago = SystemTime::now() - Duration::from_secs(3600);
    for file in [&living_file, &dead, &garbage, &foreign] {
        File::options().write(true).open(file).unwrap().set_modified(long_ago).unwrap();
    }
    bench.open();
    let mut left = vec![foreign, living_file];
    left.sort();
    assert_eq!(bench.files(), left);
    assert!(finish(living).handle.is_some());
}

#[test]
fn files_are_for_us_alone() {
    let bench = Bench::new();
    keep(&bench.open(), &Principal::local(), &[b'x'; 10_000]);
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&bench.files()[0]), 0o600);
    assert_eq!(mode(&bench.directory.path().join("outputs")), 0o700);
    let content = fs::read(&bench.files()[0]).unwrap();
    assert!(!String::from_utf8_lossy(&content).contains("local"), "the owner's id stands in the file");
}

#[test]
fn one_callers_output_does_not_push_out_anothers() {
    let bench = Bench::new().max(250_000);
    let store = bench.open();
    let (small, large) = (principal("small"), principal("large"));
    let handle = keep(&store, &small, &[b's'; 20_000]).handle.unwrap();
    let kept: Vec<_> = (0..30).map(|_| keep(&store, &large, &[b'l'; 40_000]).handle.unwrap()).collect();
    assert!(read(&store, &small, json!({ "handle": handle })).is_ok(), "it was the oldest, of who had least");
    assert!(read(&store, &large, json!({ "handle": kept[0] })).is_err());
    assert!(read(&store, &large, json!({ "handle": kept[29] })).is_ok());
}
