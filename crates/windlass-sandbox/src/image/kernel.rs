//! A kernel and the modules that a virtual machine needs, taken out of Debian's package.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    ImageError, KERNEL, Kernel, MODULES, VMLINUX,
    modules::Modules,
    tools::{Tools, blocking, command, run},
    vmlinux,
};

/// Without these, no disk, no line to the guest, or no root file system.
const NEEDED: [&str; 8] = [
    "virtio_pci",
    "virtio_mmio",
    "virtio_blk",
    "virtio_console",
    "virtio_rng",
    "vmw_vsock_virtio_transport",
    "ext4",
    "overlay",
];

/// Not every kernel has these.
const WANTED: [&str; 2] = ["crc32c_generic", "vmgenid"];

/// Takes `package` apart: the kernel and its modules go to `out`.
pub(super) async fn take(tools: &Tools, package: &Path, scratch: &Path, out: &Path) -> Result<Kernel, ImageError> {
    let mut asking = command(&tools.dpkg_deb, scratch);
    asking.args(["--show", "--showformat=${Package} ${Version}"]).arg(package);
    let said = run(asking, "reading the kernel's package").await?.out;
    let said = String::from_utf8_lossy(&said).into_owned();
    let (name, version) = said.split_once(' ').unwrap_or((&said, ""));
    let files = scratch.join("kernel");
    let mut unpacking = command(&tools.dpkg_deb, scratch);
    unpacking.arg("--extract").arg(package).arg(&files);
    run(unpacking, "unpacking the kernel's package").await?;

    let image = only(&files.join("boot"), "vmlinuz-")?;
    let packed = fs::read(image).map_err(ImageError::io("reading the kernel"))?;
    fs::write(out.join(KERNEL), &packed).map_err(ImageError::io("copying the kernel"))?;
    if let Some(kernel) = vmlinux::unpack(&packed).map_err(ImageError::io("unpacking the kernel"))? {
        fs::write(out.join(VMLINUX), kernel).map_err(ImageError::io("writing the unpacked kernel"))?;
    }
    let modules = ["lib/modules", "usr/lib/modules"].map(|path| files.join(path));
    let modules = modules.iter().find(|path| path.is_dir());
    let modules = modules.ok_or_else(|| ImageError::Packages(format!("{name} has no modules")))?;
    let version_of = only(modules, "")?;
    let to = out.join(MODULES);
    blocking(move || {
        let modules = Modules::of(&version_of).map_err(ImageError::io("looking for the kernel's modules"))?;
        fs::create_dir(&to).map_err(ImageError::io("making the directory of the modules"))?;
        for (number, module) in modules.in_order(&NEEDED, &WANTED)?.into_iter().enumerate() {
            let to = to.join(format!("{number:02}-{}.ko", module.name));
            fs::write(&to, module.bytes).map_err(ImageError::io(format!("writing {}", to.display())))?;
        }
        Ok(())
    })
    .await?;
    Ok(Kernel { package: name.to_owned(), version: version.to_owned() })
}

/// The file of `directory` whose name begins with `start`.
fn only(directory: &Path, start: &str) -> Result<PathBuf, ImageError> {
    let entries = fs::read_dir(directory).map_err(ImageError::io(format!("looking into {}", directory.display())))?;
    let mut found = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(start));
    let found = found.next().map(|entry| entry.path());
    found.ok_or_else(|| ImageError::Packages(format!("the kernel's package has no {start}* in it")))
}
