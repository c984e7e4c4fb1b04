//! Where a repository is.

use std::path::{Path, PathBuf};

use url::Url;
use windlass_config::is_loopback;

use crate::SettingError;

pub(super) enum Kind {
    Web(Remote),
    Local(PathBuf),
}

/// A repository on a server.
#[derive(Debug, Clone)]
pub(super) struct Remote {
    /// Without a name or a password.
    pub url: Url,
}

impl Remote {
    /// Whether nobody on the way can read what is sent.
    pub fn is_private(&self) -> bool {
        self.url.scheme() == "https" || is_loopback(&self.url)
    }

    /// Whose password a token is. One with a `:` says so itself: a deploy token of GitLab belongs to a user of its own.
    pub fn login(&self, token: &str) -> (String, String) {
        if let Some((user, token)) = token.split_once(':') {
            return (user.to_owned(), token.to_owned());
        }
        let user = match () {
            () if self.is_of("github") => "x-access-token",
            () if self.is_of("bitbucket") => "x-token-auth",
            () => "oauth2",
        };
        (user.to_owned(), token.to_owned())
    }

    fn is_of(&self, product: &str) -> bool {
        is_of(&self.url, product)
    }
}

/// Whether a host is called after a product: `github.com`, `gitlab.example.com`.
pub(super) fn is_of(url: &Url, product: &str) -> bool {
    url.host_str().is_some_and(|host| host.split('.').any(|label| label == product))
}

pub(super) fn parse(text: &str, base: &Path) -> Result<Kind, SettingError> {
    let wrong = |why: &str| Err(SettingError::new("git", why));
    if !text.contains("://") {
        // `git@example.com:team/handbook.git`
        let first = text.split('/').next().unwrap_or(text);
        return match first.contains(':') {
            true => wrong("ssh is not spoken: write https://HOST/PATH"),
            false => Ok(Kind::Local(base.join(text))),
        };
    }
    let Ok(url) = Url::parse(text) else { return wrong("it is neither an address nor a path") };
    match url.scheme() {
        "file" => match url.to_file_path() {
            Ok(path) => Ok(Kind::Local(path)),
            Err(()) => wrong("it must be file:///PATH"),
        },
        "http" | "https" => {
            if !url.username().is_empty() || url.password().is_some() {
                return wrong("a name or a password does not belong into it: use `token`");
            }
            if url.query().is_some() || url.fragment().is_some() {
                return wrong("it must not have `?` or `#`");
            }
            Ok(Kind::Web(Remote { url }))
        }
        _ => wrong("only https:// is spoken, and paths"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(text: &str) -> Remote {
        match parse(text, Path::new("/base")) {
            Ok(Kind::Web(remote)) => remote,
            _ => panic!("{text}"),
        }
    }

    #[test]
    fn what_is_not_spoken_is_refused() {
        for text in [
            "git@github.com:a/b.git",
            "ssh://git@github.com/a/b.git",
            "git://example.com/a.git",
            "ext::sh -c true",
            "ext://sh",
            "https://user:hunter2@example.com/a.git",
            "https://example.com/a.git?x=1",
        ] {
            let Err(error) = parse(text, Path::new("/base")) else { panic!("{text}") };
            assert!(!error.to_string().contains("hunter2"));
        }
        for (text, path) in
            [("../handbook", "/base/../handbook"), ("/srv/a.git", "/srv/a.git"), ("file:///srv/a", "/srv/a")]
        {
            assert!(matches!(parse(text, Path::new("/base")), Ok(Kind::Local(found)) if found == Path::new(path)));
        }
    }

    #[test]
    fn a_token_is_the_password_of_whom_the_host_expects() {
        let login = |url: &str, token: &str| remote(url).login(token);
        assert_eq!(login("https://github.com/a/b", "t").0, "x-access-token");
        assert_eq!(login("https://github.example.com/a/b", "t").0, "x-access-token");
        assert_eq!(login("https://gitlab.example.com/a/b", "t").0, "oauth2");
        assert_eq!(login("https://notgithub.com/a/b", "t").0, "oauth2");
        assert_eq!(login("https://gitlab.com/a/b", "deploy:t"), ("deploy".to_owned(), "t".to_owned()));
    }

    #[test]
    fn who_is_on_the_way_is_known_by_the_address() {
        assert!(remote("https://example.com/a").is_private());
        assert!(remote("http://127.0.0.1:1/a").is_private());
        assert!(!remote("http://example.com/a").is_private());
    }
}
