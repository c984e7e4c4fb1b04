//! One process of Firecracker, and the guest in its machine.

use std::time::Duration;

use tokio::process::Child;
use windlass_confine::{Cgroups, GroupLimits};
use windlass_guest::client::GuestClient;

use super::{
    Shared,
    api::Api,
    chroot::{API, Chroot, DISK, INITRD, KERNEL, MEMORY, ROOTFS, STATE, VSOCK, inside},
    programs::Version,
    said::Said,
    shapes::{
        Action, ActionType, BackendType, BootSource, Drive, Entropy, FirecrackerVersion, InstanceInfo, MachineConfig,
        MemoryBackend, SnapshotLoad, Vsock, VsockOverride,
    },
    template::Template,
    vsock,
};
use crate::{
    backend::{BackendError, Spec},
    jail::{Held, next_user},
    vm,
};

/// How long a machine may take to boot.
const BOOT: Duration = Duration::from_secs(60);
/// How long the guest of a copy may take to be reached.
const WAKE: Duration = Duration::from_secs(15);
/// How long a guest that was reached may take to answer.
const GREET: Duration = Duration::from_secs(10);
/// How long Firecracker may take to start a machine, or to load one.
const LOAD: Duration = Duration::from_secs(30);
/// What Firecracker and its launchers need besides the memory of their machine.
const OVERHEAD: u64 = 128 << 20;
/// Processes and threads besides those that are processors.
const THREADS: u64 = 32;
/// The number of the guest. Every machine is alone with its host.
const GUEST: u32 = 3;

/// A process of Firecracker with a machine in it.
pub(super) struct Running {
    pub guest: GuestClient,
    pub api: Api,
    process: Process,
}

/// What there is of a process as soon as it is started.
struct Process {
    child: Child,
    said: Said,
    chroot: Chroot,
    held: Held,
}

impl Running {
    /// Starts one, and waits for its guest to answer: a copy of `template`, or the first of its size.
    pub async fn start(
        backend: &Shared,
        id: &str,
        spec: &Spec,
        template: Option<&Template>,
    ) -> Result<Self, BackendError> {
        let mut process = Process::start(backend, id, spec, template).await?;
        let started = async {
            let mut api = Api::connect(&process.chroot).await?;
            let version: FirecrackerVersion = api.get("/version").await?;
            if Version::parse(&version.firecracker_version) != Some(backend.programs.version) {
                let other = version.firecracker_version;
                return Err(BackendError::Ended(format!("this Firecracker says that it is version {other}")));
            }
            match template {
                None => boot(&mut api, backend, spec).await?,
                Some(_) => load(&mut api).await?,
            }
            let info: InstanceInfo = api.get("/").await?;
            if (&*info.id, &*info.state) != (&*jail_id(id), "Running") {
                return Err(BackendError::Ended(format!("the machine is {}: {}", info.id, info.state)));
            }
            let within = if template.is_some() { WAKE } else { BOOT };
            let stream = vsock::dial(&process.chroot, within).await?;
            Ok((api, GuestClient::new(stream, GREET).await?))
        };
        let ended = async {
            let _ = process.child.wait().await;
        };
        let result = tokio::select! {
            started = started => started,
            () = ended => Err(BackendError::Ended("Firecracker ended".into())),
        };
        match result {
            Ok((api, guest)) => Ok(Self { guest, api, process }),
            Err(error) => Err(process.fail(error).await),
        }
    }

    pub fn cgroups(&self) -> &Cgroups {
        &self.process.held.cgroups
    }

    /// Ends it, whatever it does. What it has written is still there.
    pub async fn end(self) -> Chroot {
        self.guest.hang_up();
        self.process.end().await.0
    }

    /// Ends it, and takes away everything.
    pub async fn kill(self) {
        self.end().await.remove().await;
    }

    /// The same because of an `error`, which may have been seen from inside as well.
    pub async fn fail(self, error: BackendError) -> BackendError {
        self.guest.hang_up();
        self.process.fail(error).await
    }
}

impl Process {
    async fn start(backend: &Shared, id: &str, spec: &Spec, template: Option<&Template>) -> Result<Self, BackendError> {
        // What is stored goes through the cache of files, which counts too.
        let memory = if template.is_some() { spec.memory } else { spec.memory.saturating_mul(2) };
        let limits = GroupLimits {
            memory: memory.saturating_add(OVERHEAD),
            processes: THREADS + u64::from(spec.vcpus),
            cpus: Some(spec.vcpus),
        };
        let user = next_user().ok_or_else(|| BackendError::Ended("the server is not root any longer".into()))?;
        let held = backend.jail.hold(id, &limits)?;
        let id = jail_id(id);
        let prepared = match Chroot::make(&backend.machines, &id, held.cgroups.clone()) {
            Ok(chroot) => prepare(chroot, backend, spec, user, template).await,
            Err(error) => Err(BackendError::io("making the directory of a machine")(error)),
        };
        let chroot = match prepared {
            Ok(chroot) => chroot,
            Err(error) => {
                held.leave().await;
                return Err(error);
            }
        };
        let arguments = arguments(backend, &id, user, spec);
        match backend.jail.start_apart(&held, backend.programs.jailer.clone(), arguments).await {
            Ok(mut child) => Ok(Self { said: Said::listen(&mut child), child, chroot, held }),
            Err(error) => {
                held.leave().await;
                chroot.remove().await;
                Err(error)
            }
        }
    }

    async fn end(mut self) -> (Chroot, Said) {
        let _ = self.child.start_kill();
        let _ = self.child.wait().await;
        self.held.leave().await;
        (self.chroot, self.said)
    }

    async fn fail(self, error: BackendError) -> BackendError {
        let (chroot, said) = self.end().await;
        chroot.remove().await;
        let said = said.last().await;
        match error {
            error if said.is_empty() => error,
            BackendError::Ended(why) => BackendError::Ended(format!("{why}: {said}")),
            error => BackendError::Ended(format!("{}: {said}", windlass_core::chain(&error))),
        }
    }
}

/// The jailer takes letters, digits and hyphens.
fn jail_id(id: &str) -> String {
    id.replace('_', "-")
}

/// Puts the files of a machine into its directory.
async fn prepare(
    chroot: Chroot,
    backend: &Shared,
    spec: &Spec,
    user: u32,
    template: Option<&Template>,
) -> Result<Chroot, BackendError> {
    let parts = &backend.parts;
    let mut links = vec![(parts.rootfs.clone(), ROOTFS)];
    match template {
        None => links.extend([(parts.kernel.clone(), KERNEL), (parts.initrd.clone(), INITRD)]),
        Some(template) => links.extend([(template.file(MEMORY), MEMORY), (template.file(STATE), STATE)]),
    }
    let preparing = || BackendError::io("preparing the directory of a machine");
    if template.is_none() {
        let disk = vm::format(&chroot.path(DISK), spec.disk).await?;
        std::os::unix::fs::fchown(&disk, Some(user), Some(user)).map_err(preparing())?;
    }
    let disk = template.map(|template| template.file(DISK));
    let placing = tokio::task::spawn_blocking(move || {
        links.iter().try_for_each(|(from, name)| chroot.link(from, name))?;
        disk.map(|disk| chroot.copy(&disk, DISK, user)).transpose()?;
        Ok(chroot)
    });
    placing.await.map_err(|error| BackendError::Ended(error.to_string()))?.map_err(preparing())
}

/// What the jailer is told. It is told nothing of control groups: it inherits ours, which work with both versions of them,
/// and told of version 2 it would move to a group of its own.
fn arguments(backend: &Shared, id: &str, user: u32, spec: &Spec) -> Vec<String> {
    let user = user.to_string();
    let [firecracker, machines] = [&backend.programs.firecracker, &backend.machines].map(|path| path.to_string_lossy());
    let longest = format!("fsize={}", spec.disk.max(spec.memory).saturating_add(OVERHEAD));
    let jailer = ["--id", id, "--exec-file", &firecracker, "--uid", &user, "--gid", &user];
    let more = ["--chroot-base-dir", &machines, "--resource-limit", &longest];
    let firecracker = ["--", "--api-sock", &inside(API), "--level", "Warning"];
    jailer.into_iter().chain(more).chain(firecracker).map(str::to_owned).collect()
}

/// Boots a machine.
async fn boot(api: &mut Api, backend: &Shared, spec: &Spec) -> Result<(), BackendError> {
    api.put("/machine-config", &MachineConfig { vcpu_count: spec.vcpus, mem_size_mib: spec.memory >> 20 }).await?;
    let boot_args = &*backend.parts.command_line(spec);
    let (kernel_image_path, initrd_path) = (&*inside(KERNEL), &*inside(INITRD));
    api.put("/boot-source", &BootSource { kernel_image_path, initrd_path, boot_args }).await?;
    // In the order in which the guest will find them.
    for (drive_id, is_read_only) in [(ROOTFS, true), (DISK, false)] {
        let drive = Drive { drive_id, is_root_device: false, is_read_only, path_on_host: &inside(drive_id) };
        api.put(&format!("/drives/{drive_id}"), &drive).await?;
    }
    api.put("/vsock", &Vsock { guest_cid: GUEST, uds_path: &inside(VSOCK) }).await?;
    api.put("/entropy", &Entropy {}).await?;
    api.put_within("/actions", &Action { action_type: ActionType::InstanceStart }, LOAD).await?;
    Ok(())
}

/// Has a stored machine go on.
async fn load(api: &mut Api) -> Result<(), BackendError> {
    let load = SnapshotLoad {
        snapshot_path: &inside(STATE),
        mem_backend: MemoryBackend { backend_type: BackendType::File, backend_path: &inside(MEMORY) },
        resume_vm: true,
        vsock_override: VsockOverride { uds_path: &inside(VSOCK) },
        clock_realtime: false,
    };
    api.put_within("/snapshot/load", &load, LOAD).await?;
    Ok(())
}
