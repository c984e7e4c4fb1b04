//! Objects of S3 below a prefix.

mod failure;

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_s3::{
    Client,
    types::{Object, ObjectStorageClass},
};
use tokio::sync::OnceCell;
use url::Url;
use windlass_cloud::SdkConfig;

use super::{
    File, Opened, Source, SourceError,
    place::{MAX_FILES, Place, Verdict, count},
};
use crate::SettingError;

/// What a bucket holds below a prefix.
pub(super) struct Prefix {
    name: String,
    bucket: String,
    prefix: String,
    region: Option<String>,
    config: Option<SdkConfig>,
    client: OnceCell<Client>,
    place: Place,
}

impl Prefix {
    pub fn new(
        url: &Url,
        region: Option<String>,
        config: Option<SdkConfig>,
        place: Place,
    ) -> Result<Self, SettingError> {
        let wrong = || SettingError::new("s3", "it must be `s3://BUCKET/PREFIX/`");
        let plain =
            url.scheme() == "s3" && url.username().is_empty() && url.password().is_none() && url.port().is_none();
        let bucket = url.host_str().filter(|_| plain && url.query().is_none() && url.fragment().is_none());
        let bucket = bucket.ok_or_else(wrong)?.to_owned();
        let path = percent_encoding::percent_decode_str(url.path().trim_start_matches('/'));
        let mut prefix = path.decode_utf8().map_err(|_| wrong())?.into_owned();
        // `s3://bucket/docs` means the folder, and not `docs-of-others/` as well.
        if !prefix.is_empty() && !prefix.ends_with('/') {
            prefix.push('/');
        }
        let name = format!("s3 s3://{bucket}/{prefix}");
        Ok(Self { name, bucket, prefix, region, config, client: OnceCell::new(), place })
    }

    async fn client(&self) -> Client {
        let client = self.client.get_or_init(|| async {
            let config = match (&self.config, &self.region) {
                (Some(config), _) => config.clone(),
                (None, Some(region)) => windlass_cloud::config_in(region.clone()).await,
                (None, None) => windlass_cloud::config().await,
            };
            let builder = windlass_cloud::s3_config(&config);
            let region = self.region.clone().map(aws_sdk_s3::config::Region::new);
            Client::from_conf(builder.region(region.or_else(|| config.region().cloned())).build())
        });
        client.await.clone()
    }

    fn take(&self, object: &Object, found: &mut Open) {
        let Some(key) = object.key() else { return };
        // What consoles make to show an empty folder.
        let Some(path) = key.strip_prefix(&self.prefix).filter(|path| !path.is_empty() && !path.ends_with('/')) else {
            return;
        };
        if path.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
            return count(&mut found.skipped, "key that is no path");
        }
        // As in a folder.
        if path.split('/').any(|part| part.starts_with('.')) {
            return;
        }
        let bytes = object.size().and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
        match self.place.judge(path, bytes) {
            Verdict::LeftOut => {}
            // To look at each would be a request for each.
            Verdict::Look => count(&mut found.skipped, "no extension"),
            Verdict::Skip(why) => count(&mut found.skipped, why),
            Verdict::Take if archived(object) => count(&mut found.skipped, "archived"),
            Verdict::Take => {
                let etag = object.e_tag().unwrap_or_default();
                let seconds = object.last_modified().map(|at| at.secs());
                let date = seconds.and_then(|seconds| time::OffsetDateTime::from_unix_timestamp(seconds).ok());
                found.files.push(File {
                    path: self.place.named(path),
                    stamp: format!("{etag}-{bytes}"),
                    bytes,
                    date: date.map(time::OffsetDateTime::date),
                    link: self.place.link(path, ""),
                });
            }
        }
    }
}

/// Whether it would have to be brought back first, which takes hours and costs.
fn archived(object: &Object) -> bool {
    matches!(object.storage_class(), Some(ObjectStorageClass::Glacier | ObjectStorageClass::DeepArchive))
}

#[async_trait]
impl Source for Prefix {
    fn name(&self) -> &str {
        &self.name
    }

    async fn open(&self) -> Result<Box<dyn Opened>, SourceError> {
        let client = self.client().await;
        let mut found = Open {
            name: self.name.clone(),
            client: client.clone(),
            bucket: self.bucket.clone(),
            prefix: self.prefix.clone(),
            place: self.place.clone(),
            files: Vec::new(),
            skipped: BTreeMap::new(),
        };
        let mut from = None;
        loop {
            let page = client.list_objects_v2().bucket(&self.bucket).prefix(&self.prefix);
            let page = page.set_continuation_token(from.clone()).send().await;
            let page = page.map_err(|error| failure::of_bucket(&self.name, &error))?;
            page.contents().iter().for_each(|object| self.take(object, &mut found));
            if found.files.len() > MAX_FILES {
                return Err(SourceError::Refused(format!("{} has more than {MAX_FILES} files", self.name)));
            }
            let next = page.next_continuation_token().map(str::to_owned);
            match page.is_truncated() {
                // A list that goes on from where it was would never end.
                Some(true) if next.is_some() && next != from => from = next,
                Some(true) => return Err(failure::cut_list(&self.name)),
                _ => break,
            }
        }
        found.files.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(Box::new(found))
    }
}

struct Open {
    name: String,
    client: Client,
    bucket: String,
    prefix: String,
    place: Place,
    files: Vec<File>,
    skipped: BTreeMap<String, u64>,
}

#[async_trait]
impl Opened for Open {
    fn at(&self) -> &str {
        ""
    }

    fn files(&self) -> &[File] {
        &self.files
    }

    fn skipped(&self) -> &BTreeMap<String, u64> {
        &self.skipped
    }

    async fn read(&self, file: &File) -> Result<Vec<u8>, SourceError> {
        let path = self.place.path(file)?;
        let key = format!("{}{path}", self.prefix);
        let etag = file.stamp.rsplit_once('-').map(|(etag, _)| etag).filter(|etag| !etag.is_empty());
        let request = self.client.get_object().bucket(&self.bucket).key(key).set_if_match(etag.map(str::to_owned));
        let answer = request.send().await.map_err(|error| failure::of_object(&self.name, path, &error))?;
        let mut body = answer.body;
        let mut bytes = Vec::with_capacity(usize::try_from(file.bytes.min(self.place.max_file)).unwrap_or(0));
        while let Some(part) = body.next().await {
            let part = part.map_err(|error| SourceError::Unreachable(format!("{path} broke off: {error}")))?;
            if (bytes.len() + part.len()) as u64 > self.place.max_file {
                return Err(self.place.grew(path));
            }
            bytes.extend_from_slice(&part);
        }
        match bytes.len() as u64 == file.bytes {
            true => Ok(bytes),
            false => Err(SourceError::File(format!("{path} is not as long as it was said to be"))),
        }
    }
}
