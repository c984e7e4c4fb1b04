//! What verified claims say of the caller.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use windlass_core::{Principal, PrincipalSource};

use crate::AuthError;

/// Longer ids, or more groups and scopes, than these are no person's.
const LONGEST_SUBJECT: usize = 255;
const MOST_NAMES: usize = 1000;

pub(super) fn principal(claims: &Map<String, Value>, issuer: &str, groups: &str) -> Result<Principal, AuthError> {
    // The library takes a list of issuers where one of them fits. One name is what the RFC allows and all we accept.
    if claims.get("iss").and_then(Value::as_str) != Some(issuer) {
        return Err(AuthError::unknown("`iss` is not exactly the issuer"));
    }
    let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
    if subject.is_empty() || subject.len() > LONGEST_SUBJECT || subject.chars().any(char::is_control) {
        return Err(AuthError::unknown("`sub` is missing, too long or holds control characters"));
    }
    let mut scopes = names(claims.get("scope"), true);
    scopes.extend(names(claims.get("scp"), true));
    let groups = names(find(claims, groups), false);
    if scopes.len() > MOST_NAMES || groups.len() > MOST_NAMES {
        return Err(AuthError::unknown("more groups or scopes than can be believed"));
    }
    Ok(Principal { id: format!("jwt:{issuer}#{subject}"), source: PrincipalSource::Jwt, groups, scopes })
}

/// A list of strings, or one string: words of it where the claim is `spaced`, as `scope` is.
fn names(claim: Option<&Value>, spaced: bool) -> BTreeSet<String> {
    match claim {
        Some(Value::String(text)) if spaced => text.split_ascii_whitespace().map(str::to_owned).collect(),
        Some(Value::String(text)) => BTreeSet::from([text.clone()]),
        Some(Value::Array(texts)) => texts.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => BTreeSet::new(),
    }
}

/// The claim of that very name; else the dots are a path (`realm_access.roles`).
fn find<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    claims.get(name).or_else(|| {
        let (first, rest) = name.split_once('.')?;
        rest.split('.').try_fold(claims.get(first)?, |value, part| value.get(part))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(claims: Value, groups_claim: &str, groups: &[&str], scopes: &[&str]) {
        let mut claims = claims;
        claims["iss"] = json!("https://idp");
        claims["sub"] = json!("a");
        let who = principal(claims.as_object().unwrap(), "https://idp", groups_claim).unwrap();
        assert_eq!(who.id, "jwt:https://idp#a");
        assert_eq!(who.groups.iter().collect::<Vec<_>>(), groups, "{claims}");
        assert_eq!(who.scopes.iter().collect::<Vec<_>>(), scopes, "{claims}");
    }

    #[test]
    fn scopes_and_groups_as_the_issuers_write_them() {
        check(json!({}), "groups", &[], &[]);
        check(json!({ "scope": "a b", "scp": ["c"] }), "groups", &[], &["a", "b", "c"]);
        check(json!({ "scp": "a b", "groups": ["x", 7, "y z"] }), "groups", &["x", "y z"], &["a", "b"]);
        check(json!({ "role": "one two" }), "role", &["one two"], &[]);
        check(json!({ "realm_access": { "roles": ["x"] } }), "realm_access.roles", &["x"], &[]);
        check(json!({ "https://a.example/groups": ["x"] }), "https://a.example/groups", &["x"], &[]);
    }

    #[test]
    fn odd_subjects_are_nobody() {
        for claims in [
            json!({ "iss": "https://idp" }),
            json!({ "iss": "https://idp", "sub": "" }),
            json!({ "iss": "https://idp", "sub": 7 }),
            json!({ "iss": "https://idp", "sub": "a\nb" }),
            json!({ "iss": "https://idp", "sub": "a".repeat(256) }),
            json!({ "iss": ["https://idp"], "sub": "a" }),
            json!({ "iss": "https://idp/", "sub": "a" }),
        ] {
            assert!(principal(claims.as_object().unwrap(), "https://idp", "groups").is_err(), "{claims}");
        }
    }
}
