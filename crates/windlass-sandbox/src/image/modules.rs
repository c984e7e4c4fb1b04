//! Which modules a kernel needs inserted for some of them, and in which order.
//!
//! A module says itself what it depends on; the index that modprobe reads is only made where a kernel is installed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use object::{
    Endianness,
    elf::FileHeader64,
    read::elf::{FileHeader as _, SectionHeader as _},
};

use super::{ImageError, tools::find};

/// A module, ready to be inserted.
#[derive(Debug)]
pub(super) struct Module {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// The modules of one kernel.
#[derive(Debug, Default)]
pub(super) struct Modules {
    files: BTreeMap<String, PathBuf>,
    builtin: BTreeSet<String>,
    seen: BTreeSet<String>,
    ordered: Vec<Module>,
}

impl Modules {
    /// Those in `directory`: `lib/modules/VERSION`.
    pub fn of(directory: &Path) -> io::Result<Self> {
        let mut this = Self::default();
        let builtin = fs::read_to_string(directory.join("modules.builtin"))?;
        this.builtin = builtin.lines().filter_map(|line| name(Path::new(line))).collect();
        let mut folders = vec![directory.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                match entry.file_type()?.is_dir() {
                    true => folders.push(entry.path()),
                    false => this.files.extend(name(&entry.path()).map(|name| (name, entry.path()))),
                }
            }
        }
        Ok(this)
    }

    /// The `needed` modules and those `wanted` that there are, each after what it depends on. What is part of the kernel
    /// is not among them.
    pub fn in_order(mut self, needed: &[&str], wanted: &[&str]) -> Result<Vec<Module>, ImageError> {
        for name in needed {
            self.add(name, true)?;
        }
        for name in wanted {
            self.add(name, false)?;
        }
        Ok(self.ordered)
    }

    fn add(&mut self, name: &str, needed: bool) -> Result<(), ImageError> {
        if self.builtin.contains(name) || self.seen.contains(name) {
            return Ok(());
        }
        let Some(file) = self.files.get(name) else {
            let missing = || ImageError::Packages(format!("the kernel has no module {name}"));
            return if needed { Err(missing()) } else { Ok(()) };
        };
        let bytes = plain(file)?;
        self.seen.insert(name.to_owned());
        let (needs, before) = depends(&bytes).ok_or_else(|| {
            ImageError::Packages(format!("the kernel's module {name} does not say what it depends on"))
        })?;
        for other in needs {
            self.add(&other, true)?;
        }
        for other in before {
            self.add(&other, false)?;
        }
        self.ordered.push(Module { name: name.to_owned(), bytes });
        Ok(())
    }
}

/// What a module is called whose file this is: `virtio-rng.ko.xz` is `virtio_rng`.
fn name(file: &Path) -> Option<String> {
    let name = file.file_name()?.to_str()?;
    let name = [".ko", ".ko.xz", ".ko.zst"].iter().find_map(|end| name.strip_suffix(end))?;
    Some(name.replace('-', "_"))
}

/// What a module cannot do without, and what it would have inserted before it.
fn depends(module: &[u8]) -> Option<(Vec<String>, Vec<String>)> {
    let header = FileHeader64::<Endianness>::parse(module).ok()?;
    let endian = header.endian().ok()?;
    let (_, section) = header.sections(endian, module).ok()?.section_by_name(endian, b".modinfo")?;
    let (mut needs, mut before) = (None, Vec::new());
    for field in section.data(endian, module).ok()?.split(|byte| *byte == 0) {
        let field = std::str::from_utf8(field).unwrap_or_default();
        let called = |name: &str| name.replace('-', "_");
        if let Some(names) = field.strip_prefix("depends=") {
            needs = Some(names.split(',').filter(|name| !name.is_empty()).map(called).collect());
        } else if let Some(rest) = field.strip_prefix("softdep=pre:") {
            before.extend(rest.split_whitespace().take_while(|word| *word != "post:").map(called));
        }
    }
    Some((needs?, before))
}

/// A module's bytes; newer releases compress them.
fn plain(module: &Path) -> Result<Vec<u8>, ImageError> {
    let doing = || ImageError::io(format!("reading {}", module.display()));
    let (tool, packages) = match module.extension().and_then(|extension| extension.to_str()) {
        Some("xz") => ("xz", "xz-utils"),
        Some("zst") => ("zstd", "zstd"),
        _ => return fs::read(module).map_err(doing()),
    };
    let unpacked = Command::new(find(tool, packages)?).args(["--decompress", "--stdout"]).arg(module).output();
    let unpacked = unpacked.map_err(doing())?;
    match unpacked.status.success() {
        true => Ok(unpacked.stdout),
        false => Err(ImageError::Packages(format!("{tool} cannot unpack {}", module.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An object file with nothing but a section `.modinfo`.
    fn module(info: &str) -> Vec<u8> {
        let names = b"\0.modinfo\0.shstrtab\0";
        let mut bytes = vec![0; 64];
        bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        bytes[20] = 1;
        let info_at = bytes.len();
        bytes.extend(info.as_bytes());
        let names_at = bytes.len();
        bytes.extend(names);
        let sections_at = bytes.len() as u64;
        for (name, kind, at, size) in [(0u32, 0u32, 0, 0), (1, 1, info_at, info.len()), (10, 3, names_at, names.len())]
        {
            let mut section = [0u8; 64];
            section[..4].copy_from_slice(&name.to_le_bytes());
            section[4..8].copy_from_slice(&kind.to_le_bytes());
            section[24..32].copy_from_slice(&(at as u64).to_le_bytes());
            section[32..40].copy_from_slice(&(size as u64).to_le_bytes());
            bytes.extend(section);
        }
        bytes[40..48].copy_from_slice(&sections_at.to_le_bytes());
        bytes[52] = 64;
        bytes[58] = 64;
        bytes[60] = 3;
        bytes[62] = 2;
        bytes
    }

    #[test]
    fn what_depends_on_what_comes_after_it() {
        let kernel = tempfile::tempdir().unwrap();
        let file = |path: &str, info: &str| {
            let path = kernel.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, module(info)).unwrap();
        };
        fs::write(kernel.path().join("modules.builtin"), "kernel/fs/ext4/ext4.ko\n").unwrap();
        file("kernel/a/virtio-blk.ko", "name=virtio_blk\0depends=virtio,virtio-ring\0");
        file("kernel/b/virtio_ring.ko", "depends=virtio\0");
        file("kernel/b/virtio.ko", "depends=\0softdep=pre: early ext4 absent post: late\0");
        file("kernel/b/early.ko", "depends=\0");
        file("kernel/b/late.ko", "depends=\0");
        fs::write(kernel.path().join("kernel/broken.ko"), "no object").unwrap();

        let order = |needed: &[&str], wanted: &[&str]| {
            let modules = Modules::of(kernel.path()).unwrap().in_order(needed, wanted);
            modules.map(|modules| modules.into_iter().map(|module| module.name).collect::<Vec<_>>())
        };
        let ordered = order(&["virtio_blk", "ext4"], &["vmgenid"]).unwrap();
        assert_eq!(ordered, ["early", "virtio", "virtio_ring", "virtio_blk"]);
        assert!(order(&["absent"], &[]).unwrap_err().to_string().contains("absent"));
        assert!(order(&["broken"], &[]).is_err());
    }
}
