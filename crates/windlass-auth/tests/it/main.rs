//! Authentication as the transports meet it, and as attackers do.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod attacks;
mod challenge;
mod docs;
mod issuer;
mod keys;
mod rotation;

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use windlass_auth::{AuthError, AuthErrorKind, Authenticator};
use windlass_core::Principal;

fn bearer(token: &str) -> HeaderMap {
    let value = HeaderValue::from_str(&format!("Bearer {token}")).expect("a header value");
    HeaderMap::from_iter([(http::header::AUTHORIZATION, value)])
}

async fn authenticate(authenticator: &Authenticator, token: &str) -> Result<Arc<Principal>, AuthError> {
    authenticator.authenticate(&bearer(token)).await
}

async fn refused(authenticator: &Authenticator, token: &str) -> AuthErrorKind {
    match authenticate(authenticator, token).await {
        Ok(principal) => panic!("let in as {}", principal.id),
        Err(error) => error.kind,
    }
}
