//! Images: in from a directory, out again.

use std::{path::Path, time::Duration};

use serde::Deserialize;
use tokio::io::AsyncWriteExt;

use super::{
    Engine, EngineError, Kind, archive,
    cli::{PATIENCE, words},
    layout::Layout,
};

/// Taking in an image writes all of it to disk.
const LOADING: Duration = Duration::from_secs(600);

#[derive(Deserialize)]
struct Image {
    #[serde(rename = "Id")]
    id: String,
}

impl Engine {
    /// Takes in the image of an OCI layout directory under `tag`, and returns its id. Every blob is compared with its
    /// digest on the way, before the engine sees the end of it.
    pub async fn load(&self, directory: &Path, tag: &str) -> Result<String, EngineError> {
        let layout = Layout::open(directory)?;
        let arguments = words!["load"];
        let line = self.cli.line(&arguments);
        let mut command = self.cli.command(&arguments);
        let mut child = command
            .stdin(std::process::Stdio::piped())
            .spawn()
            .map_err(EngineError::io(format!("`{line}` did not start")))?;
        let Some(mut stdin) = child.stdin.take() else {
            return Err(EngineError::io(&line)(std::io::Error::other("it has no standard input")));
        };
        let name = qualified(self.kind, tag);
        let wanted = layout.config_digest().to_owned();
        let all = async {
            let (sender, mut chunks) = tokio::sync::mpsc::channel(4);
            let writing = tokio::task::spawn_blocking(move || archive::write(&layout, &name, sender));
            while let Some(chunk) = chunks.recv().await {
                // What it did not want to read it says in its exit code.
                if stdin.write_all(&chunk).await.is_err() {
                    break;
                }
            }
            drop(chunks);
            let written = writing.await.map_err(|lost| EngineError::io("the image was not read")(lost.into()))?;
            if let Err(error) = written {
                // Ended before it sees an end of the file, or it might keep what it has.
                child.kill().await.map_err(EngineError::io(format!("`{line}` could not be ended")))?;
                return Err(error);
            }
            drop(stdin);
            child.wait_with_output().await.map_err(EngineError::io(format!("`{line}` was lost")))
        };
        let output = tokio::time::timeout(LOADING, all)
            .await
            .map_err(|_| EngineError::TimedOut { command: line.clone(), after: LOADING })??;
        if !output.status.success() {
            self.answers().await?;
            let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(EngineError::Failed { command: line, status: output.status.code(), stderr });
        }
        match self.image(tag).await? {
            Some(id) if id.ends_with(wanted.trim_start_matches("sha256:")) => Ok(id),
            Some(id) => {
                // A store that is containerd's own names images by their manifest.
                tracing::debug!(id, wanted, "the engine's id of the image is not that of its configuration");
                Ok(id)
            }
            None => Err(EngineError::ImageMissing { image: tag.to_owned() }),
        }
    }

    /// The id of an image, if the engine has it.
    pub async fn image(&self, reference: &str) -> Result<Option<String>, EngineError> {
        let called = self.cli.attempt(&words!["image", "inspect", reference], PATIENCE).await?;
        if called.succeeded() {
            return Ok(called.json::<Vec<Image>>()?.into_iter().next().map(|image| image.id));
        }
        // Not there, or is the engine unwell?
        self.cli.run(&words!["image", "ls", "--quiet"]).await?;
        Ok(None)
    }

    /// Removes an image. One that is not there is removed already; one that a container needs stays, and is an error.
    pub async fn remove_image(&self, reference: &str) -> Result<(), EngineError> {
        self.discard(&words!["image", "rm", reference], self.image(reference)).await
    }
}

/// A reference with a registry and a tag, as the engine would complete it itself.
fn qualified(kind: Kind, reference: &str) -> String {
    let (first, rest) = reference.split_once('/').unwrap_or(("", reference));
    let tagged = if rest.contains([':', '@']) { reference.to_owned() } else { format!("{reference}:latest") };
    if first.contains(['.', ':']) || first == "localhost" {
        return tagged;
    }
    match (kind, first) {
        (Kind::Podman, _) => format!("localhost/{tagged}"),
        (Kind::Docker, "") => format!("docker.io/library/{tagged}"),
        (Kind::Docker, _) => format!("docker.io/{tagged}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_completed_as_its_engine_would() {
        assert_eq!(qualified(Kind::Podman, "windlass:abc"), "localhost/windlass:abc");
        assert_eq!(qualified(Kind::Docker, "windlass"), "docker.io/library/windlass:latest");
        assert_eq!(qualified(Kind::Docker, "team/windlass:1"), "docker.io/team/windlass:1");
        for kind in [Kind::Podman, Kind::Docker] {
            assert_eq!(qualified(kind, "127.0.0.1:5000/windlass:1"), "127.0.0.1:5000/windlass:1");
            assert_eq!(qualified(kind, "localhost/windlass"), "localhost/windlass:latest");
        }
    }
}
