//! Receipts are sealed, so that a later phase believes only what this user's `windlass` wrote.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use aws_lc_rs::hmac;

use crate::{DeployError, Kind};

/// The key, kept outside the project: who may write to a checkout or a cache of it cannot write a receipt.
pub(crate) struct Seal(hmac::Key);

/// Takes the key from a pipeline that runs each phase on another machine.
const VARIABLE: &str = "WINDLASS_DEPLOY_SEAL";

impl Seal {
    /// From the environment, else this user's own, made on first use.
    pub fn of_user() -> Result<Self, DeployError> {
        if let Some(text) = std::env::var_os(VARIABLE).filter(|text| !text.is_empty()) {
            return match text.len() >= 32 {
                true => Ok(Self::new(text.as_encoded_bytes())),
                false => Err(DeployError::new(Kind::Usage, format!("{VARIABLE} is shorter than 32 characters"))
                    .hint("make one with `openssl rand -hex 32` and keep it as a secret of the pipeline")),
            };
        }
        let path = state_directory()?.join("deploy.key");
        Self::at(&path)
    }

    /// The key in this file, made when it is missing.
    pub fn at(path: &Path) -> Result<Self, DeployError> {
        let read = || fs::read(path).map(|bytes| Self::new(&bytes));
        match read() {
            Ok(seal) => Ok(seal),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(path).and_then(|()| read()).map_err(|error| DeployError::file("the seal", path, &error))
            }
            Err(error) => Err(DeployError::file("the seal", path, &error)),
        }
    }

    fn new(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The seal of `text`.
    pub fn of(&self, text: &str) -> String {
        hex::encode(hmac::sign(&self.0, text.as_bytes()))
    }

    /// Whether `seal` is that of `text`.
    pub fn holds(&self, text: &str, seal: &str) -> bool {
        hex::decode(seal).is_ok_and(|seal| hmac::verify(&self.0, text.as_bytes(), &seal).is_ok())
    }
}

fn make(path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let mut key = [0_u8; 32];
    aws_lc_rs::rand::fill(&mut key).map_err(|_| io::Error::other("the system gives no random numbers"))?;
    let written = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match written {
        Ok(mut file) => file.write_all(hex::encode(key).as_bytes()),
        // Somebody was faster: theirs is the key.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Of this user, for what is of no one checkout.
pub(crate) fn state_directory() -> Result<PathBuf, DeployError> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("XDG_STATE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".local/state")))
        .map(|state| state.join("windlass"))
        .ok_or_else(|| {
            DeployError::new(Kind::Missing, "there is no home directory to keep the seal of receipts in")
                .hint(format!("set HOME, or {VARIABLE}"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_nobody_else_reads_it() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state/deploy.key");
        let seal = Seal::at(&path).unwrap().of("text");
        assert!(Seal::at(&path).unwrap().holds("text", &seal));
        assert!(!Seal::at(&path).unwrap().holds("other", &seal));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!Seal::at(&directory.path().join("another.key")).unwrap().holds("text", &seal));
    }
}
