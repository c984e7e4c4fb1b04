//! Whether commands can run here, and under which protections.

use windlass_config::settings::{KernelFeature, NetworkAccess};
use windlass_core::Check;

use super::{NoJobs, ShellToolset};
use crate::launch::Protection;

impl ShellToolset {
    pub(super) async fn checks(&self) -> Vec<Check> {
        let mut checks = match self.protections().await {
            Ok(protections) => protections.0.iter().filter_map(|protection| self.check(protection)).collect(),
            Err(error) => vec![Check::failed("shell.launcher", format!("no command can be started: {error}"))],
        };
        checks.push(self.programs());
        checks.extend(self.place_of_jobs());
        checks
    }

    /// `None` where the configuration wants it so.
    fn check(&self, protection: &Protection) -> Option<Check> {
        let sandbox = &self.inner.settings.sandbox;
        let insist = match protection.name.as_str() {
            "landlock" => sandbox.landlock,
            "seccomp" => sandbox.seccomp,
            "network" if sandbox.network == NetworkAccess::Allow => return None,
            _ => KernelFeature::Auto,
        };
        let name = format!("shell.{}", protection.name);
        Some(match (protection.in_force, insist) {
            (true, _) => Check::ok(name, &protection.detail),
            (false, KernelFeature::Off) => Check::degraded(name, "switched off in the configuration"),
            (false, KernelFeature::Auto) => Check::degraded(name, &protection.detail),
            (false, KernelFeature::Required) => Check::failed(name, &protection.detail),
        })
    }

    /// `None` where there are to be none.
    fn place_of_jobs(&self) -> Option<Check> {
        let directory = match &self.inner.jobs {
            Ok(jobs) => jobs.directory(),
            Err(NoJobs::Unwanted) => return None,
            Err(NoJobs::NoPlace(why)) => {
                return Some(Check::degraded("shell.jobs", format!("start_command does not work: {why}")));
            }
        };
        // A command that can write there can make itself the owner of any job.
        let real = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
        let (read, write) = self.inner.rules.roots();
        Some(match read.iter().chain(write).find(|root| real.starts_with(root)) {
            Some(root) => Check::degraded(
                "shell.jobs",
                format!(
                    "{} lies inside the root {}, where commands can reach it: move `store.directory`",
                    directory.display(),
                    root.display()
                ),
            ),
            None => Check::ok("shell.jobs", format!("kept in {}", directory.display())),
        })
    }

    fn programs(&self) -> Check {
        let missing = self.inner.rules.missing();
        let count = self.inner.rules.list().len();
        match (count, missing.as_slice()) {
            (0, _) => Check::degraded("shell.programs", "no command is approved: add some under `shell.commands`"),
            (_, []) => Check::ok("shell.programs", format!("{count} rules, every program found")),
            (_, missing) => Check::degraded("shell.programs", format!("not installed: {}", missing.join(", "))),
        }
    }
}
