//! One fetch: hops, each judged like the first, and a body that is capped while it is read.

mod body;
mod failure;
mod media;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use reqwest::{
    Client, Method, Response, StatusCode,
    header::{ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION},
    redirect::Policy,
};
use url::Url;
use windlass_config::settings::FetchSettings;
use windlass_core::ToolError;
use windlass_guard::{AddressGuard, GuardSettingError, GuardedResolver, HostRules, Resolver, SystemResolver, Target};

pub(crate) use media::Media;

const USER_AGENT: &str = concat!("windlass/", env!("CARGO_PKG_VERSION"), " (fetch_url)");
const DEFAULT_ACCEPT: &str = "text/html, application/xhtml+xml, text/*, application/json;q=0.9, */*;q=0.1";

/// What a server says of itself ends up in an answer, beside the content that is capped.
const MAX_CONTENT_TYPE: usize = 200;
const MAX_LOCATION: usize = 4096;

/// The HTTP client's only way to resolve a name.
struct Pinned(GuardedResolver);

impl reqwest::dns::Resolve for Pinned {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let resolver = self.0.clone();
        Box::pin(async move {
            let addresses = resolver.resolve(name.as_str()).await?;
            // Port 0 means "the one of the URL" to reqwest.
            let sockets = addresses.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(sockets) as reqwest::dns::Addrs)
        })
    }
}

/// Reads URLs of allowed hosts.
pub struct Fetcher {
    client: Client,
    hosts: HostRules,
    addresses: AddressGuard,
    limits: Limits,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    max_bytes: usize,
    timeout: Duration,
    max_redirects: usize,
}

/// What to fetch. The limits here can only narrow the configured ones.
#[derive(Debug, Clone)]
pub struct Request {
    /// Where.
    pub url: String,
    /// HEAD instead of GET.
    pub head: bool,
    /// Extra headers, checked by the caller; sent to the first host only.
    pub headers: HeaderMap,
    /// Stop reading the body after so many bytes.
    pub max_bytes: Option<usize>,
    /// Give up after so long.
    pub timeout: Option<Duration>,
}

impl Request {
    /// A plain GET.
    pub fn get(url: impl Into<String>) -> Self {
        Self { url: url.into(), head: false, headers: HeaderMap::new(), max_bytes: None, timeout: None }
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The URL that answered, after redirects.
    pub url: Url,
    /// Its status.
    pub status: StatusCode,
    /// Its `Content-Type`, as sent.
    pub content_type: Option<String>,
    /// Its `Content-Length`, as sent; the only way to learn a size with HEAD.
    pub content_length: Option<u64>,
    /// The URLs that pointed on, in order.
    pub redirects: Vec<Url>,
    /// The body as text.
    pub text: String,
    /// Whether the body is HTML.
    pub is_html: bool,
    /// Bytes of body read, after decompression.
    pub bytes: usize,
    /// Whether there was more body than the cap.
    pub truncated: bool,
}

impl Fetcher {
    /// A fetcher with the system's resolver.
    pub fn new(settings: &FetchSettings) -> Result<Self, GuardSettingError> {
        Self::with_resolver(settings, Arc::new(SystemResolver))
    }

    /// A fetcher that asks `resolver` for addresses.
    pub fn with_resolver(settings: &FetchSettings, resolver: Arc<dyn Resolver>) -> Result<Self, GuardSettingError> {
        let hosts = HostRules::new("fetch.allowed_hosts", &settings.allowed_hosts)?;
        let addresses = AddressGuard::new("fetch.allowed_private", &settings.allowed_private)?;
        // A second installation is an error that means "somebody did it before": what we want.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = Client::builder()
            .dns_resolver(Pinned(GuardedResolver::new(resolver, addresses.clone())))
            // A proxy from the environment would resolve names itself, behind the guard's back.
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            // No connection outlives its call: each is made for one caller, to an address judged a moment ago.
            .pool_max_idle_per_host(0)
            .http1_only()
            .connect_timeout(Duration::from_secs(10))
            .user_agent(USER_AGENT)
            .build()
            .map_err(|error| GuardSettingError {
                setting: "fetch",
                value: "the system's TLS roots".into(),
                why: windlass_core::chain(&error),
            })?;
        let limits = Limits {
            max_bytes: usize::try_from(settings.max_bytes.0).unwrap_or(usize::MAX),
            timeout: settings.timeout.0,
            max_redirects: settings.max_redirects,
        };
        Ok(Self { client, hosts, addresses, limits })
    }

    /// Whether no host is allowed at all.
    pub fn is_off(&self) -> bool {
        self.hosts.is_empty()
    }

    /// Fetches, within the time allowed.
    pub async fn fetch(&self, request: Request) -> Result<Fetched, ToolError> {
        let timeout = request.timeout.map_or(self.limits.timeout, |asked| asked.min(self.limits.timeout));
        match tokio::time::timeout(timeout, self.follow(request)).await {
            Ok(result) => result,
            Err(_) => Err(failure::timed_out(timeout)),
        }
    }

    async fn follow(&self, request: Request) -> Result<Fetched, ToolError> {
        let mut target = self.hosts.check(&request.url, &self.addresses).map_err(failure::refused)?;
        let first = target.url.clone();
        let mut redirects = Vec::new();
        loop {
            let own_headers = if same_origin(&first, &target.url) { Some(&request.headers) } else { None };
            let response = self.send(&target, request.head, own_headers).await?;
            let Some(next) = location(&response, &target.url)? else {
                return self.read(target.url, redirects, response, &request).await;
            };
            if redirects.len() >= self.limits.max_redirects {
                return Err(failure::too_many_redirects(self.limits.max_redirects));
            }
            if target.url.scheme() == "https" && next.scheme() == "http" {
                return Err(failure::downgrade(&next));
            }
            let next = self
                .hosts
                .check_url(next.clone(), &self.addresses)
                .map_err(|refused| failure::refused_redirect(&next, refused))?;
            redirects.push(std::mem::replace(&mut target, next).url);
        }
    }

    async fn send(&self, target: &Target, head: bool, own: Option<&HeaderMap>) -> Result<Response, ToolError> {
        let method = if head { Method::HEAD } else { Method::GET };
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(DEFAULT_ACCEPT));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(body::ACCEPTED_ENCODINGS));
        if let Some(own) = own {
            headers.extend(own.clone());
        }
        self.client
            .request(method, target.url.clone())
            .headers(headers)
            .send()
            .await
            .map_err(|error| failure::transport(&error, &target.url))
    }

    async fn read(
        &self,
        url: Url,
        redirects: Vec<Url>,
        response: Response,
        request: &Request,
    ) -> Result<Fetched, ToolError> {
        let status = response.status();
        let header = |name| response.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let content_type = header(CONTENT_TYPE).map(|value| value.chars().take(MAX_CONTENT_TYPE).collect::<String>());
        let content_length = header(CONTENT_LENGTH).and_then(|value| value.parse().ok());
        let media = Media::of(content_type.as_deref());
        let no_body = request.head || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if !no_body && !media.is_text() {
            return Err(failure::not_text(&media, content_length));
        }
        let cap = request.max_bytes.map_or(self.limits.max_bytes, |asked| asked.min(self.limits.max_bytes));
        let body = if no_body { body::Body::default() } else { body::read(response, cap, &url).await? };
        let text = media.decode(&body.bytes).ok_or_else(|| failure::binary(&media, body.bytes.len()))?;
        let is_html = media.is_html(&text);
        let (bytes, truncated) = (body.bytes.len(), body.truncated);
        Ok(Fetched { url, status, content_type, content_length, redirects, text, is_html, bytes, truncated })
    }
}

fn same_origin(one: &Url, other: &Url) -> bool {
    one.origin() == other.origin()
}

/// Where a response points on, if it does.
fn location(response: &Response, base: &Url) -> Result<Option<Url>, ToolError> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = response.headers().get(LOCATION) else { return Ok(None) };
    let text = location.to_str().ok().filter(|text| text.len() <= MAX_LOCATION).ok_or_else(failure::bad_location)?;
    base.join(text).map(Some).map_err(|_| failure::bad_location())
}
