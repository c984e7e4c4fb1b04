//! Where the processes of sandboxes run: in control groups, as a user of their own, in namespaces that bubblewrap makes.
//! Everything they hold of the machine is written down first, so that the next server finds what a killed one left.

mod courtesy;
mod held;
mod home;
mod spawner;
mod users;

use std::{
    fs, io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};

use command_fds::{CommandFdExt, FdMapping};
use tokio::process::{Child, Command};
use windlass_confine::GroupLimits;
use windlass_guest::parts::Launch;

use crate::{
    backend::{BackendError, find},
    program::Program,
};

pub(crate) use held::Held;
pub(crate) use home::Home;
pub(crate) use users::next as next_user;

/// What bubblewrap is told for every jail: nothing is shared, nothing can be gained.
pub(crate) const SEALED: &str = "--unshare-all --unshare-user --disable-userns --die-with-parent --new-session --as-pid-1 \
     --clearenv --cap-drop ALL";

/// Whether bubblewrap is there. Whether it works is found out by making a sandbox.
pub(crate) fn is_likely() -> bool {
    find("bwrap").is_some()
}

/// Makes jails. One for each server.
pub(crate) struct Jail {
    bubblewrap: PathBuf,
    program: Program,
    home: Arc<Home>,
}

impl Jail {
    /// Files of sandboxes go below `directory`. What a killed server left there is taken away first.
    pub async fn open(directory: Option<PathBuf>, program: Program) -> Result<Arc<Self>, BackendError> {
        let bubblewrap = find("bwrap").ok_or_else(|| BackendError::Missing {
            what: "there is no program `bwrap` on PATH".into(),
            hint: "install the package bubblewrap".into(),
        })?;
        let guest = program.path.clone();
        let opening = tokio::task::spawn_blocking(move || Home::open(directory, &guest));
        let home = opening.await.map_err(|error| BackendError::Ended(error.to_string()))??;
        Ok(Arc::new(Self { bubblewrap, program, home: Arc::new(home) }))
    }

    /// Where their files lie.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// What makes the parts of a sandbox.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Takes what sandbox `id` needs of the machine.
    pub fn hold(&self, id: &str, limits: &GroupLimits) -> Result<Held, BackendError> {
        Held::take(id, limits, &self.home)
    }

    /// Starts bubblewrap in what is `held`.
    pub async fn start(&self, held: &Held, inmate: Inmate) -> Result<Child, BackendError> {
        let Inmate { arguments, groups, file_size, stdin, files, bind } = inmate;
        let launch = Launch {
            cgroups: held.cgroups.clone(),
            user: next_user(),
            groups,
            file_size,
            bind,
            apart: false,
            program: self.bubblewrap.clone(),
            arguments,
        };
        self.launch(&launch, stdin, files).await
    }

    /// Starts a program that makes jails itself in what is `held`: as root, in namespaces that end with the server.
    pub async fn start_apart(
        &self,
        held: &Held,
        program: PathBuf,
        arguments: Vec<String>,
    ) -> Result<Child, BackendError> {
        let (cgroups, groups) = (held.cgroups.clone(), Vec::new());
        let launch =
            Launch { cgroups, user: None, groups, file_size: None, bind: None, apart: true, program, arguments };
        self.launch(&launch, Stdio::null(), Vec::new()).await
    }

    async fn launch(&self, launch: &Launch, stdin: Stdio, files: Vec<(i32, OwnedFd)>) -> Result<Child, BackendError> {
        let told = serde_json::to_string(launch).map_err(|error| BackendError::Ended(error.to_string()))?;
        let mut command = Command::new(&self.program.path);
        command.args(&self.program.args).args(["launch", &told]).env_clear().current_dir("/").kill_on_drop(true);
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mappings = files.into_iter().map(|(child_fd, parent_fd)| FdMapping { parent_fd, child_fd }).collect();
        let mapped = command.fd_mappings(mappings).map_err(io::Error::other).map(|_| ());
        mapped.map_err(BackendError::io("handing over descriptors"))?;
        spawner::spawn(command).await.map_err(BackendError::io("starting the sandbox's launcher"))
    }
}

/// What is to run in a jail.
pub(crate) struct Inmate {
    /// What bubblewrap is told.
    pub arguments: Vec<String>,
    /// Groups to belong to besides its own.
    pub groups: Vec<u32>,
    /// Bytes of the longest file it may write, where that is limited from outside.
    pub file_size: Option<u64>,
    pub stdin: Stdio,
    /// A directory that only this user may be able to reach, and where the sandbox's user finds it.
    pub bind: Option<(PathBuf, PathBuf)>,
    /// Descriptors besides the usual three, by their numbers inside.
    pub files: Vec<(i32, OwnedFd)>,
}

/// Arguments of bubblewrap.
#[derive(Default)]
pub(crate) struct Told(pub Vec<String>);

impl Told {
    /// Words between spaces.
    pub fn flags(&mut self, flags: &str) {
        self.add(flags.split_ascii_whitespace());
    }

    /// Words as they are.
    pub fn add<'a>(&mut self, more: impl IntoIterator<Item = &'a str>) {
        self.0.extend(more.into_iter().map(str::to_owned));
    }

    /// A file or directory that can be read there.
    pub fn bind(&mut self, from: &Path, to: &str) {
        self.add(["--ro-bind", &from.to_string_lossy(), to]);
    }

    /// This machine's programs and libraries.
    pub fn programs(&mut self) -> io::Result<()> {
        self.flags("--ro-bind /usr /usr");
        ["bin", "sbin", "lib", "lib32", "lib64", "libx32"]
            .iter()
            .try_for_each(|name| self.entry("/".as_ref(), "/".as_ref(), name))
    }

    /// A directory of `root`, which is found at `shown`, as it is there: itself, or a link.
    pub fn entry(&mut self, root: &Path, shown: &Path, name: &str) -> io::Result<()> {
        let path = root.join(name);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_symlink() => {
                let target = fs::read_link(&path)?;
                self.add(["--symlink", &target.to_string_lossy(), &format!("/{name}")]);
            }
            Ok(found) if found.is_dir() => self.bind(&shown.join(name), &format!("/{name}")),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
