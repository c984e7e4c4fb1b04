//! The file system in memory that a kernel starts from: the guest's program, and the modules that the kernel needs.

use std::{fs, io, path::Path};

use cpio::newc::{Builder, ModeFileType, trailer};

/// The archive, as the kernel takes it.
pub(super) fn build(guest: &Path, modules: Option<&Path>) -> io::Result<Vec<u8>> {
    let mut archive = Vec::new();
    let directory = |name: &str| Builder::new(name).mode(0o755).set_mode_file_type(ModeFileType::Directory);
    let mut put = |entry: Builder, content: &[u8]| -> io::Result<()> {
        let size = u32::try_from(content.len()).map_err(io::Error::other)?;
        let mut writer = entry.write(&mut archive, size);
        io::Write::write_all(&mut writer, content)?;
        writer.finish().map(|_| ())
    };
    put(directory("dev"), &[])?;
    // What the first process says goes to the console.
    let console = Builder::new("dev/console").mode(0o600).set_mode_file_type(ModeFileType::Char);
    put(console.rdev_major(5).rdev_minor(1), &[])?;
    let file = |name: &str| Builder::new(name).mode(0o755).set_mode_file_type(ModeFileType::Regular);
    put(file("init"), &fs::read(guest)?)?;
    if let Some(modules) = modules {
        put(directory("modules"), &[])?;
        for module in fs::read_dir(modules)? {
            let module = module?;
            put(file(&format!("modules/{}", module.file_name().to_string_lossy())), &fs::read(module.path())?)?;
        }
    }
    trailer(archive)
}
