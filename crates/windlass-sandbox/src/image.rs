//! The root file system of sandboxes, made without a container engine.
//!
//! mmdebstrap installs Debian's packages, what it made is read once as a tar and cleaned on the way, and the clean tree
//! becomes a directory (for bubblewrap), an ext4 image, and beside it a kernel with its modules (for virtual machines).
//!
//! - the same packages give the same bytes, whenever and wherever they are put together;
//! - nothing of the machine that builds is in it: no names, addresses, proxies, sources, keys or users;
//! - a build that is interrupted leaves the image that was there.

mod bootstrap;
mod clean;
mod disk;
mod error;
mod installed;
mod kernel;
mod manifest;
mod modules;
mod place;
mod recipe;
mod rules;
mod sources;
mod tools;
mod tree;
mod vmlinux;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

pub use error::ImageError;
pub use manifest::{FORMAT, FileSum, Kernel, Manifest};
pub use recipe::{Recipe, SUITE};

use place::Staging;
use tools::{Tools, blocking};

/// The name of the tree in an image's directory.
const TREE: &str = "root";

/// The name of the same as an ext4 file system.
const DISK: &str = "root.ext4";

/// The name of the kernel.
const KERNEL: &str = "vmlinuz";

/// The name of the directory of the kernel's modules.
const MODULES: &str = "modules";

/// The kernel unpacked, for Firecracker.
pub(crate) const VMLINUX: &str = "vmlinux";

/// The program inside virtual machines, where one was put there.
pub(crate) const GUEST: &str = "guest";

/// An image that was made: a directory.
#[derive(Debug, Clone)]
pub struct Image {
    directory: PathBuf,
    manifest: Manifest,
}

impl Image {
    /// Makes an image at `out`, in place of the one that may be there. `said` hears what is being done.
    ///
    /// Dropped before its end, it ends what it started and leaves `out` as it was.
    pub async fn build(recipe: &Recipe, out: &Path, said: &(dyn Fn(&str) + Sync)) -> Result<Self, ImageError> {
        recipe.check()?;
        let tools = Tools::find()?;
        let staging = Staging::open(out, recipe.room())?;
        let (directory, scratch) = (staging.path(), staging.scratch());
        said("installing the packages");
        let raw = bootstrap::install(&tools, recipe, &scratch).await?;
        said("cleaning the tree");
        let tar = scratch.join("tree.tar");
        let (from, to, sources) = (raw.tar.clone(), tar.clone(), recipe.sources());
        let tree = blocking(move || clean::clean(&from, &to, raw.started, sources.as_deref())).await?;
        fs::remove_file(&raw.tar).map_err(ImageError::io("removing the first archive"))?;
        tree::unpack(&tools, &tar, &directory.join(TREE)).await?;
        fs::remove_file(&tar).map_err(ImageError::io("removing the archive"))?;
        said("making the file system image");
        disk::make(&tools, &tree, &directory.join(TREE), &directory.join(DISK), &scratch).await?;
        let kernel = match raw.kernel {
            Some(package) => {
                said("taking the kernel apart");
                Some(kernel::take(&tools, &package, &scratch, directory).await?)
            }
            None => None,
        };
        fs::remove_dir_all(&scratch).map_err(ImageError::io("clearing up"))?;
        let manifest = Manifest {
            format: FORMAT,
            suite: recipe.suite.clone(),
            architecture: raw.architecture,
            packages: tree.packages,
            python_packages: tree.python,
            kernel,
            files: Default::default(),
            tree_sha256: tree.sha256,
        };
        let directory = directory.to_owned();
        let manifest = blocking(move || manifest.write(&directory)).await?;
        let directory = staging.put_in_place()?;
        Ok(Self { directory, manifest })
    }

    /// The image at `directory`. Its files are there and as long as they were; [`verify`](Self::verify) reads them too.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, ImageError> {
        let directory = directory.into();
        let manifest = Manifest::read(&directory)?;
        Ok(Self { directory, manifest })
    }

    /// Puts the guest's program beside the kernel.
    pub fn add_guest(&self, program: &Path) -> Result<(), ImageError> {
        let to = self.directory.join(GUEST);
        fs::copy(program, &to).map_err(ImageError::io(format!("copying {}", program.display())))?;
        fs::set_permissions(&to, fs::Permissions::from_mode(0o755))
            .map_err(ImageError::io(format!("opening {}", to.display())))
    }

    /// Where an image is looked for when nobody says where: in this user's cache.
    pub fn default_directory() -> Option<PathBuf> {
        let set = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))?;
        Some(cache.join("windlass/sandbox-image"))
    }

    /// Reads every file and compares it with the manifest.
    pub fn verify(&self) -> Result<(), ImageError> {
        self.manifest.verify(&self.directory)
    }

    /// Where it lies.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What it is made of.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The tree, for bubblewrap.
    pub fn tree(&self) -> PathBuf {
        self.directory.join(TREE)
    }

    /// The same as a file system, for virtual machines. To be used read-only.
    pub fn disk(&self) -> PathBuf {
        self.directory.join(DISK)
    }

    /// The kernel, where the image has one.
    pub fn kernel(&self) -> Option<PathBuf> {
        self.manifest.kernel.is_some().then(|| self.directory.join(KERNEL))
    }

    /// The directory of the kernel's modules, where the image has some. In the order of their names they can be inserted.
    pub fn modules(&self) -> Option<PathBuf> {
        self.manifest.kernel.is_some().then(|| self.directory.join(MODULES))
    }
}
