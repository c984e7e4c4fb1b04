//! A backend, and things to do in its sandboxes.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tempfile::TempDir;
use windlass_guest::client::{Command, Finished, GuestClient};
use windlass_sandbox::{
    backend::{Backend, Machine, Spec},
    egress::Egress,
    namespace::Namespaces,
    program::Program,
    qemu::{Accelerator, Parts, Qemu},
};
use windlass_testkit::skip;

const SANDBOXED: &str = env!("CARGO_BIN_EXE_windlass-sandboxed");

pub const PATIENCE: Duration = Duration::from_secs(60);

pub const SPEC: Spec = Spec { memory: 256 << 20, vcpus: 1, disk: 160 << 20, processes: 128 };

/// A backend, and where its files lie.
pub struct Place {
    pub backend: Arc<dyn Backend>,
    pub directory: TempDir,
}

/// Every backend there is here.
pub async fn places(test: &str) -> Vec<Place> {
    places_with(test, None).await
}

/// Every backend, also those that only stand in for one: what runs there is not held back by anything.
pub async fn all_places(test: &str) -> Vec<Place> {
    let mut all = places(test).await;
    all.extend(crate::firecracker::places_with(test, None).await);
    all
}

/// The same, with a way to what `egress` lets through.
pub async fn places_with(test: &str, egress: Option<Arc<Egress>>) -> Vec<Place> {
    let mut places: Vec<Place> = namespaces(test, egress.clone()).await.into_iter().collect();
    if let Some(parts) = parts(test) {
        let (directory, below) = self::directory();
        let opened = Qemu::open(Some(below), program(), &parts, Accelerator::detect(), &SPEC, egress).await;
        let backend = opened.unwrap_or_else(|error| panic!("{}", windlass_core::chain(&error)));
        places.push(Place { backend: Arc::new(backend), directory });
    }
    places
}

/// The backend `namespace`.
pub async fn namespaces(test: &str, egress: Option<Arc<Egress>>) -> Option<Place> {
    let (directory, below) = directory();
    match Namespaces::open(Some(below), None, program(), egress).await {
        Ok(backend) => Some(Place { backend: Arc::new(backend), directory }),
        Err(error) => {
            skip(test, &format!("there are no namespaces here: {}", windlass_core::chain(&error)));
            None
        }
    }
}

/// A directory, and one below it that a backend makes.
fn directory() -> (TempDir, PathBuf) {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let below = directory.path().join("sandboxes");
    // Other users pass through it.
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
    (directory, below)
}

/// The parts of a virtual machine, where they are here.
pub fn parts(test: &str) -> Option<Parts> {
    let missing = |what: &str| {
        skip(test, &format!("there are no virtual machines here: {what}"));
        None
    };
    for program in ["qemu-system-x86_64", "qemu-img"] {
        if std::process::Command::new(program).arg("--version").output().is_err() {
            return missing(&format!("{program} is not installed"));
        }
    }
    let Some(guest) = small() else { return missing("no static guest was built (scripts/shipped)") };
    let image = crate::image::minimal(test)?;
    Some(Parts {
        kernel: image.join("vmlinuz"),
        modules: Some(image.join("modules")),
        rootfs: image.join("root.ext4"),
        guest,
        guest_args: Vec::new(),
    })
}

/// What launches and serves: the small program as servers have it, or what windlass itself has in it.
pub fn program() -> Program {
    Program { path: small().unwrap_or_else(|| SANDBOXED.into()), args: Vec::new() }
}

fn small() -> Option<PathBuf> {
    let built = Path::new(SANDBOXED).ancestors().nth(2).unwrap();
    Some(built.join("x86_64-unknown-linux-musl/guest/windlass-guest")).filter(|guest| guest.is_file())
}

/// What the names of this process's sandboxes begin with.
pub fn prefix() -> String {
    format!("test-{}", std::process::id())
}

impl Place {
    pub async fn machine(&self, spec: &Spec) -> Box<dyn Machine> {
        let id = format!("{}-{:016x}", prefix(), rand::random::<u64>());
        self.backend.create(&id, spec).await.unwrap_or_else(|error| panic!("{}", windlass_core::chain(&error)))
    }
}

/// Runs a line of bash and waits for its end.
pub async fn bash(guest: &GuestClient, line: &str, within: Duration) -> Finished {
    let command = Command::new("bash").arg("-c").arg(line).env("PATH", "/usr/bin:/bin:/usr/sbin").timeout(within);
    let running = guest.exec(command, PATIENCE).await.unwrap_or_else(|error| panic!("{line}: {error}"));
    running.collect(1 << 20, within + PATIENCE).await.unwrap_or_else(|error| panic!("{line}: {error}"))
}

pub fn text(finished: &Finished) -> String {
    format!("{}{}", String::from_utf8_lossy(&finished.stdout), String::from_utf8_lossy(&finished.stderr))
}
