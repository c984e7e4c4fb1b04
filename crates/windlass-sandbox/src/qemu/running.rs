//! One process of qemu, and the guest in its machine.

use std::{fs::File, os::unix::net::UnixStream as Pair, process::Stdio, time::Duration};

use tokio::{io::AsyncReadExt, net::UnixStream, process::Child, task::JoinHandle};
use windlass_confine::{Cgroups, GroupLimits};
use windlass_guest::client::GuestClient;

use super::{
    Accelerator, KVM, Shared,
    arguments::{Kind, arguments, fd},
    qmp::Qmp,
};
use crate::{
    backend::{BackendError, Spec},
    jail::{Held, Inmate},
    vm::{Disk, reopen},
};

/// How long a guest may take to answer for the first time. An emulated machine on a busy host boots for many seconds.
const START: Duration = Duration::from_secs(90);
/// What qemu needs besides the memory of its machine.
const OVERHEAD: u64 = 256 << 20;
/// Threads of qemu itself: its loop, and those that read and write files.
const THREADS: u64 = 96;
/// As much as is kept of what qemu and the console have said.
const SAID: u64 = 16 << 10;
/// How long what they have said may take to be read.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A process of qemu with a machine in it.
pub(super) struct Running {
    pub guest: GuestClient,
    pub qmp: Qmp,
    child: Child,
    held: Held,
}

/// What a machine goes on from.
pub(super) struct From<'a> {
    /// What it writes.
    pub layer: File,
    /// The state of its devices, and of its memory where that was not stored with the template.
    pub state: &'a File,
}

impl Running {
    /// Starts one, and waits for its guest to answer.
    pub async fn start(
        backend: &Shared,
        id: &str,
        spec: &Spec,
        memory: &File,
        disk: &Disk,
        from: Option<From<'_>>,
    ) -> Result<Self, BackendError> {
        let limits = GroupLimits {
            memory: spec.memory + OVERHEAD,
            processes: THREADS + u64::from(spec.vcpus),
            cpus: Some(spec.vcpus),
        };
        let jail = &backend.jail;
        let held = jail.hold(id, &limits)?;
        let kind = if from.is_some() { Kind::Copy } else { Kind::Template };
        let hand = || -> std::io::Result<_> {
            let arguments = arguments(&backend.hypervisor, &backend.image.guest_args, spec, kind)?;
            let (guest, guest_end) = Pair::pair()?;
            let (qmp, qmp_end) = Pair::pair()?;
            let image = &backend.image;
            let mut files = vec![
                (fd::GUEST, guest_end.into()),
                (fd::QMP, qmp_end.into()),
                (fd::MEMORY, memory.try_clone()?.into()),
                (fd::KERNEL, reopen(&image.kernel)?),
                (fd::INITRD, reopen(&image.initrd)?),
                (fd::ROOT, reopen(&image.rootfs)?),
            ];
            match from {
                None => files.push((fd::DISK, disk.writable()?)),
                Some(From { layer, state }) => {
                    files.extend([(fd::DISK, disk.readable()?), (fd::LAYER, layer.into()), (fd::STATE, reopen(state)?)])
                }
            }
            let ours = |pair: Pair| pair.set_nonblocking(true).and_then(|()| UnixStream::from_std(pair));
            Ok((arguments, files, ours(guest)?, ours(qmp)?))
        };
        let (arguments, files, guest, qmp) = hand().map_err(BackendError::io("preparing a machine"))?;
        let groups = if backend.hypervisor.accelerator == Accelerator::Kvm { group_of(KVM) } else { Vec::new() };
        // It writes its disk, and once in a while all that it is.
        let file_size = Some(spec.memory + spec.disk + OVERHEAD);
        let inmate = Inmate { arguments, groups, file_size, bind: None, stdin: Stdio::null(), files };
        let mut child = jail.start(&held, inmate).await?;
        let said = listen(&mut child);
        let started = async {
            let mut qmp = Qmp::new(qmp).await?;
            if kind == Kind::Copy {
                qmp.wake(fd::STATE).await?;
            }
            Ok::<_, BackendError>((qmp, GuestClient::new(guest, START).await?))
        };
        let ended = async {
            let _ = child.wait().await;
        };
        let result = tokio::select! {
            started = started => started,
            () = ended => Err(BackendError::Ended("qemu ended".into())),
        };
        match result {
            Ok((qmp, guest)) => Ok(Self { guest, qmp, child, held }),
            Err(error) => {
                let _ = child.start_kill();
                let _ = child.wait().await;
                held.leave().await;
                let said = tokio::time::timeout(LAST_WORDS, said).await;
                let said = said.ok().and_then(Result::ok).unwrap_or_default();
                let said = said.trim();
                Err(if said.is_empty() { error } else { BackendError::Ended(format!("{error}: {said}")) })
            }
        }
    }

    pub fn cgroups(&self) -> &Cgroups {
        &self.held.cgroups
    }

    /// Waits for qemu to end by itself, and gives everything back.
    pub async fn ended(mut self) {
        let _ = self.child.wait().await;
        self.held.leave().await;
    }

    /// Ends it, whatever it does.
    pub async fn kill(mut self) {
        self.guest.hang_up();
        let _ = self.child.start_kill();
        let _ = self.child.wait().await;
        self.held.leave().await;
    }
}

/// Reads what the console and qemu say for as long as they do; the first of it is kept.
fn listen(child: &mut Child) -> JoinHandle<String> {
    let (console, errors) = (child.stdout.take(), child.stderr.take());
    tokio::spawn(async move {
        let (console, errors) = tokio::join!(keep(console), keep(errors));
        format!("{errors}{console}")
    })
}

async fn keep(stream: Option<impl tokio::io::AsyncRead + Unpin>) -> String {
    let mut kept = Vec::new();
    if let Some(mut stream) = stream {
        let _ = (&mut stream).take(SAID).read_to_end(&mut kept).await;
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// The group whose members may use a device.
fn group_of(device: &str) -> Vec<u32> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(device).map(|found| found.gid()).into_iter().filter(|group| *group != 0).collect()
}
