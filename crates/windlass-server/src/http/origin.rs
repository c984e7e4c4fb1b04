//! Host and Origin: what keeps a web page from reaching a server on its reader's machine (DNS rebinding).
//!
//! A rebinding page arrives under its own *name*, so a Host that is an address, or a loopback name, is not one. An Origin
//! is checked wherever it is sent.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue, header};
use url::{Host, Url};
use windlass_config::settings::ServerSettings;

/// The check, made once from the settings.
pub(super) struct OriginCheck {
    hosts: Vec<String>,
    origins: Vec<String>,
}

/// Why a request was refused, for its sender.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused(pub String);

impl OriginCheck {
    pub fn new(settings: &ServerSettings) -> Self {
        let mut hosts: Vec<String> = settings.allowed_hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        let mut origins: Vec<String> =
            settings.allowed_origins.iter().map(|origin| origin.trim_end_matches('/').to_ascii_lowercase()).collect();
        if let Some(url) = &settings.public_url {
            hosts.extend(url.host_str().map(str::to_ascii_lowercase));
            origins.push(url.origin().ascii_serialization());
        }
        Self { hosts, origins }
    }

    /// Whether the request may go on. Where every request must be `authenticated` it carries a credential, which a
    /// rebinding page has not: then, without a list of hosts, any will do.
    pub fn check(&self, headers: &HeaderMap, authenticated: bool) -> Result<(), Refused> {
        let any_host = authenticated && self.hosts.is_empty();
        let mut hosts = headers.get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err(Refused("exactly one Host header is needed".into()));
        };
        let host = host.to_str().map_err(|_| Refused("the Host header is not text".into()))?;
        if !self.host_allowed(host, any_host) {
            return Err(Refused(format!(
                "Host `{}` is not allowed here; to serve it, add it to server.allowed_hosts",
                shorten(host)
            )));
        }
        let mut origins = headers.get_all(header::ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (_, Some(_)) => Err(Refused("more than one Origin header".into())),
            (Some(origin), _) if !self.origin_allowed(origin, host, any_host) => Err(Refused(format!(
                "Origin `{}` is not allowed here; to serve it, add it to server.allowed_origins",
                shorten(origin.to_str().unwrap_or("(not text)"))
            ))),
            _ => Ok(()),
        }
    }

    fn origin_allowed(&self, origin: &HeaderValue, host: &str, any_host: bool) -> bool {
        let Ok(text) = origin.to_str() else { return false };
        let Ok(url) = Url::parse(text) else { return false };
        if !matches!(url.scheme(), "http" | "https") {
            return false;
        }
        let origin = url.origin().ascii_serialization();
        // The console page, and anything else this very server handed out.
        let same = ["http", "https"].iter().any(|scheme| {
            Url::parse(&format!("{scheme}://{host}")).is_ok_and(|own| own.origin().ascii_serialization() == origin)
        });
        (same && self.host_allowed(host, any_host)) || self.origins.contains(&origin)
    }

    fn host_allowed(&self, authority: &str, any_host: bool) -> bool {
        // `url` normalises case, ports, brackets, and spellings of addresses such as 127.1 or 0x7f000001.
        let Ok(url) = Url::parse(&format!("http://{authority}")) else { return false };
        if !url.username().is_empty() || url.password().is_some() || url.path() != "/" || url.query().is_some() {
            return false;
        }
        match url.host() {
            None => false,
            Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
            Some(Host::Domain(name)) => {
                let name = name.trim_end_matches('.');
                any_host
                    || name == "localhost"
                    || name.ends_with(".localhost")
                    || self.hosts.iter().any(|allowed| matches(allowed, name, url.port_or_known_default()))
            }
        }
    }
}

/// `allowed` is a name, or a name with a port.
fn matches(allowed: &str, name: &str, port: Option<u16>) -> bool {
    match allowed.rsplit_once(':') {
        Some((host, wanted)) if wanted.parse::<u16>().is_ok() => host == name && wanted.parse().ok() == port,
        _ => allowed == name || allowed.parse::<IpAddr>().is_ok_and(|ip| ip.to_string() == name),
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(settings: &ServerSettings, authenticated: bool, host: &str, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        OriginCheck::new(settings).check(&headers, authenticated).is_ok()
    }

    #[test]
    fn names_are_refused_unless_loopback_or_listed() {
        let plain = ServerSettings::default();
        for host in ["localhost", "localhost:8080", "127.0.0.1:8080", "[::1]:8080", "LOCALHOST", "10.0.0.7:8080"] {
            assert!(check(&plain, false, host, None), "{host}");
        }
        for host in ["evil.example.com", "localhost.evil.com", "localhost@evil.com", "127.0.0.1.evil.com", "", "a b"] {
            assert!(!check(&plain, false, host, None), "{host}");
        }
        let listed =
            ServerSettings { allowed_hosts: vec!["mcp.example.com".into(), "only.example.com:8443".into()], ..plain };
        assert!(check(&listed, true, "MCP.example.com:443", None));
        assert!(check(&listed, true, "only.example.com:8443", None));
        assert!(!check(&listed, true, "only.example.com", None));
        assert!(!check(&listed, true, "evil.example.com", None), "a list binds with authentication too");
    }

    #[test]
    fn a_credential_makes_any_host_safe_where_none_is_listed() {
        assert!(check(&ServerSettings::default(), true, "my-alb.eu-west-1.elb.example.com", None));
    }

    #[test]
    fn a_second_origin_hides_behind_no_first() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "localhost:8080".parse().unwrap());
        headers.append(header::ORIGIN, "http://localhost:8080".parse().unwrap());
        assert!(OriginCheck::new(&ServerSettings::default()).check(&headers, false).is_ok());
        headers.append(header::ORIGIN, "https://evil.example.com".parse().unwrap());
        assert!(OriginCheck::new(&ServerSettings::default()).check(&headers, false).is_err());
    }

    #[test]
    fn origins() {
        let settings =
            ServerSettings { allowed_origins: vec!["https://app.example.com".into()], ..ServerSettings::default() };
        let allowed = |origin| check(&settings, false, "localhost:8080", Some(origin));
        assert!(allowed("http://localhost:8080"), "its own page");
        assert!(allowed("https://app.example.com"));
        for origin in [
            "http://evil.example.com",
            "http://localhost:9999",
            "https://app.example.com.evil.com",
            "http://app.example.com",
            "null",
            "file://",
            "",
        ] {
            assert!(!allowed(origin), "{origin}");
        }
        let with_any_host = ServerSettings::default();
        assert!(!check(&with_any_host, true, "server.internal", Some("https://evil.example.com")));
    }
}
