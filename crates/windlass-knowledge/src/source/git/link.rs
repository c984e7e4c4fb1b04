//! The page of a file at a commit.

use url::Url;

use super::remote::is_of;
use crate::source::place::encoded;

/// How a host shows files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Links {
    None,
    /// What stands before the commit.
    Blob(String),
}

impl Links {
    /// Those of GitHub and GitLab, also where they run under a name of their owner that says so.
    pub fn of(repository: &Url) -> Self {
        let path = repository.path().trim_end_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        let origin = repository.origin().ascii_serialization();
        match () {
            () if is_of(repository, "github") => Self::Blob(format!("{origin}{path}/blob")),
            () if is_of(repository, "gitlab") => Self::Blob(format!("{origin}{path}/-/blob")),
            () => Self::None,
        }
    }

    pub fn to(&self, path: &str, commit: &str) -> Option<String> {
        match self {
            Self::None => None,
            Self::Blob(before) => Some(format!("{before}/{commit}/{}", encoded(path))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_show_files_in_their_own_way() {
        let link = |url: &str| Links::of(&Url::parse(url).unwrap()).to("a b/c#.md", "c0ffee");
        assert_eq!(link("https://github.com/o/r.git").unwrap(), "https://github.com/o/r/blob/c0ffee/a%20b/c%23.md");
        assert_eq!(
            link("https://gitlab.example.com:8443/group/sub/r/").unwrap(),
            "https://gitlab.example.com:8443/group/sub/r/-/blob/c0ffee/a%20b/c%23.md"
        );
        assert_eq!(link("https://git.example.com/o/r.git"), None);
    }
}
