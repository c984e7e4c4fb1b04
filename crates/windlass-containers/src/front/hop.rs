//! Headers that are about one connection, and those that say where a request came from.

use std::net::SocketAddr;

use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Version,
    header::{
        CONNECTION, EXPECT, FORWARDED, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING,
        UPGRADE,
    },
};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Removes what is about one connection, also what `Connection` names.
pub(super) fn strip(headers: &mut HeaderMap) {
    let named = |value: &HeaderValue| {
        value.to_str().unwrap_or_default().split(',').map(|name| name.trim().to_owned()).collect()
    };
    let named: Vec<Vec<String>> = headers.get_all(CONNECTION).iter().map(named).collect();
    for name in named.iter().flatten().filter_map(|name| name.parse::<HeaderName>().ok()) {
        // No client may have these taken away: what a request is would change on the way.
        if name != HOST && name != http::header::CONTENT_LENGTH && name != http::header::AUTHORIZATION {
            headers.remove(name);
        }
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Says for whom a request is. What the client says about that itself counts only where it is a proxy of ours.
pub(super) fn forwarded(headers: &mut HeaderMap, peer: SocketAddr, trusted: bool) {
    let own = peer.ip().to_canonical().to_string();
    let mut chain = own.clone();
    if trusted {
        let said = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
        chain = said.chain([own.as_str()]).collect::<Vec<_>>().join(", ");
    } else {
        for name in [FORWARDED, FORWARDED_PROTO, FORWARDED_HOST] {
            headers.remove(name);
        }
    }
    if let Ok(value) = HeaderValue::from_str(&chain) {
        headers.insert(FORWARDED_FOR, value);
    }
    headers.entry(FORWARDED_PROTO).or_insert(HeaderValue::from_static("http"));
    // The server here has answered that already.
    headers.remove(EXPECT);
}

/// What could be understood in two ways is not forwarded.
pub(super) fn refusal<B>(request: &Request<B>) -> Option<&'static str> {
    let hosts: Vec<_> = request.headers().get_all(HOST).iter().collect();
    let host = match hosts.as_slice() {
        [] if request.version() == Version::HTTP_10 => None,
        [] => return Some("the request names no host"),
        [host] => Some(*host),
        _ => return Some("the request names more than one host"),
    };
    if request.method() == http::Method::CONNECT {
        return Some("this is no proxy to elsewhere");
    }
    let uri = request.uri();
    if let Some(authority) = uri.authority()
        && host.is_none_or(|host| !host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()))
    {
        return Some("the request names one host in its first line and another one in `Host`");
    }
    let asterisk = request.method() == http::Method::OPTIONS && uri.path() == "*";
    (!uri.path().starts_with('/') && !asterisk).then_some("the request names no path")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(headers: &[(&str, &str)]) -> HeaderMap {
        headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn shown(headers: &HeaderMap) -> Vec<String> {
        let line = |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
        let mut lines: Vec<_> = headers.iter().map(line).collect();
        lines.sort();
        lines
    }

    #[test]
    fn what_is_about_the_connection_goes_and_the_rest_stays() {
        let mut headers = map(&[
            ("host", "a"),
            ("connection", "keep-alive, X-Private"),
            ("connection", "authorization, host, content-length"),
            ("authorization", "Bearer x"),
            ("content-length", "3"),
            ("x-private", "1"),
            ("keep-alive", "5"),
            ("te", "trailers"),
            ("upgrade", "websocket"),
            ("transfer-encoding", "chunked"),
            ("mcp-session-id", "7"),
        ]);
        strip(&mut headers);
        assert_eq!(shown(&headers), ["authorization: Bearer x", "content-length: 3", "host: a", "mcp-session-id: 7"]);
    }

    #[test]
    fn a_client_cannot_say_where_it_comes_from_but_a_proxy_can() {
        let peer = "[::ffff:192.0.2.7]:4711".parse().unwrap();
        let said = [("x-forwarded-for", "10.0.0.1"), ("x-forwarded-proto", "https"), ("forwarded", "for=10.0.0.1")];
        let mut headers = map(&said);
        forwarded(&mut headers, peer, false);
        assert_eq!(shown(&headers), ["x-forwarded-for: 192.0.2.7", "x-forwarded-proto: http"]);
        let mut headers = map(&said);
        forwarded(&mut headers, peer, true);
        assert_eq!(headers["x-forwarded-for"], "10.0.0.1, 192.0.2.7");
        assert_eq!(headers["x-forwarded-proto"], "https");
    }

    #[test]
    fn what_has_two_meanings_is_refused() {
        let request = |uri: &str, hosts: &[&str]| {
            let mut request = Request::get(uri);
            for host in hosts {
                request = request.header(HOST, *host);
            }
            refusal(&request.body(()).unwrap())
        };
        assert_eq!(request("/mcp", &["a"]), None);
        assert_eq!(request("http://a/mcp", &["A"]), None);
        assert!(request("/mcp", &[]).is_some());
        assert!(request("/mcp", &["a", "b"]).is_some());
        assert!(request("http://b/mcp", &["a"]).is_some());
        let connect = Request::connect("a:443").header(HOST, "a:443").body(()).unwrap();
        assert!(refusal(&connect).is_some());
    }
}
