//! Sandboxes of namespaces, by way of bubblewrap. The machine's kernel is shared, and they say so.
//!
//! A sandbox is one process tree: the launcher joins the control groups and takes a user of its own, bubblewrap makes the
//! namespaces and the file system, and the guest, as their first process, puts the last limits on itself before it
//! serves. When the guest's input ends, because the sandbox was dropped or the server was killed, the guest ends, and
//! with the first process of a namespace everything in it.

mod arguments;
mod home;
mod inside;
mod launch;
mod machine;
mod spawner;
mod users;

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf, process::ExitCode, sync::Arc};

use async_trait::async_trait;
use windlass_confine::Cgroups;

use crate::{
    backend::{About, Backend, BackendError, Isolation, Machine, Spec},
    egress::Egress,
};

use home::Home;
use machine::NamespaceMachine;

/// The argument that turns the windlass binary into a part of a sandbox.
pub const ARGUMENT: &str = "__sandbox";

/// Sandboxes of namespaces.
pub struct Namespaces {
    bubblewrap: PathBuf,
    program: Program,
    root: Option<PathBuf>,
    home: Arc<Home>,
    egress: Option<Arc<Egress>>,
    about: About,
}

/// The binary that launches and serves: one whose `main` calls [`main`].
#[derive(Debug, Clone)]
pub struct Program {
    /// The binary.
    pub path: PathBuf,
    /// What makes it call [`main`].
    pub args: Vec<OsString>,
}

impl Program {
    /// The running binary itself, which must hand over to [`main`] when its first argument is [`ARGUMENT`].
    pub fn this_binary() -> Self {
        Self { path: "/proc/self/exe".into(), args: vec![ARGUMENT.into()] }
    }
}

/// The part that a process plays in a sandbox. Call it before anything else in `main`, with what follows [`ARGUMENT`].
pub fn main(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    let (part, told) = (args.next(), args.next());
    let said = match (part.as_ref().and_then(|part| part.to_str()), told.as_ref().and_then(|told| told.to_str())) {
        (Some("launch"), Some(told)) => launch::run(told),
        (Some("inside"), Some(told)) => match inside::confine(told) {
            Ok(()) => return windlass_guest::program::main(std::iter::once("--stdio".into())),
            Err(error) => error,
        },
        _ => "this is for windlass itself".to_owned(),
    };
    eprintln!("windlass: {said}");
    ExitCode::from(70)
}

impl Namespaces {
    /// Finds out whether sandboxes can be made here. Their files go below `directory`; `root` is their root file system,
    /// where it is not this machine's. What a killed server left below `directory` is taken away first.
    pub async fn open(
        directory: Option<PathBuf>,
        root: Option<PathBuf>,
        program: Program,
        egress: Option<Arc<Egress>>,
    ) -> Result<Self, BackendError> {
        let bubblewrap = find("bwrap").ok_or_else(|| BackendError::Missing {
            what: "there is no program `bwrap` on PATH".into(),
            hint: "install the package bubblewrap".into(),
        })?;
        let opened = program.clone();
        let opening = tokio::task::spawn_blocking(move || Home::open(directory, &opened.path));
        let home = opening.await.map_err(|error| BackendError::Ended(error.to_string()))??;
        let about = About { name: "namespace", isolation: Isolation::SharedKernel, protections: BTreeMap::new() };
        let mut this = Self { bubblewrap, program, root, home: Arc::new(home), egress, about };
        this.about.protections = this.probe().await?;
        Ok(this)
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

/// Whether bubblewrap is there. Whether it works is found out by [`Namespaces::open`].
pub(crate) fn is_installed() -> bool {
    find("bwrap").is_some()
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
