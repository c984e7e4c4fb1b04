//! Docker's own client, against podman's docker interface: the command line and the archive are then docker's.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use windlass_containers::{
    contract::{Outcome, prove},
    engine::{Engine, EngineError, Kind},
};
use windlass_testkit::skip;

use crate::{contract::expected, real::Real};

/// Ends the service with the test.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A `docker` that talks to a socket of ours.
fn client(real: &Real, socket: &str) -> String {
    let script = real.directory.path().join("docker");
    fs::write(&script, format!("#!/bin/sh\nDOCKER_HOST=unix://{socket} exec docker \"$@\"\n")).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    script.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_contract_is_proved_with_dockers_client() {
    if Command::new("docker").arg("--version").stdout(Stdio::null()).status().is_err() {
        return skip("docker", "there is no docker client");
    }
    let Some(real) = Real::new().await else { return };
    let socket = real.directory.path().join("docker.sock").to_str().unwrap().to_owned();
    let docker = client(&real, &socket);
    let error = Engine::find(Some(&docker)).await.unwrap_err();
    assert!(matches!(error, EngineError::NotRunning { engine: Kind::Docker, .. }), "{error}");
    assert!(error.hint().contains("start the daemon"));

    let place = real.directory.path();
    let mut podman = Command::new("podman");
    podman.arg("--root").arg(place.join("root")).arg("--runroot").arg(place.join("run"));
    podman.args(["--storage-driver", "overlay", "system", "service", "--time", "0"]).arg(format!("unix://{socket}"));
    let _service = Service(podman.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let deadline = Instant::now() + Duration::from_secs(20);
    let engine = loop {
        match Engine::find(Some(&docker)).await {
            Ok(engine) => break engine,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(engine.kind(), Kind::Docker);
    let image = "windlass-docker-test:1";
    engine.load(&real.layout, image).await.unwrap();
    let mut missing = real.spec("one");
    missing.image = "windlass-docker-test:none".into();
    let error = engine.run(&missing).await.unwrap_err();
    assert!(matches!(error, EngineError::ImageMissing { .. }), "{error}");
    let proof = prove(&engine, image, &expected("")).await;
    let bad: Vec<_> = proof.facts.iter().filter(|fact| fact.outcome != Outcome::Passed).collect();
    assert!(bad.is_empty(), "{bad:#?}");
    engine.remove_image(image).await.unwrap();
}
