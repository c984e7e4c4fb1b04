//! A registry that means harm.

use std::{
    convert::Infallible,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use windlass_image::{Digest, ImageError, Registry, RegistryError, RegistryOptions};

use crate::support::{basic, silent};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// What a server was asked: method, path and headers.
type Asked = Arc<Mutex<Vec<(String, HeaderMap)>>>;

/// A server that gives whatever `answer` says, and the client that trusts it with a password.
async fn serve(answer: impl Fn(&str) -> Response + Clone + Send + Sync + 'static) -> (Registry, Asked, String) {
    let asked = Asked::default();
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let seen = asked.clone();
    let app = Router::new().fallback(move |request: Request| {
        let path = request.uri().path().to_owned();
        seen.lock().unwrap().push((path.clone(), request.headers().clone()));
        let answer = answer.clone();
        async move { answer(&path) }
    });
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let registry = Registry::new(RegistryOptions {
        host: host.clone(),
        repository: "a".into(),
        credentials: basic("AWS", "a-password"),
        ca: None,
        plain_http: true,
    });
    (registry.unwrap(), asked, host)
}

fn manifest_answer(bytes: impl Into<Body>) -> Response {
    ([(header::CONTENT_TYPE, MANIFEST)], bytes.into()).into_response()
}

/// More than fits anywhere.
fn endless() -> Body {
    let block = Bytes::from(vec![b' '; 1 << 20]);
    Body::from_stream(futures::stream::repeat_with(move || Ok::<_, Infallible>(block.clone())))
}

/// The manifest of an image of one layer, `x`, which is said to have so many bytes.
fn manifest(size: u64, media_type: &str) -> (Vec<u8>, Digest) {
    let config =
        json!({ "mediaType": "application/vnd.oci.image.config.v1+json", "digest": Digest::of(b"{}"), "size": 2 });
    let layer = json!({
        "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": Digest::of(b"x"), "size": size,
        "urls": ["http://127.0.0.1:1/elsewhere"],
    });
    let manifest: Value = json!({ "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": [layer] });
    let bytes = manifest.to_string().into_bytes();
    let digest = Digest::of(&bytes);
    (bytes, digest)
}

async fn pull(registry: &Registry, digest: &Digest) -> RegistryError {
    let place = tempfile::tempdir().unwrap();
    let error = registry.pull(digest, &place.path().join("image"), &silent).await.unwrap_err();
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "something was left behind");
    error
}

#[tokio::test]
async fn a_manifest_without_end_is_not_read_to_its_end() {
    let (registry, ..) = serve(|_| manifest_answer(endless())).await;
    assert!(matches!(registry.resolve("v1").await, Err(RegistryError::Unusable(_))));
    assert!(matches!(pull(&registry, &Digest::of(b"")).await, RegistryError::Unusable(_)));
}

#[tokio::test]
async fn another_manifest_than_was_asked_for_is_refused() {
    let (bytes, digest) = manifest(1, MANIFEST);
    let (registry, ..) = serve(move |_| manifest_answer(bytes.clone())).await;
    let wanted = Digest::of(b"another");
    match pull(&registry, &wanted).await {
        RegistryError::Corrupted { blob, found, .. } => assert_eq!((blob, found), (wanted, digest.to_string())),
        error => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_layer_is_as_long_as_it_was_said_to_be() {
    for (said, sent) in [(1, None), (1, Some("xy")), (7, Some("x"))] {
        let (bytes, digest) = manifest(said, MANIFEST);
        let (registry, asked, _) = serve(move |path| match path {
            path if path.contains("/manifests/") => manifest_answer(bytes.clone()),
            path if path.ends_with(Digest::of(b"{}").as_str()) => "{}".into_response(),
            _ => sent.map_or_else(|| endless().into_response(), IntoResponse::into_response),
        })
        .await;
        let error = pull(&registry, &digest).await;
        assert!(matches!(&error, RegistryError::Corrupted { blob, .. } if *blob == Digest::of(b"x")), "{error}");
        assert!(asked.lock().unwrap().iter().any(|(path, _)| path.contains("/blobs/")));
    }
}

#[tokio::test]
async fn sizes_and_kinds_nobody_needs_are_refused_before_anything_is_fetched() {
    let cases = [
        manifest(u64::MAX, MANIFEST),
        manifest(5 << 30, MANIFEST),
        manifest(1, "application/vnd.oci.image.index.v1+json"),
    ];
    for (bytes, digest) in cases {
        let (registry, asked, _) = serve(move |_| manifest_answer(bytes.clone())).await;
        let error = pull(&registry, &digest).await;
        let refused = matches!(error, RegistryError::Unusable(_) | RegistryError::Image(ImageError::TooLarge { .. }));
        assert!(refused, "{error}");
        assert!(!asked.lock().unwrap().iter().any(|(path, _)| path.contains("/blobs/")));
    }
}

#[tokio::test]
async fn a_layer_is_not_fetched_from_where_the_manifest_says() {
    let (bytes, digest) = manifest(1, MANIFEST);
    let (registry, ..) = serve(move |path| match path {
        path if path.contains("/manifests/") => manifest_answer(bytes.clone()),
        path if path.ends_with(Digest::of(b"{}").as_str()) => "{}".into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    })
    .await;
    // Had it asked elsewhere, nobody would have listened there.
    let error = pull(&registry, &digest).await;
    assert!(matches!(error, RegistryError::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn a_password_does_not_follow_to_another_host() {
    let (_, elsewhere, host) = serve(|_| StatusCode::NOT_FOUND.into_response()).await;
    let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"x\"")];
    let (registry, asked, _) = serve(move |path| match path {
        "/v2/" => (StatusCode::UNAUTHORIZED, challenge.clone()).into_response(),
        path => {
            let location = format!("http://{host}{path}");
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]).into_response()
        }
    })
    .await;
    assert_eq!(registry.resolve("v1").await.unwrap(), None);
    let has_password = |asked: &Asked| {
        asked.lock().unwrap().iter().map(|(_, headers)| headers.contains_key(header::AUTHORIZATION)).collect::<Vec<_>>()
    };
    assert_eq!(has_password(&asked), [false, true]);
    assert_eq!(has_password(&elsewhere), [false]);
}

#[tokio::test]
async fn what_a_registry_says_does_not_write_on_the_terminal() {
    let says = "\u{1b}[2Jdone\u{7}\n".repeat(100);
    let body = json!({ "errors": [{ "code": "DENIED", "message": says }] }).to_string();
    for (status, body) in [(StatusCode::FORBIDDEN, body), (StatusCode::BAD_GATEWAY, says)] {
        let (registry, ..) = serve(move |_| (status, body.clone()).into_response()).await;
        let error = registry.resolve("v1").await.unwrap_err();
        let kind =
            matches!(error, RegistryError::Unauthorized { status: 403, .. } | RegistryError::Other { status: 502, .. });
        assert!(kind, "{error}");
        let text = error.to_string();
        assert!(text.contains("done") && text.len() < 400 && !text.contains(char::is_control), "{text:?}");
    }
}
