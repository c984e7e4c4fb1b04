//! The version is the commit.

use std::{fmt, fs, path::Path, process::Command};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{DeployError, Kind};

/// Of a release: the short hash of the commit, with `-dirty-HASH` where the tree differs from it. The hash is of the
/// difference, so two different dirty trees are two versions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(String);

/// A version and when its commit was made, which is the time everything built from it carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The version.
    pub version: Version,
    /// Seconds since 1970.
    pub time: u64,
    /// The whole hash.
    pub revision: String,
}

impl Commit {
    /// Of the tree at `directory`.
    pub fn of(directory: &Path) -> Result<Self, DeployError> {
        let short = git(directory, &["rev-parse", "--short", "HEAD"])?;
        let head = git(directory, &["log", "-1", "--format=%ct %H"])?;
        let head = String::from_utf8_lossy(&head);
        let (time, revision) = head.trim().split_once(' ').unwrap_or_default();
        let mut version = String::from_utf8_lossy(&short).trim().to_owned();
        if let Some(difference) = difference(directory)? {
            version = format!("{version}-dirty-{difference}");
        }
        Ok(Self { version: Version(version), time: time.parse().unwrap_or_default(), revision: revision.to_owned() })
    }
}

/// A hash of what differs from the commit; `None` for a clean tree.
fn difference(directory: &Path) -> Result<Option<String>, DeployError> {
    let changed = git(directory, &["diff", "HEAD", "--binary", "--no-ext-diff", "--no-textconv"])?;
    let top = git(directory, &["rev-parse", "--show-toplevel"])?;
    let top = Path::new(String::from_utf8_lossy(&top).trim()).to_owned();
    let new = git(&top, &["ls-files", "--others", "--exclude-standard", "-z"])?;
    if changed.is_empty() && new.is_empty() {
        return Ok(None);
    }
    let mut hash = Sha256::new_with_prefix(&changed);
    for name in new.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let path = top.join(String::from_utf8_lossy(name).as_ref());
        hash.update(name);
        // A file that vanished in between, or a link to nowhere, is part of the difference by its name.
        if let Ok(bytes) = fs::read(&path) {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        }
    }
    Ok(Some(hex::encode(&hash.finalize()[..4])))
}

fn git(directory: &Path, arguments: &[&str]) -> Result<Vec<u8>, DeployError> {
    let output = Command::new("git").current_dir(directory).args(arguments).output().map_err(|error| {
        DeployError::new(Kind::Missing, format!("git cannot be started: {error}")).hint("install git")
    })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(DeployError::new(Kind::Usage, format!("{} has no commit to deploy", directory.display()))
        .hint("the version of a release is its commit: `git init`, `git add`, `git commit`, then again")
        .detail(String::from_utf8_lossy(&output.stderr).trim()))
}

/// Whether git has something below `path` in its index.
pub(crate) fn tracks(directory: &Path, path: &str) -> Result<bool, DeployError> {
    Ok(!git(directory, &["ls-files", "--", path])?.is_empty())
}

impl Version {
    /// The version in words.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a commit and nothing else.
    pub fn is_clean(&self) -> bool {
        !self.0.contains("-dirty-")
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.0
    }
}

impl TryFrom<String> for Version {
    type Error = String;

    /// It becomes a tag, a file's name and a part of other names, so it is held to what all of them take.
    fn try_from(text: String) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        match !text.is_empty() && text.len() <= 64 && !text.starts_with('-') && text.chars().all(plain) {
            true => Ok(Self(text)),
            false => Err(format!("`{text}` is no version: letters, digits and dashes, at most 64")),
        }
    }
}

impl std::str::FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::try_from(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let run = |arguments: &[&str]| git(directory.path(), arguments).map(drop).unwrap();
        run(&["init", "-q"]);
        run(&["config", "user.email", "nobody@example.com"]);
        run(&["config", "user.name", "nobody"]);
        fs::write(directory.path().join("a"), "one").unwrap();
        run(&["add", "."]);
        run(&["commit", "-q", "-m", "first"]);
        directory
    }

    #[test]
    fn a_clean_tree_is_its_commit() {
        let directory = repository();
        let commit = Commit::of(directory.path()).unwrap();
        assert!(commit.version.is_clean() && commit.revision.starts_with(commit.version.as_str()), "{commit:?}");
        assert!(commit.time > 1_600_000_000);
    }

    #[test]
    fn each_dirty_tree_is_a_version_of_its_own() {
        let directory = repository();
        let version = || Commit::of(directory.path()).unwrap().version;
        let clean = version();
        fs::write(directory.path().join("a"), "two").unwrap();
        let changed = version();
        fs::write(directory.path().join("b"), "new").unwrap();
        let more = version();
        fs::write(directory.path().join("b"), "newer").unwrap();
        let other = version();
        assert!(changed.as_str().starts_with(&format!("{clean}-dirty-")) && !changed.is_clean());
        assert!(changed != more && more != other, "{changed} {more} {other}");
        fs::write(directory.path().join("b"), "new").unwrap();
        assert_eq!(version(), more);
    }

    #[test]
    fn without_a_commit_there_is_nothing_to_deploy() {
        let directory = tempfile::tempdir().unwrap();
        let error = Commit::of(directory.path()).unwrap_err();
        assert_eq!(error.kind, Kind::Usage);
        assert!(error.hint.unwrap().contains("git commit"));
    }

    #[test]
    fn a_version_is_fit_for_a_path_and_a_tag() {
        for bad in ["", "../up", "a/b", "a b", "-x", "a.b"] {
            assert!(bad.parse::<Version>().is_err(), "{bad}");
        }
        assert!("1a2b3c4-dirty-00ff00ff".parse::<Version>().is_ok());
    }
}
