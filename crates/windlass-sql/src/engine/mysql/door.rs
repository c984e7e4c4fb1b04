//! Getting in.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use mysql_async::{Conn, DriverError, Error, IoError, Opts, OptsBuilder, SslOpts};
use windlass_config::settings::TlsMode;
use windlass_core::{ExposeSecret, SecretString};

use super::failure;
use crate::engine::{Address, EngineError};

/// A row is read as a whole: this is what one may weigh.
const LARGEST_ROW: usize = 64 << 20;
/// What servers call their socket, where the address has its directory.
const SOCKET: &str = "mysqld.sock";
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Where the server is, and what was learned about its TLS.
#[derive(Debug)]
pub(super) struct Door {
    address: Address,
    mode: TlsMode,
    learned: Mutex<Learned>,
}

#[derive(Debug, Clone, Default)]
struct Learned {
    /// It has no TLS, and may do without: an attempt would cost a connection and a line in its log each time.
    plain: bool,
    /// What its certificate is for, where that does not matter; see [`presented`].
    name: Option<String>,
}

impl Door {
    pub(super) fn new(address: Address) -> Self {
        let mode = address.tls.mode_for(&address.host);
        Self { address, mode, learned: Mutex::default() }
    }

    /// How long making a connection may take.
    pub(super) fn patience(&self) -> Duration {
        self.address.connect_timeout
    }

    pub(super) async fn open(&self, password: Option<&SecretString>) -> Result<Conn, EngineError> {
        let opened = tokio::time::timeout(self.patience(), self.try_open(password)).await;
        opened.map_err(|_| failure::too_slow(self.patience()))?.map_err(failure::connecting)
    }

    async fn try_open(&self, password: Option<&SecretString>) -> Result<Conn, Error> {
        let learned = self.learned();
        let error = match Conn::new(self.options(password, &learned)).await {
            Ok(connection) => return Ok(connection),
            Err(error) => error,
        };
        let without = matches!(error, Error::Driver(DriverError::NoClientSslFlagFromServer));
        let name = presented(&error);
        let learned = match self.mode {
            TlsMode::Prefer if without => Learned { plain: true, ..learned },
            TlsMode::VerifyCa if name.is_some() => Learned { name, ..learned },
            _ => return Err(error),
        };
        let connection = Conn::new(self.options(password, &learned)).await?;
        *self.learned.lock().unwrap_or_else(PoisonError::into_inner) = learned;
        Ok(connection)
    }

    fn learned(&self) -> Learned {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn options(&self, password: Option<&SecretString>, learned: &Learned) -> Opts {
        let address = &self.address;
        let mut options = OptsBuilder::default()
            .user(address.user.clone())
            .pass(password.map(|password| password.expose_secret().to_owned()))
            .db_name(address.database.clone())
            // Otherwise it moves, on loopback, to whatever socket the server names.
            .prefer_socket(false)
            // Without these two it asks for them.
            .max_allowed_packet(Some(LARGEST_ROW))
            .wait_timeout(Some(0))
            // A reset forgets statements anyway.
            .stmt_cache_size(1)
            .tcp_keepalive(Some(KEEPALIVE));
        if address.host.starts_with('/') {
            let path = Path::new(&address.host);
            let path = if path.is_dir() { path.join(SOCKET) } else { path.to_owned() };
            return options.socket(Some(path.to_string_lossy())).into();
        }
        options = options.ip_or_hostname(address.host.clone()).tcp_port(address.port);
        if self.mode != TlsMode::Disable && !learned.plain {
            options = options.ssl_opts(self.tls(learned));
        }
        // RDS takes its tokens as they are: only where it is proved who reads them.
        let proved = matches!(self.mode, TlsMode::VerifyCa | TlsMode::VerifyFull);
        options.enable_cleartext_plugin(proved).into()
    }

    fn tls(&self, learned: &Learned) -> SslOpts {
        let mut tls = SslOpts::default();
        if matches!(self.mode, TlsMode::Prefer | TlsMode::Require) {
            return tls.with_danger_accept_invalid_certs(true);
        }
        if let Some(ca) = &self.address.tls.ca {
            tls = tls.with_root_certs(vec![ca.clone().into()]).with_disable_built_in_roots(true);
        }
        if let Some(name) = &learned.name {
            tls = tls.with_danger_tls_hostname_override(Some(name.clone()));
        }
        tls
    }
}

/// The name in a certificate that is trusted and for another host. The driver's own switch for that compares with a
/// text that rustls no longer says, so that the certificate is checked again, for the name it has.
fn presented(error: &Error) -> Option<String> {
    let Error::Io(IoError::Io(error)) = error else { return None };
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    let rustls::Error::InvalidCertificate(rustls::CertificateError::NotValidForNameContext { presented, .. }) = error
    else {
        return None;
    };
    presented.iter().find_map(|name| {
        let inner = |kind: &str| name.strip_prefix(kind)?.strip_suffix(')');
        let dns = inner("DnsName(").map(|name| name.trim_matches('"').replace('*', "any"));
        dns.or_else(|| inner("IpAddress(").map(str::to_owned))
    })
}
