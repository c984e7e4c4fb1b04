//! From a specification to an image.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    Architecture, Descriptor, Digest, ImageError, ImageSpec, Layout, Source,
    json::canonical,
    layer::{Layer, LayerWriter},
    layout::{FileKind, Staged},
    manifest::{CONFIG, MANIFEST, Packing},
    spec::{self, HOME, PROGRAM, USER},
    system,
};

/// An image that was built.
#[derive(Debug, Clone)]
pub struct Built {
    /// Where it is, verified.
    pub layout: Layout,
    /// What it runs on.
    pub architecture: Architecture,
}

/// Builds `spec` into `into`, which must be missing or an empty directory.
///
/// What changes least lies lowest: the base, then system files, then the program, then the project's files if there are
/// any. Each depends on nothing but its bytes, so a new version of one leaves the others where a registry or a host has
/// them already.
///
/// Of the system files those a base has are left as they are, and so is everything beneath a link of the base: the
/// base's authors know their system. The program runs as a number, so it needs no line in their `/etc/passwd`.
pub fn build(spec: &ImageSpec, into: &Path) -> Result<Built, ImageError> {
    let architecture = Architecture::of(&spec.binary)?;
    let created = check(spec, architecture)?;
    let files = spec::places(&spec.files)?;
    let staged = Staged::new(into)?;

    let below = match &spec.base {
        Some(base) => base.merged()?,
        None => BTreeMap::new(),
    };
    let mut layers = base_layers(spec, &staged)?;
    layers.push(("system files", system_layer(&staged, &below)?));
    layers.push(("the program", program_layer(spec, &staged)?));
    if !files.is_empty() {
        let mut writer = LayerWriter::new(&staged)?;
        for directory in spec::directories(files.keys()) {
            if !below.contains_key(directory) && !system::directories().contains_key(directory) {
                writer.directory(directory, 0o755)?;
            }
        }
        for (path, file) in &files {
            writer.file(path, file.mode(), &file.source)?;
        }
        layers.push(("project files", writer.finish()?));
    }

    let config = config(spec, architecture, &created, &layers);
    let config = staged.blob(CONFIG, &canonical(config))?;
    let layers: Vec<&Descriptor> = layers.iter().map(|(_, layer)| &layer.descriptor).collect();
    let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers });
    let manifest = staged.blob(MANIFEST, &canonical(manifest))?;
    Ok(Built { layout: staged.finish(manifest, Some(&spec.version))?, architecture })
}

/// What can be known to be wrong before anything is written. The time as text.
fn check(spec: &ImageSpec, architecture: Architecture) -> Result<String, ImageError> {
    let value = |what, value: &str, why| Err(ImageError::Value { what, value: value.chars().take(200).collect(), why });
    if !spec::is_tag(&spec.version) {
        return value("the version", &spec.version, "it must be a tag: letters, digits, `_`, `.` and `-`, at most 128");
    }
    for name in spec.environment.keys() {
        if name.is_empty() || name.contains(['=', '\0']) {
            return value("the environment variable", name, "a name has a letter at least, and no `=`");
        }
    }
    if let Some(base) = &spec.base {
        let binary = format!("linux/{}", architecture.as_str());
        if base.platform() != binary {
            return Err(ImageError::Platforms { binary, base: base.platform() });
        }
    }
    let created =
        i64::try_from(spec.created).ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    match created.and_then(|created| created.format(&Rfc3339).ok()) {
        Some(created) => Ok(created),
        None => value("the time of creation", &spec.created.to_string(), "it is not a time of the first 9999 years"),
    }
}

fn base_layers(spec: &ImageSpec, staged: &Staged) -> Result<Vec<(&'static str, Layer)>, ImageError> {
    let Some(base) = &spec.base else { return Ok(Vec::new()) };
    // Also finds out whether the digests of the unpacked layers, which the new configuration repeats, are true.
    base.uncompressed_size()?;
    let diff_ids: Vec<Digest> = base
        .config()
        .pointer("/rootfs/diff_ids")
        .and_then(|ids| serde_json::from_value(ids.clone()).ok())
        .unwrap_or_default();
    let mut layers = Vec::new();
    for (layer, diff_id) in base.layers().iter().zip(diff_ids) {
        staged.copy(base, &layer.digest)?;
        let packing = Packing::of(&layer.media_type).unwrap_or(Packing::Gzip);
        let descriptor = Descriptor::new(packing.media_type(), layer.digest.clone(), layer.size);
        layers.push(("the base", Layer { descriptor, diff_id }));
    }
    Ok(layers)
}

fn system_layer(staged: &Staged, below: &BTreeMap<String, FileKind>) -> Result<Layer, ImageError> {
    let is_link = |path: &str| matches!(below.get(path), Some(FileKind::Symlink(_)));
    let left = |path: &str| below.contains_key(path) || spec::parents(path).any(is_link);
    let mut writer = LayerWriter::new(staged)?;
    for (path, mode) in system::directories().into_iter().filter(|(path, _)| !left(path)) {
        writer.directory(path, mode)?;
    }
    for (path, content) in system::files().into_iter().filter(|(path, _)| !left(path)) {
        writer.file(path, 0o644, &Source::Bytes(content.into_bytes()))?;
    }
    writer.finish()
}

fn program_layer(spec: &ImageSpec, staged: &Staged) -> Result<Layer, ImageError> {
    // Its own path may be a link: it was named, and found to be a program.
    let binary = spec.binary.canonicalize().map_err(ImageError::io("read the binary", &spec.binary))?;
    let mut writer = LayerWriter::new(staged)?;
    writer.file(PROGRAM, 0o755, &Source::Path(binary))?;
    writer.finish()
}

fn config(spec: &ImageSpec, architecture: Architecture, created: &str, layers: &[(&str, Layer)]) -> Value {
    let mut history: Vec<Value> = Vec::new();
    let mut environment = BTreeMap::new();
    if let Some(base) = &spec.base {
        history.extend(base.config().get("history").and_then(Value::as_array).cloned().unwrap_or_default());
        let inherited = base.config().pointer("/config/Env").and_then(Value::as_array);
        let pair = |value: &Value| value.as_str()?.split_once('=').map(|(name, value)| (name.into(), value.into()));
        environment.extend(inherited.into_iter().flatten().filter_map(pair));
    }
    // One entry of history for each layer is what readers expect; a base without history has none to be counted.
    let own = layers.iter().filter(|(what, _)| *what != "the base");
    history.extend(own.map(|(what, _)| json!({ "created": created, "created_by": format!("windlass: {what}") })));
    environment.extend(spec.environment.clone());
    let environment: Vec<String> = environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let diff_ids: Vec<&Digest> = layers.iter().map(|(_, layer)| &layer.diff_id).collect();
    json!({
        "architecture": architecture.as_str(),
        "os": "linux",
        "created": created,
        "config": {
            "User": format!("{USER}:{USER}"),
            "WorkingDir": format!("/{HOME}"),
            "StopSignal": "SIGTERM",
            "ExposedPorts": { format!("{}/tcp", spec.port): {} },
            // Fargate makes a volume of it as the image has it, open to our user; undeclared, it would be root's alone.
            "Volumes": { "/tmp": {} },
            "Env": environment,
            "Entrypoint": spec.entrypoint,
            "Cmd": spec.cmd,
            "Labels": labels(spec, created),
        },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
        "history": history,
    })
}

fn labels(spec: &ImageSpec, created: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::from(
        [("title", "windlass"), ("version", &spec.version), ("revision", &spec.version), ("created", created)]
            .map(|(name, value)| (format!("org.opencontainers.image.{name}"), value.to_owned())),
    );
    labels.insert("org.opencontainers.image.licenses".into(), env!("CARGO_PKG_LICENSE").into());
    if let Some(base) = &spec.base {
        labels.insert("org.opencontainers.image.base.digest".into(), base.digest().to_string());
    }
    labels.extend(spec.labels.clone());
    labels
}
