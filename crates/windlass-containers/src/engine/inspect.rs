//! What an engine says of a container.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// A container, as the engine has it at one moment.
#[derive(Debug, Clone)]
pub struct Container {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The id of its image.
    pub image: String,
    /// What it is doing.
    pub status: Status,
    /// The exit code, once it has ended.
    pub exit_code: Option<i32>,
    /// Its first process, as the machine the engine runs on numbers it; while it runs.
    pub pid: Option<u32>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Where its ports are published.
    pub published: BTreeMap<u16, SocketAddr>,
    /// Its address in each network.
    pub addresses: BTreeMap<String, IpAddr>,
    /// Whether the engine was asked for more than an ordinary container may do.
    pub privileged: bool,
    environment: Vec<SecretString>,
}

/// What a container is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Made, not started.
    #[serde(alias = "configured", alias = "initialized")]
    Created,
    /// Running.
    Running,
    /// Frozen.
    Paused,
    /// Ended, and about to be started again.
    Restarting,
    /// Ended.
    #[serde(alias = "stopped")]
    Exited,
    /// Something else: being removed, broken.
    #[serde(other)]
    Other,
}

impl Container {
    /// Where a port of it is reached from this machine: where it is published, or in a network of it.
    pub fn address(&self, port: u16) -> Option<SocketAddr> {
        let inside = || self.addresses.values().next().map(|address| SocketAddr::new(*address, port));
        self.published.get(&port).copied().or_else(inside)
    }

    /// A label's value.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str)
    }

    pub(super) fn has_environment(&self, name: &str, value: &SecretString) -> bool {
        let wanted = |entry: &SecretString| {
            let rest = entry.expose_secret().strip_prefix(name).and_then(|rest| rest.strip_prefix('='));
            rest == Some(value.expose_secret())
        };
        self.environment.iter().any(wanted)
    }
}

/// What `inspect` prints, as far as it matters; podman and docker agree on that much.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Inspected {
    id: String,
    name: String,
    image: String,
    state: State,
    #[serde(default)]
    config: Config,
    #[serde(default)]
    host_config: HostConfig,
    #[serde(default)]
    network_settings: NetworkSettings,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    status: Status,
    #[serde(default)]
    exit_code: i32,
    #[serde(default)]
    pid: u32,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    labels: Option<BTreeMap<String, String>>,
    env: Option<Vec<SecretString>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct HostConfig {
    privileged: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct NetworkSettings {
    #[serde(rename = "IPAddress")]
    address: String,
    ports: Option<BTreeMap<String, Option<Vec<Binding>>>>,
    networks: Option<BTreeMap<String, Network>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Binding {
    host_ip: String,
    host_port: String,
}

#[derive(Deserialize)]
struct Network {
    #[serde(rename = "IPAddress", default)]
    address: String,
}

impl From<Inspected> for Container {
    fn from(inspected: Inspected) -> Self {
        let Inspected { state, config, network_settings: network, .. } = inspected;
        let ended = matches!(state.status, Status::Exited | Status::Other);
        let mut addresses: BTreeMap<String, IpAddr> = network
            .networks
            .unwrap_or_default()
            .into_iter()
            .filter_map(|(name, network)| Some((name, network.address.parse().ok()?)))
            .collect();
        // An older podman says the address of the default network only here.
        if let (true, Ok(address)) = (addresses.is_empty(), network.address.parse()) {
            addresses.insert(String::new(), address);
        }
        let ports = network.ports.unwrap_or_default();
        let published = ports.into_iter().filter_map(|(port, bindings)| {
            let port = port.strip_suffix("/tcp")?.parse().ok()?;
            Some((port, bindings?.iter().find_map(Binding::address)?))
        });
        Self {
            id: inspected.id,
            name: inspected.name.trim_start_matches('/').to_owned(),
            image: inspected.image,
            status: state.status,
            exit_code: ended.then_some(state.exit_code),
            pid: Some(state.pid).filter(|pid| *pid > 0),
            labels: config.labels.unwrap_or_default(),
            published: published.collect(),
            addresses,
            privileged: inspected.host_config.privileged,
            environment: config.env.unwrap_or_default(),
        }
    }
}

impl Binding {
    /// Listening on every address is reached on loopback.
    fn address(&self) -> Option<SocketAddr> {
        let ip = match self.host_ip.as_str() {
            "" | "0.0.0.0" => IpAddr::from([127, 0, 0, 1]),
            "::" => IpAddr::from(std::net::Ipv6Addr::LOCALHOST),
            other => other.parse().ok()?,
        };
        Some(SocketAddr::new(ip, self.host_port.parse().ok()?))
    }
}
