//! The registry of the settings, and images back from it.

use std::path::{Path, PathBuf};

use windlass_config::{ProcessEnv, SecretRef, settings::DeploySettings};
use windlass_image::{Credentials, Digest, Registry, RegistryOptions};

use crate::{DeployError, Kind, Progress, registry_error};

/// What `deploy.registry` says; `None` where it names no host.
pub(crate) fn options(deploy: &DeploySettings, root: &Path) -> Result<Option<RegistryOptions>, DeployError> {
    let registry = &deploy.registry;
    let Some(host) = registry.host.clone() else { return Ok(None) };
    let credentials = match (&registry.username, &registry.password) {
        (Some(username), Some(reference)) => {
            let password = reference.parse::<SecretRef>().and_then(|reference| reference.resolve(&ProcessEnv, root));
            let password = password.map_err(|error| {
                DeployError::new(Kind::Usage, format!("deploy.registry.password: {error}"))
                    .hint("name where the password is kept: `env:NAME` or `file:PATH`")
            })?;
            Credentials::Basic { username: username.clone(), password }
        }
        (None, None) => Credentials::Anonymous,
        _ => {
            return Err(DeployError::new(Kind::Usage, "deploy.registry has a username or a password, but not both")
                .hint("write both, or neither for a registry that asks nobody"));
        }
    };
    Ok(Some(RegistryOptions {
        host,
        repository: registry.repository.clone().unwrap_or_else(|| deploy.name.clone()),
        credentials,
        ca: registry.ca.as_ref().map(|path| root.join(path)),
        plain_http: registry.plain_http,
    }))
}

/// Pulls an image by its digest, comparing every blob with its name. Returns where it lies.
pub(crate) async fn pull(
    deploy: &DeploySettings,
    root: &Path,
    image: &str,
    into: &Path,
    progress: &dyn Progress,
) -> Result<PathBuf, DeployError> {
    let gone = || {
        DeployError::new(Kind::Missing, format!("the image {image} is neither here nor in a registry"))
            .hint("check out that commit and run `windlass deploy`")
    };
    let options = options(deploy, root)?.ok_or_else(gone)?;
    let digest = digest(image)?;
    let registry = Registry::new(options).map_err(registry_error)?;
    progress.step(&format!("pulling {image}"));
    let layout = registry.pull(&digest, into, &|_| ()).await.map_err(registry_error)?;
    Ok(layout.path().to_owned())
}

/// The digest of `HOST/REPOSITORY@sha256:...`, or of that alone.
pub(crate) fn digest(image: &str) -> Result<Digest, DeployError> {
    image.rsplit('@').next().unwrap_or_default().parse().map_err(|error| {
        DeployError::new(Kind::Receipt, format!("`{image}` names no image by digest: {error}"))
            .hint("run `windlass deploy build` again")
    })
}
