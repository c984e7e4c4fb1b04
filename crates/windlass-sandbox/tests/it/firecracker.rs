//! Machines of Firecracker: with what stands in for it, and with Firecracker itself where that is.

mod contract;
mod killed;
mod programs;
mod shapes;
mod steps;

use std::{
    env,
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::Value;
use tempfile::TempDir;
use windlass_sandbox::{
    backend::BackendError,
    egress::Egress,
    firecracker::{Firecracker, Parts, Programs},
};
use windlass_testkit::skip;

use crate::place::{Place, SPEC, program};

const STANDIN: &str = env!("CARGO_BIN_EXE_windlass-firecracker-standin");

/// A directory, and what stands in for Firecracker in it.
struct Standin {
    directory: TempDir,
    programs: Programs,
    parts: Parts,
}

impl Standin {
    /// One that does what it is `told`; `None`, and said so, where nothing can be jailed.
    fn new(test: &str, told: &Value) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            skip(test, "the jailer has to be started as root");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o711)).unwrap();
        let file = |name: &str, content: &[u8]| {
            let path = directory.path().join(name);
            fs::write(&path, content).unwrap();
            path
        };
        // A program that asks for no libraries, as far as its head goes; and a kernel that looks like one.
        let guest = file("guest", &[b"\x7fELF\x02\x01" as &[u8], &[0; 64]].concat());
        let kernel = file("vmlinux", &[b"\x7fELF\x02\x01" as &[u8], &[0; 4096]].concat());
        let rootfs = file("root.ext4", &[7; 8192]);
        let parts = Parts { kernel, modules: None, rootfs, guest, guest_args: Vec::new() };
        let named = |name: &str| Some(standin(directory.path(), name, told));
        let mut programs = Programs::find(named("firecracker"), named("jailer")).unwrap();
        // The stand-in needs none.
        programs.kvm = "/dev/null".into();
        Some(Self { directory, programs, parts })
    }

    async fn open(&self, egress: Option<Arc<Egress>>) -> Result<Firecracker, BackendError> {
        let below = self.directory.path().join("sandboxes");
        Firecracker::open(Some(below), program(), &self.parts, &self.programs, &SPEC, egress).await
    }

    /// What it says when it does not open, with the hint.
    async fn refused(&self) -> String {
        match self.open(None).await {
            Ok(_) => panic!("it opened"),
            Err(BackendError::Missing { what, hint }) => format!("{what}; {hint}"),
            Err(error) => windlass_core::chain(&error),
        }
    }

    async fn place(self, egress: Option<Arc<Egress>>) -> Place {
        let backend = self.open(egress).await.unwrap_or_else(|error| panic!("{}", windlass_core::chain(&error)));
        Place { backend: Arc::new(backend), directory: self.directory }
    }
}

/// The stand-in under a name, with what it is told at its end.
fn standin(directory: &Path, name: &str, told: &Value) -> PathBuf {
    let path = directory.join(name);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o755).open(&path).unwrap();
    file.write_all(&fs::read(STANDIN).unwrap()).unwrap();
    write!(file, "\n#told {told}").unwrap();
    path
}

/// What stands in, and Firecracker itself.
async fn places(test: &str) -> Vec<Place> {
    places_with(test, None).await
}

pub async fn places_with(test: &str, egress: Option<Arc<Egress>>) -> Vec<Place> {
    let mut places = Vec::new();
    if let Some(standin) = Standin::new(test, &serde_json::json!({})) {
        places.push(standin.place(egress.clone()).await);
    }
    match real() {
        Ok((parts, programs)) => {
            let directory = tempfile::tempdir().unwrap();
            fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o711)).unwrap();
            let below = Some(directory.path().join("sandboxes"));
            let opened = Firecracker::open(below, program(), &parts, &programs, &SPEC, egress).await;
            let backend = opened.unwrap_or_else(|error| panic!("{}", windlass_core::chain(&error)));
            places.push(Place { backend: Arc::new(backend), directory });
        }
        Err(missing) => skip(test, &format!("Firecracker itself: {missing}")),
    }
    places
}

/// Firecracker itself, where somebody says where it is: `FIRECRACKER_BIN`, `JAILER_BIN`, an uncompressed
/// `FIRECRACKER_KERNEL`, and a `FIRECRACKER_IMAGE` that `windlass sandbox image build` made.
fn real() -> Result<(Parts, Programs), String> {
    let named = |name: &str| env::var_os(name).map(PathBuf::from).ok_or(format!("{name} is not set"));
    let programs = Programs::find(Some(named("FIRECRACKER_BIN")?), Some(named("JAILER_BIN")?));
    let (kernel, image) = (named("FIRECRACKER_KERNEL")?, named("FIRECRACKER_IMAGE")?);
    let beside = Path::new(STANDIN).ancestors().nth(2).unwrap().join("x86_64-unknown-linux-musl/guest/windlass-guest");
    let guest = named("FIRECRACKER_GUEST").unwrap_or(beside);
    let modules = Some(image.join("modules")).filter(|modules| modules.is_dir());
    let parts = Parts { kernel, modules, rootfs: image.join("root.ext4"), guest, guest_args: Vec::new() };
    Ok((parts, programs.map_err(|error| error.to_string())?))
}
