//! The launcher: between the server and bubblewrap.

use std::{fs, os::unix::process::CommandExt, path::PathBuf, process::Command};

use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};
use rustix::process::{Signal, set_parent_process_death_signal};
use serde::{Deserialize, Serialize};
use windlass_confine::Cgroups;

/// What it is told.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Launch {
    pub cgroups: Cgroups,
    /// The user to become, and its group.
    pub user: Option<u32>,
    pub bubblewrap: PathBuf,
    pub arguments: Vec<String>,
}

/// Becomes bubblewrap, or says why not.
pub(super) fn run(told: &str) -> String {
    let launch: Launch = match serde_json::from_str(told) {
        Ok(launch) => launch,
        Err(error) => return format!("what the launcher was told makes no sense: {error}"),
    };
    launch.cgroups.join();
    // Before the server, should memory run out.
    let _ = fs::write("/proc/self/oom_score_adj", "800");
    if let Some(user) = launch.user {
        let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
        if let Err(error) = setgroups(&[]).and_then(|()| setgid(gid)).and_then(|()| setuid(uid)) {
            return format!("cannot become the sandbox's user {user}: {error}");
        }
    }
    // After the change of user, which forgets it.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let error = Command::new(&launch.bubblewrap).args(&launch.arguments).env_clear().exec();
    format!("cannot start {}: {error}", launch.bubblewrap.display())
}
