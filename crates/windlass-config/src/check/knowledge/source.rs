//! Where documents come from.

use globset::Glob;
use url::Url;

use super::{Checker, secret, unused};
use crate::{check::store::is_bucket, node::Path, settings::KnowledgeSourceSettings};

/// What an import writes where only the operator knows what belongs there.
const OPEN: &str = "SET_THIS";

pub(super) fn check(checker: &mut Checker, path: &Path, source: &KnowledgeSourceSettings) {
    let key = |key: &str| path.clone().key(key);
    let given = [source.folder.is_some(), source.git.is_some(), source.s3.is_some()];
    match given.iter().filter(|given| **given).count() {
        0 => checker.refuse(path, "nothing says where it is", "set one of `folder`, `git` and `s3`"),
        1 => {}
        _ => checker.refuse(
            path,
            "it is more than one thing",
            "keep one of `folder`, `git` and `s3`; add a source for each",
        ),
    }
    if let Some(folder) = &source.folder {
        // It may come later, as what is mounted does. Until then a refresh changes nothing.
        match std::fs::metadata(folder) {
            Ok(found) if !found.is_dir() => {
                checker.refuse(&key("folder"), format!("{} is a file", folder.display()), "name a directory");
            }
            Ok(_) => {}
            Err(error) => checker.notice(&key("folder"), format!("cannot be read now: {error}")),
        }
    }
    if let Some(git) = &source.git {
        repository(checker, path, git, source);
    } else {
        let of_git = [
            ("branch", source.branch.is_some()),
            ("subfolder", source.subfolder.is_some()),
            ("token", source.token.is_some()),
        ];
        unused(checker, path, &of_git, "only `git` sources have one");
    }
    match &source.s3 {
        Some(url) => objects(checker, &key("s3"), url),
        None => unused(checker, path, &[("region", source.region.is_some())], "only `s3` sources have one"),
    }
    secret(checker, &key("token"), source.token.as_deref());
    for (name, globs) in [("include", &source.include), ("exclude", &source.exclude)] {
        for (index, glob) in globs.iter().enumerate() {
            let path = key(name).index(index);
            match Glob::new(glob) {
                Ok(_) if glob.trim().is_empty() => checker.refuse(&path, "matches nothing", "take it out"),
                Ok(_) => {}
                Err(error) => {
                    let hint = "for example `docs/**/*.md`";
                    checker.refuse(&path, format!("`{}` is no glob: {}", glob.escape_debug(), error.kind()), hint);
                }
            }
        }
    }
    for (name, place) in [("prefix", Some(&source.prefix)), ("subfolder", source.subfolder.as_ref())] {
        if let Some(place) = place.filter(|place| !place.is_empty() && !is_place(place)) {
            let message = format!("`{}` is no path below something", place.escape_debug());
            checker.refuse(&key(name), message, "names with `/` between them: `team/handbook`");
        }
    }
    if let Some(link) = &source.link {
        address(checker, &key("link"), link);
    }
}

/// Whether a repository is somewhere else, and not a path of this machine.
pub(crate) fn is_remote(git: &str) -> bool {
    git.contains("://") || is_scp(git)
}

/// Names with `/` between them, that lead down.
fn is_place(text: &str) -> bool {
    let name = |name: &str| !matches!(name, "" | "." | "..") && !name.contains(|c: char| c.is_control() || c == '\\');
    text.strip_suffix('/').unwrap_or(text).split('/').all(name)
}

fn repository(checker: &mut Checker, path: &Path, git: &str, source: &KnowledgeSourceSettings) {
    let key = |key: &str| path.clone().key(key);
    let example = "write `https://gitlab.example.com/team/handbook.git`, or a path";
    let name = git.rsplit('/').next().unwrap_or(git);
    if git.trim().is_empty() || name.starts_with(OPEN) {
        checker.refuse(&key("git"), "nobody has said yet which repository it is", example);
    } else if git.contains("://") {
        match Url::parse(git) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => checker.web_url(&key("git"), &url, true),
            Ok(url) => {
                let message = format!("`{}:` is not how repositories are read here", url.scheme());
                checker.refuse(&key("git"), message, "write https://..., and where its token is under `token`");
            }
            Err(error) => checker.refuse(&key("git"), format!("is no URL: {error}"), example),
        }
    } else if is_scp(git) {
        let hint = "write https://..., and where its token is under `token`";
        checker.refuse(&key("git"), "repositories are not read over SSH here", hint);
    } else {
        if !std::path::Path::new(git).is_dir() {
            checker.notice(&key("git"), "is no directory now, so there is nothing to read");
        }
        unused(checker, path, &[("token", source.token.is_some())], "a repository of this machine needs none");
    }
    if source.branch.as_deref().is_some_and(|branch| !is_branch(branch)) {
        checker.refuse(&key("branch"), "no branch can be called so", "write its name alone: `main`");
    }
}

/// `git@example.com:team/handbook.git`.
fn is_scp(git: &str) -> bool {
    git.split_once(':').is_some_and(|(host, _)| !host.is_empty() && !host.contains('/'))
}

/// What git itself would refuse, as far as it could be taken for something else.
fn is_branch(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(['-', '/', '.'])
        && !name.ends_with(['/', '.'])
        && !name.contains("..")
        && !name.contains("@{")
        && !name.contains(|c: char| c.is_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\'))
}

fn objects(checker: &mut Checker, path: &Path, url: &Url) {
    let example = "write `s3://BUCKET/PREFIX/`, or `s3://BUCKET/` for all of it";
    if url.scheme() != "s3" {
        checker.refuse(path, format!("`{}:` is not S3", url.scheme()), example);
    } else if !url.username().is_empty() || url.password().is_some() {
        checker.refuse(
            path,
            "a key does not belong into a URL",
            "AWS's own ways to sign in are used: a role, a profile",
        );
    } else if !url.host_str().is_some_and(is_bucket) {
        checker.refuse(path, "it names no bucket", example);
    } else if url.query().is_some() || url.fragment().is_some() || url.port().is_some() {
        checker.refuse(path, "it is more than a bucket and a prefix", example);
    } else if !matches!(url.path(), "") && !url.path().ends_with('/') {
        // `docs` would take in `docs-private/` as well.
        checker.refuse(path, "the prefix does not end with `/`, so it would be that of its neighbours too", example);
    }
}

fn address(checker: &mut Checker, path: &Path, link: &str) {
    let hint = "write `https://docs.example.com/{path}`";
    let filled = link.replace("{path}", "path").replace("{commit}", "commit");
    match Url::parse(&filled) {
        _ if filled.contains(['{', '}']) => checker.refuse(path, "only `{path}` and `{commit}` are filled in", hint),
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            checker.refuse(path, format!("`{}:` is not a web address", url.scheme()), hint);
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            checker.refuse(path, "everyone who searches would see what stands before `@`", "take it out");
        }
        Ok(_) if !link.contains("{path}") => checker.refuse(path, "every document would have this address", hint),
        Ok(_) => {}
        Err(error) => checker.refuse(path, format!("is no URL: {error}"), hint),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_lead_down() {
        for place in ["docs", "docs/", "team/hand book/ä"] {
            assert!(is_place(place), "{place}");
        }
        for place in ["/", "/docs", "../x", "a/../b", "a//b", ".", "a\nb", "a\\b"] {
            assert!(!is_place(place), "{place}");
        }
    }

    #[test]
    fn branches() {
        for name in ["main", "release/1.2", "feature-x"] {
            assert!(is_branch(name), "{name}");
        }
        for name in ["", "--upload-pack=x", "a..b", "a b", "refs:x", "/a", "a/", "a@{1}", ".a"] {
            assert!(!is_branch(name), "{name}");
        }
    }

    #[test]
    fn addresses_of_ssh() {
        assert!(is_scp("git@gitlab.example.com:team/handbook.git") && is_scp("host:x"));
        assert!(!is_scp("./a:b") && !is_scp("/srv/git/x") && !is_scp("handbook"));
    }
}
