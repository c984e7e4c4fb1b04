//! What a front that starts again must know.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::Upstream;

/// A small file that holds the active release.
#[derive(Debug, Clone)]
pub(super) struct StateFile(pub PathBuf);

#[derive(Serialize, Deserialize)]
struct State {
    active: Upstream,
}

impl StateFile {
    /// `None` where there is none yet, or none that can be read: then somebody has to say it again.
    pub fn read(&self) -> Option<Upstream> {
        let text = match fs::read(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!("{} cannot be read: {error}", self.0.display());
                return None;
            }
        };
        let state: Result<State, String> = serde_json::from_slice(&text).map_err(|error| error.to_string());
        match state.and_then(|state| state.active.check().map(|()| state.active)) {
            Ok(active) => Some(active),
            Err(problem) => {
                tracing::warn!("{} is damaged: {problem}", self.0.display());
                None
            }
        }
    }

    /// On disk before it counts, and whole or not at all.
    pub fn write(&self, active: &Upstream) -> std::io::Result<()> {
        let directory = self.0.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        let state = State { active: active.clone() };
        file.write_all(serde_json::to_string(&state)?.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&self.0)?;
        fs::File::open(directory)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_what_is_damaged_is_not_believed() {
        let directory = tempfile::tempdir().unwrap();
        let file = StateFile(directory.path().join("front.json"));
        assert_eq!(file.read(), None);
        for release in ["one", "two"] {
            let upstream = Upstream { release: release.into(), address: "release:8080".into() };
            file.write(&upstream).unwrap();
            assert_eq!(file.read(), Some(upstream));
        }
        for text in [
            "",
            "{",
            r#"{"active":{"release":"../x","address":"a:1"}}"#,
            r#"{"active":{"release":"x","address":"a@b:1"}}"#,
        ] {
            fs::write(&file.0, text).unwrap();
            assert_eq!(file.read(), None, "{text}");
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing else is left");
    }
}
