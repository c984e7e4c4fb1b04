//! An engine with a store of its own, and an image in it.

use std::{
    fs,
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use tempfile::TempDir;
use windlass_containers::engine::{ContainerSpec, Engine, EngineError, EngineOptions, Publish, Storage};
use windlass_testkit::skip;

pub const IMAGE: &str = "localhost/windlass-test:1";

/// Everything a test needs, gone when it is dropped.
pub struct Real {
    pub engine: Engine,
    pub layout: PathBuf,
    pub directory: TempDir,
}

impl Real {
    /// `None`, and a loud skip, where this machine has no podman or cannot build the image.
    pub async fn new() -> Option<Self> {
        let directory = TempDir::new().unwrap();
        let storage = Storage {
            root: directory.path().join("root"),
            run_root: directory.path().join("run"),
            driver: Some("overlay".into()),
        };
        let options = EngineOptions { preferred: Some("podman".into()), storage: Some(storage) };
        let engine = match Engine::find_with(options).await {
            Ok(engine) => engine,
            Err(error @ EngineError::NotInstalled { .. }) => {
                skip("containers", &error.to_string());
                return None;
            }
            Err(error) => panic!("{error}; {}", error.hint()),
        };
        let program = super::layout::server(directory.path())?;
        let layout = super::layout::pack(directory.path(), &program);
        let real = Self { engine, layout, directory };
        real.engine.load(&real.layout, IMAGE).await.unwrap();
        Some(real)
    }

    /// A container of the image with a name nobody else has.
    pub fn spec(&self, release: &str) -> ContainerSpec {
        let mut spec = ContainerSpec::new("test", release, unique("release"), IMAGE);
        spec.publish = vec![Publish::on_loopback(8080)];
        spec.environment.insert("RELEASE".into(), release.to_owned().into());
        spec
    }
}

/// Names of containers and networks are the machine's.
pub fn unique(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("windlass-test-{what}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

impl Drop for Real {
    fn drop(&mut self) {
        let (root, run) = (self.directory.path().join("root"), self.directory.path().join("run"));
        let mut podman = Command::new("podman");
        podman.arg("--root").arg(&root).arg("--runroot").arg(&run);
        let removed = podman.args(["rm", "--all", "--force", "--time", "0"]).output();
        // podman keeps its store mounted onto itself.
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let below = self.directory.path().to_str().unwrap();
        let mut mounted: Vec<_> = mounts.lines().filter_map(|line| line.split(' ').nth(1)).collect();
        mounted.retain(|path| path.starts_with(below));
        for path in mounted.iter().rev() {
            let _ = Command::new("umount").arg(path).status();
        }
        if let Ok(output) = removed
            && !output.status.success()
        {
            eprintln!("containers are left: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}
