//! The front of this deployment: a container of its own, that outlives releases.

use std::{path::PathBuf, time::Duration};

use windlass_containers::{
    engine::{Container, ContainerSpec, LABEL_RELEASE, Publish, Restart, Status},
    front::{FrontClient, FrontError, Upstream},
};

use super::{DRAIN, Local};
use crate::{DeployError, Kind, Progress, Release, Version, engine_error, project::PORT};

/// Stands where a release's container has its version.
pub(super) const LABEL: &str = "front";
/// Where the container sees the directory of its socket.
const INSIDE: &str = "/run/windlass";
const SOCKET: &str = "front.sock";
/// How long the front may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

impl Local {
    fn front_directory(&self) -> PathBuf {
        self.state.join("front")
    }

    fn front_client(&self) -> FrontClient {
        FrontClient::new(self.front_directory().join(SOCKET))
    }

    /// Sends the requests to `container` from now on, and waits until the former release has answered its own.
    pub(super) async fn front(
        &self,
        container: &Container,
        release: &Release,
        progress: &dyn Progress,
    ) -> Result<(), DeployError> {
        let name = format!("{}-front", self.name);
        let running = self.engine.inspect(&name).await.map_err(engine_error)?;
        let fit = running.is_some_and(|running| {
            let address = running.published.get(&PORT);
            running.status == Status::Running
                && address.is_some_and(|address| {
                    address.port() == self.deploy.local.port && address.ip() == self.deploy.local.host
                })
        });
        if !fit {
            progress.step("starting the front");
            self.start_front(&name, container).await?;
        }
        let client = self.front_client();
        let former = client.status().await.map_err(front_error)?.active;
        // By name: the address changes when the container starts again.
        // A release with other secrets is another one to the front.
        let mark = release.secrets_mark.iter().map(|mark| format!("+{mark}")).collect::<String>();
        let address = format!("{}:{PORT}", container.name);
        let upstream = Upstream { release: format!("{}{mark}", release.version), address };
        client.activate(&upstream).await.map_err(front_error)?;
        if let Some(former) = former.filter(|former| former.release != upstream.release) {
            progress.step(&format!("waiting for {} to answer what it has taken", former.release));
            let drained = client.drained(&former.release, DRAIN).await.map_err(front_error)?;
            if drained.cut > 0 {
                progress.notice(&format!("{} long-lived requests of {} were ended", drained.cut, former.release));
            }
        }
        Ok(())
    }

    async fn start_front(&self, name: &str, container: &Container) -> Result<(), DeployError> {
        self.engine.remove(name).await.map_err(engine_error)?;
        let directory = self.engine.control_directory(&self.front_directory()).map_err(engine_error)?;
        // The release's own image: a front is the same program.
        let mut spec = ContainerSpec::new(&self.name, LABEL, name, &container.image);
        let inside = format!("{INSIDE}/{SOCKET}");
        spec.arguments =
            ["deploy", "front", "--listen", &format!("0.0.0.0:{PORT}"), "--control", &inside].map(str::to_owned).into();
        spec.user = directory.user;
        spec.mounts = vec![directory.mount(INSIDE)];
        spec.network = Some(self.name.clone());
        spec.publish = vec![Publish { port: PORT, address: (self.deploy.local.host, self.deploy.local.port).into() }];
        spec.restart = Restart::UnlessStopped;
        spec.stop_timeout = DRAIN;
        self.engine.run(&spec).await.map_err(engine_error)?;
        let client = self.front_client();
        let until = tokio::time::Instant::now() + PATIENCE;
        while let Err(error) = client.status().await {
            if tokio::time::Instant::now() >= until {
                let said = self.said(name).await;
                return Err(front_error(error).detail(said));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// The release the front sends requests to, and its container.
    pub(super) async fn active(&self) -> Result<Option<(Version, String)>, DeployError> {
        match self.front_client().status().await {
            Ok(status) => Ok(status.active.and_then(|active| {
                let (version, _) = active.release.split_once('+').unwrap_or((&active.release, ""));
                let (container, _) = active.address.rsplit_once(':')?;
                Some((version.parse().ok()?, container.to_owned()))
            })),
            Err(FrontError::NotRunning { .. }) => Ok(None),
            Err(error) => Err(front_error(error)),
        }
    }

    /// Whether a container is the front and not a release.
    pub(super) fn is_front(container: &Container) -> bool {
        container.label(LABEL_RELEASE) == Some(LABEL)
    }
}

fn front_error(error: FrontError) -> DeployError {
    let hint = error.hint();
    DeployError::new(Kind::Failed, error.to_string()).hint(hint)
}
