//! Networks: containers in one reach each other by name.

use std::collections::BTreeMap;

use super::{
    Engine, EngineError,
    cli::{PATIENCE, words},
};

/// A network to make.
#[derive(Debug, Clone)]
pub struct NetworkSpec {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Whether it ends at the machine: nothing in it reaches the outside.
    pub internal: bool,
}

impl Engine {
    /// Makes a network; one that is there already stays as it is. Whether it was made.
    pub async fn create_network(&self, spec: &NetworkSpec) -> Result<bool, EngineError> {
        if self.network_exists(&spec.name).await?.is_some() {
            return Ok(false);
        }
        let mut arguments = words!["network", "create"].to_vec();
        arguments.extend(spec.labels.iter().map(|(key, value)| format!("--label={key}={value}").into()));
        arguments.extend(spec.internal.then(|| "--internal".into()));
        arguments.push(spec.name.clone().into());
        match self.cli.run(&arguments).await {
            Ok(_) => Ok(true),
            // Somebody else was quicker.
            Err(error) => self.network_exists(&spec.name).await?.map(|()| false).ok_or(error),
        }
    }

    /// Removes it. One that is not there is removed already.
    pub async fn remove_network(&self, name: &str) -> Result<(), EngineError> {
        self.discard(&words!["network", "rm", name], self.network_exists(name)).await
    }

    async fn network_exists(&self, name: &str) -> Result<Option<()>, EngineError> {
        let called = self.cli.attempt(&words!["network", "ls", "--format", "{{.Name}}"], PATIENCE).await?.ok()?;
        Ok(called.text().lines().any(|line| line.trim() == name).then_some(()))
    }
}
