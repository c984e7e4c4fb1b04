use std::{net::IpAddr, path::PathBuf};

use rustls::ClientConfig;
use tokio_postgres::{Config, config::Host};
use windlass_tls::Trust;

use crate::IndexError;

/// Whether every server that is meant is on this machine: then nobody is between us.
pub(super) fn is_local(config: &Config) -> bool {
    // An address beside a name is what is connected to, whatever the name says.
    let addressed = config.get_hostaddrs().iter().all(IpAddr::is_loopback);
    let named = config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            let name = name.trim_start_matches('[').trim_end_matches(']');
            name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        }
    });
    addressed && named && !(config.get_hosts().is_empty() && config.get_hostaddrs().is_empty())
}

/// Checks for whom the certificate is and who signed it, except on this machine where no authority is named.
pub(super) fn client_config(ca: Option<&PathBuf>, local: bool) -> Result<ClientConfig, IndexError> {
    let trust = match (local, ca) {
        (true, None) => Trust::Anybody,
        (_, ca) => {
            let roots = windlass_tls::roots(ca.map(PathBuf::as_path));
            Trust::Full(roots.map_err(|error| IndexError::Invalid(error.to_string()))?)
        }
    };
    windlass_tls::client_config(trust).map_err(|error| IndexError::Unreachable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_connected_to_decides_whether_it_is_on_this_machine() {
        for (url, local) in [
            ("postgres://localhost/x", true),
            ("postgres://127.0.0.1:5433/x", true),
            ("postgres://[::1]/x", true),
            ("postgres:///x?host=/var/run/postgresql", true),
            ("postgres://localhost,127.0.0.1/x", true),
            ("postgres://localhost,db.example.com/x", false),
            ("postgres://localhost.example.com/x", false),
            ("postgres://10.0.0.1/x", false),
            ("host=localhost hostaddr=192.0.2.1 dbname=x", false),
            ("hostaddr=192.0.2.1 dbname=x", false),
            ("dbname=x", false),
        ] {
            assert_eq!(is_local(&url.parse().unwrap()), local, "{url}");
        }
    }

    #[test]
    fn an_authority_file_without_a_certificate_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        for text in [None, Some(""), Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")] {
            if let Some(text) = text {
                std::fs::write(&path, text).unwrap();
            }
            for local in [true, false] {
                assert!(matches!(client_config(Some(&path), local), Err(IndexError::Invalid(_))), "{text:?}");
            }
        }
        assert!(client_config(None, false).is_ok() && client_config(None, true).is_ok());
    }
}
