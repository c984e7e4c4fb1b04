use std::fmt;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::{Host, Url};
use windlass_core::{ExposeSecret, SecretString};

use crate::error::ClientError;

/// The server to talk to.
#[derive(Debug, Clone)]
pub enum Target {
    /// A streamable HTTP endpoint.
    Http(HttpTarget),
    /// A program that speaks MCP on its standard input and output.
    Stdio(StdioTarget),
}

/// A streamable HTTP endpoint and what to show it.
#[derive(Clone)]
pub struct HttpTarget {
    /// The endpoint, e.g. `http://localhost:8080/mcp`.
    pub url: Url,
    /// Sent as `Authorization: Bearer ...`.
    pub bearer: Option<SecretString>,
    /// Further headers. Their values count as secret, because they often are.
    pub headers: Vec<(String, SecretString)>,
    /// A certificate authority to trust beside the system's, PEM.
    pub authority: Option<Vec<u8>>,
}

/// A program that speaks MCP on its standard input and output.
#[derive(Clone)]
pub struct StdioTarget {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Environment variables on top.
    pub env: Vec<(String, String)>,
    /// What it finds in its environment besides.
    pub inherits: Inherits,
}

/// What a program finds of this process's environment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Inherits {
    /// What every program needs: where programs are, whose machine it is, which language is spoken.
    #[default]
    Basics,
    /// All of it, as anything does that is started from a terminal.
    All,
}

impl Target {
    /// An HTTP target without token.
    pub fn http(url: &str) -> Result<Self, ClientError> {
        HttpTarget::new(url).map(Self::Http)
    }

    /// A program to spawn, with this process's environment.
    pub fn stdio(argv: impl IntoIterator<Item = impl Into<String>>) -> Result<Self, ClientError> {
        let argv: Vec<String> = argv.into_iter().map(Into::into).collect();
        if argv.first().is_none_or(String::is_empty) {
            return Err(ClientError::usage("no command to start", "write the server's command after `--stdio`"));
        }
        Ok(Self::Stdio(StdioTarget { argv, env: Vec::new(), inherits: Inherits::All }))
    }
}

/// What may be shown: never a token, a password in the URL or a query.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(http) => f.write_str(&http.shown()),
            Self::Stdio(stdio) => f.write_str(&stdio.argv.join(" ")),
        }
    }
}

impl fmt::Debug for StdioTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.env.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("StdioTarget").field("argv", &self.argv).field("env", &names).finish()
    }
}

impl fmt::Debug for HttpTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HttpTarget").field(&self.shown()).finish()
    }
}

impl HttpTarget {
    /// Reads an `http://` or `https://` URL. A URL without a path gets `/mcp`, where servers usually are.
    pub fn new(url: &str) -> Result<Self, ClientError> {
        let mut url = Url::parse(url).map_err(|error| {
            ClientError::usage(format!("`{url}` is not a URL: {error}"), "write for example http://localhost:8080/mcp")
        })?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(ClientError::usage(
                format!("`{}` is not an http or https URL", url.scheme()),
                "write for example http://localhost:8080/mcp",
            ));
        }
        if url.path() == "/" {
            url.set_path("/mcp");
        }
        url.set_fragment(None);
        Ok(Self { url, bearer: None, headers: Vec::new(), authority: None })
    }

    /// The URL without what could be secret.
    pub fn shown(&self) -> String {
        let mut url = self.url.clone();
        // Both fail only for URLs without a host, which `new` refuses.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_query(None);
        url.to_string()
    }

    pub(crate) fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        }
    }

    /// The extra headers as reqwest wants them, marked sensitive so that nothing logs them.
    pub(crate) fn extra_headers(&self) -> Result<HeaderMap, ClientError> {
        let mut map = HeaderMap::new();
        for (name, value) in &self.headers {
            let header = HeaderName::try_from(name.trim())
                .map_err(|_| ClientError::usage(format!("`{name}` is not a header name"), "write `Name: value`"))?;
            let mut value = HeaderValue::try_from(value.expose_secret().trim()).map_err(|_| {
                ClientError::usage(format!("the value of header `{name}` has characters no header may have"), "")
            })?;
            value.set_sensitive(true);
            map.append(header, value);
        }
        Ok(map)
    }

    /// Everything that must never be repeated in a report.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let password = self.url.password().map(str::to_owned);
        let bearer = self.bearer.as_ref().map(|bearer| bearer.expose_secret().to_owned());
        let headers = self.headers.iter().map(|(_, value)| value.expose_secret().trim().to_owned());
        // Very short values would blot out half the report without protecting anything.
        headers.chain(bearer).chain(password).filter(|secret| secret.len() > 3).collect()
    }
}

impl StdioTarget {
    /// Everything that must never be repeated in a report: the values given for the environment.
    pub(crate) fn secrets(&self) -> Vec<String> {
        self.env.iter().map(|(_, value)| value.clone()).filter(|value| value.len() > 3).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for (given, shown) in [
            ("http://localhost:8080", "http://localhost:8080/mcp"),
            ("https://u:hunter2@h.example/x?key=hunter2#f", "https://h.example/x"),
            ("http://[::1]:1/mcp", "http://[::1]:1/mcp"),
        ] {
            assert_eq!(HttpTarget::new(given).unwrap().shown(), shown);
        }
        for given in ["localhost:8080", "ftp://h/x", "", "/mcp"] {
            assert_eq!(HttpTarget::new(given).unwrap_err().exit_code(), 2, "{given}");
        }
    }

    #[test]
    fn loopback() {
        for (url, expected) in [
            ("http://localhost/", true),
            ("http://127.8.9.1/", true),
            ("http://[::1]/", true),
            ("http://localhost.evil.example/", false),
            ("http://10.0.0.1/", false),
        ] {
            assert_eq!(HttpTarget::new(url).unwrap().is_loopback(), expected, "{url}");
        }
    }

    #[test]
    fn secrets_do_not_print() {
        let mut target = HttpTarget::new("https://u:canary-0@h.example/?k=canary-0").unwrap();
        target.bearer = Some("canary-1".into());
        target.headers.push(("X-Key".into(), "canary-2".into()));
        let printed = format!("{target:?} {} {:?}", Target::Http(target.clone()), target.extra_headers().unwrap());
        assert!(!printed.contains("canary"), "{printed}");
    }
}
