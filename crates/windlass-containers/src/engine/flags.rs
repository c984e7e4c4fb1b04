//! What podman must be told on a machine where its defaults do not fit.
//!
//! podman's defaults assume systemd, its journal and one kind of control groups. Where something else is true, every
//! container fails to start, with a message that names none of this. So the facts are collected first.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Flags an engine is given beside what one asks of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Flags {
    /// Before the command.
    pub global: Vec<String>,
    /// With `run`.
    pub run: Vec<String>,
    /// Why, one sentence each.
    pub reasons: Vec<String>,
    /// Whether bind mounts need a label.
    #[serde(skip)]
    pub(super) relabel: bool,
}

/// `podman info`, as far as it matters.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Info {
    pub host: Host,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Host {
    #[serde(default)]
    pub cgroup_version: String,
    #[serde(default)]
    pub cgroup_manager: String,
    #[serde(default)]
    pub event_logger: String,
    #[serde(default)]
    pub log_driver: String,
    #[serde(default)]
    pub network_backend: String,
    #[serde(default)]
    pub service_is_remote: bool,
    pub oci_runtime: Option<Runtime>,
    #[serde(default)]
    pub security: Security,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Runtime {
    pub name: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Security {
    #[serde(default)]
    pub rootless: bool,
    #[serde(default, rename = "selinuxEnabled")]
    pub selinux: bool,
}

/// What the machine itself says.
#[derive(Debug, Clone, Default)]
pub(super) struct Surroundings {
    pub systemd: bool,
    pub journal: bool,
    pub hybrid: bool,
    pub runc: Option<PathBuf>,
    pub bridge_plugin: bool,
    pub netavark: bool,
}

impl Surroundings {
    pub fn look() -> Self {
        let any = |places: &[&str]| places.iter().any(|place| Path::new(place).exists());
        Self {
            systemd: any(&["/run/systemd/system"]),
            journal: any(&["/run/systemd/journal/socket"]),
            hybrid: any(&["/sys/fs/cgroup/unified/cgroup.procs"]),
            runc: super::find::program("runc"),
            bridge_plugin: any(&["/usr/lib/cni/bridge", "/usr/libexec/cni/bridge", "/opt/cni/bin/bridge"]),
            netavark: any(&["/usr/lib/podman/netavark", "/usr/libexec/podman/netavark"]),
        }
    }
}

impl Flags {
    /// What follows from the facts.
    pub(super) fn choose(host: &Host, around: &Surroundings) -> Self {
        let mut flags = Self { relabel: host.security.selinux, ..Self::default() };
        // The machine that counts is then another one.
        if host.service_is_remote {
            return flags;
        }
        let runtime = host.oci_runtime.as_ref().map_or("", |runtime| runtime.name.as_str());
        if let ("crun", "v1", true, Some(runc)) = (runtime, host.cgroup_version.as_str(), around.hybrid, &around.runc) {
            let runc = runc.display().to_string();
            flags.tell("--runtime", &runc, "crun refuses machines where both versions of control groups are mounted");
        }
        if host.cgroup_manager == "systemd" && !around.systemd {
            flags.tell("--cgroup-manager", "cgroupfs", "there is no systemd to manage control groups");
        }
        if host.event_logger == "journald" && !around.journal {
            flags.tell("--events-backend", "file", "there is no journal to write events to");
        }
        if host.log_driver == "journald" && !around.journal {
            flags.run.push("--log-driver=k8s-file".into());
            flags.reasons.push("there is no journal to write containers' output to".into());
        }
        if host.network_backend == "cni" && !around.bridge_plugin && around.netavark {
            flags.tell(
                "--network-backend",
                "netavark",
                "the plugins the network backend `cni` needs are not installed",
            );
        }
        flags
    }

    fn tell(&mut self, flag: &str, value: &str, reason: &str) {
        self.global.push(format!("{flag}={value}"));
        self.reasons.push(reason.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(edit: impl FnOnce(&mut Host)) -> Host {
        let mut host: Host = serde_json::from_str(
            r#"{"cgroupVersion":"v2","cgroupManager":"systemd","eventLogger":"journald","logDriver":"journald",
                "networkBackend":"netavark","ociRuntime":{"name":"crun"},"security":{"rootless":false}}"#,
        )
        .unwrap();
        edit(&mut host);
        host
    }

    fn usual() -> Surroundings {
        Surroundings { systemd: true, journal: true, runc: Some("/usr/bin/runc".into()), ..Surroundings::default() }
    }

    #[test]
    fn an_ordinary_machine_needs_nothing() {
        assert_eq!(Flags::choose(&host(|_| ()), &usual()), Flags::default());
    }

    #[test]
    fn each_fact_has_its_flag() {
        let bare = Surroundings { hybrid: true, netavark: true, runc: usual().runc, ..Surroundings::default() };
        let host = host(|host| {
            host.cgroup_version = "v1".into();
            host.network_backend = "cni".into();
        });
        let flags = Flags::choose(&host, &bare);
        insta::assert_snapshot!(flags.global.join("\n"), @r"
        --runtime=/usr/bin/runc
        --cgroup-manager=cgroupfs
        --events-backend=file
        --network-backend=netavark
        ");
        assert_eq!(flags.run, ["--log-driver=k8s-file"]);
        assert_eq!(flags.reasons.len(), 5);
    }

    #[test]
    fn crun_stays_where_it_works_and_where_nothing_else_is() {
        let hybrid = Surroundings { hybrid: true, ..usual() };
        assert!(Flags::choose(&host(|_| ()), &hybrid).global.is_empty(), "version 2 alone is what it likes");
        let alone = Surroundings { runc: None, ..hybrid };
        assert!(Flags::choose(&host(|host| host.cgroup_version = "v1".into()), &alone).global.is_empty());
    }

    #[test]
    fn what_this_machine_is_says_nothing_of_a_remote_one() {
        let flags = Flags::choose(&host(|host| host.service_is_remote = true), &Surroundings::default());
        assert_eq!(flags, Flags::default());
    }
}
