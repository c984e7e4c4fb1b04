//! Where the index is kept.

use super::{Checker, secret, unused};
use crate::{
    check::{
        sql::database_url,
        store::{is_bucket, is_prefix},
    },
    node::Path,
    settings::{IndexSettings, SourceKind},
};

pub(super) fn check(checker: &mut Checker, path: &Path, index: &IndexSettings) {
    let key = |key: &str| path.clone().key(key);
    if let Some(directory) = &index.directory
        && directory.exists()
        && !directory.is_dir()
    {
        checker.refuse(&key("directory"), format!("{} is a file", directory.display()), "name a directory");
    }
    if let Some(bucket) = &index.bucket
        && !is_bucket(bucket)
    {
        checker.refuse(
            &key("bucket"),
            format!("`{}` is not the name of a bucket", bucket.escape_debug()),
            "3 to 63 lower case letters, digits, `-` and `.`; the name alone, without `s3://`",
        );
    }
    if let Some(prefix) = &index.prefix
        && !is_prefix(prefix)
    {
        checker.refuse(
            &key("prefix"),
            format!("`{}` cannot begin the names of objects", prefix.escape_debug()),
            "words of letters, digits, `_`, `-`, `.` and `=`, with a `/` behind each: `windlass/index/`",
        );
    }
    if index.bucket.is_none() {
        unused(checker, path, &[("prefix", index.prefix.is_some())], "there is no `bucket`");
    }
    secret(checker, &key("password"), index.password.as_deref());
    match &index.postgres {
        Some(url) => {
            database_url(checker, &key("postgres"), url, SourceKind::Postgres);
            if index.bucket.is_some() {
                checker.refuse(path, "an index is kept in one place", "keep one of `postgres` and `bucket`");
            }
            unused(checker, path, &[("directory", index.directory.is_some())], "the index is in PostgreSQL");
            if let Some(ca) = &index.ca {
                checker.file(&key("ca"), ca);
            }
        }
        None => {
            let of_postgres = [("password", index.password.is_some()), ("ca", index.ca.is_some())];
            unused(checker, path, &of_postgres, "`postgres` is not set");
        }
    }
}
