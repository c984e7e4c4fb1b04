use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};

use crate::{AuthError, AuthErrorKind};

/// Longer than any token an issuer sends in earnest, and short enough that hashing it costs a stranger more than us.
const LONGEST: usize = 8192;

/// The header of the shared-token servers that Windlass replaces.
const TOKEN_HEADER: &str = "x-mcp-auth-token";

/// The one credential of a request. Two that differ are refused: whoever sits in front may have looked at the other one.
pub(crate) fn credential(headers: &HeaderMap) -> Result<&str, AuthError> {
    let authorization = single(headers, AUTHORIZATION.as_str())?;
    let bearer = authorization.and_then(bearer);
    let token = single(headers, TOKEN_HEADER)?.map(visible).transpose()?;
    let found = match (authorization, bearer, token) {
        (_, Some(bearer), None) => visible(bearer)?,
        // A proxy's `Authorization: Basic` may pass by a token in the header made for tokens.
        (_, None, Some(token)) => token,
        (_, Some(bearer), Some(token)) if visible(bearer)? == token => token,
        (_, Some(_), Some(_)) => return Err(AuthError::malformed("two different credentials in one request")),
        (Some(_), None, None) => return Err(AuthError::malformed("an authorization scheme other than Bearer")),
        (None, None, None) => return Err(AuthError::new(AuthErrorKind::Missing, "no credential was sent")),
    };
    match found.len() {
        0 => Err(AuthError::malformed("an empty credential")),
        1..=LONGEST => Ok(found),
        _ => Err(AuthError::malformed("a credential longer than any real one")),
    }
}

fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a [u8]>, AuthError> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    match values.next() {
        Some(_) => Err(AuthError::malformed("a credential header came twice")),
        None => Ok(first.map(HeaderValue::as_bytes)),
    }
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked("Bearer".len())?;
    let separated = rest.is_empty() || rest.starts_with(b" ");
    (scheme.eq_ignore_ascii_case(b"Bearer") && separated).then_some(rest)
}

/// The bytes as text, trimmed; nothing but visible ASCII, without a space, can be a token.
fn visible(bytes: &[u8]) -> Result<&str, AuthError> {
    let bytes = bytes.trim_ascii();
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.iter().all(u8::is_ascii_graphic) => Ok(text),
        _ => Err(AuthError::malformed("a credential with characters no token has")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sent: &[(&'static str, &'static str)], expected: Result<&str, AuthErrorKind>) {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(*name, HeaderValue::from_static(value));
        }
        assert_eq!(credential(&headers).map_err(|error| error.kind), expected, "{sent:?}");
    }

    #[test]
    fn one_credential_is_found_wherever_it_stands() {
        check(&[("authorization", "Bearer abc")], Ok("abc"));
        check(&[("authorization", "bearer   abc ")], Ok("abc"));
        check(&[("x-mcp-auth-token", "abc")], Ok("abc"));
        check(&[("x-mcp-auth-token", "abc"), ("authorization", "Bearer abc")], Ok("abc"));
        check(&[("x-mcp-auth-token", "abc"), ("authorization", "Basic dTpw")], Ok("abc"));
    }

    #[test]
    fn anything_else_is_refused() {
        use AuthErrorKind::{Malformed, Missing};
        check(&[], Err(Missing));
        check(&[("authorization", "Basic dTpw")], Err(Malformed));
        check(&[("authorization", "Bearer")], Err(Malformed));
        check(&[("authorization", "Bearer  ")], Err(Malformed));
        check(&[("authorization", "Bearerabc")], Err(Malformed));
        check(&[("authorization", "abc")], Err(Malformed));
        check(&[("authorization", "Bearer a b")], Err(Malformed));
        check(&[("authorization", "Bearer a"), ("authorization", "Bearer a")], Err(Malformed));
        check(&[("authorization", "Bearer a"), ("x-mcp-auth-token", "b")], Err(Malformed));
        check(&[("x-mcp-auth-token", "a"), ("x-mcp-auth-token", "a")], Err(Malformed));
        check(&[("x-mcp-auth-token", "")], Err(Malformed));
    }
}
