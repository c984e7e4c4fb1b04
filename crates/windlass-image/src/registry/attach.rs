//! Documents about an image, beside it: the specification calls them referrers.

use oci_client::RegistryOperation;
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{
    Registry, RegistryError,
    manifests::{Put, Stored},
};
use crate::{
    Descriptor, Digest, ImageError,
    json::canonical,
    manifest::{INDEX, Index, MANIFEST, MAX_DOCUMENT, Manifest},
};

/// A document that needs no configuration has this one.
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";
const EMPTY: &[u8] = b"{}";

/// A document that was attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// Its manifest.
    pub digest: Digest,
    /// Whether who asks for the image's referrers finds it. `false` where the registry keeps no list of them and does
    /// not let the tag move that would be one: then it can be had by its digest alone.
    pub listed: bool,
}

/// A document about an image, as a registry lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrer {
    /// Its manifest.
    pub digest: Digest,
    /// What it is for.
    pub artifact_type: String,
}

impl Registry {
    /// Attaches `bytes` to the image `subject`. The same bytes again change nothing.
    pub async fn attach(
        &self,
        subject: &Digest,
        artifact_type: &str,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<Attached, RegistryError> {
        let Some(stored) = self.manifest(subject.as_str()).await? else {
            let (host, what) = (self.options.host.clone(), format!("manifest {subject}"));
            return Err(RegistryError::NotFound { host, what });
        };
        let config = Descriptor::of(EMPTY_TYPE, EMPTY);
        let layer = Descriptor::of(media_type, bytes);
        self.push_bytes(&config.digest, EMPTY).await?;
        self.push_bytes(&layer.digest, bytes).await?;
        let manifest = canonical(json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": artifact_type,
            "config": config,
            "layers": [layer],
            "subject": Descriptor::new(&stored.media_type, subject.clone(), stored.bytes.len() as u64),
        }));
        let mut entry = Descriptor::of(MANIFEST, &manifest);
        entry.artifact_type = Some(artifact_type.to_owned());
        let digest = entry.digest.clone();
        let listed = match self.put_manifest(digest.as_str(), MANIFEST, &manifest).await? {
            Put::Done { subject_known: true } => true,
            Put::Done { subject_known: false } | Put::Immutable => self.list(subject, entry).await?,
        };
        Ok(Attached { digest, listed })
    }

    /// Enters `entry` in the list of a registry that keeps none itself: an index under a tag made of the digest.
    async fn list(&self, subject: &Digest, entry: Descriptor) -> Result<bool, RegistryError> {
        let tag = tag_of(subject);
        let mut manifests = match self.manifest(&tag).await? {
            Some(stored) => entries(&tag, &stored)?,
            None => Vec::new(),
        };
        if manifests.iter().any(|listed| listed.digest == entry.digest) {
            return Ok(true);
        }
        manifests.push(entry);
        let index = canonical(json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests }));
        Ok(matches!(self.put_manifest(&tag, INDEX, &index).await?, Put::Done { .. }))
    }

    /// The documents about `subject` that are for `artifact_type`.
    pub async fn referrers(&self, subject: &Digest, artifact_type: &str) -> Result<Vec<Referrer>, RegistryError> {
        let path = format!("referrers/{subject}");
        let response = self.send(self.request(Method::GET, &path, RegistryOperation::Pull).await?).await?;
        let what = format!("list of what is attached to {subject}");
        let status = response.status();
        let bytes = self.body(response, &what).await?;
        let manifests = match status {
            StatusCode::OK => parse_index(&what, &bytes)?,
            // It keeps no list.
            StatusCode::NOT_FOUND => match self.manifest(&tag_of(subject)).await? {
                Some(stored) => entries(&tag_of(subject), &stored)?,
                None => Vec::new(),
            },
            status => return Err(self.answered(&what, status, &bytes)),
        };
        let fitting = manifests.into_iter().filter(|entry| entry.artifact_type.as_deref() == Some(artifact_type));
        Ok(fitting.map(|entry| Referrer { digest: entry.digest, artifact_type: artifact_type.to_owned() }).collect())
    }

    /// The bytes that were attached under `manifest`, verified.
    pub async fn attached(&self, manifest: &Digest) -> Result<Vec<u8>, RegistryError> {
        let Some(stored) = self.manifest(manifest.as_str()).await? else {
            let (host, what) = (self.options.host.clone(), format!("manifest {manifest}"));
            return Err(RegistryError::NotFound { host, what });
        };
        let parsed: Manifest = serde_json::from_slice(&stored.bytes)
            .map_err(|error| RegistryError::Unusable(format!("{manifest} is no manifest: {error}")))?;
        let [layer] = parsed.layers.as_slice() else {
            return Err(RegistryError::Unusable(format!(
                "{manifest} holds {} documents, not one",
                parsed.layers.len()
            )));
        };
        if layer.size > MAX_DOCUMENT {
            return Err(ImageError::TooLarge { what: format!("what {manifest} attaches"), limit: MAX_DOCUMENT }.into());
        }
        let mut bytes = Vec::new();
        self.stream(layer, |block, _| {
            bytes.extend_from_slice(block);
            Ok(())
        })
        .await?;
        Ok(bytes)
    }
}

/// The tag the specification has for the list of a registry that keeps none.
fn tag_of(subject: &Digest) -> String {
    format!("sha256-{}", subject.hex())
}

fn entries(tag: &str, stored: &Stored) -> Result<Vec<Descriptor>, RegistryError> {
    if stored.media_type != INDEX {
        return Err(RegistryError::Unusable(format!("the tag `{tag}` names a `{}`, not a list", stored.media_type)));
    }
    parse_index(tag, &stored.bytes)
}

fn parse_index(what: &str, bytes: &[u8]) -> Result<Vec<Descriptor>, RegistryError> {
    let index: Index = serde_json::from_slice(bytes)
        .map_err(|error| RegistryError::Unusable(format!("{what} is no list: {error}")))?;
    Ok(index.manifests)
}
