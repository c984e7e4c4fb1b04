//! What a container is to be, and the arguments that say so.

use std::{collections::BTreeMap, ffi::OsString, net::SocketAddr, path::PathBuf, time::Duration};

use secrecy::{ExposeSecret, SecretString};

use super::{EngineError, Flags, Kind, Limits};

/// The label that names the deployment a container belongs to.
pub const LABEL_DEPLOY: &str = "windlass.deploy";
/// The label that names the release it runs.
pub const LABEL_RELEASE: &str = "windlass.release";

/// Everything about a container. It has a read-only root and no privileges whatever stands here: there is no field to
/// change that.
#[derive(Debug, Clone)]
pub struct ContainerSpec {
    /// Its name, unique on the machine.
    pub name: String,
    /// The reference or id of its image, which the engine has already.
    pub image: String,
    /// What the image's entry point is given.
    pub arguments: Vec<String>,
    /// Its labels, always with [`LABEL_DEPLOY`] and [`LABEL_RELEASE`].
    pub labels: BTreeMap<String, String>,
    /// Its environment. Handed over in a file, never on a command line.
    pub environment: BTreeMap<String, SecretString>,
    /// Who it runs as.
    pub user: User,
    /// Most memory, in bytes.
    pub memory: Option<u64>,
    /// Most processes and threads.
    pub processes: u32,
    /// Most processors, in thousandths of one.
    pub milli_cpus: Option<u32>,
    /// Size of `/tmp`, the one place it can write to, in bytes.
    pub temporary: u64,
    /// The network it joins; the engine's own without.
    pub network: Option<String>,
    /// Which of its ports the machine listens for.
    pub publish: Vec<Publish>,
    /// What of the machine it sees.
    pub mounts: Vec<Mount>,
    /// The signal that asks it to end.
    pub stop_signal: Option<String>,
    /// How long it may take then.
    pub stop_timeout: Duration,
    /// What happens when it ends by itself.
    pub restart: Restart,
}

/// Numbers of a user and group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// Without root: whether the one who starts the container is that user inside.
    pub keep_id: bool,
}

impl Default for User {
    fn default() -> Self {
        Self { uid: 65532, gid: 65532, keep_id: false }
    }
}

/// A port of a container and where the machine listens for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Publish {
    /// The port inside.
    pub port: u16,
    /// The address outside; port 0 takes a free one.
    pub address: SocketAddr,
}

/// A directory or file of the machine, inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where it is outside.
    pub source: PathBuf,
    /// Where it appears.
    pub target: PathBuf,
    /// Whether it can be written to.
    pub writable: bool,
}

/// What happens when a container ends by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Restart {
    /// Nothing.
    #[default]
    Never,
    /// It is started again after a failure, so many times.
    OnFailure(u32),
    /// It is started again, until somebody stops it.
    UnlessStopped,
}

impl ContainerSpec {
    /// A container of a deployment that runs a release.
    pub fn new(deploy: &str, release: &str, name: impl Into<String>, image: impl Into<String>) -> Self {
        let labels = [(LABEL_DEPLOY, deploy), (LABEL_RELEASE, release)];
        Self {
            name: name.into(),
            image: image.into(),
            arguments: Vec::new(),
            labels: labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            environment: BTreeMap::new(),
            user: User::default(),
            memory: None,
            processes: 256,
            milli_cpus: None,
            temporary: 64 << 20,
            network: None,
            publish: Vec::new(),
            mounts: Vec::new(),
            stop_signal: None,
            stop_timeout: Duration::from_secs(30),
            restart: Restart::Never,
        }
    }

    /// What cannot be said in an engine's arguments is refused, rather than said wrongly.
    pub(super) fn check(&self) -> Result<(), EngineError> {
        let invalid = |what: String| Err(EngineError::InvalidSpec(what));
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        if !self.name.starts_with(|first: char| first.is_ascii_alphanumeric()) || !self.name.bytes().all(plain) {
            return invalid(format!("the name `{}` has characters that names may not have", self.name));
        }
        if self.image.is_empty() || self.image.starts_with('-') {
            return invalid(format!("`{}` is no reference of an image", self.image));
        }
        for (name, value) in &self.environment {
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                return invalid(format!("`{name}` is no name of an environment variable"));
            }
            if value.expose_secret().contains(['\n', '\r', '\0']) {
                return invalid(format!("the value of {name} has more than one line; mount it as a file"));
            }
        }
        let commas = |mount: &&Mount| [&mount.source, &mount.target].iter().any(|path| odd(path));
        if let Some(mount) = self.mounts.iter().find(commas) {
            return invalid(format!("the path of the mount {} has a comma or a quote", mount.source.display()));
        }
        if self.labels.iter().any(|(key, _)| key.is_empty() || key.contains('=')) {
            return invalid("a label's name is empty or has an equals sign".into());
        }
        Ok(())
    }

    /// The environment as engines read it from a file.
    pub(super) fn environment_file(&self) -> SecretString {
        let lines = self.environment.iter().map(|(name, value)| format!("{name}={}\n", value.expose_secret()));
        lines.collect::<String>().into()
    }

    /// Everything but where the two files are.
    pub(super) fn run_arguments(&self, kind: Kind, flags: &Flags, limits: Limits) -> Vec<OsString> {
        let mut words: Vec<String> = vec![
            format!("--name={}", self.name),
            // An image that is not here is an error, not a reason to ask some registry.
            "--pull=never".into(),
            "--read-only".into(),
            format!("--tmpfs=/tmp:rw,size={}k,mode=1777", self.temporary.div_ceil(1024)),
            format!("--user={}:{}", self.user.uid, self.user.gid),
            "--cap-drop=ALL".into(),
            "--security-opt=no-new-privileges".into(),
            format!("--pids-limit={}", self.processes),
            format!("--stop-timeout={}", self.stop_timeout.as_secs()),
        ];
        if kind == Kind::Podman {
            // podman puts writable file systems on /run, /tmp and /var/tmp of a read-only root unless told not to, which
            // would hide a write that fails elsewhere.
            words.push("--read-only-tmpfs=false".into());
            if self.user.keep_id {
                words.push("--userns=keep-id".into());
            }
        }
        words.extend(self.memory.map(|bytes| format!("--memory={bytes}b")));
        words.extend(self.milli_cpus.map(|cpus| format!("--cpus={}.{:03}", cpus / 1000, cpus % 1000)));
        words.extend(self.network.iter().map(|network| format!("--network={network}")));
        words.extend(self.stop_signal.iter().map(|signal| format!("--stop-signal={signal}")));
        words.extend(self.labels.iter().map(|(key, value)| format!("--label={key}={value}")));
        words.extend(self.publish.iter().map(Publish::argument));
        words.extend(match self.restart {
            Restart::Never => None,
            Restart::OnFailure(times) => Some(format!("--restart=on-failure:{times}")),
            Restart::UnlessStopped => Some("--restart=unless-stopped".into()),
        });
        words.extend(limits.arguments());
        words.extend(flags.run.iter().cloned());
        let mut arguments: Vec<OsString> = words.into_iter().map(OsString::from).collect();
        arguments.extend(self.mounts.iter().map(|mount| mount.argument(flags.relabel && kind == Kind::Podman)));
        arguments
    }
}

impl Publish {
    /// A free port of loopback.
    pub fn on_loopback(port: u16) -> Self {
        Self { port, address: SocketAddr::from(([127, 0, 0, 1], 0)) }
    }

    fn argument(&self) -> String {
        let outside = match self.address.port() {
            0 => String::new(),
            port => port.to_string(),
        };
        let host = match self.address.ip() {
            std::net::IpAddr::V4(address) => address.to_string(),
            std::net::IpAddr::V6(address) => format!("[{address}]"),
        };
        format!("--publish={host}:{outside}:{}/tcp", self.port)
    }
}

impl Mount {
    fn argument(&self, relabel: bool) -> OsString {
        let mut argument = OsString::from("--mount=type=bind,source=");
        argument.push(&self.source);
        argument.push(",target=");
        argument.push(&self.target);
        if !self.writable {
            argument.push(",readonly");
        }
        if relabel {
            argument.push(",relabel=shared");
        }
        argument
    }
}

/// Mounts are read as comma-separated values.
fn odd(path: &std::path::Path) -> bool {
    path.as_os_str().as_encoded_bytes().iter().any(|byte| b",\"\n".contains(byte))
}
