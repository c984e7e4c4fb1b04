//! `push`: the image in the registry, and pulled back, byte for byte the same.

use std::fs;

use windlass_core::SecretString;
use windlass_image::{Layout, Registry, RegistryOptions};

use super::{Built, Done, Pushed};
use crate::{DeployError, Kind, Progress, Proof, contract, image_error, project::Project, registry, registry_error};

/// What a bill of materials is in a registry.
const BILL: &str = "application/vnd.cyclonedx+json";

pub(crate) async fn push(
    project: &Project,
    built: &Built,
    options: Option<RegistryOptions>,
    token: Option<&SecretString>,
    progress: &dyn Progress,
) -> Result<Done<Pushed>, DeployError> {
    let artifacts = project.artifacts();
    let layout = Layout::open(artifacts.join("image")).map_err(image_error)?;
    if layout.digest().as_str() != built.image {
        let message = format!(
            "what lies in {} is {}, not the {} that was built",
            artifacts.display(),
            layout.digest(),
            built.image
        );
        return Err(
            DeployError::new(Kind::Receipt, message).hint("run `windlass deploy build`, and see who changed it")
        );
    }
    let Some(options) = options else {
        let why = "no registry is named (deploy.registry.host): the target takes the image from this machine";
        let output = Pushed { image: built.image.clone(), package: built.package.clone() };
        return Ok(Done { output, proofs: vec![Proof::skipped("pushed", "the registry has the image", why)] });
    };
    let (host, repository) = (options.host.clone(), options.repository.clone());
    let registry = Registry::new(options).map_err(registry_error)?;
    let tag = project.commit.version.as_str();
    progress.step(&format!("pushing {host}/{repository}:{tag}"));
    let of = layout.compressed_size();
    let there =
        registry.push(&layout, tag, &|moved| progress.advance(moved.moved, of)).await.map_err(registry_error)?;
    let mut proofs = vec![
        Proof::new(
            "pushed",
            "the registry has the image under the digest it was built with",
            there == *layout.digest(),
        )
        .measured(there.to_string()),
    ];
    let image = format!("{host}/{repository}@{there}");

    let bill = super::read(&artifacts.join("sbom.cdx.json"))?;
    let attached = registry.attach(&there, BILL, BILL, &bill).await.map_err(registry_error)?;
    proofs.push(
        Proof::new("bill", "a CycloneDX bill of materials is attached to it", true)
            .measured(attached.digest.to_string())
            .detail(if attached.listed { "" } else { "by its digest alone: this registry keeps no list of referrers" }),
    );

    progress.step("pulling it back");
    let pulled = artifacts.join("pulled");
    if pulled.exists() {
        fs::remove_dir_all(&pulled).map_err(|error| DeployError::file("the pulled image in", &pulled, &error))?;
    }
    let back = registry.pull(&registry::digest(&image)?, &pulled, &|_| ()).await.map_err(registry_error)?;
    proofs.push(
        Proof::new("pulled", "what is pulled is what was built", back.digest() == layout.digest())
            .measured(back.digest().to_string()),
    );
    let tagged = registry.resolve(tag).await.map_err(registry_error)?;
    proofs.push(
        Proof::new("tag", format!("the tag {tag} names it"), tagged.as_ref() == Some(layout.digest()))
            .measured(tagged.map(|digest| digest.to_string()).unwrap_or_default()),
    );
    proofs.push(contract::starts(project, token, back.path(), progress).await?);
    Ok(Done { output: Pushed { image, package: built.package.clone() }, proofs })
}
