use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use windlass_core::units::{Bytes, Span};

/// Sandboxes: code an agent wrote, run where it can hurt nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SandboxesSettings {
    /// What isolates a sandbox. `auto` takes the strongest that works here; `/ready` and every sandbox say which.
    pub backend: BackendKind,
    /// `vm` refuses to start sandboxes that share the machine's kernel.
    pub isolation: IsolationDemand,
    /// Where the files of running sandboxes lie. Users other than the server's must be able to pass through it. Default:
    /// `windlass-sandboxes-UID` in the system's temporary directory.
    pub directory: Option<PathBuf>,
    /// A directory that `windlass sandbox image build` made: kernel and root file system of sandboxes. Default: where it
    /// puts them, if they are there.
    pub image: Option<PathBuf>,
    /// The root file system of the `namespace` backend, as a directory tree. Default: the image's, or this machine's
    /// `/usr` and little else.
    pub root: Option<PathBuf>,
    /// The root file system of virtual machines, as an ext4 image. Default: the image's.
    pub rootfs: Option<PathBuf>,
    /// Where that image is fetched from when it is not there yet: `s3://BUCKET/KEY`, or `https://...` (a mirror, a signed
    /// address). Goes to `sandbox.rootfs`, by default into this user's cache. Needs `sandbox.rootfs_sha256`.
    pub rootfs_url: Option<String>,
    /// What was fetched has to have this SHA-256 sum, 64 hexadecimal digits, as `sha256sum` prints it.
    pub rootfs_sha256: Option<String>,
    /// The kernel of virtual machines, with what it needs built in. Default: the image's.
    pub kernel: Option<PathBuf>,
    /// The small program that starts sandboxes and serves in them, without libraries. Default: `windlass-guest` beside the
    /// windlass binary, or that binary itself.
    pub guest: Option<PathBuf>,
    /// The program `firecracker`, 1.16.1 or newer. Default: the one on PATH.
    pub firecracker: Option<PathBuf>,
    /// The program `jailer`, of the same release. Default: the one on PATH.
    pub jailer: Option<PathBuf>,
    /// The only SHA-256 that `firecracker` may have.
    pub firecracker_sha256: Option<String>,
    /// The only SHA-256 that `jailer` may have.
    pub jailer_sha256: Option<String>,
    /// Memory of a sandbox whose creator does not say.
    pub memory: Bytes,
    /// The most memory a creator may ask for.
    pub max_memory: Bytes,
    /// Processors of a sandbox whose creator does not say.
    pub vcpus: u32,
    /// The most processors a creator may ask for.
    pub max_vcpus: u32,
    /// Bytes of files in a sandbox whose creator does not say. With the `namespace` backend they are part of its memory.
    pub disk: Bytes,
    /// The most bytes of files a creator may ask for.
    pub max_disk: Bytes,
    /// Processes and threads in a sandbox.
    pub processes: u64,
    /// How long a sandbox lives whose creator does not say.
    pub ttl: Span,
    /// The longest life a creator may ask for.
    pub max_ttl: Span,
    /// A sandbox that is not used for so long is destroyed.
    pub idle: Span,
    /// Time of one command or piece of code whose caller does not say.
    pub timeout: Span,
    /// The most time a caller may ask for.
    pub max_timeout: Span,
    /// Sandboxes at once, warm ones included.
    pub max_sandboxes: usize,
    /// What one caller may have at once.
    pub per_principal: QuotaSettings,
    /// Sandboxes that are made before anybody asks.
    pub pool: PoolSettings,
    /// What sandboxes may reach. Nothing, unless something is named here.
    pub egress: EgressSettings,
    /// Variables of everything that runs in a sandbox.
    pub environment: BTreeMap<String, String>,
}

/// What isolates a sandbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BackendKind {
    /// The strongest that works here.
    #[default]
    Auto,
    /// Virtual machines of Firecracker, each a copy of a stored one. Needs KVM and a server that is root.
    Firecracker,
    /// Virtual machines of qemu, each a copy of a stored one: with KVM, or emulated where that is not there (twenty to
    /// thirty times slower).
    Qemu,
    /// Namespaces, control groups, a system call filter and Landlock, by way of bubblewrap: the machine's kernel is shared.
    Namespace,
}

/// How much isolation is demanded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IsolationDemand {
    /// Any backend will do.
    #[default]
    Any,
    /// Only a kernel of its own will do.
    Vm,
}

/// What one caller may have at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct QuotaSettings {
    /// Sandboxes.
    pub count: usize,
    /// Memory of all of them.
    pub memory: Bytes,
    /// Processors of all of them.
    pub vcpus: u32,
    /// Bytes of files in all of them.
    pub disk: Bytes,
    /// Sandboxes that are kept as they once were. Each takes as much as it had in memory and wrote.
    pub snapshots: usize,
}

/// Sandboxes that are made before anybody asks. They have the default memory, processors and disk; whoever asks for others
/// waits for a new one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PoolSettings {
    /// Whether there are any.
    pub enabled: bool,
    /// How many wait at least.
    pub min: usize,
    /// How many wait at most, when many are asked for.
    pub max: usize,
    /// How many are made at once.
    pub boots: usize,
}

/// What sandboxes may reach, through a proxy that is told to them by the usual variables. Every connection is audited.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EgressSettings {
    /// Hosts: `docs.example.com`, or `*.example.com` for every subdomain. Ports 80 and 443 unless the entry names another
    /// (`docs.example.com:8443`). An address counts only where it is listed itself.
    pub allow: Vec<String>,
    /// Lists of hosts that come by a name.
    pub presets: Vec<EgressPreset>,
    /// Address ranges (CIDR) that may be reached although they are private, shared (100.64.0.0/10) or loopback.
    /// Link-local and container-credential addresses are refused whatever stands here.
    pub allowed_private: Vec<String>,
}

/// Hosts of a registry of packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EgressPreset {
    /// Python: `pip install`.
    Pypi,
    /// JavaScript: `npm install`.
    Npm,
    /// Rust: `cargo add`.
    Crates,
    /// Go: `go get`.
    Go,
    /// Debian: `apt-get install`, where the root file system can be written.
    Debian,
}

impl EgressPreset {
    /// The hosts.
    pub fn hosts(self) -> &'static [&'static str] {
        match self {
            Self::Pypi => &["pypi.org", "files.pythonhosted.org"],
            Self::Npm => &["registry.npmjs.org"],
            Self::Crates => &["crates.io", "index.crates.io", "static.crates.io"],
            Self::Go => &["proxy.golang.org", "sum.golang.org"],
            Self::Debian => &["deb.debian.org", "security.debian.org"],
        }
    }
}

impl Default for SandboxesSettings {
    fn default() -> Self {
        let minutes = |minutes: u64| Span(Duration::from_secs(60 * minutes));
        Self {
            backend: BackendKind::Auto,
            isolation: IsolationDemand::Any,
            directory: None,
            image: None,
            root: None,
            rootfs: None,
            rootfs_url: None,
            rootfs_sha256: None,
            kernel: None,
            guest: None,
            firecracker: None,
            jailer: None,
            firecracker_sha256: None,
            jailer_sha256: None,
            memory: Bytes(512 << 20),
            max_memory: Bytes(4 << 30),
            vcpus: 1,
            max_vcpus: 4,
            disk: Bytes(256 << 20),
            max_disk: Bytes(2 << 30),
            processes: 256,
            ttl: minutes(60),
            max_ttl: minutes(24 * 60),
            idle: minutes(15),
            timeout: minutes(1),
            max_timeout: minutes(10),
            max_sandboxes: 100,
            per_principal: QuotaSettings::default(),
            pool: PoolSettings::default(),
            egress: EgressSettings::default(),
            environment: BTreeMap::new(),
        }
    }
}

impl Default for QuotaSettings {
    fn default() -> Self {
        Self { count: 20, memory: Bytes(16 << 30), vcpus: 32, disk: Bytes(16 << 30), snapshots: 5 }
    }
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self { enabled: true, min: 3, max: 8, boots: 2 }
    }
}
