//! A yard that deploys to an account of its own, at what stands in for AWS.

use std::{
    fs,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use windlass_testkit::{aws::StandIn, skip};

use super::yard::Yard;

/// The section `deploy` of a function. Saved queries are beyond the stand-in.
pub const LAMBDA: &str = "  target: lambda\n  region: us-east-1\n  variables: { queries: {}, s3_path_style: true }\n";

pub struct Sky {
    pub yard: Yard,
    pub stand_in: StandIn,
    engine: Option<Child>,
}

impl Sky {
    /// Where tasks are said to run, and do not.
    pub async fn new(test: &str) -> Option<Self> {
        let yard = Self::yard(test)?;
        Some(Self::over(yard, StandIn::ministack().await?, None))
    }

    /// Where machines are said to run, and do not.
    pub async fn without_machines(test: &str) -> Option<Self> {
        let yard = Self::yard(test)?;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/aws/moto_plus.py");
        Some(Self::over(yard, StandIn::moto_with(script.as_ref()).await?, None))
    }

    /// Where tasks are containers of this machine.
    pub async fn with_engine(test: &str) -> Option<Self> {
        let mut yard = Self::yard(test)?;
        let socket = yard.beside("engine.sock").display().to_string();
        let stand_in = StandIn::ministack_with_engine(&format!("unix://{socket}")).await?;
        // After it: the engine has to know where its registry is.
        let engine = serve_engine(&mut yard, &socket, &stand_in.address().to_string());
        Some(Self::over(yard, stand_in, Some(engine)))
    }

    fn yard(test: &str) -> Option<Yard> {
        let yard = Yard::new(test)?;
        if ["terraform", "tofu"].iter().all(|program| yard.other(program).arg("version").output().is_err()) {
            skip(test, "neither terraform nor tofu is on PATH");
            return None;
        }
        Some(yard)
    }

    fn over(mut yard: Yard, stand_in: StandIn, engine: Option<Child>) -> Self {
        for (name, value) in stand_in.environment() {
            yard.set(&name, &value);
        }
        Self { yard, stand_in, engine }
    }

    /// Destroyed, nothing is left: here, on the engine, in the account.
    pub async fn removed(&self) {
        let yard = &self.yard;
        yard.done(&["destroy", "--yes"]);
        assert!(!yard.project().join(".windlass").exists());
        // Those that have ended are the stand-in's, and go with it.
        assert_eq!(yard.podman(&["ps", "--quiet"]), "");
        let left = self.stand_in.named(&yard.name).await;
        assert_eq!(left, Vec::<String>::new());
    }
}

impl Drop for Sky {
    fn drop(&mut self) {
        // Before the engine: whatever still runs on it is the stand-in's.
        self.yard.podman(&["rm", "--all", "--force", "--time", "0"]);
        if let Some(engine) = &mut self.engine {
            let _ = engine.kill();
            let _ = engine.wait();
        }
    }
}

/// podman's service, on a socket of its own, with limits that this machine may set.
fn serve_engine(yard: &mut Yard, socket: &str, registry: &str) -> Child {
    let limits = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum.unwrap_or(1 << 20);
    let settings = format!(
        "[containers]\ndefault_ulimits = [\"nofile={limits}:{limits}\", \"nproc=32768:32768\"]\n[engine]\n\
         cgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\nruntime = \"runc\"\n\
         [network]\nnetwork_backend = \"netavark\"\n"
    );
    let (containers, registries) = (yard.beside("containers.conf"), yard.beside("registries.conf"));
    fs::write(&containers, settings).unwrap();
    fs::write(&registries, format!("[[registry]]\nlocation = \"{registry}\"\ninsecure = true\n")).unwrap();
    yard.set("CONTAINERS_CONF", containers.to_str().unwrap());
    yard.set("CONTAINERS_REGISTRIES_CONF", registries.to_str().unwrap());
    let mut command = yard.other("podman");
    command.args(["system", "service", "--time=0", &format!("unix://{socket}")]);
    let engine = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(30);
    while !std::path::Path::new(socket).exists() {
        assert!(Instant::now() < until, "podman's service does not start");
        std::thread::sleep(Duration::from_millis(50));
    }
    engine
}
