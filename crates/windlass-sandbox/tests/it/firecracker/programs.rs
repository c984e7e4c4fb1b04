//! Which programs are taken, and which parts.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

use rustix::fs::{StatVfsMountFlags, statvfs};
use serde_json::json;
use sha2::{Digest, Sha256};
use windlass_testkit::skip;

use super::{Standin, standin};
use crate::used::used;

fn sum(path: &Path) -> String {
    hex::encode(Sha256::digest(fs::read(path).unwrap()))
}

/// Changes something of what would work, and looks at what is said then.
async fn check(change: impl FnOnce(&mut Standin), said: &[&str]) {
    let Some(mut standin) = Standin::new("firecracker, refusals", &json!({})) else { return };
    change(&mut standin);
    let refused = standin.refused().await;
    for part in said {
        assert!(refused.contains(part), "{part}: {refused}");
    }
    let left = used(standin.directory.path()).files;
    assert!(left.iter().all(|file| file.ends_with("making")), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_programs_that_were_pinned() {
    let wrong = "0".repeat(64);
    let other = wrong.clone();
    check(
        |standin| standin.programs.firecracker_sha256 = Some(wrong),
        &["firecracker is not the program that `sandbox.firecracker_sha256` names", "if you trust this one"],
    )
    .await;
    check(
        |standin| standin.programs.jailer_sha256 = Some(other),
        &["jailer is not the program that `sandbox.jailer_sha256` names"],
    )
    .await;
    let Some(mut standin) = Standin::new("firecracker, pinned", &json!({})) else { return };
    standin.programs.firecracker_sha256 = Some(sum(&standin.programs.firecracker).to_uppercase());
    standin.programs.jailer_sha256 = Some(sum(&standin.programs.jailer));
    let place = standin.place(None).await;
    assert_eq!(place.backend.about().protections["version"], "1.16.1, pinned");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_releases_in_which_a_copy_can_be_reached() {
    let told = |version: &str| json!({ "version": version });
    let both = |version: &'static str| {
        move |one: &mut Standin| {
            standin(one.directory.path(), "firecracker", &told(version));
            standin(one.directory.path(), "jailer", &told(version));
        }
    };
    check(both("1.16.0"), &["is Firecracker 1.16.0, and too old", "1.16.1 or newer"]).await;
    check(both("1.9.2"), &["is Firecracker 1.9.2, and too old"]).await;
    check(both("unknown"), &["does not say that it is `Firecracker v"]).await;
    check(
        |one| {
            standin(one.directory.path(), "jailer", &told("1.17.0"));
        },
        &["is the jailer of Firecracker 1.17.0, and Firecracker is 1.16.1"],
    )
    .await;
    let Some(newer) = Standin::new("firecracker, newer", &told("1.17.0-dev")) else { return };
    let place = newer.place(None).await;
    assert!(place.backend.about().protections["version"].starts_with("1.17.0, "));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_where_it_can_work() {
    check(|one| one.programs.kvm = "/nonexistent/kvm".into(), &["/nonexistent/kvm cannot be opened", "bare metal"])
        .await;
    let gone = |one: &mut Standin| fs::remove_file(&one.programs.jailer).unwrap();
    check(gone, &["jailer", "No such file"]).await;
    check(|one| fs::write(&one.programs.jailer, "no program").unwrap(), &["asking", "jailer for its version"]).await;
    // Where devices are not devices, there is no KVM in a jail.
    let shared = Path::new("/dev/shm");
    if !statvfs(shared).is_ok_and(|found| found.f_flag.contains(StatVfsMountFlags::NODEV)) {
        return skip("firecracker, nodev", "/dev/shm is not mounted so");
    }
    let Some(mut standin) = Standin::new("firecracker, nodev", &json!({})) else { return };
    let files = std::mem::replace(&mut standin.directory, tempfile::tempdir_in(shared).unwrap());
    fs::set_permissions(standin.directory.path(), PermissionsExt::from_mode(0o711)).unwrap();
    let refused = standin.refused().await;
    assert!(refused.contains("no device used") && refused.contains("`sandbox.directory`"), "{refused}");
    drop(files);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_kernel_that_it_boots() {
    let mut compressed = vec![0; 4096];
    compressed[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
    compressed[0x202..0x206].copy_from_slice(b"HdrS");
    let kernel = compressed.clone();
    check(
        move |one| fs::write(&one.parts.kernel, kernel).unwrap(),
        &["a bzImage", "Firecracker 1.16.1 boots none", "extract-vmlinux", "`sandbox.kernel`"],
    )
    .await;
    check(
        |one| fs::write(&one.parts.kernel, "an operating system").unwrap(),
        &["the kernel is none that Firecracker boots", "vmlinux"],
    )
    .await;
    // The next release takes it, and here it gets as far as that.
    let Some(newer) = Standin::new("firecracker, compressed", &json!({ "version": "1.17.0" })) else { return };
    fs::write(&newer.parts.kernel, compressed).unwrap();
    let refused = newer.refused().await;
    assert!(refused.contains("PUT /actions"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_root_file_system_is_shared_and_not_copied() {
    let Some(standin) = Standin::new("firecracker, root", &json!({})) else { return };
    let root = standin.parts.rootfs.clone();
    let links = || fs::metadata(&root).unwrap().nlink();
    assert_eq!(links(), 1);
    let place = standin.place(None).await;
    assert_eq!(links(), 2, "the server's");
    let machine = place.machine(&crate::place::SPEC).await;
    assert_eq!(links(), 3, "and the machine's");
    machine.destroy().await;
    assert_eq!(links(), 2);
    drop(place.backend);
    assert_eq!(links(), 1);

    // One that not everybody may read is copied, once, and stays as it is.
    let Some(standin) = Standin::new("firecracker, private root", &json!({})) else { return };
    let root = standin.parts.rootfs.clone();
    fs::set_permissions(&root, PermissionsExt::from_mode(0o600)).unwrap();
    let place = standin.place(None).await;
    assert_eq!((fs::metadata(&root).unwrap().nlink(), fs::metadata(&root).unwrap().mode() & 0o777), (1, 0o600));
    drop(place);
}
