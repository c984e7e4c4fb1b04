//! The launcher: between the server and bubblewrap, or another program that makes jails.

use std::{
    env, fs, io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, exit},
};

use nix::{
    sched::{CloneFlags, unshare},
    unistd::{Gid, Uid, setgid, setgroups, setuid},
};
use rustix::{
    mount::{MountPropagationFlags, mount_bind_recursive, mount_change},
    process::{Resource, Signal, set_parent_process_death_signal, setsid},
};
use serde::{Deserialize, Serialize};
use windlass_confine::{Cgroups, lower};

/// What it is told.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Launch {
    /// The groups to be in.
    pub cgroups: Cgroups,
    /// The user to become, and its group.
    pub user: Option<u32>,
    /// Groups to belong to besides.
    pub groups: Vec<u32>,
    /// Bytes of the longest file, where that is limited.
    pub file_size: Option<u64>,
    /// A directory that the user could not get at, and where it finds it instead.
    pub bind: Option<(PathBuf, PathBuf)>,
    /// Whether the program is to be in namespaces of the launcher's making, with everything it starts.
    pub apart: bool,
    /// The program to become, or to start.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// Becomes the program, or says why not.
pub(super) fn run(told: &str) -> String {
    let launch: Launch = match serde_json::from_str(told) {
        Ok(launch) => launch,
        Err(error) => return format!("what the launcher was told makes no sense: {error}"),
    };
    launch.cgroups.join();
    // Before the server, should memory run out.
    let _ = fs::write("/proc/self/oom_score_adj", "800");
    if let Some(Err(error)) = launch.file_size.map(|size| lower(Resource::Fsize, size)) {
        return format!("cannot limit the size of files: {error}");
    }
    if let Some((from, to)) = launch.bind.as_ref().filter(|_| launch.user.is_some())
        && let Err(error) = bind(from, to)
    {
        return format!("cannot show {} to the sandbox's user: {error}", from.display());
    }
    if let Some(user) = launch.user {
        let groups: Vec<Gid> = launch.groups.iter().copied().map(Gid::from_raw).collect();
        let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
        if let Err(error) = setgroups(&groups).and_then(|()| setgid(gid)).and_then(|()| setuid(uid)) {
            return format!("cannot become the sandbox's user {user}: {error}");
        }
    }
    // After the change of user, which forgets it.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    if launch.apart {
        return apart();
    }
    let error = Command::new(&launch.program).args(&launch.arguments).env_clear().exec();
    format!("cannot start {}: {error}", launch.program.display())
}

/// Shows a directory in another place, to this process and what it starts. Nobody has to take that away again.
fn bind(from: &Path, to: &Path) -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
    Ok(mount_bind_recursive(from, to)?)
}

/// Starts this program once more as the [`first`] process of namespaces, and ends as it does.
///
/// A program that changes its user forgets that it is to die with its parent. The first process does not change it, and
/// everything in its namespace dies with it.
fn apart() -> String {
    let namespaces =
        CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWUTS;
    if let Err(error) = unshare(namespaces) {
        return format!("cannot make namespaces: {error}");
    }
    let same = env::args_os().skip(1).map(|argument| if argument == "launch" { "first".into() } else { argument });
    wait(Command::new("/proc/self/exe").args(same))
}

/// Runs the program and ends as it does, or says why not.
pub(super) fn first(told: &str) -> String {
    let launch: Launch = match serde_json::from_str(told) {
        Ok(launch) => launch,
        Err(error) => return format!("what the launcher was told makes no sense: {error}"),
    };
    // A terminal's interrupt is for the server alone.
    let _ = setsid();
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    wait(Command::new(&launch.program).args(&launch.arguments))
}

fn wait(command: &mut Command) -> String {
    match command.env_clear().status() {
        Ok(status) => exit(status.code().unwrap_or(70)),
        Err(error) => format!("cannot start {}: {error}", command.get_program().display()),
    }
}
