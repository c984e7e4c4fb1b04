//! Tokens made to get past.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use windlass_auth::AuthErrorKind::{self, Expired, InsufficientScope, Malformed, NotYetValid, Unknown, WrongAudience};

use crate::{
    authenticate,
    issuer::{AUDIENCE, Issuer, Signer, TIMING, authenticator, now},
    refused,
};

#[tokio::test]
async fn a_good_token_is_its_subject_under_every_accepted_algorithm() {
    for algorithm in [Algorithm::RS256, Algorithm::PS384, Algorithm::ES256, Algorithm::EdDSA] {
        let signer = Signer::new(algorithm, "k1");
        let issuer = Issuer::start(&[&signer]).await;
        let mut claims = issuer.claims();
        claims["groups"] = json!(["dev"]);
        let who = authenticate(&issuer.authenticator(), &signer.sign(&claims)).await.unwrap();
        assert_eq!(who.id, format!("jwt:{}#alice", issuer.url));
        assert!(who.groups.contains("dev") && who.scopes.contains("mcp:call"), "{who:?}");
    }
}

#[tokio::test]
async fn claims_that_do_not_hold() {
    let signer = Signer::new(Algorithm::ES256, "k1");
    let issuer = Issuer::start(&[&signer]).await;
    let authenticator = issuer.authenticator();
    let cases: Vec<(&str, Value, AuthErrorKind)> = vec![
        ("iss", json!("https://evil.example"), Unknown),
        ("iss", json!(format!("{}/", issuer.url)), Unknown),
        ("iss", json!([issuer.url, "https://evil.example"]), Unknown),
        ("iss", Value::Null, Unknown),
        ("aud", json!("https://other.example"), WrongAudience),
        ("aud", json!([]), WrongAudience),
        ("aud", Value::Null, WrongAudience),
        ("exp", json!(now() - 3600), Expired),
        ("exp", json!(now() - 31), Expired),
        ("exp", json!("9999999999"), Unknown),
        ("exp", json!(-1), Unknown),
        ("exp", Value::Null, Unknown),
        ("nbf", json!(now() + 3600), NotYetValid),
        ("nbf", json!("soon"), Unknown),
        ("sub", Value::Null, Unknown),
        ("sub", json!(""), Unknown),
        ("sub", json!("alice\u{0}"), Unknown),
    ];
    for (claim, value, expected) in cases {
        let mut claims = issuer.claims();
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(claim)),
            ref value => claims[claim] = value.clone(),
        }
        assert_eq!(refused(&authenticator, &signer.sign(&claims)).await, expected, "{claim}: {value}");
    }
    // Within the leeway, and one audience of several.
    for (claim, value) in [("exp", json!(now() - 5)), ("nbf", json!(now() + 5)), ("aud", json!(["x", AUDIENCE]))] {
        let mut claims = issuer.claims();
        claims[claim] = value;
        authenticate(&authenticator, &signer.sign(&claims)).await.unwrap();
    }
}

#[tokio::test]
async fn signatures_that_do_not_hold() {
    let signer = Signer::new(Algorithm::RS256, "k1");
    let ours = Signer::new(Algorithm::ES256, "k2");
    let issuer = Issuer::start(&[&signer, &ours]).await;
    let authenticator = issuer.authenticator();
    let claims = issuer.claims();
    let good = signer.sign(&claims);
    authenticate(&authenticator, &good).await.unwrap();
    let parts: Vec<&str> = good.split('.').collect();
    let part = |value: Value| BASE64.encode(value.to_string());
    let mut admin = claims.clone();
    admin["sub"] = json!("admin");

    // The public key everybody can fetch, used as an HMAC secret in each form an attacker would try.
    let modulus = BASE64.decode(signer.jwk["n"].as_str().unwrap()).unwrap();
    let hmac = |algorithm: Algorithm, secret: &[u8]| {
        let header = Header { kid: Some("k1".into()), ..Header::new(algorithm) };
        encode(&header, &admin, &EncodingKey::from_secret(secret)).unwrap()
    };
    let stranger = Signer::new(Algorithm::ES256, "k2");
    let embedded = Header {
        jwk: Some(serde_json::from_value(stranger.jwk.clone()).unwrap()),
        jku: Some(format!("{}/evil", issuer.url)),
        ..stranger.header()
    };
    issuer.page("/evil", 200, json!({ "keys": [stranger.jwk] }));
    let with = |change: fn(&mut Header)| {
        let mut header = ours.header();
        change(&mut header);
        ours.sign_as(&header, &claims)
    };

    let tokens = [
        ("alg none", format!("{}.{}.", part(json!({ "alg": "none" })), part(admin.clone()))),
        ("alg None", format!("{}.{}.", part(json!({ "alg": "None", "kid": "k1" })), part(admin.clone()))),
        ("alg none, old signature", format!("{}.{}.{}", part(json!({ "alg": "none" })), part(admin.clone()), parts[2])),
        ("HS256 with the modulus", hmac(Algorithm::HS256, &modulus)),
        ("HS512 with the JWK", hmac(Algorithm::HS512, signer.jwk.to_string().as_bytes())),
        ("payload changed", format!("{}.{}.{}", parts[0], part(admin.clone()), parts[2])),
        ("header changed", format!("{}.{}.{}", part(json!({ "alg": "RS512", "kid": "k1" })), parts[1], parts[2])),
        ("PS256 for RS256", format!("{}.{}.{}", part(json!({ "alg": "PS256", "kid": "k1" })), parts[1], parts[2])),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("another key's id", signer.sign_as(&Header { kid: Some("k2".into()), ..signer.header() }, &claims)),
        ("an unknown key's id", signer.sign_as(&Header { kid: Some("k9".into()), ..signer.header() }, &claims)),
        ("a stranger's key under our id", stranger.sign(&claims)),
        ("a stranger's key in the header", stranger.sign_as(&embedded, &claims)),
        ("an id that is a path", with(|header| header.kid = Some("../../dev/null".into()))),
        ("critical extensions", with(|header| header.crit = Some(vec!["b64".into()]))),
        ("a logout token", with(|header| header.typ = Some("logout+jwt".into()))),
        ("a proof of possession", with(|header| header.typ = Some("dpop+jwt".into()))),
        ("bytes that are no JSON", format!("eyJ.{}.{}", parts[1], parts[2])),
        ("two dots and nothing", "ey..".into()),
    ];
    for (what, token) in tokens {
        assert_eq!(refused(&authenticator, &token).await, Unknown, "{what}");
    }
    // A header may name its kind as RFC 9068 has it.
    authenticate(&authenticator, &with(|header| header.typ = Some("at+jwt".into()))).await.unwrap();
}

#[tokio::test]
async fn keys_that_may_not_verify() {
    let signer = Signer::new(Algorithm::ES256, "k1");
    let changes: [(&str, Value); 4] =
        [("use", json!("enc")), ("key_ops", json!(["sign"])), ("alg", json!("ES384")), ("kty", json!("oct"))];
    for (member, value) in changes {
        let mut changed = Signer { jwk: signer.jwk.clone(), key: signer.key.clone(), id: "k1".into(), ..signer };
        changed.jwk[member] = value.clone();
        // Another key keeps the set from being empty, which would be the issuer's fault and not the token's.
        let issuer = Issuer::start(&[&changed, &Signer::new(Algorithm::EdDSA, "k2")]).await;
        assert_eq!(refused(&issuer.authenticator(), &signer.sign(&issuer.claims())).await, Unknown, "{member} {value}");
    }
}

#[tokio::test]
async fn a_token_without_a_key_id_needs_an_only_key() {
    let (one, two) = (Signer::new(Algorithm::ES256, "k1"), Signer::new(Algorithm::ES256, "k2"));
    let issuer = Issuer::start(&[&one, &Signer::new(Algorithm::EdDSA, "k3")]).await;
    let anonymous = one.sign_as(&Header::new(Algorithm::ES256), &issuer.claims());
    authenticate(&issuer.authenticator(), &anonymous).await.unwrap();
    issuer.publish(&[&one, &two]);
    assert_eq!(refused(&issuer.authenticator(), &anonymous).await, Unknown);
}

#[tokio::test]
async fn a_token_of_absurd_size_is_not_looked_at() {
    let signer = Signer::new(Algorithm::ES256, "k1");
    let issuer = Issuer::start(&[&signer]).await;
    let mut claims = issuer.claims();
    claims["groups"] = json!(vec!["group"; 2000]);
    assert_eq!(refused(&issuer.authenticator(), &signer.sign(&claims)).await, Malformed);
    assert_eq!(issuer.fetches(), 0);
}

#[tokio::test]
async fn required_scopes_are_required_together() {
    let signer = Signer::new(Algorithm::ES256, "k1");
    let issuer = Issuer::start(&[&signer]).await;
    let mut settings = issuer.settings();
    settings.required_scopes = ["mcp:call".to_owned(), "mcp:read".to_owned()].into();
    let required = settings.required_scopes.clone();
    let authenticator = authenticator(settings, TIMING);
    let mut claims = issuer.claims();
    let kind = refused(&authenticator, &signer.sign(&claims)).await;
    assert_eq!(kind, InsufficientScope { required });
    claims["scope"] = json!("mcp:read mcp:call other");
    authenticate(&authenticator, &signer.sign(&claims)).await.unwrap();
}

#[tokio::test]
async fn a_remembered_token_does_not_outlive_itself() {
    let signer = Signer::new(Algorithm::ES256, "k1");
    let issuer = Issuer::start(&[&signer]).await;
    let timing = windlass_auth::Timing { remember: std::time::Duration::from_secs(60), ..TIMING };
    let authenticator = authenticator(issuer.settings(), timing);
    let good = signer.sign(&issuer.claims());
    assert!(authenticator.authenticate_now(&crate::bearer(&good)).is_none(), "not verified yet");
    authenticate(&authenticator, &good).await.unwrap();
    assert!(authenticator.authenticate_now(&crate::bearer(&good)).is_some_and(|known| known.is_ok()));
    // The same payload under another signature is another token.
    let (head, signature) = good.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", signature.chars().rev().collect::<String>());
    assert!(authenticator.authenticate_now(&crate::bearer(&forged)).is_none());
    // Expired within the leeway: good once, remembered never.
    let mut claims = issuer.claims();
    claims["exp"] = json!(now() - 5);
    let late = signer.sign(&claims);
    authenticate(&authenticator, &late).await.unwrap();
    assert!(authenticator.authenticate_now(&crate::bearer(&late)).is_none());
}
