//! `build`: the image and the zip from one program, and the image's contract kept by a real container.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use memchr::memmem;
use sha2::{Digest, Sha256};
use windlass_core::{ExposeSecret, SecretString};
use windlass_image::{ImageFile, ImageSpec, LayerFile, Layout, Source, build as image, lambda_zip};

use super::{Built, Done, source};
use crate::{
    DeployError, Kind, Progress, Proof, contract, image_error,
    project::{PORT, Project},
};

/// What Lambda takes in one request: 50 MB, of the kind of which its 250 MB are 262144000 bytes in its own errors.
const PACKAGE_BOUND: u64 = 50 << 20;

pub(crate) async fn build(
    project: &Project,
    token: Option<&SecretString>,
    progress: &dyn Progress,
) -> Result<Done<Built>, DeployError> {
    let binary = source::binary(project, progress).await?;
    progress.step("packing the image and the zip");
    let spec = spec(project, binary)?;
    let artifacts = project.artifacts();
    let packed = {
        let (spec, artifacts) = (spec, artifacts.clone());
        tokio::task::spawn_blocking(move || pack(&spec, &artifacts)).await
    };
    let (layout, output) =
        packed.map_err(|error| DeployError::new(Kind::Failed, format!("packing ended: {error}")))??;
    let mut proofs = vec![
        size(&layout, project.deploy().image.limit.0),
        package_size(output.package_bytes),
        uncovered(project, token, &layout)?,
    ];
    proofs.extend(contract::prove(project, token, layout.path(), progress).await?);
    Ok(Done { output, proofs })
}

/// What goes into the image and the zip alike.
fn spec(project: &Project, binary: PathBuf) -> Result<ImageSpec, DeployError> {
    let commit = &project.commit;
    let mut spec = ImageSpec::new(binary, commit.version.as_str(), commit.time);
    spec.port = PORT;
    spec.environment = project.image_environment();
    spec.labels = [
        ("org.opencontainers.image.title", project.deploy().name.clone()),
        ("org.opencontainers.image.revision", commit.revision.clone()),
        ("org.opencontainers.image.version", commit.version.to_string()),
    ]
    .map(|(label, value)| (label.to_owned(), value))
    .into();
    if let Some(base) = &project.deploy().image.base {
        spec.base = Some(Layout::open(project.root.join(base)).map_err(image_error)?);
    }
    if let Some(file) = &project.file {
        let source = Source::Bytes(super::read(file)?);
        spec.files.push(ImageFile { path: "windlass.yaml".into(), mode: 0o644, source });
    }
    for include in &project.deploy().image.include {
        include_tree(&project.root, include, &mut spec.files)?;
    }
    Ok(spec)
}

/// What the files of `deploy.image.include` and the base are, whether or not git knows them.
pub(crate) fn included(project: &Project) -> Result<BTreeMap<String, String>, DeployError> {
    let mut files = Vec::new();
    for include in &project.deploy().image.include {
        include_tree(&project.root, include, &mut files)?;
    }
    let mut found = BTreeMap::new();
    for file in files {
        let Source::Path(path) = &file.source else { continue };
        let digest = hex::encode(Sha256::digest(super::read(path)?));
        found.insert(file.path, format!("{:o} {digest}", file.mode));
    }
    if let Some(base) = &project.deploy().image.base {
        let base = Layout::open(project.root.join(base)).map_err(image_error)?;
        found.insert("the base".to_owned(), base.digest().to_string());
    }
    Ok(found)
}

/// Adds a file or a directory of the project, links left out: they may lead out of it.
fn include_tree(root: &Path, include: &Path, files: &mut Vec<ImageFile>) -> Result<(), DeployError> {
    let at = root.join(include);
    let relative = at
        .strip_prefix(root)
        .ok()
        .filter(|relative| relative.components().all(|part| matches!(part, std::path::Component::Normal(_))));
    let Some(relative) = relative.and_then(Path::to_str) else {
        let message = format!("deploy.image.include: {} is not below {}", include.display(), root.display());
        return Err(DeployError::new(Kind::Usage, message).hint("name files of the project, relative to windlass.yaml"));
    };
    let unreadable = |error: std::io::Error| DeployError::file("deploy.image.include:", &at, &error);
    // Whatever is above it must not be a link either.
    let real = at.parent().unwrap_or(root).canonicalize().map_err(unreadable)?;
    if !real.starts_with(root.canonicalize().map_err(unreadable)?) {
        let message = format!("deploy.image.include: {} leads out of the project by a link", include.display());
        return Err(DeployError::new(Kind::Usage, message).hint("name files of the project themselves"));
    }
    let kind = fs::symlink_metadata(&at).map_err(unreadable)?;
    if kind.is_dir() {
        let mut entries: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(&at).map_err(unreadable)? {
            entries.push(entry.map_err(unreadable)?.path());
        }
        entries.sort();
        return entries.iter().try_for_each(|entry| match entry.file_name() {
            // What git and windlass keep for themselves is of no use there.
            Some(name) if name == ".git" || name == ".windlass" => Ok(()),
            _ => include_tree(root, entry, files),
        });
    }
    if kind.is_file() {
        use std::os::unix::fs::PermissionsExt;
        let mode = kind.permissions().mode() & 0o777;
        files.push(ImageFile { path: relative.to_owned(), mode, source: Source::Path(at.clone()) });
    }
    Ok(())
}

/// Makes both where nothing stands yet, and then puts them in place together.
fn pack(spec: &ImageSpec, artifacts: &Path) -> Result<(Layout, Built), DeployError> {
    let file = |error: std::io::Error| DeployError::file("the artifacts in", artifacts, &error);
    let parent = artifacts.parent().unwrap_or(artifacts);
    fs::create_dir_all(parent).map_err(file)?;
    let staged = tempfile::Builder::new().prefix(".building-").tempdir_in(parent).map_err(file)?;
    image(spec, &staged.path().join("image")).map_err(image_error)?;
    let zip = lambda_zip(spec, &staged.path().join("lambda.zip")).map_err(image_error)?;
    let bill = windlass_image::sbom(&spec.version, spec.created);
    fs::write(staged.path().join("sbom.cdx.json"), bill).map_err(file)?;
    if artifacts.exists() {
        fs::remove_dir_all(artifacts).map_err(file)?;
    }
    fs::rename(staged.keep(), artifacts).map_err(file)?;
    let layout = Layout::open(artifacts.join("image")).map_err(image_error)?;
    let built = Built {
        image: layout.digest().to_string(),
        image_bytes: layout.compressed_size(),
        package: zip.code_sha256,
        package_bytes: zip.size,
    };
    Ok((layout, built))
}

fn size(layout: &Layout, limit: u64) -> Proof {
    let bytes = layout.compressed_size();
    Proof::new("size", format!("the image is under {} MiB compressed", limit >> 20), bytes < limit)
        .measured(format!("{}; seed 1 promises about 150 MB, seed 2 under 1 GB", mebibytes(bytes)))
        .detail("deploy.image.limit is the bound")
}

fn package_size(bytes: u64) -> Proof {
    Proof::new("package", "the Lambda zip is under the 50 MiB that Lambda takes", bytes < PACKAGE_BOUND)
        .measured(mebibytes(bytes))
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// No layer holds the value of a secret this machine knows.
fn uncovered(project: &Project, token: Option<&SecretString>, layout: &Layout) -> Result<Proof, DeployError> {
    let promise = "no secret is in any layer";
    let secrets = project.secrets(token);
    let mut found = Vec::new();
    let mut looked = 0_usize;
    let look = |file: &LayerFile, bytes: &mut dyn Read| {
        let mut text = Vec::new();
        bytes.read_to_end(&mut text)?;
        looked += 1;
        // A value this short is a word, not a secret, and would be found anywhere.
        let telling = secrets.iter().filter(|(_, secret)| secret.expose_secret().len() >= 8);
        let held = telling.filter(|(_, secret)| memmem::find(&text, secret.expose_secret().as_bytes()).is_some());
        found.extend(held.map(|(name, _)| format!("{name} in {}", file.path)));
        Ok(())
    };
    layout.files(look).map_err(image_error)?;
    let config = layout.config().to_string();
    found.extend(
        secrets
            .iter()
            .filter(|(_, secret)| config.contains(secret.expose_secret()))
            .map(|(name, _)| format!("{name} in the image's configuration")),
    );
    Ok(Proof::new("secrets", promise, found.is_empty())
        .measured(format!("{} secrets, {looked} files", secrets.len()))
        .detail(found.join("; ")))
}
