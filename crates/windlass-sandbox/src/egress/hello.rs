//! The name in the first bytes of TLS: what a client asked the proxy for must be what it then speaks to.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::Refused;

/// The first byte of a TLS handshake.
const HANDSHAKE: u8 = 0x16;
/// No hello is longer.
const LONGEST: usize = 64 << 10;

/// Reads the beginning of what a client says to `host` into `said`. On the ports of the web that has to be TLS.
pub(super) async fn read(
    from: &mut (impl AsyncRead + Unpin),
    said: &mut Vec<u8>,
    host: &str,
    port: u16,
) -> Result<(), Refused> {
    let web = matches!(port, 80 | 443);
    match more(from, said).await {
        // Whoever only listens is done speaking.
        Err(_) if !web => return Ok(()),
        read => read?,
    }
    if said.first() != Some(&HANDSHAKE) {
        return match web {
            true => Err(Refused::Said("only TLS goes through a tunnel to the ports of the web")),
            false => Ok(()),
        };
    }
    let mut acceptor = rustls::server::Acceptor::default();
    let mut fed = 0;
    loop {
        let mut rest = &said[fed..];
        while !rest.is_empty() {
            let before = rest.len();
            acceptor.read_tls(&mut rest).map_err(|_| Refused::Said("this is no TLS"))?;
            fed += before - rest.len();
            match acceptor.accept() {
                Ok(Some(accepted)) => return named(accepted.client_hello().server_name(), host),
                Ok(None) => {}
                Err(_) => return Err(Refused::Said("this is no TLS")),
            }
        }
        if said.len() >= LONGEST {
            return Err(Refused::Said("the first message of TLS is too long"));
        }
        more(from, said).await?;
    }
}

async fn more(from: &mut (impl AsyncRead + Unpin), said: &mut Vec<u8>) -> Result<(), Refused> {
    let mut piece = [0; 4096];
    match from.read(&mut piece).await.map_err(Refused::Unreachable)? {
        0 => Err(Refused::Unreachable(io::ErrorKind::UnexpectedEof.into())),
        count => {
            said.extend_from_slice(&piece[..count]);
            Ok(())
        }
    }
}

/// Addresses have no name in TLS.
fn named(name: Option<&str>, host: &str) -> Result<(), Refused> {
    let host = host.trim_end_matches('.');
    match name {
        Some(name) if name.eq_ignore_ascii_case(host) => Ok(()),
        None if host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok() => Ok(()),
        name => Err(Refused::OtherName { asked: host.into(), named: name.unwrap_or("nobody").into() }),
    }
}
