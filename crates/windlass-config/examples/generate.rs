//! Writes the generated documents: `cargo run -p windlass-config --example generate`.

use std::{fs, path::Path};

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("configuration.md"), windlass_config::reference())?;
    fs::write(folder.join("windlass.schema.json"), format!("{:#}\n", windlass_config::schema()))
}
