use std::{net::IpAddr, path::PathBuf};

use url::{Host, Url};
use windlass_core::SecretString;

use super::RegistryError;

/// Which repository, and how to get at it.
#[derive(Debug, Clone)]
pub struct RegistryOptions {
    /// The registry: a host, and a port where it is not 443.
    pub host: String,
    /// The repository, as `team/windlass`.
    pub repository: String,
    /// Who we are there.
    pub credentials: Credentials,
    /// Authorities, as PEM, that vouch for the registry instead of the system's.
    pub ca: Option<PathBuf>,
    /// Speak without TLS. On this machine only: a password and an image that can be read and changed on the way are
    /// worth nothing.
    pub plain_http: bool,
}

/// Who we are to a registry.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// Nobody.
    Anonymous,
    /// A name and a password, or a token in its place.
    Basic {
        /// The name; `AWS` on ECR.
        username: String,
        /// The password or token.
        password: SecretString,
    },
}

impl RegistryOptions {
    pub(super) fn check(&self) -> Result<(), RegistryError> {
        let refuse = |what, why: &str| Err(RegistryError::Options { what, why: why.to_owned() });
        let Some(host) = authority(&self.host) else {
            return refuse("host", &format!("`{}` is not a host, or a host and a port", self.host));
        };
        if self.plain_http && !is_loopback(&host) {
            return refuse(
                "plain_http",
                &format!("`{}` is not this machine; without TLS only this machine is spoken to", self.host),
            );
        }
        if !is_repository(&self.repository) {
            return refuse(
                "repository",
                &format!(
                    "`{}` is not the name of a repository: lower-case letters, digits, `.`, `_`, `-`, and `/` between them",
                    self.repository
                ),
            );
        }
        Ok(())
    }
}

/// Host and port and nothing else. Each character that would end the host in a URL would send the password elsewhere.
fn authority(text: &str) -> Option<Host> {
    let url = Url::parse(&format!("https://{text}/")).ok()?;
    let host = url.host()?.to_owned();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    // The default port is not repeated by the parser.
    let same = [format!("{host}{port}"), format!("{host}:443")].iter().any(|read| read.eq_ignore_ascii_case(text));
    same.then_some(host)
}

fn is_loopback(host: &Host) -> bool {
    match host {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => IpAddr::from(*address).is_loopback(),
        Host::Ipv6(address) => IpAddr::from(*address).is_loopback(),
    }
}

fn is_repository(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let part = |part: &str| {
        part.bytes().all(|byte| word(byte) || matches!(byte, b'.' | b'_' | b'-'))
            && part.bytes().next().is_some_and(word)
            && part.bytes().last().is_some_and(word)
            && !part.contains("..")
    };
    text.len() <= 255 && text.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(host: &str, repository: &str, plain_http: bool) -> RegistryOptions {
        let (host, repository) = (host.into(), repository.into());
        RegistryOptions { host, repository, credentials: Credentials::Anonymous, ca: None, plain_http }
    }

    #[test]
    fn a_host_is_a_host() {
        for host in ["localhost:5000", "127.0.0.1:5000", "[::1]:5000", "r.example", "r.example:443", "R.example"] {
            options(host, "a", false).check().unwrap();
        }
        for host in [
            "",
            "https://r.example",
            "r.example/x",
            "u@r.example",
            "u:p@r.example",
            "r.example?x",
            "r.example#",
            "r .example",
            "r.example:99999",
            "r.example\\x",
        ] {
            assert!(options(host, "a", false).check().is_err(), "{host}");
        }
    }

    #[test]
    fn without_tls_only_this_machine_is_spoken_to() {
        for host in ["localhost:5000", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000"] {
            options(host, "a", true).check().unwrap();
        }
        for host in
            ["r.example", "10.0.0.1:5000", "localhost.example", "127.0.0.1.example", "0.0.0.0:5000", "[::]:5000"]
        {
            let error = options(host, "a", true).check().unwrap_err();
            assert!(matches!(error, RegistryError::Options { what: "plain_http", .. }), "{host}");
        }
    }

    #[test]
    fn a_repository_does_not_lead_out_of_the_path() {
        options("r.example", "team/windlass-x_1.0", false).check().unwrap();
        for repository in ["", "/a", "a/", "a//b", "../a", "a/../b", "A", "a?b", "a@b", "a b", "-a", "a%2fb"] {
            assert!(options("r.example", repository, false).check().is_err(), "{repository}");
        }
    }
}
