//! Objects in a bucket of S3, with a cache of them on this machine.
//!
//! The head is swapped by a conditional write: `If-Match` with the ETag that was read, `If-None-Match: *` for the first.
//! What comes from the bucket is checked against the hash in its name before it gets its place in the cache.

use std::{
    collections::HashSet,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use aws_sdk_s3::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    primitives::ByteStream,
};
use futures::{StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use super::objects::{Listed, Object, Objects, Version, blocking, unreachable};
use crate::{Hash, IndexError};

/// Objects that are deleted at a time.
const AT_A_TIME: usize = 8;
/// What was fetched this long ago, and is in no kept generation, leaves the cache.
const UNUSED: Duration = Duration::from_secs(3600);
/// How often a swap is tried that another request got in the way of.
const TRIES: usize = 3;

/// A bucket: `PREFIX head` and `PREFIX objects/KEY`.
#[derive(Debug, Clone)]
pub struct Bucket {
    client: Client,
    bucket: String,
    prefix: String,
    cache: PathBuf,
    work: PathBuf,
}

impl Bucket {
    /// The cache is made when something is read.
    pub fn new(client: Client, bucket: String, prefix: String, cache: &Path) -> Result<Self, IndexError> {
        let root = std::path::absolute(cache).map_err(unreachable(cache.display()))?;
        Ok(Self { client, bucket, prefix, cache: root.join("objects"), work: root.join("work") })
    }

    fn head_key(&self) -> String {
        format!("{}head", self.prefix)
    }

    fn object_key(&self, key: &str) -> String {
        format!("{}objects/{key}", self.prefix)
    }

    /// What an SDK's error says, on one line: AWS's own words, or what kept us from hearing them.
    fn failed<E: std::error::Error + ProvideErrorMetadata>(&self, what: &str, error: E) -> IndexError {
        let said = match error.code() {
            Some(code) => format!("{code}: {}", error.message().unwrap_or("no more was said")),
            None => {
                let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
                causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
            }
        };
        IndexError::Unreachable(format!("s3://{}/{}{what}: {said}", self.bucket, self.prefix))
    }

    fn make(&self) -> Result<(), IndexError> {
        for folder in [&self.cache, &self.work] {
            fs::create_dir_all(folder).map_err(unreachable(folder.display()))?;
        }
        Ok(())
    }

    /// Writes an object to a file, as far as it is what it should be.
    async fn download(&self, object: &Object, to: &Path) -> Result<(), IndexError> {
        let request = self.client.get_object().bucket(&self.bucket).key(self.object_key(&object.key()));
        let answer = request.send().await.map_err(|error| match error.code() {
            Some("NoSuchKey") => object.damaged("is missing"),
            _ => self.failed(&object.key(), error),
        })?;
        let failed = || unreachable(to.display());
        let mut file = tokio::fs::File::create(to).await.map_err(failed())?;
        let (mut body, mut hasher, mut length) = (answer.body, Sha256::new(), 0_u64);
        while let Some(bytes) = body.try_next().await.map_err(|error| {
            IndexError::Unreachable(format!("s3://{}/{}: {error}", self.bucket, self.object_key(&object.key())))
        })? {
            length += bytes.len() as u64;
            if length > object.bytes {
                return Err(object.damaged(format!("has more than its {} bytes", object.bytes)));
            }
            hasher.update(&bytes);
            file.write_all(&bytes).await.map_err(failed())?;
        }
        file.flush().await.map_err(failed())?;
        if length != object.bytes {
            return Err(object.damaged(format!("has {length} bytes, and not {}", object.bytes)));
        }
        let hash = Hash(hasher.finalize().into());
        if hash == object.hash { Ok(()) } else { Err(object.damaged("has another content")) }
    }

    /// Gives a file its place in the cache.
    async fn cached(&self, object: &Object, file: PathBuf) -> Result<(), IndexError> {
        let place = self.cache.join(object.key());
        blocking(move || fs::rename(&file, &place).map_err(unreachable(place.display()))).await
    }
}

#[async_trait]
impl Objects for Bucket {
    fn directory(&self) -> &Path {
        &self.cache
    }

    fn work(&self) -> &Path {
        &self.work
    }

    fn is_copy(&self) -> bool {
        true
    }

    async fn fetch(&self, object: &Object) -> Result<(), IndexError> {
        let (this, place, bytes) = (self.clone(), self.cache.join(object.key()), object.bytes);
        let is_here = blocking(move || {
            this.make()?;
            Ok(fs::metadata(&place).is_ok_and(|known| known.len() == bytes))
        });
        if is_here.await? {
            return Ok(());
        }
        let work = self.work.clone();
        let file = blocking(move || {
            let file = tempfile::Builder::new().prefix("fetched-").tempfile_in(&work);
            Ok(file.map_err(unreachable(work.display()))?.into_temp_path())
        })
        .await?;
        self.download(object, &file).await?;
        self.cached(object, file.to_owned()).await
    }

    async fn put(&self, object: &Object, file: &Path) -> Result<(), IndexError> {
        let this = self.clone();
        blocking(move || this.make()).await?;
        let body = ByteStream::from_path(file).await;
        let body = body.map_err(|error| IndexError::Unreachable(format!("{}: {error}", file.display())))?;
        let request = self.client.put_object().bucket(&self.bucket).key(self.object_key(&object.key())).body(body);
        request.send().await.map_err(|error| self.failed(&object.key(), error))?;
        self.cached(object, file.to_owned()).await
    }

    async fn head(&self) -> Result<Option<Version>, IndexError> {
        let request = self.client.get_object().bucket(&self.bucket).key(self.head_key());
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) if error.code() == Some("NoSuchKey") => return Ok(None),
            Err(error) => return Err(self.failed("head", error)),
        };
        let tag = answer.e_tag().map(str::to_owned);
        let body = answer.body.collect().await;
        let body = body
            .map_err(|error| IndexError::Unreachable(format!("s3://{}/{}: {error}", self.bucket, self.head_key())))?;
        Ok(Some(Version { bytes: body.to_vec(), tag }))
    }

    async fn swap(&self, read: Option<&Version>, next: &[u8]) -> Result<bool, IndexError> {
        for _ in 0..TRIES {
            let request = self.client.put_object().bucket(&self.bucket).key(self.head_key());
            let request = match read {
                Some(version) => request.set_if_match(Some(version.tag.clone().unwrap_or_default())),
                None => request.if_none_match("*"),
            };
            match request.content_type("application/json").body(next.to_vec().into()).send().await {
                Ok(_) => return Ok(true),
                Err(error) => match (error.code(), &error) {
                    (Some("PreconditionFailed"), _) => return Ok(false),
                    // A write with `If-Match` where there is nothing.
                    (Some("NoSuchKey"), _) => return Ok(false),
                    // Another request was at it. Whether that one did something, the next try finds out.
                    (Some("ConditionalRequestConflict"), _) => continue,
                    // Some that stand in for S3 have no code.
                    (_, SdkError::ServiceError(said)) if said.raw().status().as_u16() == 412 => return Ok(false),
                    _ => return Err(self.failed("head", error)),
                },
            }
        }
        Ok(false)
    }

    async fn list(&self) -> Result<Vec<Listed>, IndexError> {
        let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(&self.prefix);
        let mut pages = request.into_paginator().send();
        let (mut found, mut head) = (Vec::new(), None);
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.failed("", error))?;
            for object in page.contents() {
                let name = object.key().and_then(|key| key.strip_prefix(&self.prefix)).unwrap_or_default();
                let written = object.last_modified().and_then(|time| SystemTime::try_from(*time).ok());
                match name.strip_prefix("objects/") {
                    Some(key) => {
                        let bytes = object.size().and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
                        found.push((key.to_owned(), bytes, written));
                    }
                    None if name == "head" => head = written,
                    None => {}
                }
            }
        }
        let listed = found.into_iter().map(|(key, bytes, written)| {
            let age = head.zip(written).and_then(|(head, written)| head.duration_since(written).ok());
            Listed { key, bytes, age: age.unwrap_or_default() }
        });
        Ok(listed.collect())
    }

    async fn delete(&self, keys: &[String]) -> Result<(), IndexError> {
        let delete = |key: String| async move {
            let request = self.client.delete_object().bucket(&self.bucket).key(self.object_key(&key));
            request.send().await.map_err(|error| self.failed(&key, error))?;
            match tokio::fs::remove_file(self.cache.join(&key)).await {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(unreachable(key)(error)),
                _ => Ok(()),
            }
        };
        let all = keys.iter().cloned().map(delete).collect::<Vec<_>>();
        futures::stream::iter(all).buffer_unordered(AT_A_TIME).try_collect().await
    }

    async fn trim(&self, kept: &HashSet<String>) -> Result<(), IndexError> {
        let (cache, kept) = (self.cache.clone(), kept.clone());
        blocking(move || {
            for entry in fs::read_dir(&cache).map_err(unreachable(cache.display()))? {
                let entry = entry.map_err(unreachable(cache.display()))?;
                let is_kept = entry.file_name().to_str().is_none_or(|key| kept.contains(key));
                let fetched = entry.metadata().and_then(|known| known.modified()).ok();
                let age = fetched.and_then(|fetched| fetched.elapsed().ok()).unwrap_or_default();
                if !is_kept && age > UNUSED {
                    // Another process may have done it.
                    let _ = fs::remove_file(entry.path());
                }
            }
            Ok(())
        })
        .await
    }
}
