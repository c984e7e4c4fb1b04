//! Pipelines for those who deploy from a forge: planned on a request to merge, deployed on the main branch, with OIDC and
//! no stored AWS key.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
};

use crate::{DeployError, Kind, shelf::write_whole};

/// Whose pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forge {
    /// GitHub Actions.
    Github,
    /// GitLab CI/CD.
    Gitlab,
}

impl FromStr for Forge {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "github" => Ok(Self::Github),
            "gitlab" => Ok(Self::Gitlab),
            _ => Err(format!("there is no pipeline for `{name}`; there are github and gitlab")),
        }
    }
}

impl Forge {
    fn file(self) -> (&'static str, &'static str) {
        match self {
            Self::Github => (".github/workflows/windlass.yml", include_str!("ci/github.yaml")),
            Self::Gitlab => (".gitlab-ci.yml", include_str!("ci/gitlab.yaml")),
        }
    }

    /// Writes the pipeline below `root`, and returns where. An existing file that differs stays unless `force` is said.
    pub fn write(self, root: &Path, force: bool) -> Result<PathBuf, DeployError> {
        let (name, text) = self.file();
        let path = root.join(name);
        let former = std::fs::read_to_string(&path).ok();
        if former.is_some_and(|former| former != text) && !force {
            return Err(DeployError::new(Kind::Usage, format!("{} is there already, and different", path.display()))
                .hint("pass --force to replace it"));
        }
        write_whole(&path, text.as_bytes()).map_err(|error| DeployError::file("the pipeline", &path, &error))?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_somebody_else_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = Forge::Gitlab.write(directory.path(), false).unwrap();
        Forge::Gitlab.write(directory.path(), false).unwrap();
        std::fs::write(&path, "stages: []\n").unwrap();
        assert!(Forge::Gitlab.write(directory.path(), false).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "stages: []\n");
        Forge::Gitlab.write(directory.path(), true).unwrap();
    }

    #[test]
    fn pipelines_are_yaml_and_keep_no_key() {
        for forge in [Forge::Github, Forge::Gitlab] {
            let (_, text) = forge.file();
            let read: serde_json::Value = serde_saphyr::from_str(text).unwrap();
            assert!(read.is_object(), "{forge:?}");
            assert!(!text.contains("AWS_ACCESS_KEY_ID") && !text.contains("AWS_SECRET_ACCESS_KEY"));
            assert!(text.contains("windlass deploy --plan") && text.contains("windlass deploy --wait"));
        }
    }
}
