//! Keys that come and go, issuers that are down.

use std::time::{Duration, Instant};

use jsonwebtoken::{Algorithm, Header};
use serde_json::json;
use tokio::net::TcpListener;
use windlass_auth::{AuthErrorKind, Timing};
use windlass_core::{Health, units::Span};

use crate::{
    authenticate, bearer,
    issuer::{Issuer, Signer, TIMING, authenticator, jwks_url, oidc},
    refused,
};

#[tokio::test]
async fn a_new_key_is_found_and_an_old_one_goes() {
    let (old, new) = (Signer::new(Algorithm::ES256, "old"), Signer::new(Algorithm::ES256, "new"));
    let issuer = Issuer::start(&[&old]).await;
    let authenticator = authenticator(issuer.settings(), Timing { refetch: Duration::ZERO, ..TIMING });
    authenticate(&authenticator, &old.sign(&issuer.claims())).await.unwrap();
    issuer.publish(&[&old, &new]);
    authenticate(&authenticator, &new.sign(&issuer.claims())).await.unwrap();
    assert_eq!(issuer.fetches(), 2);
    authenticate(&authenticator, &old.sign(&issuer.claims())).await.unwrap();
    assert_eq!(issuer.fetches(), 2, "both are kept");
    issuer.publish(&[&new]);
    // Anything unknown makes it look again, and then the old one is gone.
    let stranger = Signer::new(Algorithm::ES256, "stranger");
    assert_eq!(refused(&authenticator, &stranger.sign(&issuer.claims())).await, AuthErrorKind::Unknown);
    assert_eq!(refused(&authenticator, &old.sign(&issuer.claims())).await, AuthErrorKind::Unknown);
}

#[tokio::test]
async fn keys_are_fetched_again_when_their_time_is_over() {
    let (old, new) = (Signer::new(Algorithm::ES256, "same"), Signer::new(Algorithm::ES256, "same"));
    let issuer = Issuer::start(&[&old]).await;
    let mut settings = issuer.settings();
    settings.jwks_ttl = Span(Duration::ZERO);
    let authenticator = authenticator(settings, Timing { refetch: Duration::ZERO, ..TIMING });
    authenticate(&authenticator, &old.sign(&issuer.claims())).await.unwrap();
    issuer.publish(&[&new]);
    assert_eq!(refused(&authenticator, &old.sign(&issuer.claims())).await, AuthErrorKind::Unknown);
    authenticate(&authenticator, &new.sign(&issuer.claims())).await.unwrap();
}

#[tokio::test]
async fn a_flood_of_unknown_key_ids_reaches_the_issuer_once() {
    let signer = Signer::new(Algorithm::ES256, "k1");
    let issuer = Issuer::start(&[&signer]).await;
    let authenticator = authenticator(issuer.settings(), Timing { refetch: Duration::from_secs(3600), ..TIMING });
    let flood = (0..200).map(|n| {
        let header = Header { kid: Some(format!("made-up-{n}")), ..signer.header() };
        let token = signer.sign_as(&header, &issuer.claims());
        let authenticator = &authenticator;
        async move { refused(authenticator, &token).await }
    });
    let mut kinds = Vec::new();
    for attempt in flood {
        kinds.push(attempt.await);
    }
    assert!(kinds.iter().all(|kind| *kind == AuthErrorKind::Unknown));
    assert_eq!(issuer.fetches(), 1);
    authenticate(&authenticator, &signer.sign(&issuer.claims())).await.unwrap();
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn many_at_once_share_one_fetch() {
    let signer = Signer::new(Algorithm::ES256, "k1");
    let issuer = Issuer::start(&[&signer]).await;
    let authenticator = std::sync::Arc::new(authenticator(issuer.settings(), TIMING));
    let token = signer.sign(&issuer.claims());
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (authenticator, token) = (authenticator.clone(), token.clone());
        tasks.spawn(async move { authenticate(&authenticator, &token).await.map(|who| who.id.clone()) });
    }
    while let Some(done) = tasks.join_next().await {
        assert!(done.unwrap().unwrap().ends_with("#alice"));
    }
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn a_caller_who_hangs_up_does_not_stop_the_fetch() {
    let signer = Signer::new(Algorithm::ES256, "k1");
    let issuer = Issuer::start(&[&signer]).await;
    let authenticator = authenticator(issuer.settings(), Timing { retry: Duration::from_secs(3600), ..TIMING });
    let headers = bearer(&signer.sign(&issuer.claims()));
    // Polled once, so that the fetch is under way, and dropped.
    let mut call = Box::pin(authenticator.authenticate(&headers));
    assert!(futures_poll_once(call.as_mut()).await.is_none());
    drop(call);
    // With one attempt in an hour this can only succeed if that attempt went on.
    authenticator.authenticate(&headers).await.unwrap();
    assert_eq!(issuer.fetches(), 1);
}

async fn futures_poll_once<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut future).poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test]
async fn an_issuer_that_is_down_at_the_start_heals() {
    let signer = Signer::new(Algorithm::ES256, "k1");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let authenticator = authenticator(oidc(&format!("http://{address}")), TIMING);
    let mut claims = json!({ "iss": format!("http://{address}"), "aud": crate::issuer::AUDIENCE, "sub": "alice" });
    claims["exp"] = json!(crate::issuer::now() + 300);
    let token = signer.sign(&claims);
    let error = authenticate(&authenticator, &token).await.unwrap_err();
    assert_eq!(error.status(), 503);
    assert!(error.retry_after().is_some());
    assert!(authenticator.challenge(&error, None).is_none(), "another token would not help");
    let check = authenticator.ready().await.remove(0);
    assert_eq!(check.health, Health::Degraded, "{check:?}");

    let issuer = Issuer::on(TcpListener::bind(address).await.unwrap(), &[&signer]);
    let deadline = Instant::now() + Duration::from_secs(10);
    while let Err(error) = authenticate(&authenticator, &token).await {
        assert!(Instant::now() < deadline, "{error:?}");
        tokio::time::sleep(TIMING.retry).await;
    }
    assert_eq!(authenticator.ready().await[0].health, Health::Ok);
    drop(issuer);
}

#[tokio::test]
async fn while_the_issuer_is_down_kept_keys_count_for_a_while_and_not_for_ever() {
    let signer = Signer::new(Algorithm::ES256, "k1");
    for (stale, counts) in [(Duration::from_secs(3600), true), (Duration::ZERO, false)] {
        let issuer = Issuer::start(&[&signer]).await;
        let mut settings = issuer.settings();
        settings.jwks_ttl = Span(Duration::from_millis(50));
        let authenticator = authenticator(settings, Timing { refetch: Duration::ZERO, stale, ..TIMING });
        let token = signer.sign(&issuer.claims());
        authenticate(&authenticator, &token).await.unwrap();
        issuer.page("/jwks", 500, json!({}));
        tokio::time::sleep(Duration::from_millis(60)).await;
        let kept = authenticate(&authenticator, &token).await;
        assert_eq!(kept.is_ok(), counts, "{kept:?}");
        assert_eq!(authenticator.ready().await[0].health, Health::Degraded);
        assert!(issuer.fetches() >= 2, "it did ask again");
    }
}

#[tokio::test]
async fn what_an_issuer_may_not_answer() {
    let signer = Signer::new(Algorithm::ES256, "k1");
    let other = Issuer::start(&[&signer]).await;
    let keys = json!({ "keys": [signer.jwk] });
    let padded = json!({ "keys": [signer.jwk], "padding": "x".repeat(600 * 1024) });
    for (what, status, body) in [
        ("a redirect to another host", 302, json!(jwks_url(&other).to_string())),
        ("an error", 500, keys.clone()),
        ("too much", 200, padded),
        ("no keys", 200, json!({ "keys": [] })),
        ("something else", 200, json!("hello")),
    ] {
        let issuer = Issuer::start(&[]).await;
        issuer.page("/jwks", status, body);
        let error = authenticate(&issuer.authenticator(), &signer.sign(&issuer.claims())).await.unwrap_err();
        assert_eq!(error.status(), 503, "{what}");
    }
    assert_eq!(other.fetches(), 0, "the redirect was not followed");

    let issuer = Issuer::start(&[]).await;
    issuer.page("/jwks", 302, json!("/moved"));
    issuer.page("/moved", 200, keys);
    authenticate(&issuer.authenticator(), &signer.sign(&issuer.claims())).await.unwrap();
}

#[tokio::test]
async fn keys_are_found_through_either_metadata_or_a_url() {
    let signer = Signer::new(Algorithm::ES256, "k1");
    let issuer = Issuer::start(&[&signer]).await;
    issuer.page("/.well-known/openid-configuration", 404, json!({}));
    let token = signer.sign(&issuer.claims());
    assert_eq!(authenticate(&issuer.authenticator(), &token).await.unwrap_err().status(), 503);

    let mut settings = issuer.settings();
    settings.jwks_url = Some(jwks_url(&issuer));
    authenticate(&authenticator(settings, TIMING), &token).await.unwrap();

    let metadata = json!({ "issuer": issuer.url, "jwks_uri": jwks_url(&issuer) });
    issuer.page("/.well-known/oauth-authorization-server", 200, metadata);
    authenticate(&issuer.authenticator(), &token).await.unwrap();

    issuer.page(
        "/.well-known/oauth-authorization-server",
        200,
        json!({ "issuer": "https://evil.example", "jwks_uri": jwks_url(&issuer) }),
    );
    assert_eq!(authenticate(&issuer.authenticator(), &token).await.unwrap_err().status(), 503);
}
