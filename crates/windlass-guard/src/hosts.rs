use std::net::IpAddr;

use url::{Host, Url};

use super::{AddressGuard, AddressRefused, GuardSettingError};

/// Which hosts may be fetched: an allow-list and nothing beside it.
#[derive(Debug, Clone, Default)]
pub struct HostRules {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    pattern: Pattern,
    /// `None`: the two ports of the web.
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Exact(Host<String>),
    /// Every name that ends in this, which begins with a dot.
    Below(String),
}

/// A URL that passed: `http` or `https`, no user information, the host without its trailing dot, no fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The URL to connect to.
    pub url: Url,
}

/// Why a URL may not be fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostRefused {
    /// Not a URL.
    #[error("this is not a URL: {0}")]
    NotAUrl(String),
    /// Neither http nor https.
    #[error("`{0}:` URLs are not fetched, only http and https")]
    Scheme(String),
    /// `user:password@` in front of the host.
    #[error("a URL with a user name or password in it is not fetched")]
    UserInfo,
    /// The list does not have it.
    #[error("the host `{0}` is not on the list of allowed hosts")]
    Host(String),
    /// The list has the host, with other ports.
    #[error("port {port} of `{host}` is not allowed, only 80 and 443 are unless the list names another")]
    Port {
        /// The host.
        host: String,
        /// The port asked for.
        port: u16,
    },
    /// An address that is listed and may still not be reached.
    #[error(transparent)]
    Address(#[from] AddressRefused),
}

impl HostRules {
    /// Reads the list in `setting`: `host`, `*.suffix`, an address, each with or without `:port`.
    pub fn new<S: AsRef<str>>(setting: &'static str, hosts: &[S]) -> Result<Self, GuardSettingError> {
        let rules = hosts.iter().map(|host| parse_rule(setting, host.as_ref())).collect::<Result<_, _>>()?;
        Ok(Self { rules })
    }

    /// Whether nothing at all is allowed.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Judges a URL by what is written in it. Where the host is an address, `addresses` judges it here; where it is a
    /// name, the resolver does later.
    pub fn check(&self, url: &str, addresses: &AddressGuard) -> Result<Target, HostRefused> {
        let url = Url::parse(url).map_err(|error| HostRefused::NotAUrl(error.to_string()))?;
        self.check_url(url, addresses)
    }

    /// [`HostRules::check`] of a URL that was parsed already, such as a redirect's.
    pub fn check_url(&self, mut url: Url, addresses: &AddressGuard) -> Result<Target, HostRefused> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(HostRefused::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(HostRefused::UserInfo);
        }
        let host = match url.host() {
            Some(Host::Domain(name)) => Host::Domain(name.trim_end_matches('.').to_owned()),
            Some(Host::Ipv4(address)) => Host::Ipv4(address),
            Some(Host::Ipv6(address)) => Host::Ipv6(address),
            None => return Err(HostRefused::NotAUrl("it names no host".into())),
        };
        let port = url.port_or_known_default().unwrap_or(80);
        self.allows(&host, port)?;
        match &host {
            Host::Ipv4(address) => addresses.check(IpAddr::V4(*address))?,
            Host::Ipv6(address) => addresses.check(IpAddr::V6(*address))?,
            Host::Domain(name) => {
                url.set_host(Some(name)).map_err(|error| HostRefused::NotAUrl(error.to_string()))?;
            }
        }
        url.set_fragment(None);
        Ok(Target { url })
    }

    /// Judges a host and a port, as a `CONNECT` names them.
    pub fn check_host(&self, host: &str, port: u16, addresses: &AddressGuard) -> Result<Host<String>, HostRefused> {
        let host = Host::parse(host.trim_end_matches('.')).map_err(|error| HostRefused::NotAUrl(error.to_string()))?;
        self.allows(&host, port)?;
        match &host {
            Host::Ipv4(address) => addresses.check(IpAddr::V4(*address))?,
            Host::Ipv6(address) => addresses.check(IpAddr::V6(*address))?,
            Host::Domain(_) => {}
        }
        Ok(host)
    }

    fn allows(&self, host: &Host<String>, port: u16) -> Result<(), HostRefused> {
        let mut known = false;
        for rule in self.rules.iter().filter(|rule| rule.pattern.matches(host)) {
            known = true;
            if rule.port.map_or(matches!(port, 80 | 443), |allowed| allowed == port) {
                return Ok(());
            }
        }
        let host = host.to_string();
        Err(if known { HostRefused::Port { host, port } } else { HostRefused::Host(host) })
    }
}

impl Pattern {
    fn matches(&self, host: &Host<String>) -> bool {
        match (self, host) {
            (Self::Exact(allowed), host) => allowed == host,
            (Self::Below(suffix), Host::Domain(name)) => name.len() > suffix.len() && name.ends_with(suffix.as_str()),
            (Self::Below(_), _) => false,
        }
    }
}

fn parse_rule(setting: &'static str, text: &str) -> Result<Rule, GuardSettingError> {
    let error = |why: &str| GuardSettingError { setting, value: text.into(), why: why.into() };
    let written = text.trim();
    if written.contains("://") || written.contains(['/', '@', '?', '#']) {
        return Err(error("name a host, not a URL"));
    }
    let (host, port) = split_port(written).ok_or_else(|| error("the port is not a number from 1 to 65535"))?;
    let (below, name) = match host.strip_prefix("*.") {
        Some(suffix) => (true, suffix),
        None => (false, host),
    };
    if name.contains('*') {
        return Err(error("a star may only stand for whole labels in front, as in *.example.com"));
    }
    let host = Host::parse(name.trim_end_matches('.')).map_err(|_| error("it is not a host name or address"))?;
    let pattern = match (below, host) {
        (false, host) => Pattern::Exact(host),
        (true, Host::Domain(suffix)) => Pattern::Below(format!(".{suffix}")),
        (true, _) => return Err(error("a star and an address do not go together")),
    };
    Ok(Rule { pattern, port })
}

/// `host:port` apart; an IPv6 address keeps its brackets.
fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    let after_address = text.rfind(']').map_or(0, |bracket| bracket + 1);
    match text[after_address..].rfind(':') {
        None => Some((text, None)),
        Some(colon) => {
            let (host, port) = text.split_at(after_address + colon);
            let port = port[1..].parse().ok().filter(|port| *port != 0)?;
            Some((host, Some(port)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(rules: &[&str], url: &str) -> bool {
        let open = AddressGuard::new("", &["127.0.0.0/8", "::1"]).unwrap();
        HostRules::new("", rules).unwrap().check(url, &open).is_ok()
    }

    #[test]
    fn exact_names_however_they_are_spelled() {
        for url in [
            "https://docs.example.com/a?b#c",
            "http://DOCS.Example.com.",
            "https://docs.example.com:443/",
            "https://docs%2Eexample.com/",
            "http://docs.example.com:80",
        ] {
            assert!(allowed(&["Docs.example.com."], url), "{url}");
        }
        assert!(allowed(&["bücher.example"], "https://xn--bcher-kva.example/"));
        assert!(allowed(&["xn--bcher-kva.example"], "https://BÜCHER.example/"));
    }

    #[test]
    fn a_star_stands_for_subdomains_only() {
        for url in ["https://a.example.com", "https://a.b.example.com"] {
            assert!(allowed(&["*.example.com"], url), "{url}");
        }
        for url in
            ["https://example.com", "https://evilexample.com", "https://a.example.com.evil.net", "https://.example.com"]
        {
            assert!(!allowed(&["*.example.com"], url), "{url}");
        }
    }

    #[test]
    fn ports_are_the_webs_unless_named() {
        assert!(!allowed(&["example.com"], "http://example.com:8080"));
        assert!(allowed(&["example.com:8080"], "http://example.com:8080"));
        assert!(!allowed(&["example.com:8080"], "http://example.com"));
        assert!(allowed(&["*.example.com:8443"], "https://a.example.com:8443"));
        assert!(allowed(&["[::1]:8080"], "http://[0:0::1]:8080/"));
    }

    #[test]
    fn addresses_count_only_when_listed_and_reachable() {
        for url in ["http://127.0.0.1", "http://2130706433", "http://0x7f.1", "http://0177.0.0.1"] {
            assert!(allowed(&["127.0.0.1"], url), "{url}");
            assert!(!allowed(&["*.0.1x", "localhost"], url), "{url}");
        }
        assert!(!allowed(&["169.254.169.254"], "http://169.254.169.254"));
    }

    #[test]
    fn entries_that_mean_nothing_are_refused() {
        for entry in [
            "",
            "*",
            "*.",
            "https://example.com",
            "a.*.com",
            "*example.com",
            "example.com:0",
            "example.com:x",
            "*.10.0.0.1",
            "a b",
            "::1",
        ] {
            assert!(HostRules::new("", &[entry]).is_err(), "{entry}");
        }
    }
}
