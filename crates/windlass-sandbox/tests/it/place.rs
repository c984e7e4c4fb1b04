//! A backend, and things to do in its sandboxes.

use std::{sync::Arc, time::Duration};

use tempfile::TempDir;
use windlass_guest::client::{Command, Finished, GuestClient};
use windlass_sandbox::{
    backend::{Backend, Machine, Spec},
    egress::Egress,
    namespace::{Namespaces, Program},
};
use windlass_testkit::skip;

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

/// The same, with a way to what `egress` lets through.
pub async fn places_with(test: &str, egress: Option<Arc<Egress>>) -> Vec<Place> {
    let directory = tempfile::tempdir().unwrap();
    let below = directory.path().join("sandboxes");
    // Other users pass through it.
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
    match Namespaces::open(Some(below), None, program(), egress).await {
        Ok(backend) => vec![Place { backend: Arc::new(backend), directory }],
        Err(error) => {
            skip(test, &format!("there are no namespaces here: {}", windlass_core::chain(&error)));
            Vec::new()
        }
    }
}

pub fn program() -> Program {
    Program { path: env!("CARGO_BIN_EXE_windlass-sandboxed").into(), args: Vec::new() }
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
