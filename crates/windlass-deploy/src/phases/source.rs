//! Which program is shipped.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::process::Command;
use windlass_image::Architecture;

use crate::{DeployError, Kind, Progress, project::Project};

const MUSL: &str = "x86_64-unknown-linux-musl";
const GNU: &str = "x86_64-unknown-linux-gnu";

/// The static program: the one named in the settings, or built here, or this one.
pub(super) async fn binary(project: &Project, progress: &dyn Progress) -> Result<PathBuf, DeployError> {
    if let Some(named) = &project.deploy().image.binary {
        return Ok(named.clone());
    }
    if is_windlass(&project.root) {
        return compile(&project.root, progress).await;
    }
    let own = std::env::current_exe()
        .map_err(|error| DeployError::new(Kind::Failed, format!("this program cannot be found: {error}")))?;
    match Architecture::of(&own) {
        Ok(_) => Ok(own),
        Err(error) => {
            Err(DeployError::new(Kind::Missing, "this windlass cannot be shipped: it is not linked statically")
                .hint("install the static release of windlass, or name one under deploy.image.binary")
                .detail(error.to_string()))
        }
    }
}

/// Whether `root` is Windlass's own source tree.
fn is_windlass(root: &Path) -> bool {
    let manifest = std::fs::read_to_string(root.join("crates/windlass/Cargo.toml")).unwrap_or_default();
    root.join("Cargo.toml").exists() && manifest.lines().any(|line| line == "name = \"windlass\"")
}

/// Builds it, so that two checkouts of one commit give the same bytes.
async fn compile(root: &Path, progress: &dyn Progress) -> Result<PathBuf, DeployError> {
    let target = match has_target(root, MUSL).await {
        true => MUSL,
        false => {
            progress.notice(&format!("the target {MUSL} is not installed: linking the system's C library statically"));
            GNU
        }
    };
    progress.step(&format!("compiling windlass for {target}"));
    let told = |program: &'static str, arguments: &'static [&'static str]| async move {
        let output = Command::new(program).args(arguments).current_dir(root).output().await.ok()?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned()).filter(|text| !text.is_empty())
    };
    let metadata = told("cargo", &["metadata", "--format-version=1", "--no-deps", "--locked"]).await;
    let metadata: serde_json::Value = metadata.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let products = metadata["target_directory"].as_str().map(PathBuf::from).ok_or_else(|| {
        DeployError::new(Kind::Missing, "cargo cannot say where it builds").hint("see what `cargo metadata` says here")
    })?;
    // Only for what is shipped, and beside what development builds.
    let products = products.join("shipped");
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let sysroot = told("rustc", &["--print", "sysroot"]).await.map(PathBuf::from);
    // Paths of this machine would be in the program, and tell two checkouts apart.
    let places = [
        (home.as_deref(), "/cargo"),
        (sysroot.as_deref(), "/rust"),
        (Some(&*products), "/target"),
        (Some(root), "/src"),
    ];
    let mut places: Vec<(&Path, &str)> = places.into_iter().filter_map(|(from, to)| Some((from?, to))).collect();
    // The last one that fits counts, and products may lie in the checkout: the longest comes last.
    places.sort_by_key(|(from, _)| from.as_os_str().len());
    let mut flags: Vec<String> =
        places.iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())).collect();
    flags.extend(["-C", "target-feature=+crt-static", "-C", "strip=symbols"].map(str::to_owned));
    let c: Vec<String> = places.iter().map(|(from, to)| format!("-ffile-prefix-map={}={to}", from.display())).collect();
    let mut command = Command::new("cargo");
    command.args(["build", "--release", "--locked", "--quiet", "--bin", "windlass", "--target", target]);
    command.arg("--target-dir").arg(&products).current_dir(root);
    // A separator flags cannot contain, so that directories with spaces are fine.
    command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f")).env("CFLAGS", c.join(" ")).env_remove("RUSTFLAGS");
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.map_err(|error| {
        DeployError::new(Kind::Missing, format!("cargo cannot be started: {error}"))
            .hint("install Rust, or name a static windlass under deploy.image.binary")
    })?;
    match output.status.success() {
        true => Ok(products.join(target).join("release/windlass")),
        false => Err(DeployError::new(Kind::Failed, "windlass does not compile")
            .hint("see `cargo build --release --bin windlass`")
            .detail(String::from_utf8_lossy(&output.stderr).trim())),
    }
}

async fn has_target(root: &Path, target: &str) -> bool {
    let libraries = ["--print", "target-libdir", "--target", target];
    let output = Command::new("rustc").args(libraries).current_dir(root).output().await;
    output.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).exists())
}
