use url::Url;

use super::{Checker, host};
use crate::{node::Path, settings::ServerSettings};

pub(super) fn check(checker: &mut Checker, server: &ServerSettings) {
    for (index, given) in server.allowed_hosts.iter().enumerate() {
        let path = Path::dotted("server.allowed_hosts").index(index);
        if !host_and_port(given) {
            let hint = match Url::parse(given).ok().and_then(|url| url.host_str().map(str::to_owned)) {
                Some(host) => format!("only the host: `{host}`"),
                None if given.contains('*') => "name each host; there are no patterns here".into(),
                None => "write for example `mcp.example.com` or `mcp.example.com:8080`".into(),
            };
            checker.refuse(&path, format!("`{given}` is not a host"), hint);
        }
    }
    for (index, given) in server.allowed_origins.iter().enumerate() {
        let path = Path::dotted("server.allowed_origins").index(index);
        match Url::parse(given).map(|url| origin(&url)) {
            Ok(Some(origin)) if origin.eq_ignore_ascii_case(given) => {}
            Ok(Some(origin)) => {
                checker.refuse(&path, format!("`{given}` is more than an origin"), format!("write `{origin}`"))
            }
            _ if given == "*" => {
                checker.refuse(&path, "`*` would let any web page in", "name the origins: `https://app.example.com`");
            }
            _ => checker.refuse(
                &path,
                format!("`{given}` is not an origin"),
                "write for example `https://app.example.com`",
            ),
        }
    }
    if let Some(url) = &server.public_url {
        checker.web_url(&Path::dotted("server.public_url"), url, false);
    }
}

fn host_and_port(text: &str) -> bool {
    match text.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => port.parse::<u16>().is_ok() && host(name),
        _ => host(text),
    }
}

/// The origin of a URL as a browser sends it. Extensions and desktop shells have schemes of their own.
fn origin(url: &Url) -> Option<String> {
    let name = url.host_str()?;
    match url.origin() {
        url::Origin::Tuple(..) => Some(url.origin().ascii_serialization()),
        url::Origin::Opaque(_) => Some(format!("{}://{name}", url.scheme())),
    }
}
