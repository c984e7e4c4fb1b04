//! Making a connection.

use std::fs;

use tiberius::{AuthMethod, Config, EncryptionLevel, error::Error};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};
use windlass_config::settings::TlsMode;
use windlass_core::{ExposeSecret, SecretString};

use super::{Access, EngineError, failure};
use crate::engine::Address;

pub type Client = tiberius::Client<Compat<TcpStream>>;

/// Logs in. Has no time limit of its own.
pub async fn login(address: &Address, password: Option<&SecretString>, access: Access) -> Result<Client, EngineError> {
    let mode = address.tls.mode_for(&address.host);
    let config = config(address, mode, password, access)?;
    match follow(&config, address, encryption(mode)).await {
        // The server has no encryption to offer. Nothing secret was said so far.
        Err(Failed::Driver(Error::Protocol(_))) if mode == TlsMode::Prefer => {
            follow(&config, address, EncryptionLevel::NotSupported).await
        }
        outcome => outcome,
    }
    .map_err(|failed| match failed {
        Failed::Driver(error) => failure::at_login(error),
        Failed::Network(error) => EngineError::Unreachable(error.to_string()),
    })
}

enum Failed {
    Driver(Error),
    Network(std::io::Error),
}

/// Goes where the server sends us, once: to a readable secondary, or to the node that has the database (Azure).
async fn follow(config: &Config, address: &Address, encryption: EncryptionLevel) -> Result<Client, Failed> {
    match open(config, &address.host, address.port, encryption).await {
        Err(Failed::Driver(Error::Routing { host, port })) => open(config, &host, port, encryption).await,
        outcome => outcome,
    }
}

async fn open(config: &Config, host: &str, port: u16, encryption: EncryptionLevel) -> Result<Client, Failed> {
    let stream = TcpStream::connect((host, port)).await.map_err(Failed::Network)?;
    stream.set_nodelay(true).map_err(Failed::Network)?;
    let mut config = config.clone();
    config.host(host);
    config.port(port);
    config.encryption(encryption);
    Client::connect(config, stream.compat_write()).await.map_err(Failed::Driver)
}

fn encryption(mode: TlsMode) -> EncryptionLevel {
    match mode {
        TlsMode::Disable => EncryptionLevel::NotSupported,
        // A server that declines it is an error, never a silent downgrade.
        TlsMode::Prefer | TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => EncryptionLevel::Required,
    }
}

fn config(
    address: &Address,
    mode: TlsMode,
    password: Option<&SecretString>,
    access: Access,
) -> Result<Config, EngineError> {
    let Some(user) = &address.user else {
        return Err(EngineError::LoginRefused("no user is named".to_owned()));
    };
    let mut config = Config::new();
    config.application_name("windlass");
    if let Some(database) = &address.database {
        config.database(database);
    }
    config.authentication(AuthMethod::sql_server(user, password.map_or("", ExposeSecret::expose_secret)));
    config.readonly(access == Access::Read);
    // Ours are over the whole of it; the driver's are between two packets.
    config.handshake_timeout(None);
    config.command_timeout(None);
    match mode {
        TlsMode::Disable | TlsMode::Prefer | TlsMode::Require => config.trust_cert(),
        // The driver cannot check the authority and leave out the name, so `verify_ca` is as strict as `verify_full`.
        // And it trusts the authorities of this machine besides those given here.
        TlsMode::VerifyCa | TlsMode::VerifyFull => match &address.tls.ca {
            Some(file) => {
                let unreadable = |error| EngineError::Unreachable(format!("{}: {error}", file.display()));
                config.trust_cert_ca_bundle(fs::read(file).map_err(unreadable)?);
            }
            None => {
                for root in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
                    config.trust_cert_ca_bundle(root.as_ref());
                }
            }
        },
    }
    Ok(config)
}
