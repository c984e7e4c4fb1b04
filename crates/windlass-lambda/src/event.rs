//! From an event to the request the client made. API Gateway's HTTP APIs and Function URLs use one format, 2.0.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderValue, Request, Uri, header};
use http_body_util::Full;
use lambda_http::aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpRequestContext};

/// A request, and who it came from.
pub(crate) struct Asked {
    pub request: Request<Full<Bytes>>,
    pub peer: SocketAddr,
    /// Whether it came by a Function URL.
    pub by_url: bool,
}

/// What an event says that no client can have sent.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("the event's body is said to be base64, and is not")]
    Body,
    #[error("the event's path is none")]
    Path,
}

impl TryFrom<ApiGatewayV2httpRequest> for Asked {
    type Error = Malformed;

    fn try_from(event: ApiGatewayV2httpRequest) -> Result<Self, Malformed> {
        let context = event.request_context;
        let body = match event.body {
            Some(body) if event.is_base64_encoded => BASE64_STANDARD.decode(body).map_err(|_| Malformed::Body)?.into(),
            body => Bytes::from(body.unwrap_or_default()),
        };
        let mut headers = event.headers;
        if !headers.contains_key(header::HOST)
            && let Some(name) = context.domain_name.as_deref().and_then(|name| HeaderValue::from_str(name).ok())
        {
            headers.insert(header::HOST, name);
        }
        if let Some(cookies) = event.cookies.and_then(|cookies| HeaderValue::from_str(&cookies.join("; ")).ok()) {
            headers.insert(header::COOKIE, cookies);
        }
        let path = without_stage(event.raw_path.as_deref().unwrap_or("/"), context.stage.as_deref());
        let query = event.raw_query_string.unwrap_or_default();
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let uri = uri(path, &query, host)?;
        let (peer, by_url) = (peer(&context), by_url(&context));
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = context.http.method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok(Self { request, peer, by_url })
    }
}

/// The path as the client knows it: a stage that has a name stands in front of it.
fn without_stage<'a>(path: &'a str, stage: Option<&str>) -> &'a str {
    let stage = stage.filter(|stage| !stage.is_empty() && *stage != "$default");
    let rest = stage.and_then(|stage| path.strip_prefix('/')?.strip_prefix(stage));
    match rest {
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

/// With scheme and host, since both are known: what is in front of a function speaks HTTPS alone.
fn uri(path: &str, query: &str, host: Option<&str>) -> Result<Uri, Malformed> {
    let target = match query {
        "" => path.to_owned(),
        query => format!("{path}?{query}"),
    };
    if !target.starts_with('/') {
        return Err(Malformed::Path);
    }
    let whole = host
        .and_then(|host| Uri::builder().scheme("https").authority(host).path_and_query(target.as_str()).build().ok());
    match whole {
        Some(uri) => Ok(uri),
        // A Host that is none is refused by the check of hosts.
        None => target.parse().map_err(|_| Malformed::Path),
    }
}

/// The address API Gateway or the Function URL saw. A header that says something else is the client's own word.
fn peer(context: &ApiGatewayV2httpRequestContext) -> SocketAddr {
    let address = context.http.source_ip.as_deref().and_then(|ip| ip.parse().ok());
    SocketAddr::new(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), 0)
}

fn by_url(context: &ApiGatewayV2httpRequestContext) -> bool {
    context.domain_name.as_deref().is_some_and(|name| name.contains(".lambda-url."))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use serde_json::{Value, json};

    use super::*;

    fn event(change: impl FnOnce(&mut Value)) -> Result<Asked, Malformed> {
        let mut event = json!({
            "version": "2.0", "rawPath": "/mcp", "rawQueryString": "",
            "headers": { "host": "abc.execute-api.eu-west-1.amazonaws.com", "x-forwarded-for": "10.9.9.9" },
            "requestContext": {
                "stage": "$default", "domainName": "abc.execute-api.eu-west-1.amazonaws.com",
                "http": { "method": "POST", "path": "/mcp", "sourceIp": "203.0.113.7" },
            },
            "body": "{}", "isBase64Encoded": false,
        });
        change(&mut event);
        serde_json::from_value::<ApiGatewayV2httpRequest>(event).unwrap().try_into()
    }

    async fn body(asked: Asked) -> Bytes {
        asked.request.into_body().collect().await.unwrap().to_bytes()
    }

    #[tokio::test]
    async fn a_request_is_what_the_client_sent() {
        let asked = event(|event| event["rawQueryString"] = "a=1&b=%20".into()).unwrap();
        assert_eq!(asked.request.uri(), "https://abc.execute-api.eu-west-1.amazonaws.com/mcp?a=1&b=%20");
        assert_eq!(asked.request.method(), "POST");
        assert_eq!(asked.peer.ip().to_string(), "203.0.113.7", "and not what X-Forwarded-For says");
        assert!(!asked.by_url);
        assert_eq!(body(asked).await, "{}");
        let asked = event(|event| {
            event["body"] = "e30=".into();
            event["isBase64Encoded"] = true.into();
            event["requestContext"]["domainName"] = "xyz.lambda-url.eu-west-1.on.aws".into();
        });
        let asked = asked.unwrap();
        assert!(asked.by_url);
        assert_eq!(body(asked).await, "{}");
    }

    #[test]
    fn a_named_stage_is_no_part_of_the_path() {
        for (path, stage, expected) in [
            ("/prod/mcp", "prod", "/mcp"),
            ("/prod", "prod", "/"),
            ("/production/mcp", "prod", "/production/mcp"),
            ("/mcp", "prod", "/mcp"),
            ("/mcp", "$default", "/mcp"),
            ("/mcp/mcp", "mcp", "/mcp"),
        ] {
            assert_eq!(without_stage(path, Some(stage)), expected, "{path} {stage}");
        }
    }

    #[test]
    fn what_no_client_sends_is_refused_and_not_guessed() {
        let refused = |change: fn(&mut Value)| event(change).err();
        assert_eq!(refused(|event| event["isBase64Encoded"] = true.into()), Some(Malformed::Body));
        assert_eq!(refused(|event| event["rawPath"] = "mcp".into()), Some(Malformed::Path));
        assert_eq!(refused(|event| event["rawPath"] = "/a b".into()), Some(Malformed::Path));
        let odd = event(|event| event["headers"]["host"] = "a b".into()).unwrap();
        assert_eq!(odd.request.uri(), "/mcp", "the check of hosts sees the header");
        let unknown = event(|event| event["requestContext"]["http"]["sourceIp"] = "nonsense".into()).unwrap();
        assert!(unknown.peer.ip().is_unspecified());
    }

    #[test]
    fn a_host_is_there_even_where_the_event_has_no_header_for_it() {
        let asked = event(|event| event["headers"] = json!({})).unwrap();
        assert_eq!(asked.request.headers()["host"], "abc.execute-api.eu-west-1.amazonaws.com");
    }
}
