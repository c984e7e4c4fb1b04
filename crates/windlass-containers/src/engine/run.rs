//! Starting a container.

use std::{
    io::Write,
    net::TcpListener,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::{
    Container, ContainerSpec, Engine, EngineError,
    cli::{PATIENCE, words},
};

/// A directory only this user can look into, gone when dropped: the environment passes through it.
fn private() -> Result<TempDir, EngineError> {
    let mode = std::fs::Permissions::from_mode(0o700);
    let made = tempfile::Builder::new().prefix("windlass-run-").permissions(mode).tempdir();
    made.map_err(EngineError::io("no temporary directory could be made"))
}

fn write(path: &Path, text: &str) -> Result<(), EngineError> {
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(EngineError::io(format!("{} could not be written", path.display())))
}

impl Engine {
    /// Starts a container and says where it is. Nothing is left of one that did not start.
    pub async fn run(&self, spec: &ContainerSpec) -> Result<Container, EngineError> {
        spec.check()?;
        let private = private()?;
        let (environment, id_file) = (private.path().join("environment"), private.path().join("id"));
        write(&environment, spec.environment_file().expose_secret())?;
        let mut arguments = words!["run", "--detach", "--env-file", &environment, "--cidfile", &id_file].to_vec();
        arguments.extend(spec.run_arguments(self.kind, &self.flags, self.limits));
        arguments.extend(words![&spec.image]);
        arguments.extend(spec.arguments.iter().map(Into::into));

        let called = self.cli.attempt(&arguments, PATIENCE).await;
        let made = made(&id_file);
        let failure = match called {
            Ok(called) if called.succeeded() => match self.started(spec, made.as_deref().unwrap_or(&spec.name)).await {
                Ok(container) => return Ok(container),
                Err(error) => error,
            },
            Ok(called) => called.failed(),
            Err(error) => error,
        };
        // By its id: under the name there may be somebody else's.
        if let Some(id) = &made {
            self.remove(id).await?;
        }
        Err(self.why_not(spec, failure).await)
    }

    async fn started(&self, spec: &ContainerSpec, id: &str) -> Result<Container, EngineError> {
        let gone = || EngineError::NoSuchContainer { name: spec.name.clone() };
        let container = self.inspect(id).await?.ok_or_else(gone)?;
        // How a line of the file is read has changed between releases of engines: quotes, blanks, number signs.
        let changed = spec.environment.iter().find(|(name, value)| !container.has_environment(name, value));
        match changed {
            None => Ok(container),
            Some((name, _)) => Err(EngineError::InvalidSpec(format!(
                "{} {} hands {name} over with another value; mount it as a file",
                self.kind, self.version
            ))),
        }
    }

    /// The engine's failure, by what is the case rather than by what it wrote.
    async fn why_not(&self, spec: &ContainerSpec, failure: EngineError) -> EngineError {
        if !matches!(failure, EngineError::Failed { .. }) {
            return failure;
        }
        if let Err(error) = self.answers().await {
            return error;
        }
        if let Ok(Some(other)) = self.inspect(&spec.name).await {
            return EngineError::NameTaken { name: spec.name.clone(), id: other.id };
        }
        if matches!(self.image(&spec.image).await, Ok(None)) {
            return EngineError::ImageMissing { image: spec.image.clone() };
        }
        let taken = spec.publish.iter().map(|publish| publish.address).filter(|address| address.port() != 0);
        for address in taken {
            if TcpListener::bind(address).is_err_and(|error| error.kind() == std::io::ErrorKind::AddrInUse) {
                return EngineError::PortTaken { address };
            }
        }
        failure
    }
}

/// The id of what was made, if anything was.
fn made(id_file: &Path) -> Option<String> {
    let id = std::fs::read_to_string(id_file).ok()?;
    Some(id.trim().to_owned()).filter(|id| !id.is_empty())
}
