use http::HeaderMap;
use jsonwebtoken::Algorithm;
use serde_json::json;
use url::Url;
use windlass_auth::{Authenticator, metadata};
use windlass_config::settings::AuthSettings;
use windlass_core::SecretString;

use crate::{
    authenticate,
    issuer::{Issuer, Signer, TIMING, authenticator, oidc},
};

fn resource() -> Url {
    "https://mcp.example/mcp".parse().unwrap()
}

/// Status and challenge for one credential.
async fn answer(authenticator: &Authenticator, token: Option<&str>) -> String {
    let result = match token {
        Some(token) => authenticate(authenticator, token).await,
        None => authenticator.authenticate(&HeaderMap::new()).await,
    };
    let error = result.unwrap_err();
    let challenge = authenticator.challenge(&error, Some(&resource()));
    let challenge = challenge.as_ref().map(|value| value.to_str().unwrap().replace(", ", "\n  "));
    format!("{}\n{}", error.status().as_u16(), challenge.unwrap_or_default())
}

#[tokio::test]
async fn a_server_with_issuers_says_where_to_get_a_token() {
    let signer = Signer::new(Algorithm::ES256, "k1");
    let issuer = Issuer::start(&[&signer]).await;
    let mut settings = issuer.settings();
    settings.required_scopes = ["mcp:read".to_owned(), "mcp:call".to_owned()].into();
    let authenticator = authenticator(settings, TIMING);
    insta::assert_snapshot!(answer(&authenticator, None).await, @r#"
    401
    Bearer realm="windlass"
      scope="mcp:call mcp:read"
      resource_metadata="https://mcp.example/.well-known/oauth-protected-resource/mcp"
    "#);
    insta::assert_snapshot!(answer(&authenticator, Some(&signer.sign(&issuer.claims()))).await, @r#"
    403
    Bearer realm="windlass"
      scope="mcp:call mcp:read"
      error="insufficient_scope"
      error_description="the token lacks a required scope"
      resource_metadata="https://mcp.example/.well-known/oauth-protected-resource/mcp"
    "#);
    let mut claims = issuer.claims();
    claims["exp"] = json!(1);
    insta::assert_snapshot!(answer(&authenticator, Some(&signer.sign(&claims))).await, @r#"
    401
    Bearer realm="windlass"
      scope="mcp:call mcp:read"
      error="invalid_token"
      error_description="the key or token has expired"
      resource_metadata="https://mcp.example/.well-known/oauth-protected-resource/mcp"
    "#);
}

#[tokio::test]
async fn a_server_with_keys_alone_sends_nobody_to_an_issuer() {
    let settings = AuthSettings { token: Some("env:T".into()), ..AuthSettings::default() };
    let authenticator = Authenticator::new(&settings, Some(SecretString::from("t".repeat(32)))).unwrap();
    insta::assert_snapshot!(answer(&authenticator, None).await, @r#"
    401
    Bearer realm="windlass"
    "#);
    insta::assert_snapshot!(answer(&authenticator, Some("wrong")).await, @r#"
    401
    Bearer realm="windlass"
      error="invalid_token"
      error_description="the key or token is not valid"
    "#);
    assert!(metadata::document(&settings, &resource()).is_none());
}

#[test]
fn metadata_names_the_issuers_as_they_are_written() {
    let mut first = oidc("https://idp.example/");
    first.required_scopes = ["mcp:call".to_owned()].into();
    let settings = AuthSettings { oidc: vec![first, oidc("https://other.example/t/1")], ..AuthSettings::default() };
    let document = metadata::document(&settings, &resource()).unwrap();
    insta::assert_json_snapshot!(document, @r#"
    {
      "resource": "https://mcp.example/mcp",
      "resource_name": "Windlass",
      "authorization_servers": [
        "https://idp.example/",
        "https://other.example/t/1"
      ],
      "bearer_methods_supported": [
        "header"
      ],
      "scopes_supported": [
        "mcp:call"
      ]
    }
    "#);
    let bare = metadata::document(&settings, &"https://mcp.example".parse().unwrap()).unwrap();
    assert_eq!(bare["resource"], "https://mcp.example");
}

#[test]
fn metadata_is_served_where_clients_look() {
    assert_eq!(metadata::url(&resource()).as_str(), "https://mcp.example/.well-known/oauth-protected-resource/mcp");
    assert_eq!(
        metadata::paths("/mcp"),
        ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"]
    );
    assert_eq!(metadata::paths("/"), ["/.well-known/oauth-protected-resource"]);
}

#[test]
fn settings_that_would_let_strangers_in_are_refused() {
    let mut nobody = oidc("http://idp.example");
    nobody.audience.clear();
    nobody.jwks_url = Some("http://idp.example/jwks".parse().unwrap());
    nobody.required_scopes = ["a\"b".to_owned()].into();
    let settings = AuthSettings {
        oidc: vec![
            nobody,
            oidc("https://a.example?x=1"),
            oidc("idp"),
            oidc("https://b.example"),
            oidc("https://b.example"),
        ],
        ..AuthSettings::default()
    };
    let errors = Authenticator::new(&settings, None).unwrap_err();
    insta::assert_snapshot!(errors, @r#"
    auth.oidc[0].issuer: is not https
      hint: plain http is for issuers on loopback only
    auth.oidc[0].jwks_url: is not https
      hint: plain http is for issuers on loopback only
    auth.oidc[0].audience: names no audience, so tokens made for any other service would do
      hint: write what your issuer puts into `aud` for this server, usually its URL
    auth.oidc[0].required_scopes: has a scope with characters no scope has
      hint: use visible ASCII without quotes
    auth.oidc[1].issuer: has a query, a fragment or a user
      hint: write it as the `iss` claim of a token has it
    auth.oidc[2].issuer: is no URL
      hint: write it as the `iss` claim of a token has it
    auth.oidc[4].issuer: this issuer is already there
      hint: put all accepted audiences into one entry
    "#);
}
