//! `image.json`: what an image is made of, and the sums of its files.

use std::{collections::BTreeMap, fmt::Write as _, fs, fs::File, io, path::Path};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{DISK, ImageError, KERNEL, MODULES, VMLINUX};

/// The version of the form of images that is made and read here.
pub const FORMAT: u32 = 1;

const NAME: &str = "image.json";
const SUMS: &str = "SHA256SUMS";

/// What an image is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of its form.
    pub format: u32,
    /// Debian's release.
    pub suite: String,
    /// As Debian names it: `amd64`, `arm64`.
    pub architecture: String,
    /// Debian's packages, and their versions.
    pub packages: BTreeMap<String, String>,
    /// What Python finds, and its versions.
    pub python_packages: BTreeMap<String, String>,
    /// The kernel, where there is one.
    pub kernel: Option<Kernel>,
    /// The files beside the tree, by name.
    pub files: BTreeMap<String, FileSum>,
    /// The sum of the tree, packed as an archive that depends on nothing else.
    pub tree_sha256: String,
}

/// Where a kernel comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kernel {
    /// Debian's package.
    pub package: String,
    /// Its version.
    pub version: String,
}

/// What a file has to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSum {
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// How many there are.
    pub bytes: u64,
}

impl Manifest {
    /// Sums up the files in `directory`, and writes itself and the sums there.
    pub(super) fn write(mut self, directory: &Path) -> Result<Self, ImageError> {
        let doing = || ImageError::io(format!("summing up {}", directory.display()));
        let mut names = vec![DISK.to_owned()];
        if self.kernel.is_some() {
            names.push(KERNEL.to_owned());
            names.extend(directory.join(VMLINUX).is_file().then(|| VMLINUX.to_owned()));
            for module in fs::read_dir(directory.join(MODULES)).map_err(doing())? {
                names.push(format!("{MODULES}/{}", module.map_err(doing())?.file_name().to_string_lossy()));
            }
        }
        for name in names {
            let sum = FileSum::of(&directory.join(&name)).map_err(doing())?;
            self.files.insert(name, sum);
        }
        let mut text = serde_json::to_string_pretty(&self).map_err(|error| doing()(error.into()))?;
        text.push('\n');
        fs::write(directory.join(NAME), text).map_err(doing())?;
        let own = FileSum::of(&directory.join(NAME)).map_err(doing())?;
        let mut sums = String::new();
        for (name, sum) in self.files.iter().map(|(name, sum)| (name.as_str(), sum)).chain([(NAME, &own)]) {
            let _ = writeln!(sums, "{}  {name}", sum.sha256);
        }
        fs::write(directory.join(SUMS), sums).map_err(doing())?;
        Ok(self)
    }

    /// Whether there is one in `directory`, whatever its form.
    pub(super) fn is_one(directory: &Path) -> bool {
        let text = fs::read(directory.join(NAME)).unwrap_or_default();
        let value: Option<serde_json::Value> = serde_json::from_slice(&text).ok();
        value.is_some_and(|value| value["format"].is_u64() && value["tree_sha256"].is_string())
    }

    /// The one in `directory`, where its files are there and as long as they should be.
    pub(super) fn read(directory: &Path) -> Result<Self, ImageError> {
        let unusable = |why: String| ImageError::Unusable { path: directory.to_owned(), why };
        let text = fs::read(directory.join(NAME)).map_err(|error| unusable(format!("{NAME}: {error}")))?;
        let this: Self = serde_json::from_slice(&text).map_err(|error| unusable(format!("{NAME}: {error}")))?;
        if this.format != FORMAT {
            return Err(unusable(format!("its form is {}, and only {FORMAT} is read here", this.format)));
        }
        for (name, sum) in &this.files {
            let inside = !name.starts_with('/') && name.split('/').all(|part| !matches!(part, "" | "." | ".."));
            let found = fs::symlink_metadata(directory.join(name)).ok().filter(|file| inside && file.is_file());
            if found.map(|file| file.len()) != Some(sum.bytes) {
                return Err(unusable(format!("`{name}` is not there, or not as long as it was")));
            }
        }
        Ok(this)
    }

    /// Every file has the bytes it had.
    pub(super) fn verify(&self, directory: &Path) -> Result<(), ImageError> {
        for (name, sum) in &self.files {
            let found = FileSum::of(&directory.join(name)).map_err(ImageError::io(format!("reading {name}")))?;
            if found != *sum {
                let why = format!("`{name}` has changed: its sum is {}", found.sha256);
                return Err(ImageError::Unusable { path: directory.to_owned(), why });
            }
        }
        Ok(())
    }
}

impl FileSum {
    fn of(path: &Path) -> io::Result<Self> {
        let mut sum = Sha256::new();
        let bytes = io::copy(&mut File::open(path)?, &mut sum)?;
        Ok(Self { sha256: hex::encode(sum.finalize()), bytes })
    }
}
