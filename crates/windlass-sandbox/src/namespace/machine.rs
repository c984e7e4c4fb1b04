//! One sandbox of namespaces.

use std::{
    io,
    os::unix::fs::{PermissionsExt, chown},
    path::Path,
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use tokio::{
    io::AsyncReadExt,
    net::UnixListener,
    process::{Child, Command},
};
use windlass_confine::{Cgroups, GroupLimits};
use windlass_guest::client::GuestClient;

use super::{
    Namespaces, arguments,
    home::{Home, emptied},
    inside::Inside,
    launch::Launch,
    spawner, users,
};
use crate::{
    backend::{BackendError, Machine, Spec},
    egress::{PORT, Proxy},
};

/// How long a guest may take to answer for the first time.
const START: Duration = Duration::from_secs(20);
/// How long a guest may take to end by itself once its input has.
const END: Duration = Duration::from_secs(2);
/// How long the dead may take to leave their group.
const LEAVE: Duration = Duration::from_secs(10);
/// As much of what a sandbox that did not start has said.
const SAID: u64 = 4096;

pub(super) struct NamespaceMachine {
    guest: GuestClient,
    child: Child,
    proxy: Option<Proxy>,
    held: Held,
}

impl NamespaceMachine {
    pub(super) async fn start(backend: &Namespaces, id: &str, spec: &Spec) -> Result<Self, BackendError> {
        let limits = GroupLimits { memory: spec.memory, processes: spec.processes, cpus: Some(spec.vcpus) };
        let held = Held::take(id, &limits, &backend.home)?;
        let inside = Inside {
            memory: (!held.cgroups.limits_memory()).then_some(spec.memory),
            processes: spec.processes,
            file_size: spec.disk,
            egress: backend.egress.is_some(),
        };
        let user = users::next();
        let socket = backend.home.socket(id);
        let proxy = backend.egress.as_ref().map(|egress| listen(&socket, user).map(|listener| egress.serve(listener)));
        let proxy = proxy.transpose().map_err(BackendError::io("opening the proxy's socket"))?;
        let guest: Vec<String> = backend.program.args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
        let arguments = arguments::arguments(
            backend.root.as_deref(),
            &backend.home,
            proxy.is_some().then_some(&*socket),
            &guest,
            spec,
            &inside,
        )
        .map_err(BackendError::io("reading the root file system"))?;
        let launch = Launch { cgroups: held.cgroups.clone(), user, bubblewrap: backend.bubblewrap.clone(), arguments };
        let told = serde_json::to_string(&launch).map_err(|error| BackendError::Ended(error.to_string()))?;
        let mut command = Command::new(&backend.program.path);
        command.args(&backend.program.args).args(["launch", &told]).env_clear().current_dir("/").kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spawner::spawn(command).await.map_err(BackendError::io("starting the sandbox's launcher"))?;
        let (Some(input), Some(output), Some(mut errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(BackendError::Ended("it has no pipes".into()));
        };
        match GuestClient::over(output, input, START).await {
            Ok(guest) => {
                // A guest says nothing more; what else writes there must not wait for a reader.
                tokio::spawn(async move { tokio::io::copy(&mut errors, &mut tokio::io::sink()).await });
                Ok(Self { guest, child, proxy, held })
            }
            Err(error) => {
                let _ = child.start_kill();
                let mut said = String::new();
                let _ = tokio::time::timeout(END, errors.take(SAID).read_to_string(&mut said)).await;
                let _ = child.wait().await;
                held.leave().await;
                Err(if said.trim().is_empty() { error.into() } else { BackendError::Ended(said.trim().to_owned()) })
            }
        }
    }

    pub(super) fn cgroups(&self) -> &Cgroups {
        &self.held.cgroups
    }
}

#[async_trait]
impl Machine for NamespaceMachine {
    fn guest(&self) -> &GuestClient {
        &self.guest
    }

    fn proxy(&self) -> Option<u16> {
        self.proxy.as_ref().map(|_| PORT)
    }

    fn given_to(&self, id: &str, principal: &str) {
        if let Some(proxy) = &self.proxy {
            proxy.whose.set(id, principal);
        }
    }

    async fn destroy(self: Box<Self>) {
        let Self { guest, mut child, proxy, held } = *self;
        drop(proxy);
        guest.hang_up();
        drop(guest);
        if tokio::time::timeout(END, child.wait()).await.is_err() {
            let _ = child.start_kill();
            let _ = child.wait().await;
        }
        held.leave().await;
    }
}

/// A socket that the sandbox's user may connect to, and nobody else.
fn listen(socket: &Path, user: Option<u32>) -> io::Result<UnixListener> {
    let listener = UnixListener::bind(socket)?;
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o600))?;
    chown(socket, user, user)?;
    Ok(listener)
}

/// What a sandbox holds of the machine besides its processes.
struct Held {
    id: String,
    cgroups: Cgroups,
    home: Arc<Home>,
    left: bool,
}

impl Held {
    fn take(id: &str, limits: &GroupLimits, home: &Arc<Home>) -> Result<Self, BackendError> {
        let cgroups = Cgroups::create(&format!("sandbox-{id}"), limits);
        let held = Self { id: id.to_owned(), cgroups, home: home.clone(), left: false };
        held.home.hold(id, &held.cgroups).map_err(BackendError::io("writing down a new sandbox"))?;
        Ok(held)
    }

    /// Ends what is left inside and gives everything back.
    async fn leave(mut self) {
        self.cgroups.kill();
        let gone = async {
            while !self.cgroups.remove() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        if tokio::time::timeout(LEAVE, gone).await.is_err() {
            tracing::warn!(sandbox = self.id, "the control groups of a sandbox cannot be removed");
        } else {
            self.home.release(&self.id);
        }
        self.left = true;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.left {
            return;
        }
        let (id, cgroups, home) = (std::mem::take(&mut self.id), self.cgroups.clone(), self.home.clone());
        cgroups.kill();
        // Where nobody can wait.
        std::thread::spawn(move || {
            if emptied(&cgroups, LEAVE) {
                home.release(&id);
            }
        });
    }
}
