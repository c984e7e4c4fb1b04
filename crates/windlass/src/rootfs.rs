//! Where the root file system of sandboxes comes from: one crate waits for it, another one knows how to fetch.

use std::path::Path;

use async_trait::async_trait;
use windlass_cloud::object::Object;
use windlass_config::{ObjectError, ObjectUrl, Sha256Sum};
use windlass_sandbox::rootfs::{Fetch, Told, Unfetched};

/// From S3, or the web.
pub struct Fetcher;

#[async_trait]
impl Fetch for Fetcher {
    async fn fetch(&self, url: &str, sha256: &str, to: &Path, told: Told<'_>) -> Result<(), Unfetched> {
        let unwritten =
            |error: ObjectError| Unfetched { what: error.to_string(), hint: error.hint.to_owned(), may_pass: false };
        let url: ObjectUrl = url.parse().map_err(unwritten)?;
        let sum: Sha256Sum = sha256.parse().map_err(unwritten)?;
        let pulled = Object::new(url).pull(sum, to, &|progress| told(progress.done, progress.total)).await;
        pulled.map(drop).map_err(|error| Unfetched {
            what: error.to_string(),
            hint: error.hint().to_owned(),
            may_pass: error.may_pass(),
        })
    }
}
