//! mmdebstrap: packages to an archive, and the kernel's package beside it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use super::{
    ImageError, Recipe,
    sources::Sources,
    tools::{Tools, command, run},
};

/// What the packages bring and nobody needs inside: manuals, translations, and the headers and static libraries that a
/// dependency of matplotlib's drags along. Licences stay.
const LEFT_OUT: [&str; 10] = [
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/unicode/*",
    "path-exclude=/usr/include/boost/*",
    "path-exclude=/usr/lib/*/openblas-*/*.a",
    "path-exclude=/usr/lib/*/lapack/*.a",
    "path-exclude=/usr/lib/python3*/config-*/*.a",
];

/// Fetches the kernel's package without installing it. The name of the newest one is in a package that only depends on
/// it.
const FETCH_KERNEL: &str = r#"
set -eu
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
newest="linux-image-cloud-$(dpkg --print-architecture)"
package=$(apt-cache depends --important "$newest" | sed -n 's/^ *Depends: \(linux-image-[a-z0-9.+-]*\)$/\1/p')
[ -n "$package" ] || { echo "the suite has no package $newest" >&2; exit 1; }
mkdir "$1/kernel.package"
cd "$1/kernel.package"
apt-get -qq -o APT::Sandbox::User=root download "$package"
"#;

/// mmdebstrap's own way to a tree whose `/bin` is `/usr/bin` from the start; without it, a package that needs all of Perl
/// turns one into the other.
const MERGED: &str = "/usr/share/mmdebstrap/hooks/maybe-merged-usr";

/// The settings of this machine's apt without which its sources may be out of reach.
const REACH: [&str; 3] = ["Acquire::http::", "Acquire::https::", "Acquire::Check-"];

/// What mmdebstrap made.
#[derive(Debug)]
pub(super) struct Raw {
    /// The tree as an archive.
    pub tar: PathBuf,
    /// The kernel's package.
    pub kernel: Option<PathBuf>,
    /// When it began, in seconds: what has a later time was made here, and not by a package's maker.
    pub started: u64,
    pub architecture: String,
}

/// Installs what `recipe` says, in `work`.
pub(super) async fn install(tools: &Tools, recipe: &Recipe, work: &Path) -> Result<Raw, ImageError> {
    let mut architecture = command(&tools.dpkg, work);
    architecture.arg("--print-architecture");
    let architecture = run(architecture, "asking for the architecture").await?.out;
    let architecture = String::from_utf8_lossy(&architecture).trim().to_owned();
    let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();

    let mut bootstrap = command(&tools.mmdebstrap, work);
    // As root, too: then what it mounts is mounted for nobody else.
    bootstrap.args(["--mode=unshare", "--variant=essential", "--format=tar", "--skip=output/dev"]);
    bootstrap.arg("--aptopt=Acquire::Languages \"none\"").arg("--dpkgopt=force-unsafe-io");
    bootstrap.args(LEFT_OUT.map(|option| format!("--dpkgopt={option}")));
    bootstrap.args(reach(work).await.iter().map(|option| format!("--aptopt={option}")));
    bootstrap.arg(format!("--include={}", recipe.include()));
    if Path::new(MERGED).is_dir() {
        bootstrap.arg(format!("--hook-dir={MERGED}"));
    }
    if recipe.kernel {
        bootstrap.arg(format!("--customize-hook={FETCH_KERNEL}"));
        bootstrap.arg("--customize-hook=copy-out /kernel.package .");
    }
    if rustix::process::geteuid().is_root() {
        bootstrap.env("TMPDIR", work);
    }
    let tar = work.join("raw.tar");
    bootstrap.arg(&recipe.suite).arg(&tar);
    match &recipe.mirror {
        Some(mirror) => {
            bootstrap.arg(mirror);
        }
        None => {
            let sources = Sources::of(Path::new("/etc/apt"), &recipe.suite);
            if !sources.stanzas.is_empty() {
                let file = work.join("machine.sources");
                fs::write(&file, sources.stanzas).map_err(ImageError::io("writing down the sources"))?;
                bootstrap.arg(file);
            }
            // Without any, mmdebstrap knows where Debian is.
            bootstrap.args(sources.lines);
        }
    }
    run(bootstrap, "installing the packages").await?;
    let kernel = match recipe.kernel {
        true => Some(only_file(&work.join("kernel.package"))?),
        false => None,
    };
    Ok(Raw { tar, kernel, started, architecture })
}

/// The machine's own way to its sources, as options. Where apt says nothing of it, there is nothing to say.
async fn reach(work: &Path) -> Vec<String> {
    let Ok(program) = super::tools::find("apt-config", "apt") else { return Vec::new() };
    let mut settings = command(&program, work);
    settings.args(["dump", "--format", "%F \"%v\";%n", "Acquire"]);
    let Ok(said) = run(settings, "asking for apt's settings").await else { return Vec::new() };
    let text = String::from_utf8_lossy(&said.out).into_owned();
    let wanted = |line: &&str| REACH.iter().any(|start| line.starts_with(start)) && !line.ends_with(" \"\";");
    text.lines().filter(wanted).map(str::to_owned).collect()
}

fn only_file(directory: &Path) -> Result<PathBuf, ImageError> {
    let entries = fs::read_dir(directory).map_err(ImageError::io("looking for the kernel's package"))?;
    let mut files = entries.flatten().map(|entry| entry.path());
    files.next().ok_or_else(|| ImageError::Packages("the kernel's package was not fetched".into()))
}
