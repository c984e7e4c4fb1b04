//! `windlass sandbox`.

mod pull;

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use windlass_sandbox::image::{Image, ImageError, Recipe};

use crate::{
    cli::{SandboxCommand, SandboxImageArgs, SandboxImageCommand},
    exit::{Exit, Failure},
    output::say,
};

pub async fn run(command: SandboxCommand) -> Result<Exit, Failure> {
    let SandboxCommand::Image(command) = command;
    match command {
        SandboxImageCommand::Build(args) => build(args).await,
        SandboxImageCommand::Pull(args) => pull::run(args).await,
        SandboxImageCommand::Show { directory, verify, json } => show(directory, verify, json),
    }
}

async fn build(args: SandboxImageArgs) -> Result<Exit, Failure> {
    let SandboxImageArgs { out, suite, mirror, packages, minimal, no_kernel, guest } = args;
    let out = or_default(out)?;
    let recipe = Recipe { suite, mirror, packages, minimal, kernel: !no_kernel };
    let mut terminate = signal(SignalKind::terminate())?;
    let image = tokio::select! {
        built = Image::build(&recipe, &out, &|doing| eprintln!("{doing}")) => built.map_err(failure)?,
        // Dropping the build ends what it started.
        _ = async { tokio::select! { _ = tokio::signal::ctrl_c() => {}, _ = terminate.recv() => {} } } => {
            return Err(Failure::with(Exit::Failed, anyhow!("interrupted")).hint("what was there before is there still"));
        }
    };
    if let Some(guest) = guest {
        image.add_guest(&guest).map_err(failure)?;
    }
    print(&image);
    if !rustix::process::geteuid().is_root() {
        say!("not made by root: its tree belongs to this user, and is for servers of this user only");
    }
    if Image::default_directory().is_none_or(|default| default != image.directory()) {
        say!("next: `sandbox: {{ image: {} }}` in windlass.yaml", image.directory().display());
    }
    Ok(Exit::Done)
}

fn show(directory: Option<PathBuf>, verify: bool, json: bool) -> Result<Exit, Failure> {
    let image = Image::open(or_default(directory)?).map_err(failure)?;
    if verify {
        image.verify().map_err(failure)?;
    }
    match json {
        true => say!("{:#}", json!({ "directory": image.directory(), "verified": verify, "image": image.manifest() })),
        false => print(&image),
    }
    Ok(Exit::Done)
}

fn print(image: &Image) {
    let manifest = image.manifest();
    say!("{}", image.directory().display());
    say!("  suite     {} {}, {} packages", manifest.suite, manifest.architecture, manifest.packages.len());
    say!("  python    {} packages", manifest.python_packages.len());
    match &manifest.kernel {
        Some(kernel) => say!("  kernel    {} {}", kernel.package, kernel.version),
        None => say!("  kernel    none"),
    }
    for (name, file) in manifest.files.iter().filter(|(name, _)| !name.contains('/')) {
        say!("  {name:<9} {} MiB, sha256 {}", file.bytes >> 20, file.sha256);
    }
    say!("  tree      sha256 {}", manifest.tree_sha256);
}

fn or_default(directory: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let directory = directory.or_else(Image::default_directory);
    directory.context("there is no home directory to look below: name a directory").map_err(Failure::usage)
}

fn failure(error: ImageError) -> Failure {
    let hint = error.hint();
    let exit = match error {
        ImageError::Value { .. } | ImageError::Occupied { .. } => Exit::Usage,
        _ => Exit::Failed,
    };
    Failure::with(exit, error).hint(hint)
}
