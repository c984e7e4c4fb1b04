//! Sandboxes in virtual machines of Firecracker, each a copy of a stored one. Needs KVM.
//!
//! A machine is booted once for each size that is asked for, and stored when its guest answers. Every sandbox is a new
//! process that maps the stored memory and shares all pages until it writes them; its disk is a copy of what is written
//! of the stored one's. The jailer that comes with Firecracker starts every process, in a directory and as a user of its
//! own; around that are the control groups and namespaces that end with the server.

mod api;
mod chroot;
mod machine;
mod parts;
mod programs;
mod running;
mod said;
mod shapes;
mod template;
mod vsock;

use std::{
    collections::BTreeMap,
    fs::{DirBuilder, OpenOptions},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use rustix::fs::{StatVfsMountFlags, statvfs};

use crate::{
    backend::{About, Backend, BackendError, Isolation, Machine, Spec},
    egress::Egress,
    jail::Jail,
    vm::{Image, Templates},
};

pub use crate::vm::Parts;
pub use programs::Programs;

use machine::FirecrackerMachine;
use parts::Placed;
use programs::Checked;
use template::Template;

/// Sandboxes of Firecracker.
pub struct Firecracker {
    shared: Arc<Shared>,
    templates: Templates<Template>,
    about: About,
}

/// What all machines are made of.
struct Shared {
    jail: Arc<Jail>,
    programs: Checked,
    parts: Placed,
    egress: Option<Arc<Egress>>,
    /// Where the jailer makes the directories of machines.
    machines: PathBuf,
    /// Where stored machines lie.
    stored: PathBuf,
}

impl Firecracker {
    /// Finds out whether machines run here, by booting one of the default size: a sandbox of that size is then a copy.
    pub(crate) async fn with(
        jail: Arc<Jail>,
        parts: &Parts,
        programs: &Programs,
        first: &Spec,
        egress: Option<Arc<Egress>>,
    ) -> Result<Self, BackendError> {
        let directory = jail.home().directory().join("firecracker");
        let preparing = || BackendError::io(format!("preparing {}", directory.display()));
        usable(jail.home().directory(), &programs.kvm)?;
        let below = |name: &str| directory.join(name);
        for directory in [directory.clone(), below("machines"), below("stored")] {
            DirBuilder::new().mode(0o700).create(directory).map_err(preparing())?;
        }
        let programs = programs.check(&directory).await?;
        let image = Image::open(parts)?;
        let (rootfs, place, version) = (parts.rootfs.clone(), directory.clone(), programs.version);
        let placing = tokio::task::spawn_blocking(move || Placed::place(&image, &rootfs, &place, version));
        let parts = placing.await.map_err(|error| BackendError::Ended(error.to_string()))??;
        let (machines, stored) = (below("machines"), below("stored"));
        let shared = Arc::new(Shared { jail, programs, parts, egress, machines, stored });
        let about = About { name: "firecracker", isolation: Isolation::Vm, protections: BTreeMap::new() };
        let mut this = Self { shared, templates: Templates::new(first.clone()), about };
        this.about.protections = this.probe(first).await?;
        Ok(this)
    }

    /// The same, with a directory for its own files instead of a jail that others use too.
    pub async fn open(
        directory: Option<PathBuf>,
        program: crate::program::Program,
        parts: &Parts,
        programs: &Programs,
        first: &Spec,
        egress: Option<Arc<Egress>>,
    ) -> Result<Self, BackendError> {
        let jail = Jail::open(directory, program).await?;
        Self::with(jail, parts, programs, first, egress).await
    }

    /// Makes one sandbox and looks at what holds.
    async fn probe(&self, spec: &Spec) -> Result<BTreeMap<&'static str, String>, BackendError> {
        let machine = self.copy(&format!("probe-{:016x}", rand::random::<u64>()), spec).await?;
        let groups =
            |holds: bool| if holds { "of the machine, and control group" } else { "of the machine" }.to_owned();
        let around =
            "the jailer: a root directory, a user and namespaces of its own, and Firecracker's system call filter";
        let network = self.shared.egress.as_ref();
        let protections = BTreeMap::from([
            ("memory", groups(machine.cgroups().limits_memory())),
            ("processes", groups(machine.cgroups().limits_processes())),
            ("processors", groups(machine.cgroups().limits_processors())),
            ("kernel", "its own".to_owned()),
            ("around it", around.to_owned()),
            ("version", self.shared.programs.to_string()),
            ("network", network.map_or("none".to_owned(), |egress| format!("only {}", egress.list().join(", ")))),
        ]);
        Box::new(machine).destroy().await;
        Ok(protections)
    }

    async fn copy(&self, id: &str, spec: &Spec) -> Result<FirecrackerMachine, BackendError> {
        let template = self.templates.get(spec, async || Template::make(&self.shared, spec).await).await?;
        FirecrackerMachine::copy(&self.shared, id, &template).await
    }
}

#[async_trait]
impl Backend for Firecracker {
    fn about(&self) -> &About {
        &self.about
    }

    async fn create(&self, id: &str, spec: &Spec) -> Result<Box<dyn Machine>, BackendError> {
        Ok(Box::new(self.copy(id, spec).await?))
    }
}

/// Whether the jailer could work here at all: what it would say about it is hard to understand.
fn usable(directory: &Path, kvm: &Path) -> Result<(), BackendError> {
    let missing = |what: String, hint: &str| Err(BackendError::Missing { what, hint: hint.to_owned() });
    if !rustix::process::geteuid().is_root() {
        let hint = "run the server as root, or set `sandbox.backend: qemu`, which needs no more than /dev/kvm";
        return missing("the jailer of Firecracker has to be started as root".into(), hint);
    }
    if let Err(error) = OpenOptions::new().read(true).write(true).open(kvm) {
        let hint = "run it where KVM is: on bare metal, or on a machine with nested virtualization (on AWS, an instance of \
                    type `.metal`, or one with nested virtualization turned on); in a container, with --device /dev/kvm";
        return missing(format!("{} cannot be opened: {error}", kvm.display()), hint);
    }
    let flags =
        statvfs(directory).map_err(|error| BackendError::io("looking at the file system")(error.into()))?.f_flag;
    let hint = "set `sandbox.directory` to a directory on a file system that is mounted without `nodev` and `noexec`";
    if flags.intersects(StatVfsMountFlags::NODEV | StatVfsMountFlags::NOEXEC) {
        return missing(format!("nothing can be run or no device used below {}", directory.display()), hint);
    }
    Ok(())
}
