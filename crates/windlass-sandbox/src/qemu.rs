//! Sandboxes in virtual machines, by way of qemu: with KVM where that works, emulated where not.
//!
//! A machine is booted once for each size that is asked for. When its guest answers, it is stored: its memory as a file
//! that nobody can change any longer, its devices as another, its disk as a base for layers. Every sandbox is a copy of
//! it that shares all pages and blocks until it writes them. qemu itself runs in a jail like the processes of
//! `namespace` sandboxes: who breaks out of the machine is not yet out.

mod arguments;
mod machine;
mod qmp;
mod running;
mod template;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use async_trait::async_trait;

use crate::{
    backend::{About, Backend, BackendError, Isolation, Machine, Spec, find},
    egress::Egress,
    jail::Jail,
    vm::{Image, Templates},
};

pub use crate::vm::Parts;

use machine::QemuMachine;
use template::Template;

/// Sandboxes of qemu.
pub struct Qemu {
    shared: Arc<Shared>,
    templates: Templates<Template>,
    about: About,
}

/// What all machines are made of.
struct Shared {
    hypervisor: Hypervisor,
    jail: Arc<Jail>,
    image: Image,
    egress: Option<Arc<Egress>>,
}

/// The program, and how it runs machines.
#[derive(Debug, Clone)]
pub(crate) struct Hypervisor {
    pub program: PathBuf,
    pub accelerator: Accelerator,
}

/// What runs the instructions of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accelerator {
    /// The processor, by way of KVM.
    Kvm,
    /// qemu, one by one.
    Tcg,
}

impl Accelerator {
    /// The best this machine has.
    pub fn detect() -> Self {
        let usable = std::fs::OpenOptions::new().read(true).write(true).open(KVM).is_ok();
        let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let flags = processor.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
        // KVM without either is a stand-in that runs no whole system.
        let whole = flags.split_ascii_whitespace().any(|flag| matches!(flag, "vmx" | "svm"));
        if usable && whole { Self::Kvm } else { Self::Tcg }
    }
}

/// The device of KVM.
const KVM: &str = "/dev/kvm";

impl Qemu {
    /// Finds out whether machines run here, by booting one of the default size: a sandbox of that size is then a copy.
    pub(crate) async fn with(
        jail: Arc<Jail>,
        parts: &Parts,
        accelerator: Accelerator,
        first: &Spec,
        egress: Option<Arc<Egress>>,
    ) -> Result<Self, BackendError> {
        let program = find("qemu-system-x86_64").ok_or_else(|| BackendError::Missing {
            what: "there is no program `qemu-system-x86_64` on PATH".into(),
            hint: "install the package qemu-system-x86".into(),
        })?;
        let hypervisor = Hypervisor { program, accelerator };
        let image = Image::open(parts)?;
        let about = About { name: "qemu", isolation: Isolation::Vm, protections: BTreeMap::new() };
        let shared = Arc::new(Shared { hypervisor, jail, image, egress });
        let mut this = Self { shared, templates: Templates::new(first.clone()), about };
        this.about.protections = this.probe(first).await?;
        Ok(this)
    }

    /// The same, with a directory for its own files instead of a jail that others use too.
    pub async fn open(
        directory: Option<PathBuf>,
        program: crate::program::Program,
        parts: &Parts,
        accelerator: Accelerator,
        first: &Spec,
        egress: Option<Arc<Egress>>,
    ) -> Result<Self, BackendError> {
        let jail = Jail::open(directory, program).await?;
        Self::with(jail, parts, accelerator, first, egress).await
    }

    /// Makes one sandbox and looks at what holds.
    async fn probe(&self, spec: &Spec) -> Result<BTreeMap<&'static str, String>, BackendError> {
        let id = format!("probe-{:016x}", rand::random::<u64>());
        let mut machine = self.copy(&id, spec).await?;
        let groups =
            |holds: bool| if holds { "of the machine, and control group" } else { "of the machine" }.to_owned();
        let network = self
            .shared
            .egress
            .as_ref()
            .map_or("none".to_owned(), |egress| format!("only {}", egress.list().join(", ")));
        let protections = BTreeMap::from([
            ("memory", groups(machine.cgroups().limits_memory())),
            ("processes", groups(machine.cgroups().limits_processes())),
            ("processors", groups(machine.cgroups().limits_processors())),
            (
                "kernel",
                match self.shared.hypervisor.accelerator {
                    Accelerator::Kvm => "its own".to_owned(),
                    Accelerator::Tcg => "its own, emulated (slow: twenty to thirty times)".to_owned(),
                },
            ),
            ("around it", "qemu in namespaces, as a user of its own, with a system call filter".to_owned()),
            ("network", network),
        ]);
        Box::new(machine).destroy().await;
        Ok(protections)
    }

    async fn copy(&self, id: &str, spec: &Spec) -> Result<QemuMachine, BackendError> {
        let template = self.templates.get(spec, async || Template::make(&self.shared, spec).await).await?;
        QemuMachine::copy(&self.shared, id, &template, None).await
    }
}

#[async_trait]
impl Backend for Qemu {
    fn about(&self) -> &About {
        &self.about
    }

    async fn create(&self, id: &str, spec: &Spec) -> Result<Box<dyn Machine>, BackendError> {
        Ok(Box::new(self.copy(id, spec).await?))
    }
}
