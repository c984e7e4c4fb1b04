//! The line for AWS targets, against what stands in for AWS: `windlass deploy` as it would drive the real one.

use std::{
    fs,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use windlass_testkit::{aws::StandIn, free_port, skip};

use super::{calls::Calls, yard::Yard};

/// A yard, and an account of its own.
struct Sky {
    yard: Yard,
    stand_in: StandIn,
    engine: Option<Child>,
}

impl Sky {
    /// With `engine`, tasks are containers of this machine.
    async fn new(test: &str, engine: bool) -> Option<Self> {
        let mut yard = Yard::new(test)?;
        if yard.other("terraform").arg("version").output().is_err() {
            skip(test, "no terraform is installed");
            return None;
        }
        let socket = yard.beside("engine.sock").display().to_string();
        let stand_in = match engine {
            false => StandIn::ministack().await?,
            true => StandIn::ministack_with_engine(&format!("unix://{socket}")).await?,
        };
        // After it: the engine has to know where its registry is.
        let engine = engine.then(|| serve_engine(&mut yard, &socket, &stand_in.address().to_string()));
        for (name, value) in stand_in.environment() {
            yard.set(&name, &value);
        }
        Some(Self { yard, stand_in, engine })
    }
}

impl Drop for Sky {
    fn drop(&mut self) {
        if let Some(engine) = &mut self.engine {
            let _ = engine.kill();
            let _ = engine.wait();
        }
    }
}

/// podman's service, on a socket of its own, with the settings this machine's kernel calls for.
fn serve_engine(yard: &mut Yard, socket: &str, registry: &str) -> Child {
    let limits = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum.unwrap_or(1 << 20);
    let settings = format!(
        "[containers]\ndefault_ulimits = [\"nofile={limits}:{limits}\", \"nproc=32768:32768\"]\n[engine]\n\
         cgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\n[network]\nnetwork_backend = \"netavark\"\n"
    );
    fs::write(yard.beside("containers.conf"), settings).unwrap();
    let containers = yard.beside("containers.conf").display().to_string();
    let registries = yard.beside("registries.conf").display().to_string();
    fs::write(&registries, format!("[[registry]]\nlocation = \"{registry}\"\ninsecure = true\n")).unwrap();
    yard.set("CONTAINERS_CONF", &containers);
    yard.set("CONTAINERS_REGISTRIES_CONF", &registries);
    let mut command = yard.other("podman");
    command.args(["system", "service", "--time=0", &format!("unix://{socket}")]);
    let engine = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(30);
    while !std::path::Path::new(socket).exists() {
        assert!(Instant::now() < until, "podman's service does not start");
        std::thread::sleep(Duration::from_millis(50));
    }
    engine
}

#[tokio::test(flavor = "multi_thread")]
async fn lambda_is_deployed_replaced_taken_back_and_removed() {
    let Some(sky) = Sky::new("the line on Lambda", false).await else { return };
    let yard = &sky.yard;
    let settings = |more: &str| {
        format!("  target: lambda\n  region: us-east-1\n  variables:\n    s3_path_style: true\n{more}")
    };
    yard.configure(&settings(""));
    let first = yard.commit("first");
    // The names the stand-in serves under are known once the stack is there.
    let told = yard.run(&["--plan"]);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let _ = (first, free_port(), &sky.stand_in, Calls::start);
}
