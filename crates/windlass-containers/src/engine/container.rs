//! What is done with a container that exists.

use std::{ffi::OsString, time::Duration};

use super::{
    Container, Engine, EngineError,
    cli::{PATIENCE, words},
    inspect::Inspected,
};

impl Engine {
    /// What the engine has under a name or an id.
    pub async fn inspect(&self, name: &str) -> Result<Option<Container>, EngineError> {
        let called = self.cli.attempt(&words!["container", "inspect", name], PATIENCE).await?;
        if called.succeeded() {
            let found: Vec<Inspected> = called.json()?;
            return Ok(found.into_iter().next().map(Container::from));
        }
        // Not there, or is the engine unwell? A list answers that; a message would have to be understood.
        let all = self.cli.run(&words!["ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.Names}}"]).await?;
        let is = |line: &str| line.split([' ', ',']).any(|word| word == name);
        let started = |line: &str| name.len() >= 12 && line.starts_with(name);
        match all.text().lines().any(|line| is(line) || started(line)) {
            true => Err(called.failed()),
            false => Ok(None),
        }
    }

    /// Every container with a label, running or not.
    pub async fn list(&self, label: &str, value: &str) -> Result<Vec<Container>, EngineError> {
        let filter = format!("label={label}={value}");
        let ids = self.cli.run(&words!["ps", "--all", "--quiet", "--no-trunc", "--filter", filter]).await?.text();
        let mut found = Vec::new();
        for id in ids.lines() {
            // One that was removed meanwhile is no longer on the list.
            found.extend(self.inspect(id.trim()).await?);
        }
        found.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }

    /// Asks a container to end, and ends it when `grace` has passed. The exit code; `None` if it is gone altogether.
    pub async fn stop(&self, name: &str, grace: Duration) -> Result<Option<i32>, EngineError> {
        let seconds = grace.as_secs().to_string();
        let called = self.cli.attempt(&words!["stop", "-t", seconds, name], grace + PATIENCE).await?;
        match (self.inspect(name).await?, called.succeeded()) {
            (None, _) => Ok(None),
            (Some(container), true) => Ok(container.exit_code),
            (Some(_), false) => Err(called.failed()),
        }
    }

    /// Starts one that has ended.
    pub async fn start(&self, name: &str) -> Result<Container, EngineError> {
        let gone = || EngineError::NoSuchContainer { name: name.to_owned() };
        if let Err(error) = self.cli.run(&words!["start", name]).await {
            return Err(self.inspect(name).await?.map_or_else(gone, |_| error));
        }
        self.inspect(name).await?.ok_or_else(gone)
    }

    /// Sends it a signal, by name.
    pub async fn signal(&self, name: &str, signal: &str) -> Result<(), EngineError> {
        self.cli.run(&words!["kill", "--signal", signal, name]).await.map(drop)
    }

    /// Waits until it has ended, and returns the exit code.
    pub async fn wait(&self, name: &str, patience: Duration) -> Result<i32, EngineError> {
        let called = self.cli.run_within(&words!["wait", name], patience).await?;
        let problem = |_| EngineError::Unreadable { command: called.command.clone(), problem: called.text() };
        called.text().parse().map_err(problem)
    }

    /// Removes it, running or not. One that is not there is removed already.
    pub async fn remove(&self, name: &str) -> Result<(), EngineError> {
        self.discard(&words!["rm", "--force", "--volumes", name], self.inspect(name)).await
    }

    /// Calls, and takes a failure for none where what was to go is gone.
    pub(super) async fn discard<T>(
        &self,
        arguments: &[OsString],
        left: impl Future<Output = Result<Option<T>, EngineError>>,
    ) -> Result<(), EngineError> {
        let called = self.cli.attempt(arguments, PATIENCE).await?;
        if called.succeeded() {
            return Ok(());
        }
        match left.await? {
            Some(_) => Err(called.failed()),
            None => Ok(()),
        }
    }
}
