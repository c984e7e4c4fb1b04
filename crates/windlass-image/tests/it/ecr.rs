//! A registry with ECR's habits: the real one behind a proxy that has them.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use windlass_image::{Registry, RegistryError, RegistryOptions, SBOM_MEDIA_TYPE};
use windlass_testkit::registry::TestRegistry;

use crate::support::{basic, image, silent};

const TOKEN: &str = "a-token-of-twelve-hours";

/// How this one differs from the others.
#[derive(Debug, Clone, Copy, Default)]
struct Habits {
    /// No tag is moved, not even to where it is.
    immutable: bool,
    /// It keeps the list of what is attached to an image itself.
    referrers: bool,
    /// The token is older than twelve hours.
    expired: bool,
    /// So many uploads, and after them manifests, fail before one succeeds.
    stumbles: usize,
}

struct Ecr {
    addr: SocketAddr,
    state: Arc<Proxy>,
    task: tokio::task::JoinHandle<()>,
    _behind: TestRegistry,
}

struct Proxy {
    behind: String,
    client: reqwest::Client,
    habits: Habits,
    /// How many chunks each upload was sent.
    chunks: Mutex<HashMap<String, u32>>,
    /// Method and path of everything that was asked.
    asked: Mutex<Vec<String>>,
}

impl Ecr {
    async fn start(test: &str, habits: Habits) -> Option<Self> {
        let behind = TestRegistry::plain(test)?;
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let state = Arc::new(Proxy {
            behind: behind.host.clone(),
            client: reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap(),
            habits,
            chunks: Mutex::default(),
            asked: Mutex::default(),
        });
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let app = Router::new().fallback(answer).with_state(state.clone());
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Some(Self { addr, state, task, _behind: behind })
    }

    fn client(&self, repository: &str, token: &str) -> Registry {
        Registry::new(RegistryOptions {
            host: self.addr.to_string(),
            repository: repository.into(),
            credentials: basic("AWS", token),
            ca: None,
            plain_http: true,
        })
        .unwrap()
    }

    fn asked(&self, start: &str) -> usize {
        self.state.asked(start)
    }
}

impl Drop for Ecr {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn refuse(status: StatusCode, code: &str, message: &str) -> Response {
    let body = serde_json::json!({ "errors": [{ "code": code, "message": message }] });
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

async fn answer(State(proxy): State<Arc<Proxy>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    proxy.asked.lock().unwrap().push(format!("{method} {path}"));

    let expected = format!("Basic {}", STANDARD.encode(format!("AWS:{TOKEN}")));
    match request.headers().get(header::AUTHORIZATION) {
        None => {
            let realm = r#"Basic realm="https://ecr.example/",service="ecr.amazonaws.com""#;
            return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, realm)], "Not Authorized").into_response();
        }
        Some(_) if proxy.habits.expired => {
            let message = "Your authorization token has expired. Reauthenticate and try again.";
            return refuse(StatusCode::FORBIDDEN, "DENIED", message);
        }
        Some(value) if value != expected.as_str() => {
            return (StatusCode::UNAUTHORIZED, "Not Authorized").into_response();
        }
        Some(_) => (),
    }
    if path != "/v2/" && !path.starts_with("/v2/team/windlass/") {
        return refuse(StatusCode::NOT_FOUND, "NAME_UNKNOWN", "The repository does not exist in the registry");
    }
    let reference = path.rsplit_once("/manifests/").map(|(_, reference)| reference.to_owned());
    if proxy.habits.immutable
        && method == Method::PUT
        && let Some(tag) = reference.as_deref().filter(|reference| !reference.contains(':'))
        && proxy.has_manifest(&path).await
    {
        let message =
            format!("The image tag '{tag}' already exists and cannot be overwritten, the repository is immutable.");
        return refuse(StatusCode::BAD_REQUEST, "TAG_INVALID", &message);
    }

    for (kind, start) in [(Method::POST, "/v2/team/windlass/blobs/"), (Method::PUT, "/v2/team/windlass/manifests/")] {
        if method == kind && path.starts_with(start) && proxy.asked(&format!("{kind} {start}")) <= proxy.habits.stumbles
        {
            return refuse(StatusCode::SERVICE_UNAVAILABLE, "UNKNOWN", "unknown error");
        }
    }

    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let target = parts.uri.path_and_query().unwrap().as_str();
    if method == Method::PATCH {
        // The first chunk counts. The others are taken, and thrown away.
        let seen = {
            let mut chunks = proxy.chunks.lock().unwrap();
            let seen = chunks.entry(path.clone()).or_default();
            *seen += 1;
            *seen
        };
        if seen > 1 {
            return (StatusCode::CREATED, [(header::LOCATION, target)]).into_response();
        }
        let mut response = proxy.forward(method, target, parts.headers, body).await;
        *response.status_mut() = StatusCode::CREATED;
        return response;
    }
    let subject = serde_json::from_slice::<serde_json::Value>(&body).ok();
    let subject = subject.and_then(|manifest| Some(manifest.get("subject")?.get("digest")?.as_str()?.to_owned()));
    let mut response = proxy.forward(method.clone(), target, parts.headers, body).await;
    if method == Method::PUT && reference.is_some() {
        response.headers_mut().remove(header::LOCATION);
        if let Some(subject) = subject.filter(|_| proxy.habits.referrers) {
            response.headers_mut().insert("oci-subject", subject.parse().unwrap());
        }
    }
    response
}

impl Proxy {
    fn asked(&self, start: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| asked.starts_with(start)).count()
    }

    async fn has_manifest(&self, path: &str) -> bool {
        // Without saying so, one is not shown an index.
        let kinds = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json";
        let headers = HeaderMap::from_iter([(header::ACCEPT, kinds.parse().unwrap())]);
        self.forward(Method::HEAD, path, headers, Bytes::new()).await.status().is_success()
    }

    async fn forward(&self, method: Method, target: &str, mut headers: HeaderMap, body: Bytes) -> Response {
        headers.remove(header::AUTHORIZATION);
        headers.remove(header::CONTENT_LENGTH);
        headers.remove(header::TRANSFER_ENCODING);
        // Host stays: the places the registry names must be the proxy's.
        let request =
            self.client.request(method, format!("http://{}{target}", self.behind)).headers(headers).body(body);
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let mut answer = Response::new(Body::from(response.bytes().await.unwrap()));
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        answer.headers_mut().remove(header::TRANSFER_ENCODING);
        answer
    }
}

#[tokio::test]
async fn a_push_arrives_although_no_place_is_named_and_chunks_are_lost() {
    let test = "a push arrives although no place is named and chunks are lost";
    let Some(ecr) = Ecr::start(test, Habits { immutable: true, ..Habits::default() }).await else { return };
    let registry = ecr.client("team/windlass", TOKEN);
    let place = tempfile::tempdir().unwrap();
    let layout = image(place.path(), "v1");
    assert_eq!(registry.push(&layout, "v1", &silent).await.unwrap(), *layout.digest());
    assert_eq!(ecr.asked("PATCH"), 0);
    let back = registry.pull(layout.digest(), &place.path().join("back"), &silent).await.unwrap();
    assert_eq!(back.digest(), layout.digest());
}

#[tokio::test]
async fn a_tag_that_cannot_move_need_not() {
    let test = "a tag that cannot move need not";
    let Some(ecr) = Ecr::start(test, Habits { immutable: true, ..Habits::default() }).await else { return };
    let registry = ecr.client("team/windlass", TOKEN);
    let place = tempfile::tempdir().unwrap();
    let (one, other) = (image(place.path(), "v1"), image(place.path(), "v2"));
    registry.push(&one, "v1", &silent).await.unwrap();
    assert_eq!(registry.push(&one, "v1", &silent).await.unwrap(), *one.digest());
    let error = registry.push(&other, "v1", &silent).await.unwrap_err();
    assert!(matches!(error, RegistryError::TagTaken { .. }), "{error}");
    // Another process may be faster between the question and the push: with the same image that is no harm.
    let other_client = ecr.client("team/windlass", TOKEN);
    let both = tokio::join!(registry.push(&other, "v2", &silent), other_client.push(&other, "v2", &silent));
    assert_eq!((both.0.unwrap(), both.1.unwrap()), (other.digest().clone(), other.digest().clone()));
}

#[tokio::test]
async fn a_token_that_expired_and_a_repository_that_is_missing_are_told_apart() {
    let test = "a token that expired and a repository that is missing are told apart";
    let Some(ecr) = Ecr::start(test, Habits { expired: true, ..Habits::default() }).await else { return };
    let place = tempfile::tempdir().unwrap();
    let layout = image(place.path(), "v1");
    let error = ecr.client("team/windlass", TOKEN).push(&layout, "v1", &silent).await.unwrap_err();
    match &error {
        RegistryError::Unauthorized { status: 403, says, .. } => assert!(says.contains("expired"), "{says}"),
        error => panic!("{error}"),
    }
    assert!(error.hint().contains("token"));

    let ecr = Ecr::start(test, Habits::default()).await.unwrap();
    let error = ecr.client("team/windlass", "another-token").push(&layout, "v1", &silent).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unauthorized { status: 401, .. }), "{error}");
    let registry = ecr.client("team/nothing", TOKEN);
    let missing = |error: RegistryError| {
        assert!(
            matches!(&error, RegistryError::RepositoryMissing { repository, .. } if repository == "team/nothing"),
            "{error}"
        );
    };
    missing(registry.push(&layout, "v1", &silent).await.unwrap_err());
    missing(registry.resolve("v1").await.unwrap_err());
    missing(registry.pull(layout.digest(), &place.path().join("back"), &silent).await.unwrap_err());
}

#[tokio::test]
async fn where_the_registry_keeps_the_list_no_tag_is_made() {
    let test = "where the registry keeps the list no tag is made";
    let Some(ecr) = Ecr::start(test, Habits { immutable: true, referrers: true, ..Habits::default() }).await else {
        return;
    };
    let registry = ecr.client("team/windlass", TOKEN);
    let place = tempfile::tempdir().unwrap();
    let layout = image(place.path(), "v1");
    registry.push(&layout, "v1", &silent).await.unwrap();
    let attached = registry.attach(layout.digest(), SBOM_MEDIA_TYPE, SBOM_MEDIA_TYPE, b"{}").await.unwrap();
    assert!(attached.listed);
    assert_eq!(ecr.asked("PUT /v2/team/windlass/manifests/sha256-"), 0);
    assert_eq!(registry.attached(&attached.digest).await.unwrap(), b"{}");
}

#[tokio::test]
async fn a_list_that_cannot_be_changed_is_no_failure_and_said() {
    let test = "a list that cannot be changed is no failure and said";
    let Some(ecr) = Ecr::start(test, Habits { immutable: true, ..Habits::default() }).await else { return };
    let registry = ecr.client("team/windlass", TOKEN);
    let place = tempfile::tempdir().unwrap();
    let layout = image(place.path(), "v1");
    registry.push(&layout, "v1", &silent).await.unwrap();
    // The first makes the tag; the second would have to move it.
    let first = registry.attach(layout.digest(), SBOM_MEDIA_TYPE, SBOM_MEDIA_TYPE, b"{}").await.unwrap();
    let second = registry.attach(layout.digest(), SBOM_MEDIA_TYPE, SBOM_MEDIA_TYPE, b"{\"a\":1}").await.unwrap();
    assert_eq!((first.listed, second.listed), (true, false));
    assert!(registry.attach(layout.digest(), SBOM_MEDIA_TYPE, SBOM_MEDIA_TYPE, b"{}").await.unwrap().listed);
    assert_eq!(registry.referrers(layout.digest(), SBOM_MEDIA_TYPE).await.unwrap().len(), 1);
    assert_eq!(registry.attached(&second.digest).await.unwrap(), b"{\"a\":1}");
}

#[tokio::test]
async fn a_registry_that_stumbles_is_asked_again_but_not_for_ever() {
    let test = "a registry that stumbles is asked again but not for ever";
    let Some(ecr) = Ecr::start(test, Habits { stumbles: 1, ..Habits::default() }).await else { return };
    let place = tempfile::tempdir().unwrap();
    let layout = image(place.path(), "v1");
    ecr.client("team/windlass", TOKEN).push(&layout, "v1", &silent).await.unwrap();
    // One upload failed, and one manifest.
    assert_eq!(ecr.asked("POST /v2/team/windlass/blobs/"), 5);
    assert_eq!(ecr.asked("PUT /v2/team/windlass/manifests/"), 2);

    let ecr = Ecr::start(test, Habits { stumbles: 100, ..Habits::default() }).await.unwrap();
    let error = ecr.client("team/windlass", TOKEN).push(&layout, "v1", &silent).await.unwrap_err();
    assert!(matches!(error, RegistryError::Other { status: 503, .. }), "{error}");
    assert_eq!(ecr.asked("POST /v2/team/windlass/blobs/"), 3);
}
