use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, chown, symlink},
    path::Path,
};

use windlass_config::settings::{LimitSettings, StoreSettings};
use windlass_core::{Health, Principal, units::Bytes};
use windlass_store::{Environment, Store};

use crate::keep;

fn open(environment: &Environment) -> Store {
    let limits = LimitSettings { output: Bytes(4096), ..LimitSettings::default() };
    Store::open(&StoreSettings::default(), &limits, environment).unwrap()
}

fn only_temp(temp: &Path) -> Environment {
    Environment { xdg_state_home: None, home: None, temp: temp.into(), aws: None }
}

fn ours(temp: &Path) -> std::path::PathBuf {
    temp.join(format!("windlass-{}", rustix::process::geteuid().as_raw()))
}

/// The store did not take the bait, says so, and still keeps output.
fn check_refused(temp: &Path, why: &str) {
    let store = open(&only_temp(temp));
    assert_eq!(store.directory(), None);
    let check = store.ready();
    assert_eq!(check.health, Health::Degraded);
    assert!(check.detail.contains(why), "{}", check.detail);
    assert!(keep(&store, &Principal::local(), &[b'x'; 10_000]).handle.is_some());
}

#[test]
fn a_link_laid_in_the_temporary_directory_is_not_followed() {
    let temp = tempfile::tempdir().unwrap();
    let trap = tempfile::tempdir().unwrap();
    fs::set_permissions(trap.path(), Permissions::from_mode(0o700)).unwrap();
    symlink(trap.path(), ours(temp.path())).unwrap();
    check_refused(temp.path(), "is not a directory of its own");
    assert_eq!(trap.path().read_dir().unwrap().count(), 0);
}

#[test]
fn a_directory_others_can_enter_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    fs::create_dir(ours(temp.path())).unwrap();
    fs::set_permissions(ours(temp.path()), Permissions::from_mode(0o777)).unwrap();
    check_refused(temp.path(), "is open to other users");
}

#[test]
fn a_foreign_directory_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    fs::create_dir(ours(temp.path())).unwrap();
    fs::set_permissions(ours(temp.path()), Permissions::from_mode(0o700)).unwrap();
    if chown(ours(temp.path()), Some(12_345), None).is_err() {
        windlass_testkit::skip("a foreign directory is refused", "giving a directory away needs root");
        return;
    }
    check_refused(temp.path(), "belongs to another user");
}

#[test]
fn a_link_in_place_of_the_outputs_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let trap = tempfile::tempdir().unwrap();
    fs::create_dir(ours(temp.path())).unwrap();
    fs::set_permissions(ours(temp.path()), Permissions::from_mode(0o700)).unwrap();
    symlink(trap.path(), ours(temp.path()).join("outputs")).unwrap();
    check_refused(temp.path(), "not a directory");
}

#[test]
fn the_first_directory_that_is_ours_serves() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| Some(root.path().join(name));
    let mut environment =
        Environment { xdg_state_home: at("xdg"), home: at("home"), temp: root.path().into(), aws: None };
    assert_eq!(open(&environment).directory(), at("xdg/windlass").as_deref());
    environment.xdg_state_home = Some("/proc/nowhere".into());
    assert_eq!(open(&environment).directory(), at("home/.local/state/windlass").as_deref());
    environment.home = Some("/dev/null".into());
    assert_eq!(open(&environment).directory(), Some(&*ours(root.path())));
    let store = open(&environment);
    assert_eq!(store.ready().health, Health::Ok, "{:?}", store.ready());
}

#[test]
fn a_configured_directory_must_work() {
    let settings = StoreSettings { directory: Some("/dev/null/windlass".into()), ..StoreSettings::default() };
    let environment = only_temp(Path::new("/proc/nowhere"));
    let error = Store::open(&settings, &LimitSettings::default(), &environment).err().unwrap();
    insta::assert_snapshot!(format!("{error}\n{}", error.hint()), @r#"
    store.directory `/dev/null/windlass` cannot be used: Not a directory (os error 20)
    make it a directory this user may write to, or leave store.directory out to let the server choose one
    "#);
}
