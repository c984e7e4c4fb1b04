use std::{collections::BTreeSet, fs, sync::Arc, time::Instant};

use http::{HeaderMap, HeaderValue};
use time::{Duration, OffsetDateTime};
use windlass_auth::{AuthErrorKind, Authenticator, keys::NewKey};
use windlass_config::settings::{AuthSettings, KeySettings};
use windlass_core::{ExposeSecret, Health, PrincipalSource, SecretString};

use crate::{authenticate, bearer, refused};

fn new_key(name: &str) -> NewKey {
    NewKey::generate(name, None, BTreeSet::new()).unwrap()
}

fn with_keys(keys: &[&NewKey]) -> AuthSettings {
    AuthSettings { keys: keys.iter().map(|key| key.settings.clone()).collect(), ..AuthSettings::default() }
}

fn make(settings: &AuthSettings) -> Authenticator {
    Authenticator::new(settings, None).unwrap_or_else(|errors| panic!("{errors}"))
}

#[tokio::test]
async fn a_key_is_its_principal_in_either_header() {
    let key = NewKey::generate("ci", None, BTreeSet::from(["deploy".to_owned()])).unwrap();
    let authenticator = make(&with_keys(&[&key]));
    let text = key.text.expose_secret();
    let who = authenticate(&authenticator, text).await.unwrap();
    assert_eq!((&*who.id, who.source), ("key:ci", PrincipalSource::Key));
    assert_eq!(who.groups, BTreeSet::from(["deploy".to_owned()]));
    let legacy = HeaderMap::from_iter([(
        http::HeaderName::from_static("x-mcp-auth-token"),
        HeaderValue::from_str(text).unwrap(),
    )]);
    assert!(Arc::ptr_eq(&who, &authenticator.authenticate(&legacy).await.unwrap()), "made once, not per call");
}

#[tokio::test]
async fn two_keys_of_one_name_are_both_valid_and_keep_their_own_groups() {
    let old = NewKey::generate("ci", None, BTreeSet::from(["admin".to_owned()])).unwrap();
    let new = new_key("ci");
    let authenticator = make(&with_keys(&[&old, &new]));
    let old_who = authenticate(&authenticator, old.text.expose_secret()).await.unwrap();
    let new_who = authenticate(&authenticator, new.text.expose_secret()).await.unwrap();
    assert_eq!(old_who.id, new_who.id);
    assert!(new_who.groups.is_empty() && !old_who.groups.is_empty());
}

#[tokio::test]
async fn a_key_is_refused_from_the_moment_it_expires() {
    let now = OffsetDateTime::now_utc();
    for (expires, kind) in [
        (now - Duration::seconds(1), Some(AuthErrorKind::Expired)),
        (now - Duration::days(400), Some(AuthErrorKind::Expired)),
        (now + Duration::hours(1), None),
    ] {
        let key = NewKey::generate("ci", Some(expires), BTreeSet::new()).unwrap();
        let result = authenticate(&make(&with_keys(&[&key])), key.text.expose_secret()).await;
        assert_eq!(result.err().map(|error| error.kind), kind, "{expires}");
    }
}

#[tokio::test]
async fn a_typo_is_told_from_a_wrong_key_and_neither_gets_in() {
    let key = new_key("ci");
    let authenticator = make(&with_keys(&[&key]));
    let text = key.text.expose_secret();
    assert_eq!(refused(&authenticator, &text[..text.len() - 1]).await, AuthErrorKind::Malformed);
    assert_eq!(refused(&authenticator, &format!("{text}x")).await, AuthErrorKind::Malformed);
    assert_eq!(refused(&authenticator, new_key("ci").text.expose_secret()).await, AuthErrorKind::Unknown);
    // The hash that stands in the configuration opens nothing.
    for hash in [key.settings.hash.as_str(), key.settings.hash.trim_start_matches("sha256:")] {
        assert_eq!(refused(&authenticator, hash).await, AuthErrorKind::Unknown);
    }
}

#[tokio::test]
async fn the_shared_token_of_older_servers() {
    let settings = AuthSettings { token: Some("env:MCP_AUTH_TOKEN".into()), ..AuthSettings::default() };
    let token = "correct horse battery staple".replace(' ', "-");
    let authenticator = Authenticator::new(&settings, Some(token.clone().into())).unwrap();
    assert_eq!(authenticate(&authenticator, &token).await.unwrap().id, "key:token");
    assert_eq!(authenticator.warnings().len(), 0);
    for wrong in ["correct", "correct-horse-battery-stapl", "correct-horse-battery-staplf", "x"] {
        assert_eq!(refused(&authenticator, wrong).await, AuthErrorKind::Unknown, "{wrong}");
    }
    assert_eq!(refused(&authenticator, &format!("{token}x")).await, AuthErrorKind::Unknown);

    let short = Authenticator::new(&settings, Some("hunter2".into())).unwrap();
    assert_eq!(short.warnings().len(), 1);
    assert!(!short.warnings()[0].contains("hunter2"));
}

#[tokio::test]
async fn a_token_that_is_not_there_closes_the_door_instead_of_opening_it() {
    let settings = AuthSettings { token: Some("env:MCP_AUTH_TOKEN".into()), ..AuthSettings::default() };
    for token in
        [None, Some(SecretString::from("")), Some("  ".into()), Some("a b".into()), Some("tökentökentöken".into())]
    {
        assert!(Authenticator::new(&settings, token).is_err());
    }
}

#[tokio::test]
async fn open_is_only_a_server_with_nothing_configured() {
    let open = make(&AuthSettings::default());
    assert!(open.is_open());
    assert_eq!(open.authenticate(&HeaderMap::new()).await.unwrap().id, "local");

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("keys.yaml");
    fs::write(&file, "# no keys yet\n").unwrap();
    let closed = make(&AuthSettings { keys_file: Some(file), ..AuthSettings::default() });
    assert!(!closed.is_open());
    assert_eq!(closed.authenticate(&HeaderMap::new()).await.unwrap_err().kind, AuthErrorKind::Missing);
}

#[tokio::test]
async fn the_keys_file_is_read_again_and_a_broken_one_changes_nothing() {
    let (first, second) = (new_key("ci"), new_key("laptop"));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("keys.yaml");
    fs::write(&file, format!("# keys\n{}\n", first.yaml())).unwrap();
    let authenticator = make(&AuthSettings { keys_file: Some(file.clone()), ..AuthSettings::default() });
    let is_in = async |key: &NewKey| authenticate(&authenticator, key.text.expose_secret()).await.is_ok();
    assert!(is_in(&first).await && !is_in(&second).await);

    fs::write(&file, format!("{}\n{}\n", first.yaml(), second.yaml())).unwrap();
    assert_eq!(authenticator.reload_keys().unwrap(), 2);
    assert!(is_in(&first).await && is_in(&second).await);

    fs::write(&file, format!("{}\n", second.yaml())).unwrap();
    assert_eq!(authenticator.reload_keys().unwrap(), 1);
    assert!(!is_in(&first).await && is_in(&second).await, "a removed key is out at once");

    for broken in ["- { name: ci }\n".to_owned(), format!("{}\n{}\n", second.yaml(), second.yaml()), "}{".to_owned()] {
        fs::write(&file, broken).unwrap();
        assert!(authenticator.reload_keys().is_err());
        assert!(is_in(&second).await);
        assert_eq!(authenticator.ready().await[0].health, Health::Degraded);
    }
    fs::write(&file, "").unwrap();
    assert_eq!(authenticator.reload_keys().unwrap(), 0);
    assert!(!is_in(&second).await && !authenticator.is_open());
    assert_eq!(authenticator.ready().await[0].health, Health::Ok);
}

#[test]
fn the_line_that_is_printed_is_the_line_that_is_read() {
    let end = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
    let groups = ["a".to_owned(), "b: c, \"d\" #".to_owned()].into();
    let key = NewKey::generate("ci-2.x", Some(end), groups).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("keys.yaml");
    fs::write(&file, key.yaml()).unwrap();
    let read = windlass_auth::keys::read_keys_file(&file).unwrap().remove(0);
    let KeySettings { name, hash, expires, groups } = &key.settings;
    assert_eq!((&read.name, &read.hash, &read.expires, &read.groups), (name, hash, expires, groups));
    assert_eq!(expires.as_deref(), Some("2027-01-15T08:00:00Z"));
}

#[test]
fn wrong_keys_are_all_named_and_none_is_repeated() {
    let key = new_key("ci");
    let setting = |name: &str, hash: &str, expires: Option<&str>| KeySettings {
        name: name.into(),
        hash: hash.into(),
        expires: expires.map(str::to_owned),
        groups: BTreeSet::new(),
    };
    let good = &key.settings.hash;
    let settings = AuthSettings {
        keys: vec![
            setting("ci", good, None),
            setting("again", good, None),
            setting("a b", good, None),
            setting("token", good, None),
            setting("pasted", key.text.expose_secret(), None),
            setting("short", "sha256:abcd", None),
            setting("late", &new_key("late").settings.hash, Some("tomorrow")),
        ],
        ..AuthSettings::default()
    };
    let text = Authenticator::new(&settings, None).unwrap_err().to_string();
    assert!(!text.contains(key.text.expose_secret()));
    insta::assert_snapshot!(text, @r#"
    auth.keys[1]: the same key is already there as `key:ci`
      hint: make a second one with `windlass key new`
    auth.keys[2].name: `a b` is no name for a key
      hint: use 1 to 64 letters, digits, `.`, `_` or `-`
    auth.keys[3].name: `token` is the name of the shared token
      hint: choose another name
    auth.keys[4].hash: this is a key, not its hash; now that it stands in a file, it is no secret any more
      hint: make a new one with `windlass key new` and write the hash it prints
    auth.keys[5].hash: is not `sha256:` and 64 hex digits
      hint: copy the line `windlass key new` prints
    auth.keys[6].expires: `tomorrow` is not an RFC 3339 time
      hint: write for example 2027-01-31T00:00:00Z
    "#);
}

#[test]
fn nothing_prints_a_secret() {
    let key = new_key("canary");
    let secret = key.text.expose_secret();
    let token = "canary-token-canary-token";
    let settings = AuthSettings { token: Some("env:T".into()), ..with_keys(&[&key]) };
    let authenticator = Authenticator::new(&settings, Some(token.into())).unwrap();
    let stranger = new_key("x");
    let headers = bearer(stranger.text.expose_secret());
    let error = authenticator.authenticate_now(&headers).unwrap().unwrap_err();
    let broken = bearer(&format!("{secret}x"));
    let typo = authenticator.authenticate_now(&broken).unwrap().unwrap_err();
    let printed = format!(
        "{key:?} {authenticator:?} {error:?} {error} {} {typo:?} {:?} {:?}",
        error.reason(),
        authenticator.challenge(&typo, None),
        authenticator.warnings(),
    );
    for secret in [secret, token, stranger.text.expose_secret()] {
        assert!(!printed.contains(&secret[4..24]), "{printed}");
    }
}

/// An alarm, not a benchmark: the budget is 2 µs in a release build, and a debug build is far slower.
#[test]
fn a_key_is_verified_in_microseconds() {
    let keys: Vec<NewKey> = (0..200).map(|n| new_key(&format!("k{n}"))).collect();
    let authenticator = make(&with_keys(&keys.iter().collect::<Vec<_>>()));
    let headers = bearer(keys[100].text.expose_secret());
    let rounds = 2000;
    let start = Instant::now();
    for _ in 0..rounds {
        assert!(authenticator.authenticate_now(&headers).is_some_and(|known| known.is_ok()));
    }
    let each = start.elapsed() / rounds;
    assert!(each.as_micros() < 100, "{each:?}");
}
