use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use windlass_cloud::SdkConfig;

/// What the environment says about directories and AWS. Passed in, so that tests never touch the process's own.
#[derive(Debug, Clone)]
pub struct Environment {
    /// `XDG_STATE_HOME`.
    pub xdg_state_home: Option<PathBuf>,
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// The system's temporary directory.
    pub temp: PathBuf,
    /// How AWS is reached. `None`: as the process's variables and files say, once it is needed.
    pub aws: Option<SdkConfig>,
}

impl Environment {
    /// The process's own.
    pub fn of_process() -> Self {
        // The XDG specification has relative paths ignored; so are empty ones.
        let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        Self {
            xdg_state_home: absolute("XDG_STATE_HOME"),
            home: absolute("HOME"),
            temp: std::env::temp_dir(),
            aws: None,
        }
    }

    /// Where to try, best first.
    pub(crate) fn candidates(&self) -> Vec<Candidate> {
        let uid = rustix::process::geteuid().as_raw();
        let state = self.xdg_state_home.as_ref().map(|state| state.join("windlass"));
        let home = self.home.as_ref().map(|home| home.join(".local/state/windlass"));
        let own = [state, home].into_iter().flatten().map(|path| Candidate { path, shared_parent: false });
        let temp = Candidate { path: self.temp.join(format!("windlass-{uid}")), shared_parent: true };
        own.chain([temp]).collect()
    }
}

/// A directory nobody configured, so it has to prove that it is ours.
pub(crate) struct Candidate {
    pub(crate) path: PathBuf,
    /// Anybody can create a directory of this name before us.
    shared_parent: bool,
}

impl Candidate {
    /// Creates it if need be, and refuses it if somebody else could have a hand in it: a link, a foreign owner, or (in
    /// the temporary directory) one that others can enter.
    pub(crate) fn prepare(&self) -> Result<(), String> {
        let path = &self.path;
        let failed = |error: io::Error| format!("{}: {error}", path.display());
        if !self.shared_parent
            && let Some(parent) = path.parent()
        {
            create_all(parent).map_err(failed)?;
        }
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
            _ => {}
        }
        let found = fs::symlink_metadata(path).map_err(failed)?;
        let refused = |why: &str| Err(format!("{} {why}", path.display()));
        if !found.is_dir() {
            return refused("is not a directory of its own (a link or a file)");
        }
        if found.uid() != rustix::process::geteuid().as_raw() {
            return refused("belongs to another user");
        }
        if found.mode() & 0o777 != 0o700 {
            if self.shared_parent {
                return refused("is open to other users");
            }
            fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(failed)?;
        }
        Ok(())
    }
}

/// Creates `path` and what is missing above it, for us alone.
pub(crate) fn create_all(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}
