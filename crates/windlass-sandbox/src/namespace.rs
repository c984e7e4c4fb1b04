//! Sandboxes of namespaces, by way of bubblewrap. The machine's kernel is shared, and they say so.
//!
//! A sandbox is one process tree: the launcher joins the control groups and takes a user of its own, bubblewrap makes the
//! namespaces and the file system, and the guest, as their first process, puts the last limits on itself before it
//! serves. When the guest's input ends, because the sandbox was dropped or the server was killed, the guest ends, and
//! with the first process of a namespace everything in it.

mod arguments;
mod machine;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use async_trait::async_trait;
use windlass_confine::Cgroups;

use crate::{
    backend::{About, Backend, BackendError, Isolation, Machine, Spec},
    egress::Egress,
    jail::Jail,
    program::Program,
};

use machine::NamespaceMachine;

/// Sandboxes of namespaces.
pub struct Namespaces {
    jail: Arc<Jail>,
    root: Option<PathBuf>,
    egress: Option<Arc<Egress>>,
    about: About,
}

impl Namespaces {
    /// Finds out whether sandboxes can be made here. `root` is their root file system, where it is not this machine's.
    pub(crate) async fn with(
        jail: Arc<Jail>,
        root: Option<PathBuf>,
        egress: Option<Arc<Egress>>,
    ) -> Result<Self, BackendError> {
        let about = About { name: "namespace", isolation: Isolation::SharedKernel, protections: BTreeMap::new() };
        let mut this = Self { jail, root, egress, about };
        this.about.protections = this.probe().await?;
        Ok(this)
    }

    /// The same, with files of its own below `directory`.
    pub async fn open(
        directory: Option<PathBuf>,
        root: Option<PathBuf>,
        program: Program,
        egress: Option<Arc<Egress>>,
    ) -> Result<Self, BackendError> {
        Self::with(Jail::open(directory, program).await?, root, egress).await
    }

    /// Makes one sandbox and looks at what holds.
    async fn probe(&self) -> Result<BTreeMap<&'static str, String>, BackendError> {
        let spec = Spec { memory: 256 << 20, vcpus: 1, disk: 1 << 20, processes: 64 };
        let machine = NamespaceMachine::start(self, &format!("probe-{:016x}", rand::random::<u64>()), &spec).await?;
        let groups = |holds: bool, without: &str| if holds { "control group".to_owned() } else { without.to_owned() };
        let cgroups: &Cgroups = machine.cgroups();
        let network =
            self.egress.as_ref().map_or("none".to_owned(), |egress| format!("only {}", egress.list().join(", ")));
        let protections = BTreeMap::from([
            (
                "memory",
                groups(cgroups.limits_memory(), "NOT LIMITED, but for the data of each process: no control group"),
            ),
            ("processes", groups(cgroups.limits_processes(), "by user")),
            ("processors", groups(cgroups.limits_processors(), "NOT LIMITED: no control group")),
            ("kernel", "shared with this machine".to_owned()),
            ("network", network),
        ]);
        Box::new(machine).destroy().await;
        Ok(protections)
    }
}

#[async_trait]
impl Backend for Namespaces {
    fn about(&self) -> &About {
        &self.about
    }

    async fn create(&self, id: &str, spec: &Spec) -> Result<Box<dyn Machine>, BackendError> {
        Ok(Box::new(NamespaceMachine::start(self, id, spec).await?))
    }
}
