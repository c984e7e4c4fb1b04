//! A directory that a container writes to and its starter reads, although they are different users.
//!
//! Inside runs user 65532. Outside is root, a member of the group `docker`, or a user of podman without root, for whom
//! 65532 inside is some number in the hundred thousands outside. In each case there is one owner for whom the mode can
//! stay 0700, so that nobody else on the machine gets near.

use std::{
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::{Engine, EngineError, Kind, Mount, User};

/// A directory shared between a container and who started it.
#[derive(Debug, Clone)]
pub struct ControlDirectory {
    /// Where it is outside.
    pub path: PathBuf,
    /// Who the container has to run as.
    pub user: User,
}

impl ControlDirectory {
    /// As a mount at `target`.
    pub fn mount(&self, target: impl Into<PathBuf>) -> Mount {
        Mount { source: self.path.clone(), target: target.into(), writable: true }
    }
}

impl Engine {
    /// Makes the directory, or takes an existing one of the same owner into use, with mode 0700.
    pub fn control_directory(&self, path: &Path) -> Result<ControlDirectory, EngineError> {
        let broken = |what: &str| EngineError::io(format!("{} {what}", path.display()));
        let absolute = std::path::absolute(path).map_err(broken("is no path"))?;
        let own = rustix::process::geteuid().as_raw();
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&absolute).map_err(broken("cannot be made"))?;
        // Not through a link: what is at its end might be anybody's.
        let metadata = std::fs::symlink_metadata(&absolute).map_err(broken("cannot be seen"))?;
        let user = self.inside(own);
        if !metadata.is_dir() || ![own, user.uid].contains(&metadata.uid()) {
            return Err(EngineError::InvalidSpec(format!(
                "{} is not a directory of user {own}; name another one",
                absolute.display()
            )));
        }
        let mode = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(&absolute, mode).map_err(broken("cannot be closed to others"))?;
        if own == 0 {
            std::os::unix::fs::chown(&absolute, Some(user.uid), Some(user.gid))
                .map_err(broken("cannot be given to the container's user"))?;
        }
        Ok(ControlDirectory { path: absolute, user })
    }

    /// Root never runs anything as root inside. Anybody else is the same user inside: without root podman makes it so
    /// (`keep-id`), and docker maps nobody.
    fn inside(&self, own: u32) -> User {
        match own {
            0 => User::default(),
            uid => {
                let keep_id = self.kind == Kind::Podman && self.rootless;
                User { uid, gid: rustix::process::getegid().as_raw(), keep_id }
            }
        }
    }
}
