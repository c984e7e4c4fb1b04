//! Where spilled output goes: names that AWS would refuse, or that would lead somewhere else, are refused here.

use super::Checker;
use crate::{node::Path, settings::StoreSettings};

/// Keys have at most 1024 bytes; what we put behind the prefix is short.
const LONGEST_PREFIX: usize = 256;

pub(super) fn check(checker: &mut Checker, store: &StoreSettings) {
    if let Some(directory) = &store.directory
        && directory.exists()
        && !directory.is_dir()
    {
        let path = Path::dotted("store.directory");
        checker.refuse(&path, format!("{} is a file", directory.display()), "name a directory");
    }
    match (&store.bucket, &store.table) {
        (Some(_), None) => checker.refuse(
            &Path::dotted("store.bucket"),
            "a bucket alone does not know whose output is whose",
            "name a DynamoDB table in `store.table`: hash key `handle` (text), time to live in `expires`",
        ),
        (None, Some(_)) => checker.refuse(
            &Path::dotted("store.table"),
            "the table only says whose output is whose",
            "name the S3 bucket for the output itself in `store.bucket`",
        ),
        _ => {}
    }
    if let Some(bucket) = &store.bucket
        && !is_bucket(bucket)
    {
        checker.refuse(
            &Path::dotted("store.bucket"),
            format!("`{}` is not the name of a bucket", bucket.escape_debug()),
            "3 to 63 lower case letters, digits, `-` and `.`; the name alone, without `s3://`",
        );
    }
    if let Some(table) = &store.table
        && !is_table(table)
    {
        checker.refuse(
            &Path::dotted("store.table"),
            format!("`{}` is not the name of a table", table.escape_debug()),
            "3 to 255 letters, digits, `_`, `-` and `.`; the name alone, without its ARN",
        );
    }
    if !is_prefix(&store.prefix) {
        checker.refuse(
            &Path::dotted("store.prefix"),
            format!("`{}` cannot begin the names of objects", store.prefix.escape_debug()),
            "words of letters, digits, `_`, `-`, `.` and `=`, with a `/` behind each: `windlass/outputs/`",
        );
    }
}

pub(super) fn is_bucket(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    let outer = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    (3..=63).contains(&name.len())
        && name.bytes().all(inner)
        && outer(name.bytes().next())
        && outer(name.bytes().next_back())
        && !name.contains("..")
}

fn is_table(name: &str) -> bool {
    (3..=255).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

/// Clients and proxies normalise paths, so `.`, `..` and empty words could end up elsewhere.
pub(super) fn is_prefix(prefix: &str) -> bool {
    let word = |word: &str| {
        !matches!(word, "" | "." | "..")
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'='))
    };
    prefix.len() <= LONGEST_PREFIX && prefix.strip_suffix('/').is_some_and(|words| words.split('/').all(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for name in ["abc", "windlass-outputs.eu1", &"a".repeat(63)] {
            assert!(is_bucket(name), "{name}");
        }
        for name in ["", "ab", "s3://bucket", "Bucket", "-ab", "ab-", "a..b", "a/b", "a b", &"a".repeat(64)] {
            assert!(!is_bucket(name), "{name}");
        }
        assert!(is_table("windlass_Outputs.1-a"));
        for name in ["", "ab", "a/b", "arn:aws:dynamodb:eu-west-1:1:table/x", &"a".repeat(256)] {
            assert!(!is_table(name), "{name}");
        }
    }

    #[test]
    fn prefixes_lead_nowhere_else() {
        for prefix in ["outputs/", "windlass/stage=prod/outputs/", "a.b/"] {
            assert!(is_prefix(prefix), "{prefix}");
        }
        for prefix in ["", "/", "outputs", "/outputs/", "a//b/", "../", "a/../b/", "./", "a b/", "a%2f/", "a?b/", "ä/"]
        {
            assert!(!is_prefix(prefix), "{prefix}");
        }
    }
}
