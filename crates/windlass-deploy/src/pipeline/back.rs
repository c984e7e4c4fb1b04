//! The way back.

use std::time::Duration;

use windlass_config::settings::TargetKind;

use super::{Pipeline, RolledBack, finish};
use crate::{DeployError, Kind, Phase, Release, State, Version, phases};

impl Pipeline {
    /// After a release that could not be brought up or proven: the last proven one takes the requests again, and is
    /// proven again. Returns what to tell.
    pub(super) async fn go_back(&self, error: DeployError, phase: Phase) -> DeployError {
        let version = &self.project.commit.version;
        self.keep_log().await;
        let returned = async {
            self.ledger().await?.settle(version, State::Failed, false).await?;
            let all = self.ledger().await?.read().await?;
            let former = all.live().filter(|live| live.version != *version).or_else(|| all.proven_beside(version));
            match former.cloned() {
                None => Ok(None),
                Some(former) => {
                    self.progress.notice(&format!("{phase} of {version} failed: going back to {}", former.version));
                    self.restore(&former).await.map(Some)
                }
            }
        };
        let message = format!("{phase} of release {version} failed: {}", error.message);
        let told = DeployError { message, ..error };
        match returned.await {
            Ok(Some(former)) => {
                let message =
                    format!("{}; release {} takes the requests, and is verified", told.message, former.version);
                DeployError { message, ..told }
            }
            Ok(None) => {
                let message = format!("{}; there is no earlier release to go back to", told.message);
                DeployError { message, ..told }
            }
            Err(worse) => {
                let detail = format!("{}\nand the way back failed: {worse}", told.detail.clone().unwrap_or_default());
                told.detail(detail.trim().to_owned()).hint("see `windlass deploy status` and `windlass deploy logs`")
            }
        }
    }

    /// What the failed release wrote is kept beside its receipts.
    async fn keep_log(&self) {
        let path = self.receipts.directory().join("server.log");
        let log = async { self.target().await?.logs(500).await };
        let kept = match log.await {
            Ok(log) => crate::shelf::write_whole(&path, log.as_bytes()).map_err(|error| error.to_string()),
            Err(error) => Err(error.message),
        };
        if let Err(error) = kept {
            tracing::warn!("the log of the failed release could not be kept: {error}");
        }
    }

    async fn restore(&self, former: &Release) -> Result<RolledBack, DeployError> {
        let mut former = former.clone();
        if former.target == TargetKind::Local {
            // The secrets it gets are those of this machine now.
            former.secrets_mark = self.project.secrets_mark().map(str::to_owned);
        }
        let former = &former;
        let deployed = self.bring_up(former, false).await?;
        let proofs = self.prove(former, &deployed, former.p95).await?;
        let what = format!("release {}, gone back to,", former.version);
        phases::judge(&proofs, &what, "see `windlass deploy logs`")?;
        self.ledger().await?.settle(&former.version, State::Proven, true).await?;
        self.retire(former).await?;
        Ok(RolledBack { version: former.version.clone(), endpoint: deployed.endpoint, proofs })
    }

    /// Back to `version`, or to the newest proven release beside the live one.
    pub async fn rollback(&self, version: Option<&Version>, patience: Duration) -> Result<RolledBack, DeployError> {
        let doing = version.map_or("rollback".to_owned(), |version| format!("rollback to {version}"));
        let lock = self.lock(&doing, patience, false).await?;
        let outcome = async {
            if self.project.deploy().target == TargetKind::Local {
                self.project.require_secrets()?;
            }
            let former = self.choose(version).await?;
            let live = self.ledger().await?.read().await?.live().cloned();
            self.progress.step(&format!("going back to {}", former.version));
            match (self.restore(&former).await, live) {
                (Err(error), Some(live)) if live.version != former.version => {
                    self.progress.notice(&format!("it failed: {} takes the requests again", live.version));
                    self.restore(&live).await.map_err(|worse| {
                        let detail =
                            format!("{error}\nand release {} could not be brought back: {worse}", live.version);
                        DeployError::new(Kind::Failed, "the way back failed")
                            .hint("see `windlass deploy status`")
                            .detail(detail)
                    })?;
                    Err(error)
                }
                (outcome, _) => outcome,
            }
        };
        finish(outcome.await, vec![lock]).await
    }

    async fn choose(&self, version: Option<&Version>) -> Result<Release, DeployError> {
        let all = self.ledger().await?.read().await?;
        let found = match (version, &all.live) {
            (Some(version), _) => all.find(version),
            (None, Some(live)) => all.proven_beside(live),
            (None, None) => None,
        };
        let proven: Vec<&str> = all
            .releases
            .iter()
            .filter(|release| release.state == State::Proven && Some(&release.version) != all.live.as_ref())
            .map(|release| release.version.as_str())
            .collect();
        let hint = match proven.is_empty() {
            true => "no other release was ever proven; `windlass deploy history` lists them".to_owned(),
            false => format!("proven were: {}", proven.join(", ")),
        };
        let missing = || {
            let what = version
                .map_or("there is no earlier release".to_owned(), |version| format!("there is no release {version}"));
            DeployError::new(Kind::Usage, what).hint(hint.clone())
        };
        let release = found.ok_or_else(missing)?;
        match release.state {
            State::Proven => Ok(release.clone()),
            State::Trying | State::Failed => {
                Err(DeployError::new(Kind::Usage, format!("release {} was never proven", release.version)).hint(hint))
            }
        }
    }

    /// Stops what costs money, or starts it again.
    pub async fn power(&self, on: bool, patience: Duration) -> Result<String, DeployError> {
        let lock = self.lock(if on { "start" } else { "stop" }, patience, false).await?;
        let outcome = async { self.target().await?.power(on, &*self.progress).await };
        finish(outcome.await, vec![lock]).await
    }

    /// Removes everything this deployment made, here and at the target. Names it.
    pub async fn destroy(&self, patience: Duration) -> Result<Vec<String>, DeployError> {
        let here = self.lock_here("destroy", patience).await?;
        let lock = self.lock("destroy", patience, false).await?;
        let outcome = async {
            lock.check()?;
            self.target().await?.destroy(&*self.progress).await
        };
        match outcome.await {
            // The locks went with what they guarded.
            Ok(mut removed) => {
                drop((lock, here));
                let state = &self.project.state;
                std::fs::remove_dir_all(state).map_err(|error| DeployError::file("the directory", state, &error))?;
                removed.push(format!("directory {}", state.display()));
                Ok(removed)
            }
            Err(error) => finish(Err(error), vec![here, lock]).await,
        }
    }
}
