//! What is said to Firecracker, and what it answers: as its published API has it, as far as it is used.

use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize)]
pub(super) struct MachineConfig {
    pub vcpu_count: u32,
    pub mem_size_mib: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct BootSource<'a> {
    pub kernel_image_path: &'a str,
    pub initrd_path: &'a str,
    pub boot_args: &'a str,
}

#[derive(Debug, Serialize)]
pub(super) struct Drive<'a> {
    pub drive_id: &'a str,
    /// The root file system is mounted by the guest: to the kernel it is a disk like the other.
    pub is_root_device: bool,
    pub is_read_only: bool,
    pub path_on_host: &'a str,
}

#[derive(Debug, Serialize)]
pub(super) struct Vsock<'a> {
    pub guest_cid: u32,
    pub uds_path: &'a str,
}

/// A source of randomness, not limited.
#[derive(Debug, Serialize)]
pub(super) struct Entropy {}

#[derive(Debug, Serialize)]
pub(super) struct Action {
    pub action_type: ActionType,
}

#[derive(Debug, Serialize)]
pub(super) enum ActionType {
    InstanceStart,
}

#[derive(Debug, Serialize)]
pub(super) struct Vm {
    pub state: VmState,
}

/// Never resumed by itself: connections to a machine that was paused and not stored hang for ever, in releases up to 1.16
/// at least. A machine that was loaded goes on with `resume_vm`.
#[derive(Debug, Serialize)]
pub(super) enum VmState {
    Paused,
}

#[derive(Debug, Serialize)]
pub(super) struct SnapshotCreate<'a> {
    pub snapshot_type: SnapshotType,
    pub snapshot_path: &'a str,
    pub mem_file_path: &'a str,
}

#[derive(Debug, Serialize)]
pub(super) enum SnapshotType {
    Full,
}

#[derive(Debug, Serialize)]
pub(super) struct SnapshotLoad<'a> {
    pub snapshot_path: &'a str,
    pub mem_backend: MemoryBackend<'a>,
    pub resume_vm: bool,
    pub vsock_override: VsockOverride<'a>,
    /// Off: it would move the clocks that only ever go forward as well, and needs Linux 5.16. The guest is told the time.
    pub clock_realtime: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct MemoryBackend<'a> {
    pub backend_type: BackendType,
    pub backend_path: &'a str,
}

/// The kernel maps the file, and what is written stays in the process.
#[derive(Debug, Serialize)]
pub(super) enum BackendType {
    File,
}

#[derive(Debug, Serialize)]
pub(super) struct VsockOverride<'a> {
    pub uds_path: &'a str,
}

#[derive(Debug, Deserialize)]
pub(super) struct InstanceInfo {
    pub id: String,
    pub state: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct FirecrackerVersion {
    pub firecracker_version: String,
}

/// Why something was refused.
#[derive(Debug, Deserialize)]
pub(super) struct Fault {
    pub fault_message: String,
}
