//! What a model reads when something failed.

use windlass_core::{ErrorKind, ToolError, chain};
use windlass_guest::{client::ClientError, protocol};

use crate::{SandboxError, backend::BackendError};

pub(super) fn unavailable(error: BackendError) -> ToolError {
    if let BackendError::Coming(_) = error {
        let hint = "try again in a minute; it is fetched once, when the server starts for the first time";
        return ToolError::new(ErrorKind::Unavailable, error.to_string()).hint(hint);
    }
    let failure = ToolError::new(ErrorKind::Unavailable, "this server cannot make sandboxes");
    let failure = failure.hint("tell the operator; `windlass doctor` says what is missing");
    failure.detail(chain(&error))
}

impl From<SandboxError> for ToolError {
    fn from(error: SandboxError) -> Self {
        let told = error.to_string();
        match error {
            SandboxError::NotFound(_) => Self::not_found(told)
                .hint("list_sandboxes shows yours; create_sandbox makes one. They end after their ttl, or unused"),
            SandboxError::NoSnapshot(_) => Self::not_found(told)
                .hint("list_sandboxes shows yours; snapshot_sandbox takes one. They go after their ttl"),
            SandboxError::Size => Self::invalid(told).hint("leave out memory_mib, vcpus and disk_mib"),
            SandboxError::Snapshots { .. } => Self::new(ErrorKind::Limited, told)
                .hint("destroy_sandbox takes a snapshot_id too; list_sandboxes shows them"),
            SandboxError::Backend(BackendError::Unable) => {
                Self::new(ErrorKind::Failed, BackendError::Unable.to_string())
                    .hint("carry what matters in files: read_file here, write_file in another sandbox")
            }
            SandboxError::TooMuch { .. } => Self::invalid(told).hint("ask for less, or leave it out for the default"),
            SandboxError::Quota { .. } => Self::new(ErrorKind::Limited, told)
                .hint("destroy_sandbox those that are not needed; list_sandboxes shows them"),
            SandboxError::Full(_) => Self::new(ErrorKind::Limited, told).hint("try again later"),
            SandboxError::Closed => Self::new(ErrorKind::Unavailable, told).hint("try again in a moment"),
            SandboxError::Backend(error) => unavailable(error),
        }
    }
}

/// What a guest, or the way to it, could not.
pub(super) fn guest(error: ClientError) -> ToolError {
    use protocol::ErrorKind as Kind;
    match error {
        ClientError::Guest(error) => {
            let failure = match error.kind {
                Kind::NotFound => ToolError::not_found(error.message),
                _ => ToolError::failed(error.message),
            };
            match error.kind {
                Kind::NotFound => failure.hint("list_directory shows what is there"),
                Kind::IsDirectory => failure.hint("list_directory lists it"),
                Kind::Permission => failure.hint("only /home/sandbox and /tmp can be written"),
                Kind::NoSpace => failure.hint("remove files, or make a sandbox with more disk_mib"),
                _ => failure,
            }
        }
        ClientError::Timeout => ToolError::new(ErrorKind::TimedOut, "the sandbox did not answer in time")
            .hint("try again; if it stays so, destroy the sandbox and make another"),
        ClientError::TooLarge => ToolError::invalid("this is too large").hint("read or write it in parts"),
        other => ToolError::internal(other),
    }
}
