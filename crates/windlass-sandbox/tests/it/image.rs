//! The root file system of sandboxes: what is in it, what is not, and how it comes to be there.

use std::{
    fs::{self, File},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};

use rustix::fs::{FlockOperation, flock};
use sha2::{Digest, Sha256};
use windlass_sandbox::image::{FORMAT, Image, ImageError, Recipe};
use windlass_sandbox::namespace::Namespaces;
use windlass_testkit::skip;

use crate::place::{PATIENCE, Place, SPEC, bash, program, text};

/// What decides what is in an image: where one of these changes, the images of tests are made anew.
const SOURCES: [&str; 12] = [
    include_str!("../../src/image.rs"),
    include_str!("../../src/image/bootstrap.rs"),
    include_str!("../../src/image/clean.rs"),
    include_str!("../../src/image/disk.rs"),
    include_str!("../../src/image/kernel.rs"),
    include_str!("../../src/image/manifest.rs"),
    include_str!("../../src/image/modules.rs"),
    include_str!("../../src/image/recipe.rs"),
    include_str!("../../src/image/rules.rs"),
    include_str!("../../src/image/tools.rs"),
    include_str!("../../src/image/tree.rs"),
    include_str!("../../src/image/vmlinux.rs"),
];

/// How long an image stays that no test asks for.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

fn quiet(_: &str) {}

/// A minimal image with a kernel. It is made once and kept for every test of this machine; `None`, and said so, where it
/// cannot be made here.
pub fn minimal(test: &str) -> Option<PathBuf> {
    // Sandboxes of tests install a package.
    let recipe = Recipe { packages: vec!["python3-venv".into()], ..Recipe::minimal() };
    let mut hash = Sha256::new();
    hash.update(serde_json::to_vec(&recipe).unwrap());
    SOURCES.iter().for_each(|source| hash.update(source));
    let name = hex::encode(&hash.finalize()[..8]);
    let images = Image::default_directory()?.with_file_name("test-images");
    fs::create_dir_all(&images).unwrap();
    let (image, lock) = (images.join(&name), images.join(format!("{name}.lock")));
    // Tests are processes: one makes it, the others wait.
    let lock = File::create(lock).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    if Image::open(&image).is_ok() {
        let _ = File::open(&image).and_then(|image| image.set_modified(SystemTime::now()));
        return Some(image);
    }
    forget(&images);
    let out = image.clone();
    let building = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(Image::build(&recipe, &out, &quiet))
    });
    match building.join().unwrap() {
        Ok(_) => Some(image),
        Err(error @ ImageError::Missing { .. }) => {
            skip(test, &format!("{error}: {}", error.hint()));
            None
        }
        // Not root, and no users to be root of; or no way to Debian.
        Err(ImageError::Tool { tool, said, .. }) if tool == "mmdebstrap" => {
            skip(test, &format!("mmdebstrap: {}", said.lines().last().unwrap_or_default()));
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Takes away the images of other times.
fn forget(images: &Path) {
    for entry in fs::read_dir(images).unwrap().flatten() {
        let old = |time: SystemTime| time.elapsed().is_ok_and(|age| age > KEPT);
        if entry.metadata().and_then(|found| found.modified()).is_ok_and(old) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[test]
fn a_minimal_image_has_what_it_says() {
    let Some(directory) = minimal("images") else { return };
    let image = Image::open(&directory).unwrap();
    image.verify().unwrap();
    let mut sums = Command::new("sha256sum");
    sums.args(["--check", "--strict", "--quiet", "SHA256SUMS"]).current_dir(&directory);
    assert!(sums.status().unwrap().success());

    let manifest = image.manifest();
    assert_eq!((manifest.format, &*manifest.suite), (FORMAT, "bookworm"));
    for package in ["bash", "coreutils", "procps", "python3", "util-linux"] {
        assert!(manifest.packages.contains_key(package), "{package}");
    }
    let kernel = manifest.kernel.as_ref().unwrap();
    assert!(kernel.package.starts_with("linux-image-") && kernel.package.contains("-cloud-"), "{kernel:?}");
    assert!(
        !manifest.packages.keys().any(|name| name.starts_with("linux-image")),
        "the kernel is not part of the tree"
    );
    let modules: Vec<&str> = manifest.files.keys().filter_map(|name| name.strip_prefix("modules/")).collect();
    for (number, module) in modules.iter().enumerate() {
        assert_eq!(module[..3], format!("{number:02}-"), "{modules:?}");
    }
    let at = |name: &str| modules.iter().position(|module| module[3..] == format!("{name}.ko"));
    assert!(at("virtio") < at("virtio_blk") && at("vsock") < at("vmw_vsock_virtio_transport"), "{modules:?}");
    for name in ["virtio_blk", "virtio_console", "virtio_mmio", "virtio_pci", "virtio_rng", "overlay"] {
        assert!(at(name).is_some(), "{name}: {modules:?}");
    }
}

#[test]
fn the_tree_is_fit_for_a_sandbox() {
    let Some(directory) = minimal("trees") else { return };
    let root = directory.join("root");
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    assert!(read("etc/passwd").ends_with("\nsandbox:*:1000:1000::/home/sandbox:/bin/bash\n"));
    assert!(read("etc/group").ends_with("\nsandbox:*:1000:\n"));
    assert!(read("etc/hosts").starts_with("127.0.0.1 localhost sandbox\n"));
    assert_eq!((&*read("etc/hostname"), &*read("etc/resolv.conf")), ("sandbox\n", ""));
    for path in ["dev", "proc", "sys", "tmp", "run", "boot", "home/sandbox"] {
        assert_eq!(fs::read_dir(root.join(path)).unwrap().count(), 0, "{path} is empty");
    }
    assert!(root.join("mnt").is_dir() && root.join("root").is_dir());
    assert_eq!(fs::metadata(root.join("tmp")).unwrap().mode() & 0o7777, 0o1777);
    for path in ["etc/machine-id", "etc/apt/sources.list", "lib/modules", "lib/systemd/systemd", "usr/bin/apt"] {
        assert!(!root.join(path).exists(), "{path}");
    }
    let owner = fs::metadata(root.join("home/sandbox")).unwrap().uid();
    assert!(!rustix::process::geteuid().is_root() || owner == 1000);
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let (path, found) = entry.map(|entry| (entry.path(), entry.metadata().unwrap())).unwrap();
            assert!(found.is_symlink() || found.mode() & 0o6000 == 0, "{} is setuid", path.display());
            let below = |above: &str| path.starts_with(root.join(above)) && !found.is_dir();
            assert!(!below("var/log") && !below("var/cache") && !below("var/lib/apt"), "{}", path.display());
            assert!(found.is_dir() || found.is_file() || found.is_symlink(), "{} is a device", path.display());
            if found.is_dir() {
                folders.push(path);
            }
        }
    }
}

#[test]
fn nothing_of_this_machine_is_in_it() {
    let Some(directory) = minimal("canaries") else { return };
    let mut canaries = vec![env!("CARGO_MANIFEST_DIR").to_owned(), "mmdebstrap.".into(), "/test-images/".into()];
    let hostname = fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned();
    // A name like `build` is in many files.
    canaries.extend(Some(hostname).filter(|name| name.len() > 8));
    canaries.extend(["http_proxy", "https_proxy"].iter().filter_map(|name| std::env::var(name).ok()));
    let mut grep = Command::new("grep");
    grep.args(["--recursive", "--fixed-strings", "--files-with-matches", "--binary-files=text", "--no-messages"]);
    canaries.iter().for_each(|canary| {
        grep.arg("-e").arg(canary);
    });
    let found = grep.arg(directory.join("root")).arg(directory.join("image.json")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "", "{canaries:?}");
    assert_eq!(found.status.code(), Some(1), "{found:?}");
}

#[test]
fn the_file_system_is_the_tree() {
    let Some(directory) = minimal("file systems") else { return };
    let (disk, root) = (directory.join("root.ext4"), directory.join("root"));
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap());
    let checked = Command::new("e2fsck").env("PATH", &path).args(["-f", "-n"]).arg(&disk).output().unwrap();
    assert!(checked.status.success(), "{checked:?}");
    let copy = tempfile::tempdir().unwrap();
    let ask = |request: &str| {
        let said = Command::new("debugfs").env("PATH", &path).args(["-R", request]).arg(&disk).output().unwrap();
        String::from_utf8_lossy(&said.stdout).into_owned()
    };
    let home = ask("stat /home/sandbox");
    assert!(home.contains("User:  1000   Group:  1000"), "{home}");
    assert!(ask("stat /usr/bin/bash").contains("User:     0   Group:     0"));
    assert!(ask("show_super_stats -h").contains("Filesystem volume name:   sandbox"));
    ask(&format!("rdump / {}", copy.path().display()));
    let _ = fs::remove_dir(copy.path().join("lost+found"));
    let different = Command::new("diff").args(["--recursive", "--no-dereference"]).arg(&root).arg(copy.path()).output();
    assert_eq!(String::from_utf8_lossy(&different.unwrap().stdout), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn python_runs_in_the_tree() {
    let Some(image) = minimal("a sandbox of a tree") else { return };
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o711)).unwrap();
    let opened = Namespaces::open(Some(directory.path().join("own")), Some(image.join("root")), program(), None).await;
    let place = match opened {
        Ok(backend) => Place { backend: std::sync::Arc::new(backend), directory },
        Err(error) => return skip("a sandbox of a tree", &windlass_core::chain(&error)),
    };
    let machine = place.machine(&SPEC).await;
    let said =
        bash(machine.guest(), "python3 -c 'print(6 * 7)'; id -un; touch /usr/x || ps -o comm= 1", PATIENCE).await;
    assert!(text(&said).starts_with("42\nsandbox\n") && text(&said).contains("Read-only file system"), "{said:?}");
    machine.destroy().await;
}

#[tokio::test]
async fn what_is_no_image_is_left_alone() {
    let above = tempfile::tempdir().unwrap();
    let out = above.path().join("mine");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("letter"), "dear").unwrap();
    match Image::build(&Recipe::minimal(), &out, &quiet).await {
        Err(error @ ImageError::Missing { .. }) => return skip("building over something", &error.to_string()),
        Err(ImageError::Occupied { path }) => assert_eq!(path, out),
        other => panic!("{other:?}"),
    }
    assert_eq!(fs::read_to_string(out.join("letter")).unwrap(), "dear");
    assert_eq!(fs::read_dir(above.path()).unwrap().count(), 1);
    assert!(matches!(Image::open(&out), Err(ImageError::Unusable { .. })));
}

#[tokio::test]
async fn an_interrupted_build_leaves_what_was_there() {
    let above = tempfile::tempdir().unwrap();
    let out = above.path().join("image");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("image.json"), r#"{"format": 0, "tree_sha256": ""}"#).unwrap();
    let recipe = Recipe::minimal();
    let building = Image::build(&recipe, &out, &quiet);
    match tokio::time::timeout(Duration::from_secs(2), building).await {
        Ok(Err(error)) => return skip("interrupting a build", &error.to_string()),
        Ok(Ok(_)) => panic!("this was fast"),
        Err(_) => {}
    }
    // Dropping it ended what it had started, and took away what that had made.
    assert!(!running(above.path().to_str().unwrap()));
    assert_eq!(fs::read_dir(above.path()).unwrap().count(), 1);
    assert_eq!(fs::read_dir(&out).unwrap().count(), 1);
}

/// Whether the command line of some process names `place`.
fn running(place: &str) -> bool {
    let lines =
        fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.into_iter().any(|line| String::from_utf8_lossy(&line).contains(place))
}

#[tokio::test]
async fn values_are_not_read_as_something_else() {
    let out = Path::new("/nonexistent/never");
    let with = |change: fn(&mut Recipe)| {
        let mut recipe = Recipe::minimal();
        change(&mut recipe);
        recipe
    };
    for recipe in [
        with(|recipe| recipe.suite = "--help".into()),
        with(|recipe| recipe.suite = "../x".into()),
        with(|recipe| recipe.mirror = Some("deb http://a.test/ x main".into())),
        with(|recipe| recipe.mirror = Some("/etc/passwd".into())),
        with(|recipe| recipe.packages = vec!["-oDebug=1".into()]),
        with(|recipe| recipe.packages = vec!["./own.deb".into()]),
        with(|recipe| recipe.packages = vec!["?essential".into()]),
        with(|recipe| recipe.packages = vec!["less,vim".into()]),
        with(|recipe| recipe.packages = vec!["less=".into()]),
    ] {
        let refused = Image::build(&recipe, out, &quiet).await.unwrap_err();
        assert!(matches!(refused, ImageError::Value { .. }), "{recipe:?}: {refused:?}");
    }
}

#[tokio::test]
#[ignore = "makes the whole image twice: ten minutes and four gigabytes"]
async fn the_same_packages_give_the_same_bytes() {
    if minimal("two builds").is_none() {
        return;
    }
    let above = tempfile::tempdir().unwrap();
    for recipe in [Recipe::minimal(), Recipe::default()] {
        let mut made = Vec::new();
        for place in ["here", "elsewhere/and/deeper"] {
            let built = Image::build(&recipe, &above.path().join(place), &quiet).await;
            let image = built.unwrap_or_else(|error| panic!("{error}"));
            made.push((image.manifest().clone(), fs::read(image.directory().join("SHA256SUMS")).unwrap()));
            fs::remove_dir_all(image.directory()).unwrap();
        }
        assert_eq!(made[0], made[1]);
    }
}
