//! Copies `infra/` into the build directory for `include_dir!`, leaving out what running Terraform there leaves behind:
//! a provider is 700 MB, a state file and variables may hold secrets. A stack that changed is embedded again.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

#[path = "src/sources/filter.rs"]
mod filter;

fn main() -> io::Result<()> {
    let variable = |name| env::var_os(name).map(PathBuf::from).ok_or_else(|| io::Error::other(name));
    let from = variable("CARGO_MANIFEST_DIR")?.join("../../infra");
    let to = variable("OUT_DIR")?.join("infra");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/sources/filter.rs");
    println!("cargo:rerun-if-changed={}", from.display());
    match fs::remove_dir_all(&to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    copy(&from, &to)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for path in filter::files(from)? {
        let target = to.join(&path);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(from.join(path), target)?;
    }
    Ok(())
}
