//! The same program as a Lambda function.

use std::{
    fs,
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use tempfile::NamedTempFile;
use zip::{CompressionMethod, DateTime, System, ZipWriter, write::SimpleFileOptions};

use crate::{
    Architecture, Digest, ImageError, ImageSpec, Source,
    layer::{Exactly, LEVEL, open_regular},
    spec, system,
};

/// What Lambda starts.
const BOOTSTRAP: &str = "bootstrap";
/// The authorities, in the zip.
const AUTHORITIES: &str = "ca-certificates.crt";

/// Where the authorities are in a function made from a zip: what `SSL_CERT_FILE` should say, so that nothing depends on
/// where the runtime's image has its own.
pub const LAMBDA_AUTHORITIES: &str = "/var/task/ca-certificates.crt";

/// A zip for Lambda.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zip {
    /// The file.
    pub path: PathBuf,
    /// SHA-256 of it, in hexadecimal.
    pub sha256: String,
    /// The same as Lambda has it: what it answers as `CodeSha256` when the function has this code.
    pub code_sha256: String,
    /// How many bytes it has.
    pub size: u64,
    /// What the program is for.
    pub architecture: Architecture,
}

/// Packs `spec` into `into`, replacing what is there: the program as `bootstrap`, authorities, and the project's files,
/// which land in `/var/task`. What only an image has (base, environment, port, labels) is not in it.
pub fn lambda_zip(spec: &ImageSpec, into: &Path) -> Result<Zip, ImageError> {
    let architecture = Architecture::of(&spec.binary)?;
    let files = spec::zip_places(&spec.files, &[BOOTSTRAP, AUTHORITIES])?;
    let parent = into.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(ImageError::io("make the directory", parent))?;
    let file = NamedTempFile::new_in(parent).map_err(ImageError::io("write in", parent))?;

    let mut zip = ZipWriter::new(file);
    let binary = spec.binary.canonicalize().map_err(ImageError::io("read the binary", &spec.binary))?;
    let mut add = |path: &str, mode, source: &Source| {
        let failed = || ImageError::io("pack", path);
        let (mut content, size): (Box<dyn Read>, u64) = match source {
            Source::Bytes(bytes) => (Box::new(bytes.as_slice()), bytes.len() as u64),
            Source::Path(path) => {
                let (file, size) = open_regular(path)?;
                (Box::new(Exactly { reader: file, left: size }), size)
            }
        };
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(i64::from(LEVEL)))
            // The earliest a zip can say. Lambda does not care, and two builds agree.
            .last_modified_time(DateTime::default())
            .unix_permissions(mode)
            .system(System::Unix)
            .large_file(size >= u64::from(u32::MAX));
        zip.start_file(path, options).map_err(|error| failed()(error.into()))?;
        io::copy(&mut content, &mut zip).map_err(failed())?;
        Ok(())
    };
    add(BOOTSTRAP, 0o755, &Source::Path(binary))?;
    add(AUTHORITIES, 0o644, &Source::Bytes(system::bundle().into()))?;
    for (path, file) in &files {
        add(path, file.mode(), &file.source)?;
    }
    let file = zip.finish().map_err(|error| ImageError::io("write", into)(error.into()))?;

    let mut bytes = file.reopen().map_err(ImageError::io("read", into))?;
    let (digest, size) = Digest::of_reader(&mut bytes).map_err(ImageError::io("read", into))?;
    // A temporary file is its owner's alone; a program is not a secret.
    let shared = fs::Permissions::from_mode(0o644);
    file.as_file().set_permissions(shared).map_err(ImageError::io("set the permissions of", into))?;
    file.persist(into).map_err(|error| ImageError::io("write", into)(error.error))?;
    let raw = hex::decode(digest.hex()).unwrap_or_default();
    Ok(Zip {
        path: into.to_owned(),
        sha256: digest.hex().to_owned(),
        code_sha256: STANDARD.encode(raw),
        size,
        architecture,
    })
}
