//! What the tools say of sandboxes.

use std::{collections::BTreeMap, fmt::Write};

use schemars::JsonSchema;
use serde::Serialize;
use time::format_description::well_known::Rfc3339;

use crate::{
    backend::{About, HOME},
    life::{Sandbox, Snapshot},
};

/// A sandbox.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SandboxAnswer {
    /// What the other tools take.
    sandbox_id: String,
    /// What isolates it.
    backend: String,
    /// `shared_kernel`: namespaces of the server's machine; `vm`: a kernel of its own.
    isolation: String,
    /// Memory in MiB.
    memory_mib: u64,
    /// Processors.
    vcpus: u32,
    /// Room for files in MiB.
    disk_mib: u64,
    /// The home directory, where code runs.
    home: String,
    /// When it was made.
    created_at: String,
    /// When it is destroyed.
    expires_at: String,
    /// Whether it had been waiting.
    warm: bool,
    /// Its state: `running`.
    state: String,
    /// Words of yours.
    labels: BTreeMap<String, String>,
}

/// Sandboxes.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SandboxList {
    /// All of them, the oldest first.
    sandboxes: Vec<SandboxAnswer>,
    /// What snapshot_sandbox keeps, the oldest first.
    snapshots: Vec<SnapshotAnswer>,
}

/// A sandbox as it once was.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SnapshotAnswer {
    /// What create_sandbox takes to go on from there, and destroy_sandbox to forget it.
    snapshot_id: String,
    /// The sandbox that it is of.
    sandbox_id: String,
    /// What it takes on the server, in MiB.
    stored_mib: u64,
    /// When it was taken.
    created_at: String,
    /// When it goes.
    expires_at: String,
}

impl SnapshotAnswer {
    pub fn of(snapshot: &Snapshot) -> Self {
        Self {
            snapshot_id: snapshot.id.clone(),
            sandbox_id: snapshot.sandbox.clone(),
            stored_mib: snapshot.bytes >> 20,
            created_at: written(snapshot.created),
            expires_at: written(snapshot.expires),
        }
    }

    pub fn for_model(&self) -> String {
        let Self { snapshot_id, sandbox_id, stored_mib, created_at, expires_at } = self;
        format!("{snapshot_id}: {sandbox_id} as it was at {created_at}, {stored_mib} MiB, until {expires_at}")
    }
}

fn written(time: time::OffsetDateTime) -> String {
    time.replace_nanosecond(0).ok().and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
}

/// It is gone.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Destroyed {
    /// Always true.
    pub success: bool,
}

impl SandboxAnswer {
    pub fn of(sandbox: &Sandbox, about: &About) -> Self {
        Self {
            sandbox_id: sandbox.id.clone(),
            backend: about.name.into(),
            isolation: about.isolation.as_str().into(),
            memory_mib: sandbox.spec.memory >> 20,
            vcpus: sandbox.spec.vcpus,
            disk_mib: sandbox.spec.disk >> 20,
            home: HOME.into(),
            created_at: written(sandbox.created),
            expires_at: written(sandbox.expires),
            warm: sandbox.warm,
            state: "running".into(),
            labels: sandbox.labels.clone(),
        }
    }

    pub fn for_model(&self) -> String {
        let Self { sandbox_id, memory_mib, vcpus, disk_mib, backend, isolation, expires_at, .. } = self;
        let mut text = format!(
            "{sandbox_id}: {memory_mib} MiB of memory, {vcpus} vCPU, {disk_mib} MiB for files, {backend} ({isolation}), until \
             {expires_at}"
        );
        for (name, value) in &self.labels {
            // Writing to a string cannot fail.
            let _ = write!(text, ", {name}={value}");
        }
        text
    }
}

impl SandboxList {
    pub fn of(sandboxes: Vec<SandboxAnswer>, snapshots: Vec<SnapshotAnswer>) -> Self {
        Self { sandboxes, snapshots }
    }

    pub fn for_model(&self) -> String {
        let sandboxes = self.sandboxes.iter().map(SandboxAnswer::for_model);
        let lines: Vec<_> = sandboxes.chain(self.snapshots.iter().map(SnapshotAnswer::for_model)).collect();
        if lines.is_empty() { "there are none; create_sandbox makes one".into() } else { lines.join("\n") }
    }
}
