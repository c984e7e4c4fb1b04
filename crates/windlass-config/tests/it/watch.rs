use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    sync::mpsc::{self, Receiver},
    time::Duration,
};

use windlass_config::{Change, Reloader, Watcher, watch};

use crate::Bench;

/// Long enough that only a lost event takes it.
const PATIENCE: Duration = Duration::from_secs(20);

fn follow(bench: &Bench) -> (Receiver<Change>, Watcher) {
    let loaded = bench.load().unwrap_or_else(|errors| panic!("{errors}"));
    let (sender, receiver) = mpsc::channel();
    let reloader = Reloader::new(bench.sources(), &loaded);
    let watcher = watch(reloader, &loaded.files, move |change| sender.send(change).unwrap()).unwrap();
    (receiver, watcher)
}

fn port(changes: &Receiver<Change>) -> u16 {
    let change = changes.recv_timeout(PATIENCE).expect("the change should be seen");
    change.unwrap_or_else(|errors| panic!("{errors}")).settings.server.port
}

fn file(bench: &Bench) -> std::path::PathBuf {
    bench.folder.path().join("windlass.yaml")
}

#[test]
fn writing_in_place_and_replacing_by_rename() {
    let bench = Bench::new("server: { port: 1 }");
    let (changes, _watcher) = follow(&bench);
    fs::write(file(&bench), "server: { port: 2 }").unwrap();
    assert_eq!(port(&changes), 2);
    for next in 3..5 {
        let draft = bench.folder.path().join(".windlass.yaml.swp");
        fs::write(&draft, format!("server: {{ port: {next} }}")).unwrap();
        fs::rename(&draft, file(&bench)).unwrap();
        assert_eq!(port(&changes), next);
    }
}

#[test]
fn a_bad_file_is_reported_and_a_good_one_after_it_taken() {
    let bench = Bench::new("server: { port: 1 }");
    let (changes, _watcher) = follow(&bench);
    let next = || changes.recv_timeout(PATIENCE).expect("the change should be seen");
    fs::write(file(&bench), "server: { port: many }").unwrap();
    assert!(next().is_err_and(|errors| errors.to_string().contains("`many`")));
    fs::write(file(&bench), "").unwrap();
    assert!(next().is_err_and(|errors| errors.to_string().contains("has become empty")));
    fs::remove_file(file(&bench)).unwrap();
    assert!(next().is_err_and(|errors| errors.to_string().contains("cannot read")));
    fs::write(file(&bench), "server: { host: 0.0.0.0 }").unwrap();
    assert!(next().is_err_and(|errors| errors.to_string().contains("prove who they are")));
    fs::write(file(&bench), "server: { port: 2 }").unwrap();
    assert_eq!(port(&changes), 2);
}

#[test]
fn a_config_map_is_swapped_by_its_link() {
    let bench = Bench::bare();
    let folder = bench.folder.path();
    let version = |name: &str, port: u16| {
        fs::create_dir(folder.join(name)).unwrap();
        fs::write(folder.join(name).join("windlass.yaml"), format!("server: {{ port: {port} }}")).unwrap();
    };
    let swap = |name: &str| {
        symlink(name, folder.join("..data_tmp")).unwrap();
        fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    };
    version("..1", 1);
    swap("..1");
    symlink(Path::new("..data/windlass.yaml"), file(&bench)).unwrap();
    let (changes, _watcher) = follow(&bench);
    for next in 2..4_u16 {
        version(&format!("..{next}"), next);
        swap(&format!("..{next}"));
        assert_eq!(port(&changes), next);
        fs::remove_dir_all(folder.join(format!("..{}", next - 1))).unwrap();
    }
}

#[test]
fn files_named_in_the_file_are_followed_too() {
    let bench = Bench::new("server: { port: 1 }");
    fs::create_dir(bench.folder.path().join("secrets")).unwrap();
    fs::write(bench.folder.path().join("secrets/keys"), "one").unwrap();
    let (changes, _watcher) = follow(&bench);
    fs::write(file(&bench), "server: { port: 2 }\nauth: { keys_file: secrets/keys }").unwrap();
    assert_eq!(port(&changes), 2);
    fs::write(bench.folder.path().join("secrets/keys"), "two").unwrap();
    assert_eq!(port(&changes), 2);
}

#[test]
fn what_changes_nothing_is_not_reported() {
    let bench = Bench::new("server: { port: 1 }");
    let (changes, _watcher) = follow(&bench);
    fs::write(bench.folder.path().join("other"), "noise").unwrap();
    fs::write(file(&bench), "server: { port: 1 }").unwrap();
    fs::write(file(&bench), "server: { port: 2 }").unwrap();
    // The first report is the first real change.
    assert_eq!(port(&changes), 2);
}

#[test]
fn dropping_the_watcher_ends_it() {
    let bench = Bench::new("server: { port: 1 }");
    let (changes, watcher) = follow(&bench);
    drop(watcher);
    // The thread owns the sender: when it ends, the channel closes.
    assert!(matches!(changes.recv_timeout(PATIENCE), Err(mpsc::RecvTimeoutError::Disconnected)));
}
