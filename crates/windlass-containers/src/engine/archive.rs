//! One archive that every engine can load: an OCI archive that is also a docker archive.
//!
//! docker before 25 reads `manifest.json` alone, podman and containerd's store in docker read `index.json`. Both point at
//! the same blobs. So the manifest, and with it the digest, stays what it was wherever an engine keeps manifests at all.

use std::io::{BufWriter, Write};

use bytes::Bytes;
use serde_json::json;
use tar::{Builder, Header};
use tokio::sync::mpsc::Sender;

use super::{
    EngineError,
    layout::{Blob, Descriptor, Layout},
};

/// Writes the archive into a channel. Where a blob is not what it should be the archive ends short of its end.
pub(super) fn write(layout: &Layout, name: &str, sender: Sender<Bytes>) -> Result<(), EngineError> {
    let wrong = |problem| EngineError::Layout { path: layout.directory.clone(), problem };
    match blobs(layout, name, BufWriter::with_capacity(256 << 10, Channel(sender))) {
        // Whoever reads has had enough, and says why in its own words.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|error| wrong(error.to_string())),
    }
}

fn blobs(layout: &Layout, name: &str, out: impl Write) -> std::io::Result<()> {
    let mut descriptor = json!(layout.manifest);
    descriptor["annotations"] = json!({
        "io.containerd.image.name": name,
        "org.opencontainers.image.ref.name": name,
    });
    let file = |descriptor: &Descriptor| Ok::<_, std::io::Error>(format!("blobs/sha256/{}", hex(descriptor)?));
    let layers = layout.layers.iter().map(file).collect::<Result<Vec<_>, _>>()?;
    let docker = json!([{ "Config": file(&layout.config)?, "RepoTags": [name], "Layers": layers }]);
    let index = json!({ "schemaVersion": 2, "manifests": [descriptor] });

    let mut archive = Builder::new(out);
    for (path, document) in
        [("oci-layout", json!({ "imageLayoutVersion": "1.0.0" })), ("index.json", index), ("manifest.json", docker)]
    {
        let text = document.to_string();
        archive.append_data(&mut header(text.len() as u64), path, text.as_bytes())?;
    }
    let mut written = std::collections::BTreeSet::new();
    for descriptor in [&layout.manifest, &layout.config].into_iter().chain(&layout.layers) {
        // Two layers may be one blob.
        if written.insert(hex(descriptor)?.to_owned()) {
            let mut blob = Blob::open(&layout.directory, descriptor).map_err(std::io::Error::other)?;
            archive.append_data(&mut header(descriptor.size), file(descriptor)?, &mut blob)?;
        }
    }
    archive.into_inner()?.flush()
}

fn hex(descriptor: &Descriptor) -> std::io::Result<&str> {
    descriptor.hex().map_err(std::io::Error::other)
}

fn header(size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o644);
    header
}

/// What is written comes out of a channel, in pieces.
struct Channel(Sender<Bytes>);

impl Write for Channel {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let gone = |_| std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        self.0.blocking_send(Bytes::copy_from_slice(bytes)).map_err(gone)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
