//! The executor: does what [`plan`](crate::plan()) says, under the lock, and goes back when a release is not proven.

mod back;
mod inputs;
mod preview;
mod report;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::sync::OnceCell;
use windlass_config::{Env, settings::TargetKind};
use windlass_core::{SecretString, units::Span};

pub use report::{RolledBack, Standing, Summary};

use crate::{
    Action, DeployError, Held, Kind, Ledger, Lock, Owner, Phase, Progress, Proof, Receipt, Receipts, Release, State,
    Step,
    endpoint::Question,
    phases::{self, Built, Done, Pushed},
    plan,
    project::Project,
    seal::Seal,
    shelf::{Directory, Shelf},
    target::{Artifacts, Deployed, Target},
};

/// Everything a deploy needs to know and to act on.
pub struct Pipeline {
    project: Project,
    /// Made when it is first asked for: `check` and `build` need no account and no engine's network.
    place: OnceCell<Place>,
    receipts: Receipts,
    env: Arc<dyn Env>,
    progress: Arc<dyn Progress>,
}

/// The target, and what is remembered of it.
struct Place {
    target: Box<dyn Target>,
    shelf: Arc<dyn Shelf>,
    ledger: Ledger,
}

impl Pipeline {
    /// For a project and its target.
    pub fn new(mut project: Project, env: Arc<dyn Env>, progress: Arc<dyn Progress>) -> Result<Self, DeployError> {
        let seal = Seal::of_user()?;
        project.seal_secrets(&seal);
        let receipts = Receipts::new(&project.state, &project.commit.version, seal);
        Ok(Self { project, place: OnceCell::new(), receipts, env, progress })
    }

    async fn place(&self) -> Result<&Place, DeployError> {
        let made = self.place.get_or_try_init(|| async {
            let (target, shelf) = crate::target::of(&self.project, &*self.env).await?;
            Ok(Place { target, ledger: Ledger::new(shelf.clone()), shelf })
        });
        made.await
    }

    async fn target(&self) -> Result<&dyn Target, DeployError> {
        Ok(&*self.place().await?.target)
    }

    async fn ledger(&self) -> Result<&Ledger, DeployError> {
        Ok(&self.place().await?.ledger)
    }

    /// What is deployed.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// What would be done, and why.
    pub async fn plan(&self, wanted: Option<Phase>) -> Result<Vec<Step>, DeployError> {
        let mut held = Vec::new();
        for phase in Phase::ALL {
            held.push(self.held(phase).await?);
        }
        let held =
            |phase: Phase| Phase::ALL.iter().zip(&held).find(|(one, _)| **one == phase).map(|(_, held)| held.clone());
        plan(wanted, &|phase| held(phase).unwrap_or(Held::Nothing))
    }

    async fn held(&self, phase: Phase) -> Result<Held, DeployError> {
        let Some(receipt) = self.receipts.read(phase)? else { return Ok(Held::Nothing) };
        let before = match phase.before().map(|before| self.receipts.read(before)).transpose()? {
            Some(None) => return Ok(Held::Stale("a receipt before it is missing".to_owned())),
            Some(before) => before,
            None => None,
        };
        if receipt.inputs != inputs::of(&self.project, phase, before.as_ref())? {
            return Ok(Held::Stale("what it was made from has changed".to_owned()));
        }
        if phase == Phase::Deploy {
            let running = async { self.target().await?.running().await };
            return Ok(match running.await {
                Ok(Some(running)) if running.version == self.project.commit.version => Held::Fresh,
                Ok(Some(running)) => Held::Stale(format!("release {} is running", running.version)),
                Ok(None) => Held::Stale("nothing is running".to_owned()),
                Err(error) => Held::Stale(format!("the target cannot be asked: {}", error.message)),
            });
        }
        if phase == Phase::Build && !self.artifacts().image.join("index.json").exists() {
            return Ok(Held::Stale("what it built is gone".to_owned()));
        }
        Ok(Held::Fresh)
    }

    fn artifacts(&self) -> Artifacts {
        let directory = self.project.artifacts();
        Artifacts { image: directory.join("image"), package: directory.join("lambda.zip") }
    }

    /// Runs the line, or one phase of it. `patience` is for the lock.
    pub async fn run(&self, wanted: Option<Phase>, patience: Duration) -> Result<Summary, DeployError> {
        let version = &self.project.commit.version;
        let kind = self.project.deploy().target;
        let doing = format!("{} {version} to {}", wanted.map_or("deploy", Phase::name), kind.name());
        let mut locks = vec![self.lock_here(&doing, patience).await?];
        // Made under the lock: whoever had it may have changed everything.
        let outcome = match self.plan(wanted).await {
            Ok(steps) => self.steps(&steps, &doing, patience, &mut locks).await,
            Err(error) => Err(error),
        };
        finish(outcome, locks).await
    }

    /// Of this checkout: its receipts and artifacts are written by one at a time.
    async fn lock_here(&self, doing: &str, patience: Duration) -> Result<Lock, DeployError> {
        let shelf = Arc::new(Directory(self.project.state.clone()));
        Lock::take(shelf, Owner::this_process(doing), patience, &*self.progress).await
    }

    /// Of the deployment, wherever it is started from. Without `make` it has to be there already.
    async fn lock(&self, doing: &str, patience: Duration, make: bool) -> Result<Lock, DeployError> {
        let place = self.place().await?;
        if !place.target.found(make, &*self.progress).await? {
            let deploy = self.project.deploy();
            let message = format!("nothing is deployed as {} on {}", deploy.name, deploy.target.name());
            return Err(DeployError::new(Kind::Usage, message).hint("run `windlass deploy` first"));
        }
        Lock::take(place.shelf.clone(), Owner::this_process(doing), patience, &*self.progress).await
    }

    async fn steps(
        &self,
        steps: &[Step],
        doing: &str,
        patience: Duration,
        locks: &mut Vec<Lock>,
    ) -> Result<Summary, DeployError> {
        if steps.iter().any(|step| !matches!(step.action, Action::Skip(_))) {
            self.project.require_secrets()?;
        }
        for step in steps {
            let phase = step.phase;
            self.progress.begin(phase);
            if phase >= Phase::Push && locks.len() == 1 {
                locks.push(self.lock(doing, patience, true).await?);
            }
            locks.iter().try_for_each(Lock::check)?;
            if let Action::Skip(_) = step.action {
                self.progress.end(phase, None);
                continue;
            }
            let started = (OffsetDateTime::now_utc(), std::time::Instant::now());
            // What follows is of another result from here on, even if this is killed.
            self.receipts.forget(phase)?;
            match self.phase(phase, started).await {
                Ok(milliseconds) => self.progress.end(phase, Some(milliseconds)),
                Err(error) if phase >= Phase::Deploy => return Err(self.go_back(error, phase).await),
                Err(error) => return Err(error),
            }
        }
        self.summary().await
    }

    async fn phase(&self, phase: Phase, started: (OffsetDateTime, std::time::Instant)) -> Result<u64, DeployError> {
        let before = phase.before().map(|before| self.receipts.read(before)).transpose()?.flatten();
        let progress = &*self.progress;
        let held = |phase: Phase| {
            let message = format!("the receipt of {phase} is gone");
            before.as_ref().ok_or_else(|| DeployError::new(Kind::Receipt, message).hint("run `windlass deploy` again"))
        };
        if phase == Phase::Push {
            // Where the token and the image are kept.
            self.target().await?.prepare(&self.secret_names().await?, progress).await?;
        }
        let token = match phase {
            // Nobody but this machine sees it, so any will do.
            Phase::Check | Phase::Build => Some(SecretString::from(crate::new_token()?)),
            _ => self.made_token().await?,
        };
        let credential = self.project.credential(token.as_ref(), &*self.env);
        let (output, proofs, hint) = match phase {
            Phase::Check => {
                let done = phases::check(&self.project, token.as_ref(), credential.as_ref(), progress).await?;
                written(done, "mend the configuration; `windlass check URL` asks the same of any server")
            }
            Phase::Build => {
                let done = phases::build(&self.project, token.as_ref(), progress).await?;
                written(done, "the image is kept; run it yourself, or change what the configuration needs")
            }
            Phase::Push => {
                let built: Built = held(Phase::Build)?.output()?;
                let registry = self.target().await?.registry().await?;
                let done = phases::push(&self.project, &built, registry, token.as_ref(), progress).await?;
                written(done, "see who else writes to this repository")
            }
            Phase::Deploy => {
                let pushed: Pushed = held(Phase::Push)?.output()?;
                let release = self.release(&pushed);
                self.ledger().await?.enter(&release).await?;
                let deployed = self.bring_up(&release, true).await?;
                written(Done { output: deployed, proofs: Vec::new() }, "")
            }
            Phase::Verify => {
                let deployed: Deployed = held(Phase::Deploy)?.output()?;
                let release = self.live_candidate().await?;
                let proofs = self.prove(&release, &deployed, self.project.deploy().p95).await?;
                written(Done { output: deployed, proofs }, "see `windlass deploy logs`")
            }
        }?;
        proofs.iter().for_each(|proof| progress.proof(proof));
        let milliseconds = u64::try_from(started.1.elapsed().as_millis()).unwrap_or(u64::MAX);
        let receipt = Receipt {
            phase,
            version: self.project.commit.version.clone(),
            inputs: inputs::of(&self.project, phase, before.as_ref())?,
            output,
            checks: proofs,
            started: started.0.format(&Rfc3339).unwrap_or_default(),
            milliseconds,
            program: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let what = format!("release {}", self.project.commit.version);
        if let Err(error) = phases::judge(&receipt.checks, &what, hint) {
            self.receipts.keep_failed(&receipt)?;
            return Err(error);
        }
        if phase == Phase::Verify {
            let release = self.live_candidate().await?;
            // Before the receipt: with it this would not be done again.
            self.ledger().await?.settle(&release.version, State::Proven, true).await?;
            self.retire(&release).await?;
        }
        self.receipts.write(&receipt)?;
        Ok(milliseconds)
    }

    /// The secrets this release has, and those of the releases that may be gone back to.
    async fn secret_names(&self) -> Result<Vec<String>, DeployError> {
        let releases = self.ledger().await?.read().await?.releases;
        let proven = releases.into_iter().filter(|release| release.state == State::Proven);
        let names = proven.flat_map(|release| release.secrets).chain(self.project.secret_names());
        Ok(names.collect::<BTreeSet<String>>().into_iter().collect())
    }

    /// Lets go of what was kept to go back to. What stays is in nobody's way, and no reason to take a proven release back.
    async fn retire(&self, release: &Release) -> Result<(), DeployError> {
        if let Err(error) = self.target().await?.settle(release).await {
            self.progress.notice(&format!("what ran before could not be removed: {error}"));
        }
        Ok(())
    }

    /// The token of this deployment, where nobody chose one.
    async fn made_token(&self) -> Result<Option<SecretString>, DeployError> {
        match self.project.makes_token() {
            true => self.target().await?.token().await.map(Some),
            false => Ok(None),
        }
    }

    fn release(&self, pushed: &Pushed) -> Release {
        let deploy = self.project.deploy();
        Release {
            version: self.project.commit.version.clone(),
            revision: self.project.commit.revision.clone(),
            target: deploy.target,
            image: pushed.image.clone(),
            package: pushed.package.clone(),
            environment: self.project.environment().clone(),
            secrets: self.project.secret_names(),
            secrets_mark: self.project.secrets_mark().map(str::to_owned),
            variables: deploy.variables.clone(),
            p95: deploy.p95,
            state: State::Trying,
            at: OffsetDateTime::now_utc(),
            by: Owner::this_process("").user,
        }
    }

    /// The release of this version, as it was entered when it was brought up.
    async fn live_candidate(&self) -> Result<Release, DeployError> {
        let version = &self.project.commit.version;
        self.ledger().await?.read().await?.find(version).cloned().ok_or_else(|| {
            DeployError::new(Kind::Receipt, format!("release {version} is not on the list of releases"))
                .hint("run `windlass deploy deploy`")
        })
    }

    /// `anew`: with the secrets of this machine. A release that is gone back to keeps those the account has.
    async fn bring_up(&self, release: &Release, anew: bool) -> Result<Deployed, DeployError> {
        let token = self.made_token().await?;
        let mut secrets = self.project.secrets(token.as_ref());
        let hands_over = anew || release.target == TargetKind::Local;
        secrets.retain(|name, _| hands_over && release.secrets.contains(name));
        let directory = self.project.state.join("artifacts").join(release.version.as_str());
        let artifacts = Artifacts { image: directory.join("image"), package: directory.join("lambda.zip") };
        self.target().await?.deploy(release, &artifacts, &secrets, &*self.progress).await
    }

    /// Every promise of a running release.
    async fn prove(&self, release: &Release, deployed: &Deployed, p95: Span) -> Result<Vec<Proof>, DeployError> {
        self.progress.step(&format!("asking {} for every promise", deployed.endpoint));
        let token = self.made_token().await?;
        let credential = self.project.credential(token.as_ref(), &*self.env);
        let question = Question {
            endpoint: &deployed.endpoint,
            version: Some(&release.version),
            credential: credential.as_ref(),
            closed: true,
            p95: Some(p95.0),
        };
        let mut proofs = question.ask().await?;
        proofs.extend(self.target().await?.prove(release, deployed).await);
        Ok(proofs)
    }
}

/// Lets others in, whatever came out; the work's own failure is the one to tell.
async fn finish<T>(outcome: Result<T, DeployError>, locks: Vec<Lock>) -> Result<T, DeployError> {
    let mut released = Ok(());
    for lock in locks.into_iter().rev() {
        released = lock.release().await.and(released);
    }
    let done = outcome?;
    released.map(|()| done)
}

type Written<'a> = (serde_json::Value, Vec<Proof>, &'a str);

fn written<T: Serialize>(done: Done<T>, hint: &str) -> Result<Written<'_>, DeployError> {
    let output = serde_json::to_value(&done.output)
        .map_err(|error| DeployError::new(Kind::Failed, format!("the result cannot be written down: {error}")))?;
    Ok((output, done.proofs, hint))
}
