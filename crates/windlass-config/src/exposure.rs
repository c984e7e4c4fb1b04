//! The fail-closed rule.

use url::Host;

use crate::{
    ConfigError, Settings,
    settings::{AuthSettings, Transport},
};

const FIX: &str = "make a key with `windlass key new --name me` and put it under `auth.keys`, or set WINDLASS_AUTH_TOKEN, \
                   or configure `auth.oidc`";

/// Refuses to be reached by anyone but this machine's own users without authentication. `serve` asks this again after
/// everything else that may have changed the address, right before it binds.
pub fn exposure(settings: &Settings) -> Result<(), ConfigError> {
    let server = &settings.server;
    if server.transport == Transport::Stdio || authenticates(&settings.auth) {
        return Ok(());
    }
    if !server.host.is_loopback() {
        let message =
            format!("{} can be reached by other machines, and nobody would have to prove who they are", server.host);
        return Err(ConfigError::new(message).setting("server.host").hint(format!("{FIX}; or stay on 127.0.0.1")));
    }
    // A proxy on this machine turns everyone into a loopback peer.
    if let Some(url) = server.public_url.as_ref().filter(|url| !is_loopback(url)) {
        let message =
            format!("a server known as {url} is reached by others, and nobody would have to prove who they are");
        return Err(ConfigError::new(message).setting("server.public_url").hint(FIX));
    }
    Ok(())
}

fn authenticates(auth: &AuthSettings) -> bool {
    !auth.keys.is_empty() || auth.keys_file.is_some() || auth.token.is_some() || !auth.oidc.is_empty()
}

/// Whether a URL points to this machine.
pub fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: &str, change: impl FnOnce(&mut Settings), refused: bool) {
        let mut settings = Settings::default();
        settings.server.host = host.parse().unwrap();
        change(&mut settings);
        assert_eq!(exposure(&settings).is_err(), refused, "{host}");
    }

    #[test]
    fn only_loopback_goes_without_authentication() {
        for host in ["127.0.0.1", "127.8.8.8", "::1"] {
            check(host, |_| {}, false);
        }
        // The mapped form is refused as well: not every kernel keeps it to this machine.
        for host in ["0.0.0.0", "::", "10.0.0.1", "::ffff:127.0.0.1", "169.254.1.1"] {
            check(host, |_| {}, true);
            check(host, |settings| settings.auth.token = Some("env:TOKEN".into()), false);
            check(host, |settings| settings.server.transport = Transport::Stdio, false);
        }
    }

    #[test]
    fn a_public_name_in_front_of_loopback_is_public() {
        let name = |url: &str| {
            let url = url.parse().unwrap();
            move |settings: &mut Settings| settings.server.public_url = Some(url)
        };
        check("127.0.0.1", name("https://mcp.example.com"), true);
        check("127.0.0.1", name("http://localhost.example.com"), true);
        check("127.0.0.1", name("http://localhost:9000"), false);
    }

    #[test]
    fn the_hint_is_the_fix() {
        let mut settings = Settings::default();
        settings.server.host = "0.0.0.0".parse().unwrap();
        let error = exposure(&settings).unwrap_err().to_string();
        assert!(error.contains("windlass key new --name me") && error.contains("WINDLASS_AUTH_TOKEN"), "{error}");
    }
}
